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

"""Those who schedule over and over, for the parts of the benchmarks.

A round is to choose, to claim and to give back; whoever lost what was chosen
to others claims the next best within the same round.
"""

import collections.abc
import contextlib
import http.client
import json
import random
import threading
import time
import typing
import uuid

import fleet

from valence import conf
from valence import context
from valence import objects
from valence import states
from valence.db import claims
from valence.db import operations
from valence.db import store
from valence.objects import base
from valence.objects import fields
from valence.objects import requirements
from valence.scheduler import select

CONF = conf.CONF
HOST = "benchmark"

Document = dict[str, typing.Any]


class Chooser:
    """One client.

    :ivar laps: what was done → how long it took, each time, in milliseconds
    :ivar lost: claims that were lost to others
    """

    def __init__(self) -> None:
        self.laps: dict[str, list[float]] = {}
        self.lost = 0

    def round(self) -> None:
        raise NotImplementedError

    @contextlib.contextmanager
    def lap(self, name: str) -> collections.abc.Iterator[None]:
        began = time.perf_counter()
        yield
        took = 1000 * (time.perf_counter() - began)
        self.laps.setdefault(name, []).append(took)

    def close(self) -> None:
        """Let go of connections."""


class InConductor(Chooser):
    """What a conductor does for a node that is to be composed.

    Each has a node and an operation of its own, and uses them again.

    :param claims: not only choose
    """

    def __init__(self, claims: bool) -> None:
        super().__init__()
        self._claims = claims
        self._asked = requirements.of(fleet.PROPERTIES)
        own = context.system_context()
        nothing: dict[str, typing.Any] = {
            name: None if field.nullable else []
            for name, field in objects.Node.fields.items()
            if field.nullable or isinstance(field, fields.Json)
        }
        self._node = objects.Node(
            own,
            **nothing
            | {
                "uuid": str(uuid.uuid4()),
                "name": "node",
                "managed_by": "valence",
                "properties": fleet.PROPERTIES,
                "provision_state": states.COMPOSING,
                "composed": True,
            },
        )
        operation = objects.Operation.asking(
            own, "compose", self._node, None, {"podm_id": None}
        )
        self._node.submit(operation)
        claimed = operations.claim(operation.uuid, HOST)
        if claimed is None:
            raise RuntimeError("somebody else has claimed the operation")
        self._operation = claimed

    def round(self) -> None:
        while True:
            with self.lap("choose"):
                candidates = select.select(self._asked)
            if not self._claims:
                return
            with self.lap("claim"):
                claimed = any(map(self._claim, candidates))
            if claimed:
                break
        with self.lap("give back"):
            claims.let_go(self._operation, self._node, None)

    def _claim(self, candidate: select.Candidate) -> bool:
        for place in select.places(candidate.uuid, self._asked):
            try:
                if claims.claim(
                    self._operation,
                    self._node,
                    candidate.uuid,
                    self._asked,
                    place,
                ):
                    return True
                raise RuntimeError("somebody else has taken the operation")
            except claims.Lost:
                pass
        self.lost += 1
        return False


class OfPlacement(Chooser):
    """What Nova asks of Placement for an instance.

    What comes is read, but not looked at: which provider is claimed is drawn
    from those that are known to serve, as ties are in Valence.
    """

    def __init__(self, port: int, path: str, providers: int) -> None:
        super().__init__()
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=120
        )
        self._candidates = path
        self._providers = providers

    def close(self) -> None:
        self._connection.close()

    def round(self) -> None:
        with self.lap("choose"):
            self._request("GET", self._candidates, 200)
        consumer = f"/allocations/{uuid.uuid4()}"
        with self.lap("claim"):
            while not self._claim(consumer):
                self.lost += 1
        with self.lap("give back"):
            self._request("DELETE", consumer, 204)

    def _claim(self, consumer: str) -> bool:
        provider = random.randrange(self._providers)  # noqa: S311
        body = {
            "allocations": {
                fleet.uuid_of(provider): {"resources": fleet.AMOUNTS}
            },
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
            "project_id": "project",
            "user_id": "user",
        }
        return self._request("PUT", consumer, 204, 409, body=body) == 204

    def _request(
        self,
        method: str,
        path: str,
        *expected: int,
        body: Document | None = None,
    ) -> int:
        self._connection.request(
            method,
            path,
            None if body is None else json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "OpenStack-API-Version": "placement 1.39",
                "X-Auth-Token": "admin",
            },
        )
        response = self._connection.getresponse()
        answered = response.read()
        if response.status not in expected:
            raise RuntimeError(f"{path}: {response.status}: {answered!r}")
        return response.status


class OverHttp(Chooser):
    """Asks Valence's API where a node would be composed: a dry run."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=120
        )
        body = {"dry_run": True, "properties": fleet.PROPERTIES}
        self._body = json.dumps(body).encode()

    def close(self) -> None:
        self._connection.close()

    def round(self) -> None:
        with self.lap("choose"):
            self._connection.request(
                "POST",
                "/v1/nodes",
                self._body,
                {"Content-Type": "application/json"},
            )
            response = self._connection.getresponse()
            answered = response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {answered!r}")


# -- the parts ----------------------------------------------------------------


def schedule(url: str) -> typing.Any:
    """A conductor, as far as scheduling goes."""
    CONF.set_override("connection", url, "database")
    base.use_store(store.Database())

    return lambda command: _rounds(
        lambda: InConductor(command["claims"]), command
    )


def ask() -> typing.Any:
    """Clients of Placement, or of Valence's API, over HTTP."""

    def answer(command: Document) -> Document:
        port = command["port"]
        if "path" in command:
            return _rounds(
                lambda: OfPlacement(
                    port, command["path"], command["providers"]
                ),
                command,
            )
        return _rounds(lambda: OverHttp(port), command)

    return answer


def _rounds(
    make: collections.abc.Callable[[], Chooser], command: Document
) -> Document:
    """Have so many clients do rounds, beside each other, for a while.

    Each does one at least, whatever it takes.
    """
    choosers: list[Chooser] = []
    faults: list[Exception] = []
    ready = threading.Barrier(command["clients"])

    def run() -> None:
        try:
            chooser = make()
            with contextlib.closing(chooser):
                for _ in range(command["warm_up"]):
                    chooser.round()
                chooser.laps, chooser.lost = {}, 0
                ready.wait(120)
                until = time.perf_counter() + command["seconds"]
                done = 0
                while not done or (
                    time.perf_counter() < until and done < command["count"]
                ):
                    chooser.round()
                    done += 1
            choosers.append(chooser)
        except Exception as e:
            faults.append(e)
            ready.abort()

    threads = [threading.Thread(target=run) for _ in range(command["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        return {"error": repr(faults[0])}
    laps: dict[str, list[float]] = {}
    for chooser in choosers:
        for name, some in chooser.laps.items():
            laps.setdefault(name, []).extend(some)
    return {"laps": laps, "lost": sum(one.lost for one in choosers)}
