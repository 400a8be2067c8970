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


"""What every driver promises, as tests that any driver can be run through.

A driver from anywhere, with hardware or a simulation of it::

    import testtools

    from valence.drivers import conformance


    class TestMine(conformance.DriverConformance, testtools.TestCase):
        def setUp(self):
            super().setUp()
            # At least three free systems, in two racks if it has racks;
            # no nodes.
            self.hardware = ...

        def make_driver(self, **connection):
            return mine.Driver(base.Connection(..., **connection))

        def free_systems(self):
            return self.hardware.count_free()

        def calls(self):
            return self.hardware.requests_seen

        def fault(self, name): ...  # see Fault

A driver that composes on a system that it is told
(``composes_on_named_system``) takes ``NamedSystemConformance`` instead; one
that attaches devices takes ``DeviceConformance`` besides.

What a driver cannot do it declares, as the contract says (``reset_types``,
``PodManagerInfo.capabilities``, ``requirement_keys``), and the tests hold it
to that too. Nothing is skipped.
"""

from valence.drivers.conformance.compose import Compose
from valence.drivers.conformance.compose import Release
from valence.drivers.conformance.devices import DeviceConformance
from valence.drivers.conformance.faults import Answers
from valence.drivers.conformance.faults import Faults
from valence.drivers.conformance.hooks import Fault
from valence.drivers.conformance.hooks import Hooks
from valence.drivers.conformance.hooks import Recorder
from valence.drivers.conformance.hooks import Stopped
from valence.drivers.conformance.inventory import Inventory
from valence.drivers.conformance.inventory import Power
from valence.drivers.conformance.named import ComposeNamed

__all__ = (
    "DeviceConformance",
    "DriverConformance",
    "Fault",
    "Hooks",
    "NamedSystemConformance",
    "Recorder",
    "Stopped",
)


class DriverConformance(Inventory, Power, Compose, Release, Faults, Answers):
    """All tests; mixed into a TestCase before it."""


class NamedSystemConformance(Inventory, Power, ComposeNamed, Answers):
    """All tests of a driver that composes on a system that it is told."""
