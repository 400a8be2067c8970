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

"""A simulated Intel RSD pod."""

import itertools
import threading
import typing
import uuid

import webob

from valence.simulator import clock as clocks
from valence.simulator import control
from valence.simulator import routing
from valence.simulator import server
from valence.simulator import tls
from valence.simulator import wire
from valence.simulator.rsd import actions  # noqa: F401 (registers routes)
from valence.simulator.rsd import allocation
from valence.simulator.rsd import attachment
from valence.simulator.rsd import composition
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import inventory
from valence.simulator.rsd import pool
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes
from valence.simulator.rsd import specification
from valence.simulator.rsd import volumes  # noqa: F401

HEALTH = ("OK", "Warning", "Critical")
POWER = ("On", "Off")


class Pod(server.Endpoint):
    """A pod manager and the hardware behind it."""

    def __init__(
        self,
        spec: specification.PodSpec,
        name: str = "pod1",
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tls.Certificate | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.spec = spec
        self.name = name
        self.dialect = dialects.DIALECTS[spec.dialect]
        self.points = routes.TABLE.points(self.dialect)
        super().__init__(host, port, certificate, clock)
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"valence/{name}"))
        self.storage = hardware.Storage(self.dialect, spec.remote_gib)
        self.racks = [f"Rack{n}" for n in range(1, spec.racks + 1)]
        #: Tokens of sessions, and events' subscriptions, by their ids.
        self.sessions: dict[str, str] = {}
        self.subscriptions: dict[str, dict[str, typing.Any]] = {}
        self._systems: dict[str, hardware.System] = {}
        self._nodes: dict[str, composition.Node] = {}
        self._ids = itertools.count(1)
        #: Held while a request is answered: one sees either all of what
        #: another does or nothing.
        self._lock = threading.RLock()
        self._profiles, disks, boards = spec.kinds()
        share = -(-spec.systems // max(1, spec.racks))
        for number in range(1, spec.systems + 1):
            self._put(number, self.racks[(number - 1) // share])
        if self.dialect.attach == "Resource":
            for _ in range(spec.volumes):
                self.storage.carve(100, attachment.PROTOCOL).lasting = True
        self.pool = pool.Pool(name, self.dialect, disks, boards)
        self.pool.fill(spec.devices, spec.fpgas, self.racks, spec.enclosures)

    # What is there.

    @property
    def nodes(self) -> list[composition.Node]:
        with self._lock:
            return list(self._nodes.values())

    @property
    def systems(self) -> list[hardware.System]:
        with self._lock:
            return sorted(self._systems.values(), key=lambda s: int(s.id))

    def free_systems(self) -> list[hardware.System]:
        """Those that no node has."""
        with self._lock:
            taken = {id(node.system) for node in self._nodes.values()}
            return [one for one in self.systems if id(one) not in taken]

    @property
    def devices(self) -> list[pool.Device]:
        """Pooled drives and FPGAs."""
        with self._lock:
            return list(self.pool)

    def free_devices(self) -> list[pool.Device]:
        """Those that no node has."""
        return [one for one in self.devices if one.node is None]

    def drawers(self, rack: str) -> list[str]:
        """Ids of the drawers in a rack, in order."""
        return list(
            dict.fromkeys(s.drawer for s in self.systems if s.rack == rack)
        )

    def enclosures(self, rack: str) -> list[str]:
        """Ids of the enclosures of pooled devices in a rack."""
        return sorted({one.chassis for one in self.pool.of_rack(rack)})

    def chassis(self) -> dict[str, list[hardware.System]]:
        """Ids of all chassis, and the systems that stand in each."""
        systems = self.systems
        held = {inventory.POD: systems} | {rack: [] for rack in self.racks}
        for rack in self.racks:
            for inner in self.drawers(rack) + self.enclosures(rack):
                held[inner] = []
        for system in systems:
            held[system.rack].append(system)
            held[system.drawer].append(system)
        return held

    def node(self, node_id: str) -> composition.Node:
        """:raises: Refusal where there is none"""
        return self._get(self._nodes, node_id)

    def system(self, system_id: str) -> hardware.System:
        """:raises: Refusal where there is none"""
        return self._get(self._systems, system_id)

    T = typing.TypeVar("T")

    @staticmethod
    def _get(things: dict[str, T], key: str) -> T:
        if key not in things:
            raise refusals.Refusal("InvalidEndpoint")
        return things[key]

    # What the service does with it.

    def new_id(self) -> str:
        return str(next(self._ids))

    def new_node(
        self, request: dict[str, typing.Any], system: hardware.System
    ) -> composition.Node:
        """Make a node of a free system and the remote drives it asks for."""
        node = composition.Node(
            self.new_id(), request, system, self.dialect, self.clock
        )
        allocation.give_remote(request, self.storage, node.id)
        self._nodes[node.id] = node
        return node

    def delete_node(self, node: composition.Node) -> None:
        """Give back everything that the node has."""
        self.storage.release(node.id)
        self.pool.release(node.id)
        if node.system is not None:
            node.system.power_state.set("Off")
            node.system.boot |= {
                "BootSourceOverrideEnabled": "Disabled",
                "BootSourceOverrideTarget": "None",
            }
        del self._nodes[node.id]

    # The service as an endpoint.

    def point(self, request: webob.Request) -> str | None:
        try:
            return self._route(request)[0].point
        except refusals.Refusal:
            return None

    def _route(
        self, request: webob.Request
    ) -> tuple[routing.Route, dict[str, str]]:
        path = server.path_of(request)
        return routes.find(request.method, path, self.dialect)

    def authorized(self, request: webob.Request) -> bool:
        if server.is_user(request, self.spec.username, self.spec.password):
            return True
        token = request.headers.get("X-Auth-Token")
        with self._lock:
            if token is not None and token in self.sessions.values():
                return True
        # Whoever logs in brings the credentials in the body. The root is for
        # all, who have to find where (DSP0266, "Service root").
        point = self.point(request)
        return point == "root" or (self.dialect.services and point == "log_in")

    def answer(
        self, request: webob.Request, outcome: str | None
    ) -> webob.Response:
        try:
            route, words = self._route(request)
            with self._lock:
                asked = routes.Asked(self, request, outcome)
                found = route.function(asked, **words)
        except refusals.Refusal as refusal:
            return refusal.response(self.dialect)
        if isinstance(found, webob.Response):
            return found
        if found is None:
            return webob.Response(status=204)
        response = wire.json_response(found)
        response.headers["OData-Version"] = "4.0"
        return response

    def refuse(self, status: int, point: str | None) -> webob.Response:
        return refusals.Refusal.at(point, status).response(self.dialect)

    # The hardware, for people who stand before it.

    def describe(self) -> dict[str, typing.Any]:
        with self._lock:
            return {
                "name": self.name,
                "dialect": self.dialect.name,
                "systems": [self._system(one) for one in self.systems],
                "nodes": [self._node(one) for one in self.nodes],
                "racks": [
                    {
                        "id": rack,
                        "systems": [
                            one.id for one in self.systems if one.rack == rack
                        ],
                    }
                    for rack in self.racks
                ],
                "devices": [self.pool.describe(one) for one in self.devices],
            }

    def _system(self, system: hardware.System) -> dict[str, typing.Any]:
        node = next((n.id for n in self.nodes if n.system is system), None)
        return {
            "id": system.id,
            "state": "free" if node is None else "in_use",
            "node": node,
            "rack": system.rack,
            "uuid": system.uuid,
            "power": system.power,
            "health": system.health,
            "cores": system.cores,
            "memory_mib": system.memory_mib,
            "model": system.profile.model,
        }

    def _node(self, node: composition.Node) -> dict[str, typing.Any]:
        return {
            "id": node.id,
            "name": node.name,
            "description": node.description,
            "uuid": node.uuid,
            "state": node.state,
            "power": node.power,
            "system": node.system.id if node.system else None,
            "devices": [one.id for one in self.pool.of_node(node.id)],
        }

    def add(self, kind: str, values: dict[str, typing.Any]) -> object:
        """Put in something; what was pulled out before is the same again."""
        control.only(
            kind,
            values,
            {
                "systems": {"id", "rack", "profile"},
                "racks": {"id"},
                "devices": {
                    "id",
                    "rack",
                    "enclosure",
                    "type",
                    "gib",
                    "vendor",
                    "model",
                },
            },
        )
        with self._lock:
            if kind == "racks":
                return self._add_rack(values)
            if not self.racks:
                raise ValueError("there is no rack to put it in")
            rack = values.get("rack", self.racks[-1])
            if rack not in self.racks:
                raise ValueError(f"there is no rack {rack!r}")
            if kind == "devices":
                return self.pool.describe(self.pool.add(rack, values))
            return self._add_system(rack, values)

    def _add_rack(self, values: dict[str, typing.Any]) -> object:
        rack = values.get("id", f"Rack{len(self.racks) + 1}")
        if not isinstance(rack, str) or not rack.isalnum():
            raise ValueError("id: give letters and digits")
        if rack in self.racks or rack == inventory.POD:
            raise ValueError(f"{rack} is there already")
        self.racks.append(rack)
        return self.describe()["racks"][-1]

    def _add_system(self, rack: str, values: dict[str, typing.Any]) -> object:
        highest = max(map(int, self._systems), default=0)
        number = str(values.get("id", highest + 1))
        if not number.isdecimal() or not 0 < int(number) < 65536:
            raise ValueError("id: give a number from 1 to 65535")
        if str(int(number)) in self._systems:
            raise ValueError(f"system {int(number)} is there already")
        profile = None
        if "profile" in values:
            name = control.one_of(
                "profile", values["profile"], hardware.PROFILES
            )
            profile = hardware.PROFILES[name]
        return self._system(self._put(int(number), rack, profile))

    def change(
        self, kind: str, thing: str, values: dict[str, typing.Any]
    ) -> object:
        """Change a system, a device or a node's state, at once."""
        control.only(
            kind,
            values,
            {
                "systems": {"health", "power"},
                "nodes": {"state"},
                "devices": {"health", "erase_on_detach"},
            },
        )
        if "health" in values:
            control.one_of("health", values["health"], HEALTH)
        with self._lock:
            if kind == "nodes":
                node = self._nodes[thing]
                if "state" in values:
                    state = values["state"]
                    node.be(control.one_of("state", state, composition.STATES))
                return self._node(node)
            if kind == "devices":
                device = self.pool[thing]
                erase = values.get("erase_on_detach", device.erase_on_detach)
                if not isinstance(erase, bool):
                    raise ValueError("erase_on_detach: give true or false")
                device.erase_on_detach = erase
                device.health = values.get("health", device.health)
                return self.pool.describe(device)
            system = self._systems[thing]
            if "power" in values:
                power = control.one_of("power", values["power"], POWER)
                system.power_state.set(power)
            system.health = values.get("health", system.health)
            return self._system(system)

    def remove(self, kind: str, thing: str) -> None:
        """Pull something out.

        A node whose system it was fails; one that had the device has it no
        more.
        """
        control.only(
            kind, {}, {"systems": set(), "racks": set(), "devices": set()}
        )
        with self._lock:
            if kind == "devices":
                self.pool.pull(thing)
                return
            if kind == "systems":
                pulled = [self._systems[thing]]
            elif thing not in self.racks:
                raise KeyError(thing)
            else:
                self.racks.remove(thing)
                pulled = [one for one in self.systems if one.rack == thing]
                for device in self.pool.of_rack(thing):
                    self.pool.pull(device.id)
            for system in pulled:
                del self._systems[system.id]
                for node in self.nodes:
                    if node.system is system:
                        node.system = None
                        node.be("Failed")

    def _put(
        self,
        number: int,
        rack: str,
        profile: hardware.Profile | None = None,
    ) -> hardware.System:
        held = sum(s.rack == rack for s in self._systems.values())
        drawer = f"{rack}Drawer{held // hardware.SYSTEMS_PER_DRAWER + 1}"
        profiles = self._profiles
        system = hardware.System(
            pod=self.name,
            number=number,
            rack=rack,
            drawer=drawer,
            profile=profile or profiles[(number - 1) % len(profiles)],
            dialect=self.dialect,
            clock=self.clock,
        )
        self._systems[system.id] = system
        return system
