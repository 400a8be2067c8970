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

"""Groups of an ExpEther Manager: who is in which, and putting them there."""

import collections.abc
import contextlib
import dataclasses
import re
import threading

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


class Groups:
    """The groups of one EEM, as it says they are each time that it is asked.

    Fit for several threads.
    """

    def __init__(self, client: eem_client.Client) -> None:
        self._client = client
        #: Held while a server is given a group, lest it be given two.
        self._grouping = threading.Lock()

    # -- reading -------------------------------------------------------------

    def fabric(self, **query: str) -> Fabric:
        """("GET /devices/detail[?status=][&group_id=]".)"""
        answer = self._client.get("devices/detail", **query)
        devices = answer.get("devices")
        if not isinstance(devices, list):
            raise eem_client.malformed("a list of devices is expected")
        found = (cards.read(device) for device in devices)
        return Fabric(card for card in found if card is not None)

    def members(self, group: str | None) -> Fabric:
        """Who is in a group; nobody, where it is none to be in."""
        if group is None or group in (cards.FREE, cards.NO_GROUP):
            return Fabric(())
        fabric = self.fabric(group_id=group)
        return Fabric(
            card
            for card in (*fabric.servers, *fabric.boxes)
            if card.group == group  # also where EEM does not filter
        )

    def holder(self, box: Card) -> Card | None:
        """The server that has the box."""
        return self.members(box.group).holder(box)

    def server(self, index: str) -> Card:
        """The server with this id."""
        card = self.card("server", index)
        if not card.is_server:
            raise exception.HardwareNotFound(
                f"'{index}' is not a server of the ExpEther Manager but an "
                f"I/O device ({card.status}).",
                noun="server",
                ident=index,
            )
        return card

    def box(self, index: str) -> Card:
        """The box with this id."""
        card = self.card("device", index)
        if not card.is_box:
            raise exception.HardwareNotFound(
                f"'{index}' is not an I/O device of the ExpEther Manager but "
                f"a server ({card.status}).",
                noun="device",
                ident=index,
            )
        return card

    def card(self, noun: str, index: str) -> Card:
        """("GET /devices/{id}".)"""
        if not _ID.fullmatch(index):
            raise exception.HardwareNotFound(noun=noun, ident=index)
        with _naming(noun, index):
            answer = self._client.get(f"devices/{index}")
        card = cards.read(answer.get("device"))
        if card is None:
            raise eem_client.malformed(f"{noun} {index} is expected")
        return card

    # -- changing ------------------------------------------------------------

    def with_group(self, server: Card, progress: base.Progress) -> Card:
        """The server with a group; EEM chooses one where it has none.

        The answer names the group, and it is believed, for the board of a
        running server may not show it until the server has been restarted.
        """
        if server.in_group:
            return server
        with self._grouping:
            server = self.server(server.id)
            if server.in_group:
                return server
            progress.step("assign group")
            progress.warn(
                "The server was in no group and is given one. It may have "
                "to be restarted before it sees its devices."
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
                with acted():
                    group = self.server(server.id).group
            server = dataclasses.replace(server, group=group)
            if not server.in_group:
                raise eem_client.malformed(
                    f"it accepted to give server {server.id} a group, and "
                    "there is none"
                )
            return server

    def check_room(self, server: Card) -> None:
        """Refuse where the server's group cannot take one more device."""
        fabric = self.members(server.group)
        others = [one for one in fabric.servers if one.id != server.id]
        if others:
            # Which of them the device would go to, nobody can say.
            raise exception.HardwareConflict(
                reason=f"server {server.id} shares group {server.group} with "
                f"{some(others)}; each server needs a group of its own"
            )
        count = len(fabric.boxes)
        if server.max_boxes is not None and count >= server.max_boxes:
            raise exception.HardwareConflict(
                reason=f"server {server.id} has {count} devices and can have "
                f"no more than {server.max_boxes}"
            )

    def give(self, box: Card, server: Card) -> None:
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

    def free(self, box: Card) -> None:
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
            with acted():
                if self.card(noun, card.id).group != card.group:
                    return {}
            if not (again and eem_client.is_stale(error)):
                raise
        return self._change(noun, card, change, again=False)


def some(found: collections.abc.Collection[Card]) -> str:
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
def acted() -> collections.abc.Iterator[None]:
    """After a change was asked for, losing touch may mean that it was done."""
    try:
        yield
    except exception.Unreachable as error:
        if error.maybe_done:
            raise
        raise exception.Unreachable(
            error.detail, maybe_done=True, **error.values
        ) from None
