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

"""What a choice costs does not grow with who cannot serve."""

import collections.abc
import contextlib
import typing

import fixtures
import sqlalchemy as sa
import testscenarios

from valence.tests import base  # isort: skip - chooses the threads
from valence.db import engine
from valence.objects import requirements
from valence.scheduler import select
from valence.tests.fixtures import environment
from valence.tests.fixtures import services
from valence.tests.functional.scheduling import kept
from valence.tests.functional.scheduling import oracle
from valence.tests.functional.scheduling import worlds

ABLE = 5
#: Asked of all: each of these has its range.
ASKED = {
    "memory": {"capacity_mib": 2048},
    "processor": {"total_cores": 4},
    "placement": {"location": "here"},
    "traits": {"required": ["CUSTOM_A"]},
}


class Steps(fixtures.Fixture):
    """Counts the steps of SQLite's machine.

    :ivar count: so many
    """

    count = 0

    def _setUp(self) -> None:
        reading = engine.reading

        @contextlib.contextmanager
        def counted() -> collections.abc.Iterator[sa.Connection]:
            with reading() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.set_progress_handler(self._step, 1)
                try:
                    yield connection
                finally:
                    driver.set_progress_handler(None, 1)

        self.useFixture(
            fixtures.MonkeyPatch("valence.db.engine.reading", counted)
        )

    def _step(self) -> None:
        self.count += 1


def pod_manager(
    number: int, memory: int = 2048, cores: int = 4, **more: typing.Any
) -> oracle.PodManager:
    system = oracle.System(
        f"{number:08}-0000-4000-8000-000000000001",
        *(None, memory, cores, None, "free"),
    )
    values = {
        "systems": [system],
        "location": "here",
        "traits": {"CUSTOM_A"},
        "keys": ["memory", "processor"],
        **more,
    }
    return worlds.plain(number, **values)


class TestCost(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (name, {"unable": unable})
        for name, unable in (
            ("offline", {"status": "Offline"}),
            ("drained", {"maintenance": True}),
            ("elsewhere", {"location": "there"}),
            ("without the trait", {"traits": set()}),
            ("full", {"systems": []}),
            ("too little memory", {"memory": 1024}),
            ("too few cores", {"cores": 2}),
        )
    ]

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(environment.Store())
        # How far it is counted is looked at, too.
        self.useFixture(
            fixtures.MonkeyPatch("valence.scheduler.select.FEW", 20)
        )
        select._counts.cache_clear()
        self.addCleanup(select._counts.cache_clear)

    def cost(self, others: int) -> int:
        kept.clear()
        kept.write(
            oracle.World(
                [
                    *map(pod_manager, range(ABLE)),
                    *(
                        pod_manager(number, **self.unable)
                        for number in range(ABLE, ABLE + others)
                    ),
                ],
                [],
            )
        )
        asked = requirements.of(ASKED)
        with Steps() as steps:
            found = select.select(asked)
        self.assertEqual(ABLE, len(found))
        self.assertLess(0, steps.count)
        return steps.count

    def test_more_that_cannot_serve(self) -> None:
        some = self.cost(others=25)
        self.assertLess(self.cost(others=100), 1.1 * some)


class TestOnPostgreSQL(base.TestCase):
    def test_nothing_is_compiled(self) -> None:
        """Which takes a hundred times as long where statistics are missing."""
        database = self.useFixture(services.Database("postgresql"))
        self.useFixture(environment.Store(database.url))
        for begun in engine.reading, engine.writing:
            for _ in range(2):
                with begun() as connection:
                    shown = connection.execute(sa.text("SHOW jit")).scalar()
                    self.assertEqual("off", shown)
                    connection.rollback()
