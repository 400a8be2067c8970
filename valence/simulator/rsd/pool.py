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

There is one enclosure of them in a rack, and one zone of the fabric for each
system; a device is reachable from the systems of its rack.
"""

import collections.abc
import dataclasses
import re
import typing

from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware

FABRIC = f"{hardware.BASE}/Fabrics/PCIe"
#: What the drives are, in turn, unless something else is asked for.
DISKS = (
    hardware.Disk(gib=800, interface="NVMe"),
    hardware.Disk(gib=400, interface="PCIe"),
    hardware.Disk(gib=1600, interface="NVMe"),
)
#: Type of a device -> letter that its id begins with.
LETTERS = {"SSD": "D", "NVMe": "D", "FPGA": "F"}


@dataclasses.dataclass(kw_only=True, eq=False)
class Device:
    """A drive, or an FPGA, which has no disk."""

    id: str
    rack: str
    serial: str
    model: str
    disk: hardware.Disk | None = None
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
        return enclosure(self.rack)

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


def enclosure(rack: str) -> str:
    """Id of the chassis in a rack that pooled devices stand in."""
    return f"{rack}Enclosure1"


class Pool:
    """All such devices of one pod."""

    def __init__(
        self,
        pod: str,
        dialect: dialects.Dialect,
        disks: collections.abc.Sequence[hardware.Disk],
    ) -> None:
        self._pod = pod
        self._dialect = dialect
        self._disks = disks
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
    ) -> None:
        """Put in what the dialect knows of, spread over the racks."""
        known = {
            "D": drives if self._dialect.attach else 0,
            "F": fpgas if self._dialect.attach_fpga else 0,
        }
        for letter, count in known.items():
            for number in range(1, count + 1):
                rack = racks[(number - 1) % len(racks)]
                self.plug(f"{letter}{number}", rack)

    def plug(
        self, device_id: str, rack: str, disk: hardware.Disk | None = None
    ) -> Device:
        """Put in a device; one that was pulled out before is the same.

        :param disk: what sort of drive it is, if not the one whose turn it is
        """
        letter, number = device_id[0], int(device_id[1:])
        if letter == "D":
            disk = disk or self._disk(number)
            model = f"Simulated {disk.interface} {disk.type} {disk.gib} GiB"
        else:
            model = "Simulated FPGA"
        device = Device(
            id=device_id,
            rack=rack,
            serial=f"{self._pod.upper()}-{letter}{number:05d}",
            model=model,
            disk=disk,
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
        if letter == "F" or kind is gib is None:
            return self.plug(device_id, rack)
        usual = self._disk(int(device_id[1:]))
        interface = {"NVMe": "NVMe", "SSD": "PCIe"}.get(str(kind))
        disk = dataclasses.replace(
            usual,
            gib=gib or usual.gib,
            interface=interface or usual.interface,
        )
        return self.plug(device_id, rack, disk)

    def _new_id(self, letter: str) -> str:
        taken = [
            int(device.id[1:]) for device in self if device.id[0] == letter
        ]
        return f"{letter}{max(taken, default=0) + 1}"

    def _disk(self, number: int) -> hardware.Disk:
        return self._disks[(number - 1) % len(self._disks)]

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
            "gib": device.disk.gib if device.disk else None,
            "serial": device.serial,
            "model": device.model,
            "health": device.health,
            "uri": device.uri,
            "erase_on_detach": device.erase_on_detach,
            "erased": device.erased,
        }
