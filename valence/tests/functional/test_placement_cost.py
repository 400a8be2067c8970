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

"""What the mirror costs: requests to Placement, and statements."""

import collections.abc
import contextlib
import threading
import time
import typing

from valence.tests.functional import mirrored  # isort: skip
import sqlalchemy as sa

from valence import objects
from valence import placement
from valence.db import engine
from valence.db import models
from valence.placement import reconcile
from valence.simulator import PodSpec
from valence.tests.functional.mirrored import told


class TestCost(mirrored.MirrorCase):
    pods = (PodSpec(systems=20, devices=8),)
    conductor = False

    def setUp(self) -> None:
        super().setUp()
        # A conductor that does not mirror: this is done by hand.
        self.conf.set("placement", enabled=False)
        self.env.start_conductor()
        self.podm = self.env.register()["uuid"]
        client = placement.Client()
        self.reconciler = reconcile.Reconciler(client, time.sleep)
        self.reconciler.clean()

    @contextlib.contextmanager
    def statements(self) -> collections.abc.Iterator[list[typing.Any]]:
        """Collects what this thread has executed; the conductor goes on."""
        seen: list[typing.Any] = []
        thread = threading.get_ident()

        def note(
            connection: object,
            cursor: object,
            statement: str,
            parameters: object,
            *_: object,
        ) -> None:
            ours = threading.get_ident() == thread
            if ours and not statement.startswith("BEGIN"):
                seen.append((statement, parameters))

        engines = {engine.writer_engine(), engine.reader_engine()}
        for one in engines:
            sa.event.listen(one, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for one in engines:
                sa.event.remove(one, "before_cursor_execute", note)

    def cost(self, key: str | None = None) -> tuple[list[str], int]:
        """What is asked, and the number of statements.

        :param key: of a group; None: the look for what is gone
        """
        before = len(self.proxy.seen())
        with self.statements() as statements:
            if key is None:
                self.reconciler.clean()
            else:
                self.reconciler.reconcile(key)
        asked = [
            f"{one.method} {one.path.split('?')[0].split('/')[-1][:20]}"
            for one in self.proxy.seen()[before:]
        ]
        return asked, len(statements)

    def test_nothing_to_do_costs_the_same_whatever_there_is(self) -> None:
        costs = []
        for count in (1, 9):
            for number in range(count):
                self.env.compose(name=f"node-{count}-{number}")
                self.pool(f"pool-{count}-{number}", CUSTOM_A=told(9))
            self.reconciler.reconcile(self.podm)
            costs.append([self.cost(self.podm), self.cost()])
        asked = ["GET resource_providers", "GET allocations"]
        self.assertEqual([(asked, 4), (asked[:1], 1)], costs[0])
        self.assertEqual(costs[0], costs[1])

    def test_a_pool_with_nothing_to_do(self) -> None:
        pools = [
            self.pool("ours", self.podm, CUSTOM_A=told(9)),
            self.pool("all", CUSTOM_A=told(9)),
        ]
        for pool in pools:
            self.reconciler.reconcile(pool.uuid)
            asked, statements = self.cost(pool.uuid)
            self.assertEqual(2, len(asked), asked)
            self.assertEqual(4, statements)

    def test_what_a_conductor_reads_that_has_just_begun(self) -> None:
        for number in range(5):
            self.env.compose(name=f"node-{number}")
        self.reconciler.reconcile(self.podm)
        client = placement.Client()
        self.reconciler = reconcile.Reconciler(client, time.sleep)
        asked, _ = self.cost(self.podm)
        # Words, the group, two for each provider, one for each consumer.
        self.assertEqual(2 + 2 + 2 * 6 + 5, len(asked), asked)
        self.assertFalse([one for one in asked if not one.startswith("GET")])
        asked, _ = self.cost(self.podm)
        self.assertEqual(2, len(asked))

    def test_one_more_node(self) -> None:
        for number in range(5):
            self.env.compose(name=f"node-{number}")
        self.reconciler.reconcile(self.podm)
        self.env.compose(name="another")
        asked, statements = self.cost(self.podm)
        self.assertEqual(
            [
                "GET resource_providers",
                "GET allocations",
                "POST resource_providers",
                "PUT aggregates",
                "PUT traits",
                "PUT inventories",
                "POST allocations",
            ],
            asked,
        )
        self.assertEqual(4, statements)

    def test_many_nodes_hold_something_else(self) -> None:
        """One request for all of them."""
        nodes = [
            self.env.compose(name=f"node-{number}")["uuid"]
            for number in range(8)
        ]
        pool = self.pool("pool", CUSTOM_A=told(99))
        self.reconciler.reconcile(self.podm)
        for node in nodes:
            objects.Allocation.replace(
                self.context, node, {pool.uuid: {"CUSTOM_A": 2}}
            )
        asked, _ = self.cost(pool.uuid)
        self.assertEqual(1, asked.count("POST allocations"), asked)
        self.assert_mirrored(0)

    def test_the_statements_are_by_index(self) -> None:
        self.env.compose(name="one")
        with self.statements() as seen:
            self.reconciler.reconcile(self.podm)
        with engine.reading() as connection:
            for statement, parameters in seen:
                for row in connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", parameters
                ):
                    self.assertNotRegex(row.detail, r"^SCAN \w+$", statement)

    def test_who_is_gone_is_found_in_one_statement(self) -> None:
        pools = [self.pool(f"p-{n}", CUSTOM_A=told(1)) for n in range(6)]
        for pool in pools:
            self.reconciler.reconcile(pool.uuid)
        with engine.writing() as connection:
            table = models.PROVIDERS
            connection.execute(
                sa.delete(table).where(table.c.uuid != self.podm)
            )
        asked, statements = self.cost()
        self.assertEqual(1, statements)
        # A look at who holds something of it, and the end.
        self.assertEqual(6, asked.count("GET allocations"))
        deleted = [one for one in asked if one.startswith("DELETE")]
        self.assertEqual(6, len(deleted), asked)
