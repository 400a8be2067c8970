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

"""The devices of a pod that stand behind a PCIe switch, for any of its nodes.

There is an enclosure of them in each rack, or several, and one zone of the
fabric for each system; a device is reachable from the systems of its rack.
"""

import collections.abc
import dataclasses
import re
import typing

from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware

FABRIC = f"{hardware.BASE}/Fabrics/PCIe"
#: Drives that can be asked for by name.
DRIVES = {
    "NVMe-800": hardware.Disk(gib=800, interface="NVMe"),
    "PCIe-400": hardware.Disk(gib=400, interface="PCIe"),
    "NVMe-1600": hardware.Disk(gib=1600, interface="NVMe"),
    "P4510": hardware.Disk(
        gib=1863, interface="NVMe", vendor="Intel", model="SSDPE2KX020T8"
    ),
    "PM1725b": hardware.Disk(
        gib=2980, interface="NVMe", vendor="Samsung", model="MZWLL3T2HAJQ"
    ),
    "9300": hardware.Disk(
        gib=3576, interface="NVMe", vendor="Micron", model="MTFDHAL3T8TDP"
    ),
}
#: And FPGAs.
BOARDS = {
    "FPGA": hardware.Board(),
    "PAC-A10": hardware.Board(vendor="Intel", model="PAC Arria 10 GX"),
    "U250": hardware.Board(vendor="Xilinx", model="Alveo U250"),
}
#: Type of a device -> letter that its id begins with.
LETTERS = {"SSD": "D", "NVMe": "D", "FPGA": "F"}


@dataclasses.dataclass(kw_only=True, eq=False)
class Device:
    """A drive, or an FPGA, which has no disk."""

    id: str
    rack: str
    serial: str
    vendor: str
    model: str
    disk: hardware.Disk | None = None
    #: Which enclosure of the rack it stands in, from 1.
    shelf: int = 1
    health: str = "OK"
    erase_on_detach: bool = False
    #: Nothing was written to it since it was wiped.
    erased: bool = True
    #: Id of the node that has it.
    node: str | None = None

    @property
    def type(self) -> str:
        if self.disk is None:
            return "FPGA"
        return "NVMe" if self.disk.interface == "NVMe" else "SSD"

    @property
    def chassis(self) -> str:
        return f"{self.rack}Enclosure{self.shelf}"

    @property
    def uri(self) -> str:
        shelf = "Processors" if self.disk is None else "Drives"
        return f"{hardware.BASE}/Chassis/{self.chassis}/{shelf}/{self.id}"

    @property
    def endpoint(self) -> str:
        """URI of where it meets the fabric."""
        return f"{FABRIC}/Endpoints/{self.id}"

    def attach(self, node: str) -> None:
        self.node, self.erased = node, False

    def detach(self) -> None:
        self.node = None
        self.erased = self.erased or self.erase_on_detach


class Pool:
    """All such devices of one pod."""

    def __init__(
        self,
        pod: str,
        dialect: dialects.Dialect,
        disks: collections.abc.Sequence[hardware.Disk],
        boards: collections.abc.Sequence[hardware.Board],
    ) -> None:
        self._pod = pod
        self._dialect = dialect
        self._disks = disks
        self._boards = boards
        self._devices: dict[str, Device] = {}

    def __iter__(self) -> collections.abc.Iterator[Device]:
        return iter(list(self._devices.values()))

    def __getitem__(self, device_id: str) -> Device:
        return self._devices[device_id]

    def fill(
        self,
        drives: int,
        fpgas: int,
        racks: collections.abc.Sequence[str],
        enclosures: int,
    ) -> None:
        """Put in what the dialect knows of, spread over the racks.

        :param enclosures: of each rack, over which its share is spread
        """
        known = {
            "D": drives if self._dialect.attach else 0,
            "F": fpgas if self._dialect.attach_fpga else 0,
        }
        for letter, count in known.items():
            for number in range(count):
                around, place = divmod(number, len(racks))
                self.plug(
                    f"{letter}{number + 1}",
                    racks[place],
                    shelf=around % enclosures + 1,
                )

    def plug(
        self,
        device_id: str,
        rack: str,
        kind: hardware.Disk | hardware.Board | None = None,
        shelf: int = 1,
    ) -> Device:
        """Put in a device; one that was pulled out before is the same.

        :param kind: what it is, if not what its turn is
        :param shelf: which enclosure of the rack it stands in
        """
        kind = kind or self._usual(device_id)
        disk = kind if isinstance(kind, hardware.Disk) else None
        model = kind.model
        if model is None and disk is not None:
            model = f"Simulated {disk.interface} {disk.type} {disk.gib} GiB"
        device = Device(
            id=device_id,
            rack=rack,
            serial=f"{self._pod.upper()}-{device_id[0]}"
            f"{int(device_id[1:]):05d}",
            vendor=kind.vendor,
            model=model or "",
            disk=disk,
            shelf=shelf,
        )
        self._devices[device_id] = device
        return device

    def pull(self, device_id: str) -> None:
        """Pull a device out; whoever has it has it no more."""
        del self._devices[device_id]

    def add(self, rack: str, values: dict[str, typing.Any]) -> Device:
        """Put in what somebody asks for (ValueError)."""
        asked, gib = values.get("id"), values.get("gib")
        kind = values.get("type", "FPGA" if str(asked)[:1] == "F" else None)
        letter = "D" if kind is None else LETTERS.get(str(kind))
        if letter is None:
            raise ValueError(f"type: give one of {', '.join(LETTERS)}")
        if self._dialect.attach is None or (
            letter == "F" and not self._dialect.attach_fpga
        ):
            raise ValueError(f"type: {self._dialect.name} has no such devices")
        device_id = self._new_id(letter) if asked is None else str(asked)
        if not re.fullmatch(rf"{letter}[1-9]\d{{0,4}}", device_id):
            raise ValueError(f"id: give {letter} and a number")
        if device_id in self._devices:
            raise ValueError(f"device {device_id} is there already")
        if gib is not None and not (type(gib) is int and 0 < gib < 1e6):
            raise ValueError("gib: give a number from 1")
        shelf = values.get("enclosure", 1)
        if not (type(shelf) is int and 0 < shelf < 100):
            raise ValueError("enclosure: give a number from 1")
        changed = {
            "vendor": values.get("vendor"),
            "model": values.get("model"),
        }
        for name, text in changed.items():
            if not isinstance(text, str | None):
                raise ValueError(f"{name}: give a text")
        if letter == "D":
            interface = {"NVMe": "NVMe", "SSD": "PCIe"}.get(str(kind))
            changed |= {"gib": gib, "interface": interface}
        new = dataclasses.replace(
            self._usual(device_id),
            **{k: v for k, v in changed.items() if v is not None},
        )
        return self.plug(device_id, rack, new, shelf)

    def _new_id(self, letter: str) -> str:
        taken = [
            int(device.id[1:]) for device in self if device.id[0] == letter
        ]
        return f"{letter}{max(taken, default=0) + 1}"

    def _usual(self, device_id: str) -> hardware.Disk | hardware.Board:
        """What it is by turn."""
        number = int(device_id[1:]) - 1
        if device_id[0] == "D":
            return self._disks[number % len(self._disks)]
        return self._boards[number % len(self._boards)]

    def find(self, uri: str) -> Device | None:
        """The device with this URI, or with an endpoint that has it."""
        found = self._devices.get(uri.rpartition("/")[2])
        if found is not None and uri in (found.uri, found.endpoint):
            return found
        return None

    def of_node(self, node: str) -> list[Device]:
        return [device for device in self if device.node == node]

    def of_rack(self, rack: str) -> list[Device]:
        return [device for device in self if device.rack == rack]

    def candidates(self, system: hardware.System | None) -> list[Device]:
        """What a node on this system could be given now."""
        if system is None:
            return []
        return [
            device
            for device in self.of_rack(system.rack)
            if device.node is None and device.health != "Critical"
        ]

    def release(self, node: str) -> None:
        """Give back what the node has."""
        for device in self.of_node(node):
            device.detach()

    @staticmethod
    def describe(device: Device) -> dict[str, typing.Any]:
        return {
            "id": device.id,
            "type": device.type,
            "state": "free" if device.node is None else "in_use",
            "node": device.node,
            "rack": device.rack,
            "enclosure": device.chassis,
            "gib": device.disk.gib if device.disk else None,
            "serial": device.serial,
            "vendor": device.vendor,
            "model": device.model,
            "health": device.health,
            "uri": device.uri,
            "erase_on_detach": device.erase_on_detach,
            "erased": device.erased,
        }
