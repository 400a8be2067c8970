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

"""SIGTERM, SIGHUP and the life of processes: nothing is dropped."""

from valence.tests.functional import deployed  # isort: skip
import collections
import http.client
import os
import signal
import sys
import threading

import fixtures

from valence import objects
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services


class Load:
    """Clients that ask again and again, and note what became of it."""

    def __init__(self, port: int, clients: int) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self._port = port
        self._threads = [
            threading.Thread(target=self._ask, args=(bool(number % 2),))
            for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(300)

    def _ask(self, keep: bool) -> None:
        """Until nobody listens any more.

        :param keep: send many requests over one connection
        """
        while True:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=120
            )
            try:
                connection.connect()
            except OSError:
                self.outcomes["refused"] += 1
                return
            going_on = True
            while going_on:
                try:
                    connection.request("GET", "/v1/flavors")
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException) as e:
                    self.outcomes[f"cut: {e!r}"] += 1
                    break
                self.outcomes[str(answer.status)] += 1
                going_on = keep and not answer.will_close
            connection.close()


class TestApi(deployed.DeployedCase):
    database = "mysql"

    def test_no_request_is_dropped_under_load(self) -> None:
        (daemon,) = self.deployment.apis
        for _ in range(2):
            load = Load(daemon.port, 12)
            load.start()
            processes.poll(lambda load=load: load.outcomes["200"] > 200, "on")
            daemon.terminate()
            self.assertEqual(0, daemon.ended())
            load.join()
            daemon.start()
            self.assertEqual({"200", "refused"}, set(load.outcomes))

    def test_who_waits_is_answered(self) -> None:
        (daemon,) = self.deployment.apis
        pod = self.pod(systems=1)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Allocate$")
        answers: list[environment.Answer] = []
        waiting = threading.Thread(
            target=lambda: answers.append(
                daemon.client().post(
                    "/v1/nodes", {"name": "one", "podm_id": podm_id}, wait=60
                )
            )
        )
        waiting.start()
        gate.wait()
        daemon.terminate()
        self.addCleanup(daemon.start)
        processes.poll(lambda: not daemon.answers(), "it accepts nothing")
        gate.open()
        waiting.join(120)
        self.assertEqual([200], [answer.status for answer in answers])
        self.assertEqual("composed", answers[0].json["provision_state"])
        self.assertEqual(0, daemon.ended())


class TestConductor(deployed.DeployedCase):
    database = "postgresql"
    conductors = 2

    def _held(self, pod, *gate_on):
        """An operation that is held, and the conductor that does it."""
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, *gate_on)
        uuid = self.compose(podm_id, "one")
        gate.wait()
        operation = objects.Operation.get(self.context, uuid)
        conductor = self.deployment.conductor(operation.conductor)
        return podm_id, gate, uuid, conductor

    def test_running_operation_ends(self) -> None:
        pod = self.pod(systems=1)
        podm_id, gate, uuid, conductor = self._held(pod, "POST", "Allocate$")
        conductor.terminate()
        self.addCleanup(conductor.start)
        processes.poll(lambda: conductor._said(" stops."), "it stops")
        gate.open()
        self.assertEqual(0, conductor.ended())
        operation = self.ended(uuid)
        self.assertEqual(
            ("succeeded", 1, conductor.host),
            (operation.state, operation.attempts, operation.conductor),
        )
        self.assert_agreement(pod, podm_id)

    def test_what_takes_longer_is_handed_on(self) -> None:
        pod = self.pod(systems=1, assemble_seconds=3600)
        podm_id, gate, uuid, conductor = self._held(pod, "POST", "Assemble$")
        gate.open()
        processes.poll(
            lambda: (
                "wait for assembly"
                in objects.Operation.get(self.context, uuid).steps[-1]["name"]
            ),
            "it waits",
        )
        # [conductor]drain_timeout, after which others have it.
        conductor.terminate()
        self.addCleanup(conductor.start)
        self.assertEqual(0, conductor.ended())
        processes.poll(
            lambda: objects.Operation.get(self.context, uuid).attempts == 2,
            "another takes it up",
        )
        pod.clock.advance(3600)
        operation = self.ended(uuid)
        self.assertEqual(
            ("succeeded", 2), (operation.state, operation.attempts)
        )
        self.assertNotEqual(conductor.host, operation.conductor)
        self.assert_agreement(pod, podm_id)

    def test_hangup_reads_the_configuration_again(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        for conductor in self.deployment.conductors:
            before = conductor.workers()
            os.kill(conductor.pid, signal.SIGHUP)
            processes.poll(
                lambda conductor=conductor, before=before: (
                    conductor.workers()
                    and conductor.workers() != before
                    and conductor.answers()
                ),
                "new workers",
                alive=[conductor],
            )
        self.composed(podm_id, "one")
        self.assert_agreement(pod, podm_id)

    def test_worker_that_is_killed_is_forked_again(self) -> None:
        pod = self.pod(systems=1)
        podm_id, gate, uuid, conductor = self._held(pod, "POST", "Assemble$")
        (worker,) = conductor.workers()
        os.kill(worker, signal.SIGKILL)
        gate.open()
        operation = self.ended(uuid)
        self.assertEqual(
            ("succeeded", 2), (operation.state, operation.attempts)
        )
        self.assert_agreement(pod, podm_id)


class TestStandalone(base.TestCase):
    """All in one process, on SQLite, without a broker."""

    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        url = f"sqlite:///{directory}/valence.sqlite"
        self.daemon = self.useFixture(
            processes.Standalone(
                processes.merged(
                    processes.QUICK, {"database": {"connection": url}}
                )
            )
        )
        (self.pod,) = self.useFixture(
            environment.Pods(PodSpec(systems=2))
        ).pods
        self.client = self.daemon.client()
        answer = self.client.post(
            "/v1/pod_managers", deployed.registration(self.pod), wait=60
        )
        self.assertEqual("Online", answer.json["status"], answer)

    def test_killed_and_started_again(self) -> None:
        gate = deployed.Gate(self.pod, "POST", "Allocate$")
        asked = self.client.post("/v1/nodes", {"name": "one"})
        gate.wait()
        seen = len(self.pod.calls)
        self.daemon.restart()
        processes.poll(lambda: len(self.pod.calls) > seen, "it looks again")
        gate.open()
        operation = self.client.ended(asked)
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertEqual(1, len(self.pod.nodes))
        gone = self.client.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.pod.nodes)

    def test_ends_in_good_order(self) -> None:
        gate = deployed.Gate(self.pod, "POST", "Allocate$")
        self.client.post("/v1/nodes", {"name": "one"})
        gate.wait()
        self.daemon.terminate()
        processes.poll(lambda: self.daemon._said(" stops."), "it stops")
        gate.open()
        self.assertEqual(0, self.daemon.ended())
        self.daemon.start()
        node = self.client.get("/v1/nodes/one").json
        self.assertEqual("composed", node["provision_state"])
        self.assertEqual(1, len(self.pod.nodes))


class OtherServer(processes.Api):
    """``valence.wsgi.api:application`` under a WSGI server not our own."""

    SCRIPT = """
import sys, wsgiref.simple_server
from valence.wsgi.api import application
wsgiref.simple_server.make_server(
    "127.0.0.1", int(sys.argv[1]), application
).serve_forever()
"""

    def launch(self) -> None:
        self.spawn(
            sys.executable,
            "-c",
            self.SCRIPT,
            str(self.port),
            VALENCE_CONFIG_FILE=self.config,
        )


class TestOtherServer(deployed.DeployedCase):
    def test_serves(self) -> None:
        server = self.useFixture(OtherServer(self.deployment.options))
        pod = self.pod(systems=1)
        podm_id = self.register(pod)
        client = server.client()
        asked = client.post("/v1/nodes", {"name": "one", "podm_id": podm_id})
        operation = client.ended(asked)
        self.assertEqual("succeeded", operation["state"], operation)
        self.assert_agreement(pod, podm_id)


class TestRefusesToStart(base.TestCase):
    """What is wrong is said once, and not tried for ever."""

    def test_port_is_taken(self) -> None:
        database = self.useFixture(services.Database())
        standalone = processes.Standalone(
            {"database": {"connection": database.url}}
        )
        self.useFixture(standalone)
        keys = f"{database.url.removeprefix('sqlite:///')}-keys"
        done = processes.run(
            "valence-api",
            {
                "DEFAULT": {"auth_strategy": "noauth"},
                "secrets": {"key_repository": keys},
                "database": {"connection": database.url},
                "api": {"port": standalone.port},
            },
            check=False,
        )
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn(str(standalone.port), done.stdout)

    def test_nobody_could_be_let_in(self) -> None:
        """valence-standalone is for this machine unless it is told who."""
        for options, said in (
            ({"api": {"host": "0.0.0.0"}}, "[api]allow_remote_noauth"),
            (
                {"DEFAULT": {"auth_strategy": "keystone"}},
                "[keystone_authtoken]",
            ),
            (
                {"DEFAULT": {"auth_strategy": "http_basic"}},
                "http_basic_auth_user_file",
            ),
            (
                {"oslo_policy": {"policy_file": os.path.abspath(__file__)}},
                "policy file",
            ),
        ):
            done = processes.run("valence-standalone", options, check=False)
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn(said, done.stdout)
            self.assertNotIn("Traceback", done.stdout)
