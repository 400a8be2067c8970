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
"""Into a real Ironic and out again."""

from valence.tests.functional import with_ironic  # isort: skip
import concurrent.futures
import uuid

from valence import objects
from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests.fixtures.openstack import BMC
from valence.tests.fixtures.openstack import system
from valence.tests.fixtures.processes import poll

INTERFACES = with_ironic.INTERFACES
#: A computer that nothing has to be true of.
FAKE = {"driver": "fake-hardware", "interfaces": {}}


class TestTakenIn(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.1", systems=4),)

    def test_compose_then_enroll(self) -> None:
        self.api.post(
            "/v1/flavors",
            {
                "name": "gold",
                "properties": {"processor": {"total_cores": 10}},
                "resource_class": "baremetal.gold",
                "traits": ["CUSTOM_FAST", "HW_CPU_X86_VMX"],
            },
        )
        node = self.composed(
            flavor_id="gold",
            description="For the shop.",
            enroll={
                "target": "available",
                "interfaces": INTERFACES,
                "physical_network": "physnet1",
            },
        )
        self.assertEqual("enrolled", node["provision_state"])
        self.assertEqual("ironic", node["managed_by"])
        self.assertEqual("available", node["provisioner_state"])
        self.assertEqual("baremetal.gold", node["resource_class"])
        shown = self.env.in_ironic(node["uuid"])
        pod = self.env.pods[0]
        hardware = pod.nodes[0].system
        expected = {
            "uuid": node["uuid"],
            "name": "web-1",
            "description": "For the shop.",
            "driver": "redfish",
            "resource_class": "baremetal.gold",
            "provision_state": "available",
            "boot_interface": "redfish-virtual-media",
            "owner": None,
            "driver_info": {
                "redfish_address": pod.url,
                "redfish_system_id": hardware.uri,
                "redfish_username": "admin",
                "redfish_password": "******",
                "redfish_verify_ca": True,
                "redfish_auth_type": "basic",
            },
        }
        self.assertEqual(expected, {key: shown[key] for key in expected})
        self.assertEqual(
            {
                "cpus": 40,
                "memory_mb": hardware.memory_mib,
                "local_gb": 1800,
                "cpu_arch": "x86_64",
                "capabilities": "boot_mode:uefi",
                "vendor": "Valence",  # Ironic read that by itself
            },
            shown["properties"],
        )
        self.assertEqual(
            {"CUSTOM_FAST", "HW_CPU_X86_VMX"}, set(shown["traits"])
        )
        leads_back = shown["extra"]["valence"]
        self.assertEqual(node["uuid"], leads_back["node"])
        self.assertEqual(
            {"uuid": node["podm_id"], "name": "pod-0"},
            leads_back["pod_manager"],
        )
        self.assertEqual(
            sorted(one.mac for one in hardware.interfaces),
            self.env.ports(node["uuid"]),
        )
        (port, _) = self.ironic.request("GET", "/v1/ports/detail")["ports"]
        self.assertEqual("physnet1", port["physical_network"])
        for kind in ("power", "management"):
            valid = self.ironic.request(
                "GET", f"/v1/nodes/{node['uuid']}/validate"
            )
            self.assertTrue(valid[kind]["result"], valid)
        names = [step["name"] for step in self.last("compose")["steps"]]
        for first, second in (
            ("assemble", "enroll in ironic"),
            ("enroll in ironic", "manage"),
            ("manage", "provide"),
        ):
            self.assertLess(names.index(first), names.index(second), names)

        # Who drives it: Ironic.
        self.ironic.request(
            "PUT",
            f"/v1/nodes/{node['uuid']}/states/power",
            {"target": "power on"},
        )
        poll(lambda: hardware.power == "On", "Ironic switches it on")

        gone = self.api.delete("/v1/nodes/web-1", wait=30)
        self.assertEqual(204, gone.status, gone)
        self.assert_as_before()

    def test_an_ordinary_compose_asks_nothing_of_ironic(self) -> None:
        for enroll in (None, False):
            self.composed(enroll=enroll)
            self.api.delete("/v1/nodes/web-1", wait=30)
        self.assertEqual([], self.asked())

    def test_register_and_unregister(self) -> None:
        node = self.composed()
        answer = self.register()
        self.assertEqual("ironic", answer.json["managed_by"])
        self.assertEqual("enroll", answer.json["provisioner_state"])
        self.assertEqual([node["uuid"]], self.env.node_ids())
        answer = self.api.post("/v1/nodes/web-1/unregister", wait=30)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("valence", answer.json["managed_by"])
        self.assertEqual("composed", answer.json["provision_state"])
        self.assertIsNone(answer.json["provisioner_state"])
        self.assertEqual([], self.env.node_ids())
        self.assertEqual([], self.env.ports())
        # It is Valence's again.
        reset = {"Reset": {"Type": "On"}}
        answer = self.api.post("/v1/nodes/web-1/action", reset, wait=30)
        self.assertEqual(204, answer.status, answer)
        self.api.delete("/v1/nodes/web-1", wait=30)
        self.assert_as_before()

    def test_without_waiting(self) -> None:
        self.composed()
        held = self.proxy.on("POST", "/v1/nodes$").hang()
        answer = self.api.post("/v1/nodes/web-1/register")
        self.assertEqual(202, answer.status, answer)
        self.assertEqual("enrolling", answer.json["provision_state"])
        held.wait()
        self.assertEqual("ironic", self.row().managed_by)
        again = self.api.post("/v1/nodes/web-1/register")
        self.assertEqual(
            (409, "resource.busy"), (again.status, again.error["code"])
        )
        held.release()
        self.assertEqual("succeeded", self.api.ended(answer)["state"])
        self.assertEqual("enrolled", self.row().provision_state)

    def test_one_of_many_registers_wins(self) -> None:
        node = self.composed()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(
                    lambda _: self.api.post("/v1/nodes/web-1/register"),
                    range(8),
                )
            )
        self.assertEqual(
            [202] + 7 * [409], sorted(answer.status for answer in answers)
        )
        (won,) = [answer for answer in answers if answer.status == 202]
        self.assertEqual("succeeded", self.api.ended(won)["state"])
        self.assertEqual([node["uuid"]], self.env.node_ids())
        self.assertEqual(1, len(self.asked("POST", "/v1/nodes$")))

    def test_with_a_bmc_of_its_own(self) -> None:
        node = self.composed()
        one = system("web-1", system_uuid=node["uuid"])
        bmc = self.useFixture(BMC([one]))
        known = bmc.driver_info(node["uuid"])
        short = {k.removeprefix("redfish_"): v for k, v in known.items()}
        self.register(driver_info=short, target="available")
        shown = self.env.in_ironic(node["uuid"])
        self.assertEqual("available", shown["provision_state"])
        self.assertEqual(
            known | {"redfish_password": "******"},
            {key: shown["driver_info"][key] for key in known},
        )
        self.ironic.request(
            "PUT",
            f"/v1/nodes/{node['uuid']}/states/power",
            {"target": "power on"},
        )
        poll(lambda: bmc.power_state(node["uuid"]) == "On", "it is on")
        self.api.post("/v1/nodes/web-1/unregister", wait=30)
        self.assertEqual([], self.env.node_ids())

    def test_a_bmc_that_does_not_answer(self) -> None:
        self.composed()
        answer = self.register(
            status=502,
            driver_info={"address": "http://127.0.0.1:1", "password": "x7x"},
            target="manageable",
        )
        self.assertEqual("provisioner.error", answer.error["code"])
        self.assertIn("Failed to get power state", answer.error["detail"])
        self.assertEqual("composed", self.row().provision_state)
        self.assertEqual("valence", self.row().managed_by)
        self.assertEqual([], self.env.node_ids())

    def test_a_driver_that_ironic_does_not_have(self) -> None:
        self.composed()
        answer = self.register(status=400, driver="ilo5", interfaces={})
        self.assertEqual("provisioner.bad_request", answer.error["code"])
        self.assertIn("ilo5", answer.error["detail"])
        self.assertEqual([], self.env.node_ids())
        # With compose, nothing at all is left.
        self.api.delete("/v1/nodes/web-1", wait=30)
        answer = self.api.post(
            "/v1/nodes",
            {"name": "web-2", "enroll": {"driver": "ilo5"}},
            wait=30,
        )
        self.assertEqual(400, answer.status, answer)
        self.assertEqual("compose_failed", self.row("web-2").provision_state)
        self.assert_as_before()

    def test_names(self) -> None:
        other = self.ironic.request(
            "POST",
            "/v1/nodes",
            {"driver": "fake-hardware", "name": "web-1"},
        )
        for name, expected in (
            ("web-1", "web-1-{}"),
            ("Büro 7 (links)", "B-ro-7-links"),
            ("maintenance", "maintenance-{}"),
            ("(", "node"),
        ):
            node = self.composed(name=name, enroll=FAKE)
            self.assertEqual(
                expected.format(node["uuid"][:8]),
                self.env.in_ironic(node["uuid"])["name"],
            )
            self.api.delete(f"/v1/nodes/{node['uuid']}", wait=30)
        self.assertEqual([other["uuid"]], self.env.node_ids())

    def test_a_port_of_somebody_elses(self) -> None:
        self.composed()
        assets = self.api.get("/v1/nodes/web-1/assets").json
        (mac, *_) = [
            one["mac_address"] for one in assets["ethernet_interfaces"]
        ]
        other = self.ironic.request(
            "POST", "/v1/nodes", {"driver": "fake-hardware"}
        )
        port = {"node_uuid": other["uuid"], "address": mac}
        self.ironic.request("POST", "/v1/ports", port)
        answer = self.register(status=409)
        self.assertIn(mac, answer.error["detail"])
        self.assertEqual([other["uuid"]], self.env.node_ids())
        self.assertEqual([mac], self.env.ports())

    def test_a_failure_of_the_compose_never_gets_to_ironic(self) -> None:
        self.env.pods[0].faults.add(point="assemble", state="failed")
        answer = self.api.post(
            "/v1/nodes", {"name": "web-1", "enroll": True}, wait=30
        )
        self.assertGreaterEqual(answer.status, 400, answer)
        self.assertEqual([], self.asked())
        self.assert_as_before()

    def test_cancelled_on_the_way(self) -> None:
        held = self.proxy.on("PUT", "/states/provision$").hang()
        answer = self.api.post(
            "/v1/nodes",
            {
                "name": "web-1",
                "enroll": {"target": "available", "interfaces": INTERFACES},
            },
        )
        held.wait()
        path = "/v1" + answer.headers["Location"].partition("/v1")[2]
        self.assertEqual(202, self.api.post(f"{path}/cancel").status)
        held.release()
        self.assertEqual("cancelled", self.api.ended(answer)["state"])
        self.assertEqual("compose_failed", self.row().provision_state)
        self.assert_as_before()


class TestAgain(with_ironic.IronicCase):
    """What is there is found, and what is missing is made."""

    specs = (PodSpec(dialect="2.1", systems=4),)

    def two_ports(self) -> dict[str, object]:
        """A node with two network interfaces."""
        return self.composed(properties={"memory": {"capacity_mib": 65536}})

    def test_a_port_that_failed_is_made_the_second_time(self) -> None:
        node = self.two_ports()
        self.proxy.on("POST", "/v1/ports$", nth=2).answer(400, "{}")
        # And Ironic does not let the node go either.
        self.proxy.on("DELETE", "/v1/nodes", times=None).answer(500)
        answer = self.register(status=400)
        self.assertIn(
            "Taking the node out of Ironic failed too", answer.error["detail"]
        )
        # It is in Ironic, as far as anybody can tell.
        row = self.row()
        self.assertEqual("enrolled", row.provision_state)
        self.assertEqual("ironic", row.managed_by)
        self.assertEqual(answer.error["detail"], row.last_error)
        self.assertEqual(1, len(self.env.ports(node["uuid"])))
        self.proxy.heal()
        seen = len(self.asked("POST"))
        self.register()
        self.assertEqual(["POST /v1/ports"], self.asked("POST")[seen:])
        self.assertEqual(2, len(self.env.ports(node["uuid"])))
        self.assertIsNone(self.row().last_error)
        self.api.delete("/v1/nodes/web-1", wait=30)
        self.assert_as_before()

    def test_a_port_that_failed_leaves_nothing(self) -> None:
        self.two_ports()
        self.proxy.on("POST", "/v1/ports$", nth=2).answer(400, "{}")
        self.register(status=400)
        self.assertEqual([], self.env.node_ids())
        self.assertEqual([], self.env.ports())
        self.assertEqual("composed", self.row().provision_state)

    def test_what_somebody_took_away_comes_back(self) -> None:
        node = self.enrolled()
        for port in self.ironic.request("GET", "/v1/ports")["ports"]:
            self.ironic.request("DELETE", f"/v1/ports/{port['uuid']}")
        self.register(traits=["CUSTOM_NEW"], resource_class="silver")
        self.assertEqual(1, len(self.env.ports(node["uuid"])))
        shown = self.env.in_ironic(node["uuid"])
        self.assertEqual(["CUSTOM_NEW"], shown["traits"])
        self.assertEqual("silver", shown["resource_class"])
        # Nothing differs: nothing is written but how to reach it.
        seen = len(self.asked())
        self.register()
        self.assertEqual(
            ["PATCH /v1/nodes/" + str(node["uuid"])],
            [a for a in self.asked()[seen:] if not a.startswith("GET")],
        )

    def test_what_was_there_before_stays(self) -> None:
        """A second enrollment that fails takes out what it put in."""
        node = self.enrolled()
        self.proxy.on("PUT", "/traits/CUSTOM_B$").answer(400, "{}")
        self.register(
            status=400,
            traits=["CUSTOM_A", "CUSTOM_B"],
            ports=[{"address": "52:54:00:00:00:01"}],
        )
        self.assertEqual("enrolled", self.row().provision_state)
        self.assertEqual("ironic", self.row().managed_by)
        shown = self.env.in_ironic(node["uuid"])
        self.assertEqual([], shown["traits"])
        self.assertNotIn("52:54:00:00:00:01", self.env.ports())
        self.assertEqual(1, len(self.env.ports()))

    def test_further(self) -> None:
        node = self.enrolled()
        for target, state in (
            ("manageable", "manageable"),
            ("available", "available"),
            ("manageable", "available"),
            ("enroll", "available"),
        ):
            answer = self.register(target=target)
            self.assertEqual(state, answer.json["provisioner_state"])
            shown = self.env.in_ironic(node["uuid"])
            self.assertEqual(state, shown["provision_state"])

    def test_others_keep_what_is_theirs(self) -> None:
        node = self.enrolled()
        path = f"/v1/nodes/{node['uuid']}"
        self.ironic.request(
            "PATCH",
            path,
            [
                {"op": "add", "path": "/properties/root_device", "value": {}},
                {
                    "op": "add",
                    "path": "/properties/capabilities",
                    "value": "boot_mode:uefi,rack:7",
                },
                {"op": "add", "path": "/extra/owner", "value": "us"},
            ],
        )
        self.ironic.request("PUT", f"{path}/traits/CUSTOM_THEIRS")
        port = {"node_uuid": node["uuid"], "address": "52:54:00:00:00:02"}
        self.ironic.request("POST", "/v1/ports", port)
        self.register(
            traits=["CUSTOM_OURS"],
            properties={"cpus": 3, "capabilities": "a:b"},
        )
        self.register(traits=[], properties={"cpus": 4})
        shown = self.env.in_ironic(node["uuid"])
        self.assertEqual(["CUSTOM_THEIRS"], shown["traits"])
        self.assertEqual("us", shown["extra"]["owner"])
        self.assertEqual({}, shown["properties"]["root_device"])
        self.assertEqual(4, shown["properties"]["cpus"])
        self.assertEqual(
            "a:b,boot_mode:uefi,rack:7", shown["properties"]["capabilities"]
        )
        self.assertIn("52:54:00:00:00:02", self.env.ports())


class TestLeaving(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.1", systems=4),)
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
            self.api.delete("/v1/nodes/web-1", wait=30),
            self.api.post("/v1/nodes/web-1/unregister", wait=30),
        ):
            self.assert_refused(answer, "instance", instance)
        self.ironic.request(
            "PATCH", path, [{"op": "remove", "path": "/instance_uuid"}]
        )
        self.assertEqual(
            204, self.api.delete("/v1/nodes/web-1", wait=30).status
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
            self.api.delete("/v1/nodes/web-1", wait=30), "is active"
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
        self.api.delete("/v1/nodes/web-1", wait=30)
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
            self.api.delete("/v1/nodes/web-1", wait=30), "locked by host y"
        )
        # It was asked more than once.
        self.assertEqual(3, len(self.asked("DELETE", "/v1/nodes")))

    def test_ironic_is_told_not_to_delete_what_is_available(self) -> None:
        node = self.enrolled("available")
        refusal = 'Can not delete node while it is in state "available"'
        self.proxy.on("DELETE", "/v1/nodes").answer(
            409, {"error_message": f'{{"faultstring": "{refusal}"}}'}
        )
        gone = self.api.delete("/v1/nodes/web-1", wait=30)
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
        answer = self.api.delete("/v1/nodes/web-1", wait=30)
        self.assertEqual(504, answer.status, answer)
        self.assertEqual("provisioner.unreachable", answer.error["code"])
        self.assertEqual("enrolled", self.row().provision_state)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        # For good: whoever knows better has the last word.
        answer = self.api.post(
            "/v1/nodes/web-1/unregister", {"force": True}, wait=30
        )
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("valence", answer.json["managed_by"])
        (warning,) = self.last("unenroll")["warnings"]
        self.assertIn("was not asked", warning)

    def test_gone_from_there_already(self) -> None:
        node = self.enrolled()
        self.ironic.request("DELETE", f"/v1/nodes/{node['uuid']}")
        gone = self.api.delete("/v1/nodes/web-1", wait=30)
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
        answer = self.api.delete("/v1/nodes/web-1", wait=30)
        self.assertEqual(400, answer.status, answer)
        row = self.row()
        self.assertEqual("error", row.provision_state)
        self.assertEqual("valence", row.managed_by)
        seen = len(self.asked())
        gone = self.api.delete("/v1/nodes/web-1", wait=30)
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
            wait=30,
        )
        self.assertEqual(400, answer.status, answer)
        row = self.row()
        self.assertEqual("error", row.provision_state)
        self.assertEqual("ironic", row.managed_by)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        # Not before Ironic lets it go.
        answer = self.api.delete("/v1/nodes/web-1", wait=30)
        self.assertEqual(502, answer.status, answer)
        self.assertEqual(1, len(self.env.pods[0].nodes))
        self.assertEqual("error", self.row().provision_state)
        self.proxy.heal()
        gone = self.api.delete("/v1/nodes/web-1", wait=30)
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
            wait=30,
        )
        self.assertEqual(200, adopted.status, adopted)
        self.register("old")
        self.assertEqual([adopted.json["uuid"]], self.env.node_ids())
        self.assertEqual(204, self.api.delete("/v1/nodes/old", wait=30).status)
        self.assertEqual([], self.env.node_ids())
        # Its hardware is left as it is.
        self.assertEqual([node["index"]], [one.id for one in pod.nodes])
        pod.delete_node(pod.nodes[0])
        self.api.post("/v1/pod_managers/pod-0/sync", wait=30)
        self.assert_as_before()


class TestExpEther(with_ironic.IronicCase):
    """The samples of the driver's documentation, as they stand there."""

    specs = (EemSpec(servers=2),)
    options = {
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
            wait=30,
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
        self.api.delete("/v1/nodes/node1", wait=30)
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
            {"address": "a", "password": "geheim-17"},
            operation.secrets["driver_info"],
        )
        self.assertNotIn("geheim-17", repr(operation))
        held.release()
        self.api.ended(asked)
        operation = objects.Operation.get(self.env.context, operation.uuid)
        self.assertIsNone(operation.secrets)
        for path in ("/v1/nodes/node1", f"/v1/operations/{operation.uuid}"):
            self.assertNotIn("geheim-17", self.api.get(path).text)
        self.assertNotIn("geheim-17", repr(self.row("node1")))
