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

"""A simulated ExpEther Manager."""

import dataclasses
import threading
import typing

import webob

from valence.simulator import clock as clocks
from valence.simulator import control
from valence.simulator import routing
from valence.simulator import server
from valence.simulator import tls
from valence.simulator import wire
from valence.simulator.eem import hardware
from valence.simulator.eem import service

#: What can be done to a unit by hand, and what it can be.
CHANGES = {
    "power": ("on", "off"),
    "notification": ("up", "down"),
    "link": ("up", "down"),
}
MAX_UNITS = 65535


@dataclasses.dataclass(frozen=True, kw_only=True)
class EemSpec:
    """What an ExpEther Manager is to be like."""

    PORT: typing.ClassVar[int] = 30500

    #: Boards in servers, and boxes with devices.
    servers: int = 2
    devices: int = 8
    #: What is in the boxes, in turn: of
    #: :data:`valence.simulator.eem.hardware.KINDS`.
    kinds: tuple[str, ...] = ("SSD", "NIC", "GPU")
    #: What boards and boxes are, in turn: 40g, 10g.
    cards: tuple[str, ...] = ("40g",)
    #: Without a name, everybody may do everything.
    username: str = "admin"
    password: str = dataclasses.field(default="admin", repr=False)
    version: str = "v1.0.8"
    #: Of :data:`valence.simulator.eem.service.QUIRKS`.
    quirks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, known in (
            ("kinds", hardware.KINDS),
            ("cards", hardware.CARDS),
            ("quirks", service.QUIRKS),
        ):
            given = getattr(self, name)
            unknown = set(given) - set(known)
            if unknown:
                raise ValueError(
                    f"{name.removesuffix('s')} {min(unknown)!r} is none of "
                    f"{', '.join(known)}"
                )
            if not given and name != "quirks":
                raise ValueError(f"{name} cannot be empty")
        for name in ("servers", "devices"):
            value = getattr(self, name)
            if not 0 <= value <= MAX_UNITS:
                raise ValueError(f"{name} cannot be {value}")


class Eem(server.Endpoint):
    """An ExpEther Manager and the fabric that it manages."""

    base = service.TABLE.base
    points = service.TABLE.points()

    def __init__(
        self,
        spec: EemSpec,
        name: str = "eem1",
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tls.Certificate | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        super().__init__(host, port, certificate, clock)
        self.spec = spec
        self.name = name
        self.fabric = hardware.Fabric(self.clock)
        #: How many boards and boxes there have been.
        self._counts = {hardware.Board: 0, hardware.Box: 0}
        #: Held while a request is answered.
        self._lock = threading.RLock()
        for _ in range(spec.servers):
            self._new("servers", {})
        for _ in range(spec.devices):
            self._new("devices", {})

    # What is there.

    @property
    def servers(self) -> list[hardware.Board]:
        with self._lock:
            return self.fabric.of(hardware.Board)

    @property
    def devices(self) -> list[hardware.Box]:
        with self._lock:
            return self.fabric.of(hardware.Box)

    def free_devices(self) -> list[hardware.Box]:
        """Those that no group has."""
        return [one for one in self.devices if one.group_id == hardware.FREE]

    # The service as an endpoint.

    def point(self, request: webob.Request) -> str | None:
        try:
            return self._route(request)[0].point
        except routing.NoRoute:
            return None

    @staticmethod
    def _route(
        request: webob.Request,
    ) -> tuple[routing.Route, dict[str, str]]:
        path = server.path_of(request)
        return service.TABLE.find(request.method, path)

    def authorized(self, request: webob.Request) -> bool:
        return not self.spec.username or server.is_user(
            request, self.spec.username, self.spec.password
        )

    def answer(
        self, request: webob.Request, outcome: str | None
    ) -> webob.Response:
        try:
            route, words = self._route(request)
            with self._lock:
                asked = service.Asked(self, request, outcome)
                found = route.function(asked, **words)
        except routing.NoRoute as error:
            code = "40500" if error.allowed else "40400"
            return service.Refusal(code).response()
        except service.Refusal as refusal:
            return refusal.response()
        if found is None:
            return webob.Response(status=204)
        return wire.json_response(found)

    def refuse(self, status: int, point: str | None) -> webob.Response:
        return service.Refusal.at(point, status).response()

    # The hardware, for people who stand before it.

    def describe(self) -> dict[str, typing.Any]:
        with self._lock:
            return {
                "name": self.name,
                "version": self.spec.version,
                "servers": [self._unit(one) for one in self.servers],
                "devices": [self._unit(one) for one in self.devices],
            }

    @staticmethod
    def _unit(unit: hardware.Unit) -> dict[str, typing.Any]:
        shown: dict[str, typing.Any] = {
            "id": unit.id,
            "card": unit.card.name,
            "serial": unit.serial,
            "group_id": unit.group_id,
            "power": unit.power,
            "notification": unit.notification,
            "link": unit.link,
        }
        if isinstance(unit, hardware.Board):
            return shown | {
                "devices": [box.id for box in unit.boxes],
                "ports": len(unit.ports),
            }
        if isinstance(unit, hardware.Box):
            free = unit.group_id == hardware.FREE
            shown |= {
                "type": unit.pci.type,
                "kind": unit.kind,
                "state": "free" if free else "in_use",
                "server": unit.board.id if unit.board else None,
            }
        return shown

    def add(self, kind: str, values: dict[str, typing.Any]) -> object:
        """Plug in a server or a device.

        With the id of one that was pulled out it is the same, in its group.
        """
        control.only(
            kind,
            values,
            {"servers": {"id", "card"}, "devices": {"id", "card", "type"}},
        )
        with self._lock:
            unit_id = values.get("id")
            if unit_id is None:
                return self._unit(self._new(kind, values))
            try:
                return self._unit(self.fabric.replug(unit_id))
            except (KeyError, TypeError) as error:
                raise ValueError(
                    "id: none like this was pulled out"
                ) from error

    def change(
        self, kind: str, thing: str, values: dict[str, typing.Any]
    ) -> object:
        """Switch, connect or disconnect a unit; or set its group by hand."""
        known = {"group_id", *CHANGES}
        control.only(kind, values, {"servers": known, "devices": known})
        with self._lock:
            unit = self._find(kind, thing)
            for name, allowed in CHANGES.items():
                if name in values:
                    control.one_of(name, values[name], allowed)
            group_id = values.get("group_id", unit.group_id)
            if not hardware.is_group(group_id, range(4095)):
                raise ValueError("group_id: give a number in a string")
            for name in CHANGES:
                if name in values:
                    self.fabric.change(unit, name, values[name])
            self.fabric.set_group(unit, group_id)
            return self._unit(unit)

    def remove(self, kind: str, thing: str) -> None:
        """Pull out a server or a device, and have it forgotten."""
        control.only(kind, {}, {"servers": set(), "devices": set()})
        with self._lock:
            self.fabric.pull(self._find(kind, thing))

    def _find(self, kind: str, thing: str) -> hardware.Unit:
        unit = self.fabric[thing]
        if isinstance(unit, hardware.Board) != (kind == "servers"):
            raise KeyError(thing)
        return unit

    def _new(self, kind: str, values: dict[str, typing.Any]) -> hardware.Unit:
        form = hardware.Board if kind == "servers" else hardware.Box
        number = self._counts[form] + 1
        if number > MAX_UNITS:
            raise ValueError("there is no more room")
        usual = self.spec.cards[(number - 1) % len(self.spec.cards)]
        name = values.get("card", usual)
        card = hardware.CARDS[control.one_of("card", name, hardware.CARDS)]
        unit: hardware.Unit
        if kind == "servers":
            unit = hardware.Board(self.name, number, card)
        else:
            usual = self.spec.kinds[(number - 1) % len(self.spec.kinds)]
            held = values.get("type", usual)
            control.one_of("type", held, hardware.KINDS)
            unit = hardware.Box(self.name, number, card, held)
        self._counts[form] = number
        self.fabric.plug(unit)
        return unit
