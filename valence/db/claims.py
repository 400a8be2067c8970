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

"""Takes for a node what it is to be made of, before hardware is touched."""

import contextlib
import dataclasses
import functools
import itertools
import typing

from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import accounts
from valence.db import api
from valence.db import devices
from valence.db import engine
from valence.db import models
from valence.db import operations
from valence.objects import requirements
from valence.objects import resource_provider


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where within a pod manager; None: anywhere.

    :ivar rack_id: where the system stands; the devices that it can reach
        stand there too, or it is not told where
    :ivar rack_index: what the hardware calls that rack
    :ivar pool: pooled_group_id of the devices
    """

    rack_id: str | None = None
    rack_index: str | None = None
    pool: str | None = None


ANYWHERE = Place()


class Lost(Exception):
    """Somebody else was faster; nothing was taken. Says what is missing."""


class _Outrun(Lost):
    """The pool that was chosen has no more; others may have."""


#: Pools that are chosen one after the other because others were faster.
AGAIN = 20


def claim(
    operation: objects.Operation,
    node: objects.Node,
    podm_id: str,
    asked: requirements.Requirements,
    place: Place = ANYWHERE,
) -> bool:
    """Take a system and devices of a pod manager for a node, all or none.

    Taking what an earlier attempt took already changes nothing.

    :returns: False where the operation is not owned any more
    :raises: Lost
    """
    for _ in range(AGAIN):
        with contextlib.suppress(_Outrun):
            return _claim(operation, node, podm_id, asked, place)
    return _claim(operation, node, podm_id, asked, place)


@api.retried
def _claim(
    operation: objects.Operation,
    node: objects.Node,
    podm_id: str,
    asked: requirements.Requirements,
    place: Place,
) -> bool:
    try:
        with engine.writing() as connection:
            _lock_pod_manager(connection, podm_id)
            aimed = operations.aim(
                connection, operation, podm_id, dataclasses.asdict(place)
            )
            values = api.update(connection, node, {"podm_id": podm_id})
            if aimed is None or values is None:
                connection.rollback()
                return False
            held = accounts.held(connection, node.uuid)
            _book(connection, node, podm_id, asked, held)
            # Booked and taken together, by an earlier attempt as well.
            if not (
                any(provider == podm_id for provider, _ in held)
                and _has_devices(connection, operation)
            ):
                _take_devices(
                    connection, operation, node, podm_id, asked, place
                )
    except db_exc.DBReferenceError:
        raise Lost("it is gone") from None
    _applied(operation, aimed, node, values)
    return True


@api.retried
def let_go(
    operation: objects.Operation, node: objects.Node, podm_id: str | None
) -> bool:
    """Give back all that was claimed.

    :param podm_id: what the node's pod manager is from now on: the one that
        was named, or None
    :returns: False where the operation is not owned any more
    """
    with engine.writing() as connection:
        aimed = operations.aim(connection, operation, podm_id, None)
        if aimed is None:
            return False
        # In the order of a claim, so that neither waits for the other.
        accounts.give(connection, node.uuid)
        devices.settle(connection, operation, None, "failed")
        values = api.update(connection, node, {"podm_id": podm_id})
        if values is None:
            connection.rollback()
            return False
    _applied(operation, aimed, node, values)
    return True


def _applied(
    operation: objects.Operation,
    aimed: api.Values,
    node: objects.Node,
    values: api.Values,
) -> None:
    """Tell the objects what was committed, and leave what else changed."""
    api.apply(node, values)
    for name, value in aimed.items():
        setattr(operation, name, value)
    operation.obj_reset_changes(list(aimed))


def holds(node: objects.Node) -> bool:
    """Whether something of its pod manager is booked on a node."""
    with engine.reading() as connection:
        held = accounts.held(connection, node.uuid)
    return any(provider == node.podm_id for provider, _ in held)


# Held until the commit: deleting it waits, and then is refused.
_LOCK = (
    sa.select(models.POD_MANAGERS.c.maintenance)
    .where(models.POD_MANAGERS.c.uuid == sa.bindparam("podm"))
    .with_for_update(read=True)
)


def _lock_pod_manager(connection: sa.Connection, podm_id: str) -> None:
    found = connection.execute(_LOCK, {"podm": podm_id}).first()
    if found is None:
        raise Lost("it is gone")
    if found.maintenance:
        raise Lost("it is in maintenance")


def _book(
    connection: sa.Connection,
    node: objects.Node,
    podm_id: str,
    asked: requirements.Requirements,
    held: dict[tuple[str, str], int],
) -> None:
    here = {
        name: amount
        for name, amount in asked.amounts.items()
        if (podm_id, name) not in held
    }
    wanted = {podm_id: here} if here else {}
    elsewhere = {name for provider, name in held if provider != podm_id}
    for name, amount in asked.resources:
        if name in elsewhere:
            continue  # an earlier attempt has it
        pool = _pool(connection, podm_id, name, amount)
        if pool is None:
            raise Lost(f"no pool has {amount} of {name} left")
        wanted.setdefault(pool, {})[name] = amount
    lacking = accounts.take(connection, node.uuid, wanted, fresh=not held)
    if lacking is not None:
        lost = Lost if lacking[0] == podm_id else _Outrun
        raise lost(f"it has too little of {lacking[1]} left")


def _pool(
    connection: sa.Connection, podm_id: str, name: str, amount: int
) -> str | None:
    """The fullest of the pools that have enough of a class; of several one
    at random, so that those who look at once do not all choose the same."""
    p, i = models.PROVIDERS.c, models.INVENTORIES.c
    return connection.execute(
        sa.select(p.uuid)
        .join_from(
            models.INVENTORIES, models.PROVIDERS, p.uuid == i.provider_id
        )
        .where(
            *accounts.enough(name, amount),
            p.kind == resource_provider.POOL,
            sa.or_(p.podm_id.is_(None), p.podm_id == podm_id),
        )
        .order_by(i.free.desc(), sa.func.random())
        .limit(1)
    ).scalar()


def _has_devices(
    connection: sa.Connection, operation: objects.Operation
) -> bool:
    d = models.DEVICES.c
    query = sa.select(d.id).where(d.operation_id == operation.uuid).limit(1)
    return connection.execute(query).first() is not None


def _take_devices(
    connection: sa.Connection,
    operation: objects.Operation,
    node: objects.Node,
    podm_id: str,
    asked: requirements.Requirements,
    place: Place,
) -> None:
    if not asked.devices:
        return
    d = models.DEVICES.c
    where = {"podm": podm_id}
    if place.pool is not None:
        where["pool"] = place.pool
    if place.rack_id is not None:
        where["same rack" if asked.same_rack else "rack"] = place.rack_id
    taken: list[int] = []
    for _, alike in itertools.groupby(asked.devices, lambda w: w.type):
        taken += _choose(connection, where, list(alike))
    connection.execute(
        sa.update(models.DEVICES)
        .where(d.id.in_(taken))
        .values(
            state=states.DEVICE.target(states.FREE, "attach"),
            node_uuid=node.uuid,
            attached_here=True,
            operation_id=operation.uuid,
            updated_at=api.now(),
            revision=d.revision + 1,
        )
    )


def _choose(
    connection: sa.Connection,
    where: dict[str, str],
    wanted: list[requirements.Wanted],
) -> list[int]:
    """Find and lock a device for each that is wanted of one type.

    :param where: they stand, see :func:`_offer`
    :raises: Lost
    """
    # If they can be shared out at all, then also among so many of each kind:
    # of these the other kinds cannot have taken all.
    enough = sum(one.count for one in wanted)
    offers = [
        list(
            connection.execute(
                _offer(one, frozenset(where)), {**where, "enough": enough}
            ).scalars()
        )
        for one in wanted
    ]
    owners: dict[int, int] = {}
    for kind, one in enumerate(wanted):
        for _ in range(one.count):
            if not _share_out(kind, offers, owners):
                raise Lost(f"too few devices are left: {one}")
    return list(owners)


# Kept: making this takes longer than carrying it out.
@functools.lru_cache(256)
def _offer(
    wanted: requirements.Wanted, where: frozenset[str]
) -> sa.Select[typing.Any]:
    """Find and lock devices that suit, the best first.

    :param where: the parameters of the statement, beside "enough"
    """
    d = models.DEVICES.c
    near = d.rack_id == sa.bindparam("rack")
    conditions = {
        "podm": d.podm_id == sa.bindparam("podm"),
        "pool": d.pooled_group_id == sa.bindparam("pool"),
        "rack": sa.or_(near, d.rack_id.is_(None)),
        "same rack": d.rack_id == sa.bindparam("same rack"),
    }
    return (
        sa.select(d.id)
        .where(*(conditions[name] for name in sorted(where)), *suits(wanted))
        # The smallest that will do: what is larger may be asked for next.
        .order_by(d.capacity_gib, d.id)
        .limit(sa.bindparam("enough"))
        # As they are now, and nobody else's until the commit.
        .with_for_update()
    )


def _share_out(
    kind: int, offers: list[list[int]], owners: dict[int, int]
) -> bool:
    """Give one more device to a kind, if need be by swapping.

    :param offers: what suits each kind
    :param owners: device → the kind that it was given to
    """
    #: kind → who would take which device of its
    swaps: dict[int, tuple[int, int] | None] = {kind: None}
    waiting = [kind]
    for one in waiting:
        for device in offers[one]:
            owner = owners.get(device)
            if owner is None:
                owners[device] = one
                while (swap := swaps[one]) is not None:
                    one, device = swap
                    owners[device] = one
                return True
            if owner not in swaps:
                swaps[owner] = one, device
                waiting.append(owner)
    return False


def suits(
    wanted: requirements.Wanted,
) -> list[sa.ColumnElement[bool]]:
    """Conditions on a device that is free to be taken for this."""
    d = models.DEVICES.c
    conditions = [
        d.type == wanted.type,
        d.state == states.FREE,
        d.deleted_at.is_(None),
        d.operation_id.is_(None),
        sa.or_(d.health.is_(None), d.health != devices.BROKEN),
    ]
    if wanted.vendor is not None:
        conditions.append(d.vendor == wanted.vendor)
    if wanted.model is not None:
        conditions.append(d.model == wanted.model)
    if wanted.capacity_gib is not None:
        conditions.append(d.capacity_gib >= wanted.capacity_gib)
    return conditions


def free_systems(podm_id: str) -> list[tuple[str, str]]:
    """(index, resource_uri) of the systems that no node is on."""
    s, n = models.SYSTEMS.c, models.NODES.c
    with engine.reading() as connection:
        rows = connection.execute(
            sa.select(s.index, s.resource_uri)
            .where(
                s.podm_id == podm_id,
                s.state == objects.system.FREE,
                s.index.not_in(
                    sa.select(n.index).where(
                        n.podm_id == podm_id, n.index.is_not(None)
                    )
                ),
            )
            .order_by(s.id)
        ).all()
    return [(index, resource_uri) for index, resource_uri in rows]
