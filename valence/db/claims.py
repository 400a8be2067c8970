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

import dataclasses

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

#: Free devices that are looked at for each one that is taken.
AT_ONCE = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where within a pod manager; None: anywhere.

    :ivar rack_id: where the system stands; the devices too, where they have
        to stand in the same rack
    :ivar rack_index: what the hardware calls that rack
    :ivar pool: pooled_group_id of the devices
    """

    rack_id: str | None = None
    rack_index: str | None = None
    pool: str | None = None


ANYWHERE = Place()


class Lost(Exception):
    """Somebody else was faster; nothing was taken. Says what is missing."""


@api.retried
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
            _book(connection, node, podm_id, asked)
            _take_devices(connection, operation, node, podm_id, asked, place)
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
        devices.settle(connection, operation, None, "failed")
        accounts.give(connection, node.uuid)
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


def _lock_pod_manager(connection: sa.Connection, podm_id: str) -> None:
    pods = models.POD_MANAGERS
    # Held until the commit: deleting it waits, and then is refused.
    found = connection.execute(
        sa.select(pods.c.maintenance)
        .where(pods.c.uuid == podm_id)
        .with_for_update(read=True)
    ).first()
    if found is None:
        raise Lost("it is gone")
    if found.maintenance:
        raise Lost("it is in maintenance")


def _book(
    connection: sa.Connection,
    node: objects.Node,
    podm_id: str,
    asked: requirements.Requirements,
) -> None:
    held = accounts.held(connection, node.uuid)
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
        for pool in _pools(connection, podm_id, name, amount):
            wanted.setdefault(pool, {})[name] = amount
            break
        else:
            raise Lost(f"no pool has {amount} of {name} left")
    lacking = accounts.take(connection, node.uuid, wanted)
    if lacking is not None:
        raise Lost(f"it has too little of {lacking[1]} left")


def _pools(
    connection: sa.Connection, podm_id: str, name: str, amount: int
) -> list[str]:
    """Pools that have enough of a class, the fullest first."""
    p, i = models.PROVIDERS.c, models.INVENTORIES.c
    return list(
        connection.execute(
            sa.select(p.uuid)
            .join_from(
                models.INVENTORIES,
                models.PROVIDERS,
                p.uuid == i.provider_id,
            )
            .where(
                *accounts.enough(name, amount),
                p.kind == resource_provider.POOL,
                sa.or_(p.podm_id.is_(None), p.podm_id == podm_id),
            )
            .order_by(i.free.desc(), i.id)
            .limit(1)
        ).scalars()
    )


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
    have = connection.execute(
        sa.select(sa.func.count()).where(d.operation_id == operation.uuid)
    ).scalar()
    if have:
        return  # taken by an earlier attempt, all of them
    for wanted in asked.devices:
        for _ in range(wanted.count):
            if not _take_one(
                connection, operation, node, podm_id, wanted, place, asked
            ):
                raise Lost(f"too few devices are left: {wanted}")


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


def _take_one(
    connection: sa.Connection,
    operation: objects.Operation,
    node: objects.Node,
    podm_id: str,
    wanted: requirements.Wanted,
    place: Place,
    asked: requirements.Requirements,
) -> bool:
    d = models.DEVICES.c
    free = [d.podm_id == podm_id, *suits(wanted)]
    if place.pool is not None:
        free.append(d.pooled_group_id == place.pool)
    if asked.same_rack:
        free.append(d.rack_id == place.rack_id)
    # The smallest that will do: what is larger may be asked for next.
    query = (
        sa.select(d.id)
        .where(*free)
        .order_by(d.capacity_gib, d.id)
        .limit(AT_ONCE)
    )
    # The state is looked at again by the UPDATE: whoever else chose the
    # same device meanwhile has taken it, and the next is tried.
    for id_ in connection.execute(query).scalars():
        done = connection.execute(
            sa.update(models.DEVICES)
            .where(d.id == id_, *free)
            .values(
                state=states.DEVICE.target(states.FREE, "attach"),
                node_uuid=node.uuid,
                attached_here=True,
                operation_id=operation.uuid,
                updated_at=api.now(),
                revision=d.revision + 1,
            )
        )
        if done.rowcount:
            return True
    return False


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
