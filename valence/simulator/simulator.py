#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Any number of simulated endpoints, in threads of this process."""

import collections.abc
import itertools
import pathlib
import tempfile
import types
import typing

from valence.simulator import clock as clocks
from valence.simulator import tls
from valence.simulator.eem import manager
from valence.simulator.rsd import pod
from valence.simulator.rsd import specification

#: Names that the certificate is good for, besides the host listened on.
LOCAL = ("localhost", "127.0.0.1", "::1")


Spec: typing.TypeAlias = specification.PodSpec | manager.EemSpec
Endpoint: typing.TypeAlias = pod.Pod | manager.Eem

#: What each sort of specification is of, and what its names begin with.
SORTS: dict[
    type[Spec], tuple[str, collections.abc.Callable[..., Endpoint]]
] = {
    specification.PodSpec: ("pod", pod.Pod),
    manager.EemSpec: ("eem", manager.Eem),
}


class Simulator:
    """Pod managers, each on a port of its own; a context manager.

    :param pods: what they are to be like, in any mixture
    :param host: the address to listen on
    :param port: the first one's port, the others take those that follow;
        0 stands for any free ports, and None for those that are usual: from
        8443 on for pods, from 30500 on for ExpEther Managers
    :param tls: serve HTTPS
    :param certificate: files (PEM) of the certificate and of its key;
        without, they are made and are gone at the end
    :param names: that a certificate which is made is good for, if not those
        of the endpoints
    :param make_certificate: make the files of ``certificate`` as well, if
        neither of them exists
    """

    def __init__(
        self,
        pods: collections.abc.Sequence[Spec] = (specification.PodSpec(),),
        *,
        host: str = "127.0.0.1",
        port: int | None = 0,
        tls: bool = False,
        certificate: tuple[str, str] | None = None,
        make_certificate: bool = False,
        names: collections.abc.Sequence[str] | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.clock = clock or clocks.Clock()
        #: Where the certificate was put that was made for it.
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._certificate = (
            self._prove(names or (host, *LOCAL), certificate, make_certificate)
            if tls
            else None
        )
        ports: dict[type[Spec], collections.abc.Iterator[int]] = {}
        numbers: dict[type[Spec], collections.abc.Iterator[int]] = {}
        shared = itertools.count(port) if port else itertools.repeat(0)
        for kind in SORTS:
            ports[kind] = (
                shared if port is not None else itertools.count(kind.PORT)
            )
            numbers[kind] = itertools.count(1)
        #: All of them, in the order of their specifications.
        self.endpoints: list[Endpoint] = []
        for spec in pods:
            word, make = SORTS[type(spec)]
            self.endpoints.append(
                make(
                    spec,
                    f"{word}{next(numbers[type(spec)])}",
                    host,
                    next(ports[type(spec)]),
                    self._certificate,
                    self.clock,
                )
            )

    @property
    def pods(self) -> list[pod.Pod]:
        return [one for one in self.endpoints if isinstance(one, pod.Pod)]

    @property
    def eems(self) -> list[manager.Eem]:
        return [one for one in self.endpoints if isinstance(one, manager.Eem)]

    @property
    def ca_file(self) -> str | None:
        """What clients verify them with, where they serve HTTPS."""
        return self._certificate.certificate if self._certificate else None

    def start(self) -> None:
        try:
            for one in self.endpoints:
                one.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for one in self.endpoints:
            one.stop()
        if self._directory is not None:
            self._directory.cleanup()

    def __enter__(self) -> typing.Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()

    def _prove(
        self,
        names: collections.abc.Sequence[str],
        files: tuple[str, str] | None,
        make: bool,
    ) -> tls.Certificate:
        if files is None:
            self._directory = tempfile.TemporaryDirectory(
                prefix="valence-simulator-"
            )
            where = pathlib.Path(self._directory.name)
            files, make = (str(where / "ca.pem"), str(where / "key.pem")), True
        if not make or any(pathlib.Path(file).exists() for file in files):
            return tls.Certificate(*files)
        return tls.self_signed(*files, dict.fromkeys(names))
