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

"""The main job through real processes, a real broker and real databases."""

import pathlib

from valence.tests.functional import deployed

from valence.tests.fixtures import processes  # isort: skip


class MainJob(deployed.DeployedCase):
    """An API process with the database, one without, two conductors."""

    conductors = 2

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        options = processes.merged(
            cls.deployment.options, {"api": {"object_backend": "conductor"}}
        )
        # It has neither the one nor the other.
        del options["database"], options["secrets"]
        without = processes.Api(options)
        without.setUp()
        cls.addClassCleanup(without.cleanUp)
        cls.without_database = without

    def _main_job(self, client) -> None:
        pods = [
            self.pod(dialect=dialect, systems=2)
            for dialect in ("1.2.1", "2.5")
        ]
        flavor = client.post(
            "/v1/flavors",
            {
                "name": f"small-{pods[0].port}",
                "properties": {
                    "memory": {"capacity_mib": "4096"},
                    "processor": {"total_cores": 4},
                },
            },
        )
        self.assertEqual(201, flavor.status, flavor)
        for pod in pods:
            podm = client.post(
                "/v1/pod_managers", deployed.registration(pod), wait=60
            )
            self.assertEqual("Online", podm.json["status"], podm)
            podm_id = podm.json["uuid"]
            systems = client.get(f"/v1/systems?podm_id={podm_id}").json
            self.assertEqual(2, len(systems))
            name = f"node-{pod.port}"
            asked = client.post(
                "/v1/nodes",
                {
                    "name": name,
                    "podm_id": podm_id,
                    "flavor_id": flavor.json["uuid"],
                },
            )
            operation = client.ended(asked)
            self.assertEqual("succeeded", operation["state"], operation)
            node = client.get(f"/v1/nodes/{name}").json
            self.assertEqual("composed", node["provision_state"])
            self.assert_agreement(pod, podm_id)
            for action in (
                {"Reset": {"Type": "On"}},
                {"Boot": {"Target": "Pxe", "Enabled": "Once"}},
            ):
                done = client.post(f"/v1/nodes/{name}/action", action, wait=60)
                self.assertEqual(204, done.status, done)
            node = client.get(f"/v1/nodes/{name}").json
            self.assertEqual("On", node["power_state"])
            self.assertEqual("Pxe", node["boot"]["target"])
            self.assertEqual("On", pod.nodes[0].power)
            gone = client.delete(f"/v1/nodes/{name}", wait=60)
            self.assertEqual(204, gone.status, gone)
            self.assertEqual(404, client.get(f"/v1/nodes/{name}").status)
            self.assertEqual([], pod.nodes)
            self.assert_agreement(pod, podm_id)
            gone = client.delete(f"/v1/pod_managers/{podm_id}")
            self.assertEqual(204, gone.status, gone)

    def test_main_job(self) -> None:
        self._main_job(self.api)

    def test_main_job_without_database_credentials(self) -> None:
        config = pathlib.Path(self.without_database.config).read_text()
        self.assertNotIn(self.deployment.database.url, config)
        self._main_job(self.without_database.client())

    def test_errors_cross_the_bus(self) -> None:
        client = self.without_database.client()
        missing = client.get("/v1/nodes/none-of-this-name")
        self.assertEqual(404, missing.status, missing)
        self.assertEqual("resource.not_found", missing.error["code"])
        flavor = {"name": "twice", "properties": {}}
        self.assertEqual(201, client.post("/v1/flavors", flavor).status)
        refused = client.post("/v1/flavors", flavor)
        self.assertEqual(409, refused.status, refused)
        self.assertIn("name", refused.error["detail"])
        pod = self.pod(systems=1)
        podm_id = self.register(pod)
        self.composed(podm_id, "here")
        refused = client.delete(f"/v1/pod_managers/{podm_id}")
        self.assertEqual(409, refused.status, refused)
        self.assertIn("'here'", refused.error["detail"])
        bad = client.get("/v1/nodes?marker=no-uuid")
        self.assertEqual(400, bad.status, bad)
        key = {"Idempotency_Key": f"key-{pod.port}"}
        flavor = {"name": "once", "properties": {}}
        answers = [client.post("/v1/flavors", flavor, **key) for _ in "ab"]
        self.assertEqual([201, 201], [answer.status for answer in answers])
        self.assertEqual(answers[0].json, answers[1].json)

    def test_providers_without_database_credentials(self) -> None:
        client = self.without_database.client()

        def done(status, method, path, body=None):
            answer = client.request(method, path, body)
            self.assertEqual(status, answer.status, answer)
            return answer.json if answer.text else None

        pod = self.pod(dialect="2.5", systems=1, devices=2)
        podm_id = self.register(pod)
        self.composed(podm_id, "holder")
        name = f"CUSTOM_{pod.port}"
        done(201, "POST", "/v1/resource_classes", {"name": name})
        body = {"name": "pool", "podm_id": podm_id}
        pool = done(201, "POST", "/v1/resource_providers", body)["uuid"]
        path = f"/v1/resource_providers/{pool}"
        change = [{"op": "add", "path": "/description", "value": "Ours."}]
        done(200, "PATCH", path, change)
        has = {
            "resource_provider_generation": 0,
            "inventories": {name: {"total": 3, "allocation_ratio": 1.5}},
        }
        told = done(200, "PUT", f"{path}/inventories", has)
        self.assertEqual(told, done(200, "GET", f"{path}/inventories"))
        done(409, "PUT", f"{path}/inventories", has)
        has["resource_provider_generation"] = 1
        has["inventories"]["CUSTOM_UNHEARD_OF"] = {"total": 1}
        done(400, "PUT", f"{path}/inventories", has)
        traits = {"resource_provider_generation": 1, "traits": ["CUSTOM_A"]}
        told = done(200, "PUT", f"{path}/traits", traits)
        self.assertEqual(told, done(200, "GET", f"{path}/traits"))
        query = f"resources={name}:4&required=CUSTOM_A,!CUSTOM_B"
        (found,) = done(200, "GET", f"/v1/resource_providers?{query}")
        self.assertEqual((pool, 2), (found["uuid"], found["generation"]))
        wanted = {"allocations": {pool: {"resources": {name: 4}}}}
        done(204, "PUT", "/v1/allocations/holder", wanted)
        held = done(200, "GET", "/v1/allocations/holder")["allocations"]
        self.assertEqual({name: 4}, held[pool]["resources"])
        self.assertEqual({"CUSTOM_SYSTEM": 1}, held[podm_id]["resources"])
        usages = done(200, "GET", f"{path}/usages")["usages"]
        self.assertEqual({name: 4}, usages)
        wanted["allocations"][pool]["resources"][name] = 5
        refused = client.request("PUT", "/v1/allocations/holder", wanted)
        self.assertEqual("provider.not_enough", refused.error["code"])
        self.assertIn("it has 4 left", refused.error["detail"])
        for kept in (path, f"/v1/resource_classes/{name}"):
            refused = client.delete(kept)
            self.assertEqual("resource.in_use", refused.error["code"])
        done(204, "DELETE", "/v1/allocations/holder")
        done(204, "DELETE", path)
        done(204, "DELETE", f"/v1/resource_classes/{name}")
        stats = done(200, "GET", f"/v1/devices/stats?podm_id={podm_id}")
        self.assertEqual(2, sum(one["free"] for one in stats))
        podm = done(200, "GET", f"/v1/pod_managers/{podm_id}")
        self.assertEqual({"composed": 1}, podm["usage"]["nodes"])
        plan = {"dry_run": True, "podm_id": podm_id}
        refused = client.post("/v1/nodes", plan)
        self.assertEqual(409, refused.status, refused)
        (refusal,) = refused.error["refusals"]
        self.assertEqual({"CUSTOM_SYSTEM": 0}, refusal["free"])

    def test_both_conductors_work(self) -> None:
        pod = self.pod(systems=8)
        podm_id = self.register(pod)
        gate = deployed.Gate(pod, "POST", "Allocate$", times=8)
        operations = [self.compose(podm_id, f"n{n}") for n in range(8)]
        gate.wait(8)
        gate.open()
        ended = [self.ended(operation) for operation in operations]
        self.assertEqual({"succeeded"}, {o.state for o in ended})
        self.assertEqual(
            {"conductor-1", "conductor-2"}, {o.conductor for o in ended}
        )
        self.assert_agreement(pod, podm_id)


class TestOnMariaDB(MainJob):
    database = "mysql"


class TestOnPostgreSQL(MainJob):
    database = "postgresql"


# What only the two of them are run for.
del MainJob
