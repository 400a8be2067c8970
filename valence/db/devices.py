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
from valence.db import accounts
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import resource_class

DEVICES = models.DEVICES

#: Health of a device that is not given to anybody who does not name it.
BROKEN = "Critical"

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


def with_node(
    operation: objects.Operation, node: objects.Node
) -> list[objects.Device]:
    """The devices that a node has once the operation has succeeded."""
    return _find(
        operation,
        sa.and_(
            DEVICES.c.node_uuid == node.uuid,
            DEVICES.c.deleted_at.is_(None),
            DEVICES.c.state != states.DETACHING,
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


def settle(
    connection: sa.Connection,
    operation: objects.Operation,
    node: objects.Node | None,
    outcome: str,
) -> None:
    """Bring the devices of an operation to rest, in the books as well.

    :param node: that they are with from now on, where they stay with one
    :param outcome: of :data:`OUTCOMES`
    """
    for state, event in OUTCOMES[outcome].items():
        here = (
            DEVICES.c.operation_id == operation.uuid,
            DEVICES.c.state == state,
        )
        target = states.DEVICE.target(state, event)
        values: api.Values = {"state": target, "operation_id": None}
        if target == states.FREE:
            _give_back(connection, here)
            values.update(node_id=None, node_uuid=None, attached_here=False)
        elif node is not None:
            values.update(node_id=node.index, node_uuid=node.uuid)
        connection.execute(
            sa.update(DEVICES)
            .where(*here)
            .values(
                **values,
                updated_at=api.now(),
                revision=DEVICES.c.revision + 1,
            )
        )


def _give_back(
    connection: sa.Connection, where: tuple[sa.ColumnElement[bool], ...]
) -> None:
    """Book that nodes give these devices back."""
    d = DEVICES.c
    given: dict[str, accounts.Amounts] = {}
    for row in connection.execute(
        sa.select(d.node_uuid, d.podm_id, d.type, sa.func.count().label("n"))
        .where(*where, d.node_uuid.is_not(None))
        .group_by(d.node_uuid, d.podm_id, d.type)
    ).all():
        name = resource_class.of_device(row.type)
        amounts = given.setdefault(row.node_uuid, {})
        amounts.setdefault(row.podm_id, {})[name] = row.n
    for node_uuid, amounts in given.items():
        accounts.give(connection, node_uuid, amounts)
