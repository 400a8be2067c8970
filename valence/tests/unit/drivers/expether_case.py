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

"""Simulated fabrics and odd ones, and the driver expether on them."""

import os

import fixtures
import testtools

from valence import simulator
from valence.drivers import base
from valence.drivers import conformance
from valence.drivers import expether
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
\t1db4  GV100GL [Tesla V100 PCIe 16GB]
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
    def fabric(self, state_timeout=60.0, **spec):
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
                timeout=60.0,
                state_timeout=state_timeout,
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
