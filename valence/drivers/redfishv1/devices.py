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


"""Pooled devices: drives, and from 2.4 on FPGAs, that nodes can be given."""

import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import exchange
from valence.drivers.redfishv1 import inventory
from valence.drivers.redfishv1 import pod as rsd_pod
from valence.drivers.redfishv1 import resources
from valence.drivers.redfishv1.resources import Value

#: Collections of what can be attached as well and is no device: volumes are
#: made for a node, and an endpoint is another name of the drive behind it.
#: Saves reading each; what is read tells by its type what it is.
_OTHER = frozenset({"Volumes", "LogicalDrives", "Endpoints"})
#: What a drive speaks that can be attached over a fabric (intelRSD 2.5,
#: AttachActionValidator); the rest of an enclosure belongs to a storage
#: service.
_FABRIC = frozenset({"nvme", "nvmeoverfabrics", "pcie"})
_MEDIA = {"ssd": "SSD", "hdd": "HDD", "smr": "HDD"}


def flag(value: object) -> bool:
    """A boolean, also where a service sends text."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise TypeError
    return value


class Item(resources.Resource):
    """A drive or a processor (335455-002, "Drive"; 613320-001, "Processor").

    Its index is its path, for an RSD pod manager has nothing better: the Id
    of a drive is unique in its chassis only, and a serial number leads
    nowhere.
    """

    manufacturer = Value("Manufacturer")
    model = Value("Model")
    part_number = Value("PartNumber")
    _serial = Value("SerialNumber")
    _serial_oem = Value("Oem", "Intel_RackScale", "SerialNumber")
    protocol = Value("Protocol")
    media_type = Value("MediaType")
    processor_type = Value("ProcessorType")
    _gib = Value("CapacityGiB", kind=resources.amount)
    _bytes = Value("CapacityBytes", kind=resources.amount)
    erase_on_detach = Value(
        "Oem", "Intel_RackScale", "EraseOnDetach", kind=flag
    )
    erased = Value("Oem", "Intel_RackScale", "DriveErased", kind=flag)
    _endpoints = Value("Links", "Endpoints", kind=resources.links)
    _volumes = Value("Links", "Volumes", kind=resources.links)
    _chassis = Value("Links", "Chassis", kind=resources.links)

    @property
    def kind(self) -> str | None:
        """Its device_type; None for what is no device."""
        if self.status_state == "Absent":
            return None  # an empty slot
        kind = (self.odata_type or "").rpartition(".")[2].lstrip("#")
        if kind == "Processor" or (not kind and self.processor_type):
            cpu = self.processor_type in (None, "CPU")
            return None if cpu else typing.cast(str, self.processor_type)
        if kind == "Drive" or (not kind and self.media_type):
            if (self.protocol or "").lower().startswith("nvme"):
                return "NVMe"
            return _MEDIA.get((self.media_type or "").lower(), "Unknown")
        return None

    @property
    def on_fabric(self) -> bool:
        """Whether it is there to be attached, by what it says itself."""
        if self.processor_type:
            return True
        if self._volumes:
            return False
        return bool(self._endpoints) or (
            (self.protocol or "").lower() in _FABRIC
        )

    @property
    def capacity_gib(self) -> float | None:
        return resources.capacity_gib(self._gib, self._bytes)

    @property
    def places(self) -> list[str]:
        """Paths by which it may be known where it stands, the best first.

        They are itself, its chassis, and whatever its path says that it is a
        part of.
        """
        return [
            self.path,
            *self.paths(self._chassis),
            self.path.rsplit("/", 2)[0],
        ]

    @property
    def group(self) -> str | None:
        """Id of the chassis that it stands in.

        Not of a zone: a zone of RSD is what one system can see at the moment,
        and the pod manager changes it with each device that it attaches.
        Drives of 2.1 do not say where they stand, but their path does.
        """
        for path in self.paths(self._chassis):
            return resources.index_of(path)
        before, found, after = self.path.partition("/Chassis/")
        return after.partition("/")[0] if found else None

    def to_device(
        self, node_index: str | None, rack_index: str | None
    ) -> base.Device:
        known = {
            "model": self.model,
            "serial": self._serial or self._serial_oem,
            "capacity_gib": resources.rounded(self.capacity_gib),
            "protocol": self.protocol,
            "media_type": self.media_type,
        }
        more = {
            "part_number": self.part_number,
            "erase_on_detach": self.erase_on_detach,
            "erased": self.erased,
            "status": self.status_state,
        }
        return base.Device(
            index=self.path,
            device_type=self.kind or "Unknown",
            name=self.name,
            resource_uri=self.path,
            state="free" if node_index is None else "allocated",
            node_index=node_index,
            pooled_group_id=self.group,
            health=self.health_rollup or self.health,
            power_state=None,
            properties={k: v for k, v in known.items() if v is not None},
            extra={
                "vendor_name": self.manufacturer,
                "device_name": self.model,
                **{k: v for k, v in more.items() if v is not None},
            },
            vendor=self.manufacturer,
            model=self.model,
            capacity_gib=_whole(self.capacity_gib),
            rack_index=rack_index,
        )


def _whole(gibibytes: float | None) -> int | None:
    """Rounded down; None where no device is of such a size."""
    if gibibytes is None or not 0 <= gibibytes < 2**31:
        return None
    return int(gibibytes)


class _Holding(typing.NamedTuple):
    """What a node's document says of devices."""

    node: str
    systems: list[str]
    linked: list[str]
    detachable: list[str] | None  #: inline, where it says so
    attach: exchange.Exchange | None
    detach: exchange.Exchange | None


class _Seen(typing.NamedTuple):
    """What the nodes of the pod say together."""

    holdings: dict[str, _Holding]
    offered: set[str]  #: links, as they came


class Devices:
    """Finds the pooled devices of a pod manager."""

    def __init__(self, pod: rsd_pod.Pod, held: inventory.Inventory) -> None:
        self._pod = pod
        self._inventory = held
        self._seen = _Seen({}, set())

    def remember(self, nodes: list[resources.Node]) -> None:
        """Keep what the nodes just read say, for the list that follows."""
        self._seen = self._look(nodes)

    def forget(self) -> None:
        """What was read of nodes is about to change."""
        self._seen = _Seen({}, set())

    def _look(self, nodes: list[resources.Node]) -> _Seen:
        holdings, offered = {}, set()
        for node in nodes:
            attach = exchange.of(node, "Attach")
            detach = exchange.of(node, "Detach")
            if attach is not None and attach.values is not None:
                # Of all nodes together: each names all that it can reach.
                offered.update(attach.values)
                attach = attach._replace(values=[])
            inline = detach.values if detach is not None else None
            holdings[node.path] = _Holding(
                node.index,
                node.systems,
                exchange.linked(node),
                None if inline is None else node.paths(inline),
                attach,
                detach,
            )
        return _Seen(holdings, offered)

    def find_all(
        self, nodes: list[base.HardwareNode] | None
    ) -> list[base.Device]:
        """All of them: see RedfishV1Driver.list_devices."""
        root = self._pod.root()
        seen = self._nodes(nodes)
        standing = self._standing(root)
        infos = self._infos(
            {path: one.attach for path, one in seen.holdings.items()}
        )
        offered = {
            self._pod.connector.path_of(link)
            for link in seen.offered.union(*infos.values())
            if not _other(link)
        }
        users = self._users(seen, standing | offered)
        wanted = sorted(standing | offered | users.keys())
        items: list[Item] = inventory.read_all(
            self._pod.workers, self._pod.connector, Item, wanted
        )
        return [
            self.show(item, users.get(item.path))
            for item in items
            if item.kind is not None
            and (item.on_fabric or item.path in offered or item.path in users)
        ]

    def show(self, item: Item, node_index: str | None) -> base.Device:
        """The device, with its rack where the chassis have been read."""
        return item.to_device(node_index, self._inventory.rack_of(item.places))

    def _nodes(self, nodes: list[base.HardwareNode] | None) -> _Seen:
        """What the nodes say, read again unless they have just been read."""
        seen = self._seen
        if (
            nodes is not None
            and {node.resource_uri for node in nodes} == seen.holdings.keys()
        ):
            return seen
        _, paths = self._pod.members()
        return self._look(self._pod.read_each(paths))

    def _standing(self, root: resources.ServiceRoot) -> set[str]:
        """Paths of what stands in chassis that are there for the pool.

        They are those without a computer: what stands beside one is its own
        (335455-002, "Chassis", Links), or else a node offers it or has it.
        """
        if root.chassis is None:
            return set()
        chassis, _ = self._inventory.chassis(
            self._pod.connector.path_of(root.chassis)
        )
        return {
            path for one in chassis if not one.systems for path in one.devices
        }

    def _infos(
        self, actions: dict[str, exchange.Exchange | None]
    ) -> dict[str, set[str]]:
        """Links in the ActionInfos of nodes, by the nodes' paths."""
        asked = [path for path, one in actions.items() if one and one.info]
        found = self._pod.workers.map(
            lambda path: exchange.info(self._pod.connector, actions[path]),
            asked,
        )
        return {
            path: set(info.values or ())
            for path, info in zip(asked, found, strict=True)
            if info is not None
        }

    def _users(self, seen: _Seen, known: set[str]) -> dict[str, str]:
        """Which node has which device, by the devices' paths.

        A node links its pooled drives together with the drives of its system.
        2.1 tells them apart by what can be detached; later releases by the
        ActionInfo of that, which is read where a node links what is neither
        known to be pooled nor a part of its system.
        """
        users: dict[str, str] = {}
        unclear: dict[str, set[str]] = {}
        for path, holding in seen.holdings.items():
            if holding.detachable is not None:
                mine = set(holding.detachable)
            else:
                mine = known.intersection(holding.linked)
                unclear[path] = {
                    link
                    for link in holding.linked
                    if link not in known and not _part_of(link, holding)
                }
            users |= dict.fromkeys(mine, holding.node)
        infos = self._infos(
            {
                path: seen.holdings[path].detach
                for path, links in unclear.items()
                if links
            }
        )
        for path, found in infos.items():
            detachable = {self._pod.connector.path_of(link) for link in found}
            mine = unclear[path] & detachable
            users |= dict.fromkeys(mine, seen.holdings[path].node)
        return {path: node for path, node in users.items() if not _other(path)}

    def read(self, index: str) -> Item:
        """The device at an index, which is its path.

        :raises: HardwareNotFound
        """
        absent = exception.HardwareNotFound(noun="device", ident=index)
        if not index.startswith("/") or index.startswith("//"):
            raise absent
        try:
            item = Item(self._pod.connector, index)
        except exception.HardwareNotFound:
            raise absent from None
        if item.kind is None:
            raise absent
        return item

    def user(self, path: str) -> str | None:
        """Index of the node that has a device; reads all nodes."""
        _, paths = self._pod.members()
        for node in self._pod.read_each(paths):
            if exchange.holds(node, path):
                return node.index
        return None


def _other(link: str) -> bool:
    return link.rstrip("/").rpartition("/")[0].rpartition("/")[2] in _OTHER


def _part_of(path: str, holding: _Holding) -> bool:
    """Whether something is a part of a node's own system, or no device."""
    return _other(path) or any(
        path.startswith(f"{system}/") for system in holding.systems
    )
