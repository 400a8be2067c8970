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

"""The driver expether on simulated fabrics, and on odd ones."""

from concurrent import futures
import json
import os
import time

import fixtures
import testtools

from valence import exception
from valence import simulator
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import expether
from valence.drivers.expether import cards
from valence.drivers.expether import pci_ids
from valence.simulator import EemSpec
from valence.tests.unit.drivers import edge

PCI_IDS = """\
# A comment
0001  SafeNet (wrong ID)
10de  NVIDIA Corporation
\t0020  NV4 [Riva TNT]
\t\t1043 0200  V3400 TNT
\t15f8  GP100GL [Tesla P100 PCIe 16GB]
144d  Samsung Electronics Co Ltd
\ta822  NVMe SSD Controller 172Xa/172Xb
8086  Intel Corporation
\t1572  Ethernet Controller X710 for 10GbE SFP+

C 00  Unclassified device
\t00  Non-VGA unclassified device
"""


class Case(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.pci_ids = os.path.join(
            self.useFixture(fixtures.TempDir()).path, "pci.ids"
        )
        self.useFixture(
            fixtures.MockPatchObject(
                pci_ids, "PATHS", ("/none/pci.ids", self.pci_ids)
            )
        )

    def name_devices(self):
        with open(self.pci_ids, "w") as file:
            file.write(PCI_IDS)


class OnAFabric(Case):
    def fabric(self, **spec):
        made = simulator.Simulator([EemSpec(**spec)])
        self.addCleanup(made.stop)
        made.start()
        self.eem = made.eems[0]
        driver = expether.ExpEtherDriver(
            base.Connection(
                url=self.eem.url,
                username="admin",
                password="admin",
                poll_interval=0.002,
                timeout=5.0,
                state_timeout=0.5,
            )
        )
        self.addCleanup(driver.close)
        return driver

    def setUp(self):
        super().setUp()
        self.progress = conformance.Recorder()

    def asked(self):
        """What was asked since the last time."""
        calls = [
            f"{call.method} {call.path.removeprefix('/eem/')}"
            + (f"?{call.query}" if call.query else "")
            for call in self.eem.calls
        ]
        self.eem.calls.clear()
        return calls

    def attach(self, driver, server, device):
        return driver.attach_device(server, device, self.progress)

    def ids(self):
        return (
            [server.id for server in self.eem.servers],
            [device.id for device in self.eem.devices],
        )


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
            ),
            found[0],
        )

    def test_devices_without_pci_ids(self):
        for device in self.fabric().list_devices():
            self.assertIn(device.device_type, ("SSD", "NIC", "GPU"))
            self.assertEqual(
                {"vendor_name": None, "device_name": None}, device.extra
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


class TestCompose(OnAFabric):
    def compose(self, driver, **changed):
        return driver.compose_node(
            **{
                "tag": "tag-1",
                "name": "web",
                "description": None,
                "requirements": {},
                "progress": self.progress,
                **changed,
            }
        )

    def test_only_by_pci_device(self):
        driver = self.fabric()
        self.assertEqual({"pci_device"}, driver.requirement_keys)
        error = self.assertRaises(
            exception.HardwareNotSupported,
            self.compose,
            driver,
            requirements={"memory": {"capacity_mib": 1}},
            system=self.ids()[0][0],
        )
        self.assertIn("not by memory", str(error))
        self.assertEqual([], self.asked())

    def test_not_on_a_device(self):
        driver = self.fabric()
        _, devices = self.ids()
        for call in (
            lambda: self.compose(driver, system=devices[0]),
            lambda: driver.get_node(devices[0]),
            lambda: driver.get_assets(devices[0]),
        ):
            error = self.assertRaises(exception.HardwareNotFound, call)
            self.assertIn("is not a server", str(error))

    def test_not_on_a_server_that_somebody_uses(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        progress = conformance.Recorder()
        error = self.assertRaises(
            exception.HardwareConflict,
            self.compose,
            driver,
            system=servers[0],
            resume=False,
            progress=progress,
        )
        self.assertIn(devices[0], str(error))
        # The caller takes from this that there is nothing to give back.
        self.assertEqual([], progress.steps)
        # A second try may find what the first has attached.
        self.assertEqual(
            servers[0],
            self.compose(driver, system=servers[0], resume=True).index,
        )

    def test_cost(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.compose(driver, system=servers[0], resume=False)
        self.assertEqual([f"GET devices/{servers[0]}"], self.asked())
        self.attach(driver, servers[0], devices[0])
        driver.detach_device(servers[0], devices[0], self.progress)
        self.asked()
        self.compose(driver, system=servers[0], resume=False)
        self.assertEqual(
            [
                f"GET devices/{servers[0]}",
                "GET devices/detail?group_id=16",
            ],
            self.asked(),
        )
        self.compose(driver, system=servers[0])
        self.assertEqual([f"GET devices/{servers[0]}"], self.asked())

    def test_delete(self):
        driver = self.fabric(servers=2)
        servers, devices = self.ids()
        for device in devices[:3]:
            self.attach(driver, servers[0], device)
        self.attach(driver, servers[1], devices[3])
        self.asked()
        driver.delete_node(servers[0], self.progress)
        self.assertEqual(6, len(self.asked()))
        self.assertEqual(
            ["16", "17"], [server.group_id for server in self.eem.servers]
        )
        self.assertEqual(
            ["4093", "4093", "4093", "17"],
            [device.group_id for device in self.eem.devices[:4]],
        )
        driver.delete_node(servers[0], self.progress)
        self.assertEqual(2, len(self.asked()))
        # An I/O device is no node, and is left as it is.
        driver.delete_node(devices[3], self.progress)
        self.assertEqual("17", self.eem.devices[3].group_id)

    def test_delete_takes_what_is_down_too(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        self.eem.change("devices", devices[0], {"notification": "down"})
        driver.delete_node(servers[0], self.progress)
        self.assertEqual("4093", self.eem.devices[0].group_id)

    def test_delete_goes_on_where_it_stopped(self):
        driver = self.fabric()
        servers, devices = self.ids()
        for device in devices[:3]:
            self.attach(driver, servers[0], device)
        self.eem.faults.add(
            point="group_delete", path=devices[1], cut="before"
        )
        self.assertRaises(
            exception.Unreachable,
            driver.delete_node,
            servers[0],
            self.progress,
        )
        driver.delete_node(servers[0], self.progress)
        self.assertEqual(8, len(self.eem.free_devices()))

    def test_no_power(self):
        driver = self.fabric()
        (server, _), _ = self.ids()
        for call in (
            lambda: driver.reset_node(server, "On", self.progress),
            lambda: driver.set_boot_source(server, "Pxe"),
        ):
            error = self.assertRaises(exception.HardwareNotSupported, call)
            self.assertIn("IPMI", str(error))


class TestAttach(OnAFabric):
    def test_cost(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        self.attach(driver, server, devices[0])
        first = self.asked()
        self.assertEqual(7, len(first))
        self.attach(driver, server, devices[1])
        self.assertEqual(
            [
                f"GET devices/{server}",
                f"GET devices/{devices[1]}",
                "GET devices/detail?group_id=16",
                f"PUT devices/{devices[1]}/group_id",
                f"GET devices/{devices[1]}",
            ],
            self.asked(),
        )
        self.attach(driver, server, devices[1])
        self.assertEqual(3, len(self.asked()))
        driver.detach_device(server, devices[1], self.progress)
        self.assertEqual(4, len(self.asked()))
        driver.detach_device(server, devices[1], self.progress)
        self.assertEqual(1, len(self.asked()))

    def test_a_server_without_a_group_gets_one(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        self.assertEqual(["assign group", "attach"], self.progress.steps)
        (warning,) = self.progress.warnings
        self.assertIn("may have to be restarted", warning)
        self.assertEqual("16", self.eem.servers[0].group_id)
        self.assertEqual([self.eem.devices[0]], self.eem.servers[0].boxes)
        self.attach(driver, servers[0], devices[1])
        self.assertEqual(1, len(self.progress.warnings))

    def test_many_at_once_get_one_group(self):
        driver = self.fabric(servers=1)
        (server,), devices = self.ids()
        self.eem.faults.add(point="group_set", path=server, delay=0.1)
        with futures.ThreadPoolExecutor(8) as pool:
            given = list(
                pool.map(
                    lambda device: self.attach(driver, server, device),
                    devices,
                )
            )
        self.assertEqual({server}, {one.node_index for one in given})
        self.assertEqual(8, len(self.eem.servers[0].boxes))
        self.assertEqual(1, self.progress.steps.count("assign group"))

    def test_a_group_set_by_a_switch(self):
        driver = self.fabric(quirks=("any-group",))
        (server, _), devices = self.ids()
        self.eem.change("servers", server, {"group_id": "3"})
        device = self.attach(driver, server, devices[0])
        self.assertEqual("3", device.pooled_group_id)
        self.assertEqual([], self.progress.warnings)

    def test_a_group_that_cannot_be_set(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        self.eem.change("servers", server, {"group_id": "3"})
        error = self.assertRaises(
            exception.HardwareBadRequest,
            self.attach,
            driver,
            server,
            devices[0],
        )
        self.assertIn("40004", str(error))
        self.assertEqual(8, len(self.eem.free_devices()))

    def test_more_than_it_can_hold(self):
        for card, most in (("40g", 16), ("10g", 8)):
            driver = self.fabric(cards=(card,), devices=most + 1)
            (server, _), devices = self.ids()
            for device in devices[:most]:
                self.attach(driver, server, device)
            error = self.assertRaises(
                exception.HardwareConflict,
                self.attach,
                driver,
                server,
                devices[most],
            )
            self.assertIn(f"has {most} devices", str(error))
            self.assertEqual(1, len(self.eem.free_devices()))

    def test_the_holder_is_named(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        error = self.assertRaises(
            exception.HardwareConflict,
            self.attach,
            driver,
            servers[1],
            devices[0],
        )
        self.assertIn(f"belongs to server {servers[0]}", str(error))

    def test_two_servers_in_one_group(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        self.eem.change("servers", servers[1], {"group_id": "16"})
        error = self.assertRaises(
            exception.HardwareConflict,
            self.attach,
            driver,
            servers[0],
            devices[1],
        )
        self.assertIn(servers[1], str(error))
        # What is there stays whose it is, as the device itself says.
        for first, other in (servers, reversed(servers)):
            self.eem.change("servers", other, {"group_id": "4094"})
            self.eem.change("servers", first, {"group_id": "16"})
            self.eem.change("servers", other, {"group_id": "16"})
            self.assertEqual(first, driver.list_devices()[0].node_index)
            driver.delete_node(other, self.progress)
            self.assertEqual("16", self.eem.devices[0].group_id)

    def test_a_stale_view(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        # Once for the server's group, once for the device's.
        for card in (server, devices[0]):
            self.eem.faults.add(point="group_set", path=card, status=500)
        self.attach(driver, server, devices[0])
        self.assertEqual("16", self.eem.devices[0].group_id)
        self.assertEqual([], list(self.eem.faults))
        # For good is too often.
        self.eem.faults.add(point="group_delete", status=500, times=None)
        error = self.assertRaises(
            exception.BackendError,
            driver.detach_device,
            server,
            devices[0],
            self.progress,
        )
        self.assertIn("50003", str(error))
        self.eem.faults.clear()
        self.eem.faults.add(point="group_delete", status=500)
        taken = driver.detach_device(server, devices[0], self.progress)
        self.assertEqual("free", taken.state)

    def moved_before(self, point, device, group):
        """Somebody moves the device between our look and our change."""
        answer = self.eem.answer

        def spoilt(request, outcome):
            if self.eem.point(request) == point:
                self.eem.change("devices", device, {"group_id": group})
            return answer(request, outcome)

        self.useFixture(fixtures.MockPatchObject(self.eem, "answer", spoilt))

    def test_taken_by_another_meanwhile(self):
        driver = self.fabric(quirks=("delete-first",))
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        self.attach(driver, servers[1], devices[1])
        self.moved_before("group_set", devices[2], "17")
        error = self.assertRaises(
            exception.HardwareConflict,
            self.attach,
            driver,
            servers[0],
            devices[2],
        )
        self.assertIn(f"belongs to server {servers[1]}", str(error))

    def test_moved_to_another_meanwhile_is_not_detached(self):
        driver = self.fabric()
        servers, devices = self.ids()
        self.attach(driver, servers[0], devices[0])
        self.attach(driver, servers[1], devices[1])
        self.moved_before("group_delete", devices[0], "17")
        left = driver.detach_device(servers[0], devices[0], self.progress)
        self.assertEqual(servers[1], left.node_index)
        self.assertEqual("17", self.eem.devices[0].group_id)

    def test_a_change_that_has_no_effect(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        self.attach(driver, server, devices[0])
        self.eem.faults.add(point="group_set", state="never")
        error = self.assertRaises(
            exception.HardwareTimeout, self.attach, driver, server, devices[1]
        )
        self.assertIn("in group 4093", str(error))
        self.assertTrue(self.progress.pauses)
        for call in (
            lambda: driver.detach_device(server, devices[0], self.progress),
            lambda: driver.delete_node(server, self.progress),
        ):
            self.eem.faults.add(point="group_delete", state="never")
            self.assertRaises(exception.HardwareTimeout, call)

    def test_lost_touch_after_a_change(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        self.attach(driver, server, devices[0])
        answer = self.eem.answer

        def then_gone(request, outcome):
            if request.method != "GET":
                self.eem.faults.add(method="GET", cut="before", times=None)
            return answer(request, outcome)

        self.useFixture(
            fixtures.MockPatchObject(self.eem, "answer", then_gone)
        )
        for call in (
            lambda: self.attach(driver, server, devices[1]),
            lambda: driver.detach_device(server, devices[0], self.progress),
            lambda: driver.delete_node(server, self.progress),
        ):
            error = self.assertRaises(exception.Unreachable, call)
            self.assertTrue(error.maybe_done)
            self.eem.faults.clear()

    def test_unplugged(self):
        driver = self.fabric()
        (server, _), devices = self.ids()
        self.attach(driver, server, devices[0])
        self.eem.remove("devices", devices[0])
        self.assertIsNone(
            driver.detach_device(server, devices[0], self.progress)
        )
        # Forgotten while it is being detached.
        self.attach(driver, server, devices[1])
        answer = self.eem.answer

        def unplugged(request, outcome):
            if request.method == "DELETE":
                self.eem.remove("devices", devices[1])
            return answer(request, outcome)

        self.useFixture(
            fixtures.MockPatchObject(self.eem, "answer", unplugged)
        )
        self.assertIsNone(
            driver.detach_device(server, devices[1], self.progress)
        )

    def test_nobody_needs_credentials(self):
        driver = self.fabric(username="")
        self.assertEqual("v1.0.8", driver.get_info().version)
        self.assertEqual(8, len(driver.list_devices()))

    def test_two_thousand_devices_are_quick(self):
        driver = self.fabric(servers=100, devices=2000)
        started = time.monotonic()
        self.assertEqual(2000, len(driver.list_devices()))
        self.assertLess(time.monotonic() - started, 5.0)


class OnAnOddOne(Case):
    def setUp(self):
        super().setUp()
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.driver = expether.ExpEtherDriver(
            self.edge.connection(url=f"{self.edge.url}/eem")
        )
        self.addCleanup(self.driver.close)
        self.progress = conformance.Recorder()

    def get(self, path, document):
        self.edge.on("GET", f"/eem/{path}", edge.Reply(document=document))


def server(**changed):
    return {
        "id": "0x8cdf9d535b14",
        "status": "eesv",
        "type": "40g",
        "group_id": "4094",
        "mac_address": "8c:df:9d:53:5b:14",
        "notification_status0": ["up", "up"],
        "max_eeio_count": "16",
        **changed,
    }


def box(**changed):
    return {
        "id": "0x8cdf9d911b36",
        "status": "eeio",
        "type": "40g",
        "group_id": "4093",
        "mac_address": "8c:df:9d:91:1b:36",
        "notification_status0": ["up", "up"],
        "pcie_vendor_id": "0x10de",
        "pcie_device_id": "0x15f8",
        "pcie_class_code": "0x30200",
        **changed,
    }


class TestOdd(OnAnOddOne):
    def test_no_eem(self):
        error = self.assertRaises(exception.BackendError, self.driver.get_info)
        self.assertIn("/eem", str(error))
        for document in ({}, {"version_number": 1}, {"Name": "Redfish"}):
            self.get("api_version", document)
            self.assertRaises(exception.BackendError, self.driver.get_info)

    def test_no_devices(self):
        for document in ({}, {"devices": None}, {"devices": {}}):
            self.get("devices/detail", document)
            self.assertRaises(exception.BackendError, self.driver.list_devices)
        self.get("devices/0x1", {"device": []})
        self.assertRaises(exception.BackendError, self.driver.get_node, "0x1")

    def test_what_makes_no_sense_is_left_out(self):
        self.get(
            "devices/detail",
            {
                "devices": [
                    None,
                    7,
                    {},
                    {"id": None},
                    {"id": "x", "status": "eexx"},
                    server(),
                    box(),
                ]
            },
        )
        self.assertEqual(1, len(self.driver.list_systems()))
        self.assertEqual(1, len(self.driver.list_devices()))

    def test_a_bare_device(self):
        for group in (None, 7.5, [], ""):
            self.get(
                "devices/detail",
                {
                    "devices": [
                        {"id": "a", "status": "eesv", "group_id": group},
                        {"id": "b", "status": "eeio", "group_id": group},
                    ]
                },
            )
            (found,) = self.driver.list_systems()
            self.assertEqual("free", found.state)
            self.assertIsNone(found.health)
            (found,) = self.driver.list_devices()
            # Whose it is nobody knows, so nobody shall have it.
            self.assertEqual("allocated", found.state)
            self.assertIsNone(found.node_index)
            self.assertEqual("Unknown", found.device_type)

    def test_odd_values(self):
        self.get(
            "devices/detail",
            {
                "devices": [
                    server(group_id=3, max_eeio_count="many"),
                    box(
                        group_id=3,
                        notification_status0="up",
                        mac_address="0x8CDF9D911B36",
                        type=None,
                        eecard_type="40g",
                    ),
                ]
            },
        )
        (found,) = self.driver.list_devices()
        self.assertEqual("0x8cdf9d535b14", found.node_index)
        self.assertEqual("3", found.pooled_group_id)
        self.assertEqual("8c:df:9d:91:1b:36", found.properties["mac_address"])
        self.assertEqual("GPU", found.device_type)
        (found,) = self.driver.list_systems()
        self.assertIsNone(found.extra["max_devices"])

    def test_class_codes(self):
        for code, wanted in (
            ("0x10802", "SSD"),
            ("0x010802", "SSD"),
            ("010802", "SSD"),
            ("0x00010802", "SSD"),
            ("0x10600", "SSD"),
            ("0x20000", "NIC"),
            ("0x020700", "NIC"),
            ("0x30200", "GPU"),
            ("0x030000", "GPU"),
            ("0X0C0330", "USB"),
            ("0xc0330", "USB"),
            ("0x120000", "ACS"),
            ("0x60400", "SWITCH"),
            ("0x40300", "Multi"),
            ("0xff0000", "Unknown"),
            ("0x0", "Unknown"),
            ("", "Unknown"),
            (None, "Unknown"),
            ("GPU", "Unknown"),
        ):
            card = cards.read(box(pcie_class_code=code))
            self.assertEqual(wanted, card.device_type, code)

    def test_indexes_stay_indexes(self):
        for index in ("..", ".", "", "a/b", "a?b", "a%2fb", "x" * 65, "é"):
            self.assertRaises(
                exception.HardwareNotFound, self.driver.get_node, index
            )
            self.assertIsNone(
                self.driver.detach_device("0x1", index, self.progress)
            )
        self.assertEqual([], self.edge.seen())

    def test_a_server_that_shows_its_group_after_a_restart(self):
        """The group in the answer is the one that counts."""
        self.get("devices/0x8cdf9d535b14", {"device": server()})
        self.edge.on(
            "PUT",
            "/eem/devices/0x8cdf9d535b14/group_id",
            edge.Reply(document={"group_id": "16", "update_time": "1"}),
        )
        self.get("devices/detail?group_id=16", {"devices": []})
        self.edge.on(
            "GET",
            "/eem/devices/0x8cdf9d911b36",
            edge.Reply(document={"device": box()}),
            edge.Reply(document={"device": box(group_id="16")}),
        )
        self.edge.on(
            "PUT", "/eem/devices/0x8cdf9d911b36/group_id", edge.Reply(204)
        )
        given = self.driver.attach_device(
            "0x8cdf9d535b14", "0x8cdf9d911b36", self.progress
        )
        self.assertEqual("0x8cdf9d535b14", given.node_index)
        self.assertEqual(
            [{"group_id": None}, {"group_id": "16"}],
            [
                request.document
                for request in self.edge.requests
                if request.method == "PUT"
            ],
        )

    def test_a_group_that_is_not_named_in_the_answer(self):
        for then, expected in (
            ("20", exception.HardwareNotFound),
            ("4094", exception.BackendError),
        ):
            self.edge.on(
                "GET",
                "/eem/devices/0x8cdf9d535b14",
                edge.Reply(document={"device": server()}),
                edge.Reply(document={"device": server()}),
                edge.Reply(document={"device": server(group_id=then)}),
            )
            self.edge.on(
                "PUT",
                "/eem/devices/0x8cdf9d535b14/group_id",
                edge.Reply(204),
            )
            self.get("devices/0x8cdf9d911b36", {"device": box()})
            self.get("devices/detail?group_id=20", {"devices": [server()]})
            # There is no route to the device's group: 404 ends it.
            self.assertRaises(
                expected,
                self.driver.attach_device,
                "0x8cdf9d535b14",
                "0x8cdf9d911b36",
                self.progress,
            )

    def test_a_filter_that_is_ignored(self):
        everything = {
            "devices": [
                server(group_id="16"),
                box(id="a", group_id="16"),
                server(id="0x000000000002", group_id="17"),
                box(id="b", group_id="17"),
                box(id="c"),
            ]
        }
        self.get("devices/0x8cdf9d535b14", {"device": server(group_id="16")})
        self.get("devices/detail?group_id=16", everything)
        self.assertEqual(
            ["devices/a"],
            self.driver.get_assets("0x8cdf9d535b14")["systems"][0][
                "device_uris"
            ],
        )

        # Nor are the others counted when one is attached.
        self.edge.on(
            "GET",
            "/eem/devices/c",
            edge.Reply(document={"device": box(id="c")}),
            edge.Reply(document={"device": box(id="c", group_id="16")}),
        )
        self.edge.on("PUT", "/eem/devices/c/group_id", edge.Reply(204))
        given = self.driver.attach_device("0x8cdf9d535b14", "c", self.progress)
        self.assertEqual("16", given.pooled_group_id)

    def test_pci_codes_of_10g_mean_nothing(self):
        self.name_devices()
        self.get("devices/detail", {"devices": [box(type="10g")]})
        (found,) = self.driver.list_devices()
        self.assertEqual("Unknown", found.device_type)
        self.assertIsNone(found.extra["vendor_name"])

    def test_deletes_without_a_time(self):
        self.edge.on(
            "GET",
            "/eem/devices/0x8cdf9d911b36",
            edge.Reply(document={"device": box(group_id="16")}),
            edge.Reply(document={"device": box()}),
        )
        self.get(
            "devices/detail?group_id=16",
            {"devices": [server(group_id="16"), box(group_id="16")]},
        )
        self.edge.on(
            "DELETE", "/eem/devices/0x8cdf9d911b36/group_id", edge.Reply(204)
        )
        taken = self.driver.detach_device(
            "0x8cdf9d535b14", "0x8cdf9d911b36", self.progress
        )
        self.assertEqual("free", taken.state)

    def test_plain_values(self):
        self.get("devices/0x8cdf9d535b14", {"device": server()})
        json.dumps(self.driver.get_assets("0x8cdf9d535b14"))


class TestPciIds(Case):
    def test_names(self):
        self.name_devices()
        names = pci_ids.load()
        for vendor in ("10de", "0x10de", "0x10DE", "10DE", "0x0010de"):
            self.assertEqual("NVIDIA Corporation", names.vendor(vendor))
            self.assertEqual(
                "GP100GL [Tesla P100 PCIe 16GB]",
                names.device(vendor, "0x15f8"),
            )
        self.assertEqual("SafeNet (wrong ID)", names.vendor("0x1"))
        self.assertEqual("NV4 [Riva TNT]", names.device("10de", "0x20"))

    def test_no_names(self):
        self.name_devices()
        names = pci_ids.load()
        for code in ("ffff", "", None, "no", "0x"):
            self.assertIsNone(names.vendor(code))
            self.assertIsNone(names.device("10de", code))
            self.assertIsNone(names.device(code, "15f8"))
        # Neither subsystems nor classes are devices.
        self.assertIsNone(names.device("10de", "1043"))
        self.assertIsNone(names.device("8086", "0"))

    def test_no_file(self):
        self.assertIsNone(pci_ids.load().vendor("10de"))

    def test_installed_later(self):
        self.assertIsNone(pci_ids.load().vendor("10de"))
        self.name_devices()
        self.assertIsNotNone(pci_ids.load().vendor("10de"))
        self.assertIs(pci_ids.load(), pci_ids.load())

    def test_any_file(self):
        for content in (b"", b"\xff\xfe\x00", b"\t\n  \n10de\n\t0020  x\n"):
            with open(self.pci_ids, "wb") as file:
                file.write(content)
            os.utime(self.pci_ids, ns=(1, len(content)))
            self.assertIsNone(pci_ids.load().vendor("10de"))
