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
"""NEC ExpEther: every request of its driver's document, as it stands there.

Host and ids apart; with ``Prefer: wait`` the answers are those shown there.
"""

import typing

from valence.simulator import EemSpec
from valence.tests import base
from valence.tests.fixtures.environment import Environment

FREE_POOL = "4093"


class ExpEtherCase(base.SharedTestCase):
    @classmethod
    def make_environment(cls) -> Environment:
        return Environment(
            EemSpec(servers=3, devices=6, kinds=("SSD", "NIC")),
            EemSpec(servers=3, devices=2, kinds=("SSD", "NIC")),
        )

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.podms = [
            cls.env.register(n, driver="expether", name=f"podm{n + 1}")
            for n in range(2)
        ]

    def setUp(self) -> None:
        super().setUp()
        self.eem = self.env.pods[0]
        self.podm_id = self.podms[0]["uuid"]
        self.addCleanup(self._clear)

    def _clear(self) -> None:
        self.eem.faults.clear()
        for node in self.env.api.get("/v1/nodes").json:
            gone = self.env.api.delete(f"/v1/nodes/{node['uuid']}", wait=60)
            self.assertEqual(204, gone.status, gone)
        for eem, number in zip(self.env.pods, (6, 2), strict=True):
            self.assertEqual(number, len(eem.free_devices()))

    def devices(self, query: str = "") -> list[dict[str, typing.Any]]:
        return self.env.api.get(
            f"/v1/devices?podm_id={self.podm_id}&{query}"
        ).json

    def post(self, path: str, body: object, wait: int = 60):
        return self.env.api.post(path, body, wait=wait)


class TestDocument(ExpEtherCase):
    def test_pod_manager(self) -> None:
        (shown,) = self.env.api.get("/v1/pod_managers?name=podm1").json
        self.assertEqual("Online", shown["status"])
        self.assertEqual("expether", shown["driver"])
        self.assertTrue(shown["url"].endswith("/eem"))
        self.assertEqual(
            [
                {
                    "type": "basic",
                    "auth_items": {"username": "admin", "password": "***"},
                }
            ],
            shown["authentication"],
        )
        self.assertEqual(["pci_device"], shown["requirement_keys"])

    def test_compose_by_properties_and_by_flavor(self) -> None:
        answer = self.post(
            "/v1/nodes",
            {
                "podm_id": self.podm_id,
                "name": "node1",
                "properties": {"pci_device": {"type": ["NIC"]}},
            },
        )
        self.assertEqual(200, answer.status, answer)
        node = answer.json
        self.assertEqual("node1", node["name"])
        self.assertEqual(f"devices/{node['index']}", node["resource_uri"])
        self.assertIn(node["index"], [unit.id for unit in self.eem.servers])
        (held,) = self.devices(f"node_id={node['index']}")
        self.assertEqual("NIC", held["type"])
        self.assertEqual("allocated", held["state"])
        self.assertNotEqual(FREE_POOL, held["pooled_group_id"])

        flavor = self.env.api.post(
            "/v1/flavors",
            {"name": "f", "properties": {"pci_device": {"type": ["SSD"]}}},
        ).json
        self.addCleanup(self.env.api.delete, f"/v1/flavors/{flavor['uuid']}")
        answer = self.post(
            "/v1/nodes",
            {
                "podm_id": self.podm_id,
                "name": "node2",
                "flavor_id": flavor["uuid"],
            },
        )
        self.assertEqual(200, answer.status, answer)
        self.assertNotEqual(node["index"], answer.json["index"])

    def test_manage(self) -> None:
        index = self.eem.servers[0].id
        body = {"podm_id": self.podm_id, "node_index": index}
        answer = self.post("/v1/nodes/manage", body)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(index, answer.json["index"])
        self.assertEqual(index, answer.json["name"])
        self.assertEqual(f"devices/{index}", answer.json["resource_uri"])
        again = self.post("/v1/nodes/manage", body)
        self.assertEqual(409, again.status, again)
        # A box is no server.
        box = self.eem.devices[0].id
        answer = self.post(
            "/v1/nodes/manage", {"podm_id": self.podm_id, "node_index": box}
        )
        self.assertIn(answer.status, (400, 404), answer)
        # Another manager may have a server of the same id.
        other = {"podm_id": self.podms[1]["uuid"], "node_index": index}
        if index in [unit.id for unit in self.env.pods[1].servers]:
            answer = self.post("/v1/nodes/manage", other)
            self.assertEqual(200, answer.status, answer)

    def test_list_attach_and_detach(self) -> None:
        node = self.post(
            "/v1/nodes", {"podm_id": self.podm_id, "name": "node1"}
        ).json
        listed = self.devices()
        self.assertEqual(6, len(listed))
        for one in listed:
            self.assertIsNone(one["node_id"])
            self.assertEqual(FREE_POOL, one["pooled_group_id"])
            self.assertEqual("free", one["state"])
            self.assertTrue(one["resource_uri"].startswith("devices/0x"))
            self.assertIn("vendor_name", one["extra"])
        one = listed[0]
        path = f"/v1/nodes/{node['uuid']}/action"
        answer = self.env.api.post(
            path, {"attach": {"resource_id": one["uuid"]}}
        )
        operation = self.env.api.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)
        (held,) = self.devices("state=allocated")
        self.assertEqual(node["index"], held["node_id"])
        answer = self.post(path, {"detach": {"resource_id": one["uuid"]}})
        self.assertEqual(204, answer.status, answer)
        self.assertEqual(FREE_POOL, self.devices()[0]["pooled_group_id"])

    def test_first_group_of_a_server_is_warned_of(self) -> None:
        """Its board may take the group only when it is started again."""
        node = self.post("/v1/nodes", {"podm_id": "podm2"}).json
        self.assertEqual(
            {"4094"}, {unit.group_id for unit in self.env.pods[1].servers}
        )
        one = self.env.api.get(f"/v1/devices?podm_id={node['podm_id']}").json[
            0
        ]
        answer = self.env.api.post(
            f"/v1/nodes/{node['uuid']}/action",
            {"attach": {"device_id": one["uuid"]}},
        )
        operation = self.env.api.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertIn("start", " ".join(operation["warnings"]))

    def test_only_pci_device_can_be_asked_for(self) -> None:
        answer = self.post(
            "/v1/nodes",
            {
                "podm_id": self.podm_id,
                "properties": {"memory": {"capacity_mib": 1024}},
            },
        )
        self.assertEqual(400, answer.status, answer)
        self.assertIn("properties.memory", answer.error["detail"])

    def test_power_is_not_its_business(self) -> None:
        self.post("/v1/nodes", {"podm_id": self.podm_id, "name": "node1"})
        answer = self.post("/v1/nodes/node1/action", {"Reset": {"Type": "On"}})
        self.assertEqual(409, answer.status, answer)
        self.assertIn("IPMI", answer.error["detail"])


class TestLimits(ExpEtherCase):
    def test_half_a_compose_goes_back(self) -> None:
        """The second device is refused: the first is free again."""
        self.eem.faults.add(
            point="group_set", status=500, times=None, path=self._nics()
        )
        answer = self.post(
            "/v1/nodes",
            {
                "podm_id": self.podm_id,
                "name": "node1",
                "properties": {"pci_device": {"type": ["SSD", "NIC"]}},
            },
        )
        self.assertGreaterEqual(answer.status, 400, answer)
        self.assertEqual(6, len(self.eem.free_devices()))
        self.assertEqual(6, len(self.devices("state=free")))
        node = self.env.api.get("/v1/nodes/node1").json
        self.assertEqual("compose_failed", node["provision_state"])

    def _nics(self) -> str:
        names = [d["resource_uri"] for d in self.devices("type=NIC")]
        return "|".join(names)

    def test_server_that_was_taken_by_hand_is_passed_by(self) -> None:
        """The inventory says free; the hardware knows better."""
        board, box = self.eem.servers[0], self.eem.devices[0]
        self.eem.change("servers", board.id, {"group_id": "4000"})
        self.eem.change("devices", box.id, {"group_id": "4000"})
        answer = self.post("/v1/nodes", {"podm_id": "podm1", "name": "n"})
        self.assertEqual(200, answer.status, answer)
        self.assertNotEqual(board.id, answer.json["index"])
        self.assertEqual("4000", box.group_id)
        self.eem.change("devices", box.id, {"group_id": FREE_POOL})

    def test_more_servers_than_there_are(self) -> None:
        for number in range(3):
            answer = self.post(
                "/v1/nodes", {"podm_id": "podm1", "name": f"n{number}"}
            )
            self.assertEqual(200, answer.status, answer)
        answer = self.post("/v1/nodes", {"podm_id": "podm1", "name": "n3"})
        self.assertEqual(409, answer.status, answer)
        self.assertIn("no free system", answer.error["detail"])


class TestMost(base.TestCase):
    def test_more_than_a_server_can_hold(self) -> None:
        """A 10G board holds eight; the ninth is a conflict, not a failure."""
        env = self.useFixture(
            Environment(EemSpec(servers=1, devices=9, cards=("10g",)))
        )
        env.register(driver="expether")
        devices = env.api.get("/v1/devices").json
        # Names are told on 40G cards only.
        self.assertIsNone(devices[0]["extra"]["vendor_name"])
        env.compose(name="node1")
        for number, one in enumerate(devices, 1):
            answer = env.api.post(
                "/v1/nodes/node1/action",
                {"attach": {"uuid": one["uuid"]}},
                wait=60,
            )
            self.assertEqual(
                204 if number <= 8 else 409, answer.status, answer
            )
        self.assertIn("8", answer.error["detail"])
        free = env.api.get("/v1/devices?state=free").json
        self.assertEqual([devices[-1]["uuid"]], [d["uuid"] for d in free])


class TestFailedCompose(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            Environment(EemSpec(servers=2, devices=3, kinds=("SSD",)))
        )
        self.env.register(driver="expether")
        (self.eem,) = self.env.pods

    def compose(self) -> dict[str, typing.Any]:
        answer = self.env.api.post(
            "/v1/nodes",
            {
                "name": "one",
                "podm_id": "pod-0",
                "properties": {"pci_device": {"type": ["SSD", "SSD"]}},
            },
            wait=60,
        )
        self.assertGreaterEqual(answer.status, 400, answer)
        return self.env.api.get("/v1/nodes/one").json

    def test_what_others_put_on_a_server_stays_there(self) -> None:
        """It came since the last sync, and the look at the server fails."""
        for kind, unit in (
            ("servers", self.eem.servers[0]),
            ("devices", self.eem.devices[2]),
        ):
            self.eem.change(kind, unit.id, {"group_id": "77"})
        self.eem.faults.add(point="device", status=500)
        self.assertEqual("compose_failed", self.compose()["provision_state"])
        self.assertEqual("77", self.eem.devices[2].group_id)

    def test_a_node_in_error_keeps_its_server(self) -> None:
        for point, unit in (
            ("group_set", self.eem.devices[1]),
            ("group_delete", self.eem.devices[0]),
        ):
            self.eem.faults.add(
                point=point, path=unit.id, status=500, times=None
            )
        node = self.compose()
        self.assertEqual("error", node["provision_state"], node)
        self.eem.faults.clear()
        self.env.api.post("/v1/devices/sync", {}, wait=60)
        (used,) = self.env.api.get("/v1/systems?state=in_use").json
        self.assertEqual(node["uuid"], used["node_id"])
        gone = self.env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.env.api.get("/v1/systems?state=in_use").json)
