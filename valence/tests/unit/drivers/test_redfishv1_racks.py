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

"""What redfishv1 knows of racks, and composes in them."""

import testtools

from valence import exception
from valence import simulator
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import redfishv1
from valence.simulator import Disk
from valence.simulator import PodSpec
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers.redfishv1_case import ALLOCATE
from valence.tests.unit.drivers.redfishv1_case import ASSEMBLE
from valence.tests.unit.drivers.redfishv1_case import NODE
from valence.tests.unit.drivers.redfishv1_case import NODES
from valence.tests.unit.drivers.redfishv1_case import ROOT
from valence.tests.unit.drivers.redfishv1_case import Case
from valence.tests.unit.drivers.redfishv1_case import shown

CHASSIS = f"{ROOT}/Chassis"
RACK = f"{CHASSIS}/R1"
SHELF = f"{CHASSIS}/Shelf"
SYSTEM = f"{ROOT}/Systems/1"


def links(*paths):
    return [edge.link(path) for path in paths]


class TestCompose(Case):
    def setUp(self):
        super().setUp()
        self.edge.documents(
            {
                NODES: edge.nodes(),
                CHASSIS: edge.members(RACK, SHELF),
                RACK: {
                    "Id": "R1",
                    "ChassisType": "Rack",
                    "Links": {"ComputerSystems": links(SYSTEM)},
                },
                SHELF: {"Id": "Shelf", "ChassisType": "Enclosure"},
            }
        )
        self.edge.on(
            "POST", ALLOCATE, edge.Reply(201, headers={"Location": NODE})
        )
        self.edge.on("POST", ASSEMBLE, edge.Reply(204))
        self.looks()

    def looks(self):
        self.edge.on(
            "GET",
            NODE,
            shown(ComposedNodeState="Allocated"),
            shown(ComposedNodeState="Assembled"),
        )

    def compose(self, index="R1", resume=False, **wanted):
        return self.driver.compose_node(
            "tag-1",
            "web",
            None,
            {"rack": {"index": index}, **wanted},
            self.progress,
            resume=resume,
        )

    def refuse(self, status, reason="Not so."):
        self.edge.on(
            "POST",
            ALLOCATE,
            edge.Reply(status, {"error": {"message": reason}}),
        )

    def body(self):
        return next(
            request.document
            for request in self.edge.requests
            if request.path == ALLOCATE
        )

    def test_the_chassis_is_asked_for(self):
        self.compose(processor={"model": "Xeon"})
        self.assertEqual(
            [{"Model": "Xeon", "Chassis": {"@odata.id": RACK}}],
            self.body()["Processors"],
        )

    def test_cost(self):
        self.compose()
        # Root, nodes, Allocate, Assemble, two looks; and the chassis.
        self.assertEqual(6 + 1, len(self.edge.requests))
        self.driver.list_racks()
        self.edge.requests.clear()
        self.looks()
        self.compose()
        self.assertEqual(5, len(self.edge.requests))

    def test_a_node_that_is_there_needs_no_rack(self):
        self.edge.documents({NODES: edge.nodes(NODE), NODE: edge.node()})
        self.compose("R9", resume=True)
        self.assertEqual([ROOT, NODES, NODE], self.edge.seen())

    def test_no_rack_at_all(self):
        self.edge.documents({ROOT: edge.root(Chassis=None)})
        self.assertRaises(exception.HardwareNotSupported, self.compose)
        self.assertEqual([], self.edge.seen("POST"))

    def test_an_unknown_rack(self):
        error = self.assertRaises(
            exception.HardwareConflict, self.compose, "R9"
        )
        self.assertIn("R9", str(error))
        self.assertEqual([], self.edge.seen("POST"))

    def test_a_rack_that_is_gone(self):
        self.driver.list_racks()
        self.edge.documents({CHASSIS: edge.members(SHELF)})
        for status in (400, 404):
            self.refuse(status)
            error = self.assertRaises(exception.HardwareConflict, self.compose)
            self.assertIn("no rack R1", str(error))

    def test_a_rack_that_is_empty(self):
        self.edge.documents({RACK: {"Id": "R1", "ChassisType": "Rack"}})
        self.refuse(400)
        error = self.assertRaises(exception.HardwareConflict, self.compose)
        self.assertIn("no system stands in rack R1", str(error))

    def test_what_is_not_the_racks_fault(self):
        self.refuse(400, "Model is wrong.")
        error = self.assertRaises(exception.HardwareBadRequest, self.compose)
        self.assertIn("Model is wrong.", str(error))
        self.refuse(409, "Nothing fits.")
        error = self.assertRaises(exception.HardwareConflict, self.compose)
        self.assertIn("Nothing fits.", str(error))

    def test_what_a_rack_is_named_by(self):
        error = self.assertRaises(
            exception.HardwareNotSupported,
            self.compose,
            rack={"colour": "red"},
        )
        self.assertIn("colour", str(error))
        self.compose(rack={})
        self.assertNotIn("Processors", self.body())


class OnAPod(testtools.TestCase):
    def serve(self, **spec):
        made = simulator.Simulator([PodSpec(**spec)])
        self.addCleanup(made.stop)
        made.start()
        self.pod = made.pods[0]
        return self.make()

    def make(self):
        driver = redfishv1.RedfishV1Driver(
            base.Connection(
                url=self.pod.url,
                username="admin",
                password="admin",
                poll_interval=0.002,
            )
        )
        self.addCleanup(driver.close)
        return driver

    def racks(self, driver):
        return {
            one.index.rpartition("/")[2]: one.rack_index
            for one in driver.list_devices()
        }


class TestDevices(OnAPod):
    def test_racks(self):
        for dialect in ("2.1", "2.3", "2.5"):
            driver = self.serve(
                dialect=dialect,
                racks=3,
                systems=3,
                devices=4,
                fpgas=2 if dialect == "2.5" else 0,
                enclosures=2,
            )
            expected = {one.id: one.rack for one in self.pod.pool if one.rack}
            self.assertEqual({"Rack1", "Rack2", "Rack3"}, {*expected.values()})
            self.assertEqual(expected, self.racks(driver))
            # In the order of a sync as well.
            other = self.make()
            other.list_racks()
            other.list_systems(other.list_nodes())
            self.assertEqual(expected, self.racks(other))

    def test_no_call_is_added(self):
        driver = self.serve(racks=2, systems=2, devices=4)
        driver.list_racks()
        nodes = driver.list_nodes()
        driver.list_systems(nodes)
        self.pod.calls.clear()
        driver.list_devices(nodes)
        # The list of chassis, the pod, two racks, two drawers, two
        # enclosures, and the devices.
        self.assertEqual(1 + 1 + 2 + 2 + 2 + 4, len(self.pod.calls))

    def test_a_device_that_was_carried_elsewhere(self):
        driver = self.serve(racks=2, systems=2, devices=1)
        self.assertEqual({"D1": "Rack1"}, self.racks(driver))
        self.pod.remove("devices", "D1")
        self.pod.add("devices", {"id": "D1", "rack": "Rack2"})
        self.assertEqual({"D1": "Rack2"}, self.racks(driver))

    def test_what_they_are(self):
        driver = self.serve(
            dialect="2.5",
            devices=3,
            fpgas=2,
            disks=("P4510", "NVMe-800", Disk(gib=7, vendor="A", model="B")),
            boards=("FPGA", "U250"),
        )
        self.assertEqual(
            {
                "D1": ("Intel", "SSDPE2KX020T8", 1863),
                "D2": ("Valence", "Simulated NVMe SSD 800 GiB", 800),
                "D3": ("A", "B", 7),
                "F1": ("Valence", "Simulated FPGA", None),
                "F2": ("Xilinx", "Alveo U250", None),
            },
            {
                one.index.rpartition("/")[2]: (
                    one.vendor,
                    one.model,
                    one.capacity_gib,
                )
                for one in driver.list_devices()
            },
        )


class TestComposeOnAPod(OnAPod):
    def compose(self, driver, rack, **wanted):
        requirements = {"rack": {"index": rack}, **wanted}
        return driver.compose_node(
            "tag", "name", None, requirements, conformance.Recorder()
        )

    def test_one_system_has_to_have_it_all(self):
        """Not one of the rack has 40 cores, though together they have."""
        for dialect in ("1.2.1", "2.1", "2.5"):
            driver = self.serve(
                dialect=dialect,
                racks=2,
                systems=4,
                profiles=("E5", "E5", "D", "Gold"),
            )
            wanted = {
                "processor": {"model": "Gold 6138", "total_cores": 40},
                "memory": {"capacity_mib": 131072},
            }
            self.assertRaises(
                exception.HardwareConflict,
                self.compose,
                driver,
                "Rack1",
                **wanted,
            )
            node = self.compose(driver, "Rack2", **wanted)
            self.assertEqual(["/redfish/v1/Systems/4"], node.system_uris)

    def test_a_rack_that_was_emptied(self):
        driver = self.serve(dialect="2.3", racks=2, systems=2, devices=2)
        driver.list_racks()
        self.pod.remove("systems", "2")
        error = self.assertRaises(
            exception.HardwareConflict, self.compose, driver, "Rack2"
        )
        self.assertIn("no system stands in rack Rack2", str(error))
        self.pod.remove("racks", "Rack2")
        error = self.assertRaises(
            exception.HardwareConflict, self.compose, driver, "Rack2"
        )
        self.assertIn("no rack Rack2", str(error))
        self.assertEqual([], self.pod.nodes)
