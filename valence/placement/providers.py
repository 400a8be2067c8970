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

"""Providers in Placement: their names, marks, traits and inventories.

What was read or written is remembered with the generation that Placement
gives a provider and raises with each change. While a list shows the same
generation, nothing of the provider has to be read again.
"""

import dataclasses
import math
import typing

from oslo_config import cfg
from oslo_log import log

from valence.objects import resource_provider
from valence.placement import client as http
from valence.placement import wanted

CONF = cfg.CONF
LOG = log.getLogger(__name__)

Document = dict[str, typing.Any]


@dataclasses.dataclass(slots=True)
class Seen:
    """A provider as Placement has it."""

    generation: int
    inventories: wanted.Inventories
    traits: set[str]


class InUse(http.Conflict):
    """Somebody holds something of an inventory that would go."""


class Providers:
    def __init__(self, client: http.Client) -> None:
        self._client = client
        self._traits = http.Words(client, "traits")
        self._classes = http.Words(client, "resource_classes")
        self._seen: dict[str, Seen] = {}
        self._left: set[str] = set()

    def listed(self, key: str | None = None) -> dict[str, Document]:
        """The providers in Placement that bear our mark, by uuid.

        :param key: only those of this group: they are in an aggregate of
            its uuid
        """
        mark = CONF.placement.managed_trait
        self._traits.known([mark])
        path = f"/resource_providers?required={mark}"
        if key is not None:
            path += f"&member_of={key}"
        found = self._client.ask("GET", path).body["resource_providers"]
        return {one["uuid"]: one for one in found}

    def classes(self, names: typing.Iterable[str]) -> set[str]:
        """Those of these resource classes that can be used."""
        return self._classes.known(names)

    def forget_words(self) -> None:
        self._classes.forget()
        self._traits.forget()

    def provide(
        self, key: str, want: wanted.Provider, document: Document | None
    ) -> None:
        """Make a provider what it is to be; but no class goes yet.

        :param key: of its group
        :param document: as :meth:`listed` found it; None: it did not
        """
        if document is None:
            document = self._make(key, want)
            if document is None:
                return
        self._name(want, document)
        seen = self._look(want.uuid, document["generation"])
        # The traits first: there is no moment in which Nova sees the
        # inventory and may use it.
        self._set_traits(want, seen)
        self._set_inventories(want, seen, seen.inventories)

    def drop_classes(self, want: wanted.Provider) -> None:
        """Remove inventories that nobody holds any more."""
        seen = self._seen.get(want.uuid)
        if seen is None:
            return
        try:
            self._set_inventories(want, seen, {})
        except InUse as e:
            if want.kind != resource_provider.NODE:
                raise
            self.let_go(want.uuid, str(e))

    def allocated(self, uuids: typing.Iterable[str]) -> None:
        """Note that allocations of these were written, once."""
        for uuid in uuids:
            if uuid in self._seen:
                self._seen[uuid].generation += 1

    def delete(self, uuid: str) -> None:
        """
        :raises: Conflict where somebody holds something of it again
        """
        answer = self._client.ask(
            "DELETE", f"/resource_providers/{uuid}", expect=(404, 409)
        )
        if answer.code == http.IS_PARENT:
            self.let_go(uuid, "others were put below it")
            return
        if answer.status == 409:
            raise http.Conflict(answer.detail)
        self._seen.pop(uuid, None)
        if answer.status < 400:
            LOG.info("Provider %s is deleted in Placement.", uuid)

    def let_go(self, uuid: str, why: str) -> None:
        """Take our marks off, and leave the rest to whoever uses it."""
        path = f"/resource_providers/{uuid}/traits"
        found = self._client.ask("GET", path, expect=(404,))
        if found.status == 404:
            return
        self._change(
            path,
            {
                "traits": sorted(set(found.body["traits"]) - wanted.marks()),
                "resource_provider_generation": found.body[
                    "resource_provider_generation"
                ],
            },
        )
        self._seen.pop(uuid, None)
        LOG.warning("Provider %s is left in Placement: %s.", uuid, why)

    # -- inside --

    def _make(self, key: str, want: wanted.Provider) -> Document | None:
        """
        :returns: None where it is another's
        """
        path = f"/resource_providers/{want.uuid}"
        for name in want.names:
            made = self._client.ask(
                "POST",
                "/resource_providers",
                {"uuid": want.uuid, "name": name},
                expect=(409,),
            )
            if made.status < 400:
                generation = self._put_aggregates(
                    want.uuid, made.body["generation"], [key]
                )
                self._seen[want.uuid] = Seen(generation, {}, set())
                return made.body | {"generation": generation}
            if made.code != http.NAME_IS_TAKEN:
                raise http.Conflict(made.detail)
            found = self._client.ask("GET", path, expect=(404,))
            if found.status < 400:
                self._adopt(key, want, found.body["generation"])
                return None
            # It is the name that is taken.
        raise http.Refused(f"the names {' and '.join(want.names)} are taken")

    def _adopt(self, key: str, want: wanted.Provider, generation: int) -> None:
        """Make a provider ours that has our uuid and lacks our marks.

        :raises: Conflict: it is listed now, and is to be looked at again
        """
        # What we thought of it is wrong: it was not listed.
        self._seen.pop(want.uuid, None)
        seen = self._look(want.uuid, generation)
        if want.kind == resource_provider.NODE and self._is_used(want, seen):
            del self._seen[want.uuid]
            return
        self._left.discard(want.uuid)
        path = f"/resource_providers/{want.uuid}/aggregates"
        aggregates = self._get(path)["aggregates"]
        if key not in aggregates:
            seen.generation = self._put_aggregates(
                want.uuid, generation, [*aggregates, key]
            )
        marked = wanted.marks() | frozenset(seen.traits)
        self._set_traits(dataclasses.replace(want, traits=marked), seen)
        raise http.Conflict(f"provider {want.uuid} lacked our marks")

    def _is_used(self, want: wanted.Provider, seen: Seen) -> bool:
        """Whether Nova, or who else, has made a node's provider its own.

        Nova's provider of a node of Ironic has the node's uuid. It appears
        where a node was enrolled behind our back.
        """
        foreign = set(seen.inventories) - set(want.inventories)
        path = f"/resource_providers/{want.uuid}/allocations"
        if not foreign and not self._get(path)["allocations"]:
            return False
        if want.uuid not in self._left:
            self._left.add(want.uuid)
            LOG.warning(
                "Provider %s, %s, is another's in Placement and is left "
                "alone.",
                want.uuid,
                want.names[0],
            )
        return True

    def _put_aggregates(
        self, uuid: str, generation: int, aggregates: list[str]
    ) -> int:
        """Put a provider into aggregates: one is that of its group.

        :returns: its generation
        """
        changed = self._change(
            f"/resource_providers/{uuid}/aggregates",
            {
                "aggregates": aggregates,
                "resource_provider_generation": generation,
            },
        )
        return int(changed["resource_provider_generation"])

    def _name(self, want: wanted.Provider, document: Document) -> None:
        """See that it has its name, and no parent."""
        if (
            document["name"] in want.names
            and not document["parent_provider_uuid"]
        ):
            return
        for name in want.names:
            answer = self._client.ask(
                "PUT",
                f"/resource_providers/{want.uuid}",
                {"name": name, "parent_provider_uuid": None},
                expect=(404, 409),
            )
            if answer.status < 400:
                return
            if answer.code != http.NAME_IS_TAKEN:
                raise http.Conflict(answer.detail)
        raise http.Refused(f"the names {' and '.join(want.names)} are taken")

    def _look(self, uuid: str, generation: int) -> Seen:
        """The provider as it was at a generation.

        :raises: Conflict where it is another by now
        """
        seen = self._seen.get(uuid)
        if seen is not None and seen.generation == generation:
            return seen
        path = f"/resource_providers/{uuid}"
        inventories = self._get(f"{path}/inventories")
        traits = self._get(f"{path}/traits")
        for found in (inventories, traits):
            if found["resource_provider_generation"] != generation:
                raise http.Conflict(f"provider {uuid} has changed")
        self._seen[uuid] = Seen(
            generation, inventories["inventories"], set(traits["traits"])
        )
        return self._seen[uuid]

    def _set_traits(self, want: wanted.Provider, seen: Seen) -> None:
        traits = self._traits.known(want.traits)
        if traits == seen.traits:
            return
        found = self._change(
            f"/resource_providers/{want.uuid}/traits",
            {
                "traits": sorted(traits),
                "resource_provider_generation": seen.generation,
            },
        )
        seen.traits = traits
        seen.generation = found["resource_provider_generation"]

    def _set_inventories(
        self,
        want: wanted.Provider,
        seen: Seen,
        besides: wanted.Inventories,
    ) -> None:
        """
        :param besides: what stays for the present, though it is not wanted
        """
        known = self._classes.known(want.inventories)
        inventories = besides | {
            name: told
            for name, told in want.inventories.items()
            if name in known
        }
        if _same(inventories, seen.inventories):
            return
        found = self._change(
            f"/resource_providers/{want.uuid}/inventories",
            {
                "inventories": inventories,
                "resource_provider_generation": seen.generation,
            },
        )
        seen.inventories = inventories
        seen.generation = found["resource_provider_generation"]

    def _get(self, path: str) -> typing.Any:
        answer = self._client.ask("GET", path, expect=(404,))
        if answer.status >= 400:
            raise http.Conflict(answer.detail)
        return answer.body

    def _change(self, path: str, body: typing.Any) -> typing.Any:
        answer = self._client.ask("PUT", path, body, expect=(404, 409))
        if answer.status >= 400:
            kind = (
                InUse
                if answer.code == http.INVENTORY_IN_USE
                else http.Conflict
            )
            raise kind(answer.detail)
        return answer.body


def _same(one: wanted.Inventories, other: wanted.Inventories) -> bool:
    """Whether they are equal; a ratio may have lost digits in a FLOAT."""
    ratio = "allocation_ratio"
    return one.keys() == other.keys() and all(
        math.isclose(told[ratio], other[name][ratio], rel_tol=1e-5)
        and told | {ratio: 0} == other[name] | {ratio: 0}
        for name, told in one.items()
    )
