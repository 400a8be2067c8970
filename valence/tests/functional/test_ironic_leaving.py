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
"""Out of a real Ironic again, and what only ExpEther asks for."""

from valence.tests.functional import with_ironic  # isort: skip
import uuid

from valence import objects
from valence.db import secrets
from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests.fixtures.processes import poll

INTERFACES = with_ironic.INTERFACES
#: A computer that nothing has to be true of.
FAKE = {"driver": "fake-hardware", "interfaces": {}}


class TestLeaving(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.5", systems=4),)
    options = {"deploy": {"configdrive_use_object_store": True}}

    def assert_refused(self, answer: object, *words: str) -> None:
        """The node stays in Ironic, and its hardware its own."""
        self.assertEqual(409, answer.status, answer)
        self.assertEqual("provisioner.conflict", answer.error["code"])
        for word in words:
            self.assertIn(word, answer.error["detail"])
        row = self.row()
        self.assertEqual("enrolled", row.provision_state)
        self.assertEqual("ironic", row.managed_by)
        self.assertEqual(answer.error["detail"], row.last_error)
        self.assertEqual([row.uuid], self.env.node_ids())
        self.assertEqual(1, len(self.env.pods[0].nodes))

    def test_ironic_first(self) -> None:
        self.enrolled()
        pod = self.env.pods[0]
        held = self.proxy.on("DELETE", "/v1/nodes/").hang()
        seen = len(pod.calls)
        answer = self.api.delete("/v1/nodes/web-1")
        self.assertEqual(202, answer.status, answer)
        self.assertEqual("unenrolling", answer.json["provision_state"])
        held.wait()
        self.assertEqual(
            [], [c for c in pod.calls[seen:] if c.method != "GET"]
        )
        held.release()
        self.assertEqual("succeeded", self.api.ended(answer)["state"])
        names = [step["name"] for step in self.last("release")["steps"]]
        self.assertEqual(
            ["take out of ironic", "give hardware back", "delete"], names
        )
        self.assert_as_before()

    def test_an_instance(self) -> None:
        node = self.enrolled("available")
        instance = str(uuid.uuid4())
        path = f"/v1/nodes/{node['uuid']}"
        self.ironic.request(
            "PATCH",
            path,
            [{"op": "add", "path": "/instance_uuid", "value": instance}],
        )
        for answer in (
            self.api.delete("/v1/nodes/web-1", wait=60),
            self.api.post("/v1/nodes/web-1/unregister", wait=60),
        ):
            self.assert_refused(answer, "instance", instance)
        self.ironic.request(
            "PATCH", path, [{"op": "remove", "path": "/instance_uuid"}]
        )
        self.assertEqual(
            204, self.api.delete("/v1/nodes/web-1", wait=60).status
        )
        self.assert_as_before()

    def test_active(self) -> None:
        node = self.composed(enroll=FAKE | {"target": "available"})
        path = f"/v1/nodes/{node['uuid']}"
        self.ironic.request(
            "PUT", f"{path}/states/provision", {"target": "active"}
        )
        poll(
            lambda: (
                self.env.in_ironic(node["uuid"])["provision_state"] == "active"
            ),
            "it is active",
        )
        self.assert_refused(
            self.api.delete("/v1/nodes/web-1", wait=60), "is active"
        )
        self.ironic.request(
            "PUT", f"{path}/states/provision", {"target": "deleted"}
        )
        poll(
            lambda: (
                self.env.in_ironic(node["uuid"])["provision_state"]
                == "available"
            ),
            "it is available",
        )
        self.api.delete("/v1/nodes/web-1", wait=60)
        self.assert_as_before()

    def test_locked(self) -> None:
        self.enrolled()
        locked = (
            "Node x is locked by host y, please retry after the current "
            "operation is completed."
        )
        self.proxy.on("DELETE", "/v1/nodes", times=None).answer(
            409, {"error_message": f'{{"faultstring": "{locked}"}}'}
        )
        self.assert_refused(
            self.api.delete("/v1/nodes/web-1", wait=60), "locked by host y"
        )
        # It was asked more than once.
        self.assertEqual(3, len(self.asked("DELETE", "/v1/nodes")))

    def test_ironic_is_told_not_to_delete_what_is_available(self) -> None:
        node = self.enrolled("available")
        refusal = 'Can not delete node while it is in state "available"'
        self.proxy.on("DELETE", "/v1/nodes").answer(
            409, {"error_message": f'{{"faultstring": "{refusal}"}}'}
        )
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertIn(
            f"PUT /v1/nodes/{node['uuid']}/states/provision",
            self.asked("PUT")[-1],
        )
        self.assert_as_before()

    def test_away(self) -> None:
        self.enrolled()
        self.ironic.stop()
        self.addCleanup(self.ironic.start)
        answer = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(504, answer.status, answer)
        self.assertEqual("provisioner.unreachable", answer.error["code"])
        self.assertEqual("enrolled", self.row().provision_state)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        # For good: whoever knows better has the last word.
        answer = self.api.post(
            "/v1/nodes/web-1/unregister", {"force": True}, wait=60
        )
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("valence", answer.json["managed_by"])
        (warning,) = self.last("unenroll")["warnings"]
        self.assertIn("was not asked", warning)

    def test_gone_from_there_already(self) -> None:
        node = self.enrolled()
        self.ironic.request("DELETE", f"/v1/nodes/{node['uuid']}")
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_as_before()

    def test_power_and_boot_are_ironics(self) -> None:
        self.enrolled()
        for body in (
            {"Reset": {"Type": "On"}},
            {"Boot": {"Target": "Pxe"}},
        ):
            answer = self.api.post("/v1/nodes/web-1/action", body)
            self.assertEqual(409, answer.status, answer)
            self.assertEqual("node.managed_elsewhere", answer.error["code"])
            self.assertIn("managed by ironic", answer.error["detail"])

    def test_the_pod_fails_after_ironic_let_go(self) -> None:
        self.enrolled()
        self.env.pods[0].faults.add(method="DELETE", status=400, times=1)
        answer = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(400, answer.status, answer)
        row = self.row()
        self.assertEqual("error", row.provision_state)
        self.assertEqual("valence", row.managed_by)
        seen = len(self.asked())
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.asked()[seen:])
        self.assert_as_before()

    def test_neither_in_nor_out(self) -> None:
        """What a compose cannot take out again is taken out by a release."""
        self.proxy.on("POST", "/v1/ports$").answer(400, "{}")
        self.proxy.on("DELETE", "/v1/nodes", times=None).answer(500)
        answer = self.api.post(
            "/v1/nodes",
            {"name": "web-1", "enroll": {"interfaces": INTERFACES}},
            wait=60,
        )
        self.assertEqual(400, answer.status, answer)
        row = self.row()
        self.assertEqual("error", row.provision_state)
        self.assertEqual("ironic", row.managed_by)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        # Not before Ironic lets it go.
        answer = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(502, answer.status, answer)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        self.assertEqual("error", self.row().provision_state)
        self.proxy.heal()
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_as_before()

    def test_an_adopted_node(self) -> None:
        node = self.composed()
        pod = self.env.pods[0]
        row = self.row()
        with_ironic.forget(row)
        adopted = self.api.post(
            "/v1/nodes/manage",
            {"podm_id": "pod-0", "node_index": node["index"], "name": "old"},
            wait=60,
        )
        self.assertEqual(200, adopted.status, adopted)
        self.register("old")
        self.assertEqual([adopted.json["uuid"]], self.env.node_ids())
        self.assertEqual(204, self.api.delete("/v1/nodes/old", wait=60).status)
        self.assertEqual([], self.env.node_ids())
        # Its hardware is left as it is.
        self.assertEqual([node["index"]], [one.id for one in pod.nodes])
        pod.delete_node(pod.nodes[0])
        self.api.post("/v1/pod_managers/pod-0/sync", wait=60)
        self.assert_as_before()


class TestExpEther(with_ironic.IronicCase):
    """The samples of the driver's documentation, as they stand there."""

    specs = (EemSpec(servers=2),)
    options = {
        # Ironic does not start with these where there is no ipmitool.
        "DEFAULT": {
            "enabled_hardware_types": "fake-hardware,redfish,ipmi",
            "enabled_boot_interfaces": "fake,redfish-virtual-media,pxe",
            "enabled_management_interfaces": "fake,redfish,ipmitool",
            "enabled_power_interfaces": "fake,redfish,ipmitool",
            "enabled_vendor_interfaces": "fake,no-vendor,ipmitool",
        }
    }

    def test_node_register(self) -> None:
        node = self.composed(
            name="node1", properties={"pci_device": {"type": ["NIC"]}}
        )
        answer = self.api.request(
            "POST",
            f"/v1/nodes/{node['uuid']}/register",
            b'{"driver_info": {"username":"admin","password":"password", '
            b'\\\n "address":"address"}}',
            wait=60,
            Accept="application/json",
        )
        self.assertEqual(200, answer.status, answer)
        shown = answer.json
        self.assertEqual("ironic", shown["managed_by"])
        self.assertEqual("node1", shown["name"])
        for key in ("created_at", "index", "podm_id", "resource_uri", "uuid"):
            self.assertEqual(node[key], shown[key])
        self.assertLess(node["updated_at"], shown["updated_at"])
        known = self.env.in_ironic(node["uuid"])
        self.assertEqual("ipmi", known["driver"])
        self.assertEqual(
            {
                "ipmi_address": "address",
                "ipmi_username": "admin",
                "ipmi_password": "******",
            },
            known["driver_info"],
        )
        # The address of a server's ExpEther board is not that of a card that
        # could boot it.
        self.assertEqual([], self.env.ports())
        (warning,) = self.last("enroll")["warnings"]
        self.assertIn("No network interface", warning)
        self.assertIn("CUSTOM_NIC", known["traits"])
        self.register(
            "node1",
            interfaces={},
            ports=[{"address": "52-54-00-AB-CD-01", "physical_network": "p"}],
            properties={"cpus": 8, "memory_mb": 4096, "local_gb": 10},
        )
        self.assertEqual(["52:54:00:ab:cd:01"], self.env.ports())
        self.api.delete("/v1/nodes/node1", wait=60)
        self.assert_as_before()

    def test_the_secrets_do_not_stay(self) -> None:
        self.composed(
            name="node1", properties={"pci_device": {"type": ["NIC"]}}
        )
        held = self.proxy.on("POST", "/v1/nodes$").hang()
        asked = self.api.post(
            "/v1/nodes/node1/register",
            {"driver_info": {"address": "a", "password": "geheim-17"}},
        )
        held.wait()
        operation = objects.Operation.find(
            self.env.context, {"filters": {"kind": "enroll"}}
        )[-1]
        self.assertEqual(
            {"driver_info": {"address": "a", "password": "geheim-17"}},
            secrets.opened(operation, "secrets"),
        )
        # Encrypted where it is kept, and hidden where it is shown.
        self.assertNotIn("geheim-17", str(operation.secrets))
        self.assertNotIn("geheim-17", repr(operation))
        held.release()
        self.api.ended(asked)
        operation = objects.Operation.get(self.env.context, operation.uuid)
        self.assertIsNone(operation.secrets)
        for path in ("/v1/nodes/node1", f"/v1/operations/{operation.uuid}"):
            self.assertNotIn("geheim-17", self.api.get(path).text)
        self.assertNotIn("geheim-17", repr(self.row("node1")))
