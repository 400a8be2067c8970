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

"""What a node is asked to be, taken apart for those who look for it.

The properties of a flavor, or of a node, are JSON (see
valence.api.requirements, which has checked them). Some of their keys are for
the driver that composes the node; the others say where to look.
"""

import collections
import dataclasses
import typing

from valence.objects import resource_class

Properties = typing.Mapping[str, typing.Mapping[str, typing.Any]]

#: Keys that no driver sees: where to look, not what to make.
PLACING = frozenset({"placement", "traits", "resources"})
#: Keys that the devices of the pool are for.
POOLED = frozenset({"pci_device"})


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Devices of the pool, alike.

    :ivar capacity_gib: at least so large each
    """

    type: str
    count: int
    vendor: str | None = None
    model: str | None = None
    capacity_gib: int | None = None

    @property
    def resource_class(self) -> str:
        return resource_class.of_device(self.type)

    @property
    def particular(self) -> bool:
        """Whether not every device of the type will do."""
        return (self.vendor, self.model, self.capacity_gib) != (None,) * 3

    def __str__(self) -> str:
        parts = [f"{self.count} of type {self.type}"]
        if self.vendor is not None:
            parts.append(f"by {self.vendor}")
        if self.model is not None:
            parts.append(f"model {self.model}")
        if self.capacity_gib is not None:
            parts.append(f"of at least {self.capacity_gib} GiB")
        return " ".join(parts)


@dataclasses.dataclass(frozen=True, slots=True)
class Requirements:
    """A request for a node.

    :ivar podm_id: the pod manager that it names
    :ivar keys: of the properties that a driver has to serve
    :ivar memory_mib: at least
    :ivar cores: at least, of all sockets
    :ivar rack: uuid, name or index
    :ivar same_rack: system and devices stand in one rack
    :ivar same_pool: all devices stand in one pool (``pooled_group_id``)
    :ivar resources: resource class → amount, of pools that operators keep
    """

    podm_id: str | None = None
    keys: frozenset[str] = frozenset()
    memory_mib: int | None = None
    cores: int | None = None
    cpu_model: str | None = None
    devices: tuple[Wanted, ...] = ()
    rack: str | None = None
    location: str | None = None
    same_rack: bool = False
    same_pool: bool = False
    required_traits: frozenset[str] = frozenset()
    forbidden_traits: frozenset[str] = frozenset()
    resources: tuple[tuple[str, int], ...] = ()

    @property
    def amounts(self) -> dict[str, int]:
        """Resource class → amount, of what the pod manager itself has.

        The scarcest first: devices before systems, and much before little.
        """
        found: collections.Counter[str] = collections.Counter()
        for wanted in self.devices:
            found[wanted.resource_class] += wanted.count
        return {**dict(found.most_common()), resource_class.SYSTEM: 1}

    @property
    def of_one_system(self) -> bool:
        """Whether not every system will do."""
        return (self.memory_mib, self.cores, self.cpu_model, self.rack) != (
            (None,) * 4
        )

    @property
    def of_one_place(self) -> bool:
        """Whether counting the devices by type does not tell enough."""
        return bool(self.devices) and (
            self.same_pool
            or self.same_rack
            or any(wanted.particular for wanted in self.devices)
        )


def of(properties: Properties, podm_id: str | None = None) -> Requirements:
    """Take the properties of a node apart.

    :param podm_id: the pod manager that was named
    """
    memory = properties.get("memory", {})
    processor = properties.get("processor", {})
    placement = properties.get("placement", {})
    traits = properties.get("traits", {})
    keys = set(properties) - PLACING
    if "rack" in placement:
        keys.add("rack")
    return Requirements(
        podm_id=podm_id,
        keys=frozenset(keys),
        memory_mib=memory.get("capacity_mib"),
        cores=processor.get("total_cores"),
        cpu_model=processor.get("model"),
        devices=_devices(properties.get("pci_device", {})),
        rack=placement.get("rack"),
        location=placement.get("location"),
        same_rack=bool(placement.get("same_rack")),
        same_pool=bool(placement.get("same_pool")),
        required_traits=frozenset(traits.get("required", ())),
        forbidden_traits=frozenset(traits.get("forbidden", ())),
        resources=tuple(sorted(properties.get("resources", {}).items())),
    )


def _devices(asked: typing.Mapping[str, typing.Any]) -> tuple[Wanted, ...]:
    """Those alike as one; the most particular first."""
    counts: collections.Counter[tuple[typing.Any, ...]] = collections.Counter()
    for kind in asked.get("type", ()):
        counts[kind, None, None, None] += 1
    for one in asked.get("devices", ()):
        key = (
            one["type"],
            one.get("vendor"),
            one.get("model"),
            one.get("capacity_gib"),
        )
        counts[key] += one.get("count", 1)
    found = [
        Wanted(kind, count, vendor, model, capacity)
        for (kind, vendor, model, capacity), count in counts.items()
    ]
    return tuple(
        sorted(
            found,
            key=lambda w: (
                w.type,
                -sum(x is not None for x in (w.vendor, w.model)),
                -(w.capacity_gib or 0),
            ),
        )
    )


def for_driver(
    properties: Properties, rack_index: str | None
) -> dict[str, dict[str, typing.Any]]:
    """The part that a driver composes the node by.

    :param rack_index: the rack that was chosen
    """
    asked = {
        key: dict(wanted)
        for key, wanted in properties.items()
        if key not in PLACING | POOLED
    }
    if rack_index is not None:
        asked["rack"] = {"index": rack_index}
    return asked
