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


"""redfishv1 through the conformance suite, on simulated pods."""

import testtools

from valence import exception
from valence import simulator
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import redfishv1
from valence.simulator import PodSpec
from valence.simulator.rsd import dialects

Fault = conformance.Fault
CHANGES = ("POST", "PATCH", "DELETE")


class OnASimulatedPod(conformance.DriverConformance):
    dialect = ""
    quirks: tuple[str, ...] = ()
    slow_timeout = 1.0
    modest = {
        "processor": {"total_cores": 4},
        "memory": {"capacity_mib": 8192},
    }

    def setUp(self):
        super().setUp()
        self.simulator = simulator.Simulator(
            [
                PodSpec(
                    dialect=self.dialect,
                    racks=2,
                    systems=6,
                    # The first rack has the small ones: they are taken first.
                    profiles=("D", "D", "D", "E5", "Gold", "Platinum"),
                    devices=5,
                    fpgas=1,
                    volumes=2,
                    quirks=self.quirks,
                    allocate_seconds=0.01,
                    assemble_seconds=0.01,
                    power_seconds=0.01,
                )
            ]
        )
        self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.pod = self.simulator.pods[0]

    def make_driver(self, **connection):
        return redfishv1.RedfishV1Driver(
            base.Connection(
                **{
                    "url": self.pod.url,
                    "username": "admin",
                    "password": "admin",
                    "poll_interval": 0.002,
                    "timeout": 60.0,
                    "state_timeout": 60.0,
                    **connection,
                }
            )
        )

    def free_systems(self):
        return len(self.pod.free_systems())

    def calls(self):
        return len(self.pod.calls)

    def fault(self, name):
        faults = self.pod.faults
        if name is Fault.HEAL:
            faults.clear()
        elif name is Fault.DOWN:
            self.simulator.stop()
        elif name is Fault.GARBAGE:
            faults.add(method="GET", body="html", times=None)
        elif name in (Fault.STUCK, Fault.BREAK):
            state = "never" if name is Fault.STUCK else "failed"
            faults.add(point="assemble", state=state)
        else:
            effect = {
                Fault.REFUSE: {"status": 409, "times": None},
                Fault.FAIL: {"status": 500},
                Fault.CUT_BEFORE: {"cut": "before"},
                Fault.CUT_AFTER: {"cut": "after"},
                Fault.SLOW: {"delay": self.slow_timeout + 0.5},
            }[name]
            for method in CHANGES:
                faults.add(method=method, **effect)


class WithDevices(conformance.DeviceConformance, OnASimulatedPod):
    def free_devices(self):
        return sum(device.node is None for device in self.pod.pool)

    def free_for(self, driver, node):
        """Those in the node's rack; the pod manager offers no others."""
        (rack,) = (
            system.rack_index
            for system in driver.list_systems()
            if system.resource_uri in node.system_uris
        )
        return [
            device
            for device in super().free_for(driver, node)
            if device.rack_index == rack
        ]


class TestDialect121(OnASimulatedPod, testtools.TestCase):
    dialect = "1.2.1"

    def test_no_devices(self):
        driver = self._start()
        self.assertNotIn("attach", driver.get_info().capabilities)
        self.assertEqual([], driver.list_devices())
        node = self._compose(driver)
        for call in (driver.attach_device, driver.detach_device):
            error = self._refused(
                exception.HardwareNotSupported,
                call,
                node.index,
                "/redfish/v1/Chassis/1/Drives/1",
                conformance.Recorder(),
            )
            self.assertIn("2.1", str(error))


class TestDialect21(WithDevices, testtools.TestCase):
    dialect = "2.1"


class TestDialect22(WithDevices, testtools.TestCase):
    dialect = "2.2"


class TestDialect23(WithDevices, testtools.TestCase):
    dialect = "2.3"


class TestDialect24(WithDevices, testtools.TestCase):
    dialect = "2.4"


class TestDialect25(WithDevices, testtools.TestCase):
    dialect = "2.5"


class TestOddPod(WithDevices, testtools.TestCase):
    """What other services than Intel's make of the protocol."""

    dialect = "2.1"
    quirks = tuple(dialects.QUIRKS)


class TestOddNewPod(WithDevices, testtools.TestCase):
    dialect = "2.5"
    quirks = tuple(dialects.QUIRKS)


class TestDevices(testtools.TestCase):
    """What differs between releases and the suite does not ask for."""

    def attach_all(self, dialect):
        """What becomes of attaching each device to one node, by device."""
        made = simulator.Simulator(
            [
                PodSpec(
                    dialect=dialect,
                    racks=2,
                    systems=2,
                    devices=4,
                    fpgas=1,
                    volumes=2,
                )
            ]
        )
        self.addCleanup(made.stop)
        made.start()
        pod = made.pods[0]
        driver = redfishv1.RedfishV1Driver(
            base.Connection(
                url=pod.url,
                username="admin",
                password="admin",
                poll_interval=0.002,
            )
        )
        self.addCleanup(driver.close)
        progress = conformance.Recorder()
        # Before there is a node to offer them.
        before = driver.list_devices()
        node = driver.compose_node("tag", "name", None, {}, progress)
        self.assertEqual(before, driver.list_devices())
        outcome = {}
        for device in before:
            kind = (device.pooled_group_id, device.device_type)
            try:
                driver.attach_device(node.index, device.index, progress)
            except exception.HardwareConflict as error:
                outcome[kind] = str(error)
            else:
                outcome[kind] = "attached"
        taken = [one for one in driver.list_devices() if one.node_index]
        self.assertEqual(
            {one.index for one in taken},
            {one.uri for one in pod.pool if one.node is not None},
        )
        driver.delete_node(node.index, progress)
        self.assertEqual(
            {(one.index, "free") for one in before},
            {(one.index, one.state) for one in driver.list_devices()},
        )
        return outcome

    def test_those_in_reach(self):
        for dialect in ("2.1", "2.2", "2.3", "2.4", "2.5"):
            outcome = self.attach_all(dialect)
            fpga = outcome.pop(("Rack1Enclosure1", "FPGA"), None)
            self.assertEqual(
                "attached" if dialect >= "2.4" else None, fpga, dialect
            )
            self.assertEqual(
                "attached", outcome.pop(("Rack1Enclosure1", "NVMe"))
            )
            for refusal in outcome.values():
                self.assertRegex(
                    refusal, "cannot be attached|not achievable", dialect
                )
            self.assertTrue(outcome)


class TestTLS(testtools.TestCase):
    def test_verified_by_the_ca(self):
        made = simulator.Simulator([PodSpec(dialect="2.5")], tls=True)
        self.addCleanup(made.stop)
        made.start()
        for verify in (made.ca_file, False, True):
            driver = redfishv1.RedfishV1Driver(
                base.Connection(
                    url=made.pods[0].url,
                    username="admin",
                    password="admin",
                    verify=verify,
                    poll_interval=0.005,
                )
            )
            self.addCleanup(driver.close)
            if verify is True:
                error = self.assertRaises(
                    exception.Unreachable, driver.get_info
                )
                self.assertIn("not trusted", str(error))
            else:
                self.assertEqual("2.5.0", driver.get_info().version)
