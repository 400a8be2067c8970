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

"""Composing with the driver expether on simulated fabrics."""

from valence import exception
from valence.drivers import conformance
from valence.tests.unit.drivers.expether_case import OnAFabric


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
