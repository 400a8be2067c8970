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

from valence.simulator import PodSpec
from valence.tests.fixtures.openstack import BMC
from valence.tests.fixtures.openstack import system
from valence.tests.fixtures.processes import poll

INTERFACES = with_ironic.INTERFACES
#: A computer that nothing has to be true of.
FAKE = {"driver": "fake-hardware", "interfaces": {}}


class TestTakenIn(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.5", systems=4),)
    options = {
        # Boots an image that the BMC fetches: no agent has to run.
        "DEFAULT": {"enabled_deploy_interfaces": "fake,direct,ramdisk"},
        "deploy": {"ramdisk_image_download_source": "http"},
    }

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
        self.switch(node, "power on")
        self.assertEqual("On", hardware.power)

        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_as_before()

    def test_an_ordinary_compose_asks_nothing_of_ironic(self) -> None:
        for enroll in (None, False):
            self.composed(enroll=enroll)
            self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual([], self.asked())

    def test_register_and_unregister(self) -> None:
        node = self.composed()
        answer = self.register()
        self.assertEqual("ironic", answer.json["managed_by"])
        self.assertEqual("enroll", answer.json["provisioner_state"])
        self.assertEqual([node["uuid"]], self.env.node_ids())
        answer = self.api.post("/v1/nodes/web-1/unregister", wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("valence", answer.json["managed_by"])
        self.assertEqual("composed", answer.json["provision_state"])
        self.assertIsNone(answer.json["provisioner_state"])
        self.assertEqual([], self.env.node_ids())
        self.assertEqual([], self.env.ports())
        # It is Valence's again.
        reset = {"Reset": {"Type": "On"}}
        answer = self.api.post("/v1/nodes/web-1/action", reset, wait=60)
        self.assertEqual(204, answer.status, answer)
        self.api.delete("/v1/nodes/web-1", wait=60)
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
        """From nothing to a server that runs, and back to nothing."""
        bmc = self.useFixture(BMC([one := system("web-1")]))
        known = bmc.driver_info(one["uuid"])
        node = self.composed(
            enroll={
                "driver_info": {
                    key.removeprefix("redfish_"): value
                    for key, value in known.items()
                },
                "interfaces": {**INTERFACES, "deploy": "ramdisk"},
                "target": "available",
            },
        )
        path = f"/v1/nodes/{node['uuid']}"
        shown = self.env.in_ironic(node["uuid"])
        self.assertEqual("available", shown["provision_state"])
        self.assertEqual(
            known | {"redfish_password": "******"},
            {key: shown["driver_info"][key] for key in known},
        )
        self.switch(node, "power on")
        self.assertEqual("On", bmc.power_state(one["uuid"]))

        # Any file will do: the emulator only says that it has it.
        image = f"{bmc.url}/redfish/v1/"
        info = {"op": "add", "path": "/instance_info/boot_iso"}
        self.ironic.request("PATCH", path, [{**info, "value": image}])
        self.provide(node, "active", "active")
        self.assertEqual("On", bmc.power_state(one["uuid"]))
        media = f"/redfish/v1/Systems/{one['uuid']}/VirtualMedia/Cd"
        self.assertEqual(image, bmc.request("GET", media)["Image"])
        refused = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(409, refused.status, refused)
        self.provide(node, "deleted", "available")
        self.assertEqual("Off", bmc.power_state(one["uuid"]))

        answer = self.api.post("/v1/nodes/web-1/unregister", wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual([], self.env.node_ids())
        self.api.delete("/v1/nodes/web-1", wait=60)
        self.assert_as_before()

    def switch(self, node: dict[str, str], target: str) -> None:
        """Have Ironic switch a node on or off."""
        path = f"/v1/nodes/{node['uuid']}"
        self.ironic.request("PUT", f"{path}/states/power", {"target": target})

        def switched() -> bool:
            shown = self.env.in_ironic(node["uuid"])
            done = shown["power_state"] == target
            return done and shown["reservation"] is None

        poll(switched, target)

    def provide(self, node: dict[str, str], verb: str, state: str) -> None:
        """Have Ironic bring a node into a state."""
        path = f"/v1/nodes/{node['uuid']}/states/provision"
        self.ironic.request("PUT", path, {"target": verb})

        def arrived() -> bool:
            shown = self.env.in_ironic(node["uuid"])
            failed = shown["provision_state"] == "deploy failed"
            self.assertFalse(failed, shown["last_error"])
            return bool(shown["provision_state"] == state)

        poll(arrived, state)

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
        self.api.delete("/v1/nodes/web-1", wait=60)
        answer = self.api.post(
            "/v1/nodes",
            {"name": "web-2", "enroll": {"driver": "ilo5"}},
            wait=60,
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
            self.api.delete(f"/v1/nodes/{node['uuid']}", wait=60)
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
            "/v1/nodes", {"name": "web-1", "enroll": True}, wait=60
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

    specs = (PodSpec(dialect="2.5", systems=4),)

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
        self.api.delete("/v1/nodes/web-1", wait=60)
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
