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

"""What a pod shows of itself."""

from valence import simulator
from valence.tests.unit.simulator import base


class DocumentsTest(base.PodCase):
    def crawl(self):
        """All documents that links lead to, by their paths."""
        found, todo = {}, ["/redfish/v1"]
        while todo:
            path = todo.pop()
            if path not in found:
                found[path] = self.get(path)
                todo += self._links(found[path])
        return found

    def _links(self, value):
        if isinstance(value, list):
            return [link for one in value for link in self._links(one)]
        if not isinstance(value, dict):
            return []
        own = [value["@odata.id"]] if "@odata.id" in value else []
        return own + self._links(list(value.values()))

    def test_no_link_leads_nowhere(self):
        for dialect in base.ALL:
            for quirks in ((), ("links-members", "drawers-only")):
                with self.subTest(dialect, quirks=quirks):
                    self.serve(
                        dialect,
                        systems=3,
                        racks=2,
                        devices=3,
                        fpgas=1,
                        volumes=1,
                        quirks=quirks,
                    )
                    self.node(RemoteDrives=[{"CapacityGiB": 1}])
                    found = self.crawl()
                    for path, document in found.items():
                        self.assertEqual(path, document["@odata.id"])
                        self.assertIn("Name", document)
                    kinds = [
                        one.get("ChassisType")
                        for path, one in found.items()
                        if path.startswith("/redfish/v1/Chassis/")
                    ]
                    self.assertEqual(2, kinds.count("Rack"))
                    self.assertEqual(2, kinds.count("Drawer"))
                    self.assertIn("/redfish/v1/Systems/3", found)

    def test_systems_differ_and_pods_too(self):
        self.serve(systems=8)
        first = self.pod.systems
        macs = [i.mac for one in first for i in one.interfaces]
        self.assertEqual(len(macs), len(set(macs)))
        self.assertEqual(4, len({one.cores for one in first}))
        self.serve(systems=8)
        self.assertEqual(
            [one.uuid for one in first], [o.uuid for o in self.pod.systems]
        )

    def test_racks(self):
        self.serve(systems=3, racks=2)
        path = "/redfish/v1/Chassis/Rack2"
        rack = self.get(path)
        system = {"@odata.id": "/redfish/v1/Systems/3"}
        self.assertEqual([system], rack["Links"]["ComputerSystems"])
        self.assertEqual(
            {"Id": "Rack2", "ParentId": "Pod1"},
            rack["Oem"]["Intel_RackScale"]["Location"],
        )
        drawer = self.get(rack["Links"]["Contains"][0]["@odata.id"])
        self.assertEqual("Drawer", drawer["ChassisType"])
        self.assertEqual([system], drawer["Links"]["ComputerSystems"])

    def test_enclosures(self):
        self.serve("2.5", racks=2, systems=2, devices=6, fpgas=1, enclosures=2)
        self.assertEqual(
            {
                "Rack1Enclosure1": ["D1", "D5", "F1"],
                "Rack1Enclosure2": ["D3"],
                "Rack2Enclosure1": ["D2", "D6"],
                "Rack2Enclosure2": ["D4"],
            },
            {
                enclosure: sorted(
                    one.id for one in self.pod.pool if one.chassis == enclosure
                )
                for rack in self.pod.racks
                for enclosure in self.pod.enclosures(rack)
            },
        )
        for rack, other in (("Rack1", "Rack2"), ("Rack2", "Rack1")):
            held = self.get(f"/redfish/v1/Chassis/{rack}")["Links"]["Contains"]
            enclosures = [
                {"@odata.id": f"/redfish/v1/Chassis/{rack}Enclosure{n}"}
                for n in (1, 2)
            ]
            self.assertEqual(enclosures, held[1:])
            switch = self.get(f"/redfish/v1/Fabrics/PCIe/Switches/{rack}")
            self.assertEqual(enclosures, switch["Links"]["Chassis"])
            for one in enclosures:
                links = self.get(one["@odata.id"])["Links"]
                self.assertEqual(
                    {"@odata.id": f"/redfish/v1/Chassis/{rack}"},
                    links["ContainedBy"],
                )
                self.assertNotIn(other, str(links))

    def test_kinds(self):
        self.serve(
            "2.5",
            systems=3,
            profiles=(
                "Gold",
                simulator.Profile(
                    model="Ryzen", brand="R", cores=6, dimm_mib=4096
                ),
            ),
            devices=2,
            disks=("9300", simulator.Disk(gib=1, vendor="V", model="M")),
            fpgas=2,
            boards=("PAC-A10", simulator.Board(model="X1")),
        )
        self.assertEqual(
            [(40, 131072), (6, 4096), (40, 131072)],
            [(one.cores, one.memory_mib) for one in self.pod.systems],
        )
        document = self.get("/redfish/v1/Systems/2")
        self.assertEqual("Ryzen", document["ProcessorSummary"]["Model"])
        shelf = "/redfish/v1/Chassis/Rack1Enclosure1"
        for path, vendor, model, gib in (
            ("Drives/D1", "Micron", "MTFDHAL3T8TDP", 3576),
            ("Drives/D2", "V", "M", 1),
            ("Processors/F1", "Intel", "PAC Arria 10 GX", None),
            ("Processors/F2", "Valence", "X1", None),
        ):
            document = self.get(f"{shelf}/{path}")
            self.assertEqual(vendor, document["Manufacturer"])
            self.assertEqual(model, document["Model"])
            if gib is not None:
                self.assertEqual(gib * 2**30, document["CapacityBytes"])

    def test_quirks(self):
        self.serve(
            quirks=("allocate-key", "numeric-ids", "no-location"), systems=1
        )
        self.assertIn(
            "#ComposedNodesCollection.Allocate",
            self.get("/redfish/v1/Nodes")["Actions"],
        )
        self.assertEqual(1, self.get("/redfish/v1/Systems/1")["Id"])
        response = self.allocate()
        self.assertEqual(201, response.status_code)
        self.assertNotIn("Location", response.headers)
        self.assertEqual("/redfish/v1/Nodes/1", response.json()["@odata.id"])

    def test_specs_are_checked(self):
        for spec in (
            {"dialect": "3.0"},
            {"quirks": ("odd",)},
            {"systems": -1},
            {"racks": 0},
            {"assemble_seconds": float("nan")},
            {"enclosures": 0},
            {"profiles": ()},
            {"profiles": ("Silver",)},
            {"disks": ("Gold",)},
            {"boards": ("",)},
        ):
            with self.subTest(spec), self.assertRaises(ValueError):
                self.serve(**spec)
