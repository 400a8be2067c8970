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

"""The real services that functional tests run on, themselves tested."""

import os
import signal
import subprocess
import sys
import time
import unittest.mock
import urllib.parse

import fixtures
import kombu
import sqlalchemy as sa
import testscenarios
import testtools

from valence.tests.fixtures import daemon
from valence.tests.fixtures import services


def _port(url: str) -> int:
    port = urllib.parse.urlsplit(url).port
    assert port is not None
    return port


class ServiceTest(testscenarios.TestWithScenarios, testtools.TestCase):
    scenarios = [
        (service.name, {"service": service}) for service in services.SERVICES
    ]

    def test_starts_stops_and_leaves_nothing(self):
        with self.service() as running:
            ports = {_port(url) for url in running.environment.values()}
            self.assertTrue(all(services._accepts(port) for port in ports))
            running.stop()
            self.assertFalse(any(services._accepts(port) for port in ports))
            running.start()
            self.assertTrue(all(services._accepts(port) for port in ports))
            directory = running.directory
        self.assertFalse(any(services._accepts(port) for port in ports))
        self.assertFalse(os.path.exists(directory))

    def test_a_server_that_dies_is_an_error_with_its_last_words(self):
        running = self.service()

        def launch():
            running.spawn("/bin/sh", "-c", "echo no space left; exit 3")

        with unittest.mock.patch.object(running, "launch", launch):
            error = self.assertRaises(
                fixtures.MultipleExceptions, running.setUp
            )
        # fixtures wraps the reason together with its own bookkeeping.
        reason = str(error.args[0][1])
        self.assertIn(f"{self.service.name} ended with status 3", reason)
        self.assertIn("no space left", reason)


class MissingProgramTest(testtools.TestCase):
    def test_says_what_to_install(self):
        self.useFixture(fixtures.EnvironmentVariable("PATH", "/nonexistent"))
        error = self.assertRaises(
            daemon.NotStarted, services.MariaDB().program, "no-such-mariadbd"
        )
        self.assertIn("apt-get install mariadb-server", str(error))


class DatabaseTest(testscenarios.TestWithScenarios, testtools.TestCase):
    scenarios = [(kind, {"kind": kind}) for kind in services.Database.KINDS]

    def test_is_empty_and_ours_and_goes_away_although_in_use(self):
        with services.Database(self.kind) as database:
            engine = sa.create_engine(database.url)
            self.assertEqual([], sa.inspect(engine).get_table_names())
            other = self.useFixture(services.Database(self.kind))
            self.assertNotEqual(database.url, other.url)
            connection = engine.connect()
            self.addCleanup(connection.invalidate)
            connection.execute(sa.text("CREATE TABLE t (i INTEGER)"))
            connection.commit()
            # A test that ends within a transaction must not hold us up.
            connection.execute(sa.text("SELECT * FROM t"))
        self.assertRaises(
            sa.exc.DBAPIError, sa.create_engine(database.url).connect
        )

    def test_keeps_any_character(self):
        database = self.useFixture(services.Database(self.kind))
        with sa.create_engine(database.url).begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (s VARCHAR(9))"))
            connection.execute(
                sa.text("INSERT INTO t VALUES (:s)"), {"s": "é漢🙂"}
            )
            (value,) = connection.execute(sa.text("SELECT s FROM t")).one()
        self.assertEqual("é漢🙂", value)


class VhostTest(testtools.TestCase):
    def _get(self, vhost, seconds=0):
        url = vhost.url.replace("rabbit://", "amqp://")
        with kombu.Connection(url, connect_timeout=60) as connection:
            with connection.SimpleQueue("queue") as queue:
                try:
                    message = queue.get(block=bool(seconds), timeout=seconds)
                except queue.Empty:
                    return None
                message.ack()
                return message.payload

    def _put(self, vhost, payload):
        url = vhost.url.replace("rabbit://", "amqp://")
        with kombu.Connection(url, connect_timeout=60) as connection:
            with connection.SimpleQueue("queue") as queue:
                queue.put(payload)

    def test_shares_no_queue_with_another(self):
        one = self.useFixture(services.Vhost())
        other = self.useFixture(services.Vhost())
        self._put(one, "for one")
        self.assertIsNone(self._get(other))
        self.assertEqual("for one", self._get(one, 120))


class RunTest(testtools.TestCase):
    """``python -m valence.tests.fixtures.services run -- ...``"""

    def _run(self, *command, **kwargs):
        return subprocess.Popen(
            (sys.executable, "-m", services.__name__, "run", "--", *command),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **kwargs,
        )

    def test_names_the_services_and_hands_on_the_status(self):
        script = (
            "import os, sys; from valence.tests.fixtures import services as s;"
            "[s._accepts(s.urllib.parse.urlsplit(u).port) or sys.exit(1)"
            " for k, u in os.environ.items()"
            " if k.startswith('VALENCE_TEST_')];"
            "sys.exit(7)"
        )
        process = self._run(sys.executable, "-c", script)
        output, errors = process.communicate()
        self.assertEqual((7, ""), (process.returncode, errors))
        for service in services.SERVICES:
            self.assertIn(f"{service.name} is up", output)

    def test_a_service_that_cannot_start_is_an_error(self):
        empty = self.useFixture(fixtures.TempDir()).path
        process = self._run("true", env=os.environ | {"PATH": empty})
        _, errors = process.communicate()
        self.assertEqual(70, process.returncode)
        self.assertIn("error:", errors)

    def test_killed_leaves_nothing_running(self):
        script = (
            "import os, time; print(*(v for k, v in os.environ.items()"
            " if k.startswith('VALENCE_TEST_')), flush=True); time.sleep(600)"
        )
        environ = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("VALENCE_TEST_")
        }
        process = self._run(
            sys.executable, "-c", script, env=environ, process_group=0
        )
        urls: list[str] = []
        while not urls:
            urls = [u for u in process.stdout.readline().split() if "://" in u]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        deadline = time.monotonic() + 120
        ports = {_port(url) for url in urls}
        while any(services._accepts(port) for port in ports):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)


class PortsTest(testtools.TestCase):
    def test_no_port_is_given_twice(self):
        """Not even where nobody listens on it yet, or any more."""
        script = (
            "from valence.tests.fixtures.daemon import free_ports;"
            "print(*free_ports(60), flush=True); input()"
        )
        others = [
            subprocess.Popen(
                (sys.executable, "-c", script),
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(3)
        ]
        found = [daemon.free_ports(60), daemon.free_ports(60)]
        found += [
            [int(word) for word in other.stdout.readline().split()]
            for other in others
        ]
        for other in others:
            other.communicate("\n")
        self.assertEqual([60] * 5, [len(ports) for ports in found])
        self.assertEqual(300, len(set().union(*found)))
