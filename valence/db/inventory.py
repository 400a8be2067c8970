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

"""What pod managers report: one diff in memory, then bulk statements."""

import dataclasses
import datetime
import typing
import uuid

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import base

#: index → values of the fields
Reported = dict[str, dict[str, typing.Any]]
#: (class, index) → revision of the row
Seen = dict[tuple[type[base.Resource], str], int]
#: (row as it was read, what changes)
Change = tuple[typing.Any, api.Values]

KINDS = (objects.Rack, objects.System, objects.Device, objects.Node)
#: What no sync looks at; turning it into datetimes takes its time.
_TIMES = ("created_at", "updated_at")
#: Rows that one statement names.
MANY = 500
#: Rows from which on those that change alike have a statement of their own.
ALIKE = 10


@dataclasses.dataclass
class Counts:
    added: int = 0
    changed: int = 0
    removed: int = 0


def seen(podm_id: str) -> Seen:
    """The revision of each row, to be taken before the hardware is asked.

    A row that was written while the hardware answered (a device that was
    attached, a system that was released) knows better than that answer.
    """
    found: Seen = {}
    with engine.reading() as connection:
        for cls in KINDS:
            table = models.TABLES[cls]
            for index, revision in connection.execute(
                sa.select(table.c.index, table.c.revision).where(
                    table.c.podm_id == podm_id
                )
            ):
                found[cls, index] = revision
    return found


@api.retried
def replace(
    podm_id: str,
    before: Seen,
    racks: Reported,
    systems: Reported,
    devices: Reported,
    nodes: Reported | None = None,
) -> Counts:
    """Make the rows of a pod manager equal to what it reports.

    Nothing that stands as it stood is written.

    :param before: what :func:`seen` said
    :param racks: values of the fields of Racks
    :param systems: of Systems; ``rack_index`` in place of ``rack_id``
    :param devices: of Devices; ``node_id`` is the node's index
    :param nodes: of Nodes, those of others too: ``power_state``, ``boot``,
        ``systems`` and ``tag``. Nodes are neither made nor removed here.
    """
    nodes = nodes or {}
    placed = {
        uri: index for index, node in nodes.items() for uri in node["systems"]
    }
    counts = Counts()
    with engine.writing() as connection:
        merge = _Merge(connection, podm_id, before, counts)
        rack_ids = merge(objects.Rack, racks)
        by_system, by_index, unmade = _nodes(connection, podm_id)
        for index, node in nodes.items():
            if node["tag"] in unmade:
                by_index.setdefault(index, node["tag"])
        # Copies: a transaction that is run again starts from the same.
        systems = {index: dict(values) for index, values in systems.items()}
        for values in systems.values():
            values["rack_id"] = rack_ids.get(values.pop("rack_index"))
            uri = values["resource_uri"]
            # A node that was not made to the end holds its system as well.
            values["node_id"] = by_index.get(placed.get(uri)) or by_system.get(
                uri
            )
            if values["node_id"]:
                values["state"] = objects.system.IN_USE
        merge(objects.System, systems)
        devices = {index: dict(values) for index, values in devices.items()}
        for values in devices.values():
            values["rack_id"] = rack_ids.get(values.pop("rack_index", None))
            values["node_uuid"] = by_index.get(values["node_id"])
            values["deleted_at"] = None
            if values["state"] == states.FREE:
                values["attached_here"] = False
        merge(objects.Device, devices)
        merge.refresh(nodes)
    return counts


def _nodes(
    connection: sa.Connection, podm_id: str
) -> tuple[dict[str, str], dict[str | None, str], set[str]]:
    """Nodes by the systems that they are on, and by their index; and those
    whose index is not known: they are being made, or that went wrong."""
    nodes = models.NODES
    rows = connection.execute(
        sa.select(nodes.c.uuid, nodes.c.index, nodes.c.systems).where(
            nodes.c.podm_id == podm_id
        )
    ).all()
    by_system = {uri: uuid_ for uuid_, _, uris in rows for uri in uris or []}
    return (
        by_system,
        {index: uuid_ for uuid_, index, _ in rows if index},
        {uuid_ for uuid_, index, _ in rows if not index},
    )


@dataclasses.dataclass
class _Merge:
    """Merges one kind of thing after the other."""

    connection: sa.Connection
    podm_id: str
    before: Seen
    counts: Counts

    def __call__(
        self, cls: type[base.Resource], reported: Reported
    ) -> dict[str, str]:
        """Returns index → uuid of all that is known now."""
        table = models.TABLES[cls]
        columns = [c for c in table.c if c.name not in _TIMES]
        known = {
            row["index"]: row
            for row in self.connection.execute(
                sa.select(*columns).where(table.c.podm_id == self.podm_id)
            ).mappings()
        }
        ids = {index: row["uuid"] for index, row in known.items()}
        when = api.now()
        added: list[api.Values] = []
        changed: list[Change] = []
        for index, values in reported.items():
            values = api.clip(cls, values)
            row = known.get(index)
            if row is None:
                ids[index] = str(uuid.uuid4())
                added.append(
                    self._new(cls, ids[index], index, values, when, len(added))
                )
            elif self._current(cls, row):
                new = {n: v for n, v in values.items() if row[n] != v}
                if new:
                    changed.append((row, new))
        missing = [
            row
            for index, row in known.items()
            if index not in reported and self._current(cls, row)
        ]
        if "deleted_at" in cls.fields:
            missing = [row for row in missing if row["deleted_at"] is None]
            gone = [(row, {"deleted_at": when}) for row in missing]
            self._write(table, gone, when)
        else:
            for part in _parts([row["id"] for row in missing]):
                self.connection.execute(
                    sa.delete(table).where(table.c.id.in_(part))
                )
        if added:
            self.connection.execute(sa.insert(table), added)
        self._write(table, changed, when)
        self.counts.added += len(added)
        self.counts.changed += len(changed)
        self.counts.removed += len(missing)
        return ids

    def refresh(self, reported: Reported) -> None:
        """Note the power and boot source of the nodes that are known."""
        table = models.NODES
        changes: list[Change] = []
        for row in self.connection.execute(
            sa.select(
                table.c.id,
                table.c.index,
                table.c.revision,
                table.c.operation_id,
                table.c.power_state,
                table.c.boot,
            ).where(table.c.podm_id == self.podm_id)
        ).mappings():
            node = reported.get(row["index"])
            if node is None or not self._current(objects.Node, row):
                continue
            values = api.clip(
                objects.Node, {n: node[n] for n in ("power_state", "boot")}
            )
            if any(row[name] != value for name, value in values.items()):
                changes.append((row, values))
        self._write(table, changes, api.now())
        self.counts.changed += len(changes)

    def _current(self, cls: type[base.Resource], row: typing.Any) -> bool:
        """Whether nobody wrote the row since the hardware was asked."""
        return bool(
            row["revision"] == self.before.get((cls, row["index"]))
            and not row.get("operation_id")
        )

    def _new(
        self,
        cls: type[base.Resource],
        uuid_: str,
        index: str,
        values: api.Values,
        when: datetime.datetime,
        place: int,
    ) -> api.Values:
        if cls is objects.Device:
            values.setdefault("attached_here", False)
        return {
            **values,
            "index": index,
            "podm_id": self.podm_id,
            "uuid": uuid_,
            # Pages are found by it, and fast where no two are equal.
            "created_at": when + datetime.timedelta(microseconds=place),
            "updated_at": when,
            "revision": 0,
        }

    def _write(
        self,
        table: sa.Table,
        changes: list[Change],
        when: datetime.datetime,
    ) -> None:
        """Update many rows with few statements.

        One that somebody else has written since it was read stays as it is:
        not all databases show that to a transaction that only reads it.
        """
        alike: dict[str, list[Change]] = {}
        for row, values in changes:
            key = repr((row["revision"], sorted(values.items())))
            alike.setdefault(key, []).append((row, values))
        single: dict[tuple[str, ...], list[api.Values]] = {}
        for group in alike.values():
            if len(group) < ALIKE:
                for row, values in group:
                    single.setdefault(tuple(sorted(values)), []).append(
                        {
                            **self._written(row, values, when),
                            "b_id": row["id"],
                            "b_revision": row["revision"],
                        }
                    )
                continue
            row, values = group[0]
            for part in _parts([row["id"] for row, _ in group]):
                self.connection.execute(
                    sa.update(table)
                    .where(
                        table.c.id.in_(part),
                        table.c.revision == row["revision"],
                    )
                    .values(self._written(row, values, when))
                )
        for rows in single.values():
            self.connection.execute(
                sa.update(table).where(
                    table.c.id == sa.bindparam("b_id"),
                    table.c.revision == sa.bindparam("b_revision"),
                ),
                rows,
            )

    @staticmethod
    def _written(
        row: typing.Any, values: api.Values, when: datetime.datetime
    ) -> api.Values:
        return {**values, "updated_at": when, "revision": row["revision"] + 1}


def _parts(ids: list[int]) -> typing.Iterator[list[int]]:
    for start in range(0, len(ids), MANY):
        yield ids[start : start + MANY]
