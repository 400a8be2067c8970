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

"""What Placement is to be told: providers and who holds what of them.

Read in a few statements, whatever the number of nodes. See
valence.placement.
"""

import collections
import dataclasses
import typing

import sqlalchemy as sa

from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.objects import resource_provider

PROVIDERS = models.PROVIDERS
INVENTORIES = models.INVENTORIES
ALLOCATIONS = models.ALLOCATIONS
NODES = models.NODES
TRAITS = models.TRAITS


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """A row of resource_providers, with what belongs to it.

    :ivar managed_by: of a node: who drives it
    """

    uuid: str
    name: str
    kind: str
    managed_by: str | None
    inventories: resource_provider.Inventories
    traits: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Consumer:
    """A node, and all that it holds, of whatever provider."""

    project_id: str | None
    user_id: str | None
    holds: accounts.Amounts


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """A pod manager with its nodes, or a pool.

    :ivar consumers: who holds something of the pod manager or pool
    """

    providers: list[Provider]
    consumers: dict[str, Consumer]


def keys() -> list[str]:
    """The groups: the uuid of each pod manager and of each pool."""
    p = PROVIDERS.c
    with engine.reading() as connection:
        return list(
            connection.execute(
                sa.select(p.uuid)
                .where(p.kind != resource_provider.NODE)
                .order_by(p.id)
            ).scalars()
        )


def group(key: str) -> Group:
    """One group as it is now; empty where there is none of this uuid."""
    p, i = PROVIDERS.c, INVENTORIES.c
    with engine.reading() as connection:
        rows = connection.execute(
            sa.select(p.uuid, p.name, p.kind, NODES.c.managed_by)
            .join_from(PROVIDERS, NODES, NODES.c.uuid == p.uuid, isouter=True)
            .where(
                sa.or_(
                    p.uuid == key,
                    sa.and_(
                        p.podm_id == key, p.kind == resource_provider.NODE
                    ),
                )
            )
        ).all()
        uuids = [row.uuid for row in rows]
        inventories: dict[str, resource_provider.Inventories] = {
            uuid: {} for uuid in uuids
        }
        for row in connection.execute(
            sa.select(
                i.provider_id,
                i.resource_class,
                *(i[name] for name in accounts.TOLD),
            ).where(i.provider_id.in_(uuids))
        ).mappings():
            inventories[row["provider_id"]][row["resource_class"]] = {
                name: row[name] for name in accounts.TOLD
            }
        traits: dict[str, set[str]] = {uuid: set() for uuid in uuids}
        for uuid, trait in connection.execute(
            sa.select(TRAITS.c.provider_id, TRAITS.c.trait).where(
                TRAITS.c.provider_id.in_(uuids)
            )
        ):
            traits[uuid].add(trait)
        found = _consumers(
            connection,
            sa.select(ALLOCATIONS.c.consumer_id).where(
                ALLOCATIONS.c.provider_id == key
            ),
        )
    return Group(
        [
            Provider(
                row.uuid,
                row.name,
                row.kind,
                row.managed_by,
                inventories[row.uuid],
                frozenset(traits[row.uuid]),
            )
            for row in rows
        ],
        found,
    )


def consumers(uuids: typing.Collection[str]) -> dict[str, Consumer]:
    """All that these nodes hold; who holds nothing is left out."""
    with engine.reading() as connection:
        return _consumers(connection, list(uuids))


def _consumers(
    connection: sa.Connection, which: typing.Any
) -> dict[str, Consumer]:
    a, n = ALLOCATIONS.c, NODES.c
    found: dict[str, Consumer] = {}
    holds: dict[str, accounts.Amounts] = collections.defaultdict(dict)
    for row in connection.execute(
        sa.select(
            a.consumer_id,
            a.provider_id,
            a.resource_class,
            a.used,
            n.project_id,
            n.user_id,
        )
        .join_from(ALLOCATIONS, NODES, n.uuid == a.consumer_id)
        .where(a.consumer_id.in_(which))
    ):
        mine = holds[row.consumer_id]
        mine.setdefault(row.provider_id, {})[row.resource_class] = row.used
        found[row.consumer_id] = Consumer(row.project_id, row.user_id, mine)
    return found


def strangers(uuids: typing.Iterable[str]) -> set[str]:
    """Of these, those that are no provider here."""
    with engine.reading() as connection:
        known = connection.execute(sa.select(PROVIDERS.c.uuid)).scalars()
        return set(uuids) - set(known)
