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

"""expether through the conformance suite, on simulated fabrics."""

import testtools

from valence import exception
from valence import simulator
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import expether
from valence.simulator import EemSpec
from valence.simulator.eem import service

Fault = conformance.Fault


class OnASimulatedFabric(
    conformance.DeviceConformance, conformance.NamedSystemConformance
):
    card = "40g"
    quirks: tuple[str, ...] = ()
    slow_timeout = 1.0
    most_devices = 16
    #: A change is one request: nothing to get stuck or to break between two.
    impossible_faults = frozenset({Fault.STUCK, Fault.BREAK})

    def setUp(self):
        super().setUp()
        self.simulator = simulator.Simulator(
            [
                EemSpec(
                    servers=4,
                    devices=20,
                    cards=(self.card,),
                    quirks=self.quirks,
                )
            ]
        )
        self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.eem = self.simulator.eems[0]

    def make_driver(self, **connection):
        return expether.ExpEtherDriver(
            base.Connection(
                **{
                    "url": self.eem.url,
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
        return sum(not server.boxes for server in self.eem.servers)

    def free_devices(self):
        return len(self.eem.free_devices())

    def calls(self):
        return len(self.eem.calls)

    def fault(self, name):
        faults = self.eem.faults
        if name is Fault.HEAL:
            faults.clear()
        elif name is Fault.DOWN:
            self.simulator.stop()
        elif name is Fault.GARBAGE:
            faults.add(method="GET", body="html", times=None)
        else:
            effect = {
                Fault.REFUSE: {"status": 409, "times": None},
                # Which says 50003: once is forgiven.
                Fault.FAIL: {"status": 500, "times": 2},
                Fault.CUT_BEFORE: {"cut": "before"},
                Fault.CUT_AFTER: {"cut": "after"},
                Fault.SLOW: {"delay": self.slow_timeout + 0.5},
            }[name]
            for method in ("PUT", "DELETE"):
                faults.add(method=method, **effect)


class Test40g(OnASimulatedFabric, testtools.TestCase):
    pass


class Test10g(OnASimulatedFabric, testtools.TestCase):
    card = "10g"
    most_devices = 8


class TestStrict(OnASimulatedFabric, testtools.TestCase):
    """One that refuses what it may refuse."""

    quirks = ("delete-first", "max-eeio", "no-content", "eecard-type")


class TestLax(OnASimulatedFabric, testtools.TestCase):
    quirks = ("any-group", "numeric-times")

    def test_quirks_are_all_tried(self):
        self.assertEqual(
            {*service.QUIRKS}, {*TestLax.quirks, *TestStrict.quirks}
        )


class TestTLS(testtools.TestCase):
    def test_verified_by_the_ca(self):
        made = simulator.Simulator([EemSpec()], tls=True)
        self.addCleanup(made.stop)
        made.start()
        for verify in (made.ca_file, False, True):
            driver = expether.ExpEtherDriver(
                base.Connection(
                    url=made.eems[0].url,
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
                self.assertEqual("v1.0.8", driver.get_info().version)
