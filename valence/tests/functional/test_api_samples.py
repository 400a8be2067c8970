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


"""The samples of the API reference: what the API really takes and answers.

They are compared by their skeletons, the keys and the types of the values.
``GENERATE_SAMPLES=1`` writes them anew; the diff is what changes for clients.
"""

import datetime
import json
import os
import pathlib
import re
import typing
import uuid

import requests

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Environment

SAMPLES = pathlib.Path(__file__).parents[3] / "api-ref/source/samples"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


def skeleton(value: typing.Any) -> typing.Any:
    """Keys and types; the elements of a list are taken together."""
    if isinstance(value, dict):
        return {
            UUID.sub("uuid", key): skeleton(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        kinds = [skeleton(item) for item in value]
        return [kind for i, kind in enumerate(kinds) if kind not in kinds[:i]]
    return type(value).__name__


class Masks:
    """Gives what differs from run to run a value that does not.

    A uuid stays the same in all samples, and times keep their order.
    """

    def __init__(self, documents: typing.Iterable[str]) -> None:
        text = "".join(documents)
        found = dict.fromkeys(m[0] for m in UUID.finditer(text))
        self._uuids = {
            name: str(uuid.uuid5(uuid.NAMESPACE_URL, f"valence:{number}"))
            for number, name in enumerate(found)
        }
        start = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
        times = sorted({m[0] for m in TIME.finditer(text)})
        self._times = {
            time: (start + datetime.timedelta(seconds=number)).isoformat()
            for number, time in enumerate(times)
        }

    def apply(self, text: str) -> str:
        text = UUID.sub(lambda m: self._uuids[m[0]], text)
        text = TIME.sub(lambda m: self._times[m[0]], text)
        text = text.replace("http://localhost/", "http://127.0.0.1:8181/")
        return re.sub(r"(http://127\.0\.0\.1):(?!8181)\d+", r"\1:8443", text)


class TestApiSamples(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf.set("conductor", host="conductor-1")
        self.env = self.useFixture(
            Environment(
                PodSpec(dialect="2.5", devices=2, fpgas=1),
                PodSpec(dialect="1.2.1", systems=1),
            )
        )
        self.pod = self.env.pods[0]
        self.api = self.env.api
        self.samples: dict[str, str] = {}

    def keep(self, name: str, body: typing.Any) -> typing.Any:
        self.samples[name] = json.dumps(body, indent=4) + "\n"
        return body

    def sample(
        self,
        name: str,
        status: int,
        method: str,
        path: str,
        body: typing.Any = None,
        **options: typing.Any,
    ) -> Answer:
        """One call; its body and its answer are samples."""
        if body is not None:
            self.keep(f"{name}-request", body)
        answer = self.api.request(method, path, body, **options)
        self.assertEqual(status, answer.status, answer)
        if answer.text:
            self.keep(f"{name}-response", answer.json)
        return answer

    def ended(self, answer: Answer) -> None:
        operation = self.api.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)

    def test_samples(self) -> None:
        self.sample("versions-list", 200, "GET", "/")
        self.sample("version-show", 200, "GET", "/v1")
        self._pod_managers()
        self._inventory()
        self._flavors()
        self._nodes()
        self._providers()
        self._operations()
        if os.environ.get("GENERATE_SAMPLES"):
            self._write()
        self._compare()

    def _pod_managers(self) -> None:
        created = self.sample(
            "pod-manager-create",
            202,
            "POST",
            "/v1/pod_managers",
            {
                "name": "pod-1",
                "url": self.pod.url,
                "driver": "redfishv1",
                "authentication": [
                    {
                        "type": "basic",
                        "auth_items": {
                            "username": "admin",
                            "password": "admin",
                        },
                    }
                ],
                "location": "Room 2",
            },
        )
        self.ended(created)
        self.sample("pod-managers-list", 200, "GET", "/v1/pod_managers")
        one = "/v1/pod_managers/pod-1"
        self.sample("pod-manager-show", 200, "GET", one)
        change = [
            {"op": "replace", "path": "/location", "value": "Room 3"},
            {"op": "replace", "path": "/maintenance", "value": True},
        ]
        self.sample("pod-manager-update", 200, "PATCH", one, change)
        back = [{"op": "replace", "path": "/maintenance", "value": False}]
        self.api.patch(one, back)
        self.ended(self.sample("pod-manager-sync", 202, "POST", f"{one}/sync"))

    def _inventory(self) -> None:
        for noun in ("system", "rack"):
            found = self.sample(f"{noun}s-list", 200, "GET", f"/v1/{noun}s")
            path = f"/v1/{noun}s/{found.json[0]['uuid']}"
            self.sample(f"{noun}-show", 200, "GET", path)

    def _flavors(self) -> None:
        self.sample(
            "flavor-create",
            201,
            "POST",
            "/v1/flavors",
            {
                "name": "small",
                "description": "For web servers.",
                "properties": {
                    "memory": {"capacity_mib": 8192},
                    "processor": {"total_cores": 8},
                },
            },
        )
        self.sample("flavors-list", 200, "GET", "/v1/flavors")
        self.sample("flavor-show", 200, "GET", "/v1/flavors/small")
        path = "/properties/memory/capacity_mib"
        change = [{"op": "replace", "path": path, "value": 16384}]
        self.sample("flavor-update", 200, "PATCH", "/v1/flavors/small", change)

    def _nodes(self) -> None:
        wanted = {
            "name": "web-1",
            "description": "The first web server.",
            "flavor_id": "small",
            "podm_id": "pod-1",
        }
        self.ended(
            self.sample("node-compose", 202, "POST", "/v1/nodes", wanted)
        )
        self._plans()
        self._composed_by_another()
        self._devices()
        adopted = {"name": "db-1", "podm_id": "pod-1", "node_index": "2"}
        self.ended(
            self.sample(
                "node-manage", 202, "POST", "/v1/nodes/manage", adopted
            )
        )
        self.sample("nodes-list", 200, "GET", "/v1/nodes")
        one = "/v1/nodes/web-1"
        self.sample("node-show", 200, "GET", one)
        self.sample("node-assets", 200, "GET", f"{one}/assets")
        self.sample("node-storages", 200, "GET", f"{one}/storages")
        change = [{"op": "add", "path": "/description", "value": "Web."}]
        self.sample("node-update", 200, "PATCH", one, change)
        path = f"{one}/action"
        reset = {"Reset": {"Type": "On"}}
        self.ended(self.sample("node-reset", 202, "POST", path, reset))
        boot = {"Boot": {"Target": "Pxe", "Enabled": "Once"}}
        self.ended(self.api.post(path, self.keep("node-boot-request", boot)))
        where = {
            "driver_info": {
                "address": "192.0.2.17",
                "username": "admin",
                "password": "secret",
            }
        }
        # There is no Ironic here; the answer comes before that is noticed.
        self.api.ended(
            self.sample("node-register", 202, "POST", f"{one}/register", where)
        )
        self.keep("node-unregister-request", {"force": False})
        self.ended(self.sample("node-release", 202, "DELETE", one))

    def _plans(self) -> None:
        self.env.register(1, name="pod-2")
        wanted = {
            "dry_run": True,
            "properties": {
                "pci_device": {"devices": [{"type": "NVMe", "count": 1}]}
            },
        }
        self.sample("node-dry-run", 200, "POST", "/v1/nodes", wanted)
        wanted["properties"]["pci_device"]["devices"][0]["count"] = 2
        refused = self.api.post("/v1/nodes", wanted)
        self.assertEqual(409, refused.status, refused)
        self.keep("error-refusals-response", refused.json)
        self.assertEqual(204, self.api.delete("/v1/pod_managers/pod-2").status)

    def _devices(self) -> None:
        (device,) = self.api.get("/v1/devices?type=SSD").json
        path = "/v1/nodes/web-1/action"
        which = {"device_id": device["uuid"]}
        self.ended(
            self.sample("node-attach", 202, "POST", path, {"attach": which})
        )
        self.sample("devices-list", 200, "GET", "/v1/devices")
        one = f"/v1/devices/{device['uuid']}"
        self.sample("device-show", 200, "GET", one)
        self.sample("devices-stats", 200, "GET", "/v1/devices/stats")
        self._sync()
        audit = "/v1/pod_managers/pod-1/audit"
        self.sample("pod-manager-audit", 200, "GET", audit)
        self.ended(
            self.sample("node-detach", 202, "POST", path, {"detach": which})
        )

    def _sync(self) -> None:
        # Those of one pod manager are read while this is waited for.
        one = {"podm_id": "pod-1"}
        self.sample("devices-sync", 202, "POST", "/v1/devices/sync", one)
        self.api.post("/v1/devices/sync", one, wait=30)

    def _composed_by_another(self) -> None:
        made = requests.post(
            f"{self.pod.url}/redfish/v1/Nodes/Actions/Allocate",
            json={"Name": "db-1"},
            auth=("admin", "admin"),
            timeout=10,
        )
        self.assertEqual(201, made.status_code, made.text)
        self.pod.change("nodes", "2", {"state": "Assembled"})

    def _providers(self) -> None:
        """What there is to give, and who holds it."""
        self.sample(
            "resource-class-create",
            201,
            "POST",
            "/v1/resource_classes",
            {"name": "CUSTOM_LICENSE"},
        )
        self.sample(
            "resource-classes-list",
            200,
            "GET",
            "/v1/resource_classes?sort_key=name&limit=3",
        )
        one = "/v1/resource_classes/CUSTOM_LICENSE"
        self.sample("resource-class-show", 200, "GET", one)
        pool = {"name": "licenses", "description": "Of the fabric."}
        path = "/v1/resource_providers"
        made = self.sample(
            "resource-provider-create", 201, "POST", path, pool
        ).json
        one = f"{path}/licenses"
        has = {
            "resource_provider_generation": 0,
            "inventories": {"CUSTOM_LICENSE": {"total": 10, "max_unit": 4}},
        }
        name = "resource-provider-set-inventories"
        self.sample(name, 200, "PUT", f"{one}/inventories", has)
        traits = {"resource_provider_generation": 1, "traits": ["CUSTOM_RED"]}
        name = "resource-provider-set-traits"
        self.sample(name, 200, "PUT", f"{one}/traits", traits)
        change = [{"op": "replace", "path": "/description", "value": "Ours."}]
        self.sample("resource-provider-update", 200, "PATCH", one, change)
        self._allocations(made["uuid"])
        self.sample("resource-providers-list", 200, "GET", path)
        self.sample("resource-provider-show", 200, "GET", one)
        for part in ("inventories", "usages", "traits"):
            name = f"resource-provider-{part}"
            self.sample(name, 200, "GET", f"{one}/{part}")

    def _allocations(self, pool: str) -> None:
        node = "/v1/allocations/db-1"
        wanted = {"allocations": {pool: {"resources": {"CUSTOM_LICENSE": 2}}}}
        self.sample("allocations-update", 204, "PUT", node, wanted)
        self.sample("allocations-show", 200, "GET", node)

    def _operations(self) -> None:
        found = self.sample("operations-list", 200, "GET", "/v1/operations")
        (compose,) = (o for o in found.json if o["kind"] == "compose")
        path = f"/v1/operations/{compose['uuid']}"
        self.sample("operation-show", 200, "GET", path)
        self.sample("operations-stats", 200, "GET", "/v1/operations/stats")
        self.sample("error", 409, "POST", f"{path}/cancel")
        self.env.stop_conductor()
        waiting = self.api.post("/v1/nodes", {"name": "web-2"})
        path = "/v1" + waiting.headers["Location"].partition("/v1")[2]
        self.sample("operation-cancel", 202, "POST", f"{path}/cancel")

    def _write(self) -> None:
        masks = Masks(self.samples.values())
        for file in SAMPLES.glob("*.json"):
            file.unlink()
        SAMPLES.mkdir(exist_ok=True)
        for name, text in self.samples.items():
            (SAMPLES / f"{name}.json").write_text(masks.apply(text))

    def _compare(self) -> None:
        self.assertEqual(
            sorted(self.samples),
            sorted(file.stem for file in SAMPLES.glob("*.json")),
            "GENERATE_SAMPLES=1 writes them",
        )
        for name, text in self.samples.items():
            kept = json.loads((SAMPLES / f"{name}.json").read_text())
            self.assertEqual(
                skeleton(kept),
                skeleton(json.loads(text)),
                f"{name}.json is not what the API says now; look at the "
                "change and write it with GENERATE_SAMPLES=1",
            )
