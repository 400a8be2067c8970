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

"""What stands on an ExpEther fabric, and what is connected to what.

A board in a server (eesv) and a box with one PCIe device (eeio) are connected
where they have the same group id and the board has a port left.
"""

import collections.abc
import dataclasses
import re
import typing
import zlib

from valence.simulator import clock as clocks

#: Group ids of a box and of a board that belong to no group.
FREE, ALONE = "4093", "4094"
#: Group ids that the manager gives out; those below are set by a switch.
GROUPS = range(16, 4093)
NO_MAC = "00:00:00:00:00:00"

U = typing.TypeVar("U", bound="Unit")


@dataclasses.dataclass(frozen=True)
class Card:
    """A generation of the hardware."""

    name: str
    board: str
    box: str
    ports: int


CARDS = {
    card.name: card
    for card in (
        Card(
            "40g",
            "ExpEther Board (40G)",
            "EE I/O Expansion Unit (40G)-2S",
            16,
        ),
        Card("10g", "ExpEther Board (10G)", "EE I/O Expansion Unit (10G)", 8),
    )
}


@dataclasses.dataclass(frozen=True)
class Pci:
    """A PCIe device: its type, its ids as pci.ids has them, its class."""

    type: str
    vendor: int
    device: int
    code: int


#: One of each type, by the type, and then others by their models.
KINDS = {
    "SSD": Pci("SSD", 0x144D, 0xA822, 0x010802),
    "NIC": Pci("NIC", 0x8086, 0x1572, 0x020000),
    "GPU": Pci("GPU", 0x10DE, 0x15F8, 0x030200),
    "Multi": Pci("Multi", 0x1102, 0x0012, 0x040300),
    "USB": Pci("USB", 0x1B21, 0x1242, 0x0C0330),
    "ACS": Pci("ACS", 0x8086, 0x09C4, 0x120000),
    "SWITCH": Pci("SWITCH", 0x10B5, 0x8747, 0x060400),
    "P4510": Pci("SSD", 0x8086, 0x0A54, 0x010802),
    "ConnectX-5": Pci("NIC", 0x15B3, 0x1017, 0x020000),
    "V100": Pci("GPU", 0x10DE, 0x1DB4, 0x030200),
    "MI100": Pci("GPU", 0x1002, 0x738C, 0x038000),
}


def is_group(
    group_id: object, allowed: collections.abc.Container[int]
) -> bool:
    """Whether it is a group id, which is a number in a string."""
    return (
        isinstance(group_id, str)
        and re.fullmatch("0|[1-9][0-9]{0,4}", group_id) is not None
        and int(group_id) in allowed
    )


class Unit:
    """A board or a box."""

    status: typing.ClassVar[str]
    device_id: typing.ClassVar[int]
    default_group: typing.ClassVar[str]

    def __init__(self, manager: str, number: int, card: Card) -> None:
        # A locally administered address, which no real card has.
        fabric = zlib.crc32(manager.encode()) & 0xFFFF
        raw = f"02{fabric:04x}{self.device_id:02x}{number:04x}"
        self.id = f"0x{raw}"
        self.mac = bytes.fromhex(raw).hex(":")
        self.serial = f"{manager.upper()}-{self.status.upper()}-{number:05d}"
        self.card = card
        self.group_id = self.default_group
        #: Milliseconds since the epoch.
        self.update_time = 0
        self.power = "on"
        #: Whether the manager hears of it; what it shows is old otherwise.
        self.notification = "up"
        self.link = "up"
        self.led = "off"

    @property
    def present(self) -> bool:
        return (self.power, self.notification, self.link) == ("on", "up", "up")


class Board(Unit):
    """The card in a server."""

    status = "eesv"
    device_id = 0x1D
    default_group = ALONE

    def __init__(self, manager: str, number: int, card: Card) -> None:
        super().__init__(manager, number, card)
        self.ports: list[Box | None] = [None] * card.ports

    @property
    def boxes(self) -> list["Box"]:
        return [box for box in self.ports if box is not None]


class Box(Unit):
    """A box that holds one PCIe device."""

    status = "eeio"
    device_id = 0x1E
    default_group = FREE

    def __init__(
        self, manager: str, number: int, card: Card, kind: str
    ) -> None:
        super().__init__(manager, number, card)
        self.kind = kind
        self.pci = KINDS[kind]
        self.board: Board | None = None

    @property
    def connected(self) -> bool:
        return self.board is not None and self.present and self.board.present


class Fabric:
    """All units that one manager knows."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._units: dict[str, Unit] = {}
        #: What was pulled out, to be the same when it is put back.
        self._pulled: dict[str, Unit] = {}
        self._time = 0

    def __iter__(self) -> collections.abc.Iterator[Unit]:
        return iter(list(self._units.values()))

    def __getitem__(self, unit_id: str) -> Unit:
        return self._units[unit_id]

    def __contains__(self, unit_id: object) -> bool:
        return unit_id in self._units

    def of(self, kind: type[U]) -> list[U]:
        return [u for u in self._units.values() if isinstance(u, kind)]

    def now(self) -> int:
        """Milliseconds since the epoch, never less than before."""
        self._time = max(self._time, int(self._clock.wall() * 1000))
        return self._time

    def touch(self, unit: Unit) -> None:
        """Note that it has changed, later than anything said so far."""
        self._time = max(self._time + 1, int(self._clock.wall() * 1000))
        unit.update_time = self._time

    def plug(self, unit: Unit) -> None:
        self._units[unit.id] = unit
        self.touch(unit)
        self._connect(unit.group_id)

    def replug(self, unit_id: str) -> Unit:
        """Put back what was pulled out (KeyError)."""
        unit = self._pulled.pop(unit_id)
        self.plug(unit)
        return unit

    def pull(self, unit: Unit) -> None:
        """Take it away, and let the manager forget it."""
        del self._units[unit.id]
        self._pulled[unit.id] = unit
        self._part(unit)
        self._connect(unit.group_id)

    def set_group(self, unit: Unit, group_id: str) -> None:
        if unit.group_id == group_id:
            return
        self._part(unit)
        before, unit.group_id = unit.group_id, group_id
        self.touch(unit)
        self._connect(before)
        self._connect(group_id)

    def change(self, unit: Unit, name: str, value: str) -> None:
        """Change something that its neighbours show, too."""
        setattr(unit, name, value)
        self.touch(unit)
        if isinstance(unit, Board):
            for box in unit.boxes:
                self.touch(box)
        elif isinstance(unit, Box) and unit.board is not None:
            self.touch(unit.board)

    def free_group(self) -> str | None:
        """The lowest group id that is given out and that nothing has."""
        taken = {unit.group_id for unit in self._units.values()}
        for number in GROUPS:
            if str(number) not in taken:
                return str(number)
        return None

    def clear_port(self, board: Board, number: int) -> None:
        """Disconnect what is at a port; its group stays."""
        box = board.ports[number]
        board.ports[number] = None
        self.touch(board)
        if box is not None:
            box.board = None
            self.touch(box)

    def _connect(self, group_id: str) -> None:
        if group_id in (FREE, ALONE):
            return
        boards = [b for b in self.of(Board) if b.group_id == group_id]
        for box in self.of(Box) if boards else ():
            if box.group_id != group_id or box.board is not None:
                continue
            for board in boards:
                if None in board.ports:
                    board.ports[board.ports.index(None)] = box
                    box.board = board
                    self.touch(box)
                    self.touch(board)
                    break

    def _part(self, unit: Unit) -> None:
        if isinstance(unit, Box) and unit.board is not None:
            self.clear_port(unit.board, unit.board.ports.index(unit))
        elif isinstance(unit, Board):
            for number, box in enumerate(unit.ports):
                if box is not None:
                    self.clear_port(unit, number)
