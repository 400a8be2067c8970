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

"""Do not put all eggs into one basket."""

import sqlalchemy as sa

from valence.db import models
from valence.objects.requirements import Requirements
from valence.scheduler import base

#: Nodes that may stand on one pod manager.
MOST = 2


def crowd() -> sa.ColumnElement[int]:
    """How many nodes stand on a pod manager."""
    nodes = models.NODES.c
    return (
        sa.select(sa.func.count())
        .where(
            nodes.podm_id == models.POD_MANAGERS.c.uuid,
            nodes.index.is_not(None),
        )
        .correlate(models.POD_MANAGERS)
        .scalar_subquery()
    )


class Crowd(base.Filter):
    """Turns pod managers down that have enough nodes."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool]:
        return crowd() < MOST

    def columns(self, asked: Requirements) -> base.Columns:
        return {"crowd": crowd()}

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        return base.Reason(
            f"it has {row['crowd']} nodes, and {MOST} are enough",
            needed={"nodes": 1},
            free={"nodes": max(0, MOST - row["crowd"])},
        )


class Calm(base.Weigher):
    """Prefers pod managers with few nodes."""

    def columns(self, asked: Requirements) -> base.Columns:
        return {"calm": crowd()}

    def weigh(self, row: base.Row, asked: Requirements) -> float:
        return -float(row["calm"])
