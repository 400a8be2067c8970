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
"""Pooled devices: found, kept true, given to nodes and taken back."""

import concurrent.futures
import typing

from valence import objects
from valence.db import inventory
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import processes
from valence.tests.fixtures.environment import Environment

MANY = 50


class DeviceCase(base.SharedTestCase):
    """Two pods with devices of their own."""

    dialect = "2.1"

    @classmethod
    def make_environment(cls) -> Environment:
        spec = PodSpec(dialect=cls.dialect, systems=4, devices=4)
        return Environment(spec, spec)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.podm, cls.other = cls.env.register(0), cls.env.register(1)

    def setUp(self) -> None:
        super().setUp()
        self.pod = self.env.pods[0]
        self.addCleanup(self._clear)

    def _clear(self) -> None:
        for pod in self.env.pods:
            pod.faults.clear()
        for node in self.env.api.get("/v1/nodes").json:
            gone = self.env.api.delete(f"/v1/nodes/{node['uuid']}", wait=60)
            self.assertEqual(204, gone.status, gone)
        self.assertEqual(
            [], self.env.api.get("/v1/devices?state=allocated").json
        )

    def devices(self, query: str = "") -> list[dict[str, typing.Any]]:
        podm = self.podm["uuid"]
        return self.env.api.get(f"/v1/devices?podm_id={podm}&{query}").json

    def device(self, ident: str) -> dict[str, typing.Any]:
        return self.env.api.get(f"/v1/devices/{ident}").json

    def move(self, node: str, verb: str, ident: str, wait: int | None = 60):
        return self.env.api.post(
            f"/v1/nodes/{node}/action", {verb: {"uuid": ident}}, wait=wait
        )

    def sync(self) -> None:
        answer = self.env.api.post(
            "/v1/devices/sync", {"podm_id": self.podm["uuid"]}, wait=60
        )
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(["SUCCESS"], [one["status"] for one in answer.json])


class Devices(DeviceCase):
    def test_sync_of_all_with_a_key(self) -> None:
        key = {"Idempotency_Key": "all-of-them"}
        for _ in "twice":
            answer = self.env.api.post("/v1/devices/sync", wait=60, **key)
            self.assertEqual(200, answer.status, answer)
            self.assertEqual(
                ["SUCCESS"] * 2, [one["status"] for one in answer.json]
            )

    def test_found_by_themselves(self) -> None:
        found = self.devices()
        self.assertEqual(4, len(found))
        self.assertEqual({"free"}, {one["state"] for one in found})
        for field in (
            "uuid",
            "podm_id",
            "node_id",
            "type",
            "properties",
            "pooled_group_id",
            "state",
            "extra",
            "created_at",
            "deleted_at",
        ):
            self.assertIn(field, found[0])
        self.assertEqual(
            self.env.api.get("/v1/devices").text,
            self.env.api.get("/v1/pooled").text,
        )
        self.assertEqual(8, len(self.env.api.get("/v1/devices").json))

    def test_filters(self) -> None:
        one = self.devices()[0]
        for name in (
            "type",
            "state",
            "podm_id",
            "pooled_group_id",
            "resource_uri",
        ):
            found = self.env.api.get(f"/v1/devices?{name}={one[name]}").json
            self.assertIn(one["uuid"], [d["uuid"] for d in found], name)
            self.assertEqual({one[name]}, {d[name] for d in found})
        self.assertEqual(4, len(self.devices("type=storage")))
        self.assertEqual([], self.devices("type=storage&state=allocated"))
        self.assertEqual([], self.devices("node_id=nobody"))
        bad = self.env.api.get("/v1/devices?colour=red")
        self.assertEqual(400, bad.status)

    def test_attach_and_detach(self) -> None:
        node = self.env.compose(name="one", podm_id="pod-0")
        for key, one in zip(
            ("resource_id", "device_id", "uuid"), self.devices(), strict=False
        ):
            answer = self.env.api.post(
                "/v1/nodes/one/action",
                {"attach": {key: one["uuid"]}},
                wait=60,
            )
            self.assertEqual(204, answer.status, answer)
            seen = self.device(one["uuid"])
            self.assertEqual("allocated", seen["state"])
            self.assertEqual(node["index"], seen["node_id"])
            self.assertEqual(node["uuid"], seen["node_uuid"])
        self.sync()  # the hardware agrees
        held = self.devices(f"node_id={node['index']}")
        self.assertEqual(3, len(held))
        self.assertEqual({"allocated"}, {one["state"] for one in held})
        for verb, _ in (("detach", 1), ("detach", 2)):  # again: harmless
            answer = self.move("one", verb, held[0]["uuid"])
            self.assertEqual(204, answer.status, answer)
            seen = self.device(held[0]["uuid"])
            self.assertEqual("free", seen["state"])
            self.assertIsNone(seen["node_id"])
            self.assertIsNone(seen["node_uuid"])
        # What is left goes back with the node.
        gone = self.env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.sync()
        self.assertEqual({"free"}, {one["state"] for one in self.devices()})

    def test_refused_with_a_reason(self) -> None:
        self.env.compose(name="one", podm_id="pod-0")
        self.env.compose(name="two", podm_id="pod-0")
        one, elsewhere = self.devices()[0], None
        for found in self.env.api.get("/v1/devices").json:
            if found["podm_id"] == self.other["uuid"]:
                elsewhere = found
        answer = self.move("one", "attach", elsewhere["uuid"])
        self.assertEqual(409, answer.status, answer)
        self.assertIn("another pod manager", answer.error["detail"])
        answer = self.move("one", "attach", "D1")
        self.assertEqual(404, answer.status, answer)
        answer = self.move("one", "attach", one["uuid"])
        self.assertEqual(204, answer.status, answer)
        for verb in ("attach", "detach"):
            answer = self.move("two", verb, one["uuid"])
            self.assertEqual(409, answer.status, answer)
            self.assertIn("node 'one'", answer.error["detail"])
        answer = self.env.api.post(
            "/v1/nodes/one/action",
            {"attach": {"uuid": one["uuid"], "device_id": one["uuid"]}},
        )
        self.assertEqual(400, answer.status, answer)

    def test_composed_with_devices(self) -> None:
        kind = self.devices()[0]["type"]
        left = len(self.devices(f"type={kind}")) - 2
        wanted = {"pci_device": {"type": [kind, kind]}}
        node = self.env.compose(name="one", podm_id="pod-0", properties=wanted)
        held = self.devices(f"node_uuid={node['uuid']}")
        self.assertEqual(["allocated"] * 2, [one["state"] for one in held])
        answer = self.env.api.post(
            "/v1/nodes",
            {
                "name": "two",
                "properties": {"pci_device": {"type": [kind] * 5}},
            },
            wait=60,
        )
        self.assertEqual(409, answer.status, answer)
        for free in (left, left + 2):
            self.assertIn(
                f"5 of type {kind} needed, {free} free",
                answer.error["detail"],
            )

    def test_compose_that_fails_half_way_returns_its_devices(self) -> None:
        kind = self.devices()[0]["type"]
        self.pod.faults.add(point="attach", status=500, times=None)
        answer = self.env.api.post(
            "/v1/nodes",
            {
                "name": "one",
                "podm_id": "pod-0",
                "properties": {"pci_device": {"type": [kind, kind]}},
            },
            wait=60,
        )
        self.assertGreaterEqual(answer.status, 400, answer)
        node = self.env.api.get("/v1/nodes/one").json
        self.assertEqual("compose_failed", node["provision_state"], node)
        self.assertEqual({"free"}, {one["state"] for one in self.devices()})
        self.assertEqual([], self.pod.nodes)

    def test_a_node_in_error_keeps_its_system(self) -> None:
        for point in ("assemble", "delete"):
            self.pod.faults.add(point=point, status=500, times=None)
        self.env.api.post(
            "/v1/nodes", {"name": "one", "podm_id": "pod-0"}, wait=60
        )
        node = self.env.api.get("/v1/nodes/one").json
        self.assertEqual("error", node["provision_state"], node)
        self.sync()
        (used,) = self.env.api.get("/v1/systems?state=in_use").json
        self.assertEqual(node["uuid"], used["node_id"])
        self.pod.faults.clear()
        gone = self.env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.env.api.get("/v1/systems?state=in_use").json)

    def test_attach_that_fails_frees_the_device(self) -> None:
        self.env.compose(name="one", podm_id="pod-0")
        one = self.devices()[0]
        for effect in (
            {"status": 500},
            {"cut": "before"},
            {"cut": "after"},
        ):
            self.pod.faults.add(point="attach", **effect)
            self.move("one", "attach", one["uuid"])
            seen = self.device(one["uuid"])
            self.assertIn(seen["state"], ("free", "allocated"))
            node = self.env.api.get("/v1/nodes/one").json
            self.assertEqual("composed", node["provision_state"])
            self.sync()
            self.assertEqual(
                seen["state"], self.device(one["uuid"])["state"], effect
            )
            answer = self.move("one", "detach", one["uuid"])
            self.assertEqual(204, answer.status, answer)

    def test_one_of_many_wins(self) -> None:
        """Callers at once for one device: it goes to one node."""
        names = [f"node-{n}" for n in range(4)]
        for name in names:
            self.env.compose(name=name, podm_id="pod-0")
        one = self.devices()[0]
        with concurrent.futures.ThreadPoolExecutor(MANY) as pool:
            answers = list(
                pool.map(
                    lambda n: self.move(
                        names[n % 4], "attach", one["uuid"], wait=None
                    ),
                    range(MANY),
                )
            )
        accepted = [a for a in answers if a.status == 202]
        refused = [a for a in answers if a.status == 409]
        harmless = [a for a in answers if a.status == 204]
        self.assertEqual(1, len(accepted))
        self.assertEqual(MANY - 1, len(refused) + len(harmless))
        self.assertEqual("succeeded", self.env.api.ended(accepted[0])["state"])
        winner = self.device(one["uuid"])["node_uuid"]
        self.sync()
        self.assertEqual(winner, self.device(one["uuid"])["node_uuid"])
        held = [held.id for held in self.pod.pool if held.node]
        self.assertEqual(1, len(held))

    def test_unplugged_and_plugged_again(self) -> None:
        one = self.devices()[0]
        (unit,) = (
            unit
            for unit in self.pod.pool
            if one["resource_uri"].endswith(unit.id)
        )
        self.pod.remove("devices", unit.id)
        self.sync()
        self.assertNotIn(one["uuid"], [d["uuid"] for d in self.devices()])
        self.assertIsNotNone(self.device(one["uuid"])["deleted_at"])
        self.env.compose(name="one", podm_id="pod-0")
        answer = self.move("one", "attach", one["uuid"])
        self.assertEqual(409, answer.status)
        self.assertIn("disappeared", answer.error["detail"])
        self.pod.add("devices", {"id": unit.id})
        self.sync()
        self.assertIsNone(self.device(one["uuid"])["deleted_at"])

    def test_what_was_written_meanwhile_is_kept(self) -> None:
        """A sync whose answers are older than an attach leaves it alone."""
        self.env.compose(name="one", podm_id="pod-0")
        before = inventory.seen(self.podm["uuid"])
        one = self.devices()[0]
        self.move("one", "attach", one["uuid"])
        stale = {
            device.index: {
                name: getattr(device, name)
                for name in (
                    "type",
                    "name",
                    "state",
                    "node_id",
                    "pooled_group_id",
                    "resource_uri",
                    "health",
                    "power_state",
                    "properties",
                    "extra",
                )
            }
            | {"state": "free", "node_id": None}
            for device in objects.Device.find(
                self.env.context, {"filters": {"podm_id": self.podm["uuid"]}}
            )
        }
        inventory.replace(self.podm["uuid"], before, {}, {}, stale)
        self.assertEqual("allocated", self.device(one["uuid"])["state"])
        self.sync()

    def test_assets_follow(self) -> None:
        self.env.compose(name="one", podm_id="pod-0")
        one = self.devices()[0]
        for verb, is_there in (("attach", True), ("detach", False)):
            self.assertEqual(204, self.move("one", verb, one["uuid"]).status)
            storages = self.env.api.get("/v1/nodes/one/storages").json
            uris = [item["resource_uri"] for item in storages]
            self.assertEqual(is_there, one["resource_uri"] in uris, uris)

    def test_refused_while_the_pod_manager_is_away(self) -> None:
        self.env.compose(name="one", podm_id="pod-0")
        self.pod.faults.add(cut="before", times=None)
        self.env.api.post("/v1/pod_managers/pod-0/sync", wait=60)
        answer = self.move("one", "attach", self.devices()[0]["uuid"])
        self.assertEqual(409, answer.status, answer)
        self.assertIn("pod-0 is Offline", answer.error["detail"])
        self.pod.faults.clear()
        self.sync()

    def test_audit(self) -> None:
        self.env.compose(name="one", podm_id="pod-0")
        self.sync()
        audit = self.env.api.get("/v1/pod_managers/pod-0/audit").json
        self.assertEqual(0, audit["findings"], audit)
        self.assertEqual(1, len(audit["nodes"]))
        self.assertEqual(4, len(audit["devices"]))


class DevicesOn23(Devices):
    dialect = "2.3"


class DevicesOn25(Devices):
    dialect = "2.5"


class TestNoAttach(base.TestCase):
    def test_a_pod_manager_that_cannot(self) -> None:
        env = self.useFixture(Environment(PodSpec(dialect="1.2.1")))
        podm = env.register()
        self.assertNotIn("attach", podm["capabilities"])
        self.assertNotIn("pci_device", podm["requirement_keys"])
        answer = env.api.post(
            "/v1/nodes",
            {
                "podm_id": "pod-0",
                "properties": {"pci_device": {"type": ["SSD"]}},
            },
        )
        self.assertEqual(400, answer.status, answer)
        self.assertIn("properties.pci_device", answer.error["detail"])


class TestPolling(base.TestCase):
    def test_each_change_is_seen_within_an_interval(self) -> None:
        self.conf.set("pod_manager", sync_interval=1)
        env = self.useFixture(Environment(PodSpec(systems=2, devices=2)))
        env.register()
        (pod,) = env.pods
        pod.change("systems", "1", {"health": "Critical"})

        def seen() -> bool:
            systems = env.api.get("/v1/systems").json
            return "Critical" in [one["health"] for one in systems]

        processes.poll(seen, "it is seen")
        pod.stop()
        processes.poll(
            lambda: (
                env.api.get("/v1/pod_managers/pod-0").json["status"]
                == "Offline"
            ),
            "it is seen",
        )
        self.assertEqual(2, len(env.api.get("/v1/systems").json))

    def test_polling_that_is_switched_on_again(self) -> None:
        self.conf.set("pod_manager", sync_interval=0)
        env = self.useFixture(Environment(PodSpec(systems=2)))
        podm = env.register()
        self.assertIsNone(podm["next_sync_at"])
        self.conf.set("pod_manager", sync_interval=60)
        processes.poll(
            lambda: (
                env.api.get("/v1/pod_managers/pod-0").json["next_sync_at"]
                is not None
            ),
            "it is planned",
        )

    def test_a_pod_that_is_away_delays_no_other(self) -> None:
        env = self.useFixture(Environment(PodSpec(), PodSpec(), PodSpec()))
        for number in range(3):
            env.register(number)
        env.pods[1].faults.add(delay=600, times=None)
        self.conf.set("pod_manager", timeout=5.0)
        env.conductor._connections.close()
        answer = env.api.post("/v1/devices/sync", {}, wait=60)
        outcomes = {one["name"]: one for one in answer.json}
        self.assertEqual("SUCCESS", outcomes["pod-0"]["status"], outcomes)
        self.assertEqual("FAILED", outcomes["pod-1"]["status"], outcomes)
        self.assertTrue(outcomes["pod-1"]["reason"])
        self.assertEqual("SUCCESS", outcomes["pod-2"]["status"], outcomes)
