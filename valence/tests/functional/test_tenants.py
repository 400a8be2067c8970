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

"""What tenants do by themselves, and what they are told."""

import concurrent.futures
import json

import requests

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import tokens
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Client
from valence.tests.fixtures.environment import Environment

#: What only those read who may know of the hardware.
TELLING = ("pod-0", "podm_id", "resource_uri", "redfish", "127.0.0.1:")


class TestTenants(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            Environment(PodSpec(dialect="2.5", systems=4, devices=4))
        )
        self.env.register()
        self.tokens = self.useFixture(tokens.Tokens(self.conf))
        self.member = self.tokens.client("member", "project-a")
        self.admin = self.tokens.client("admin", "project-of-admins")

    def nothing_told(self, *clients: Client) -> None:
        """See that no answer has told of shared hardware."""
        for client in clients:
            for answer in client.answers:
                for word in TELLING:
                    self.assertNotIn(word, answer.text)

    def composed(self, client: Client, **fields: object) -> Answer:
        answer = client.post("/v1/nodes", fields, wait=60)
        self.assertEqual(200, answer.status, answer)
        return answer

    def test_from_flavor_to_release(self) -> None:
        self.admin.post(
            "/v1/flavors",
            {"name": "small", "properties": {"memory": {"capacity_mib": 1}}},
        )
        node = self.composed(self.member, name="web", flavor_id="small").json
        self.assertEqual("project-a", node["project_id"])
        self.assertEqual("composed", node["provision_state"])
        path = "/v1/nodes/web"
        # The pool is not seen; a device is had by its type.
        self.assertEqual([], self.member.get("/v1/devices").json)
        answer = self.member.post(
            f"{path}/action", {"attach": {"type": "storage"}}, wait=60
        )
        self.assertEqual(204, answer.status, answer)
        (device,) = self.member.get("/v1/devices").json
        self.assertEqual(node["uuid"], device["node_uuid"])
        self.assertEqual("allocated", device["state"])
        for request in (
            {"Reset": {"Type": "On"}},
            {"Boot": {"Target": "Pxe"}},
            {"detach": {"uuid": device["uuid"]}},
        ):
            answer = self.member.post(f"{path}/action", request, wait=60)
            self.assertEqual(204, answer.status, answer)
        self.assertEqual([], self.member.get("/v1/devices").json)
        for what in ("assets", "storages"):
            self.assertEqual(200, self.member.get(f"{path}/{what}").status)
        kinds = [
            operation["kind"]
            for operation in self.member.get("/v1/operations").json
        ]
        self.assertEqual(
            ["compose", "attach", "reset", "boot", "detach"], kinds
        )
        answer = self.member.delete(path, wait=60)
        self.assertEqual(204, answer.status, answer)
        self.nothing_told(self.member)

    def test_a_free_device_is_not_named(self) -> None:
        self.composed(self.member, name="web")
        (free, *_) = self.admin.get("/v1/devices?state=free").json
        for action in ("attach", "detach"):
            answer = self.member.post(
                "/v1/nodes/web/action", {action: {"uuid": free["uuid"]}}
            )
            self.assertEqual(404, answer.status, answer)
        self.assertEqual(
            404, self.member.get(f"/v1/devices/{free['uuid']}").status
        )
        # Who sees the pool may choose, for a node of anybody's.
        node = self.member.get("/v1/nodes/web").json["uuid"]
        answer = self.admin.post(
            f"/v1/nodes/{node}/action",
            {"attach": {"uuid": free["uuid"]}},
            wait=60,
        )
        self.assertEqual(204, answer.status, answer)
        # What was done to the node is its owner's to see.
        (_, attach) = self.member.get("/v1/operations").json
        self.assertEqual(
            ("attach", "project-a"), (attach["kind"], attach["project_id"])
        )
        self.nothing_told(self.member)

    def test_no_device_of_a_type(self) -> None:
        self.composed(self.member, name="web")
        for kind in ("Toaster", "TPM"):
            answer = self.member.post(
                "/v1/nodes/web/action", {"attach": {"type": kind}}
            )
            self.assertEqual(409, answer.status, answer)
            self.assertEqual("device.none_free", answer.error["code"])
        for body in (
            {"type": "SSD", "uuid": "x"},
            {},
            {"type": ""},
            {"type": None},
            {"type": 1},
        ):
            answer = self.member.post("/v1/nodes/web/action", {"attach": body})
            self.assertEqual(400, answer.status, (body, answer))
        answer = self.member.post(
            "/v1/nodes/web/action", {"detach": {"type": "SSD"}}
        )
        self.assertEqual(400, answer.status, answer)

    def test_many_ask_for_a_type_at_once(self) -> None:
        names = [f"web-{n}" for n in range(4)]
        for name in names:
            self.composed(self.member, name=name)
        free = self.admin.get("/v1/devices?state=free&type=storage").json
        wanted = names[: len(free)] if len(free) < 4 else names
        spare = max(0, 4 - len(free))

        def attach(name: str) -> int:
            return self.member.post(
                f"/v1/nodes/{name}/action", {"attach": {"type": "storage"}}, 30
            ).status

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(attach, names))
        self.assertEqual([204] * len(wanted) + [409] * spare, statuses)
        held = self.member.get("/v1/devices").json
        self.assertEqual(len(wanted), len({d["node_uuid"] for d in held}))

    def test_what_a_refusal_tells(self) -> None:
        too_much = {"memory": {"capacity_mib": 2**30}}
        answer = self.member.post(
            "/v1/nodes", {"name": "big", "properties": too_much}, wait=60
        )
        self.assertEqual(409, answer.status, answer)
        self.assertEqual("node.no_pod_manager", answer.error["code"])
        self.assertIn("Nothing that is free", answer.error["detail"])
        node = self.member.get("/v1/nodes/big").json
        self.assertEqual("compose_failed", node["provision_state"])
        self.assertEqual(answer.error["detail"], node["last_error"])
        (operation,) = self.member.get("/v1/operations?fields=uuid").json
        path = f"/v1/operations/{operation['uuid']}"
        shown = self.member.get(path).json
        self.assertEqual(answer.error["detail"], shown["last_error"])
        self.assertEqual("failed", shown["steps"][-1]["state"])
        self.assertNotIn("message", json.dumps(shown["steps"]))
        self.assertEqual(["filter", "needed"], sorted(shown["refusals"][0]))
        self.nothing_told(self.member)
        # Administrators read all of it.
        whole = self.admin.get(path).json
        self.assertIn("pod-0", whole["last_error"])
        self.assertIn("message", whole["steps"][-1])

    def test_what_broken_hardware_tells(self) -> None:
        self.composed(self.member, name="web")
        self.env.pods[0].faults.add(point="reset", status=500, times=None)
        answer = self.member.post(
            "/v1/nodes/web/action", {"Reset": {"Type": "On"}}, wait=60
        )
        self.assertGreaterEqual(answer.status, 400, answer)
        self.assertIn("hardware", answer.error["detail"])
        self.member.get("/v1/nodes/web")
        self.member.get("/v1/operations")
        self.nothing_told(self.member)

    def test_a_dry_run(self) -> None:
        answer = self.member.post("/v1/nodes", {"dry_run": True})
        self.assertEqual(200, answer.status, answer)
        self.assertEqual({"refusals": []}, answer.json)
        self.assertEqual([], self.member.get("/v1/nodes").json)
        too_much = {"memory": {"capacity_mib": 2**30}}
        answer = self.member.post(
            "/v1/nodes", {"dry_run": True, "properties": too_much}
        )
        self.assertEqual(409, answer.status, answer)
        self.nothing_told(self.member)

    def test_placing_is_for_administrators(self) -> None:
        for body in ({"podm_id": "pod-0"}, {"podm_id": "no-such-pod"}):
            answer = self.member.post("/v1/nodes", body)
            self.assertEqual(403, answer.status, answer)
            self.assertEqual("policy.forbidden_field", answer.error["code"])
            self.assertIn("'podm_id'", answer.error["detail"])

    def test_hardware_is_not_named_in_properties(self) -> None:
        manager = self.tokens.client("manager", "project-a")
        for properties, field in (
            ({"placement": {"rack": "1"}}, "placement.rack"),
            ({"placement": {"location": "x"}}, "placement.location"),
            (
                {
                    "remote_storage": {
                        "capacity_gib": 1,
                        "master": {
                            "type": "Clone",
                            "resource": "/redfish/v1/of-another",
                        },
                    }
                },
                "remote_storage.master",
            ),
            (
                {
                    "remote_storage": {
                        "capacity_gib": 1,
                        "iscsi_address": "iqn.of.another",
                    }
                },
                "remote_storage.iscsi_address",
            ),
        ):
            for answer in (
                self.member.post("/v1/nodes", {"properties": properties}),
                manager.post(
                    "/v1/flavors", {"name": "x", "properties": properties}
                ),
            ):
                self.assertEqual(403, answer.status, answer)
                self.assertIn(f"'properties.{field}'", answer.error["detail"])
            made = self.admin.post(
                "/v1/flavors", {"name": field, "properties": properties}
            )
            self.assertEqual(201, made.status, made)
            answer = self.member.post("/v1/nodes", {"flavor_id": field})
            self.assertEqual(202, answer.status, answer)
            self.member.ended(answer)

    def test_adopting_for_a_project(self) -> None:
        (pod,) = self.env.pods
        made = requests.post(
            f"{pod.url}/redfish/v1/Nodes/Actions/Allocate",
            json={"Name": "old"},
            auth=("admin", "admin"),
            timeout=60,
        )
        self.assertEqual(201, made.status_code, made.text)
        pod.change("nodes", "1", {"state": "Assembled"})
        answer = self.admin.post(
            "/v1/nodes/manage",
            {
                "podm_id": "pod-0",
                "node_index": "1",
                "name": "web",
                "project_id": "project-a",
            },
            wait=60,
        )
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(200, self.member.get("/v1/nodes/web").status)
        (operation,) = self.member.get("/v1/operations").json
        self.assertEqual("manage", operation["kind"])

    def test_work_on_pod_managers_is_no_project_s(self) -> None:
        admins = self.tokens.client("member", "project-of-admins")
        answer = self.admin.post("/v1/pod_managers/pod-0/sync", wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual([], admins.get("/v1/operations").json)
        kinds = {o["kind"] for o in self.admin.get("/v1/operations").json}
        self.assertIn("sync", kinds)
