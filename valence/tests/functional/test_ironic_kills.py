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
"""Conductors are killed at any moment, again and again: no orphan is left.

Nodes are composed, attached to, enrolled, taken out, enrolled again and
released, several at once. ``VALENCE_RANDOM_KILLS`` says how many times a
conductor is killed meanwhile, ``VALENCE_RANDOM_SEED`` which moments these are.
"""

from valence.tests.functional import with_ironic  # isort: skip
import collections
import concurrent.futures
import os
import random
import re
import threading
import time
import typing

import testtools.content

from valence import objects
from valence.tests.fixtures import environment
from valence.tests.functional import books
from valence.tests.functional import deployed

KILLS = int(os.environ.get("VALENCE_RANDOM_KILLS", "6"))
SEED = os.environ.get("VALENCE_RANDOM_SEED") or str(random.randrange(10**9))
#: Lives that go on at once.
LIVES = 3
ENROLL = {
    "driver": "fake-hardware",
    "target": "available",
    "traits": ["CUSTOM_FAST"],
}
#: Longer than the longest time without anybody who is alive.
PATIENCE = 120


class TestRandomKills(with_ironic.DeployedCase):
    database = "mysql"
    conductors = 2
    options: typing.ClassVar = {
        "conductor": {
            "heartbeat_timeout": 5,
            # Nobody is as unlucky as those who live here.
            "max_attempts": 1000,
        }
    }
    settings: typing.ClassVar = {"settle_time": 2, "timeout": 20}

    def setUp(self) -> None:
        super().setUp()
        self.fiend = random.Random(SEED)
        self.enough = threading.Event()
        self.asked: list[str] = []
        #: Step at which a conductor died → how often.
        self.struck: collections.Counter[str] = collections.Counter()

    def test_no_orphan(self) -> None:
        pod = self.pod(
            dialect="2.5",
            systems=LIVES,
            profiles=("D",),
            devices=2 * LIVES,
            disks=("PCIe-400", "NVMe-800"),
        )
        podm_id = self.register(pod)
        with concurrent.futures.ThreadPoolExecutor(LIVES) as pool:
            lives = [
                pool.submit(self._live, f"life-{number}", podm_id)
                for number in range(LIVES)
            ]
            try:
                for _ in range(KILLS):
                    if not any(life.done() for life in lives):
                        self._kill()
            finally:
                self.enough.set()
            for life in lives:
                life.result()
        self.assert_nothing_left(pod, podm_id)
        self.assertEqual([], [*books.added_up(), *books.counted()])
        self.assertTrue(self.struck, "nobody was at work")
        if "VALENCE_RANDOM_KILLS" in os.environ:
            print(self._told())

    def _told(self) -> str:
        """At which steps the conductors died that were killed."""
        lines = [f"seed {SEED}, {KILLS} kills, operations struck at"]
        for step, count in sorted(self.struck.items()):
            lines.append(f"{count:5} {step}")
        return "\n".join(lines)

    def _attach_logs(self, exc_info: object) -> None:
        super()._attach_logs(exc_info)
        self.addDetail("moments", testtools.content.text_content(self._told()))

    def _kill(self) -> None:
        """Kill one that has work; another may have to wait for its end."""
        time.sleep(self.fiend.uniform(0, 1))
        host = self.fiend.choice(self.deployment.conductors)
        host.kill()
        for operation in objects.Operation.find(
            self.context, {"filters": {"state": "running"}}
        ):
            if operation.conductor == host.host:
                steps = operation.steps or [{"name": "nothing yet"}]
                name = re.sub("[0-9a-f]{2}:.*", "", steps[-1]["name"])
                self.struck[f"{operation.kind}: {name}"] += 1
        # At times the others have taken it for dead by then.
        time.sleep(self.fiend.choice((0, 0, 4)))
        host.start()

    def _live(self, name: str, podm_id: str) -> None:
        """From compose to release, until it is enough."""
        api = self.deployment.apis[0].client()
        while not self.enough.is_set():
            composed = {
                "name": name,
                "podm_id": podm_id,
                "properties": {"pci_device": {"type": ["SSD"]}},
            }
            self._done(api.post("/v1/nodes", composed | {"enroll": ENROLL}))
            node = objects.Node.get(self.context, name)
            self._assert_enrolled(node, "CUSTOM_SSD")
            attach = {"attach": {"type": "NVMe"}}
            self._done(api.post(f"/v1/nodes/{name}/action", attach))
            self._assert_enrolled(node, "CUSTOM_SSD", "CUSTOM_NVME")
            self._done(api.post(f"/v1/nodes/{name}/unregister", {}))
            self.assertNotIn(node.uuid, self.in_ironic())
            self._done(api.post(f"/v1/nodes/{name}/register", ENROLL))
            self._assert_enrolled(node, "CUSTOM_SSD", "CUSTOM_NVME")
            self._done(api.delete(f"/v1/nodes/{name}"))
            self.assertNotIn(node.uuid, self.in_ironic())

    def _done(self, answer: environment.Answer) -> None:
        self.assertEqual(202, answer.status, answer)
        operation = self.ended(deployed.operation_of(answer), PATIENCE)
        self.assertEqual("succeeded", operation.state, operation)

    def _assert_enrolled(self, node: objects.Node, *traits: str) -> None:
        """It is there, with one port and what it is to have."""
        shown = self.ironic.request("GET", f"/v1/nodes/{node.uuid}")
        self.assertEqual("available", shown["provision_state"])
        self.assertEqual({"CUSTOM_FAST", *traits}, set(shown["traits"]))
        ports = self.ironic.request("GET", f"/v1/ports?node={node.uuid}")
        self.assertEqual(1, len(ports["ports"]), ports)
