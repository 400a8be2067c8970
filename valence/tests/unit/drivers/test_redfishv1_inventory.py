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

"""What redfishv1 finds in a pod, however oddly it is told."""

import threading

from valence import exception
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers.redfishv1_case import NODE
from valence.tests.unit.drivers.redfishv1_case import NODES
from valence.tests.unit.drivers.redfishv1_case import ROOT
from valence.tests.unit.drivers.redfishv1_case import Case


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
