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

"""What scheduling means, said once more: by brute force, and without SQL.

A :class:`World` is all that pod managers and pools have. What it says of a
request follows the words of the documentation, by looking at everything; the
scheduler has to say the same.
"""

import dataclasses
import math
import typing

Properties = dict[str, typing.Any]

SYSTEM = "CUSTOM_SYSTEM"
DEFAULT = (
    "online",
    "maintenance",
    "keys",
    "location",
    "traits",
    "capacity",
    "pools",
    "system",
    "devices",
)


@dataclasses.dataclass
class Rack:
    uuid: str
    index: str
    name: str | None


@dataclasses.dataclass
class System:
    uuid: str
    rack: str | None
    memory_mib: int | None
    cores: int | None
    model: str | None
    #: "free", "ours": a node of ours is on it, or "foreign"
    state: str


@dataclasses.dataclass
class Device:
    uuid: str
    type: str
    vendor: str | None
    model: str | None
    capacity_gib: int | None
    rack: str | None
    pool: str | None
    health: str | None
    #: "free", "ours", "foreign", or "gone": unplugged
    state: str

    @property
    def free(self) -> bool:
        return self.state == "free" and self.health != "Critical"

    @property
    def resource_class(self) -> str:
        return class_of(self.type)


def class_of(device_type: str) -> str:
    """Types that differ by case alone are one class."""
    kind = device_type.upper()
    return {"GPU": "PGPU"}.get(kind, f"CUSTOM_{kind}")


@dataclasses.dataclass
class Wanted:
    """One device that is asked for."""

    type: str
    vendor: str | None = None
    model: str | None = None
    capacity_gib: int | None = None

    def suits(self, device: Device) -> bool:
        return (
            device.type == self.type
            and self.vendor in (None, device.vendor)
            and self.model in (None, device.model)
            and (
                self.capacity_gib is None
                or (
                    device.capacity_gib is not None
                    and device.capacity_gib >= self.capacity_gib
                )
            )
        )


@dataclasses.dataclass
class Stock:
    """An inventory."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = 2**31 - 1
    step_size: int = 1
    allocation_ratio: float = 1.0
    used: int = 0

    @property
    def capacity(self) -> int:
        return math.floor((self.total - self.reserved) * self.allocation_ratio)

    @property
    def free(self) -> int:
        return self.capacity - self.used

    def gives(self, amount: int) -> bool:
        return (
            amount <= self.free
            and self.min_unit <= amount <= self.max_unit
            and amount % self.step_size == 0
        )


@dataclasses.dataclass
class Pool:
    """What an operator keeps: for one pod manager, or for all."""

    uuid: str
    podm_id: str | None
    stocks: dict[str, Stock]


@dataclasses.dataclass
class PodManager:
    uuid: str
    name: str
    status: str
    maintenance: bool
    location: str | None
    keys: list[str]
    traits: set[str]
    racks: list[Rack] = dataclasses.field(default_factory=list)
    systems: list[System] = dataclasses.field(default_factory=list)
    devices: list[Device] = dataclasses.field(default_factory=list)

    @property
    def stocks(self) -> dict[str, Stock]:
        """What it has, by resource class."""
        found: dict[str, Stock] = {}
        for system in self.systems:
            stock = found.setdefault(SYSTEM, Stock(0))
            stock.total += 1
            stock.reserved += system.state == "foreign"
            stock.used += system.state == "ours"
        for device in self.devices:
            if device.state != "gone":
                stock = found.setdefault(device.resource_class, Stock(0))
                stock.total += 1
                stock.used += device.state == "ours"
                stock.reserved += device.state != "ours" and not device.free
        return found


class Asked:
    """A request, as a flavor says it."""

    def __init__(self, properties: Properties, podm_id: str | None) -> None:
        self.podm_id = podm_id
        self.keys = set(properties) - {"placement", "traits", "resources"}
        placement = properties.get("placement", {})
        self.rack: str | None = placement.get("rack")
        if self.rack is not None:
            self.keys.add("rack")
        self.location: str | None = placement.get("location")
        self.same_rack = bool(placement.get("same_rack"))
        self.same_pool = bool(placement.get("same_pool"))
        self.memory_mib: int | None = properties.get("memory", {}).get(
            "capacity_mib"
        )
        processor = properties.get("processor", {})
        self.cores: int | None = processor.get("total_cores")
        self.model: str | None = processor.get("model")
        traits = properties.get("traits", {})
        self.required = set(traits.get("required", ()))
        self.forbidden = set(traits.get("forbidden", ()))
        self.resources: dict[str, int] = properties.get("resources", {})
        devices = properties.get("pci_device", {})
        self.devices = [Wanted(kind) for kind in devices.get("type", ())]
        for one in devices.get("devices", ()):
            what = {k: v for k, v in one.items() if k != "count"}
            self.devices += [Wanted(**what)] * one.get("count", 1)
        #: resource class → number
        self.amounts = {SYSTEM: 1}
        for wanted in self.devices:
            name = class_of(wanted.type)
            self.amounts[name] = self.amounts.get(name, 0) + 1

    def fits(self, system: System, podm: PodManager) -> bool:
        """Whether it is free and has what is asked of the system; what is
        not told does not count against it."""
        racks = [
            rack.uuid
            for rack in podm.racks
            if self.rack in (rack.uuid, rack.name, rack.index)
        ]
        return (
            system.state == "free"
            and _at_least(system.memory_mib, self.memory_mib)
            and _at_least(system.cores, self.cores)
            and (
                None in (self.model, system.model)
                or system.model == self.model
            )
            and (self.rack is None or system.rack in racks)
        )

    def reachable(self, rack: str | None, device: Device) -> bool:
        """Whether a system in a rack can have a device."""
        if self.same_rack:
            return rack is not None and rack == device.rack
        return None in (rack, device.rack) or rack == device.rack

    def pools(self, rack: str | None, podm: PodManager) -> set[str | None]:
        """The pools that a system in this rack can have all devices of;
        {None}: it does not matter which."""
        if not self.devices:
            return {None}
        near = [
            one
            for one in podm.devices
            if one.free and self.reachable(rack, one)
        ]
        if not self.same_pool:
            return {None} if assigned(self.devices, near) else set()
        return {
            pool
            for pool in {one.pool for one in near} - {None}
            if assigned(
                self.devices, [one for one in near if one.pool == pool]
            )
        }


def _at_least(value: int | None, least: int | None) -> bool:
    return None in (value, least) or value >= least


def assigned(wanted: list[Wanted], devices: list[Device]) -> bool:
    """Whether each that is wanted can have a device of its own."""
    if not wanted:
        return True
    return any(
        wanted[0].suits(one)
        and assigned(wanted[1:], [d for d in devices if d is not one])
        for one in devices
    )


@dataclasses.dataclass
class World:
    pods: list[PodManager]
    pools: list[Pool]

    def podm(self, uuid: str) -> PodManager:
        return next(podm for podm in self.pods if podm.uuid == uuid)

    def looked_at(self, asked: Asked) -> list[PodManager]:
        return [p for p in self.pods if asked.podm_id in (None, p.uuid)]

    # -- filters --

    def passes(self, name: str, podm: PodManager, asked: Asked) -> bool:
        return bool(getattr(self, f"_{name}")(podm, asked))

    def refusal(
        self, podm: PodManager, asked: Asked, filters: typing.Iterable[str]
    ) -> str | None:
        """The first filter that turns it down."""
        for name in filters:
            if not self.passes(name, podm, asked):
                return name
        return None

    def _online(self, podm: PodManager, asked: Asked) -> bool:
        return podm.status == "Online"

    def _maintenance(self, podm: PodManager, asked: Asked) -> bool:
        return not podm.maintenance

    def _keys(self, podm: PodManager, asked: Asked) -> bool:
        return asked.keys <= set(podm.keys)

    def _location(self, podm: PodManager, asked: Asked) -> bool:
        return asked.location in (None, podm.location)

    def _traits(self, podm: PodManager, asked: Asked) -> bool:
        return asked.required <= podm.traits and not (
            asked.forbidden & podm.traits
        )

    def _capacity(self, podm: PodManager, asked: Asked) -> bool:
        return not self.lacking(podm, asked)

    def _pools(self, podm: PodManager, asked: Asked) -> bool:
        return all(
            any(s.gives(amount) for s in self._serving(podm, name))
            for name, amount in asked.resources.items()
        )

    def _serving(self, podm: PodManager, name: str) -> list[Stock]:
        return [
            pool.stocks[name]
            for pool in self.pools
            if pool.podm_id in (None, podm.uuid) and name in pool.stocks
        ]

    def _system(self, podm: PodManager, asked: Asked) -> bool:
        nothing = (None,) * 4
        if (asked.memory_mib, asked.cores, asked.model, asked.rack) == nothing:
            return True  # how many are free is a matter of capacity
        return any(asked.fits(one, podm) for one in podm.systems)

    def _devices(self, podm: PodManager, asked: Asked) -> bool:
        return not asked.devices or any(
            asked.fits(one, podm) and asked.pools(one.rack, podm)
            for one in podm.systems
        )

    # -- what a refusal says --

    def lacking(
        self, podm: PodManager, asked: Asked
    ) -> dict[str, tuple[int, int]]:
        """Resource class → (needed, free) of what there is too little."""
        stocks = podm.stocks
        found = {}
        for name, amount in asked.amounts.items():
            free = stocks[name].free if name in stocks else 0
            if free < amount:
                found[name] = amount, free
        return found

    def numbers(
        self, name: str, podm: PodManager, asked: Asked
    ) -> tuple[dict[str, typing.Any], dict[str, typing.Any]]:
        """What was needed and what is free, where a filter turns it down."""
        if name == "capacity":
            lacking = self.lacking(podm, asked)
            return (
                {name: needed for name, (needed, _) in lacking.items()},
                {name: free for name, (_, free) in lacking.items()},
            )
        if name == "pools":
            return self._numbers_of_pools(podm, asked)
        if name == "system":
            return self._numbers_of_systems(podm, asked)
        if name == "devices":
            kinds = {w.type: w for w in asked.devices}  # of one type only
            return kinds and self._numbers_of_devices(podm, asked)
        return {}, {}

    def _numbers_of_pools(self, podm, asked):
        needed, free = {}, {}
        for name, amount in asked.resources.items():
            stocks = self._serving(podm, name)
            if not any(stock.gives(amount) for stock in stocks):
                needed[name] = amount
                free[name] = max([0, *(stock.free for stock in stocks)])
        return needed, free

    def _numbers_of_systems(self, podm, asked):
        needed = {
            name: getattr(asked, name)
            for name in ("cores", "memory_mib", "model", "rack")
            if getattr(asked, name) is not None
        }
        free = {}
        for name in {"cores", "memory_mib"} & set(needed):
            told = [
                getattr(one, name)
                for one in podm.systems
                if one.state == "free" and getattr(one, name) is not None
            ]
            if told:
                free[name] = max(told)
        return needed, free

    def _numbers_of_devices(self, podm, asked):
        needed, free = {}, {}
        for wanted in asked.devices:
            name = wanted.type
            if wanted.vendor is not None:
                name += f" by {wanted.vendor}"
            if wanted.model is not None:
                name += f" model {wanted.model}"
            if wanted.capacity_gib is not None:
                name += f" of at least {wanted.capacity_gib} GiB"
            needed[name] = needed.get(name, 0) + 1
            free[name] = sum(
                one.free and wanted.suits(one) for one in podm.devices
            )
        return needed, free

    # -- weighers --

    def weights(
        self, name: str, pods: list[PodManager], asked: Asked
    ) -> dict[str, float]:
        """uuid → 0, the worst of these, … 1, the best."""
        raw = {p.uuid: getattr(self, f"_by_{name}")(p, asked) for p in pods}
        least, most = min(raw.values()), max(raw.values())
        return {
            uuid: (value - least) / (most - least) if most > least else 0.0
            for uuid, value in raw.items()
        }

    def _by_spread(self, podm: PodManager, asked: Asked) -> float:
        """By the share, of what is asked for, that is free."""
        shares = []
        for name in asked.amounts:
            stock = podm.stocks.get(name)
            if stock is None or not stock.capacity:
                shares.append(0.0)
            else:
                shares.append(stock.free / stock.capacity)
        return sum(shares) / len(shares)

    def _by_pack(self, podm: PodManager, asked: Asked) -> float:
        return -self._by_spread(podm, asked)

    def _by_leftovers(self, podm: PodManager, asked: Asked) -> float:
        """The smallest system that fits is the smallest."""
        told = [
            one.memory_mib
            for one in podm.systems
            if asked.fits(one, podm) and one.memory_mib is not None
        ]
        least = asked.memory_mib or 0
        return -(min(told, default=least) - least)

    # -- where on a pod manager --

    def places(
        self, podm: PodManager, asked: Asked
    ) -> set[tuple[str | None, str | None, str | None]]:
        """(rack, index that the hardware is told, pool)."""
        if asked.rack is None and not asked.devices:
            return {(None, None, None)}
        racks = {one.rack for one in podm.systems} - {None}
        indexes = {rack.uuid: rack.index for rack in podm.racks}
        told = len(racks) > 1 or asked.rack is not None
        return {
            (one.rack, indexes.get(one.rack) if told else None, pool)
            for one in podm.systems
            if asked.fits(one, podm)
            for pool in asked.pools(one.rack, podm)
        }
