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

"""Conductors that die at any moment: nothing lost, nothing done twice."""

import threading
import time

from valence.tests.functional import deployed  # isort: skip
import fixtures
import oslo_messaging
import testscenarios

from valence import objects
from valence import rpc
from valence.api.app import make_application
from valence.db import operations as db_operations
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures import services

#: Where a compose is held, and which step is then under way.
HELD_AT = [
    ("try pod manager", {"method": "GET", "path": "/Nodes$"}),
    ("allocate", {"method": "POST", "path": "Allocate$"}),
    ("wait for allocation", {"method": "GET", "path": r"/Nodes/\d+$"}),
    ("assemble", {"method": "POST", "path": "Assemble$"}),
    ("read assets", {"method": "GET", "path": r"/Memory/\d+$"}),
]


def no_cast(context: object, operation_id: str) -> None:
    """The API process died before it could tell a conductor."""


def speak_over(test: deployed.DeployedCase, broker: str) -> None:
    """Have the test's own process speak to conductors."""
    rpc.cleanup()
    test.useFixture(fixtures.MonkeyPatch("valence.rpc._url", broker))
    test.addCleanup(rpc.cleanup)


class AnyMoment(testscenarios.WithScenarios, deployed.CrashCase):
    scenarios = [
        (step, {"step": step, "held_at": held_at}) for step, held_at in HELD_AT
    ]

    def test_in_mid_compose(self) -> None:
        pod = self.pod(systems=2, dialect="2.1")
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, **self.held_at)
        uuid = self.compose(podm_id, "one")
        gate.wait()
        steps = objects.Operation.get(self.context, uuid).steps
        self.assertTrue(steps[-1]["name"].startswith(self.step), steps)
        seen = len(pod.calls)
        self.carry_on(uuid)
        # What was on its way acts only after the next conductor has looked.
        processes.poll(
            lambda: [c for c in pod.calls[seen:] if c.path.endswith("/Nodes")],
            "somebody looks again",
        )
        gate.open()
        operation = self.ended(uuid)
        self.assertEqual("succeeded", operation.state, operation)
        self.assertEqual(2, operation.attempts)
        self.assertEqual(1, len(pod.nodes))
        self.assert_agreement(pod, podm_id)
        gone = self.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_agreement(pod, podm_id)


class OnTheWayBack(deployed.CrashCase):
    def _composed(self):
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.composed(podm_id, "one")
        return pod, podm_id

    def test_in_mid_release(self) -> None:
        pod, podm_id = self._composed()
        gate = deployed.Gate(pod, "DELETE", r"/Nodes/\d+$")
        uuid = deployed.operation_of(self.api.delete("/v1/nodes/one"))
        gate.wait()
        self.carry_on(uuid)
        gate.open()
        self.assertEqual("succeeded", self.ended(uuid).state)
        self.assertEqual([], pod.nodes)
        self.assert_agreement(pod, podm_id)
        self.assertEqual(404, self.api.get("/v1/nodes/one").status)

    def test_after_the_hardware_was_released(self) -> None:
        pod, podm_id = self._composed()
        act = deployed.Gate(pod, "DELETE", r"/Nodes/\d+$")
        uuid = deployed.operation_of(self.api.delete("/v1/nodes/one"))
        act.wait()
        # The node is gone when it is looked for.
        gate = deployed.Gate(pod, "GET", r"/Nodes/\d+$")
        act.open()
        gate.wait()
        self.carry_on(uuid)
        gate.open()
        self.assertEqual("succeeded", self.ended(uuid).state)
        self.assertEqual([], pod.nodes)
        self.assert_agreement(pod, podm_id)

    def test_during_revert(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        pod.faults.add(point="assemble", status=400)
        gate = deployed.Gate(pod, "DELETE", r"/Nodes/\d+$")
        uuid = self.compose(podm_id, "one")
        gate.wait()
        operation = objects.Operation.get(self.context, uuid)
        self.assertEqual("reverting", operation.state)
        self.carry_on(uuid)
        gate.open()
        operation = self.ended(uuid)
        self.assertEqual("failed", operation.state, operation)
        self.assertIn("refused", operation.last_error)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("compose_failed", node.provision_state)
        self.assertEqual(operation.last_error, node.last_error)
        self.assertEqual([], pod.nodes)
        self.assert_agreement(pod, podm_id)
        gone = self.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)

    def test_cancelled_and_killed(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Assemble$")
        uuid = self.compose(podm_id, "one")
        gate.wait()
        cancelled = self.api.post(f"/v1/operations/{uuid}/cancel", {})
        self.assertIn(cancelled.status, (200, 202, 204), cancelled)
        self.carry_on(uuid)
        gate.open()
        operation = self.ended(uuid)
        self.assertEqual("cancelled", operation.state, operation)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("compose_failed", node.provision_state)
        self.assertEqual([], pod.nodes)
        self.assert_agreement(pod, podm_id)

    def test_killed_and_the_pod_drained_meanwhile(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Assemble$")
        answer = self.api.post("/v1/nodes", {"name": "one"})
        uuid = deployed.operation_of(answer)
        gate.wait()
        drained = self.api.patch(
            f"/v1/pod_managers/{podm_id}",
            [{"op": "replace", "path": "/maintenance", "value": True}],
            Content_Type="application/json-patch+json",
        )
        self.assertEqual(200, drained.status, drained)
        self.carry_on(uuid)
        gate.open()
        operation = self.ended(uuid)
        # What was begun there may end there, or is given back.
        self.assertIn(operation.state, ("succeeded", "failed"))
        self.assertEqual(operation.state == "succeeded", bool(pod.nodes))
        self.assert_agreement(pod, podm_id)

    def test_before_the_cast(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        # The same API on the same database, dying between commit and cast.
        client = environment.Client(make_application(no_cast))
        uuid = self.compose(podm_id, "one", client)
        self.assertEqual("succeeded", self.ended(uuid).state)
        self.assert_agreement(pod, podm_id)


class TestAnyMomentWithRestart(deployed.WithRestart, AnyMoment):
    pass


class TestAnyMomentWithSecond(deployed.WithSecond, AnyMoment):
    pass


class TestOnTheWayBackWithRestart(deployed.WithRestart, OnTheWayBack):
    pass


class TestOnTheWayBackWithSecond(deployed.WithSecond, OnTheWayBack):
    pass


class TestOnce(deployed.DeployedCase):
    """However often it is asked for, and by whomever, it is done once."""

    database = "mysql"
    conductors = 2

    def _cast(self, *operation_ids: str) -> None:
        speak_over(self, self.deployment.broker)
        for uuid in operation_ids:
            rpc.client().cast(self.context, "run_operation", uuid=uuid)

    def test_cast_delivered_again(self) -> None:
        pod = self.pod(systems=4)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Allocate$")
        uuid = self.compose(podm_id, "one")
        gate.wait()
        self._cast(*[uuid] * 6)
        other = self.compose(podm_id, "two")
        self.assertEqual("succeeded", self.ended(other).state)
        gate.open()
        operation = self.ended(uuid)
        self._cast(uuid, uuid)
        other = self.compose(podm_id, "three")
        self.assertEqual("succeeded", self.ended(other).state)
        self.assertEqual(
            ("succeeded", 1), (operation.state, operation.attempts)
        )
        self.assertEqual(
            operation.updated_at,
            objects.Operation.get(self.context, uuid).updated_at,
        )
        self.assertEqual(3, len(pod.nodes))
        self.assert_agreement(pod, podm_id)

    def test_claimed_by_many(self) -> None:
        pod = self.pod(systems=8)
        podm_id = self.register(pod)
        client = environment.Client(make_application(no_cast))
        gate = deployed.Gate(pod, "POST", "Allocate$", times=8)
        uuids = [self.compose(podm_id, f"n{n}", client) for n in range(8)]
        # Two conductors sweep, and hear of each of them from both sides.
        self._cast(*uuids, *reversed(uuids), *uuids)
        gate.wait(8)
        gate.open()
        operations = [self.ended(uuid) for uuid in uuids]
        self.assertEqual(
            {("succeeded", 1)}, {(o.state, o.attempts) for o in operations}
        )
        allocated = [c for c in pod.calls if c.path.endswith("Allocate")]
        self.assertEqual(8, len(allocated))
        self.assert_agreement(pod, podm_id)


class TestClaim(testscenarios.WithScenarios, deployed.base.TestCase):
    """The database alone decides who carries out an operation."""

    scenarios = [(kind, {"kind": kind}) for kind in services.Database.KINDS]

    def test_one_claim_wins(self) -> None:
        database = self.useFixture(services.Database(self.kind))
        env = self.useFixture(
            environment.Environment(url=database.url, conductor=False)
        )
        claims: list[tuple[str, str]] = []
        uuids = []
        for number in range(10):
            answer = env.api.post(
                "/v1/pod_managers",
                {
                    "name": f"p{number}",
                    "url": f"http://127.0.0.1:{number + 1}",
                },
            )
            uuids.append(deployed.operation_of(answer))
        start = threading.Barrier(8)

        def claim(host: str) -> None:
            start.wait()
            for uuid in uuids:
                if db_operations.claim(uuid, host):
                    claims.append((uuid, host))

        threads = [
            threading.Thread(target=claim, args=(f"host-{number}",))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(uuids), sorted(uuid for uuid, _ in claims))
        for uuid, host in claims:
            operation = objects.Operation.get(env.context, uuid)
            self.assertEqual(
                (host, 1), (operation.conductor, operation.attempts)
            )


class TestBroker(deployed.DeployedCase):
    """The message bus comes and goes; the rows stay."""

    database = "postgresql"
    conductors = 2
    options = {"conductor": {"heartbeat_timeout": 600}}

    @classmethod
    def setUpClass(cls) -> None:
        cls.rabbit = services.RabbitMQ()
        cls.rabbit.setUp()
        cls.addClassCleanup(cls.rabbit.cleanUp)
        cls.broker = cls.rabbit.url
        super().setUpClass()

    def test_broker_away_and_back(self) -> None:
        pod = self.pod(systems=8)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Allocate$", times=2)
        running = [self.compose(podm_id, f"early{n}") for n in range(2)]
        gate.wait(2)
        self.rabbit.stop()
        began = time.monotonic()
        without = [self.compose(podm_id, f"without{n}") for n in range(3)]
        self.assertLess(time.monotonic() - began, 60)
        gate.open()
        for uuid in running + without:
            self.assertEqual("succeeded", self.ended(uuid).state)
        # A conductor can start and work although there is no broker.
        self.deployment.conductors[0].restart()
        self.deployment.conductors[1].kill()
        alone = self.compose(podm_id, "alone")
        self.assertEqual("succeeded", self.ended(alone).state)
        self.rabbit.start()
        self.deployment.conductors[1].start()
        after = self.compose(podm_id, "after")
        self.assertEqual("succeeded", self.ended(after).state)
        self.assert_agreement(pod, podm_id)
        # And both hear of work again, as the one which sweeps rarely shows.
        speak_over(self, self.broker)
        processes.poll(self._conductors_answer, "they answer calls")

    def _conductors_answer(self) -> bool:
        """Whether each conductor answers a call that names it."""
        try:
            for conductor in self.deployment.conductors:
                rpc.client(timeout=10).prepare(server=conductor.host).call(
                    self.context,
                    "object_class_action_versions",
                    objname="Flavor",
                    objmethod="find",
                    object_versions={"Flavor": "1.0"},
                    args=[],
                    kwargs={},
                )
        except oslo_messaging.MessagingTimeout:
            return False
        return True


del AnyMoment, OnTheWayBack
