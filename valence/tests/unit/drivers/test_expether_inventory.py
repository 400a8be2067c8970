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

"""What the driver expether finds on simulated fabrics."""

from valence import exception
from valence.drivers import base
from valence.tests.unit.drivers.expether_case import OnAFabric


class TestInventory(OnAFabric):
    def test_info(self):
        driver = self.fabric()
        self.assertEqual(
            base.PodManagerInfo(
                name=None,
                version="v1.0.8",
                uuid=None,
                capabilities=frozenset({"compose", "attach"}),
            ),
            driver.get_info(),
        )
        self.assertEqual(["GET api_version"], self.asked())

    def test_a_sync_is_one_call(self):
        driver = self.fabric(servers=10, devices=2000)
        servers, devices = self.ids()
        for server, device in zip(servers, devices, strict=False):
            self.attach(driver, server, device)
        self.asked()
        driver.list_racks()
        nodes = driver.list_nodes()
        systems = driver.list_systems(nodes)
        found = driver.list_devices(nodes)
        self.assertEqual(["GET devices/detail"], self.asked())
        self.assertEqual(servers, [node.index for node in nodes])
        self.assertEqual(servers, [system.index for system in systems])
        self.assertEqual(devices, [device.index for device in found])
        self.assertEqual(
            dict(zip(devices, servers, strict=False)),
            {one.index: one.node_index for one in found if one.node_index},
        )
        # Somebody else's list does not do.
        self.assertEqual(found, driver.list_devices(list(nodes)))
        self.assertEqual(systems, driver.list_systems([]))
        self.assertEqual(2, len(self.asked()))

    def test_systems(self):
        driver = self.fabric(servers=2)
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        used, free = driver.list_systems()
        self.assertEqual("in_use", used.state)
        self.assertEqual("16", used.extra["pooled_group_id"])
        self.assertEqual("free", free.state)
        self.assertEqual("4094", free.extra["pooled_group_id"])
        self.assertEqual(f"devices/{servers[1]}", free.resource_uri)
        self.assertEqual("On", free.power_state)
        self.assertEqual("OK", free.health)
        self.assertEqual(16, free.extra["max_devices"])
        self.assertEqual([self.eem.servers[1].mac], free.mac_addresses)
        self.assertEqual(
            servers[1], "0x" + free.mac_addresses[0].replace(":", "")
        )

    def test_a_server_that_is_down_is_still_there(self):
        driver = self.fabric(servers=1)
        self.eem.change("servers", self.ids()[0][0], {"notification": "down"})
        self.assertEqual("Critical", driver.list_systems()[0].health)

    def test_devices_of_40g(self):
        self.name_devices()
        driver = self.fabric(
            kinds=("SSD", "NIC", "GPU", "Multi", "USB", "ACS", "SWITCH")
        )
        found = driver.list_devices()[:7]
        self.assertEqual(
            ["SSD", "NIC", "GPU", "Multi", "USB", "ACS", "SWITCH"],
            [device.device_type for device in found],
        )
        names = [
            "NVMe SSD Controller 172Xa/172Xb",
            "Ethernet Controller X710 for 10GbE SFP+",
            "GP100GL [Tesla P100 PCIe 16GB]",
            None,
        ]
        vendors = [
            "Samsung Electronics Co Ltd",
            "Intel Corporation",
            "NVIDIA Corporation",
            None,
        ]
        self.assertEqual(
            [
                {"vendor_name": vendor, "device_name": name}
                for vendor, name in zip(vendors, names, strict=True)
            ],
            [device.extra for device in found[:4]],
        )
        self.assertEqual(names, [device.name for device in found[:4]])
        ssd = self.eem.devices[0]
        self.assertEqual(
            base.Device(
                index=ssd.id,
                device_type="SSD",
                name=names[0],
                resource_uri=f"devices/{ssd.id}",
                state="free",
                node_index=None,
                pooled_group_id="4093",
                health="OK",
                power_state="On",
                properties={
                    "device_id": ssd.id,
                    "mac_address": ssd.mac,
                    "model": "EE I/O Expansion Unit (40G)-2S",
                },
                extra={"vendor_name": vendors[0], "device_name": names[0]},
                vendor=vendors[0],
                model=names[0],
            ),
            found[0],
        )

    def test_devices_without_pci_ids(self):
        for device in self.fabric().list_devices():
            self.assertIn(device.device_type, ("SSD", "NIC", "GPU"))
            self.assertEqual(
                {"vendor_name": None, "device_name": None}, device.extra
            )
            self.assertEqual(
                (None, "EE I/O Expansion Unit (40G)-2S"),
                (device.vendor, device.model),
            )

    def test_models_of_one_type(self):
        self.name_devices()
        driver = self.fabric(devices=4, kinds=("GPU", "V100", "SSD", "P4510"))
        self.assertEqual(
            [
                (
                    "GPU",
                    "NVIDIA Corporation",
                    "GP100GL [Tesla P100 PCIe 16GB]",
                ),
                (
                    "GPU",
                    "NVIDIA Corporation",
                    "GV100GL [Tesla V100 PCIe 16GB]",
                ),
                (
                    "SSD",
                    "Samsung Electronics Co Ltd",
                    "NVMe SSD Controller 172Xa/172Xb",
                ),
                # The vendor is known, and the device is not.
                ("SSD", "Intel Corporation", "EE I/O Expansion Unit (40G)-2S"),
            ],
            [
                (one.device_type, one.vendor, one.model)
                for one in driver.list_devices()
            ],
        )

    def test_devices_of_10g(self):
        self.name_devices()
        for device in self.fabric(cards=("10g",)).list_devices():
            self.assertEqual("Unknown", device.device_type)
            self.assertEqual(
                {"vendor_name": None, "device_name": None}, device.extra
            )

    def test_devices_that_are_down_are_not_offered(self):
        driver = self.fabric(servers=1, devices=2)
        servers, devices = self.ids()
        self.eem.change("devices", devices[0], {"notification": "down"})
        self.assertEqual(
            devices[1:], [device.index for device in driver.list_devices()]
        )
        self.assertIn(
            "is down",
            str(
                self.assertRaises(
                    exception.HardwareConflict,
                    self.attach,
                    driver,
                    servers[0],
                    devices[0],
                )
            ),
        )

    def test_a_group_without_a_server(self):
        driver = self.fabric(servers=1, devices=1)
        servers, devices = self.ids()
        self.eem.change("devices", devices[0], {"group_id": "3"})
        (device,) = driver.list_devices()
        self.assertEqual("allocated", device.state)
        self.assertIsNone(device.node_index)
        self.assertEqual("3", device.pooled_group_id)
        error = self.assertRaises(
            exception.HardwareConflict,
            self.attach,
            driver,
            servers[0],
            devices[0],
        )
        self.assertIn("group 3", str(error))
        self.assertEqual(
            device,
            driver.detach_device(servers[0], devices[0], self.progress),
        )

    def test_assets(self):
        self.name_devices()
        driver = self.fabric(servers=1, devices=4, kinds=("SSD", "NIC", "GPU"))
        servers, devices = self.ids()
        self.assertEqual(
            [], driver.get_assets(servers[0])["systems"][0]["device_uris"]
        )
        for device in devices[:3]:
            self.attach(driver, servers[0], device)
        self.asked()
        assets = driver.get_assets(servers[0])
        self.assertEqual(2, len(self.asked()))
        self.assertEqual(
            [f"devices/{device}" for device in devices[:3]],
            assets["systems"][0]["device_uris"],
        )
        for kind, device, name in (
            ("local_drives", devices[0], "NVMe SSD Controller 172Xa/172Xb"),
            (
                "ethernet_interfaces",
                devices[1],
                "Ethernet Controller X710 for 10GbE SFP+",
            ),
            ("processors", devices[2], "GP100GL [Tesla P100 PCIe 16GB]"),
        ):
            (document,) = assets[kind]
            self.assertEqual(f"devices/{device}", document["resource_uri"])
            self.assertEqual(name, document["name"])
            # The box has one, and it is not the NIC's.
            self.assertNotIn("mac_address", document)
