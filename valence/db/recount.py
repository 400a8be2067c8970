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

"""Makes the books of a pod manager equal to its systems and devices."""

import collections
import contextlib
import dataclasses
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
from valence.objects import resource_class
from valence.objects import resource_provider

PROVIDERS = models.PROVIDERS
INVENTORIES = models.INVENTORIES
ALLOCATIONS = models.ALLOCATIONS

#: Nodes whose making has not ended: a system may be theirs without a row
#: that says so, and what they were given is left to them.
UNSETTLED = (states.COMPOSING, states.MANAGING, states.ERROR)

#: uuid → (uuid, name, provision_state)
_Nodes = dict[str, typing.Any]


@dataclasses.dataclass
class _Books:
    """What there is, and who holds it.

    :ivar total: resource class → number
    :ivar elsewhere: of these, what is broken or held by others than our nodes
    :ivar held: (node, resource class) → number
    :ivar types: resource class → types of its devices
    :ivar racks: resource class → racks that its devices stand in
    """

    total: collections.Counter[str]
    elsewhere: collections.Counter[str]
    held: collections.Counter[tuple[str, str]]
    types: dict[str, set[str]]
    racks: dict[str, set[str | None]]

    def device_type(self, name: str) -> str | None:
        """See the field of the inventory."""
        # Where a rack is not told, it is as good as any.
        racks = (self.racks[name] | self.racks[resource_class.SYSTEM]) - {None}
        types = self.types[name]
        return min(types) if len(types) == 1 and len(racks) <= 1 else None


@contextlib.contextmanager
def _writing() -> typing.Iterator[sa.Connection]:
    """A transaction that is run again where another one was faster to write
    the first of something, or to delete a node: it then sees what is now.

    Not savepoints: a deadlock takes them away on MariaDB.
    """
    try:
        with engine.writing() as connection:
            yield connection
    except (db_exc.DBDuplicateEntry, db_exc.DBReferenceError) as e:
        raise db_exc.DBDeadlock(e) from None


@api.retried
def recount(podm_id: str) -> None:
    """Write down anew what a pod manager has and who holds it.

    Nothing that stands as it stood is written. A transaction that moves a
    device while this runs changes the same inventories, and so comes wholly
    before it or wholly after it.
    """
    with _writing() as connection:
        _recount(connection, podm_id)


def _recount(connection: sa.Connection, podm_id: str) -> None:
    # First of all, and locked: what is read after this is as it is now,
    # on databases whose transactions look at the past, too.
    known = {
        row["resource_class"]: row
        for row in connection.execute(
            sa.select(INVENTORIES)
            .where(INVENTORIES.c.provider_id == podm_id)
            .order_by(INVENTORIES.c.resource_class)
            .with_for_update()
        ).mappings()
    }
    if not _provide(connection, podm_id):
        return  # deleted meanwhile
    booked = {
        (row.consumer_id, row.resource_class): row.used
        for row in connection.execute(
            sa.select(
                ALLOCATIONS.c.consumer_id,
                ALLOCATIONS.c.resource_class,
                ALLOCATIONS.c.used,
            ).where(ALLOCATIONS.c.provider_id == podm_id)
        )
    }
    nodes = _nodes(connection, podm_id)
    books = _count(connection, podm_id, nodes, booked)
    changed = _write_inventories(connection, podm_id, known, books)
    _write_allocations(connection, podm_id, booked, books)
    _write_nodes(connection, podm_id, nodes)
    if changed:
        connection.execute(
            sa.update(PROVIDERS)
            .where(PROVIDERS.c.uuid == podm_id)
            .values(
                generation=PROVIDERS.c.generation + 1,
                updated_at=api.now(),
            )
        )


@api.retried
def provide(podm_id: str) -> None:
    """See that a pod manager is a provider, under the name it has now."""
    with _writing() as connection:
        _provide(connection, podm_id)


def provide_all() -> None:
    """Count what an older release did not keep books of."""
    pods = models.POD_MANAGERS
    with engine.reading() as connection:
        missing = connection.execute(
            sa.select(pods.c.uuid).where(
                pods.c.uuid.not_in(sa.select(PROVIDERS.c.uuid))
            )
        ).scalars()
        uuids = list(missing)
    for uuid in uuids:
        recount(uuid)


def _provide(connection: sa.Connection, podm_id: str) -> bool:
    """Returns False where there is no such pod manager."""
    pods = models.POD_MANAGERS
    row = connection.execute(
        sa.select(pods.c.name, PROVIDERS.c.name.label("provider"))
        .join_from(
            pods, PROVIDERS, PROVIDERS.c.uuid == pods.c.uuid, isouter=True
        )
        .where(pods.c.uuid == podm_id)
    ).first()
    if row is None:
        return False
    if row.provider is None:
        add_provider(
            connection,
            podm_id,
            row.name,
            resource_provider.POD_MANAGER,
            podm_id,
        )
    elif row.provider != row.name:
        connection.execute(
            sa.update(PROVIDERS)
            .where(PROVIDERS.c.uuid == podm_id)
            .values(name=row.name, updated_at=api.now())
        )
    return True


def add_provider(
    connection: sa.Connection, uuid: str, name: str, kind: str, podm_id: str
) -> None:
    """Make what has this uuid a provider."""
    connection.execute(
        sa.insert(PROVIDERS).values(
            accounts.new_row()
            | {
                "uuid": uuid,
                "name": name,
                "kind": kind,
                "podm_id": podm_id,
                "generation": 0,
            }
        )
    )


def _nodes(connection: sa.Connection, podm_id: str) -> _Nodes:
    n = models.NODES.c
    return {
        row.uuid: row
        for row in connection.execute(
            sa.select(n.uuid, n.name, n.provision_state).where(
                n.podm_id == podm_id
            )
        )
    }


def _count(
    connection: sa.Connection,
    podm_id: str,
    nodes: _Nodes,
    booked: dict[tuple[str, str], int],
) -> _Books:
    books = _Books(
        collections.Counter(),
        collections.Counter(),
        collections.Counter(),
        collections.defaultdict(set),
        collections.defaultdict(set),
    )
    d = models.DEVICES.c
    for row in connection.execute(
        sa.select(
            *(d.type, d.state, d.health, d.node_uuid, d.rack_id),
            sa.func.count().label("n"),
        )
        .where(d.podm_id == podm_id, d.deleted_at.is_(None))
        .group_by(d.type, d.state, d.health, d.node_uuid, d.rack_id)
    ):
        name = resource_class.of_device(row.type)
        books.types[name].add(row.type)
        books.racks[name].add(row.rack_id)
        books.total[name] += row.n
        if row.state != states.FREE:
            if row.node_uuid in nodes:
                books.held[row.node_uuid, name] += row.n
            else:
                books.elsewhere[name] += row.n
        elif row.health == devices.BROKEN:
            books.elsewhere[name] += row.n
    s = models.SYSTEMS.c
    placed: collections.Counter[str] = collections.Counter()
    for row in connection.execute(
        sa.select(s.state, s.node_id, s.rack_id, sa.func.count().label("n"))
        .where(s.podm_id == podm_id)
        .group_by(s.state, s.node_id, s.rack_id)
    ):
        books.racks[resource_class.SYSTEM].add(row.rack_id)
        books.total[resource_class.SYSTEM] += row.n
        if row.node_id in nodes:
            placed[row.node_id] += row.n
        elif row.state == objects.system.IN_USE:
            books.elsewhere[resource_class.SYSTEM] += row.n
    for uuid, node in nodes.items():
        if node.provision_state == states.COMPOSE_FAILED:
            continue
        systems = placed[uuid]
        if node.provision_state in UNSETTLED:
            systems = max(
                systems, booked.get((uuid, resource_class.SYSTEM), 0)
            )
        if systems:
            books.held[uuid, resource_class.SYSTEM] = systems
    return books


def _write_inventories(
    connection: sa.Connection,
    podm_id: str,
    known: dict[str, typing.Any],
    books: _Books,
) -> bool:
    """Returns whether what there is has changed, not who holds it."""
    used: collections.Counter[str] = collections.Counter()
    for (_, name), amount in books.held.items():
        used[name] += amount
    changed = False
    accounts.ensure_classes(connection, set(books.total) - set(known))
    for name in sorted({*books.total, *known}):
        total, reserved = books.total[name], books.elsewhere[name]
        values = {
            "total": total,
            "reserved": reserved,
            "min_unit": 1,
            "max_unit": max(total, 1),
            "step_size": 1,
            "allocation_ratio": 1.0,
            "used": used[name],
            "free": total - reserved - used[name],
            "device_type": books.device_type(name),
        }
        row = known.get(name)
        if row is None:
            changed = True
            connection.execute(
                sa.insert(INVENTORIES).values(
                    accounts.new_row(
                        provider_id=podm_id, resource_class=name, **values
                    )
                )
            )
        elif any(row[key] != value for key, value in values.items()):
            changed |= any(row[key] != values[key] for key in accounts.TOLD)
            connection.execute(
                sa.update(INVENTORIES)
                .where(INVENTORIES.c.id == row["id"])
                .values(**values, updated_at=api.now())
            )
    return changed


def _write_allocations(
    connection: sa.Connection,
    podm_id: str,
    booked: dict[tuple[str, str], int],
    books: _Books,
) -> None:
    a = ALLOCATIONS.c
    for key in sorted({*booked, *books.held}):
        consumer, name = key
        here = (
            a.provider_id == podm_id,
            a.consumer_id == consumer,
            a.resource_class == name,
        )
        held, before = books.held[key], booked.get(key, 0)
        if held == before:
            continue
        if not held:
            connection.execute(sa.delete(ALLOCATIONS).where(*here))
        elif before:
            connection.execute(
                sa.update(ALLOCATIONS)
                .where(*here)
                .values(used=held, updated_at=api.now())
            )
        else:
            connection.execute(
                sa.insert(ALLOCATIONS).values(
                    accounts.new_row(
                        consumer_id=consumer,
                        provider_id=podm_id,
                        resource_class=name,
                        used=held,
                    )
                )
            )


def _write_nodes(
    connection: sa.Connection, podm_id: str, nodes: _Nodes
) -> None:
    """A node that stands is a provider itself: of one node."""
    p = PROVIDERS.c
    wanted = {
        uuid: node.name
        for uuid, node in nodes.items()
        if node.provision_state not in (*UNSETTLED, states.COMPOSE_FAILED)
    }
    known = {
        row.uuid: row.name
        for row in connection.execute(
            sa.select(p.uuid, p.name).where(
                p.podm_id == podm_id, p.kind == resource_provider.NODE
            )
        )
    }
    for uuid in sorted(known.keys() - nodes.keys()):
        connection.execute(sa.delete(PROVIDERS).where(p.uuid == uuid))
    if wanted.keys() - known.keys():
        accounts.ensure_classes(connection, [resource_class.NODE])
    for uuid, name in sorted(wanted.items()):
        if uuid not in known:
            _add_node(connection, uuid, name, podm_id)
        elif known[uuid] != name:
            connection.execute(
                sa.update(PROVIDERS)
                .where(p.uuid == uuid)
                .values(name=name, updated_at=api.now())
            )


def _add_node(
    connection: sa.Connection, uuid: str, name: str, podm_id: str
) -> None:
    add_provider(connection, uuid, name, resource_provider.NODE, podm_id)
    connection.execute(
        sa.insert(INVENTORIES).values(
            accounts.new_row(
                provider_id=uuid,
                resource_class=resource_class.NODE,
                total=1,
                reserved=0,
                min_unit=1,
                max_unit=1,
                step_size=1,
                allocation_ratio=1.0,
                used=0,
                free=1,
            )
        )
    )
