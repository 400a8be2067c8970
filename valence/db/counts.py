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

"""What there is, counted for those who list it: a part of the store."""

import collections
import typing

import sqlalchemy as sa

from valence import states
from valence.context import RequestContext
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.db import tenancy
from valence.objects import base
from valence.objects import resource_class


class Counts:
    """The part of the store that counts; one statement each."""

    def usage(
        self, context: RequestContext, uuids: list[str]
    ) -> list[dict[str, typing.Any]]:
        if not uuids:
            return []
        nodes, devices, i = (
            models.NODES.c,
            models.DEVICES.c,
            models.INVENTORIES.c,
        )
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

    def count(
        self,
        context: RequestContext,
        cls: type[base.Resource],
        by: list[str],
        filters: api.Values,
    ) -> list[dict[str, typing.Any]]:
        table = models.TABLES[cls]
        columns = [table.c[name] for name in by]
        query = (
            sa.select(*columns, sa.func.count())
            .where(
                *tenancy.within_reach(context, cls),
                *(api.matches(table.c[n], v) for n, v in filters.items()),
            )
            .group_by(*columns)
        )
        with engine.reading() as connection:
            return [
                dict(zip((*by, "count"), row, strict=True))
                for row in connection.execute(query)
            ]

    def device_stats(
        self, context: RequestContext, filters: api.Values
    ) -> list[dict[str, typing.Any]]:
        d, pods = models.DEVICES.c, models.POD_MANAGERS.c
        by = (d.podm_id, pods.name, d.type, d.vendor, d.model)
        free = sa.func.sum(sa.case((d.state == states.FREE, 1), else_=0))
        query = (
            sa.select(*by, sa.func.count().label("total"), free.label("free"))
            .join_from(models.DEVICES, models.POD_MANAGERS)
            .where(
                d.deleted_at.is_(None),
                *(api.matches(d[name], v) for name, v in filters.items()),
            )
            .group_by(*by)
        )
        # Types that are one class are counted as one.
        counts: dict[tuple[typing.Any, ...], collections.Counter[str]] = {}
        with engine.reading() as connection:
            for row in connection.execute(query):
                key = (
                    row.name,
                    row.podm_id,
                    resource_class.of_device(row.type),
                    row.vendor,
                    row.model,
                )
                count = counts.setdefault(key, collections.Counter())
                count.update(total=row.total, free=int(row.free))
        return [
            {
                "podm_id": podm_id,
                "pod_manager": name,
                "resource_class": class_name,
                "vendor": vendor,
                "model": model,
                "total": count["total"],
                "free": count["free"],
                "allocated": count["total"] - count["free"],
            }
            for (name, podm_id, class_name, vendor, model), count in sorted(
                counts.items(), key=lambda item: [x or "" for x in item[0]]
            )
        ]


def _count_devices(counts: dict[str, typing.Any], row: typing.Any) -> None:
    kind = counts["by_type"].setdefault(
        row.a, {"total": 0, "free": 0, "allocated": 0}
    )
    word = "free" if row.b == "free" else "allocated"
    for each in (counts, kind):
        each["total"] += row.n
        each[word] += row.n
