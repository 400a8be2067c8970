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

"""The driver for NEC ExpEther Manager (EEM)."""

import collections.abc
import contextlib
import time
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.expether import cards
from valence.drivers.expether import client as eem_client
from valence.drivers.expether import groups
from valence.drivers.expether.cards import Fabric

_NO_POWER = (
    "ExpEther has no hand on a server's power and boot source; use the "
    "server's own IPMI"
)


Seen = typing.TypeVar("Seen")


class _Nodes(list[base.HardwareNode]):
    """What list_nodes returns, and what it read to know it."""

    fabric: Fabric


class ExpEtherDriver(base.Driver):
    """One ExpEther Manager.

    A node is a server (eesv); a device is a box with one PCIe device (eeio);
    a node has a device when both are in one group. Source: EEM REST API
    v1.0.8.

    There is nowhere to put a tag, so nothing is put on the hardware when a
    node is composed, and a server is a node of ``list_nodes`` when it has a
    device. The server that a node is composed on is named by the caller, and
    so is the one that only one of several callers may have.

    Each method's docstring says what it costs in calls to the hardware.
    """

    requirement_keys = frozenset({"pci_device"})
    composes_on_named_system = True

    def __init__(self, connection: base.Connection) -> None:
        super().__init__(connection)
        self._client = eem_client.Client(connection)
        self._groups = groups.Groups(self._client)

    def close(self) -> None:
        """Cost: none; Basic authentication has no session to log out of."""
        self._client.close()

    def get_info(self) -> base.PodManagerInfo:
        """Cost: 1 ("GET /api_version")."""
        try:
            answer = self._client.get("api_version")
        except exception.HardwareNotFound:
            raise exception.BackendError(
                "There is no ExpEther Manager at this url, which usually "
                "ends in /eem (HTTP 404).",
                http_status=404,
                reason="no api_version",
            ) from None
        version = answer.get("version_number")
        if not isinstance(version, str):
            raise eem_client.malformed(
                "the service at this url gives no version_number; it is no "
                "ExpEther Manager"
            )
        return base.PodManagerInfo(
            name=None,
            version=version,
            uuid=None,
            capabilities=frozenset({"compose", "attach"}),
        )

    # -- inventory -----------------------------------------------------------

    def list_racks(self) -> list[base.Rack]:
        """Cost: none; EEM knows no racks."""
        return []

    def list_nodes(self) -> list[base.HardwareNode]:
        """Servers that have a device. Cost: 1 ("GET /devices/detail").

        The list brings along what was read, so that list_systems and
        list_devices show the same moment and cost nothing when it is given
        to them.
        """
        fabric = self._groups.fabric()
        nodes = _Nodes(
            cards.to_node(server)
            for server in fabric.servers
            if fabric.held_by(server)
        )
        nodes.fabric = fabric
        return nodes

    def list_systems(
        self, nodes: list[base.HardwareNode] | None = None
    ) -> list[base.System]:
        """Cost: 1 ("GET /devices/detail"), or none with list_nodes' list."""
        fabric = self._read_with(nodes)
        return [
            cards.to_system(server, bool(fabric.held_by(server)))
            for server in fabric.servers
        ]

    def list_devices(
        self, nodes: list[base.HardwareNode] | None = None
    ) -> list[base.Device]:
        """Cost: 1 ("GET /devices/detail"), or none with list_nodes' list.

        EEM remembers devices that are gone, with a notification that is
        'down'; those are left out.
        """
        fabric = self._read_with(nodes)
        return [
            cards.to_device(box, fabric.holder(box))
            for box in fabric.boxes
            if not cards.is_down(box)
        ]

    def get_assets(self, index: str) -> dict[str, list[cards.Document]]:
        """Cost: 2, or 1 for a server without a group."""
        server = self._groups.server(index)
        held = self._groups.members(server.group).held_by(server)
        return cards.to_assets(server, held)

    # -- nodes ---------------------------------------------------------------

    def get_node(self, index: str) -> base.HardwareNode:
        """Cost: 1 ("GET /devices/{id}")."""
        return cards.to_node(self._groups.server(index))

    def find_node(self, tag: str) -> base.HardwareNode | None:
        """Cost: none; EEM has no place for a tag, so none is ever found."""
        return None

    def compose_node(
        self,
        tag: str,
        name: str,
        description: str | None,
        requirements: dict[str, dict[str, typing.Any]],
        progress: base.Progress,
        *,
        resume: bool = True,
        system: str | None = None,
    ) -> base.HardwareNode:
        """See that the server is there. Cost: 1; 2 without ``resume``.

        Nothing changes on the hardware: devices come by attach_device, which
        gives the server a group where it has none. Without ``resume`` no
        earlier call can have brought a device, so one that is there is
        somebody else's and the server is refused.
        """
        if requirements:
            raise exception.HardwareNotSupported(
                reason="ExpEther composes by pci_device only, not by "
                f"{', '.join(sorted(requirements))}"
            )
        if system is None:
            raise exception.HardwareBadRequest(
                reason="a server has to be named to compose a node on"
            )
        server = self._groups.server(system)
        if not resume:
            held = self._groups.members(server.group).held_by(server)
            if held:
                raise exception.HardwareConflict(
                    reason=f"server {server.id} is in use; it has "
                    f"{groups.some(held)}"
                )
        progress.step("compose")
        return cards.to_node(server)

    def delete_node(self, index: str, progress: base.Progress) -> None:
        """Take all its devices from the server, which keeps its group.

        Cost: 3 and 1 for each device; 2 where it has none; 1 where it has no
        group or is gone ("DELETE /devices/{id}/group_id").
        """
        try:
            server = self._groups.server(index)
        except exception.HardwareNotFound:
            return
        held = self._groups.members(server.group).held_by(server)
        if not held:
            return
        progress.step("detach devices")
        for box in held:
            self._groups.free(box)
        with groups.acted():
            self._wait(
                f"Server {server.id}",
                "without devices",
                lambda: self._groups.members(server.group).held_by(server),
                lambda held: not held,
                groups.some,
                progress,
            )

    def reset_node(
        self, index: str, reset_type: str, progress: base.Progress
    ) -> base.HardwareNode:
        """Not supported. Cost: none."""
        raise exception.HardwareNotSupported(reason=_NO_POWER)

    def set_boot_source(
        self,
        index: str,
        target: str,
        enabled: str = "Once",
        mode: str | None = None,
    ) -> base.HardwareNode:
        """Not supported. Cost: none."""
        raise exception.HardwareNotSupported(reason=_NO_POWER)

    # -- devices -------------------------------------------------------------

    def attach_device(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device:
        """Put the device into the server's group, and look.

        Cost: 5, or 3 where it is there already; 2 more where the server has
        no group yet ("PUT /devices/{id}/group_id"). How many devices a
        server can hold (``max_eeio_count``) is not known to be watched over
        by EEM, so it is here.
        """
        server = self._groups.server(node_index)
        box = self._groups.box(device_index)
        if box.group == cards.FREE:
            if cards.is_down(box):
                raise exception.HardwareConflict(
                    reason=f"device {box.id} is down"
                )
            server = self._groups.with_group(server, progress)
            self._groups.check_room(server)
            progress.step("attach")
            self._groups.give(box, server)
            with groups.acted():
                box = self._wait(
                    f"Device {box.id}",
                    f"a member of group {server.group}",
                    lambda: self._groups.box(device_index),
                    lambda box: box.group != cards.FREE,
                    lambda box: f"in group {box.group}",
                    progress,
                )
                if box.group == server.group:
                    return cards.to_device(box, server)
        holder = self._groups.holder(box)
        if holder is not None and holder.id == server.id:
            return cards.to_device(box, holder)
        raise exception.HardwareConflict(
            reason=f"device {box.id} belongs to server {holder.id}"
            if holder is not None
            else f"device {box.id} is in group {box.group}, where no server "
            "is known"
        )

    def detach_device(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device | None:
        """Take the device out of its group, and look.

        Cost: 4; 2 where another has it; 1 where it is free or gone
        ("DELETE /devices/{id}/group_id").
        """
        with contextlib.suppress(exception.HardwareNotFound):
            box = self._groups.box(device_index)
            holder = self._groups.holder(box)
            if holder is None or holder.id != node_index:
                return cards.to_device(box, holder)
            progress.step("detach")
            self._groups.free(box)
            taken = box.group
            with groups.acted():
                box = self._wait(
                    f"Device {box.id}",
                    "free",
                    lambda: self._groups.box(device_index),
                    lambda box: box.group != taken,
                    lambda box: f"in group {box.group}",
                    progress,
                )
                return cards.to_device(box, self._groups.holder(box))
        return None

    def _wait(
        self,
        what: str,
        wanted: str,
        look: collections.abc.Callable[[], Seen],
        settled: collections.abc.Callable[[Seen], bool],
        state: collections.abc.Callable[[Seen], str],
        progress: base.Progress,
    ) -> Seen:
        """Look until it has settled."""
        deadline = time.monotonic() + self.connection.state_timeout
        while True:
            seen = look()
            if settled(seen):
                return seen
            if time.monotonic() >= deadline:
                raise exception.HardwareTimeout(
                    what=what,
                    wanted=wanted,
                    seconds=self.connection.state_timeout,
                    state=state(seen),
                )
            progress.pause(self.connection.poll_interval)

    # -- reading -------------------------------------------------------------

    def _read_with(self, nodes: list[base.HardwareNode] | None) -> Fabric:
        return (
            nodes.fabric
            if isinstance(nodes, _Nodes)
            else self._groups.fabric()
        )
