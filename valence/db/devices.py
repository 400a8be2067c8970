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

"""What operations do to the rows of pooled devices."""

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import api
from valence.db import engine
from valence.db import models

DEVICES = models.DEVICES

#: How an operation ends → event on a device by the state that it is in.
OUTCOMES = {
    "done": {states.ATTACHING: "attached", states.DETACHING: "detached"},
    "failed": {
        states.ATTACHING: "attach_failed",
        states.DETACHING: "stuck",
    },
    "stuck": {states.ATTACHING: "stuck", states.DETACHING: "stuck"},
}


def taken_by(operation: objects.Operation) -> list[objects.Device]:
    """The devices that an operation is in charge of, in order."""
    return _find(operation, DEVICES.c.operation_id == operation.uuid)


def held_by(
    operation: objects.Operation, node: objects.Node
) -> list[objects.Device]:
    """The devices that Valence attached, or is attaching, to a node."""
    return _find(
        operation,
        sa.and_(
            DEVICES.c.node_uuid == node.uuid,
            DEVICES.c.attached_here.is_(sa.true()),
        ),
    )


def _find(
    operation: objects.Operation,
    where: sa.ColumnElement[bool],
) -> list[objects.Device]:
    names = objects.Device.fields
    query = api.select(objects.Device, names)
    query = query.where(where).order_by(DEVICES.c.id)
    with engine.reading() as connection:
        rows = connection.execute(query).all()
    return api.hydrate(operation._context, objects.Device, names, rows)


@api.retried
def reserve(
    operation: objects.Operation, node: objects.Node, types: list[str]
) -> str | None:
    """Take free devices of these types, all or none.

    :param types: one for each device that is wanted
    :returns: the type of which there are too few, or None
    """
    with engine.writing() as connection:
        have = [
            row.type
            for row in connection.execute(
                sa.select(DEVICES.c.type).where(
                    DEVICES.c.operation_id == operation.uuid
                )
            )
        ]
        for wanted in types:
            if wanted in have:
                have.remove(wanted)  # an earlier attempt took it
                continue
            if not _take_one(connection, operation, node, wanted):
                connection.rollback()
                return wanted
    return None


def _take_one(
    connection: sa.Connection,
    operation: objects.Operation,
    node: objects.Node,
    wanted: str,
) -> bool:
    free = (
        DEVICES.c.podm_id == node.podm_id,
        DEVICES.c.type == wanted,
        DEVICES.c.state == states.FREE,
        DEVICES.c.deleted_at.is_(None),
        DEVICES.c.operation_id.is_(None),
    )
    # The state is looked at again by the UPDATE: whoever else chose the
    # same device meanwhile has taken it, and the next is tried.
    for id_ in connection.execute(
        sa.select(DEVICES.c.id).where(*free).order_by(DEVICES.c.id).limit(64)
    ).scalars():
        done = connection.execute(
            sa.update(DEVICES)
            .where(DEVICES.c.id == id_, *free)
            .values(
                state=states.DEVICE.target(states.FREE, "attach"),
                node_uuid=node.uuid,
                attached_here=True,
                operation_id=operation.uuid,
                updated_at=api.now(),
                revision=DEVICES.c.revision + 1,
            )
        )
        if done.rowcount:
            return True
    return False


@api.retried
def take_back(operation: objects.Operation, node: objects.Node) -> None:
    """Put the operation in charge of all that a node holds from the pool."""
    with engine.writing() as connection:
        connection.execute(
            sa.update(DEVICES)
            .where(
                DEVICES.c.node_uuid == node.uuid,
                DEVICES.c.attached_here.is_(sa.true()),
                DEVICES.c.state == states.ALLOCATED,
            )
            .values(
                state=states.DEVICE.target(states.ALLOCATED, "detach"),
                operation_id=operation.uuid,
                updated_at=api.now(),
                revision=DEVICES.c.revision + 1,
            )
        )


@api.retried
def note(
    operation: objects.Operation, device: objects.Device, values: api.Values
) -> None:
    """Write what the hardware says of a device that was just moved."""
    with engine.writing() as connection:
        connection.execute(
            sa.update(DEVICES)
            .where(
                DEVICES.c.uuid == device.uuid,
                DEVICES.c.operation_id == operation.uuid,
            )
            .values(
                **api.clip(objects.Device, values),
                updated_at=api.now(),
                revision=DEVICES.c.revision + 1,
            )
        )


@api.retried
def let_go(operation: objects.Operation) -> None:
    """Free what was reserved for a try that came to nothing."""
    with engine.writing() as connection:
        settle(connection, operation, None, "failed")


def settle(
    connection: sa.Connection,
    operation: objects.Operation,
    node: objects.Node | None,
    outcome: str,
) -> None:
    """Bring the devices of an operation to rest.

    :param node: that they are with from now on, where they stay with one
    :param outcome: of :data:`OUTCOMES`
    """
    for state, event in OUTCOMES[outcome].items():
        target = states.DEVICE.target(state, event)
        values: api.Values = {"state": target, "operation_id": None}
        if target == states.FREE:
            values.update(node_id=None, node_uuid=None, attached_here=False)
        elif node is not None:
            values.update(node_id=node.index, node_uuid=node.uuid)
        connection.execute(
            sa.update(DEVICES)
            .where(
                DEVICES.c.operation_id == operation.uuid,
                DEVICES.c.state == state,
            )
            .values(
                **values,
                updated_at=api.now(),
                revision=DEVICES.c.revision + 1,
            )
        )
