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

"""How a driver finds pooled devices, attaches them and takes them back.

For drivers with 'attach' among their capabilities, beside the rest::

    class TestMine(
        conformance.DeviceConformance,
        conformance.DriverConformance,
        testtools.TestCase,
    ):
        def free_devices(self):
            return self.hardware.count_free_devices()
"""

import dataclasses
import json
import threading
import time
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.conformance import hooks
from valence.drivers.conformance.hooks import Fault
from valence.drivers.conformance.hooks import Recorder


class DeviceHooks(hooks.Suite):
    """What the author of a driver with devices supplies besides."""

    #: How many devices a node can have; None where nothing limits it. The
    #: hardware has more free devices than that.
    most_devices: int | None = None

    def free_devices(self) -> int:
        """How many devices are free, asked of the hardware itself.

        There are three at least, and no device is attached.
        """
        raise NotImplementedError

    def free_for(
        self, driver: base.Driver, node: base.HardwareNode
    ) -> list[base.Device]:
        """Free devices that the node can take, two at least."""
        return [
            device
            for device in driver.list_devices()
            if device.state == "free"
        ]


class DeviceConformance(DeviceHooks):
    """All tests of devices; mixed into a TestCase before it."""

    def _node_and_device(
        self, driver: base.Driver, tag: str = "tag-1"
    ) -> tuple[base.HardwareNode, base.Device]:
        node = self._compose(driver, tag)
        return node, self.free_for(driver, node)[0]

    def assertSame(
        self, expected: base.Device | None, seen: base.Device | None
    ) -> None:
        """The same but for the rack, which only a list has to tell."""
        self.assertEqual(
            *(
                None
                if one is None
                else dataclasses.replace(one, rack_index=None)
                for one in (expected, seen)
            )
        )

    def _device(self, index: str) -> base.Device:
        """The device as another process sees it."""
        found = [
            device
            for device in self._start().list_devices()
            if device.index == index
        ]
        self.assertEqual(1, len(found))
        return found[0]

    # -- what there is -------------------------------------------------------

    def test_devices(self) -> None:
        driver = self._start()
        self.assertIn("attach", driver.get_info().capabilities)
        free = self.free_devices()
        self.assertGreaterEqual(free, 3, "the suite needs 3 free devices")
        devices = driver.list_devices()
        self.assertEqual(
            free, sum(device.state == "free" for device in devices)
        )
        indexes = [device.index for device in devices]
        self.assertEqual(len(indexes), len(set(indexes)))
        for device in devices:
            self.assertIn(device.state, ("free", "allocated"))
            self.assertTrue(device.index)
            self.assertTrue(device.resource_uri)
            self.assertTrue(device.device_type)
            if device.state == "free":
                self.assertIsNone(device.node_index)
            self.assertLessEqual(
                {"vendor_name", "device_name"}, {*device.extra}
            )
            for text in (device.vendor, device.model):
                self.assertIsInstance(text, str | None)
            if device.capacity_gib is not None:
                self.assertIsInstance(device.capacity_gib, int)
                self.assertGreaterEqual(device.capacity_gib, 0)
            json.dumps(dataclasses.asdict(device))

    def test_racks_of_devices(self) -> None:
        driver = self._start()
        racks = {rack.index for rack in driver.list_racks()}
        nodes = driver.list_nodes()
        driver.list_systems(nodes)
        devices = driver.list_devices(nodes)
        self.assertLessEqual(
            {device.rack_index for device in devices}, {None, *racks}
        )
        # Whatever was asked before.
        self.assertEqual(devices, self._start().list_devices())

    def test_devices_with_the_nodes_given(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        driver.attach_device(node.index, device.index, Recorder())
        nodes = driver.list_nodes()
        self.assertEqual(driver.list_devices(), driver.list_devices(nodes))
        self.assertEqual(driver.list_systems(), driver.list_systems(nodes))

    def test_devices_wrong_password(self) -> None:
        driver = self._start(password="not-the-password")  # noqa: S106
        self._refused(exception.AuthFailure, driver.list_devices)

    # -- attach --------------------------------------------------------------

    def test_attach(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        free = self.free_devices()
        progress = Recorder()
        given = driver.attach_device(node.index, device.index, progress)
        self.assertTrue(progress.steps)
        self.assertEqual(device.index, given.index)
        self.assertEqual(device.device_type, given.device_type)
        self.assertEqual("allocated", given.state)
        self.assertEqual(node.index, given.node_index)
        self.assertSame(given, self._device(device.index))
        self.assertEqual(free - 1, self.free_devices())
        self.assertIn(
            node.index, [one.index for one in self._start().list_nodes()]
        )
        self.assertEqual(
            set(node.system_uris),
            {
                system.resource_uri
                for system in self._start().list_systems()
                if system.state == "in_use"
            },
        )

    def test_attach_again(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        first = driver.attach_device(node.index, device.index, Recorder())
        free = self.free_devices()
        again = self._start().attach_device(
            node.index, device.index, Recorder()
        )
        self.assertSame(first, again)
        self.assertEqual(free, self.free_devices())

    def test_attach_what_another_has(self) -> None:
        driver = self._start()
        owner, device = self._node_and_device(driver)
        other = self._compose(driver, "tag-2")
        had = driver.attach_device(owner.index, device.index, Recorder())
        error = self._refused(
            exception.HardwareConflict,
            driver.attach_device,
            other.index,
            device.index,
            Recorder(),
        )
        self.assertIn(owner.index, str(error))
        self.assertSame(had, self._device(device.index))

    def test_attach_the_unknown(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        for node_index, device_index in (
            (node.index, "no-such-device"),
            ("no-such-node", device.index),
            # Neither is what it is taken for.
            (node.index, node.index),
            (device.index, device.index),
        ):
            self._refused(
                exception.HardwareNotFound,
                driver.attach_device,
                node_index,
                device_index,
                Recorder(),
            )
        self.assertSame(device, self._device(device.index))

    def test_attach_until_it_is_full(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        devices = self.free_for(driver, node)
        most = self.most_devices
        if most is None:
            most = len(devices)
        else:
            self.assertLess(most, len(devices))
        for device in devices[:most]:
            driver.attach_device(node.index, device.index, Recorder())
        free = self.free_devices()
        for device in devices[most:]:
            error = self._refused(
                exception.HardwareConflict,
                driver.attach_device,
                node.index,
                device.index,
                Recorder(),
            )
            self.assertIn(str(most), str(error))
        self.assertEqual(free, self.free_devices())

    def test_attach_many_at_once(self) -> None:
        driver = self._start()
        nodes = [self._compose(driver, f"tag-{number}") for number in (1, 2)]
        devices = self.free_for(driver, nodes[0])[:2]
        made: list[base.Device] = []

        def attach(node: base.HardwareNode, device: base.Device) -> None:
            made.append(
                driver.attach_device(node.index, device.index, Recorder())
            )

        threads = [
            threading.Thread(target=attach, args=pair)
            for pair in zip(nodes, devices, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(
            {
                (device.index, node.index)
                for node, device in zip(nodes, devices, strict=True)
            },
            {(device.index, device.node_index) for device in made},
        )
        for device in made:
            self.assertSame(device, self._device(device.index))

    def test_attach_is_stopped_and_taken_up(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        recorder = Recorder()
        driver.attach_device(node.index, device.index, recorder)
        driver.detach_device(node.index, device.index, Recorder())
        for place in recorder.steps + ["pause"] * bool(recorder.pauses):
            progress = Recorder()
            progress.raise_at = place
            self._stopped(
                progress,
                driver.attach_device,
                node.index,
                device.index,
                progress,
            )
            given = self._start().attach_device(
                node.index, device.index, Recorder()
            )
            self.assertSame(given, self._device(device.index))
            self._start().detach_device(node.index, device.index, Recorder())
            self.assertEqual("free", self._device(device.index).state)

    # -- detach --------------------------------------------------------------

    def test_detach(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        free = self.free_devices()
        driver.attach_device(node.index, device.index, Recorder())
        progress = Recorder()
        taken = self._start().detach_device(node.index, device.index, progress)
        self.assertTrue(progress.steps)
        self.assertIsNotNone(taken)
        self.assertEqual("free", taken.state)  # type: ignore[union-attr]
        self.assertSame(taken, self._device(device.index))
        self.assertEqual(free, self.free_devices())
        # And it can be had again, by another.
        other = self._compose(driver, "tag-2")
        given = driver.attach_device(other.index, device.index, Recorder())
        self.assertEqual(other.index, given.node_index)

    def test_detach_again(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        free = self.free_devices()
        # Never attached, then not any more.
        for _ in range(2):
            taken = driver.detach_device(node.index, device.index, Recorder())
            self.assertIsNotNone(taken)
            self.assertEqual("free", taken.state)  # type: ignore[union-attr]
            driver.attach_device(node.index, device.index, Recorder())
            driver.detach_device(node.index, device.index, Recorder())
        self.assertEqual(free, self.free_devices())

    def test_detach_what_another_has(self) -> None:
        driver = self._start()
        owner, device = self._node_and_device(driver)
        other = self._compose(driver, "tag-2")
        had = driver.attach_device(owner.index, device.index, Recorder())
        for index in (other.index, "no-such-node"):
            driver.detach_device(index, device.index, Recorder())
            self.assertSame(had, self._device(device.index))

    def test_detach_the_unknown(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        self.assertIsNone(
            driver.detach_device(node.index, "no-such-device", Recorder())
        )

    def test_detach_is_stopped_and_taken_up(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        driver.attach_device(node.index, device.index, Recorder())
        recorder = Recorder()
        driver.detach_device(node.index, device.index, recorder)
        for place in recorder.steps + ["pause"] * bool(recorder.pauses):
            driver.attach_device(node.index, device.index, Recorder())
            progress = Recorder()
            progress.raise_at = place
            self._stopped(
                progress,
                driver.detach_device,
                node.index,
                device.index,
                progress,
            )
            self._start().detach_device(node.index, device.index, Recorder())
            self.assertEqual("free", self._device(device.index).state)

    def test_release_returns_devices(self) -> None:
        driver = self._start()
        free = self.free_devices()
        node = self._compose(driver)
        kept = self._compose(driver, "tag-2")
        mine, other = self.free_for(driver, node)[:2]
        driver.attach_device(node.index, mine.index, Recorder())
        had = driver.attach_device(kept.index, other.index, Recorder())
        driver.delete_node(node.index, Recorder())
        self.assertEqual(free - 1, self.free_devices())
        self.assertEqual("free", self._device(mine.index).state)
        self.assertSame(had, self._device(other.index))
        driver.delete_node(node.index, Recorder())
        self.assertSame(had, self._device(other.index))

    # -- when it goes wrong --------------------------------------------------

    def _spoilt_change(
        self,
        fault: Fault,
        expected: type[exception.HardwareError],
        *,
        attached: bool,
        **connection: typing.Any,
    ) -> exception.HardwareError | None:
        """Attach or detach under a fault; then do it, then undo it."""
        patient = self._start()
        node, device = self._node_and_device(patient)
        free = self.free_devices()
        if attached:
            patient.attach_device(node.index, device.index, Recorder())
        driver = self._start(**connection)
        driver.get_info()
        if not self._shows(fault):
            return None
        call = driver.detach_device if attached else driver.attach_device
        error = self._refused(
            expected, call, node.index, device.index, Recorder()
        )
        if driver.connection.password:
            self.assertNotIn(driver.connection.password, str(error))
        if fault is Fault.SLOW:
            time.sleep(2 * self.slow_timeout)
        self.fault(Fault.HEAL)
        other = self._start()
        if attached:
            taken = other.detach_device(node.index, device.index, Recorder())
            self.assertSame(taken, self._device(device.index))
            self.assertEqual(free, self.free_devices())
            other.attach_device(node.index, device.index, Recorder())
        else:
            given = other.attach_device(node.index, device.index, Recorder())
            self.assertSame(given, self._device(device.index))
            self.assertEqual(free - 1, self.free_devices())
            other.detach_device(node.index, device.index, Recorder())
        other.delete_node(node.index, Recorder())
        self.assertEqual(free, self.free_devices())
        return error

    def _both(
        self,
        fault: Fault,
        expected: type[exception.HardwareError],
        *,
        maybe_done: bool = False,
        **connection: typing.Any,
    ) -> None:
        for attached in (False, True):
            error = self._spoilt_change(
                fault, expected, attached=attached, **connection
            )
            if maybe_done and isinstance(error, exception.Unreachable):
                self.assertTrue(error.maybe_done)

    def test_change_refused(self) -> None:
        self._both(Fault.REFUSE, exception.HardwareConflict)

    def test_change_failed(self) -> None:
        self._both(Fault.FAIL, exception.BackendError)

    def test_change_cut_before(self) -> None:
        self._both(Fault.CUT_BEFORE, exception.Unreachable)

    def test_change_cut_after(self) -> None:
        self._both(Fault.CUT_AFTER, exception.Unreachable, maybe_done=True)

    def test_change_slow(self) -> None:
        self._both(
            Fault.SLOW,
            exception.Unreachable,
            maybe_done=True,
            timeout=self.slow_timeout,
        )

    def test_devices_garbage(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        if not self._shows(Fault.GARBAGE):
            return
        for asked in (driver, self._start()):
            self._refused(exception.BackendError, asked.list_devices)
            for call in (asked.attach_device, asked.detach_device):
                self._refused(
                    exception.BackendError,
                    call,
                    node.index,
                    device.index,
                    Recorder(),
                )
        self.fault(Fault.HEAL)
        self.assertSame(device, self._device(device.index))

    def test_devices_down(self) -> None:
        driver = self._start()
        node, device = self._node_and_device(driver)
        if not self._shows(Fault.DOWN):
            return
        self._refused(exception.Unreachable, driver.list_devices)
        for call in (driver.attach_device, driver.detach_device):
            error = self._refused(
                exception.Unreachable,
                call,
                node.index,
                device.index,
                Recorder(),
            )
            self.assertFalse(error.maybe_done)
