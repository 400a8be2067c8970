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

"""What may be asked of Allocate, and which system answers it.

Sources: Intel RSD PODM API 2.1.3 (335455-002), 2.3.2 (337204-003) and 2.5
(613320-001), "Composed Node Collection", action Allocate; for 1.2.1 the tag
of that name of the repository intel/intelRSD.
"""

import collections.abc
import dataclasses
import typing

from valence.simulator import wire
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals

#: A payload, or a part of one.
Json = dict[str, typing.Any]
#: Ids of chassis, and the systems that stand in each at any depth.
Chassis = collections.abc.Mapping[str, list[hardware.System]]


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of a payload: what it holds and which releases know it.

    ``form`` is a type, a set of words, a list of one form, a dict of keys, or
    None where anything will do.
    """

    form: typing.Any
    since: str = "1.2.1"
    until: str = "9"

    def known(self, dialect: dialects.Dialect) -> bool:
        later = dialect.name != self.until and dialect.since(self.until)
        return dialect.since(self.since) and not later


_REFERENCE = {"@odata.id": Key(str)}
_PLACE = {"Resource": Key(_REFERENCE), "Chassis": Key(_REFERENCE)}

REQUEST: dict[str, Key] = {
    "Name": Key(str),
    "Description": Key(str),
    "TotalSystemCoreCount": Key(int),
    "TotalSystemMemoryMiB": Key(int, "2.1"),
    "Processors": Key(
        [
            {
                "Model": Key(str),
                "TotalCores": Key(int),
                "AchievableSpeedMHz": Key(int),
                "InstructionSet": Key(str),
                "ProcessorType": Key(
                    {"CPU", "FPGA", "GPU", "DSP", "Accelerator"}, "2.3"
                ),
                "Connectivity": Key([str], "2.4"),
                "Oem": Key(
                    {
                        "Intel_RackScale": Key(
                            {"Brand": Key(str), "Capabilities": Key([str])}
                        )
                    }
                ),
                **_PLACE,
            }
        ]
    ),
    "Memory": Key(
        [
            {
                "CapacityMiB": Key(int),
                "DimmDeviceType": Key(str, until="1.2.1"),
                "MemoryDeviceType": Key(str, "2.1"),
                "MemoryType": Key(str, "2.4"),
                "SpeedMHz": Key(int),
                "Manufacturer": Key(str),
                "DataWidthBits": Key(int),
                **_PLACE,
            }
        ]
    ),
    "LocalDrives": Key(
        [
            {
                "CapacityGiB": Key(float),
                "Type": Key({"HDD", "SSD"}),
                "MinRPM": Key(int),
                "SerialNumber": Key(str),
                "Interface": Key({"SAS", "SATA", "NVMe"}),
                "FabricSwitch": Key(bool),
                **_PLACE,
            }
        ]
    ),
    "RemoteDrives": Key(
        [
            {
                "CapacityGiB": Key(float),
                "iSCSIAddress": Key(str, until="2.2"),
                "Protocol": Key({"iSCSI", "NVMeOverFabrics"}, "2.3"),
                "Master": Key(
                    {
                        "Type": Key({"Snapshot", "Clone"}),
                        "Address": Key(None, until="2.2"),
                        "Resource": Key(_REFERENCE, "2.3"),
                    }
                ),
                "Resource": Key(_REFERENCE, "2.3"),
            }
        ]
    ),
    "EthernetInterfaces": Key(
        [
            {
                "SpeedMbps": Key(int),
                "PrimaryVLAN": Key(int),
                "VLANs": Key([{"VLANId": Key(int), "Tagged": Key(bool)}]),
                "MACAddress": Key(str, "2.5"),
                **_PLACE,
            }
        ]
    ),
    "Security": Key(
        {
            "TpmPresent": Key(bool),
            "TpmInterfaceType": Key(str),
            "TxtEnabled": Key(bool),
            "ClearTPMOnDelete": Key(bool),
            "ClearOptaneDCPersistentMemoryOnDelete": Key(bool, "2.5"),
        },
        "2.2",
    ),
    "Oem": Key(None),
}


def check(
    value: typing.Any,
    form: typing.Any,
    dialect: dialects.Dialect,
    where: str = "The payload",
) -> collections.abc.Iterator[str]:
    """Say what is wrong with ``value``; null is as good as absent."""
    if value is None or form is None:
        return
    if isinstance(form, list) and isinstance(value, list):
        for index, member in enumerate(value):
            yield from check(member, form[0], dialect, f"{where}[{index}]")
    elif isinstance(form, dict) and isinstance(value, dict):
        for name, member in value.items():
            inner = name if where == "The payload" else f"{where}.{name}"
            key = form.get(name)
            if key is None or not key.known(dialect):
                yield f"{inner}: unrecognized field"
            else:
                yield from check(member, key.form, dialect, inner)
    elif not _is_of(value, form):
        yield f"{where}: should be {_wanted(form)}"


def _is_of(value: typing.Any, form: typing.Any) -> bool:
    """Whether a value that holds no others is of this form."""
    if isinstance(form, set):
        return isinstance(value, str) and value in form
    if form in (int, float):
        number = isinstance(value, (int, form))
        return number and not isinstance(value, bool) and value >= 0
    return isinstance(form, type) and isinstance(value, form)


def _wanted(form: typing.Any) -> str:
    if isinstance(form, set):
        return f"one of {', '.join(sorted(form))}"
    names = {
        str: "a string",
        bool: "true or false",
        int: "a whole number that is not negative",
        float: "a number that is not negative",
    }
    if isinstance(form, type):
        return names.get(form, "an object")
    return "an array" if isinstance(form, list) else "an object"


def payload(
    body: bytes, form: dict[str, Key], dialect: dialects.Dialect
) -> Json:
    """The request's body, which may be empty, once it is seen to be sound.

    :raises: Refusal
    """
    try:
        found = wire.json_object(body)
    except ValueError as error:
        raise refusals.invalid(f"The payload is unsound. {error}") from error
    wrong = list(check(found, form, dialect))
    if wrong:
        raise refusals.invalid(*wrong)
    return found


def choose(
    request: Json,
    systems: collections.abc.Iterable[hardware.System],
    storage: hardware.Storage,
    chassis: collections.abc.Callable[[], Chassis],
) -> hardware.System:
    """The smallest of the free systems that has all that is asked for.

    :raises: Refusal, which tells how many systems passed each test
    """
    standing = _standing(request, chassis)
    passed = list(systems)
    counts = [f"available: {len(passed)}"]
    tests: dict[str, _Test] = {
        "status": lambda request, system: system.health != "Critical",
        "chassis": lambda request, system: (
            standing is None or system in standing
        ),
        **_TESTS,
    }
    for name, test in tests.items():
        passed = [system for system in passed if test(request, system)]
        counts.append(f"{name}: {len(passed)}")
    if not passed:
        raise refusals.conflict(
            refusals.AT_POINT["allocate", 409][1],
            "Available assets count after applying filters: ["
            + " -> ".join(counts)
            + "]",
            message=refusals.AT_POINT["allocate", 409][0],
        )
    _require_remote(request, storage)
    return min(
        passed, key=lambda one: (one.cores, one.memory_mib, int(one.id))
    )


def _standing(
    request: Json, chassis: collections.abc.Callable[[], Chassis]
) -> list[hardware.System] | None:
    """The systems in all the chassis that are asked for; None for any.

    What the entries ask for, they ask for of the system as a whole
    (intelRSD, ComputerSystemCollector, whose words the refusals have).
    """
    wanted: list[str | None] = [
        (item.get("Chassis") or {}).get("@odata.id")
        for key in ("Processors", "Memory", "EthernetInterfaces")
        for item in _items(request, key)
    ]
    known: Chassis | None = None
    found: list[hardware.System] | None = None
    for uri in filter(None, wanted):
        known = known or chassis()
        systems = known.get(uri.partition(f"{hardware.BASE}/Chassis/")[2])
        if systems is None:
            raise _unsupported(f"Specified chassis ({uri}) does not exist.")
        if not systems:
            raise _unsupported(
                "Allocation of assets on chassis without computer system is "
                "not supported."
            )
        found = [one for one in systems if found is None or one in found]
        if not found:
            raise _unsupported(
                "Allocation of assets on multiple chassis is not supported."
            )
    return found


def _unsupported(reason: str) -> refusals.Refusal:
    return refusals.Refusal("UnsupportedCreationRequest", reason)


def give_remote(
    request: Json, storage: hardware.Storage, node: str
) -> list[hardware.Volume]:
    """Make the node's remote drives, which :func:`choose` has seen to fit."""
    given = []
    for want in _items(request, "RemoteDrives"):
        protocol = want.get("Protocol") or "iSCSI"
        uri = (want.get("Resource") or {}).get("@odata.id")
        if uri is not None:
            volume = _volume(storage, uri)
            volume.node = node
        else:
            master = want.get("Master") or {}
            source = (master.get("Resource") or {}).get("@odata.id")
            volume = storage.carve(
                want.get("CapacityGiB") or 0,
                protocol,
                node,
                source or master.get("Address"),
            )
        given.append(volume)
    return given


def _require_remote(request: Json, storage: hardware.Storage) -> None:
    wanted, needed = set(), 0.0
    for want in _items(request, "RemoteDrives"):
        uri = (want.get("Resource") or {}).get("@odata.id")
        if uri is None:
            needed += want.get("CapacityGiB") or 0
        elif _volume(storage, uri).node is not None or uri in wanted:
            raise refusals.conflict(
                f"Remote drive {uri} is in use.",
                message=refusals.AT_POINT["allocate", 409][0],
            )
        wanted.add(uri)
    if needed > storage.free_gib:
        raise refusals.conflict(
            "There is not enough space for the remote drives: "
            f"{needed:g} GiB of {storage.free_gib:g} GiB.",
            message=refusals.AT_POINT["allocate", 409][0],
        )


def _volume(storage: hardware.Storage, uri: str) -> hardware.Volume:
    for volume in storage.volumes.values():
        if volume.uri == uri:
            return volume
    raise _unsupported(f"There is no remote drive {uri}.")


def _items(request: Json, key: str) -> list[Json]:
    return [item or {} for item in request.get(key) or []]


def _placed(want: Json, part: hardware.Part, system: hardware.System) -> bool:
    """Whether a part is the one, and a drive stands where, is said."""
    resource = (want.get("Resource") or {}).get("@odata.id")
    chassis = (want.get("Chassis") or {}).get("@odata.id")
    return resource in (None, part.uri, system.uri) and (
        chassis is None
        or not isinstance(part, hardware.Drive)
        or chassis.rpartition("/")[2] in (system.rack, system.drawer)
    )


def _processor(want: Json, part: hardware.Processor) -> bool:
    oem = (want.get("Oem") or {}).get("Intel_RackScale") or {}
    return (
        (want.get("Model") or "").lower() in part.model.lower()
        and (want.get("TotalCores") or 0) <= part.cores
        and (want.get("AchievableSpeedMHz") or 0) <= part.mhz
        and want.get("InstructionSet") in (None, "x86-64")
        and want.get("ProcessorType") in (None, "CPU")
        and not set(want.get("Connectivity") or ()) - {"Local"}
        and oem.get("Brand") in (None, part.brand)
        and not oem.get("Capabilities")
    )


def _drive(want: Json, part: hardware.Drive) -> bool:
    return (
        (want.get("CapacityGiB") or 0) <= part.disk.gib
        and want.get("Type") in (None, part.disk.type)
        and (want.get("MinRPM") or 0) <= part.disk.rpm
        and want.get("SerialNumber") in (None, part.serial)
        and want.get("Interface") in (None, part.disk.interface)
        and not want.get("FabricSwitch")
    )


def _interface(want: Json, part: hardware.Interface) -> bool:
    mac = want.get("MACAddress")
    return (want.get("SpeedMbps") or 0) <= part.mbps and (
        mac is None or mac.lower() == part.mac
    )


P = typing.TypeVar("P", bound=hardware.Part)


def _distinct(
    wants: list[Json],
    parts: list[P],
    fits: collections.abc.Callable[[Json, P], bool],
    system: hardware.System,
) -> bool:
    """Whether each want can have a part of its own.

    The wants are matched one by one; one that finds its part taken moves the
    owner on if it can (augmenting paths).
    """
    owner: dict[str, int] = {}

    def place(index: int, seen: set[str]) -> bool:
        for part in parts:
            want = wants[index]
            if part.uri in seen or not (
                _placed(want, part, system) and fits(want, part)
            ):
                continue
            seen.add(part.uri)
            if part.uri not in owner or place(owner[part.uri], seen):
                owner[part.uri] = index
                return True
        return False

    return len(wants) <= len(parts) and all(
        place(index, set()) for index in range(len(wants))
    )


def _has_memory(request: Json, system: hardware.System) -> bool:
    """Whether the modules suffice; a want may take several of them."""
    left = list(system.memory)
    for want in _items(request, "Memory"):
        kind = want.get("MemoryDeviceType") or want.get("DimmDeviceType")
        fitting = [
            module
            for module in left
            if _placed(want, module, system)
            and kind in (None, module.type)
            and want.get("MemoryType") in (None, "DRAM")
            and (want.get("SpeedMHz") or 0) <= module.mhz
            and want.get("Manufacturer") in (None, "Valence")
            and want.get("DataWidthBits") in (None, 64)
        ]
        got, needed = 0, want.get("CapacityMiB") or 0
        for module in fitting:
            left.remove(module)
            got += module.mib
            if got >= needed:
                break
        if not got or got < needed:
            return False
    return True


def _is_secure(request: Json, system: hardware.System) -> bool:
    want = request.get("Security") or {}
    tpm = system.profile.tpm
    return (
        want.get("TpmPresent") in (None, tpm is not None)
        and want.get("TpmInterfaceType") in (None, tpm)
        and not want.get("TxtEnabled")
    )


_Test: typing.TypeAlias = collections.abc.Callable[
    [Json, hardware.System], bool
]
_TESTS: dict[str, _Test] = {
    "processors": lambda request, system: _distinct(
        _items(request, "Processors"), system.processors, _processor, system
    ),
    "memory": _has_memory,
    "local drives": lambda request, system: _distinct(
        _items(request, "LocalDrives"), system.drives, _drive, system
    ),
    "ethernet interfaces": lambda request, system: _distinct(
        _items(request, "EthernetInterfaces"),
        system.interfaces,
        _interface,
        system,
    ),
    "computer system attributes": lambda request, system: (
        (request.get("TotalSystemCoreCount") or 0) <= system.cores
        and (request.get("TotalSystemMemoryMiB") or 0) <= system.memory_mib
    ),
    "security": _is_secure,
}
