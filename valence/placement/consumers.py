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

"""Allocations in Placement: who holds what.

Placement writes all that a consumer holds at once, and gives each consumer a
generation. What was read or written is remembered with it.
"""

import dataclasses
import typing

from oslo_log import log

from valence.db import ledger
from valence.placement import client as http
from valence.placement import wanted
from valence.placement.providers import Providers

LOG = log.getLogger(__name__)

#: Consumers that one request writes.
AT_ONCE = 100
#: Placement is told no type of consumer, and leaves it as it is.
WITHOUT_TYPES = "1.28"


class Holder(typing.NamedTuple):
    """What a consumer holds of one provider."""

    generation: int
    resources: dict[str, int]


class Known(typing.NamedTuple):
    """A consumer as Placement has it; generation None: there is none."""

    generation: int | None
    claim: wanted.Claim


Changes = dict[str, tuple[Known, wanted.Claim]]


class Consumers:
    def __init__(self, client: http.Client, providers: Providers) -> None:
        self._client = client
        self._providers = providers
        self._known: dict[str, Known] = {}

    def holders(self, provider: str) -> dict[str, Holder]:
        """Who holds something of a provider."""
        found = self._client.ask(
            "GET",
            f"/resource_providers/{provider}/allocations",
            expect=(404,),
        )
        if found.status == 404:
            return {}
        return {
            uuid: Holder(one["consumer_generation"], one["resources"])
            for uuid, one in found.body["allocations"].items()
        }

    def read(self, uuid: str) -> Known:
        found = self._client.ask("GET", f"/allocations/{uuid}").body
        if not found["allocations"]:
            self._known.pop(uuid, None)
            return Known(None, wanted.NOTHING)
        known = Known(
            found["consumer_generation"],
            wanted.Claim(
                found["project_id"],
                found["user_id"],
                found["consumer_type"],
                {
                    provider: dict(one["resources"])
                    for provider, one in found["allocations"].items()
                },
            ),
        )
        self._known[uuid] = known
        return known

    def settle(
        self,
        key: str,
        holders: dict[str, Holder],
        ours: dict[str, ledger.Consumer],
    ) -> None:
        """Have the consumers of one provider hold what the rows say.

        :param key: uuid of the provider
        :param holders: of it, as read before the rows were
        :param ours: who holds something of it, by our books
        :raises: Conflict
        """
        claims = {uuid: self._claim(one) for uuid, one in ours.items()}
        for uuid in self.vacate(key, holders.keys() - claims.keys(), holders):
            self._trim(key, uuid)
        changes: Changes = {}
        for uuid, claim in claims.items():
            now = self._now(key, uuid, holders.get(uuid))
            if now.claim != claim and (now.claim.holds or claim.holds):
                changes[uuid] = (now, claim)
        self._write(changes)

    def vacate(
        self,
        key: str,
        stale: typing.Collection[str],
        holders: dict[str, Holder],
    ) -> list[str]:
        """Have nodes of ours hold what the rows say, and nothing of ``key``.

        :param stale: who holds something of it, and not by our books
        :returns: those of them that are none of our nodes
        :raises: Conflict
        """
        if not stale:
            return []
        elsewhere = ledger.consumers(stale)
        changes: Changes = {}
        others = []
        for uuid in stale:
            now = self._now(key, uuid, holders[uuid])
            if now.claim.consumer_type != wanted.CONSUMER_TYPE:
                others.append(uuid)
                continue
            claim = dataclasses.replace(now.claim, holds={})
            if uuid in elsewhere:
                claim = self._claim(elsewhere[uuid])
            changes[uuid] = (now, claim)
        self._write(changes)
        return others

    def _claim(self, consumer: ledger.Consumer) -> wanted.Claim:
        names = {name for one in consumer.holds.values() for name in one}
        return wanted.claim(consumer, self._providers.classes(names))

    def _now(self, key: str, uuid: str, holder: Holder | None) -> Known:
        """A consumer as it was before the rows were read."""
        known = self._known.get(uuid)
        if holder is None:
            # What it holds elsewhere is known, or the attempt to write it
            # tells that it is not.
            if known is None or key in known.claim.holds:
                return Known(None, wanted.NOTHING)
            return known
        if (
            known is None
            or known.generation != holder.generation
            or known.claim.holds.get(key) != holder.resources
        ):
            known = self.read(uuid)
        if known.generation != holder.generation:
            raise http.Conflict(f"consumer {uuid} has changed")
        return known

    def _trim(self, key: str, uuid: str) -> None:
        now = self._known[uuid]
        LOG.warning(
            "Consumer %s, which is not Valence's, held %s of provider %s in "
            "Placement; taking it back.",
            uuid,
            now.claim.holds[key],
            key,
        )
        body = _body(now, now.claim)
        del body["allocations"][key], body["consumer_type"]
        answer = self._client.ask(
            "PUT",
            f"/allocations/{uuid}",
            body,
            expect=(409,),
            microversion=WITHOUT_TYPES,
        )
        self._known.pop(uuid, None)
        if answer.status == 409:
            raise http.Conflict(answer.detail)
        self._providers.allocated(body["allocations"] or now.claim.holds)

    def _write(self, changes: Changes) -> None:
        """Have consumers hold something else, together where that is taken.

        Together, so that two can swap what they have. Those that hold less
        than before come first.
        """
        order = sorted(changes, key=lambda uuid: _grows(*changes[uuid]))
        for start in range(0, len(order), AT_ONCE):
            part = order[start : start + AT_ONCE]
            bodies = {uuid: _body(*changes[uuid]) for uuid in part}
            answer = self._client.ask(
                "POST", "/allocations", bodies, expect=(400, 409)
            )
            if answer.status < 400:
                touched = set()
                for uuid in part:
                    touched |= self._written(uuid, *changes[uuid])
                self._providers.allocated(touched)
            else:
                self._write_each({uuid: changes[uuid] for uuid in part})

    def _write_each(self, changes: Changes) -> None:
        """One by one, so that one which is refused keeps no other back.

        :raises: Conflict that names those that were
        """
        reasons: dict[str, str] = {}
        for uuid, (now, claim) in changes.items():
            answer = self._put(uuid, now, claim)
            if answer.status >= 400:
                reasons[uuid] = answer.detail
                self._known.pop(uuid, None)
            else:
                touched = self._written(uuid, now, claim)
                self._providers.allocated(touched)
        if reasons:
            wants = [changes[uuid][1] for uuid in reasons]
            raise http.Conflict(
                "; ".join(f"{uuid}: {why}" for uuid, why in reasons.items()),
                consumers=reasons.keys(),
                providers={one for want in wants for one in want.holds},
            )

    def _put(self, uuid: str, now: Known, claim: wanted.Claim) -> http.Answer:
        def put(known: Known) -> http.Answer:
            return self._client.ask(
                "PUT",
                f"/allocations/{uuid}",
                _body(known, claim),
                expect=(400, 409),
            )

        answer = put(now)
        if answer.code == http.CONCURRENT_UPDATE and now.generation is None:
            # Where Placement died while it made a consumer, that one stays,
            # holds nothing, and is shown by no request.
            return put(now._replace(generation=0))
        return answer

    def _written(self, uuid: str, now: Known, claim: wanted.Claim) -> set[str]:
        """Note what was; returns the providers that it concerned."""
        if claim.holds:
            before = now.generation or 0
            self._known[uuid] = Known(before + 1, claim)
            return set(claim.holds)
        self._known.pop(uuid, None)
        return set(now.claim.holds)


def _body(now: Known, claim: wanted.Claim) -> dict[str, typing.Any]:
    return {
        "allocations": {
            provider: {"resources": amounts}
            for provider, amounts in claim.holds.items()
        },
        "project_id": claim.project_id,
        "user_id": claim.user_id,
        "consumer_type": claim.consumer_type,
        "consumer_generation": now.generation,
    }


def _grows(now: Known, claim: wanted.Claim) -> bool:
    return _sum(claim) > _sum(now.claim)


def _sum(claim: wanted.Claim) -> int:
    return sum(sum(amounts.values()) for amounts in claim.holds.values())
