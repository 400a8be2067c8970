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
import dataclasses
import re
import threading
import time
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.expether import cards
from valence.drivers.expether import client as eem_client
from valence.drivers.expether.cards import Card
from valence.drivers.expether.cards import Fabric

#: What an id may look like: '0x' and the MAC address. Nothing else goes into
#: a path, least of all '..'.
_ID = re.compile(r"[0-9A-Za-z_:-]{1,64}")
#: How EEM may refuse; what it then did is read from the device itself.
_REFUSALS = (
    exception.HardwareBadRequest,
    exception.HardwareConflict,
    exception.BackendError,
)
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
        #: Held while a server is given a group, lest it be given two.
        self._grouping = threading.Lock()

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
        fabric = self._fabric()
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
        server = self._server(index)
        held = self._group(server.group).held_by(server)
        return cards.to_assets(server, held)

    # -- nodes ---------------------------------------------------------------

    def get_node(self, index: str) -> base.HardwareNode:
        """Cost: 1 ("GET /devices/{id}")."""
        return cards.to_node(self._server(index))

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
        server = self._server(system)
        if not resume:
            held = self._group(server.group).held_by(server)
            if held:
                raise exception.HardwareConflict(
                    reason=f"server {server.id} is in use; it has "
                    f"{_some(held)}"
                )
        progress.step("compose")
        return cards.to_node(server)

    def delete_node(self, index: str, progress: base.Progress) -> None:
        """Take all its devices from the server, which keeps its group.

        Cost: 3 and 1 for each device; 2 where it has none; 1 where it has no
        group or is gone ("DELETE /devices/{id}/group_id").
        """
        try:
            server = self._server(index)
        except exception.HardwareNotFound:
            return
        held = self._group(server.group).held_by(server)
        if not held:
            return
        progress.step("detach devices")
        for box in held:
            self._free(box)
        with _acted():
            self._wait(
                f"Server {server.id}",
                "without devices",
                lambda: self._group(server.group).held_by(server),
                lambda held: not held,
                _some,
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
        server = self._server(node_index)
        box = self._box(device_index)
        if box.group == cards.FREE:
            if cards.is_down(box):
                raise exception.HardwareConflict(
                    reason=f"device {box.id} is down"
                )
            server = self._with_group(server, progress)
            self._check_room(server)
            progress.step("attach")
            self._give(box, server)
            with _acted():
                box = self._wait(
                    f"Device {box.id}",
                    f"a member of group {server.group}",
                    lambda: self._box(device_index),
                    lambda box: box.group != cards.FREE,
                    lambda box: f"in group {box.group}",
                    progress,
                )
                if box.group == server.group:
                    return cards.to_device(box, server)
        holder = self._holder(box)
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
            box = self._box(device_index)
            holder = self._holder(box)
            if holder is None or holder.id != node_index:
                return cards.to_device(box, holder)
            progress.step("detach")
            self._free(box)
            taken = box.group
            with _acted():
                box = self._wait(
                    f"Device {box.id}",
                    "free",
                    lambda: self._box(device_index),
                    lambda box: box.group != taken,
                    lambda box: f"in group {box.group}",
                    progress,
                )
                return cards.to_device(box, self._holder(box))
        return None

    def _with_group(self, server: Card, progress: base.Progress) -> Card:
        """The server with a group; EEM chooses one where it has none.

        The answer names the group, and it is believed, for the board of a
        running server may not show it until the server has been restarted.
        """
        if server.in_group:
            return server
        with self._grouping:
            server = self._server(server.id)
            if server.in_group:
                return server
            progress.step("assign group")
            progress.warn(
                f"Server {server.id} was in no group and is given one. It "
                "may have to be restarted before it sees its devices."
            )
            answer: cards.Document = self._change(
                "server",
                server,
                lambda: self._client.put(
                    f"devices/{server.id}/group_id", {"group_id": None}
                ),
            )
            given = cards.read({"id": server.id, **answer})
            group = given.group if given is not None else None
            if group is None:
                with _acted():
                    group = self._server(server.id).group
            server = dataclasses.replace(server, group=group)
            if not server.in_group:
                raise eem_client.malformed(
                    f"it accepted to give server {server.id} a group, and "
                    "there is none"
                )
            return server

    def _check_room(self, server: Card) -> None:
        fabric = self._group(server.group)
        others = [one for one in fabric.servers if one.id != server.id]
        if others:
            # Which of them the device would go to, nobody can say.
            raise exception.HardwareConflict(
                reason=f"server {server.id} shares group {server.group} with "
                f"{_some(others)}; each server needs a group of its own"
            )
        count = len(fabric.boxes)
        if server.max_boxes is not None and count >= server.max_boxes:
            raise exception.HardwareConflict(
                reason=f"server {server.id} has {count} devices and can have "
                f"no more than {server.max_boxes}"
            )

    def _give(self, box: Card, server: Card) -> None:
        """Put a free box into the server's group.

        Returns also when somebody else has taken it meanwhile, so that the
        caller sees from its group who has it.
        """
        self._change(
            "device",
            box,
            lambda: self._client.put(
                f"devices/{box.id}/group_id", {"group_id": server.group}
            ),
        )

    def _free(self, box: Card) -> None:
        """Take a box out of the group that it was seen in.

        EEM is told when the box was last changed as far as we know, so that
        it refuses where somebody has moved it since. The second try, after a
        look has shown it where it was, does without: a box may also change
        in what is of no matter here.
        """
        seen = iter(
            [{"update_time": box.update_time}] if box.update_time else []
        )
        with contextlib.suppress(exception.HardwareNotFound):
            self._change(
                "device",
                box,
                lambda: self._client.delete(
                    f"devices/{box.id}/group_id", **next(seen, {})
                ),
            )

    def _change(
        self,
        noun: str,
        card: Card,
        change: collections.abc.Callable[[], cards.Document],
        *,
        again: bool = True,
    ) -> cards.Document:
        """Change the group of a card; what EEM answers, if anything.

        A refusal counts only if the group is what it was; one for a stale
        view (50003) is met by this look, and by asking once more.
        """
        try:
            with _naming(noun, card.id):
                return change()
        except _REFUSALS as error:
            with _acted():
                if self._card(noun, card.id).group != card.group:
                    return {}
            if not (again and eem_client.is_stale(error)):
                raise
        return self._change(noun, card, change, again=False)

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
        return nodes.fabric if isinstance(nodes, _Nodes) else self._fabric()

    def _fabric(self, **query: str) -> Fabric:
        """("GET /devices/detail[?status=][&group_id=]".)"""
        answer = self._client.get("devices/detail", **query)
        devices = answer.get("devices")
        if not isinstance(devices, list):
            raise eem_client.malformed("a list of devices is expected")
        found = (cards.read(device) for device in devices)
        return Fabric(card for card in found if card is not None)

    def _group(self, group: str | None) -> Fabric:
        """Who is in a group; nobody, where it is none to be in."""
        if group is None or group in (cards.FREE, cards.NO_GROUP):
            return Fabric(())
        fabric = self._fabric(group_id=group)
        return Fabric(
            card
            for card in (*fabric.servers, *fabric.boxes)
            if card.group == group  # also where EEM does not filter
        )

    def _holder(self, box: Card) -> Card | None:
        """The server that has the box."""
        return self._group(box.group).holder(box)

    def _server(self, index: str) -> Card:
        card = self._card("server", index)
        if not card.is_server:
            raise exception.HardwareNotFound(
                f"'{index}' is not a server of the ExpEther Manager but an "
                f"I/O device ({card.status}).",
                noun="server",
                ident=index,
            )
        return card

    def _box(self, index: str) -> Card:
        card = self._card("device", index)
        if not card.is_box:
            raise exception.HardwareNotFound(
                f"'{index}' is not an I/O device of the ExpEther Manager but "
                f"a server ({card.status}).",
                noun="device",
                ident=index,
            )
        return card

    def _card(self, noun: str, index: str) -> Card:
        """("GET /devices/{id}".)"""
        if not _ID.fullmatch(index):
            raise exception.HardwareNotFound(noun=noun, ident=index)
        with _naming(noun, index):
            answer = self._client.get(f"devices/{index}")
        card = cards.read(answer.get("device"))
        if card is None:
            raise eem_client.malformed(f"{noun} {index} is expected")
        return card


def _some(found: collections.abc.Collection[Card]) -> str:
    """Their ids; those of a few, where there are many."""
    ids = sorted(card.id for card in found)
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return ", ".join(ids[:5]) + more


@contextlib.contextmanager
def _naming(noun: str, ident: str) -> collections.abc.Iterator[None]:
    """What is not found is this."""
    try:
        yield
    except exception.HardwareNotFound:
        raise exception.HardwareNotFound(noun=noun, ident=ident) from None


@contextlib.contextmanager
def _acted() -> collections.abc.Iterator[None]:
    """After a change was asked for, losing touch may mean that it was done."""
    try:
        yield
    except exception.Unreachable as error:
        if error.maybe_done:
            raise
        raise exception.Unreachable(
            error.detail, maybe_done=True, **error.values
        ) from None
