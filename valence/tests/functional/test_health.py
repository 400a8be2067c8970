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

"""What /healthcheck says while this or that is away."""

from valence.tests import base  # isort: skip - chooses the threads
import os
import signal
import time
import typing

import fixtures
import sqlalchemy as sa

from valence.tests.fixtures import processes
from valence.tests.fixtures import services
from valence.tests.fixtures.environment import Answer

AWAY = "it cannot be reached"


class TestHealth(base.TestCase):
    """An API process with the database, and one that has it over the bus."""

    database: typing.ClassVar[services.MariaDB]
    broker: typing.ClassVar[services.RabbitMQ]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name, service in (
            ("database", services.MariaDB()),
            ("broker", services.RabbitMQ()),
        ):
            service.setUp()
            cls.addClassCleanup(service.cleanUp)
            setattr(cls, name, service)
        admin = cls.database.environment["VALENCE_TEST_MYSQL_URL"]
        services._execute(admin, "CREATE DATABASE health")
        url = sa.make_url(admin).set(database="health")
        directory = fixtures.TempDir()
        directory.setUp()
        cls.addClassCleanup(directory.cleanUp)
        options: processes.Options = {
            "DEFAULT": {"transport_url": cls.broker.url},
            "database": {
                "connection": url.render_as_string(hide_password=False),
                "max_retries": 1,
            },
            "secrets": {"key_repository": f"{directory.path}/keys"},
        }
        processes.run("valence-dbsync", options, "upgrade")
        processes.run("valence-secrets", options, "setup")
        cls.near = processes.Api(options)
        over = processes.merged(
            options, {"api": {"object_backend": "conductor"}}
        )
        del over["database"], over["secrets"]
        cls.over = processes.Api(over)
        for api in (cls.near, cls.over):
            api.setUp()
            cls.addClassCleanup(api.cleanUp)

    def look(self, api: processes.Api, **headers: str) -> Answer:
        return api.client().get("/healthcheck", **headers)

    def said(self, api: processes.Api) -> tuple[int, list[str]]:
        answer = self.look(api, Accept="application/json")
        return answer.status, answer.json["reasons"]

    def wait_for(self, api: processes.Api, status: int, *said: str) -> None:
        processes.poll(
            lambda: self.said(api) == (status, list(said)), (status, said)
        )

    def all_is_well(self) -> None:
        self.wait_for(self.near, 200, "database: OK", "messaging: OK")
        self.wait_for(self.over, 200, "database: not used", "messaging: OK")

    def test_forms(self) -> None:
        self.all_is_well()
        answer = self.look(self.near)
        self.assertEqual("database: OK\nmessaging: OK", answer.text)
        answer = self.near.client().request("HEAD", "/healthcheck")
        self.assertEqual((204, ""), (answer.status, answer.text))

    def test_the_broker_goes_and_comes(self) -> None:
        self.all_is_well()
        self.broker.stop()
        # Requests are taken as ever: see test_crashes.py.
        self.wait_for(self.near, 200, "database: OK", f"messaging: {AWAY}")
        self.wait_for(
            self.over, 503, "database: not used", f"messaging: {AWAY}"
        )
        self.broker.start()
        self.all_is_well()

    def test_the_database_goes_and_comes(self) -> None:
        self.all_is_well()
        self.database.stop()
        self.wait_for(self.near, 503, f"database: {AWAY}", "messaging: OK")
        self.wait_for(self.over, 200, "database: not used", "messaging: OK")
        self.database.start()
        self.all_is_well()

    def test_a_database_that_hangs(self) -> None:
        self.all_is_well()
        (process,) = self.database._processes
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            for _ in range(3):
                began = time.monotonic()
                status, said = self.said(self.near)
                self.assertEqual(503, status)
                self.assertEqual("database: it does not answer", said[0])
                self.assertLess(time.monotonic() - began, 60)
        finally:
            os.killpg(process.pid, signal.SIGCONT)
        self.all_is_well()
