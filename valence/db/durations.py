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

"""How long operations took: counted when they end, for good.

Operations are forgotten in the end, and what watches them wants counts that
never fall.
"""

import bisect
import functools
import itertools
import math
import typing

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from valence.context import RequestContext
from valence.db import api
from valence.db import engine
from valence.db import models

#: Seconds. Hardware takes from a blink to the better part of an hour.
BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)

DURATIONS = models.DURATIONS


def add(
    connection: sa.Connection, kind: str, state: str, seconds: float
) -> None:
    """Count an operation that ends."""
    row = {
        "kind": kind,
        "state": state,
        "above": (0, *BOUNDS)[bisect.bisect_left(BOUNDS, seconds)],
        "count": 1,
        "seconds": seconds,
    }
    connection.execute(_more(connection.dialect.name), row)


@functools.cache
def _more(dialect: str) -> sa.Insert:
    """Make a row, or add to the one that there is.

    In one statement: an UPDATE, and an INSERT where it found none, lock the
    same gap on MariaDB, and two of them wait for each other.
    """
    inserts = {
        "mysql": mysql.insert,
        "postgresql": postgresql.insert,
        "sqlite": sqlite.insert,
    }
    made: typing.Any = inserts[dialect](DURATIONS)
    given = made.inserted if dialect == "mysql" else made.excluded
    more = {
        "count": DURATIONS.c.count + 1,
        "seconds": DURATIONS.c.seconds + given.seconds,
    }
    if dialect == "mysql":
        return typing.cast(sa.Insert, made.on_duplicate_key_update(more))
    key = DURATIONS.primary_key.columns.keys()
    return typing.cast(
        sa.Insert, made.on_conflict_do_update(index_elements=key, set_=more)
    )


class Durations:
    """The part of the store that tells of them."""

    def operation_stats(
        self, context: RequestContext, filters: api.Values
    ) -> list[dict[str, typing.Any]]:
        query = (
            sa.select(*DURATIONS.c, DURATIONS.c.count.label("number"))
            .where(
                *(api.matches(DURATIONS.c[n], v) for n, v in filters.items())
            )
            .order_by(DURATIONS.c.kind, DURATIONS.c.state, DURATIONS.c.above)
        )
        with engine.reading() as connection:
            rows = connection.execute(query).all()
        return [
            {"kind": kind, "state": state, **_histogram(list(some))}
            for (kind, state), some in itertools.groupby(
                rows, lambda row: (row.kind, row.state)
            )
        ]


def _histogram(rows: list[typing.Any]) -> dict[str, typing.Any]:
    counts = {row.above: row.number for row in rows}
    sums = itertools.accumulate(counts.get(b, 0) for b in (0, *BOUNDS))
    return {
        "count": sum(counts.values()),
        "seconds": round(math.fsum(row.seconds for row in rows), 3),
        "buckets": [
            {"up_to": bound, "count": count}
            for bound, count in zip((*BOUNDS, None), sums, strict=True)
        ],
    }
