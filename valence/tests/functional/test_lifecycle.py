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

"""The main job on each dialect: register, compose, power, boot, release."""

import testscenarios

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures.environment import Environment

load_tests = testscenarios.load_tests_apply_scenarios


class TestLifecycle(base.TestCase):
    scenarios = [
        (dialect, {"dialect": dialect})
        for dialect in ("1.2.1", "2.1", "2.3", "2.5")
    ]

    def test_main_job(self) -> None:
        env = self.useFixture(
            Environment(PodSpec(dialect=self.dialect, systems=4))
        )
        (pod,) = env.pods
        podm = env.register()
        self.assertEqual("Online", podm["status"])
        self.assertEqual(4, len(env.api.get("/v1/systems").json))
        self.assertEqual(1, len(env.api.get("/v1/racks").json))
        flavor = env.api.post(
            "/v1/flavors",
            {
                "name": "small",
                "properties": {
                    "memory": {"capacity_mib": "4096"},
                    "processor": {"total_cores": 4},
                },
            },
        )
        self.assertEqual(201, flavor.status)

        asked = env.api.post(
            "/v1/nodes", {"name": "one", "flavor_id": "small"}
        )
        self.assertEqual(202, asked.status)
        self.assertEqual("composing", asked.json["provision_state"])
        operation = env.api.ended(asked)
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertEqual(100, operation["progress"])
        self.assertEqual(
            [
                "choose pod manager",
                f"try pod manager {podm['name']}",
                "allocate",
                "wait for allocation",
                "assemble",
                "wait for assembly",
                "record",
                "read assets",
            ],
            [step["name"] for step in operation["steps"]],
        )
        for step in operation["steps"]:
            self.assertEqual("succeeded", step["state"])
            self.assertLessEqual(step["started_at"], step["ended_at"])

        node = env.api.get("/v1/nodes/one").json
        self.assertEqual("composed", node["provision_state"])
        self.assertEqual(podm["uuid"], node["podm_id"])
        (on_pod,) = pod.nodes
        self.assertEqual(node["index"], str(on_pod.id))
        self.assertEqual(node["resource_uri"].split("/")[-1], node["index"])
        in_use = env.api.get("/v1/systems?state=in_use").json
        self.assertEqual([node["uuid"]], [s["node_id"] for s in in_use])
        self.assertEqual(3, len(pod.free_systems()))

        done = env.api.post(
            "/v1/nodes/one/action", {"Reset": {"Type": "On"}}, wait=60
        )
        self.assertEqual(204, done.status, done)
        self.assertEqual(
            "On", env.api.get("/v1/nodes/one").json["power_state"]
        )
        done = env.api.post(
            "/v1/nodes/one/action",
            {"Boot": {"Target": "Pxe", "Enabled": "Once"}},
            wait=60,
        )
        self.assertEqual(204, done.status, done)
        boot = env.api.get("/v1/nodes/one").json["boot"]
        self.assertEqual(("Pxe", "Once"), (boot["target"], boot["enabled"]))
        assets = env.api.get("/v1/nodes/one/assets").json
        self.assertTrue(assets["processors"])
        self.assertTrue(assets["memory"])
        self.assertTrue(env.api.get("/v1/nodes/one/storages").json)

        refused = env.api.delete(f"/v1/pod_managers/{podm['uuid']}")
        self.assertEqual(409, refused.status)
        self.assertIn("'one'", refused.error["detail"])

        gone = env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual(404, env.api.get("/v1/nodes/one").status)
        self.assertEqual([], pod.nodes)
        self.assertEqual(4, len(pod.free_systems()))
        self.assertEqual([], env.api.get("/v1/systems?state=in_use").json)
        gone = env.api.delete(f"/v1/pod_managers/{podm['uuid']}")
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], env.api.get("/v1/systems").json)

    def test_answer_to_who_waits(self) -> None:
        env = self.useFixture(
            Environment(PodSpec(dialect=self.dialect, systems=1))
        )
        env.register()
        answer = env.api.post("/v1/nodes", {"name": "one"}, wait=30)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("wait=30", answer.headers["Preference-Applied"])
        self.assertTrue(answer.json["index"])
        self.assertTrue(answer.json["resource_uri"])
        answer = env.api.post("/v1/nodes", {"name": "two"}, wait=30)
        self.assertEqual(409, answer.status, answer)
        self.assertIn("pod-0", answer.error["detail"])
