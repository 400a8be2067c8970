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

"""Attaching with the driver expether on simulated fabrics."""

from concurrent import futures

import fixtures

from valence import exception
from valence.tests.unit.drivers.expether_case import OnAFabric


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
        driver = self.fabric(state_timeout=0.5)
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

    def test_two_thousand_devices_cost_few_requests(self):
        driver = self.fabric(servers=100, devices=2000)
        self.asked()
        self.assertEqual(2000, len(driver.list_devices()))
        self.assertLess(len(self.asked()), 10)
