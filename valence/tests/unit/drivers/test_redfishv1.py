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

import json
import threading

import fixtures
import hypothesis
from hypothesis import strategies as st
import testtools

from valence import exception
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import redfishv1
from valence.drivers.redfishv1 import connector
from valence.tests.unit.drivers import edge

ROOT = edge.ROOT
NODES = f"{ROOT}/Nodes"
NODE = f"{NODES}/1"
ALLOCATE = f"{NODES}/Actions/Allocate"
ASSEMBLE = f"{NODE}/Actions/ComposedNode.Assemble"
RESET = f"{NODE}/Actions/ComposedNode.Reset"
FORCE = f"{NODE}/Actions/ComposedNode.ForceDelete"


def shown(**changed):
    return edge.Reply(document=edge.node(**changed))


class Case(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.edge.documents(
            {
                ROOT: edge.root(),
                NODES: edge.nodes(NODE),
                NODE: edge.node(),
            }
        )
        self.progress = conformance.Recorder()
        self.driver = self.make()

    def make(self, **changed):
        driver = redfishv1.RedfishV1Driver(self.edge.connection(**changed))
        self.addCleanup(driver.close)
        return driver


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


class TestCompose(Case):
    def setUp(self):
        super().setUp()
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes()))
        self.edge.on(
            "POST", ALLOCATE, edge.Reply(201, headers={"Location": NODE})
        )
        self.edge.on("POST", ASSEMBLE, edge.Reply(204))

    def states(self, *states):
        self.edge.on(
            "GET",
            NODE,
            *(
                state
                if isinstance(state, edge.Reply)
                else shown(ComposedNodeState=state)
                for state in states
            ),
        )

    def compose(self, driver=None, **changed):
        return (driver or self.driver).compose_node(
            "tag-1", "web", "ours", {}, self.progress, **changed
        )

    def test_each_state(self):
        self.states(
            "Allocating", "Allocated", "Allocated", "Assembling", "Assembled"
        )
        node = self.compose()
        self.assertTrue(node.usable)
        self.assertEqual(
            [
                "allocate",
                "wait for allocation",
                "assemble",
                "wait for assembly",
            ],
            self.progress.steps,
        )
        self.assertEqual([0.005] * 3, self.progress.pauses)
        self.assertEqual(
            [
                {"Name": "web", "Description": "valence:tag-1 ours"},
                {},
            ],
            [r.document for r in self.edge.requests if r.method == "POST"],
        )
        self.assertEqual(1 + 1 + 2 + 5, len(self.edge.requests))

    def test_a_long_description_fits_the_pod_manager(self):
        self.states("Allocated", "Assembled")
        self.driver.compose_node("tag-1", "n", "x" * 999, {}, self.progress)
        (body, _) = [
            r.document for r in self.edge.requests if r.document is not None
        ]
        self.assertEqual("valence:tag-1 " + "x" * 241, body["Description"])
        self.assertEqual(255, len(body["Description"]))

    def test_the_state_may_be_powered(self):
        self.states("Allocated", "PoweredOff")
        self.assertTrue(self.compose().usable)

    def test_allocate_is_spelt_in_two_ways(self):
        self.edge.on(
            "GET",
            NODES,
            edge.Reply(
                document=edge.members(
                    Actions={
                        "#ComposedNodesCollection.Allocate": {
                            "target": ALLOCATE + "/"
                        }
                    }
                )
            ),
        )
        self.states("Allocated", "Assembled")
        self.compose()
        self.assertIn(ALLOCATE, self.edge.seen("POST"))

    def test_where_the_node_is(self):
        for reply in (
            edge.Reply(201, headers={"Location": f"{self.edge.url}{NODE}"}),
            edge.Reply(201, headers={"Location": f"{NODE}/"}),
            edge.Reply(200, edge.node()),
            edge.Reply(202, edge.node(), headers={"Location": NODE}),
            edge.Reply(204),
            edge.Reply(201, body=b"<html>"),
        ):
            self.states("Allocated", "Allocated", "Assembled")
            self.edge.on("POST", ALLOCATE, reply)
            self.edge.on(
                "GET",
                NODES,
                edge.Reply(document=edge.nodes()),
                edge.Reply(document=edge.nodes(NODE)),
            )
            self.assertEqual(NODE, self.compose(self.make()).resource_uri)

    def test_the_node_is_elsewhere(self):
        self.edge.on(
            "POST",
            ALLOCATE,
            edge.Reply(201, headers={"Location": f"https://other{NODE}"}),
        )
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("another server", str(error))

    def test_the_node_is_nowhere(self):
        self.edge.on("POST", ALLOCATE, edge.Reply(204))
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("names no node", str(error))

    def test_taken_up(self):
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes(NODE)))
        for states, posts in (
            (("Allocating", "Allocated", "Assembled"), [ASSEMBLE]),
            (
                ("Allocated", "Allocated", "Assembling", "Assembled"),
                [ASSEMBLE],
            ),
            (("Assembling", "Assembling", "Assembled"), []),
            (("Assembled",), []),
            (("PoweredOn",), []),
        ):
            self.edge.requests.clear()
            self.states(*states)
            self.assertTrue(self.compose().usable)
            self.assertEqual(posts, self.edge.seen("POST"))

    def test_taken_up_and_failed(self):
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes(NODE)))
        self.states("Failed")
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("Failed", str(error))
        self.assertEqual([], self.edge.seen("POST"))

    def test_without_resume_no_node_is_looked_at(self):
        self.edge.on(
            "GET",
            NODES,
            edge.Reply(document=edge.nodes(f"{NODES}/8", f"{NODES}/9")),
        )
        self.states("Allocated", "Assembled")
        self.compose(resume=False)
        self.assertNotIn(f"{NODES}/8", self.edge.seen())

    def test_assemble_was_already_under_way(self):
        self.states("Allocated", "Assembling", "Assembled")
        self.edge.on("POST", ASSEMBLE, edge.Reply(409))
        self.assertTrue(self.compose().usable)

    def test_assemble_is_refused(self):
        self.states("Allocated")
        self.edge.on(
            "POST", ASSEMBLE, edge.Reply(409, {"message": "Not now."})
        )
        error = self.assertRaises(exception.HardwareConflict, self.compose)
        self.assertIn("Not now.", str(error))

    def test_assemble_is_not_offered(self):
        self.states(shown(ComposedNodeState="Allocated", Actions={}))
        self.assertRaises(exception.HardwareNotSupported, self.compose)

    def test_too_slow(self):
        self.states("Allocated", "Assembling")
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.compose,
            self.make(state_timeout=0.03),
        )
        self.assertIn("Node 1 did not become Assembled", str(error))
        self.assertIn("Assembling", str(error))

    def test_busy_while_it_waits(self):
        busy = edge.Reply(503)
        self.states("Allocated", *([busy] * 7), "Assembled")
        self.assertTrue(self.compose().usable)

    def test_lost_while_it_waits(self):
        self.states("Allocating", edge.Reply(cut="close"))
        error = self.assertRaises(exception.Unreachable, self.compose)
        self.assertTrue(error.maybe_done)

    def test_gone_while_it_waits(self):
        self.states("Allocating", edge.Reply(404))
        error = self.assertRaises(exception.HardwareNotFound, self.compose)
        self.assertIn("composed node '1'", str(error))

    def test_description_is_not_kept(self):
        self.states(
            shown(ComposedNodeState="Allocated", Description=None),
            shown(Description=None),
        )
        self.assertIsNone(self.compose().tag)
        self.assertIn("did not keep the description", self.log.output)


class TestDelete(Case):
    def test_waits_until_it_is_gone(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        self.edge.on(
            "GET",
            NODE,
            shown(),
            shown(ComposedNodeState="Failed"),
            edge.Reply(404),
        )
        self.driver.delete_node("1", self.progress)
        self.assertEqual(3, self.edge.seen("GET").count(NODE))
        self.assertEqual(["delete"], self.progress.steps)

    def test_never_gone(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.make(state_timeout=0.02).delete_node,
            "1",
            self.progress,
        )
        self.assertIn("did not become deleted", str(error))

    def test_refused(self):
        self.edge.on("DELETE", NODE, edge.Reply(409, {"message": "Busy."}))
        self.assertRaises(
            exception.HardwareConflict,
            self.driver.delete_node,
            "1",
            self.progress,
        )

    def test_force_is_for_an_operator(self):
        self.edge.on("DELETE", NODE, edge.Reply(500, {"message": "No."}))
        for actions, said in (
            ({"#ComposedNode.ForceDelete": {"target": FORCE}}, True),
            ({}, False),
        ):
            self.edge.on("GET", NODE, shown(Actions=actions))
            error = self.assertRaises(
                exception.BackendError,
                self.driver.delete_node,
                "1",
                self.progress,
            )
            self.assertIn("No.", str(error))
            self.assertEqual(said, FORCE in str(error))
        self.assertEqual([], self.edge.seen("POST"))

    def test_lost_while_it_waits(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        self.edge.on("GET", NODE, edge.Reply(cut="reset"))
        error = self.assertRaises(
            exception.Unreachable,
            self.driver.delete_node,
            "1",
            self.progress,
        )
        self.assertTrue(error.maybe_done)


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


class TestInventory(Case):
    def setUp(self):
        super().setUp()
        systems = f"{ROOT}/Systems"
        self.one, self.two = f"{systems}/1", f"{systems}/2"
        self.edge.documents(
            {
                systems: edge.members(self.one, self.two),
                self.one: edge.system("1"),
                self.two: edge.system("2"),
                f"{self.one}/Processors": edge.members(
                    *(f"{self.one}/Processors/{n}" for n in (1, 2, 3))
                ),
                f"{self.one}/Processors/1": {"Id": "1", "TotalCores": 8},
                f"{self.one}/Processors/2": {
                    "Id": "2",
                    "TotalCores": "8",
                    "ProcessorType": "CPU",
                },
                f"{self.one}/Processors/3": {
                    "Id": "3",
                    "TotalCores": 900,
                    "ProcessorType": "FPGA",
                },
                f"{ROOT}/Chassis": edge.members(),
            }
        )

    def chassis(self, **documents):
        self.edge.documents(
            {
                f"{ROOT}/Chassis": edge.members(
                    *(f"{ROOT}/Chassis/{index}" for index in documents)
                ),
                **{
                    f"{ROOT}/Chassis/{index}": {"Id": index, **document}
                    for index, document in documents.items()
                },
            }
        )

    def test_systems(self):
        one, two = self.driver.list_systems()
        self.assertEqual(
            ("1", "Computer 1", self.one, "Physical", "On", "OK", "in_use"),
            (
                one.index,
                one.name,
                one.resource_uri,
                one.system_type,
                one.power_state,
                one.health,
                one.state,
            ),
        )
        self.assertEqual(
            (2, 16, "Xeon", 32768, [], None),
            (
                one.cpu_count,
                one.cpu_cores,
                one.cpu_model,
                one.memory_mib,
                one.mac_addresses,
                one.rack_index,
            ),
        )
        self.assertEqual(("free", None), (two.state, two.cpu_cores))

    def test_cost(self):
        self.driver.list_systems()
        self.edge.requests.clear()
        self.driver.list_systems()
        self.assertEqual(
            sorted([NODES, NODE, f"{ROOT}/Systems", self.one, self.two]),
            sorted(self.edge.seen()),
        )
        self.edge.requests.clear()
        self.driver.list_systems([])
        self.assertEqual(3, len(self.edge.seen()))

    def test_another_machine_in_the_place_is_read_anew(self):
        self.driver.list_systems()
        self.edge.documents(
            {
                self.one: edge.system("1", UUID="other"),
                f"{self.one}/Processors/1": {"Id": "1", "TotalCores": 16},
            }
        )
        self.assertEqual(24, self.driver.list_systems()[0].cpu_cores)

    def test_one_that_has_gone(self):
        self.edge.on("GET", self.one, edge.Reply(404))
        self.assertEqual(["2"], [s.index for s in self.driver.list_systems()])

    def test_one_that_fails(self):
        # Left out it would look as if it had gone.
        self.edge.on("GET", self.one, edge.Reply(500))
        self.assertRaises(exception.BackendError, self.driver.list_systems)

    def test_odd_documents(self):
        self.edge.on(
            "GET",
            self.one,
            edge.Reply(
                document={
                    "Id": 1,
                    "Name": 7,
                    "UUID": None,
                    "Status": None,
                    "PowerState": ["On"],
                    "ProcessorSummary": {"Count": "2"},
                    "MemorySummary": {"TotalSystemMemoryGiB": "31.5"},
                    "Links": {"Chassis": edge.link(f"{ROOT}/Chassis/A")},
                    "Oem": [],
                    "Actions": 3,
                }
            ),
        )
        one = self.driver.list_systems()[0]
        self.assertEqual(
            ("1", "7", None, None, None, 2, 32256),
            (
                one.index,
                one.name,
                one.hardware_uuid,
                one.health,
                one.power_state,
                one.cpu_count,
                one.memory_mib,
            ),
        )

    def test_no_summaries(self):
        self.edge.documents(
            {
                self.one: edge.system(
                    "1",
                    ProcessorSummary=None,
                    MemorySummary={},
                    Memory=edge.link(f"{self.one}/Memory"),
                ),
                f"{self.one}/Memory": edge.members(
                    f"{self.one}/Memory/1", f"{self.one}/Memory/2"
                ),
                f"{self.one}/Memory/1": {"Id": "1", "CapacityMiB": 1024},
                f"{self.one}/Memory/2": {"Id": "2", "CapacityMiB": 2048},
            }
        )
        one = self.driver.list_systems()[0]
        self.assertEqual(
            (2, 16, 3072), (one.cpu_count, one.cpu_cores, one.memory_mib)
        )

    def test_pages_and_members_under_links(self):
        self.edge.documents(
            {
                f"{ROOT}/Systems": {
                    "Links": {"Members": [edge.link(self.one + "/")]},
                    "Members@odata.nextLink": f"{ROOT}/Systems?$skip=1",
                },
                f"{ROOT}/Systems?$skip=1": {
                    "Members": [edge.link(self.two), {}, None, 3],
                    "Members@odata.nextLink": f"{ROOT}/Systems",
                },
            }
        )
        self.assertEqual(
            ["1", "2"], [s.index for s in self.driver.list_systems()]
        )

    def test_a_link_to_another_server(self):
        self.edge.on(
            "GET",
            f"{ROOT}/Systems",
            edge.Reply(
                document=edge.members("https://other/redfish/v1/Systems/1")
            ),
        )
        self.assertRaises(exception.BackendError, self.driver.list_systems)

    def test_racks(self):
        systems = [edge.link(self.one), edge.link(self.two)]
        here = [edge.link(f"{ROOT}/Chassis/Rack")]
        for inner, rack in (
            ({"Links": {"ContainedBy": here[0]}}, {}),
            ({}, {"Links": {"Contains": [edge.link(f"{ROOT}/Chassis/Sled")]}}),
            (
                {
                    "Oem": {
                        "Intel_RackScale": {
                            "Location": {"Id": "S", "ParentId": "R1"}
                        }
                    }
                },
                {},
            ),
        ):
            inner.setdefault("Links", {})["ComputerSystems"] = systems
            self.chassis(
                Other={"ChassisType": "Drawer"},
                Rack={
                    "ChassisType": "Rack",
                    "Name": "The rack",
                    "Oem": {"Any": {"Location": {"Id": "R1"}}},
                    **rack,
                },
                Sled={"ChassisType": "Sled", **inner},
            )
            driver = self.make()
            (found,) = driver.list_racks()
            self.assertEqual(
                ("Rack", "The rack", "R1", ["1", "2"]),
                (
                    found.index,
                    found.name,
                    found.location,
                    found.system_indexes,
                ),
            )
            self.assertEqual(
                ["Rack", "Rack"],
                [s.rack_index for s in driver.list_systems()],
            )

    def test_chassis_in_a_circle(self):
        self.chassis(
            A={
                "ChassisType": "Rack",
                "Links": {"Contains": [edge.link(f"{ROOT}/Chassis/B")]},
            },
            B={
                "ChassisType": "Sled",
                "Links": {
                    "Contains": [edge.link(f"{ROOT}/Chassis/A")],
                    "ComputerSystems": [edge.link(self.two)],
                },
            },
        )
        self.assertEqual(
            [["2"]], [r.system_indexes for r in self.driver.list_racks()]
        )

    def test_assets(self):
        self.edge.documents(
            {
                NODE: edge.node(
                    Links={
                        "ComputerSystem": edge.link(self.one),
                        "Processors": [edge.link(f"{self.one}/Processors/1")],
                        "Memory": [edge.link("/m")],
                        "EthernetInterfaces": [
                            edge.link("/e"),
                            edge.link("/x"),
                        ],
                        "LocalDrives": [edge.link("/d")],
                        "RemoteDrives": None,
                        "Storage": [edge.link("/v")],
                    }
                ),
                "/m": {
                    "Name": "M",
                    "CapacityMiB": 8192,
                    "DimmDeviceType": "DDR3",
                },
                "/e": {"Name": "E", "MACAddress": "AA-BB-CC-00-11-22"},
                "/d": {
                    "Name": "D",
                    "CapacityGiB": 119.5,
                    "Type": "SSD",
                    "Interface": "NVMe",
                },
                "/v": {
                    "Name": "V",
                    "CapacityBytes": 2 * 1024**3,
                    "Protocol": "SAS",
                },
            }
        )
        assets = self.driver.get_assets("1")
        self.assertEqual(
            [self.one], [s["resource_uri"] for s in assets.pop("systems")]
        )
        self.assertEqual(
            {
                "processors": [
                    {
                        "resource_uri": f"{self.one}/Processors/1",
                        "name": None,
                        "total_cores": 8,
                    }
                ],
                "memory": [
                    {
                        "resource_uri": "/m",
                        "name": "M",
                        "capacity_mib": 8192,
                        "type": "DDR3",
                    }
                ],
                "ethernet_interfaces": [
                    {
                        "resource_uri": "/e",
                        "name": "E",
                        "mac_address": "aa:bb:cc:00:11:22",
                    }
                ],
                "local_drives": [
                    {
                        "resource_uri": "/d",
                        "name": "D",
                        "capacity_gib": 119.5,
                        "media_type": "SSD",
                        "protocol": "NVMe",
                    }
                ],
                "remote_drives": [],
                "storage": [
                    {
                        "resource_uri": "/v",
                        "name": "V",
                        "capacity_gib": 2,
                        "protocol": "SAS",
                    }
                ],
            },
            assets,
        )

    def test_close_ends_a_list(self):
        self.edge.on(
            "GET", self.one, edge.Reply(document=edge.system("1"), delay=0.1)
        )
        errors = []

        def read():
            try:
                self.driver.list_systems()
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        while self.one not in self.edge.seen():
            pass
        self.driver.close()
        thread.join()
        self.assertRaises(exception.Unreachable, self.driver.list_systems)
        for error in errors:
            self.assertIsInstance(error, exception.Unreachable)


# -- whatever is sent --------------------------------------------------------

VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([NODE, "Rack", "Assembled", "valence:x", "1e999"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@odata.id", "target", "Members", "Count", "Location", "Id"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def _places(document, path=()):
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key)
            yield from _places(value, (*path, key))


@st.composite
def spoilt(draw, document):
    """``document`` with a few of its values replaced by anything."""
    document = json.loads(json.dumps(document))
    places = sorted(_places(document))
    for place in draw(st.lists(st.sampled_from(places), max_size=4)):
        inside = document
        for key in place[:-1]:
            inside = inside.get(key) if isinstance(inside, dict) else None
        if isinstance(inside, dict):
            inside[place[-1]] = draw(VALUE)
    return document


CHASSIS = {
    "Id": "Rack",
    "ChassisType": "Rack",
    "Links": {
        "Contains": [],
        "ContainedBy": edge.link(f"{ROOT}/Chassis/Rack"),
        "ComputerSystems": [edge.link(f"{ROOT}/Systems/1")],
    },
    "Oem": {"Intel_RackScale": {"Location": {"Id": "R", "ParentId": "P"}}},
}
POD = st.fixed_dictionaries(
    {
        ROOT: spoilt(edge.root()),
        NODES: spoilt(edge.nodes(NODE)),
        NODE: spoilt(edge.node()),
        f"{ROOT}/Systems": spoilt(edge.members(f"{ROOT}/Systems/1")),
        f"{ROOT}/Systems/1": spoilt(edge.system()),
        f"{ROOT}/Systems/1/Processors": spoilt(
            edge.members(f"{ROOT}/Systems/1/Processors/1")
        ),
        f"{ROOT}/Systems/1/Processors/1": spoilt(
            {"ProcessorType": "CPU", "TotalCores": 4, "Model": "Xeon"}
        ),
        f"{ROOT}/Chassis": spoilt(edge.members(f"{ROOT}/Chassis/Rack")),
        f"{ROOT}/Chassis/Rack": spoilt(CHASSIS),
    }
)


class TestAnything(testtools.TestCase):
    @hypothesis.settings(deadline=None, max_examples=150)
    @hypothesis.given(POD)
    def test_plain_values_or_a_named_error(self, documents):
        driver = redfishv1.RedfishV1Driver(
            base.Connection(
                url="http://pod.example", poll_interval=0, state_timeout=0
            )
        )

        def answer(method, path="", **_):
            if method != "GET":
                return connector.Answer(204, {}, b"", path)
            if path not in documents:
                raise exception.HardwareNotFound(noun="resource", ident=path)
            content = json.dumps(documents[path]).encode()
            return connector.Answer(200, {}, content, path)

        driver._connector._op = answer
        progress = conformance.Recorder()
        try:
            for call, args in (
                (driver.get_info, ()),
                (driver.list_racks, ()),
                (driver.list_systems, ()),
                (driver.list_nodes, ()),
                (driver.get_node, ("1",)),
                (driver.find_node, ("tag-1",)),
                (driver.get_assets, ("1",)),
                (driver.reset_node, ("1", "On", progress)),
                (driver.set_boot_source, ("1", "Pxe")),
                (driver.compose_node, ("t", "n", "d", {}, progress)),
                (driver.list_devices, ()),
                (driver.attach_device, ("1", NODE, progress)),
                (driver.detach_device, ("1", NODE, progress)),
                (driver.delete_node, ("1", progress)),
            ):
                try:
                    call(*args)
                except exception.HardwareError as error:
                    self.assertTrue(str(error))
        finally:
            driver.close()
