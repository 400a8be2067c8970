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

"""The hardware in a pod: racks of systems made of parts, and a storage."""

import collections.abc
import dataclasses
import itertools
import typing
import uuid

from valence.simulator import clock as clocks
from valence.simulator.rsd import dialects

BASE = "/redfish/v1"
SYSTEMS_PER_DRAWER = 8

#: So that a pod that is started again is the same pod.
_NAMESPACE = uuid.UUID("5b8d4bd0-8f0e-4ab4-9c0b-2f5ad1b6a6f4")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Disk:
    """A kind of drive."""

    gib: int
    type: str = "SSD"
    interface: str = "SATA"
    rpm: int = 0
    vendor: str = "Valence"
    model: str | None = None  #: None: its kind, in words


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """A kind of FPGA."""

    vendor: str = "Valence"
    model: str = "Simulated FPGA"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """A kind of system."""

    model: str
    brand: str
    cores: int  #: of one socket
    dimm_mib: int
    sockets: int = 1
    mhz: int = 2400
    dimms: int = 1
    disks: tuple[Disk, ...] = ()
    nics: tuple[int, ...] = (1000,)  #: Mbit/s of each
    memory_type: str = "DDR4"
    memory_mhz: int = 2400
    tpm: str | None = None  #: interface type of the TPM, if it has one


#: By the brand of their processors: what a pod's systems are, in turn, unless
#: something else is asked for.
PROFILES = {
    profile.brand: profile
    for profile in (
        Profile(
            model="Intel(R) Xeon(R) CPU D-1541 @ 2.10GHz",
            brand="D",
            sockets=1,
            cores=8,
            mhz=2700,
            dimms=2,
            dimm_mib=8192,
            disks=(Disk(gib=120),),
            nics=(1000,),
            memory_mhz=2133,
        ),
        Profile(
            model="Intel(R) Xeon(R) CPU E5-2630 v4 @ 2.20GHz",
            brand="E5",
            sockets=2,
            cores=10,
            mhz=3100,
            dimms=4,
            dimm_mib=16384,
            disks=(Disk(gib=480), Disk(gib=1800, type="HDD", rpm=7200)),
            nics=(10000, 1000),
        ),
        Profile(
            model="Intel(R) Xeon(R) Gold 6138 CPU @ 2.00GHz",
            brand="Gold",
            sockets=2,
            cores=20,
            mhz=3700,
            dimms=8,
            dimm_mib=16384,
            disks=(Disk(gib=960), Disk(gib=1600, interface="NVMe")),
            nics=(10000, 10000),
            memory_mhz=2666,
            tpm="TPM2_0",
        ),
        Profile(
            model="Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz",
            brand="Platinum",
            sockets=2,
            cores=28,
            mhz=3800,
            dimms=8,
            dimm_mib=32768,
            disks=(
                Disk(gib=960),
                Disk(gib=2000, interface="NVMe"),
                Disk(gib=1200, type="HDD", interface="SAS", rpm=10000),
            ),
            nics=(25000, 25000),
            memory_mhz=2666,
            tpm="TPM2_0",
        ),
    )
}


K = typing.TypeVar("K")


def kinds(
    name: str,
    asked: collections.abc.Sequence[K | str],
    known: collections.abc.Mapping[str, K],
) -> tuple[K, ...]:
    """Kinds of things, which may be named (ValueError).

    :param name: what they are called together, "profiles"
    """
    if not asked:
        raise ValueError(f"{name} cannot be empty")
    found = []
    for one in asked:
        if isinstance(one, str):
            if one not in known:
                raise ValueError(
                    f"{name.removesuffix('s')} {one!r} is none of "
                    f"{', '.join(known)}"
                )
            one = known[one]
        found.append(one)
    return tuple(found)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Something in a system that Redfish describes by itself."""

    id: str
    uri: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Processor(Part):
    model: str
    brand: str
    cores: int
    mhz: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Module(Part):
    """A memory module."""

    mib: int
    type: str
    mhz: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drive(Part):
    disk: Disk
    serial: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface(Part):
    """An Ethernet interface."""

    mac: str
    mbps: int


class System:
    """A computer that a node can be composed on."""

    def __init__(
        self,
        *,
        pod: str,
        number: int,
        rack: str,
        drawer: str,
        profile: Profile,
        dialect: dialects.Dialect,
        clock: clocks.Clock,
    ) -> None:
        self.id = str(number)
        self.uri = f"{BASE}/Systems/{self.id}"
        self.uuid = str(uuid.uuid5(_NAMESPACE, f"{pod}/system/{number}"))
        self.serial = f"{pod.upper()}-{number:05d}"
        self.rack = rack
        self.drawer = drawer
        self.profile = profile
        self.health = "OK"
        self.boot = {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
        }
        if dialect.boot_mode:
            self.boot["BootSourceOverrideMode"] = "UEFI"
        self.power_state = clocks.Eventual(clock, "Off")

        self.processors = [
            Processor(
                id=str(n),
                uri=f"{self.uri}/Processors/{n}",
                model=profile.model,
                brand=profile.brand,
                cores=profile.cores,
                mhz=profile.mhz,
            )
            for n in range(1, profile.sockets + 1)
        ]
        self.memory = [
            Module(
                id=str(n),
                uri=f"{self.uri}/{dialect.memory_collection}/{n}",
                mib=profile.dimm_mib,
                type=profile.memory_type,
                mhz=profile.memory_mhz,
            )
            for n in range(1, profile.dimms + 1)
        ]
        shelf = (
            f"{BASE}/Chassis/{drawer}/Drives/{self.id}-"
            if dialect.since("2.1")
            else f"{self.uri}/Adapters/1/Devices/"
        )
        self.drives = [
            Drive(
                id=f"{shelf}{n}".rpartition("/")[2],
                uri=f"{shelf}{n}",
                disk=disk,
                serial=f"{self.serial}-D{n}",
            )
            for n, disk in enumerate(profile.disks, 1)
        ]
        # Locally administered addresses, which no real interface has.
        vendor = uuid.uuid5(_NAMESPACE, pod).bytes[:2].hex(":")
        self.interfaces = [
            Interface(
                id=str(n),
                uri=f"{self.uri}/EthernetInterfaces/{n}",
                mac=f"02:{vendor}:{number >> 8 & 255:02x}:{number & 255:02x}"
                f":{n:02x}",
                mbps=mbps,
            )
            for n, mbps in enumerate(profile.nics, 1)
        ]

    @property
    def power(self) -> str:
        return self.power_state.value

    @property
    def cores(self) -> int:
        return sum(processor.cores for processor in self.processors)

    @property
    def memory_mib(self) -> int:
        return sum(module.mib for module in self.memory)


@dataclasses.dataclass
class Volume:
    """A part of the remote storage: given to a node, or its master."""

    id: str
    uri: str
    gib: float
    protocol: str
    node: str | None = None
    master: str | None = None
    #: It stays when its node goes.
    lasting: bool = False


class Storage:
    """The storage of a pod that is not in its systems."""

    def __init__(self, dialect: dialects.Dialect, gib: int) -> None:
        self.gib = gib
        self.uri = f"{BASE}/{dialect.storage}/1"
        self.shelf = (
            f"{self.uri}/LogicalDrives"
            if dialect.storage == "Services"
            else f"{self.uri}/Volumes"
        )
        self._ids = itertools.count(1)
        self.volumes: dict[str, Volume] = {}
        # An image that remote drives can be cloned from.
        if gib >= 20:
            self.carve(20, "iSCSI").lasting = True

    @property
    def free_gib(self) -> float:
        return self.gib - sum(volume.gib for volume in self.volumes.values())

    def carve(
        self,
        gib: float,
        protocol: str,
        node: str | None = None,
        master: str | None = None,
    ) -> Volume:
        number = str(next(self._ids))
        volume = Volume(
            number, f"{self.shelf}/{number}", gib, protocol, node, master
        )
        self.volumes[number] = volume
        return volume

    def of_node(self, node: str) -> list[Volume]:
        return [v for v in self.volumes.values() if v.node == node]

    def release(self, node: str) -> None:
        """Give back what the node has."""
        for volume in self.of_node(node):
            if volume.lasting:
                volume.node = None
            else:
                del self.volumes[volume.id]
