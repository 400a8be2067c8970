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

"""Names of PCI vendors and devices, where the system has them.

The database is the file ``pci.ids`` of https://pci-ids.ucw.cz, which
distributions package as ``hwdata`` or ``pci.ids``.
"""

import dataclasses
import functools
import os

PATHS = ("/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids")


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """Keys are lower-case hexadecimal of four digits."""

    vendors: dict[str, str]
    devices: dict[tuple[str, str], str]

    def vendor(self, code: str | None) -> str | None:
        """The vendor with this code: '0x10de', '10DE', …"""
        return self.vendors.get(_key(code))

    def device(self, vendor: str | None, code: str | None) -> str | None:
        return self.devices.get((_key(vendor), _key(code)))


NONE = Names({}, {})


def load() -> Names:
    """The names, or none; read again only when the file has changed."""
    for path in PATHS:
        try:
            changed = os.stat(path).st_mtime_ns
            return _parse(path, changed)
        except OSError:
            continue
    return NONE


@functools.lru_cache(maxsize=1)
def _parse(path: str, changed: int) -> Names:
    """Lines are 'VVVV  name', TAB 'DDDD  name', two TABs a subsystem.

    The classes, which begin with 'C CC', stand at the end.
    """
    names = Names({}, {})
    vendor = ""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            code, _, name = line.strip().partition("  ")
            if line.startswith("C "):
                break
            if not name or line.startswith(("#", "\t\t")):
                continue
            if line.startswith("\t"):
                names.devices[vendor, code.lower()] = name.strip()
            else:
                vendor = code.lower()
                names.vendors[vendor] = name.strip()
    return names


def _key(code: str | None) -> str:
    try:
        return f"{int(code or '', 16):04x}"
    except ValueError:
        return ""
