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

"""The schema: what migrations make is what the models say, everywhere."""

from valence.tests import base  # isort: skip - chooses the threads
import os
import subprocess

import alembic.autogenerate
import alembic.migration
import fixtures
import testscenarios

from valence.db import engine
from valence.db import migration
from valence.db import models
from valence.tests.fixtures import daemon
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services


class MigrationsTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = [(kind, {"kind": kind}) for kind in services.Database.KINDS]

    def setUp(self) -> None:
        super().setUp()
        self.database = self.useFixture(services.Database(self.kind))
        directory = self.useFixture(fixtures.TempDir()).path
        self.keys = os.path.join(directory, "keys")

    def _run(
        self, program: str, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        return processes.run(
            program,
            {
                "database": {
                    "connection": self.database.url,
                    # oslo.db would wait for 100 s, which suits a boot.
                    "max_retries": 1,
                    "retry_interval": 1,
                },
                "secrets": {"key_repository": self.keys},
            },
            *arguments,
            check=False,
        )

    def test_models_equal_migrations(self) -> None:
        self.useFixture(environment.Store(self.database.url))
        with engine.reader_engine().connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection,
                opts={"compare_type": True, "compare_server_default": True},
            )
            differences = alembic.autogenerate.compare_metadata(
                context, models.metadata
            )
        self.assertEqual([], differences)

    def test_commands(self) -> None:
        before = self._run("valence-status", "upgrade", "check")
        self.assertEqual(2, before.returncode, before.stdout)
        self.assertIn("valence-dbsync upgrade", _joined(before.stdout))
        refused = self._run("valence-conductor")
        self.assertEqual(1, refused.returncode, refused.stdout)
        self.assertIn("valence-dbsync upgrade", refused.stdout)
        for _ in "twice":
            done = self._run("valence-dbsync", "upgrade")
            self.assertEqual(0, done.returncode, done.stdout)
            self.assertIn(str(migration.head()), done.stdout)
        without = self._run("valence-status", "upgrade", "check")
        self.assertEqual(2, without.returncode, without.stdout)
        self.assertIn("there is no directory", _joined(without.stdout))
        refused = self._run("valence-conductor")
        self.assertEqual(1, refused.returncode, refused.stdout)
        self.assertIn("valence-secrets setup", refused.stdout)
        self._run("valence-secrets", "setup")
        after = self._run("valence-status", "upgrade", "check")
        self.assertEqual(0, after.returncode, after.stdout)
        done = self._run("valence-dbsync", "online_data_migrations")
        self.assertEqual(0, done.returncode, done.stdout)

    def test_unreachable_is_said_and_not_tried_for_ever(self) -> None:
        if self.kind == "sqlite":
            self.database.url = "sqlite:////nonexistent/valence.sqlite"
        else:
            (port,) = daemon.free_ports(1)
            self.database.url = self.database.url.replace(
                str(processes.port_of(self.database.url)), str(port)
            )
        refused = self._run("valence-conductor")
        self.assertEqual(1, refused.returncode, refused.stdout)
        self.assertIn("cannot be reached", refused.stdout)
        before = self._run("valence-status", "upgrade", "check")
        self.assertEqual(2, before.returncode, before.stdout)
        self.assertIn("cannot be reached", _joined(before.stdout))

    def test_a_connection_that_is_none(self) -> None:
        wrong = {
            "valence": "Could not parse",
            "oracle+nonsense://v:s3cr3t@db/v": "oracle.nonsense",
            "mysql+mysqldb://v:s3cr3t@db/v": "No module named 'MySQLdb'",
        }
        if self.kind != "sqlite":
            other = self.database.url.replace(
                self.database.name, "no_such_one"
            )
            wrong[other] = "no_such_one"
        for url, why in wrong.items():
            self.database.url = url
            for program in (
                ("valence-dbsync", "upgrade"),
                ("valence-conductor",),
            ):
                refused = self._run(*program)
                self.assertEqual(1, refused.returncode, refused.stdout)
                self.assertIn("cannot be reached (", refused.stdout)
                self.assertIn(why, refused.stdout)
                self.assertNotIn("Traceback", refused.stdout)
                self.assertNotIn("s3cr3t", refused.stdout)


def _joined(table: str) -> str:
    """What stands in a table that breaks lines."""
    lines = (line.strip("| ") for line in table.splitlines())
    return " ".join(" ".join(lines).split())
