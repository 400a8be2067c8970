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

"""The names of PCI devices, from any file."""

import os

from valence.drivers.expether import pci_ids
from valence.tests.unit.drivers.expether_case import Case


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
