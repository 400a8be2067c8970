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
from valence import states
from valence.context import RequestContext
from valence.db import accounts
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import resource_provider

PROVIDERS = models.PROVIDERS
INVENTORIES = models.INVENTORIES
ALLOCATIONS = models.ALLOCATIONS
TRAITS = models.TRAITS

#: States of a node that nobody is making or taking apart.
SETTLED = (states.COMPOSED, states.ENROLLED, states.ERROR)


def _can_give(amounts: dict[str, int]) -> sa.ColumnElement[bool]:
    """Of providers that have this much of each class left."""
    i = INVENTORIES.c
    return sa.and_(
        sa.true(),
        *(
            PROVIDERS.c.uuid.in_(
                sa.select(i.provider_id).where(*accounts.enough(name, amount))
            )
            for name, amount in sorted(amounts.items())
        ),
    )


def _has_traits(wanted: dict[str, bool]) -> sa.ColumnElement[bool]:
    """Of providers that have the traits with True and none with False."""
    t = TRAITS.c
    found = [
        (
            PROVIDERS.c.uuid.in_(
                sa.select(t.provider_id).where(t.trait == trait)
            ),
            has,
        )
        for trait, has in sorted(wanted.items())
    ]
    return sa.and_(sa.true(), *(c if has else ~c for c, has in found))


#: Filters of a list of providers that are no field of theirs.
FILTERS: dict[str, typing.Callable[..., sa.ColumnElement[bool]]] = {
    "resources": _can_give,
    "required": _has_traits,
}


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
                        noun="inventory",
                        ident=name,
                        users=holders(
                            connection,
                            ALLOCATIONS.c.provider_id == provider.uuid,
                            ALLOCATIONS.c.resource_class == name,
                        ),
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

    def allocations(
        self, context: RequestContext, consumer_id: str
    ) -> dict[str, dict[str, typing.Any]]:
        p, a = PROVIDERS.c, ALLOCATIONS.c
        found: dict[str, dict[str, typing.Any]] = {}
        with engine.reading() as connection:
            for row in connection.execute(
                sa.select(p.uuid, p.generation, a.resource_class, a.used)
                .join_from(ALLOCATIONS, PROVIDERS, p.uuid == a.provider_id)
                .where(a.consumer_id == consumer_id)
                .order_by(p.id, a.resource_class)
            ):
                of_provider = found.setdefault(
                    row.uuid, {"generation": row.generation, "resources": {}}
                )
                of_provider["resources"][row.resource_class] = row.used
        return found

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
                sa.select(
                    nodes.c.name, nodes.c.podm_id, nodes.c.provision_state
                )
                .where(nodes.c.uuid == consumer_id)
                .with_for_update()
            ).first()
            if node is None:
                raise exception.NotFound(noun="node", ident=consumer_id)
            if node.provision_state not in SETTLED:
                raise exception.WrongState(
                    noun="node",
                    ident=node.name,
                    state=node.provision_state,
                    action="a change of what it holds",
                    wanted=" or ".join(f"'{state}'" for state in SETTLED),
                )
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
            before = {
                key: used
                for key, used in holding.items()
                if kinds[key[0]].kind == resource_provider.POOL
            }
            after = {
                (provider, name): amount
                for provider, amounts in wanted.items()
                for name, amount in amounts.items()
            }
            lacking = accounts.change(connection, consumer_id, before, after)
            if lacking is not None:
                raise exception.NotEnough(
                    provider=kinds[lacking[0]].name,
                    resource_class=lacking[1],
                    needed=after[lacking],
                    reason=_why_not(
                        connection, *lacking, after[lacking], before
                    ),
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


def rename(connection: sa.Connection, uuid: str, name: str) -> None:
    """Call a provider what it is called that it stands for."""
    connection.execute(
        sa.update(PROVIDERS)
        .where(PROVIDERS.c.uuid == uuid)
        .values(name=name, updated_at=api.now())
    )


def _why_not(
    connection: sa.Connection,
    provider: str,
    name: str,
    amount: int,
    before: dict[tuple[str, str], int],
) -> str:
    """What keeps an inventory from giving this much."""
    row = connection.execute(
        sa.select(INVENTORIES).where(
            INVENTORIES.c.provider_id == provider,
            INVENTORIES.c.resource_class == name,
        )
    ).first()
    if row is None:
        return "it has none"
    if amount < row.min_unit:
        return f"it gives no less than {row.min_unit}"
    if amount > row.max_unit:
        return f"it gives no more than {row.max_unit}"
    if amount % row.step_size:
        return f"it gives multiples of {row.step_size}"
    left = row.free + before.get((provider, name), 0)
    return f"it has {max(0, left)} left"


def holders(connection: sa.Connection, *held: sa.ColumnElement[bool]) -> str:
    """Name the nodes that hold something."""
    nodes = models.NODES.c
    return named(
        "node",
        connection,
        sa.select(nodes.name)
        .where(
            nodes.uuid.in_(sa.select(ALLOCATIONS.c.consumer_id).where(*held))
        )
        .order_by(nodes.id),
    )


def named(
    noun: str, connection: sa.Connection, query: sa.Select[typing.Any]
) -> str:
    """Name the first of those that are in the way."""
    names = connection.execute(query.limit(11)).scalars().all()
    shown = ", ".join(f"'{name}'" for name in names[:10])
    return f"{noun} {shown}" + (" and others" if len(names) > 10 else "")
