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
"""The life of pooled devices, on the databases that deployments have."""

import collections
import concurrent.futures
import typing

from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import services
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Environment

CALLERS = 16


class _Life:
    """What a device goes through."""

    kind: typing.ClassVar[str]

    @classmethod
    def make_environment(cls) -> Environment:
        cls.database = services.Database(cls.kind)
        cls.database.setUp()
        cls.addClassCleanup(cls.database.cleanUp)
        return Environment(
            PodSpec(dialect="2.3", systems=4, devices=4),
            EemSpec(servers=4, devices=4, kinds=("SSD", "NIC")),
            url=cls.database.url,
        )

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.env.register(0)
        cls.env.register(1, driver="expether")

    def tearDown(self) -> None:
        for node in self.env.api.get("/v1/nodes").json:
            gone = self.env.api.delete(f"/v1/nodes/{node['uuid']}", wait=60)
            self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.devices("state=allocated"))
        super().tearDown()

    def devices(self, query: str = "") -> list[dict[str, typing.Any]]:
        return self.env.api.get(f"/v1/devices?{query}").json

    def move(self, node: str, verb: str, ident: str, wait: int | None = 60):
        return self.env.api.post(
            f"/v1/nodes/{node}/action", {verb: {"uuid": ident}}, wait=wait
        )

    def sync(self) -> None:
        answer = self.env.api.post("/v1/devices/sync", {}, wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual({"SUCCESS"}, {one["status"] for one in answer.json})

    def test_life(self) -> None:
        uuids = {one["uuid"] for one in self.devices()}
        self.assertEqual(8, len(uuids))
        for podm, kind in (("pod-0", "NVMe"), ("pod-1", "SSD")):
            node = self.env.compose(
                name=f"on-{podm}",
                podm_id=podm,
                properties={"pci_device": {"type": [kind]}},
            )
            (held,) = self.devices(f"node_uuid={node['uuid']}")
            self.assertEqual(
                (kind, "allocated"), (held["type"], held["state"])
            )
            query = f"state=free&podm_id={node['podm_id']}"
            more = self.devices(query)[0]["uuid"]
            for verb, left in (("attach", 2), ("detach", 1), ("detach", 1)):
                answer = self.move(node["uuid"], verb, more)
                self.assertEqual(204, answer.status, answer)
                self.sync()
                found = self.devices(f"node_uuid={node['uuid']}")
                self.assertEqual(left, len(found), verb)
        for pod in self.env.pods:
            unit = pod.describe()["devices"][-1]["id"]
            pod.remove("devices", unit)
            self.sync()
            self.assertEqual(7, len(self.devices()))
            pod.add("devices", {"id": unit})
        self.sync()
        self.assertEqual(uuids, {one["uuid"] for one in self.devices()})

    def test_one_of_many_wins(self) -> None:
        nodes = [
            self.env.compose(podm_id=podm)["uuid"]
            for podm in ("pod-1", "pod-1", "pod-1", "pod-1")
        ]
        one = self.devices(
            f"podm_id={self.env.node(nodes[0]).podm_id}&state=free"
        )[0]["uuid"]

        def attach(number: int) -> Answer:
            return self.move(nodes[number % 4], "attach", one, None)

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(attach, range(CALLERS)))
        counts = collections.Counter(answer.status for answer in answers)
        self.assertEqual(1, counts[202], counts)
        # Who asks again for the node that has it already has what it wants.
        self.assertEqual(CALLERS - 1, counts[409] + counts[204], counts)
        (won,) = (answer for answer in answers if answer.status == 202)
        self.assertEqual("succeeded", self.env.api.ended(won)["state"])
        self.sync()
        (held,) = self.devices("state=allocated")
        (unit,) = (u for u in self.env.pods[1].devices if u.board)
        self.assertEqual(held["node_id"], unit.board.id)

    def test_many_reserve_the_same_pool(self) -> None:
        """Composing at once, each gets a device, and none gets two."""
        podm = self.env.api.get("/v1/pod_managers/pod-0").json["uuid"]
        there = len(self.devices(f"type=NVMe&podm_id={podm}"))
        self.assertLess(there, 4)
        asked = [
            self.env.api.post(
                "/v1/nodes",
                {
                    "podm_id": "pod-0",
                    "properties": {"pci_device": {"type": ["NVMe"]}},
                },
            )
            for _ in range(4)
        ]
        states = collections.Counter(
            self.env.api.ended(answer)["state"] for answer in asked
        )
        self.assertEqual(there, states["succeeded"], states)
        self.sync()
        held = self.devices("state=allocated")
        self.assertEqual(there, len({o["node_uuid"] for o in held}))
        self.assertEqual(there, len(held))


class TestOnMariaDB(_Life, base.SharedTestCase):
    kind = "mysql"


class TestOnPostgreSQL(_Life, base.SharedTestCase):
    kind = "postgresql"
