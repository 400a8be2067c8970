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
import datetime
import os
import subprocess

import alembic.autogenerate
import alembic.migration
import fixtures
import sqlalchemy as sa
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

    def test_operations_of_before_have_their_duration(self) -> None:
        done = self._run("valence-dbsync", "upgrade", "--revision", "0006")
        self.assertEqual(0, done.returncode, done.stdout)
        database = sa.create_engine(self.database.url)
        self.addCleanup(database.dispose)
        table = sa.Table("operations", sa.MetaData(), autoload_with=database)
        asked = datetime.datetime(2026, 1, 31, 12, 0, 0, 250000)
        took = datetime.timedelta(minutes=61, milliseconds=500)
        of_type = {str: "x", int: 0, bool: False, datetime.datetime: asked}
        row = {
            column.name: of_type[column.type.python_type]
            for column in table.columns
            if not column.nullable and column.name != "id"
        }
        with database.begin() as connection:
            connection.execute(
                sa.insert(table),
                [
                    {**row, "uuid": "ended", "ended_at": asked + took},
                    {**row, "uuid": "running", "ended_at": None},
                ],
            )
        done = self._run("valence-dbsync", "upgrade")
        self.assertEqual(0, done.returncode, done.stdout)
        with database.begin() as connection:
            found = connection.execute(
                sa.text("SELECT uuid, duration FROM operations ORDER BY uuid")
            )
            self.assertEqual([("ended", 3660.5), ("running", None)], [*found])

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
        if self.kind == "sqlite":
            wrong = {
                "valence": "Could not parse",
                "oracle+nonsense://v:s3cr3t@db/v": "oracle.nonsense",
                "mysql+mysqldb://v:s3cr3t@db/v": "No module named 'MySQLdb'",
            }
        else:
            other = self.database.url.replace(
                self.database.name, "no_such_one"
            )
            wrong = {other: "no_such_one"}
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


class NewerTest(base.TestCase):
    """A database that a newer release has made is left as it is."""

    def test_each_command_says_so_in_one_line(self) -> None:
        store = self.useFixture(environment.Store())
        with engine.writing() as connection:
            connection.execute(
                sa.text("UPDATE alembic_version SET version_num = 'f00d'")
            )
        directory = self.useFixture(fixtures.TempDir()).path
        options: processes.Options = {
            "DEFAULT": {"auth_strategy": "noauth"},
            "database": {"connection": store.url},
            "secrets": {"key_repository": f"{directory}/keys"},
        }
        for program, *words, status in (
            ("valence-standalone", 1),
            ("valence-api", 1),
            ("valence-conductor", 1),
            ("valence-dbsync", "upgrade", 1),
            ("valence-dbsync", "online_data_migrations", 2),
            ("valence-dbsync", "revision", "No more", 2),
        ):
            done = processes.run(program, options, *words, check=False)
            self.assertEqual(status, done.returncode, done.stdout)
            self.assertRegex(
                done.stdout,
                r"\AThe database schema is at f00d, which this release does "
                r"not know: [^\n]+\n\Z",
            )
        done = processes.run(
            "valence-status", options, "upgrade", "check", check=False
        )
        self.assertEqual(2, done.returncode, done.stdout)
        self.assertIn("at f00d, which this release", _joined(done.stdout))
        done = processes.run("valence-dbsync", options, "version")
        self.assertEqual("f00d\n", done.stdout)
        self.assertFalse(os.path.exists(f"{directory}/keys"))

    def test_a_revision_that_there_is_not(self) -> None:
        store = self.useFixture(environment.Store())
        options: processes.Options = {"database": {"connection": store.url}}
        done = processes.run(
            "valence-dbsync",
            options,
            "upgrade",
            "--revision",
            "f00d",
            check=False,
        )
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertRegex(
            done.stdout, r"\AThere is no way up to .*'f00d'.*\n\Z"
        )

    def test_a_place_where_no_database_can_be(self) -> None:
        for program in ("valence-standalone", "valence-dbsync"):
            done = processes.run(
                program,
                {"database": {"connection": "sqlite:////no/such/v.sqlite"}},
                *(["upgrade"] if program == "valence-dbsync" else []),
                check=False,
            )
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertRegex(
                done.stdout, r"\AThe database cannot be reached .*\n\Z"
            )


def _joined(table: str) -> str:
    """What stands in a table that breaks lines."""
    lines = (line.strip("| ") for line in table.splitlines())
    return " ".join(" ".join(lines).split())
