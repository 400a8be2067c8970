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

"""What is asked of Ironic about one node, and asked again where need be."""

import contextlib
import typing

from oslo_config import cfg

from valence import exception
from valence.conf.ironic import GROUP
from valence.drivers.base import Progress
from valence.provision.ironic import client as ironic_client
from valence.provision.ironic.client import Absent

Document = dict[str, typing.Any]
T = typing.TypeVar("T")


class Requests:
    """Reads and changes nodes and ports.

    What takes a ``progress`` tries again, for a while, after what passes: a
    lock, a fault of Ironic's, an answer that was lost.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._client = ironic_client.Client(conf)
        self.call = self._client.call
        self.close = self._client.close

    @property
    def options(self) -> typing.Any:
        return self._conf[GROUP]

    def insist(self, step: typing.Callable[[], T], progress: Progress) -> T:
        """Do a step again after what passes.

        :param step: may be repeated, whatever became of it before
        """
        options = self.options
        lost, busy = options.connect_retries, options.status_code_retries
        while True:
            try:
                return step()
            except exception.ProvisionerUnreachable:
                if not lost:
                    raise
                lost -= 1
                delay = options.connect_retry_delay
            except exception.ProvisionerError as e:
                if not (e.passing and busy):
                    raise
                busy -= 1
                delay = options.status_code_retry_delay
            progress.pause(delay)

    def change(
        self, act: typing.Callable[[typing.Any], object], progress: Progress
    ) -> None:
        """Carry out a request that may be repeated without a look."""
        self.insist(lambda: self.call(act), progress)

    # -- looks, once ---------------------------------------------------------

    def find(self, ident: str) -> Document | None:
        """A node by uuid or name; None where it is not there."""
        try:
            found = self.call(lambda c: c.node.get(ident))
        except Absent:
            return None
        return document(found, "provision_state")

    def get(self, uuid: str) -> Document:
        """:raises: Absent"""
        node = self.find(uuid)
        if node is None:
            raise Absent(reason=f"node {uuid}")
        return node

    def ports(self, uuid: str) -> list[Document]:
        ports = self.call(
            lambda c: c.port.list(
                node=uuid, limit=0, fields=["uuid", "address", "extra"]
            )
        )
        return [document(port, "address") for port in ports]

    # -- looks, until there is an answer -------------------------------------

    def node(self, uuid: str, progress: Progress) -> Document | None:
        return self.insist(lambda: self.find(uuid), progress)

    def ports_of(self, uuid: str, progress: Progress) -> list[Document]:
        return self.insist(lambda: self.ports(uuid), progress)

    # -- changes -------------------------------------------------------------

    def ask_for_state(
        self,
        uuid: str,
        verb: str,
        state: str,
        progress: Progress,
        *,
        seen: bool = True,
    ) -> bool:
        """Ask for another provision state, unless it has changed meanwhile.

        :param state: what the node's is
        :param seen: it was just looked at
        :returns: whether Ironic said yes
        """

        def ask() -> bool:
            nonlocal seen
            if not seen and self.get(uuid)["provision_state"] != state:
                return False  # an earlier try had come through
            seen = False
            try:
                self.call(lambda c: c.node.set_provision_state(uuid, verb))
            except (
                exception.ProvisionerConflict,
                exception.ProvisionerBadRequest,
            ) as e:
                if e.passing or self.get(uuid)["provision_state"] == state:
                    raise
                return False
            return True

        return self.insist(ask, progress)

    def delete_port(self, port_uuid: str, progress: Progress) -> None:
        with contextlib.suppress(Absent):
            self.change(lambda c: c.port.delete(port_uuid), progress)

    def remove_trait(self, uuid: str, trait: str, progress: Progress) -> None:
        with contextlib.suppress(Absent):
            self.change(lambda c: c.node.remove_trait(uuid, trait), progress)


def document(resource: typing.Any, needs: str | None = None) -> Document:
    """What a resource of ironicclient holds.

    :param needs: what cannot be missing
    :raises: ProvisionerError where the answer made no sense
    """
    found = resource.to_dict() if hasattr(resource, "to_dict") else {}
    if needs is not None and not isinstance(found.get(needs), str):
        raise exception.ProvisionerError(
            reason=f"its answer has no {needs}", passing=True
        )
    return typing.cast(Document, found)
