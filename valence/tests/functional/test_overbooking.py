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
"""200 claims at once on 100 of something, by two API and two conductor
processes: exactly 100 get it, and at no time is more held than there is."""

import collections
import concurrent.futures
import contextlib
import typing

from valence.tests.functional import deployed  # isort: skip
import sqlalchemy as sa

from valence.db import engine
from valence.db import models
from valence.simulator import EemSpec
from valence.tests.fixtures import environment
from valence.tests.functional import books
from valence.tests.functional.scheduling import kept

UNITS = 100
CLAIMS = 200


class Overbooked(deployed.DeployedCase):
    conductors = 2
    apis = 2

    def at_once(
        self,
        ask: typing.Callable[[environment.Client, int], environment.Answer],
    ) -> list[environment.Answer]:
        """Many callers ask."""
        clients = self.deployment.clients
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            return list(
                pool.map(
                    lambda n: ask(clients[n % len(clients)], n), range(CLAIMS)
                )
            )

    @contextlib.contextmanager
    def watched(self) -> typing.Iterator[None]:
        """See that no more is held than there is, whenever one looks."""
        with books.watched(books.added_up, books.overbooked) as wrong:
            yield
        self.assertEqual([], wrong[:3])

    def used(self, name: str) -> list[tuple[int, int]]:
        """(used, free) of each inventory of a class."""
        i = models.INVENTORIES.c
        with engine.reading() as connection:
            return [
                (row.used, row.free)
                for row in connection.execute(
                    sa.select(i.used, i.free).where(i.resource_class == name)
                )
            ]

    def test_systems_and_devices(self) -> None:
        """Of nobody's pod manager in particular, with a device each."""
        (eem,) = self.useFixture(
            environment.Pods(
                EemSpec(servers=UNITS, devices=UNITS, kinds=("NIC",))
            )
        ).pods
        self.register(eem, driver="expether")
        properties = {"pci_device": {"type": ["NIC"]}}
        with self.watched():
            answers = self.at_once(
                lambda client, n: client.post(
                    "/v1/nodes", {"name": f"n{n}", "properties": properties}
                )
            )
            self.assertEqual({202}, {answer.status for answer in answers})
            ended = [
                self.ended(deployed.operation_of(answer), 120)
                for answer in answers
            ]
        counts = collections.Counter(one.state for one in ended)
        self.assertEqual(
            {"succeeded": UNITS, "failed": CLAIMS - UNITS}, dict(counts)
        )
        for one in ended:
            self.assertEqual(1, one.attempts)
            if one.state == "failed":
                self.assertIn("it has no free system", one.last_error)
                self.assertIn("1 of type NIC needed, 0 free", one.last_error)
                self.assertEqual("capacity", one.refusals[0]["filter"])
        for name in "CUSTOM_SYSTEM", "CUSTOM_NIC":
            self.assertEqual([(UNITS, 0)], self.used(name))
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())
        # On the hardware each server has a device, and none has two.
        groups = collections.Counter(unit.group_id for unit in eem.devices)
        self.assertEqual(
            groups, collections.Counter(one.group_id for one in eem.servers)
        )
        self.assertEqual({1}, set(groups.values()))

    def test_units_of_a_pool(self) -> None:
        nodes = [kept.composed(self.context).uuid for _ in range(CLAIMS)]
        pool = self.api.post("/v1/resource_providers", {"name": "pool"})
        self.assertEqual(201, pool.status, pool)
        uuid_ = pool.json["uuid"]
        path = f"/v1/resource_providers/{uuid_}/inventories"
        body = {
            "resource_provider_generation": 0,
            "inventories": {"DISK_GB": {"total": UNITS}},
        }
        self.assertEqual(200, self.api.request("PUT", path, body).status)
        wanted = {"allocations": {uuid_: {"resources": {"DISK_GB": 1}}}}
        with self.watched():
            answers = self.at_once(
                lambda client, n: client.request(
                    "PUT", f"/v1/allocations/{nodes[n]}", wanted
                )
            )
        counts = collections.Counter(answer.status for answer in answers)
        self.assertEqual({204: UNITS, 409: CLAIMS - UNITS}, dict(counts))
        self.assertEqual([(UNITS, 0)], self.used("DISK_GB"))
        self.assertEqual([], books.added_up())


class TestOnMariaDB(Overbooked):
    database = "mysql"


class TestOnPostgreSQL(Overbooked):
    database = "postgresql"


del Overbooked
