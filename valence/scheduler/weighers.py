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

"""The weighers that Valence comes with."""

import functools
import operator

import sqlalchemy as sa

from valence.db import models
from valence.objects.requirements import Requirements
from valence.scheduler import base
from valence.scheduler import conditions


class Spread(base.Weigher):
    """The emptiest first: by the share, of what is asked for, that is free."""

    def columns(self, asked: Requirements) -> base.Columns:
        shares: list[sa.ColumnElement[float]] = []
        for name in asked.amounts:
            i = base.inventory(asked, name).c
            share = sa.cast(i.free, sa.Double()) / sa.func.nullif(
                i.free + i.used, 0
            )
            shares.append(sa.func.coalesce(share, 0.0))
        return {
            "spread_share": functools.reduce(operator.add, shares)
            / len(shares)
        }

    def weigh(self, row: base.Row, asked: Requirements) -> float:
        return float(row["spread_share"])


class Pack(Spread):
    """The fullest first, so that the others stay free for what is large."""

    def weigh(self, row: base.Row, asked: Requirements) -> float:
        return -super().weigh(row, asked)


class Leftovers(base.Weigher):
    """The one whose smallest system that fits is the smallest.

    What is larger is left for who needs it.
    """

    def columns(self, asked: Requirements) -> base.Columns:
        return {
            "leftovers_mib": sa.select(
                sa.func.min(models.SYSTEMS.c.memory_mib)
            )
            .where(*conditions.fits(asked))
            .scalar_subquery()
        }

    def weigh(self, row: base.Row, asked: Requirements) -> float:
        smallest = row["leftovers_mib"] or asked.memory_mib or 0
        return -float(smallest - (asked.memory_mib or 0))
