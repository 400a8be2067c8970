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

"""What conductors do to operations, each one statement or transaction.

A conductor owns an operation while the row bears its name and the attempt
that it counted; every write says so, and a write that matches nothing tells
a conductor that was taken for dead to keep its hands off.
"""

import dataclasses
import datetime
import typing

import sqlalchemy as sa

from valence import context as context_module
from valence import objects
from valence import states
from valence.db import accounts
from valence.db import api
from valence.db import devices
from valence.db import durations
from valence.db import engine
from valence.db import models
from valence.objects import base

OPERATIONS = models.OPERATIONS
CONDUCTORS = models.CONDUCTORS
#: Kinds that conductors ask for by themselves, and often.
POLLING = ("sync", "follow_up")
OPEN = tuple(
    s for s in states.OPERATION.states if s not in states.OPERATION.final
)


def _mine(operation: objects.Operation) -> sa.ColumnElement[bool]:
    return sa.and_(
        OPERATIONS.c.uuid == operation.uuid,
        OPERATIONS.c.conductor == operation.conductor,
        OPERATIONS.c.attempts == operation.attempts,
        OPERATIONS.c.state.in_(OPEN),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Busy:
    """What a conductor has no more room for.

    :ivar pod_managers: uuids
    :ivar provisioners: names
    """

    pod_managers: typing.Collection[str] = ()
    provisioners: typing.Collection[str] = ()


IDLE = Busy()


def _available(busy: Busy) -> sa.ColumnElement[bool]:
    """Not ended, nobody's, and nothing that there is no room for."""
    available: list[sa.ColumnElement[bool]] = [
        OPERATIONS.c.state.in_(OPEN),
        OPERATIONS.c.conductor.is_(None),
    ]
    for column, names in (
        (OPERATIONS.c.podm_id, busy.pod_managers),
        (OPERATIONS.c.provisioner, busy.provisioners),
    ):
        if names:
            available.append(
                sa.or_(column.is_(None), column.not_in(list(names)))
            )
    return sa.and_(*available)


@api.retried
def claim(uuid: str, host: str, busy: Busy = IDLE) -> objects.Operation | None:
    """Make ``host`` the owner of an operation that has none.

    :param busy: leave an operation alone that there is no room for
    :returns: the operation, with its context, or None where it is gone,
        ended or somebody else's
    """
    with engine.writing() as connection:
        done = connection.execute(
            sa.update(OPERATIONS)
            .where(
                OPERATIONS.c.uuid == uuid,
                _available(busy),
            )
            .values(
                conductor=host,
                state=sa.case(
                    (
                        OPERATIONS.c.state == states.PENDING,
                        states.OPERATION.outcome("claim"),
                    ),
                    else_=OPERATIONS.c.state,
                ),
                attempts=OPERATIONS.c.attempts + 1,
                started_at=sa.func.coalesce(
                    OPERATIONS.c.started_at,
                    sa.literal(api.now(), models.UtcDateTime()),
                ),
                updated_at=api.now(),
            )
        )
        if not done.rowcount:
            return None
        row = connection.execute(
            api.select(objects.Operation, objects.Operation.fields).where(
                OPERATIONS.c.uuid == uuid
            )
        ).one()
    context = context_module.system_context(row.request_id)
    context.project_id = row.project_id
    context.user_id = row.user_id
    (operation,) = api.hydrate(
        context, objects.Operation, objects.Operation.fields, [row]
    )
    return operation


def waiting(limit: int, busy: Busy = IDLE) -> list[str]:
    """The operations that nobody owns: users' before polling, then by age.

    :param busy: leave out what there is no room for
    """
    query = sa.select(OPERATIONS.c.uuid).where(_available(busy))
    query = query.order_by(
        sa.case((OPERATIONS.c.kind.in_(POLLING), 1), else_=0), OPERATIONS.c.id
    ).limit(limit)
    with engine.reading() as connection:
        return list(connection.execute(query).scalars())


@api.retried
def record(operation: objects.Operation) -> bool:
    """Write the changed fields of an owned operation.

    :returns: whether it is still owned; it also learns whether somebody
        asked to cancel it
    """
    names = operation.obj_what_changed()
    values = {name: getattr(operation, name) for name in names}
    with engine.writing() as connection:
        done = connection.execute(
            sa.update(OPERATIONS)
            .where(_mine(operation))
            .values(**values, updated_at=api.now())
        )
        if not done.rowcount:
            return False
        cancel = connection.execute(
            sa.select(OPERATIONS.c.cancel_requested).where(
                OPERATIONS.c.uuid == operation.uuid
            )
        ).scalar()
    operation.cancel_requested = bool(cancel)
    operation.obj_reset_changes()
    return True


def is_cancelled(operation: objects.Operation) -> bool | None:
    """Whether cancelling was asked for; None where it is not owned."""
    with engine.reading() as connection:
        return connection.execute(
            sa.select(OPERATIONS.c.cancel_requested).where(_mine(operation))
        ).scalar()


def aim(
    connection: sa.Connection,
    operation: objects.Operation,
    podm_id: str | None,
    place: dict[str, str | None] | None,
) -> api.Values | None:
    """Write which pod manager an owned operation works on, and where there.

    :returns: what to apply to it after the commit; None where it is not
        owned any more
    """
    values = {
        "podm_id": podm_id,
        "arguments": {**operation.arguments, "place": place},
    }
    done = connection.execute(
        sa.update(OPERATIONS).where(_mine(operation)).values(**values)
    )
    return values if done.rowcount else None


@api.retried
def save_target(
    operation: objects.Operation, target: base.Resource, values: api.Values
) -> bool:
    """Write what a running operation found out about its target.

    :returns: False where the operation is not in charge any more
    """
    table = models.TABLES[type(target)]
    with api.writing(target) as connection:
        owned = connection.execute(
            sa.select(OPERATIONS.c.id).where(_mine(operation))
        ).first()
        if owned is None:
            return False
        written = api.update(
            connection,
            target,
            values,
            table.c.operation_id == operation.uuid,
        )
    if written is None:
        return False
    api.apply(target, written)
    return True


@api.retried
def finish(
    operation: objects.Operation,
    target: typing.Any,
    values: api.Values,
    *,
    outcome: str = "done",
    gone: bool = False,
    system_uris: list[str] | None = None,
) -> bool:
    """End an operation and let go of its target, in one transaction.

    :param operation: with its final state set
    :param target: node or pod manager, or None where it is gone already
    :param values: what to write to the target
    :param outcome: what becomes of its devices, see valence.db.devices
    :param gone: delete the target instead
    :param system_uris: where the operation composed or released a node, the
        systems that it is on from now on; None leaves them
    :returns: False where the operation is not owned any more
    """
    operation.ended_at = api.now()
    took = (operation.ended_at - operation.created_at).total_seconds()
    took = max(round(took, 3), 0.0)  # clocks of two hosts may differ
    operation.duration = took
    operation.secrets = None
    names = operation.obj_what_changed()
    with engine.writing() as connection:
        done = connection.execute(
            sa.update(OPERATIONS)
            .where(_mine(operation))
            .values(
                **{name: getattr(operation, name) for name in names},
                updated_at=api.now(),
            )
        )
        if not done.rowcount:
            return False
        if target is not None:
            table = models.TABLES[type(target)]
            in_charge = sa.and_(
                table.c.uuid == target.uuid,
                table.c.operation_id == operation.uuid,
            )
            if isinstance(target, objects.Node):
                # The books first, as a claim does: neither waits for the
                # other then.
                _book(connection, target, values, gone)
                devices.settle(connection, operation, target, outcome)
            if system_uris is not None:
                _place(connection, target, system_uris)
            if gone:
                connection.execute(sa.delete(table).where(in_charge))
            else:
                connection.execute(
                    sa.update(table)
                    .where(in_charge)
                    .values(
                        **values,
                        operation_id=None,
                        updated_at=api.now(),
                        revision=table.c.revision + 1,
                    )
                )
        # At the end: others wait for who counts in the same row.
        durations.add(connection, operation.kind, operation.state, took)
    return True


def _book(
    connection: sa.Connection,
    node: objects.Node,
    values: api.Values,
    gone: bool,
) -> None:
    """Keep the books true about a node: what it holds, and that it is one.

    A node that stands composed is a provider itself: of one node.
    """
    state = values.get("provision_state")
    if gone or state == states.COMPOSE_FAILED:
        accounts.give(connection, node.uuid)
        connection.execute(
            sa.delete(models.PROVIDERS).where(
                models.PROVIDERS.c.uuid == node.uuid
            )
        )


def _place(
    connection: sa.Connection, node: objects.Node, system_uris: list[str]
) -> None:
    """Keep the inventory true about the systems of one node."""
    systems = models.SYSTEMS
    connection.execute(
        sa.update(systems)
        .where(systems.c.node_id == node.uuid)
        .values(
            node_id=None,
            state=objects.system.FREE,
            updated_at=api.now(),
            revision=systems.c.revision + 1,
        )
    )
    if node.index is not None:
        # What an adopted node brought along.
        connection.execute(
            sa.update(models.DEVICES)
            .where(
                models.DEVICES.c.podm_id == node.podm_id,
                models.DEVICES.c.node_id == node.index,
                models.DEVICES.c.node_uuid.is_(None),
            )
            .values(node_uuid=node.uuid, updated_at=api.now())
        )
    if system_uris:
        connection.execute(
            sa.update(systems)
            .where(
                systems.c.podm_id == node.podm_id,
                systems.c.resource_uri.in_(system_uris),
            )
            .values(
                node_id=node.uuid,
                state=objects.system.IN_USE,
                updated_at=api.now(),
                revision=systems.c.revision + 1,
            )
        )


@api.retried
def hand_on(operation: objects.Operation) -> None:
    """Stop owning an operation, so that any conductor may take it up."""
    with engine.writing() as connection:
        connection.execute(
            sa.update(OPERATIONS)
            .where(_mine(operation))
            .values(conductor=None)
        )


@api.retried
def beat(host: str) -> None:
    """A sign of life of a conductor."""
    with engine.writing() as connection:
        when = api.now()
        done = connection.execute(
            sa.update(CONDUCTORS)
            .where(CONDUCTORS.c.host == host)
            .values(heartbeat_at=when)
        )
        if not done.rowcount:
            connection.execute(
                sa.insert(CONDUCTORS).values(host=host, heartbeat_at=when)
            )


@api.retried
def disown(host: str, running: typing.Iterable[str] = ()) -> int:
    """Free what a conductor owns and does not do.

    :param running: what it does
    :returns: how many operations were freed
    """
    with engine.writing() as connection:
        return connection.execute(
            sa.update(OPERATIONS)
            .where(
                OPERATIONS.c.conductor == host,
                OPERATIONS.c.state.in_(OPEN),
                OPERATIONS.c.uuid.not_in(list(running)),
            )
            .values(conductor=None)
        ).rowcount


@api.retried
def rescue(silent_since: datetime.datetime, host: str) -> int:
    """Free what belongs to conductors without a sign of life.

    :param host: who asks, and so is alive: its own sign of life may be late
        where the database was away
    :returns: how many operations were freed
    """
    alive = sa.select(CONDUCTORS.c.host).where(
        CONDUCTORS.c.heartbeat_at >= silent_since
    )
    with engine.writing() as connection:
        # The living are listed, not the dead: a conductor without a row is
        # dead too.
        hosts = [host, *connection.execute(alive).scalars()]
        return connection.execute(
            sa.update(OPERATIONS)
            .where(
                OPERATIONS.c.state.in_(OPEN),
                OPERATIONS.c.conductor.is_not(None),
                OPERATIONS.c.conductor.not_in(hosts),
            )
            .values(conductor=None)
        ).rowcount


def alive(since: datetime.datetime) -> list[str]:
    """The conductors that gave a sign of life."""
    with engine.reading() as connection:
        return list(
            connection.execute(
                sa.select(CONDUCTORS.c.host).where(
                    CONDUCTORS.c.heartbeat_at >= since
                )
            ).scalars()
        )


def due_for_sync() -> list[str]:
    """Pod managers whose time to be synced has come, longest due first."""
    pods = models.POD_MANAGERS
    with engine.reading() as connection:
        return list(
            connection.execute(
                sa.select(pods.c.uuid)
                .where(
                    # Without a time: polling was off when it was last read.
                    sa.or_(
                        pods.c.next_sync_at.is_(None),
                        pods.c.next_sync_at <= api.now(),
                    ),
                    pods.c.operation_id.is_(None),
                )
                .order_by(pods.c.next_sync_at)
            ).scalars()
        )


@api.retried
def retire(host: str) -> None:
    """Forget a conductor that has handed on its work."""
    with engine.writing() as connection:
        connection.execute(
            sa.delete(CONDUCTORS).where(CONDUCTORS.c.host == host)
        )


@api.retried
def purge(before: datetime.datetime, keys_before: datetime.datetime) -> int:
    """Delete old ended operations and old idempotency keys.

    Syncs that nobody asked for are many and go with the keys.
    """
    keys = models.IDEMPOTENCY_KEYS
    polled = sa.and_(
        OPERATIONS.c.kind.in_(POLLING),
        OPERATIONS.c.request_id.is_(None),
        OPERATIONS.c.ended_at < keys_before,
    )
    with engine.writing() as connection:
        connection.execute(
            sa.delete(keys).where(keys.c.created_at < keys_before)
        )
        return connection.execute(
            sa.delete(OPERATIONS).where(
                sa.or_(OPERATIONS.c.ended_at < before, polled)
            )
        ).rowcount
