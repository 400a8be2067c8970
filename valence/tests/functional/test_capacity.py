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
"""More work than there is hardware, and more than there are workers."""

from valence.tests.functional import deployed  # isort: skip
import concurrent.futures
import time
import typing
import unittest.mock

from oslo_config import cfg

from valence import objects
from valence.api.app import make_application
from valence.db import operations as db_operations
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services

CONF = cfg.CONF
SYSTEMS = 20
ASKED = 50


def ask_at_once(
    clients: typing.Sequence[environment.Client], podm_id: str, count: int
) -> list[str]:
    """Ask for nodes, all at the same time; returns the operations."""

    def ask(number: int) -> str:
        answer = clients[number % len(clients)].post(
            "/v1/nodes", {"name": f"n{number}", "podm_id": podm_id}
        )
        assert answer.status == 202, answer
        return deployed.operation_of(answer)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


class Crowded:
    """50 at once on a pod with 20 systems."""

    def _fifty(self, clients, pod, podm_id, ended) -> None:
        uuids = ask_at_once(clients, podm_id, ASKED)
        self.assertEqual(ASKED, len(set(uuids)))
        operations = [ended(uuid) for uuid in uuids]
        states = [operation.state for operation in operations]
        self.assertEqual(
            (SYSTEMS, ASKED - SYSTEMS),
            (states.count("succeeded"), states.count("failed")),
        )
        for operation in operations:
            self.assertEqual(1, operation.attempts)
            if operation.state == "failed":
                self.assertIn("no free system", operation.last_error)
        used = [node.system.id for node in pod.nodes]
        self.assertEqual(SYSTEMS, len(set(used)))
        self.assert_agreement(pod, podm_id)
        nodes = objects.Node.find(self.context)
        for node in nodes:
            if node.provision_state == "compose_failed":
                self.assertEqual((None, []), (node.index, node.systems))
        # And the refused ones have left nothing that keeps others out.
        one = next(n for n in nodes if n.provision_state == "composed")
        gone = clients[0].delete(f"/v1/nodes/{one.uuid}", wait=60)
        self.assertEqual(204, gone.status, gone)
        again = clients[-1].post(
            "/v1/nodes", {"name": "again", "podm_id": podm_id}, wait=60
        )
        self.assertEqual(200, again.status, again)
        self.assert_agreement(pod, podm_id)


class TestInOneProcess(Crowded, deployed.Agreement, base.TestCase):
    def test_fifty_on_twenty(self) -> None:
        env = self.useFixture(
            environment.Environment(PodSpec(systems=SYSTEMS))
        )
        podm_id = env.register()["uuid"]
        self.context = env.context

        def ended(uuid: str) -> objects.Operation:
            return processes.poll(
                lambda: (
                    (found := objects.Operation.get(env.context, uuid)).ended
                    and found
                ),
                "ended",
            )

        self._fifty([env.api], env.pods[0], podm_id, ended)


class TestWorkers(base.TestCase):
    """What one conductor takes up, and what it lets go of."""

    def _environment(self) -> environment.Environment:
        env = self.useFixture(
            environment.Environment(PodSpec(systems=8), conductor=False)
        )
        env.start_conductor()
        self.podm_id = env.register()["uuid"]
        return env

    def test_burst_keeps_to_the_limit_of_a_pod_manager(self) -> None:
        self.conf.set("conductor", workers=8, workers_per_pod_manager=2)
        env = self._environment()
        gate = deployed.Gate(env.pods[0], "POST", "Allocate$", times=8)
        uuids = ask_at_once([env.api], self.podm_id, 8)
        gate.wait(2)
        # Sweeps have had time to take up more, had they been let.
        time.sleep(3 * environment.QUICK["conductor"]["rescue_interval"])
        self.assertEqual(2, gate.held)
        gate.open()
        for uuid in uuids:
            processes.poll(
                lambda uuid=uuid: (
                    objects.Operation.get(env.context, uuid).state
                    == "succeeded"
                ),
                "succeeded",
            )

    def test_claim_whose_answer_was_lost(self) -> None:
        env = self._environment()
        # The connection to the database broke at the commit of a claim: the
        # row bears the conductor's name, and no worker knows of it.
        client = environment.Client(make_application(lambda *_: None))
        with unittest.mock.patch.object(
            db_operations, "waiting", return_value=[]
        ):
            (uuid,) = ask_at_once([client], self.podm_id, 1)
            claimed = db_operations.claim(uuid, CONF.conductor.host)
            self.assertIsNotNone(claimed)
        processes.poll(
            lambda: (
                objects.Operation.get(env.context, uuid).state == "succeeded"
            ),
            "succeeded",
        )
        self.assertEqual(1, len(env.pods[0].nodes))


class CrowdedProcesses(Crowded, deployed.DeployedCase):
    conductors = 2
    apis = 2

    def test_fifty_on_twenty(self) -> None:
        pod = self.pod(systems=SYSTEMS)
        podm_id = self.register(pod)
        self._fifty(self.deployment.clients, pod, podm_id, self.ended)

    def test_twenty_releases_of_one(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.composed(podm_id, "one")

        def release(number: int) -> int:
            client = self.deployment.clients[number % 2]
            return client.delete("/v1/nodes/one").status

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(release, range(20)))
        self.assertEqual(1, statuses.count(202), statuses)
        self.assertEqual(set(), set(statuses) - {202, 404, 409})
        processes.poll(lambda: not pod.nodes, "released")
        processes.poll(
            lambda: self.api.get("/v1/nodes/one").status == 404, "gone"
        )
        self.assert_agreement(pod, podm_id)


class TestOnMariaDB(CrowdedProcesses):
    database = "mysql"


class TestOnPostgreSQL(CrowdedProcesses):
    database = "postgresql"


class TestFewWorkers(deployed.DeployedCase):
    """Two workers, thirty operations, and a broker that goes and comes."""

    database = "mysql"
    options = {
        # What is swept is not what keeps the workers busy: they do it.
        "conductor": {"workers": 2, "rescue_interval": 1},
    }

    @classmethod
    def setUpClass(cls) -> None:
        cls.rabbit = services.RabbitMQ()
        cls.rabbit.setUp()
        cls.addClassCleanup(cls.rabbit.cleanUp)
        cls.broker = cls.rabbit.url
        super().setUpClass()

    def _thirty(self, pod, in_the_middle) -> None:
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Allocate$", times=2)
        uuids = [self.compose(podm_id, f"n{n}") for n in range(30)]
        gate.wait(2)
        in_the_middle()
        states = [
            objects.Operation.get(self.context, uuid).state for uuid in uuids
        ]
        self.assertEqual(["running"] * 2 + ["pending"] * 28, states)
        gate.open()
        operations = [self.ended(uuid) for uuid in uuids]
        self.assertEqual(
            {("succeeded", 1)}, {(o.state, o.attempts) for o in operations}
        )
        started = [operation.started_at for operation in operations]
        self.assertEqual(sorted(started), started)
        self.assert_agreement(pod, podm_id)

    def test_all_are_carried_out_in_order_of_age(self) -> None:
        self._thirty(self.pod(systems=30), lambda: None)

    def test_while_the_broker_is_started_again(self) -> None:
        self._thirty(self.pod(systems=30), self.rabbit.stop)
        self.rabbit.start()
        pod = self.pod(systems=1)
        began = time.monotonic()
        self.composed(self.register(pod), "after")
        self.assertLess(time.monotonic() - began, 15)


del CrowdedProcesses
