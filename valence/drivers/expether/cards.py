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

"""The devices of an EEM, as Valence sees them.

EEM calls *device* both a server's board (eesv) and a box with one PCIe
device (eeio); here they are *cards*. A box is a server's when the two carry
the same group id (EEM REST API v1.0.8, "Devices").
"""

import collections.abc
import dataclasses
import typing

from valence.drivers import base
from valence.drivers import transport
from valence.drivers.expether import pci_ids

SERVER = "eesv"
BOX = "eeio"
#: The group of a box that no server has, and of a server without a group.
FREE = "4093"
NO_GROUP = "4094"
_NOBODYS = frozenset({FREE, NO_GROUP, None})

#: Base class of a PCI class code -> device type.
_TYPES = {
    0x01: "SSD",
    0x02: "NIC",
    0x03: "GPU",
    0x04: "Multi",
    0x06: "SWITCH",
    0x0C: "USB",
    0x12: "ACS",
}
#: Where the PCI codes of a box mean something.
_WITH_PCI = "40g"
_HEALTH = {"up": "OK", "down": "Critical"}
_POWER = {"on": "On", "off": "Off"}

#: Characters of the longest id; those of EEM have 14.
MAX_ID = 255

Document = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Card:
    """What Valence reads of a device; None where it makes no sense."""

    id: str
    status: str | None  #: SERVER or BOX
    group: str | None
    generation: str | None  #: '10g', '40g'
    notification: str | None  #: 'up' or 'down'
    update_time: str | None  #: milliseconds since the epoch
    power_status: str | None
    mac: str | None
    model: str | None
    serial_number: str | None
    # Of a server.
    max_boxes: int | None
    host_model: str | None
    host_serial_number: str | None
    # Of a box.
    server_mac: str | None
    pci_vendor: str | None
    pci_device: str | None
    pci_class: str | None

    @property
    def uri(self) -> str:
        return f"devices/{self.id}"

    @property
    def is_server(self) -> bool:
        return self.status == SERVER

    @property
    def is_box(self) -> bool:
        return self.status == BOX

    @property
    def in_group(self) -> bool:
        """Whether its group is one that servers and boxes share."""
        return self.group not in _NOBODYS

    @property
    def device_type(self) -> str:
        """By the base class: 0x30200 is 0x03, 0x02, 0x00, a GPU."""
        if self.generation != _WITH_PCI:
            return "Unknown"
        try:
            return _TYPES.get(int(self.pci_class or "", 16) >> 16, "Unknown")
        except ValueError:
            return "Unknown"


def read(document: object) -> Card | None:
    """A card from EEM's document; None where it is none.

    (EEM REST API v1.0.8, "Devices"; later versions call the type
    ``eecard_type``.)
    """
    if not isinstance(document, dict):
        return None
    identity = _text(document.get("id"))
    if identity is None or len(identity) > MAX_ID:
        return None
    return Card(
        id=identity,
        status=_text(document.get("status")),
        group=_text(document.get("group_id")),
        generation=_text(document.get("type") or document.get("eecard_type")),
        notification=_text(_first(document.get("notification_status0"))),
        update_time=_text(document.get("update_time")),
        power_status=_text(document.get("power_status")),
        mac=_mac(document.get("mac_address")),
        model=_text(document.get("model")),
        serial_number=_text(document.get("serial_number")),
        max_boxes=_number(document.get("max_eeio_count")),
        host_model=_text(document.get("host_model")),
        host_serial_number=_text(document.get("host_serial_number")),
        server_mac=_mac(document.get("eesv_mac_address")),
        pci_vendor=_text(document.get("pcie_vendor_id")),
        pci_device=_text(document.get("pcie_device_id")),
        pci_class=_text(document.get("pcie_class_code")),
    )


class Fabric:
    """Cards, and who has whom."""

    def __init__(self, cards: collections.abc.Iterable[Card]) -> None:
        self.servers: list[Card] = []
        self.boxes: list[Card] = []
        self._servers: dict[str | None, list[Card]] = {}
        self._held: dict[str, list[Card]] = {}
        for card in cards:
            if card.is_server:
                self.servers.append(card)
                self._servers.setdefault(card.group, []).append(card)
            elif card.is_box:
                self.boxes.append(card)
        for box in self.boxes:
            holder = self.holder(box)
            if holder is not None:
                self._held.setdefault(holder.id, []).append(box)

    def holder(self, box: Card) -> Card | None:
        """The server that has the box, if any is known.

        Should several servers have been put into one group, it is the one
        that the box itself names, or else always the same.
        """
        if not box.in_group:
            return None
        servers = self._servers.get(box.group, [])
        if not servers:
            return None
        for server in servers:
            if box.server_mac is not None and box.server_mac == server.mac:
                return server
        return min(servers, key=lambda server: server.id)

    def held_by(self, server: Card) -> list[Card]:
        return self._held.get(server.id, [])


# -- what the contract calls them --------------------------------------------


def to_system(server: Card, held: bool) -> base.System:
    return base.System(
        index=server.id,
        name=server.id,
        resource_uri=server.uri,
        hardware_uuid=None,
        system_type="Physical",
        power_state=_power(server),
        health=_health(server),
        state="in_use" if held else "free",
        cpu_count=None,
        cpu_cores=None,
        cpu_model=None,
        memory_mib=None,
        mac_addresses=[server.mac] if server.mac else [],
        rack_index=None,
        extra={
            "pooled_group_id": server.group,
            "board_type": server.generation,
            "board_model": server.model,
            "board_serial_number": server.serial_number,
            "host_model": server.host_model,
            "host_serial_number": server.host_serial_number,
            "max_devices": server.max_boxes,
        },
    )


def to_node(server: Card) -> base.HardwareNode:
    return base.HardwareNode(
        index=server.id,
        name=server.id,
        resource_uri=server.uri,
        tag=None,
        state="Composed",
        usable=True,
        power_state=_power(server),
        health=_health(server),
        boot={"enabled": None, "target": None, "mode": None},
        system_uris=[server.uri],
        hardware_uuid=None,
        processors={"count": None, "model": None},
        memory_mib=None,
    )


def to_device(box: Card, holder: Card | None) -> base.Device:
    extra: Document = {"vendor_name": None, "device_name": None}
    if box.generation == _WITH_PCI:
        names = pci_ids.load()
        extra["vendor_name"] = names.vendor(box.pci_vendor)
        extra["device_name"] = names.device(box.pci_vendor, box.pci_device)
    return base.Device(
        index=box.id,
        device_type=box.device_type,
        name=extra["device_name"],
        resource_uri=box.uri,
        state="free" if box.group == FREE else "allocated",
        node_index=holder.id if holder else None,
        pooled_group_id=box.group,
        health=_health(box),
        power_state=_power(box),
        properties={
            "device_id": box.id,
            "mac_address": box.mac,
            "model": box.model,
        },
        extra=extra,
        vendor=extra["vendor_name"],
        # Without a name: of the box around it.
        model=extra["device_name"] or box.model,
    )


#: Device type -> the kind of asset that it is shown as, and what is added.
_ASSETS: dict[str, tuple[str, Document]] = {
    "SSD": ("local_drives", {"media_type": "SSD"}),
    "NIC": ("ethernet_interfaces", {}),
    "GPU": ("processors", {"processor_type": "GPU"}),
    "ACS": ("processors", {"processor_type": "Accelerator"}),
}


def to_assets(
    server: Card, boxes: collections.abc.Iterable[Card]
) -> dict[str, list[Document]]:
    """A box's own MAC address is not that of the NIC in it: left out."""
    assets: dict[str, list[Document]] = {
        "systems": [],
        "processors": [],
        "memory": [],
        "ethernet_interfaces": [],
        "local_drives": [],
        "remote_drives": [],
        "storage": [],
    }
    uris = []
    for box in boxes:
        uris.append(box.uri)
        kind, more = _ASSETS.get(box.device_type, (None, {}))
        if kind is not None:
            device = to_device(box, server)
            document = {
                "resource_uri": box.uri,
                "name": device.name or box.id,
                "manufacturer": device.extra["vendor_name"],
                "model": device.name,
                **more,
            }
            assets[kind].append(
                {k: v for k, v in document.items() if v is not None}
            )
    system = {
        "resource_uri": server.uri,
        "name": server.id,
        "model": server.host_model,
        "serial_number": server.host_serial_number,
        "power_state": _power(server),
        "device_uris": uris,
    }
    assets["systems"].append(
        {k: v for k, v in system.items() if v is not None}
    )
    return assets


def is_down(card: Card) -> bool:
    return card.notification == "down"


def _health(card: Card) -> str | None:
    return _HEALTH.get(card.notification or "")


def _power(card: Card) -> str | None:
    return _POWER.get(card.power_status or "")


# -- values ------------------------------------------------------------------


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()[: transport.MAX_TEXT] or None


def _number(value: object) -> int | None:
    try:
        return int(_text(value) or "")
    except ValueError:
        return None


def _first(value: object) -> object:
    """``["up", "up"]`` is a board with two ports."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _mac(value: object) -> str | None:
    """``8c:df:9d:53:5b:14``, also where it comes as 0x8cdf9d535b14."""
    text = (_text(value) or "").lower()
    digits = text.removeprefix("0x").replace(":", "").replace("-", "")
    if len(digits) != 12:
        return text or None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
