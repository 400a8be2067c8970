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
"""The books under many callers at once, on each database.

Nodes are composed, resumed, released, given devices and parts of pools, while
syncs recount and owners change what their pools have. Whenever one looks, what
is held is the sum of what each holds; and in the end it is what the rows say.
"""

import concurrent.futures
import contextlib
import logging
import random
import threading
import time
import typing

import fixtures
import sqlalchemy as sa

from valence.tests import base  # isort: skip - chooses the threads
from valence import context
from valence import exception
from valence import objects
from valence import states
from valence.db import claims
from valence.db import devices
from valence.db import engine
from valence.db import models
from valence.db import operations
from valence.db import recount
from valence.objects import requirements
from valence.scheduler import select
from valence.tests.fixtures import environment
from valence.tests.fixtures import services
from valence.tests.functional import books
from valence.tests.functional.scheduling import kept
from valence.tests.functional.scheduling import oracle
from valence.tests.functional.scheduling import worlds

CALLERS = 10
STEPS = 12
CLASS = "DISK_GB"


def crowded() -> oracle.World:
    """Two pod managers with few systems and devices, and three pools."""
    pods = [
        worlds.plain(
            number,
            systems=[
                oracle.System(
                    f"{number:08}-0000-4000-8001-{n:012}", *[None] * 4, "free"
                )
                for n in range(4)
            ],
            devices=[
                oracle.Device(
                    f"{number:08}-0000-4000-8002-{n:012}",
                    ("SSD", "GPU")[n % 2],
                    *[None] * 5,
                    "OK",
                    "free",
                )
                for n in range(6)
            ],
        )
        for number in (1, 2)
    ]
    pools = [
        oracle.Pool(
            f"0000000{n}-0000-4000-8003-000000000000",
            podm_id,
            {CLASS: oracle.Stock(6)},
        )
        for n, podm_id in enumerate((None, None, pods[0].uuid))
    ]
    return oracle.World(pods, pools)


class Hardware:
    """Systems as pod managers give them out."""

    def __init__(self, world: oracle.World) -> None:
        self._lock = threading.Lock()
        self._free = {
            podm.uuid: [system.uuid for system in podm.systems]
            for podm in world.pods
        }

    def take(self, podm_id: str) -> str:
        with self._lock:
            return self._free[podm_id].pop()

    def give(self, podm_id: str, system: str) -> None:
        with self._lock:
            self._free[podm_id].append(system)


class Caller:
    """One of many; does the steps of conductors and of API processes."""

    def __init__(
        self, number: int, world: oracle.World, hardware: Hardware
    ) -> None:
        self._chance = random.Random(number)
        self._world = world
        self._hardware = hardware
        self._context = context.system_context()
        #: (node, its system)
        self._nodes: list[tuple[str, str]] = []
        self.composed = 0

    def go(self) -> None:
        for _ in range(STEPS):
            self._chance.choice(
                (
                    self._compose,
                    self._compose,
                    self._release,
                    self._attach,
                    self._hold,
                    self._sync,
                    self._refill,
                )
            )()
        while self._nodes:
            self._release()

    def _compose(self) -> None:
        properties: dict[str, typing.Any] = {}
        if kinds := self._chance.choices(
            ("SSD", "GPU"), k=self._chance.randrange(3)
        ):
            properties["pci_device"] = {"type": kinds}
        if self._chance.random() < 0.5:
            properties["resources"] = {CLASS: self._chance.randrange(1, 4)}
        operation, node = kept.composing(self._context, properties, None)
        podm_id = self._claimed(operation, node, properties)
        if podm_id is None:
            node.destroy()
            return
        system = self._hardware.take(podm_id)
        operation.state = states.SUCCEEDED
        self._end(
            operation,
            node,
            "done",
            system_uris=[system],
            provision_state=states.COMPOSED,
            index=node.uuid,
        )
        recount.recount(podm_id)
        self._nodes.append((node.uuid, system))
        self.composed += 1

    def _claimed(
        self,
        operation: objects.Operation,
        node: objects.Node,
        properties: dict[str, typing.Any],
    ) -> str | None:
        """Claim on the best that will have it, or give all back."""
        asked = requirements.of(properties)
        for candidate in select.select(asked):
            for place in select.places(candidate.uuid, asked):
                with contextlib.suppress(claims.Lost):
                    assert claims.claim(
                        operation, node, candidate.uuid, asked, place
                    )
                    if self._chance.random() < 0.3:
                        # The message came twice, or the conductor died.
                        assert claims.claim(
                            operation, node, candidate.uuid, asked, place
                        )
                    if self._chance.random() < 0.7:
                        return candidate.uuid
                    claims.let_go(operation, node, None)
        operation.state = states.FAILED
        self._end(
            operation, node, "failed", provision_state=states.COMPOSE_FAILED
        )
        return None

    def _end(
        self,
        operation: objects.Operation,
        node: objects.Node,
        outcome: str,
        system_uris: list[str] | None = None,
        gone: bool = False,
        **values: typing.Any,
    ) -> None:
        assert operations.finish(
            operation,
            node,
            values,
            outcome=outcome,
            gone=gone,
            system_uris=system_uris,
        )

    def _begun(
        self,
        kind: str,
        event: str,
        node: objects.Node,
        device: objects.Device | None = None,
    ) -> objects.Operation:
        asked = objects.Operation.asking(
            self._context, kind, node, node.podm_id
        )
        node.submit(asked, event, device)
        operation = operations.claim(asked.uuid, "conductor")
        assert operation is not None
        return operation

    def _release(self) -> None:
        if not self._nodes:
            return
        uuid_, system = self._nodes.pop()
        node = objects.Node.get(self._context, uuid_)
        operation = self._begun("release", "release", node)
        devices.take_back(operation, node)
        self._hardware.give(node.podm_id, system)
        operation.state = states.SUCCEEDED
        self._end(operation, node, "done", gone=True, system_uris=[])

    def _attach(self) -> None:
        if not self._nodes:
            return
        node = objects.Node.get(
            self._context, self._chance.choice(self._nodes)[0]
        )
        free = objects.Device.find(
            self._context,
            {"filters": {"podm_id": node.podm_id, "state": "free"}},
        )
        if not free:
            return
        device = self._chance.choice(free)
        device.node_uuid, device.attached_here = node.uuid, True
        try:
            operation = self._begun("attach", "operate", node, device)
        except (exception.Busy, exception.WrongState, exception.Changed):
            return  # somebody else was faster
        outcome = self._chance.choice(("done", "failed", "stuck"))
        operation.state = states.SUCCEEDED
        self._end(operation, node, outcome)

    def _hold(self) -> None:
        if not self._nodes:
            return
        node = self._chance.choice(self._nodes)[0]
        wanted = {
            pool.uuid: {CLASS: self._chance.randrange(1, 4)}
            for pool in self._world.pools[:2]
            if self._chance.random() < 0.5
        }
        with contextlib.suppress(exception.NotEnough):
            objects.Allocation.replace(self._context, node, wanted)

    def _sync(self) -> None:
        """Devices break, and are mended."""
        podm = self._chance.choice(self._world.pods)
        d = models.DEVICES.c
        with engine.writing() as connection:
            connection.execute(
                sa.update(models.DEVICES)
                .where(
                    d.uuid == self._chance.choice(podm.devices).uuid,
                    d.operation_id.is_(None),
                )
                .values(
                    health=self._chance.choice(("OK", "Critical")),
                    revision=d.revision + 1,
                )
            )
        recount.recount(podm.uuid)

    def _refill(self) -> None:
        pool = objects.ResourceProvider.get(
            self._context, self._chance.choice(self._world.pools).uuid
        )
        told = {**_STOCK, "total": self._chance.randrange(3, 9)}
        with contextlib.suppress(exception.Changed):
            pool.write_inventories({CLASS: told}, pool.generation)


_STOCK = {
    name: value
    for name, value in vars(oracle.Stock(0)).items()
    if name != "used"
}


class _Books:
    kind: typing.ClassVar[str]

    def setUp(self) -> None:
        super().setUp()
        url = None
        if self.kind != "sqlite":
            url = self.useFixture(services.Database(self.kind)).url
        self.useFixture(environment.Store(url))
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))

    def at_once(
        self, *calls: typing.Callable[[], typing.Any]
    ) -> list[typing.Any]:
        barrier = threading.Barrier(len(calls))

        def call(one: typing.Callable[[], typing.Any]) -> typing.Any:
            barrier.wait()
            return one()

        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return [
                f.result() for f in [pool.submit(call, one) for one in calls]
            ]

    def test_everybody_at_once(self) -> None:
        world = crowded()
        kept.write(world)
        hardware = Hardware(world)
        callers = [Caller(n, world, hardware) for n in range(CALLERS)]
        with books.watched(books.added_up) as wrong:
            self.at_once(*(caller.go for caller in callers))
        self.assertEqual([], wrong[:5])
        self.assertGreater(sum(caller.composed for caller in callers), CALLERS)
        self.assertEqual([], books.added_up())
        for podm in world.pods:
            recount.recount(podm.uuid)
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())
        with engine.reading() as connection:
            held = connection.execute(sa.select(models.ALLOCATIONS.c.id)).all()
            taken = (
                connection.execute(
                    sa.select(models.DEVICES.c.state).distinct()
                )
                .scalars()
                .all()
            )
        self.assertEqual(([], ["free"]), (held, taken))
        self.assertEqual("", self.log.output)

    def test_first_recount_by_many(self) -> None:
        """As by conductors that start at once after an upgrade."""
        world = crowded()
        kept.write(world)
        with engine.writing() as connection:
            for table in (
                models.INVENTORIES,
                models.PROVIDERS,
                models.RESOURCE_CLASSES,
            ):
                connection.execute(sa.delete(table))
        self.at_once(*[recount.provide_all] * 6)
        self.assertEqual([], books.counted())
        self.assertEqual([], books.added_up())
        self.assertEqual("", self.log.output)

    def test_given_back_while_it_is_recounted(self) -> None:
        """What somebody held before he waited, he may hold no more."""
        world = crowded()
        kept.write(world)
        podm = world.pods[0]
        operation, node = kept.composing(context.system_context(), {}, None)
        asked = requirements.of({})
        claims.claim(operation, node, podm.uuid, asked)
        with engine.writing() as connection:
            # The books are wrong, as after an error of ours.
            connection.execute(
                sa.update(models.NODES)
                .where(models.NODES.c.uuid == node.uuid)
                .values(provision_state=states.COMPOSED)
            )
        counting = threading.Event()
        waiting = threading.Event()

        def slowly(*execution: typing.Any) -> None:
            if threading.current_thread().name == "recount" and execution[
                2
            ].startswith("UPDATE inventories"):
                counting.set()
                waiting.wait(300)

        one = engine.writer_engine()
        sa.event.listen(one, "before_cursor_execute", slowly)
        self.addCleanup(sa.event.remove, one, "before_cursor_execute", slowly)
        count = threading.Thread(
            target=recount.recount, args=(podm.uuid,), name="recount"
        )
        count.start()
        self.assertTrue(counting.wait(120))
        give = threading.Thread(
            target=claims.let_go, args=(operation, node, None)
        )
        give.start()
        time.sleep(0.3)
        waiting.set()
        for thread in (count, give):
            thread.join()
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())


class TestOnSQLite(_Books, base.TestCase):
    kind = "sqlite"


class TestOnMariaDB(_Books, base.TestCase):
    kind = "mysql"


class TestOnPostgreSQL(_Books, base.TestCase):
    kind = "postgresql"
