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

import datetime
import typing
import uuid

import sqlalchemy as sa

from valence import objects
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import base

Reported = dict[str, dict[str, typing.Any]]


@api.retried
def replace(
    podm_id: str, racks: Reported, systems: Reported
) -> dict[str, int]:
    """Make the rows of a pod manager equal to what it reports.

    Nothing that stands as it stood is written.

    :param racks: index → values of the fields of a Rack
    :param systems: index → values of the fields of a System; ``rack_index``
        instead of ``rack_id``
    :returns: how many rows were 'added', 'changed' and 'removed'
    """
    counts = {"added": 0, "changed": 0, "removed": 0}
    with engine.writing() as connection:
        rack_ids = _merge(connection, objects.Rack, podm_id, racks, counts)
        places = _nodes_by_system(connection, podm_id)
        # Copies: a transaction that is run again starts from the same.
        systems = {index: dict(values) for index, values in systems.items()}
        for values in systems.values():
            values["rack_id"] = rack_ids.get(values.pop("rack_index"))
            values["node_id"] = places.get(values["resource_uri"])
            if values["node_id"]:
                # The hardware was asked before this transaction began; a
                # node that was composed meanwhile is on it all the same.
                values["state"] = objects.system.IN_USE
        _merge(connection, objects.System, podm_id, systems, counts)
    return counts


def _nodes_by_system(
    connection: sa.Connection, podm_id: str
) -> dict[str, str]:
    nodes = models.NODES
    rows = connection.execute(
        sa.select(nodes.c.uuid, nodes.c.systems).where(
            nodes.c.podm_id == podm_id
        )
    )
    return {uri: row.uuid for row in rows for uri in row.systems or []}


def _merge(
    connection: sa.Connection,
    cls: type[base.Resource],
    podm_id: str,
    reported: Reported,
    counts: dict[str, int],
) -> dict[str, str]:
    """Merge one kind of thing; returns index → uuid."""
    table = models.TABLES[cls]
    known = {
        row["index"]: row
        for row in connection.execute(
            sa.select(table).where(table.c.podm_id == podm_id)
        ).mappings()
    }
    ids = {index: row["uuid"] for index, row in known.items()}
    when: datetime.datetime = api.now()
    added: list[dict[str, typing.Any]] = []
    changed: list[dict[str, typing.Any]] = []
    for index, values in reported.items():
        values = api.clip(cls, values)
        row = known.get(index)
        if row is None:
            ids[index] = str(uuid.uuid4())
            added.append(
                {
                    **values,
                    "index": index,
                    "podm_id": podm_id,
                    "uuid": ids[index],
                    # Pages are found by it, and fast where no two are equal.
                    "created_at": when
                    + datetime.timedelta(microseconds=len(added)),
                    "updated_at": when,
                    "revision": 0,
                }
            )
        elif any(row[name] != value for name, value in values.items()):
            changed.append(
                {
                    **values,
                    "b_id": row["id"],
                    "updated_at": when,
                    "revision": row["revision"] + 1,
                }
            )
    removed = [row["id"] for i, row in known.items() if i not in reported]
    if removed:
        for start in range(0, len(removed), 500):
            connection.execute(
                sa.delete(table).where(
                    table.c.id.in_(removed[start : start + 500])
                )
            )
    if added:
        connection.execute(sa.insert(table), added)
    if changed:
        connection.execute(
            sa.update(table).where(table.c.id == sa.bindparam("b_id")),
            changed,
        )
    counts["added"] += len(added)
    counts["changed"] += len(changed)
    counts["removed"] += len(removed)
    return ids
