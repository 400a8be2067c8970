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


import testtools

from valence import exception
from valence.drivers.redfishv1 import requirements

OLD, V21, V22, V23, V25 = (1, 2), (2, 0), (2, 2), (2, 3), (2, 5)


class TestBody(testtools.TestCase):
    def test_nothing(self):
        for dialect in (OLD, V21, V25):
            for asked in ({}, {"processor": {}, "memory": {}}):
                self.assertEqual({}, requirements.body(dialect, asked))

    def test_processor(self):
        asked = {"processor": {"model": "Xeon", "total_cores": "8"}}
        for dialect in (OLD, V21, V25):
            self.assertEqual(
                {"TotalSystemCoreCount": 8, "Processors": [{"Model": "Xeon"}]},
                requirements.body(dialect, asked),
            )

    def test_rack(self):
        for dialect in (OLD, V21, V22, V23, V25):
            asked = requirements.body(dialect, {"rack": {"index": "R1"}})
            self.assertEqual({}, asked)
            requirements.stand_in(asked, "/c/R1")
            chassis = {"Chassis": {"@odata.id": "/c/R1"}}
            self.assertEqual({"Processors": [chassis]}, asked)
            asked = requirements.body(
                dialect, {"processor": {"model": "Xeon"}}
            )
            requirements.stand_in(asked, "/c/R1")
            self.assertEqual(
                {"Processors": [{"Model": "Xeon", **chassis}]}, asked
            )

    def test_memory(self):
        asked = {"memory": {"type": "DDR4", "capacity_mib": "65536"}}
        self.assertEqual(
            {"Memory": [{"DimmDeviceType": "DDR4", "CapacityMiB": 65536}]},
            requirements.body(OLD, asked),
        )
        for dialect in (V21, V22, V23, V25):
            self.assertEqual(
                {
                    "TotalSystemMemoryMiB": 65536,
                    "Memory": [{"MemoryDeviceType": "DDR4"}],
                },
                requirements.body(dialect, asked),
            )

    def test_remote_storage_to_2_2(self):
        asked = {
            "remote_storage": {
                "capacity_gib": 80,
                "protocol": "iSCSI",
                "iscsi_address": "iqn.2017-01.org.example:disk",
                "master": {"type": "Snapshot", "address": "iqn.master"},
            }
        }
        for dialect in (V21, V22):
            self.assertEqual(
                {
                    "RemoteDrives": [
                        {
                            "CapacityGiB": 80,
                            "iSCSIAddress": "iqn.2017-01.org.example:disk",
                            "Master": {
                                "Type": "Snapshot",
                                "Address": "iqn.master",
                            },
                        }
                    ]
                },
                requirements.body(dialect, asked),
            )
        self._refused(V23, "iscsi_address", asked)

    def test_remote_storage_from_2_3(self):
        asked = {
            "remote_storage": {
                "capacity_gib": 80,
                "protocol": "NVMeOverFabrics",
                "master": {"type": "Clone", "resource": "/v/1"},
            }
        }
        for dialect in (V23, V25):
            self.assertEqual(
                {
                    "RemoteDrives": [
                        {
                            "CapacityGiB": 80,
                            "Protocol": "NVMeOverFabrics",
                            "Master": {
                                "Type": "Clone",
                                "Resource": {"@odata.id": "/v/1"},
                            },
                        }
                    ]
                },
                requirements.body(dialect, asked),
            )
        self._refused(V22, "NVMeOverFabrics", asked)
        asked["remote_storage"].pop("protocol")
        self._refused(V22, "'resource'", asked)

    def test_remote_storage_in_1_2(self):
        self._refused(OLD, "2.1", {"remote_storage": {"capacity_gib": 1}})

    def test_master_of_another_release(self):
        self._refused(
            V23, "'address'", {"remote_storage": {"master": {"address": "a"}}}
        )
        self._refused(V23, "'master'", {"remote_storage": {"master": [1]}})
        self._refused(
            V23, "'master'", {"remote_storage": {"master": {"colour": "a"}}}
        )

    def test_unknown(self):
        self._refused(V21, "pci_device", {"pci_device": {"type": ["SSD"]}})
        self._refused(V21, "colour", {"memory": {"colour": "red"}})

    def _refused(self, dialect, said, asked):
        error = self.assertRaises(
            exception.HardwareNotSupported, requirements.body, dialect, asked
        )
        self.assertIn(said, str(error))

    def test_no_number(self):
        self.assertRaises(
            exception.HardwareBadRequest,
            requirements.body,
            V21,
            {"memory": {"capacity_mib": "much"}},
        )
