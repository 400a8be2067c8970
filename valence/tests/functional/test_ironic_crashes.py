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
"""Conductors that die while they are at work in Ironic."""

from valence.tests.functional import deployed  # isort: skip
import typing

import testscenarios

from valence import objects
from valence.simulator import Pod
from valence.tests.fixtures import processes
from valence.tests.fixtures.openstack import Ironic
from valence.tests.fixtures.proxy import Proxy
from valence.tests.functional import with_ironic

NODE = "/v1/nodes/[0-9a-f-]{36}$"

#: Where an enrollment is held: request, which of those that look alike, and
#: the step that is then under way.
ENROLLING = {
    "look before": ("GET", NODE, 1, "look in ironic"),
    "look for the node": ("GET", NODE, 2, "enroll in ironic"),
    "make the node": ("POST", "/v1/nodes$", 1, "enroll in ironic"),
    "make a port": ("POST", "/v1/ports$", 1, "create port"),
    "add a trait": ("PUT", "/traits/", 1, "add trait"),
    "manage": ("PUT", "/states/provision$", 1, "manage"),
    "provide": ("PUT", "/states/provision$", 2, "provide"),
}
LEAVING = {
    "look": ("GET", NODE, 1, "take out of ironic"),
    "delete": ("DELETE", NODE, 1, "take out of ironic"),
}
ENROLL = {
    "driver": "fake-hardware",
    "target": "available",
    "traits": ["CUSTOM_FAST"],
}


def each(
    held_at: dict[str, tuple[str, str, int, str]],
) -> list[tuple[str, dict[str, typing.Any]]]:
    """Before Ironic acts, and when it has."""
    return [
        (
            f"{when} {name}",
            {"held_at": held_at[name], "after": when == "after"},
        )
        for name in held_at
        for when in ("before", "after")
    ]


class IronicCrashCase(testscenarios.WithScenarios, deployed.CrashCase):
    ironic: typing.ClassVar[Ironic]
    proxy: typing.ClassVar[Proxy]

    held_at: tuple[str, str, int, str]
    after: bool

    @classmethod
    def setUpClass(cls) -> None:
        cls.ironic = Ironic(options=with_ironic.OF_IRONIC)
        cls.ironic.setUp()
        cls.addClassCleanup(cls.ironic.cleanUp)
        cls.proxy = Proxy(cls.ironic.url)
        cls.proxy.setUp()
        cls.addClassCleanup(cls.proxy.cleanUp)
        group = {
            **with_ironic.QUICK,
            # Whoever carries on waits for what may still be on its way.
            "settle_time": 3,
            "timeout": 20,
            "auth_type": "none",
            "endpoint_override": cls.proxy.url,
        }
        cls.options = processes.merged(cls.options, {"ironic": group})
        super().setUpClass()

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self._clean)

    def _clean(self) -> None:
        self.proxy.heal()
        for node_id in self.in_ironic():
            self.ironic.send("DELETE", f"/v1/nodes/{node_id}")

    def in_ironic(self, kind: str = "nodes") -> list[str]:
        found = self.ironic.request("GET", f"/v1/{kind}")[kind]
        return sorted(one["uuid"] for one in found)

    def kill_at(self, operation_id: str) -> None:
        """Wait until it is held, kill who does it, see others carry on."""
        step = self.held_at[-1]
        self.held.wait()
        steps = objects.Operation.get(self.context, operation_id).steps
        self.assertIn(step, steps[-1]["name"])
        seen = len(self.proxy.exchanges)
        self.carry_on(operation_id)
        # What was on its way arrives only after the next one has looked.
        processes.poll(
            lambda: len(self.proxy.exchanges) > seen, "somebody looks"
        )
        self.held.release()

    def hold(self) -> None:
        method, path, nth, _ = self.held_at
        self.held = self.proxy.on(method, path, nth=nth).hang(after=self.after)

    def enroll(self, podm_id: str) -> str:
        """Ask for a node that is enrolled; returns the operation."""
        answer = self.api.post(
            "/v1/nodes",
            {"name": "one", "podm_id": podm_id, "enroll": ENROLL},
        )
        self.assertEqual(202, answer.status, answer)
        return deployed.operation_of(answer)

    def enrolled(self) -> tuple[Pod, str]:
        """A pod with a node that is enrolled."""
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        operation = self.ended(self.enroll(podm_id))
        self.assertEqual("succeeded", operation.state, operation)
        return pod, podm_id

    def assert_nothing_left(self, pod: Pod, podm_id: str) -> None:
        self.assertEqual([], self.in_ironic())
        self.assertEqual([], self.in_ironic("ports"))
        self.assertEqual([], pod.nodes)
        self.assert_agreement(pod, podm_id)


class Enrolling(IronicCrashCase):
    scenarios = each(ENROLLING)

    def test_carried_on(self) -> None:
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.hold()
        uuid = self.enroll(podm_id)
        self.kill_at(uuid)
        operation = self.ended(uuid)
        self.assertEqual("succeeded", operation.state, operation)
        self.assertEqual(2, operation.attempts)
        self.assertIsNone(operation.secrets)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("enrolled", node.provision_state)
        self.assertEqual([node.uuid], self.in_ironic())
        self.assertEqual(1, len(self.in_ironic("ports")))
        shown = self.ironic.request("GET", f"/v1/nodes/{node.uuid}")
        self.assertEqual("available", shown["provision_state"])
        self.assertEqual(["CUSTOM_FAST"], shown["traits"])
        self.assertEqual(1, len(pod.nodes))
        gone = self.api.delete("/v1/nodes/one", wait=30)
        self.assertEqual(204, gone.status, gone)
        self.assert_nothing_left(pod, podm_id)

    def test_cancelled_and_killed(self) -> None:
        """Whoever takes it up goes back, and finds what there is."""
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.hold()
        uuid = self.enroll(podm_id)
        self.held.wait()
        cancelled = self.api.post(f"/v1/operations/{uuid}/cancel", {})
        self.assertEqual(202, cancelled.status, cancelled)
        self.carry_on(uuid)
        self.held.release()
        operation = self.ended(uuid)
        self.assertEqual("cancelled", operation.state, operation)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("compose_failed", node.provision_state)
        self.assertEqual("valence", node.managed_by)
        self.assert_nothing_left(pod, podm_id)


class Registering(IronicCrashCase):
    """A node that stood composed before."""

    scenarios = each(ENROLLING)

    def asked(self) -> tuple[Pod, str, str]:
        """A node whose registering is held: pod, its uuid, operation."""
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.composed(podm_id, "one")
        self.hold()
        answer = self.api.post("/v1/nodes/one/register", ENROLL)
        self.assertEqual(202, answer.status, answer)
        return pod, podm_id, deployed.operation_of(answer)

    def test_carried_on(self) -> None:
        pod, podm_id, uuid = self.asked()
        self.kill_at(uuid)
        operation = self.ended(uuid)
        self.assertEqual("succeeded", operation.state, operation)
        node = objects.Node.get(self.context, "one")
        self.assertEqual([node.uuid], self.in_ironic())
        self.assertEqual(1, len(self.in_ironic("ports")))
        self.api.delete("/v1/nodes/one", wait=30)
        self.assert_nothing_left(pod, podm_id)

    def test_cancelled_and_killed(self) -> None:
        pod, podm_id, uuid = self.asked()
        self.held.wait()
        self.api.post(f"/v1/operations/{uuid}/cancel", {})
        self.carry_on(uuid)
        self.held.release()
        self.assertEqual("cancelled", self.ended(uuid).state)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("composed", node.provision_state)
        self.assertEqual("valence", node.managed_by)
        self.assertEqual([], self.in_ironic())
        self.api.delete("/v1/nodes/one", wait=30)
        self.assert_nothing_left(pod, podm_id)


class Leaving(IronicCrashCase):
    scenarios = each(LEAVING)

    def test_release(self) -> None:
        pod, podm_id = self.enrolled()
        self.hold()
        uuid = deployed.operation_of(self.api.delete("/v1/nodes/one"))
        self.kill_at(uuid)
        self.assertEqual("succeeded", self.ended(uuid).state)
        self.assertEqual(404, self.api.get("/v1/nodes/one").status)
        self.assert_nothing_left(pod, podm_id)

    def test_unregister(self) -> None:
        pod, podm_id = self.enrolled()
        self.hold()
        uuid = deployed.operation_of(
            self.api.post("/v1/nodes/one/unregister", {})
        )
        self.kill_at(uuid)
        self.assertEqual("succeeded", self.ended(uuid).state)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("composed", node.provision_state)
        self.assertEqual("valence", node.managed_by)
        self.assertEqual([], self.in_ironic())
        self.api.delete("/v1/nodes/one", wait=30)
        self.assert_nothing_left(pod, podm_id)

    def test_on_the_way_back(self) -> None:
        """Killed while it takes out what it had put there."""
        pod = self.pod(systems=2)
        podm_id = self.register(pod)
        self.proxy.on("POST", "/v1/ports$").answer(400, "{}")
        method, path, nth, _ = self.held_at
        # Two looks came before on the way there.
        nth += 2 if method == "GET" else 0
        self.held = self.proxy.on(method, path, nth=nth).hang(after=self.after)
        uuid = self.enroll(podm_id)
        self.kill_at(uuid)
        operation = self.ended(uuid)
        self.assertEqual("failed", operation.state, operation)
        self.assertEqual("provisioner.bad_request", operation.error_code)
        node = objects.Node.get(self.context, "one")
        self.assertEqual("compose_failed", node.provision_state)
        self.assert_nothing_left(pod, podm_id)


class TestEnrollingRestart(deployed.WithRestart, Enrolling):
    pass


class TestEnrollingSecond(deployed.WithSecond, Enrolling):
    pass


class TestRegistering(deployed.WithSecond, Registering):
    pass


class TestLeavingRestart(deployed.WithRestart, Leaving):
    pass


class TestLeavingSecond(deployed.WithSecond, Leaving):
    pass


del IronicCrashCase, Enrolling, Registering, Leaving
