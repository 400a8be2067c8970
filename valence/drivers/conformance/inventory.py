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


"""What a driver says of the hardware, and its power and boot source."""

import dataclasses
import json

from valence import exception
from valence.drivers import base
from valence.drivers.conformance import hooks
from valence.drivers.conformance.hooks import Recorder


class Inventory(hooks.Suite):
    """What there is."""

    def test_constructing_does_no_io(self) -> None:
        before = self.calls()
        self._start()
        self.assertEqual(before, self.calls())

    def test_get_info(self) -> None:
        info = self._start().get_info()
        self.assertIsInstance(info, base.PodManagerInfo)
        self.assertIn("compose", info.capabilities)
        self.assertLessEqual(
            info.capabilities, {"compose", "power", "boot", "racks", "attach"}
        )

    def test_close_twice(self) -> None:
        driver = self._start()
        driver.get_info()
        driver.close()
        driver.close()

    def test_wrong_password(self) -> None:
        wrong = "not-the-password"
        driver = self._start(password=wrong)
        for call in (driver.get_info, driver.list_nodes, driver.list_systems):
            error = self._refused(exception.AuthFailure, call)
            self.assertNotIn(wrong, str(error))
        self.assertNotIn(wrong, repr(driver.connection))

    def test_values_are_plain(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        for system in driver.list_systems():
            json.dumps(dataclasses.asdict(system))
        for rack in driver.list_racks():
            json.dumps(dataclasses.asdict(rack))
        for node in driver.list_nodes():
            json.dumps(dataclasses.asdict(node))
        json.dumps(driver.get_assets(node.index))

    def test_systems(self) -> None:
        driver = self._start()
        systems = driver.list_systems()
        free = self.free_systems()
        self.assertGreaterEqual(free, 3, "the suite needs 3 free systems")
        self.assertEqual(
            free, sum(system.state == "free" for system in systems)
        )
        indexes = [system.index for system in systems]
        self.assertEqual(len(indexes), len(set(indexes)))
        for system in systems:
            self.assertIn(system.state, ("free", "in_use"))
            self.assertTrue(system.index)
            self.assertTrue(system.resource_uri)

    def test_systems_with_the_nodes_given(self) -> None:
        driver = self._start()
        self._compose(driver)
        self.assertEqual(
            driver.list_systems(), driver.list_systems(driver.list_nodes())
        )

    def test_racks(self) -> None:
        driver = self._start()
        racks = driver.list_racks()
        if "racks" in driver.get_info().capabilities:
            self.assertTrue(racks)
        standing = {
            system: rack.index
            for rack in racks
            for system in rack.system_indexes
        }
        for system in driver.list_systems():
            self.assertEqual(
                standing.pop(system.index, None), system.rack_index
            )
        self.assertEqual({}, standing)

    def test_assets(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        assets = driver.get_assets(node.index)
        self.assertEqual(
            {
                "systems",
                "processors",
                "memory",
                "ethernet_interfaces",
                "local_drives",
                "remote_drives",
                "storage",
            },
            set(assets),
        )
        for documents in assets.values():
            for document in documents:
                self.assertTrue(document["resource_uri"])
                self.assertIn("name", document)
        self.assertEqual(
            node.system_uris,
            [system["resource_uri"] for system in assets["systems"]],
        )


class Power(hooks.Suite):
    """Power and boot source."""

    def test_power(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        self.assertEqual(
            bool(driver.reset_types),
            "power" in driver.get_info().capabilities,
        )
        for reset_type, state in (
            ("On", "On"),
            ("On", "On"),
            ("ForceOff", "Off"),
            ("ForceOff", "Off"),
            ("On", "On"),
            ("ForceRestart", "On"),
            ("GracefulShutdown", "Off"),
        ):
            if reset_type in driver.reset_types:
                seen = driver.reset_node(node.index, reset_type, Recorder())
                self.assertEqual(state, seen.power_state)
                self.assertEqual(seen, driver.get_node(node.index))

    def test_unknown_reset(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        for reset_type in ("Explode", "on", ""):
            self._refused(
                exception.HardwareNotSupported,
                driver.reset_node,
                node.index,
                reset_type,
                Recorder(),
            )
        self.assertEqual(node, driver.get_node(node.index))

    def test_boot_source(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        if "boot" not in driver.get_info().capabilities:
            self._refused(
                exception.HardwareNotSupported,
                driver.set_boot_source,
                node.index,
                "Pxe",
            )
            return
        for target, enabled in (("Pxe", "Once"), ("Hdd", "Continuous")):
            seen = driver.set_boot_source(node.index, target, enabled)
            self.assertEqual(target, seen.boot["target"])
            self.assertEqual(enabled, seen.boot["enabled"])
            self.assertEqual(seen, driver.get_node(node.index))

    def test_unknown_boot_source(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        self._refused(
            (exception.HardwareNotSupported, exception.HardwareBadRequest),
            driver.set_boot_source,
            node.index,
            "Gramophone",
        )
        self.assertEqual(node.boot, driver.get_node(node.index).boot)
