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

"""redfishv1 where hardware does what no simulated pod does."""

from valence import exception
from valence.drivers import base
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers.redfishv1_case import NODE
from valence.tests.unit.drivers.redfishv1_case import NODES
from valence.tests.unit.drivers.redfishv1_case import RESET
from valence.tests.unit.drivers.redfishv1_case import ROOT
from valence.tests.unit.drivers.redfishv1_case import Case
from valence.tests.unit.drivers.redfishv1_case import shown


class TestInfo(Case):
    def test_everything(self):
        info = self.driver.get_info()
        self.assertEqual(
            base.PodManagerInfo(
                name="Root Service",
                version="2.0.0",
                uuid="92384634-2938-2342-8820-489239905423",
                capabilities=frozenset(
                    {"compose", "power", "boot", "racks", "attach"}
                ),
            ),
            info,
        )
        self.assertEqual([ROOT, NODES], self.edge.seen())

    def test_where_nodes_are(self):
        for changed in (
            {"Oem": {"Intel:RackScale": {"ApiVersion": "1.2.0"}}},
            {
                "Nodes": None,
                "Oem": {
                    "Intel_RackScale": {
                        "ApiVersion": "2.2.0",
                        "Nodes": edge.link(NODES + "/"),
                    }
                },
            },
            {"Nodes": NODES, "Oem": None},
        ):
            self.edge.on(
                "GET", ROOT, edge.Reply(document=edge.root(**changed))
            )
            self.assertIn("compose", self.make().get_info().capabilities)

    def test_capabilities_follow_the_hardware(self):
        self.edge.documents(
            {
                ROOT: edge.root(
                    Chassis=None,
                    Oem={"Anything": {"ApiVersion": "1.2.0"}},
                ),
                NODES: edge.members(),
            }
        )
        self.assertEqual(
            {"power", "boot"}, self.driver.get_info().capabilities
        )
        self.assertRaises(
            exception.HardwareNotSupported,
            self.driver.compose_node,
            "t",
            "n",
            None,
            {},
            self.progress,
        )
        self.assertEqual([], self.driver.list_racks())

    def test_another_service(self):
        self.edge.on(
            "GET",
            ROOT,
            edge.Reply(document=edge.root(Nodes=None, Oem={})),
        )
        for call in (self.driver.get_info, self.driver.list_nodes):
            error = self.assertRaises(exception.BackendError, call)
            self.assertIn("not an Intel RSD pod manager", str(error))

    def test_root_is_open_and_nodes_are_not(self):
        self.edge.on("GET", NODES, edge.Reply(401))
        self.assertRaises(exception.AuthFailure, self.driver.get_info)

    def test_get_info_reads_the_root_anew(self):
        self.driver.get_info()
        self.driver.list_nodes()
        self.assertEqual(1, self.edge.seen().count(ROOT))
        self.edge.on("GET", ROOT, edge.Reply(document=edge.root(Name="B")))
        self.assertEqual("B", self.driver.get_info().name)


class TestPower(Case):
    def reset(self, how, driver=None):
        return (driver or self.driver).reset_node("1", how, self.progress)

    def test_waits_for_the_effect(self):
        self.edge.on("POST", RESET, edge.Reply(204))
        self.edge.on(
            "GET",
            NODE,
            shown(),
            shown(),
            shown(PowerState="PoweringOn"),
            shown(PowerState="On"),
        )
        self.assertEqual("On", self.reset("On").power_state)
        self.assertEqual({"ResetType": "On"}, self.edge.requests[-4].document)

    def test_already_so(self):
        self.assertEqual("Off", self.reset("ForceOff").power_state)
        self.assertEqual("Off", self.reset("GracefulShutdown").power_state)
        self.assertEqual([], self.edge.seen("POST"))

    def test_no_effect(self):
        self.edge.on("POST", RESET, edge.Reply(204))
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.reset,
            "On",
            self.make(state_timeout=0.02),
        )
        self.assertEqual(
            "Node 1 did not become powered On within 0.02 s; it is Off.",
            str(error),
        )

    def test_restart_of_what_is_on(self):
        self.edge.on("GET", NODE, shown(PowerState="On"))
        self.edge.on("POST", RESET, edge.Reply(204))
        self.reset("ForceRestart")
        self.assertEqual([RESET], self.edge.seen("POST"))

    def test_the_button(self):
        self.edge.on("POST", RESET, edge.Reply(204))
        self.edge.on("GET", NODE, shown(), shown(), shown(PowerState="On"))
        self.assertEqual("On", self.reset("PushPowerButton").power_state)

    def test_nmi(self):
        self.edge.on("POST", RESET, edge.Reply(204))
        self.assertEqual("Off", self.reset("Nmi").power_state)
        self.assertEqual([RESET], self.edge.seen("POST"))

    def test_what_is_allowed(self):
        for vocabulary in ("Redfish", "DMTF"):
            self.edge.on(
                "GET",
                NODE,
                shown(
                    Actions={
                        "#ComposedNode.Reset": {
                            "target": RESET,
                            f"ResetType@{vocabulary}.AllowableValues": [
                                "On",
                                "Off",
                            ],
                        }
                    }
                ),
            )
            error = self.assertRaises(
                exception.HardwareNotSupported, self.reset, "ForceOff"
            )
            self.assertIn("it takes On, Off", str(error))

    def test_not_offered(self):
        self.edge.on("GET", NODE, shown(Actions=None))
        self.assertRaises(exception.HardwareNotSupported, self.reset, "On")

    def test_power_of_the_oldest(self):
        self.edge.on(
            "GET",
            NODE,
            shown(PowerState=None, ComposedNodeState="PoweredOn"),
        )
        self.assertEqual("On", self.driver.get_node("1").power_state)

    def test_refused(self):
        self.edge.on("POST", RESET, edge.Reply(409, {"message": "State."}))
        self.assertRaises(exception.HardwareConflict, self.reset, "On")


class TestBoot(Case):
    def test_sends_what_is_asked(self):
        self.edge.on("PATCH", NODE, edge.Reply(200, edge.node()))
        self.driver.set_boot_source("1", "Pxe", "Continuous", "Legacy")
        self.assertEqual(
            {
                "Boot": {
                    "BootSourceOverrideTarget": "Pxe",
                    "BootSourceOverrideEnabled": "Continuous",
                    "BootSourceOverrideMode": "Legacy",
                }
            },
            self.edge.requests[-2].document,
        )

    def test_target_that_is_not_allowed(self):
        error = self.assertRaises(
            exception.HardwareNotSupported,
            self.driver.set_boot_source,
            "1",
            "Floppy",
        )
        self.assertIn("None, Pxe, Hdd", str(error))

    def test_no_mode_in_1_2(self):
        self.edge.documents(
            {
                ROOT: edge.root(Oem={}),
                NODE: edge.node(Boot={"BootSourceOverrideTarget": "None"}),
            }
        )
        self.edge.on("PATCH", NODE, edge.Reply(204))
        self.assertRaises(
            exception.HardwareNotSupported,
            self.driver.set_boot_source,
            "1",
            "Pxe",
            "Once",
            "UEFI",
        )
        self.driver.set_boot_source("1", "Pxe")
