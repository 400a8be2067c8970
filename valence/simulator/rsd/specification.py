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

"""What a pod is to be like."""

import dataclasses
import typing

from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import pool


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodSpec:
    """What a pod is to be like."""

    PORT: typing.ClassVar[int] = 8443

    dialect: str = "2.1"
    racks: int = 1
    #: In all racks together.
    systems: int = 4
    username: str = "admin"
    password: str = dataclasses.field(default="admin", repr=False)
    #: How long an allocation, an assembly and a change of power take.
    allocate_seconds: float = 0.0
    assemble_seconds: float = 0.0
    power_seconds: float = 0.0
    #: Size of the storage that remote drives are made from.
    remote_gib: int = 4096
    #: Pooled drives behind PCIe switches, in all racks together; 1.2.1 has
    #: none.
    devices: int = 0
    #: Pooled FPGAs beside them, from 2.4 on.
    fpgas: int = 0
    #: Enclosures in each rack that these stand in.
    enclosures: int = 1
    #: Volumes of 100 GiB that can be attached over NVMe-oF, from 2.3 on.
    volumes: int = 0
    #: Of :data:`valence.simulator.rsd.dialects.QUIRKS`.
    quirks: tuple[str, ...] = ()
    #: What its systems are, in turn; a name is one of
    #: :data:`valence.simulator.rsd.hardware.PROFILES`.
    profiles: tuple[hardware.Profile | str, ...] = tuple(hardware.PROFILES)
    #: What its pooled drives are, in turn, or their names in
    #: :data:`valence.simulator.rsd.pool.DRIVES`.
    disks: tuple[hardware.Disk | str, ...] = tuple(pool.DRIVES)[:3]
    #: What its pooled FPGAs are, in turn, or their names in
    #: :data:`valence.simulator.rsd.pool.BOARDS`.
    boards: tuple[hardware.Board | str, ...] = ("FPGA",)

    def __post_init__(self) -> None:
        if self.dialect not in dialects.DIALECTS:
            raise ValueError(
                f"dialect {self.dialect!r} is none of "
                f"{', '.join(dialects.DIALECTS)}"
            )
        unknown = set(self.quirks) - set(dialects.QUIRKS)
        if unknown:
            raise ValueError(
                f"quirk {min(unknown)!r} is none of "
                f"{', '.join(dialects.QUIRKS)}"
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type in (int, float) and not 0 <= value < 1e6:
                raise ValueError(f"{field.name} cannot be {value}")
        if not self.racks and (self.systems or self.devices or self.fpgas):
            raise ValueError("systems and devices need a rack to stand in")
        if not self.enclosures:
            raise ValueError("devices need an enclosure to stand in")
        self.kinds()

    def kinds(
        self,
    ) -> tuple[
        tuple[hardware.Profile, ...],
        tuple[hardware.Disk, ...],
        tuple[hardware.Board, ...],
    ]:
        """What systems, drives and FPGAs are (ValueError)."""
        return (
            hardware.kinds("profiles", self.profiles, hardware.PROFILES),
            hardware.kinds("disks", self.disks, pool.DRIVES),
            hardware.kinds("boards", self.boards, pool.BOARDS),
        )
