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

"""What the API does with resource providers: a part of the store."""

import typing

import sqlalchemy as sa

from valence import exception
from valence import objects
from valence.context import RequestContext
from valence.db import accounts
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import resource_provider

PROVIDERS = models.PROVIDERS
INVENTORIES = models.INVENTORIES
TRAITS = models.TRAITS


class Providers:
    """The part of the store that is about providers."""

    def inventories(
        self, context: RequestContext, provider: objects.ResourceProvider
    ) -> resource_provider.Inventories:
        i = INVENTORIES.c
        with engine.reading() as connection:
            rows = connection.execute(
                sa.select(
                    i.resource_class,
                    *(i[name] for name in accounts.TOLD),
                    i.used,
                    i.free,
                )
                .where(i.provider_id == provider.uuid)
                .order_by(i.resource_class)
            ).mappings()
            return {
                row["resource_class"]: {
                    name: row[name]
                    for name in (*accounts.TOLD, "used", "free")
                }
                for row in rows
            }

    @api.retried
    def set_inventories(
        self,
        context: RequestContext,
        provider: objects.ResourceProvider,
        inventories: resource_provider.Inventories,
        generation: int,
    ) -> None:
        i = INVENTORIES.c
        mine = i.provider_id == provider.uuid
        with engine.writing() as connection:
            # Locked, so that what is held of them stands still.
            known = {
                row.resource_class: row.used
                for row in connection.execute(
                    sa.select(i.resource_class, i.used)
                    .where(mine)
                    .order_by(i.resource_class)
                    .with_for_update()
                )
            }
            self._next_generation(connection, provider, generation)
            gone = set(known) - set(inventories)
            for name in sorted(gone):
                if known[name]:
                    raise exception.InUse(
                        noun="inventory", ident=name, users="nodes"
                    )
            self._check_classes(connection, inventories)
            if gone:
                connection.execute(
                    sa.delete(INVENTORIES).where(
                        mine, i.resource_class.in_(gone)
                    )
                )
            for name, told in sorted(inventories.items()):
                free = accounts.capacity(told) - known.get(name, 0)
                values = {key: told[key] for key in accounts.TOLD}
                if name in known:
                    connection.execute(
                        sa.update(INVENTORIES)
                        .where(mine, i.resource_class == name)
                        .values(**values, free=free, updated_at=api.now())
                    )
                else:
                    connection.execute(
                        sa.insert(INVENTORIES).values(
                            accounts.new_row(
                                provider_id=provider.uuid,
                                resource_class=name,
                                used=0,
                                free=free,
                                **values,
                            )
                        )
                    )

    @staticmethod
    def _check_classes(
        connection: sa.Connection, names: typing.Collection[str]
    ) -> None:
        classes = models.RESOURCE_CLASSES
        # Held until the commit, so that none is deleted meanwhile.
        known = set(
            connection.execute(
                sa.select(classes.c.name)
                .where(classes.c.name.in_(names))
                .with_for_update(read=True)
            ).scalars()
        )
        for name in sorted(set(names) - known):
            raise exception.InvalidField(
                field=f"inventories.{name}",
                reason="there is no such resource class.",
            )

    @staticmethod
    def _next_generation(
        connection: sa.Connection,
        provider: objects.ResourceProvider,
        generation: int,
    ) -> None:
        done = connection.execute(
            sa.update(PROVIDERS)
            .where(
                PROVIDERS.c.uuid == provider.uuid,
                PROVIDERS.c.generation == generation,
            )
            .values(generation=generation + 1, updated_at=api.now())
        )
        if not done.rowcount:
            raise exception.Changed(noun=provider.NOUN, ident=provider.label)

    def traits(
        self, context: RequestContext, provider: objects.ResourceProvider
    ) -> list[str]:
        with engine.reading() as connection:
            return list(
                connection.execute(
                    sa.select(TRAITS.c.trait)
                    .where(TRAITS.c.provider_id == provider.uuid)
                    .order_by(TRAITS.c.trait)
                ).scalars()
            )

    @api.retried
    def set_traits(
        self,
        context: RequestContext,
        provider: objects.ResourceProvider,
        traits: list[str],
        generation: int,
    ) -> None:
        with engine.writing() as connection:
            self._next_generation(connection, provider, generation)
            connection.execute(
                sa.delete(TRAITS).where(TRAITS.c.provider_id == provider.uuid)
            )
            if traits:
                connection.execute(
                    sa.insert(TRAITS),
                    [
                        {"provider_id": provider.uuid, "trait": trait}
                        for trait in sorted(set(traits))
                    ],
                )

    @api.retried
    def set_allocations(
        self,
        context: RequestContext,
        consumer_id: str,
        wanted: accounts.Amounts,
    ) -> None:
        nodes, p = models.NODES, PROVIDERS.c
        with engine.writing() as connection:
            # Nobody else changes what it holds, or releases it, meanwhile.
            node = connection.execute(
                sa.select(nodes.c.podm_id)
                .where(nodes.c.uuid == consumer_id)
                .with_for_update()
            ).first()
            if node is None:
                raise exception.NotFound(noun="node", ident=consumer_id)
            holding = accounts.held(connection, consumer_id)
            asked = {*wanted, *(provider for provider, _ in holding)}
            kinds = {
                row.uuid: row
                for row in connection.execute(
                    sa.select(p.uuid, p.name, p.kind, p.podm_id).where(
                        p.uuid.in_(asked)
                    )
                )
            }
            for provider in wanted:
                self._check_pool(kinds.get(provider), provider, node.podm_id)
            before: accounts.Amounts = {}
            for (provider, name), used in holding.items():
                if kinds[provider].kind == resource_provider.POOL:
                    before.setdefault(provider, {})[name] = used
            accounts.give(connection, consumer_id, before)
            lacking = accounts.take(connection, consumer_id, wanted)
            if lacking is not None:
                connection.rollback()
                provider, name = lacking
                raise exception.NotEnough(
                    resource_class=name,
                    provider=kinds[provider].name,
                    needed=wanted[provider][name],
                )

    @staticmethod
    def _check_pool(
        row: typing.Any, provider: str, podm_id: str | None
    ) -> None:
        where = f"allocations.{provider}"
        if row is None:
            raise exception.NotFound(
                f"{where}: no resource provider '{provider}'."
            )
        if row.kind != resource_provider.POOL:
            raise exception.Conflict(
                f"{where}: '{row.name}' is no pool; what a node holds of its "
                "pod manager changes by attach and detach."
            )
        if row.podm_id not in (None, podm_id):
            raise exception.Conflict(
                f"{where}: '{row.name}' serves the nodes of another pod "
                "manager."
            )

    def usage(
        self, context: RequestContext, uuids: list[str]
    ) -> list[dict[str, typing.Any]]:
        nodes, devices, i = models.NODES.c, models.DEVICES.c, INVENTORIES.c
        none = sa.null()
        statement = sa.union_all(
            sa.select(
                nodes.podm_id.label("podm"),
                sa.literal("nodes").label("of"),
                nodes.provision_state.label("a"),
                sa.cast(none, sa.String(255)).label("b"),
                sa.func.count().label("n"),
                sa.cast(none, sa.BigInteger()).label("reserved"),
                sa.cast(none, sa.BigInteger()).label("used"),
                sa.cast(none, sa.BigInteger()).label("free"),
            )
            .where(nodes.podm_id.in_(uuids))
            .group_by(nodes.podm_id, nodes.provision_state),
            sa.select(
                devices.podm_id,
                sa.literal("devices"),
                devices.type,
                devices.state,
                sa.func.count(),
                none,
                none,
                none,
            )
            .where(devices.podm_id.in_(uuids), devices.deleted_at.is_(None))
            .group_by(devices.podm_id, devices.type, devices.state),
            sa.select(
                i.provider_id,
                sa.literal("resources"),
                i.resource_class,
                none,
                i.total,
                i.reserved,
                i.used,
                i.free,
            ).where(i.provider_id.in_(uuids)),
        )
        found: dict[str, dict[str, typing.Any]] = {
            uuid: {
                "nodes": {},
                "devices": {
                    "total": 0,
                    "free": 0,
                    "allocated": 0,
                    "by_type": {},
                },
                "resources": {},
            }
            for uuid in uuids
        }
        with engine.reading() as connection:
            for row in connection.execute(statement):
                usage = found[row.podm]
                if row.of == "nodes":
                    usage["nodes"][row.a] = row.n
                elif row.of == "devices":
                    _count_devices(usage["devices"], row)
                else:
                    usage["resources"][row.a] = {
                        "total": row.n,
                        "reserved": row.reserved,
                        "used": row.used,
                        "free": row.free,
                    }
        return [found[uuid] for uuid in uuids]


def _count_devices(counts: dict[str, typing.Any], row: typing.Any) -> None:
    kind = counts["by_type"].setdefault(
        row.a, {"total": 0, "free": 0, "allocated": 0}
    )
    word = "free" if row.b == "free" else "allocated"
    for each in (counts, kind):
        each["total"] += row.n
        each[word] += row.n
