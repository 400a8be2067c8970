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
"""What a sync writes, and what it leaves to whoever wrote meanwhile."""

import datetime
import typing
from unittest import mock
import uuid

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.context import system_context
from valence.db import api
from valence.db import engine
from valence.db import inventory
from valence.db import models
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import services

DEVICES = models.DEVICES
#: More than one statement names.
COUNT = inventory.MANY + inventory.ALIKE


class InventoryCase(base.TestCase):
    kind = "sqlite"

    def setUp(self) -> None:
        super().setUp()
        database = self.useFixture(services.Database(self.kind))
        self.useFixture(environment.Store(database.url))
        podm = objects.PodManager(
            system_context(),
            uuid=str(uuid.uuid4()),
            name="podm",
            url="http://localhost/",
            driver="expether",
            authentication=[],
            verify_ca=True,
            maintenance=False,
            status=states.CONNECTING,
            capabilities=[],
            requirement_keys=[],
            sync_failures=0,
            hardware_nodes=[],
        )
        podm.create()
        self.podm_id = podm.uuid
        self.reported = {
            str(number): {
                "type": "SSD",
                "name": None,
                "state": states.FREE,
                "node_id": None,
                "pooled_group_id": "4093",
                "resource_uri": f"devices/{number}",
                "health": "OK",
                "power_state": "On",
                "properties": {"serial": number},
                "extra": {},
            }
            for number in range(COUNT)
        }
        self.assertEqual(COUNT, self.sync().added)

    def sync(self) -> inventory.Counts:
        before = inventory.seen(self.podm_id)
        return inventory.replace(self.podm_id, before, {}, {}, self.reported)

    def rows(self) -> dict[str, typing.Any]:
        with engine.reading() as connection:
            rows = connection.execute(sa.select(DEVICES)).all()
        return {row.index: row for row in rows}


class Writes(InventoryCase):
    def test_alike_and_one_by_one(self) -> None:
        before = self.rows()
        self.assertEqual(inventory.Counts(), self.sync())
        self.assertEqual(before, self.rows())
        for index, values in self.reported.items():
            values["power_state"] = "Off"
            if index < "2":
                values["properties"] = {"serial": f"new {index}"}
        del self.reported["7"]
        counts = self.sync()
        self.assertEqual((COUNT - 1, 1), (counts.changed, counts.removed))
        for index, row in self.rows().items():
            self.assertEqual(1, row.revision)
            self.assertEqual(before[index].uuid, row.uuid)
            if index == "7":
                self.assertIsNotNone(row.deleted_at)
                self.assertEqual("On", row.power_state)
                continue
            self.assertIsNone(row.deleted_at)
            for name, value in self.reported[index].items():
                self.assertEqual(value, getattr(row, name), index)


class _Races:
    """Somebody takes a device after the sync has read its row.

    SQLite lets nobody write then.
    """

    def test_taken_while_many_change_alike(self) -> None:
        self._race(COUNT)

    def test_taken_while_one_changes(self) -> None:
        self._race(1)

    def _race(self, changed: int) -> None:
        now = api.now
        calls: list[int] = []

        def take() -> datetime.datetime:
            calls.append(1)
            # The racks and systems are done, the devices have been read.
            if len(calls) == 3:
                self._take()
            return now()

        for number in range(changed):
            self.reported[str(number)]["health"] = "Odd"
        with mock.patch.object(inventory.api, "now", take):
            self.sync()
        self.assertLessEqual(3, len(calls))
        rows = self.rows()
        self.assertEqual(states.ATTACHING, rows["0"].state)
        odd = {index for index, row in rows.items() if row.health == "Odd"}
        self.assertEqual({str(n) for n in range(1, changed)}, odd)

    @staticmethod
    def _take() -> None:
        with engine.writing() as connection:
            connection.execute(
                sa.update(DEVICES)
                .where(DEVICES.c.index == "0")
                .values(
                    state=states.ATTACHING, revision=DEVICES.c.revision + 1
                )
            )


class MariaDBRaces(_Races, InventoryCase):
    kind = "mysql"


class PostgreSQLRaces(_Races, InventoryCase):
    kind = "postgresql"
