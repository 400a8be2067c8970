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

"""Pod managers: trust, changed credentials, and true inventories."""

import pathlib

import sqlalchemy as sa

from valence import objects
from valence.db import api
from valence.db import engine
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures.environment import Environment
from valence.tests.fixtures.environment import Pods


class TestTrust(base.TestCase):
    def test_certificates_are_verified(self) -> None:
        env = self.useFixture(Environment())
        pods = self.useFixture(
            Pods(PodSpec(systems=1), tls=True, make_certificate=True)
        )
        body = {
            "name": "tls",
            "url": pods.pods[0].url,
            "authentication": [
                {
                    "type": "basic",
                    "auth_items": {"username": "admin", "password": "admin"},
                }
            ],
        }
        self.assertTrue(body["url"].startswith("https://"))
        answer = env.api.post("/v1/pod_managers", body, wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("Offline", answer.json["status"], answer)
        self.assertIn("certificate", answer.json["status_reason"])

        own = pathlib.Path(pods.ca_file).read_text()
        answer = env.api.patch(
            "/v1/pod_managers/tls",
            [{"op": "add", "path": "/ca_certificate", "value": own}],
            wait=60,
        )
        self.assertEqual("Online", answer.json["status"], answer)
        answer = env.api.patch(
            "/v1/pod_managers/tls",
            [
                {"op": "remove", "path": "/ca_certificate"},
                {"op": "replace", "path": "/verify_ca", "value": False},
            ],
            wait=60,
        )
        self.assertEqual("Online", answer.json["status"], answer)


class TestInventory(base.SharedTestCase):
    @classmethod
    def make_environment(cls) -> Environment:
        return Environment(
            PodSpec(dialect="2.1", systems=3), PodSpec(dialect="2.5")
        )

    def _sync(self, name: str = "pod-0") -> dict[str, object]:
        answer = self.env.api.post(f"/v1/pod_managers/{name}/sync")
        operation = self.env.api.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)
        return self.env.api.get(f"/v1/pod_managers/{name}").json

    def test_inventory_follows_the_hardware(self) -> None:
        first = self.env.register(0)
        second = self.env.register(1)
        systems = {
            s["index"]: s
            for s in self.env.api.get(
                f"/v1/systems?podm_id={first['uuid']}"
            ).json
        }
        self.assertEqual(3, len(systems))
        self.assertEqual(7, len(self.env.api.get("/v1/systems").json))
        racks = self.env.api.get(f"/v1/racks?podm_id={second['uuid']}").json
        self.assertEqual([second["uuid"]], [r["podm_id"] for r in racks])

        pod = self.env.pods[0]
        gone, changed, same = sorted(systems)
        pod.remove("systems", gone)
        pod.change("systems", changed, {"health": "Critical", "power": "On"})
        self._sync()
        now = {
            s["index"]: s
            for s in self.env.api.get(
                f"/v1/systems?podm_id={first['uuid']}"
            ).json
        }
        self.assertNotIn(gone, now)
        self.assertEqual(systems[changed]["uuid"], now[changed]["uuid"])
        self.assertEqual("Critical", now[changed]["health"])
        self.assertEqual("On", now[changed]["power_state"])
        self.assertEqual(systems[same], now[same], "was written for nothing")

        # What is pressed on the front of a node is seen too.
        node = self.env.compose(name="one", podm_id="pod-0")
        (on_pod,) = pod.nodes
        pod.change("systems", on_pod.system.id, {"power": "On"})
        self._sync()
        seen = self.env.api.get("/v1/nodes/one").json
        self.assertEqual("On", seen["power_state"])
        self.assertEqual(node["uuid"], seen["uuid"])

        with engine.reading() as connection:
            written = "SELECT updated_at, revision FROM systems ORDER BY id"
            before = connection.execute(sa.text(written)).all()
        self._sync()
        with engine.reading() as connection:
            after = connection.execute(sa.text(written)).all()
        self.assertEqual(before, after)

    def test_strings_of_any_length_are_kept(self) -> None:
        kept = api.clip(
            objects.System, {"name": "x" * 300 + "\0", "memory_mib": 5}
        )
        self.assertEqual({"name": "x" * 255, "memory_mib": 5}, kept)
