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
"""A conductor is killed while it attaches or detaches: never half."""

import typing

from valence.tests.functional import deployed  # isort: skip
import testscenarios

from valence import objects
from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes

Request = tuple[str, str]

#: What moves a device, and what is then read to see that it moved.
HARDWARE: list[tuple[str, dict[str, typing.Any]]] = [
    (
        "RSD",
        {
            "spec": PodSpec(dialect="2.1", systems=2, devices=2),
            "driver": "redfishv1",
            "acts": {
                "attach": ("POST", "AttachEndpoint$"),
                "detach": ("POST", "DetachEndpoint$"),
            },
            "look": ("GET", r"/Nodes/\d+$"),
        },
    ),
    (
        "ExpEther",
        {
            "spec": EemSpec(servers=2, devices=2),
            "driver": "expether",
            "acts": {
                "attach": ("PUT", "group_id$"),
                "detach": ("DELETE", "group_id$"),
            },
            "look": ("GET", r"/devices/0x\w+$"),
        },
    ),
]
MOMENTS = [
    (f"{verb} {moment}", {"verb": verb, "moment": moment})
    for verb in ("attach", "detach")
    for moment in ("before the act", "after the act")
]


class Killed(testscenarios.WithScenarios, deployed.CrashCase):
    scenarios = testscenarios.multiply_scenarios(HARDWARE, MOMENTS)

    def setUp(self) -> None:
        super().setUp()
        (self.pod,) = self.useFixture(environment.Pods(self.spec)).pods
        self.podm_id = self.register(self.pod, driver=self.driver)
        self.node = self.composed(self.podm_id, "one")
        self.device, self.other = objects.Device.find(
            self.context, {"filters": {"podm_id": self.podm_id}}
        )
        # With the other device the server has its group already.
        self._move("attach", self.other)
        if self.verb == "detach":
            self._move("attach", self.device)

    def _ask(self, verb: str, device: objects.Device) -> str:
        answer = self.api.post(
            "/v1/nodes/one/action", {verb: {"uuid": device.uuid}}
        )
        self.assertEqual(202, answer.status, answer)
        return deployed.operation_of(answer)

    def _move(self, verb: str, device: objects.Device) -> None:
        operation = self.ended(self._ask(verb, device))
        self.assertEqual("succeeded", operation.state, operation)

    def _states(self) -> dict[str, str]:
        """What rows say of each device, after the hardware was asked."""
        answer = self.api.post("/v1/devices/sync", {}, wait=60)
        self.assertEqual(200, answer.status, answer)
        return {
            device.uuid: device.state
            for device in objects.Device.find(
                self.context, {"filters": {"podm_id": self.podm_id}}
            )
        }

    def test_killed(self) -> None:
        gate = deployed.Gate(self.pod, *self.acts[self.verb])
        uuid = self._ask(self.verb, self.device)
        gate.wait()
        if self.moment == "after the act":
            look = deployed.Gate(self.pod, *self.look)
            gate.open()
            look.wait()
            gate = look
        seen = len(self.pod.calls)
        self.carry_on(uuid)
        processes.poll(
            lambda: len(self.pod.calls) > seen, "somebody looks again"
        )
        gate.open()
        operation = self.ended(uuid)
        self.assertEqual("succeeded", operation.state, operation)
        self.assertEqual(2, operation.attempts)
        wanted = "allocated" if self.verb == "attach" else "free"
        rows = objects.Device.get(self.context, self.device.uuid)
        self.assertEqual(wanted, rows.state)
        self.assertEqual(
            {self.device.uuid: wanted, self.other.uuid: "allocated"},
            self._states(),
        )
        node = objects.Node.get(self.context, "one")
        self.assertEqual("composed", node.provision_state)
        self.assertIsNone(node.operation_id)
        gone = self.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual({"free"}, set(self._states().values()))


class TestKilledWithRestart(deployed.WithRestart, Killed):
    pass


class TestKilledWithSecond(deployed.WithSecond, Killed):
    pass


del Killed  # only what it is made into is a test
