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

"""What systems and devices have to be, in SQL."""

import itertools
import typing

import sqlalchemy as sa

from valence import objects
from valence.db import claims
from valence.db import models
from valence.objects.requirements import Requirements
from valence.objects.requirements import Wanted

PODS = models.POD_MANAGERS.c
SYSTEMS = models.SYSTEMS
DEVICES = models.DEVICES


def fits(
    asked: Requirements, podm_id: typing.Any = PODS.uuid
) -> list[sa.ColumnElement[bool]]:
    """Conditions on a free system that has what is asked of the system."""
    s = SYSTEMS.c
    found = [s.podm_id == podm_id, s.state == objects.system.FREE]
    for column, least in (
        (s.memory_mib, asked.memory_mib),
        (s.cpu_cores, asked.cores),
    ):
        if least is not None:
            # What a pod manager does not tell does not count against it.
            found.append(sa.or_(column.is_(None), column >= least))
    if asked.cpu_model is not None:
        found.append(
            sa.or_(s.cpu_model.is_(None), s.cpu_model == asked.cpu_model)
        )
    if asked.rack is not None:
        r = models.RACKS.c
        found.append(
            s.rack_id.in_(
                sa.select(r.uuid).where(
                    r.podm_id == podm_id,
                    sa.or_(
                        r.uuid == asked.rack,
                        r.name == asked.rack,
                        r.index == asked.rack,
                    ),
                )
            )
        )
    return found


def reaches(
    asked: Requirements,
    podm_id: typing.Any = PODS.uuid,
    rack_id: sa.ColumnElement[typing.Any] = SYSTEMS.c.rack_id,
) -> sa.ColumnElement[bool]:
    """Condition on a system: the devices are where it can reach them.

    A pool serves the rack that it stands in; where that is not told, all.

    :param rack_id: where the system stands
    """
    d = DEVICES.c
    near = d.rack_id == rack_id
    if not asked.same_rack:
        near = sa.or_(near, d.rack_id.is_(None), rack_id.is_(None))
    if asked.same_pool:
        query = _together(asked, podm_id).where(near)
        return query.correlate_except(DEVICES).exists()
    # Whether there is a last one of those that are needed: of however many
    # there are, no more are looked at.
    return sa.and_(
        *(
            sa.select(d.id)
            .where(d.podm_id == podm_id, sa.or_(*conditions), near)
            .limit(1)
            .offset(count - 1)
            .correlate_except(DEVICES)
            .scalar_subquery()
            .is_not(None)
            for conditions, count in _apart(asked.devices)
        )
    )


def pools_of(
    asked: Requirements, podm_id: str, rack_id: str | None
) -> sa.Select[typing.Any]:
    """The pools that have all devices which a system in a rack can reach."""
    d = DEVICES.c
    query = _together(asked, podm_id)
    if rack_id is None:
        return query
    near = d.rack_id == rack_id
    return query.where(
        near if asked.same_rack else sa.or_(near, d.rack_id.is_(None))
    )


def _together(
    asked: Requirements, podm_id: typing.Any
) -> sa.Select[typing.Any]:
    """Pools that have enough of each kind."""
    d = DEVICES.c
    enough = [
        sa.func.sum(sa.case((sa.or_(*conditions), 1), else_=0)) >= count
        for conditions, count in _apart(asked.devices)
    ]
    return (
        sa.select(d.pooled_group_id)
        .where(
            d.podm_id == podm_id,
            d.pooled_group_id.is_not(None),
            sa.or_(*_any_of(asked.devices)),
        )
        .group_by(d.pooled_group_id)
        .having(sa.and_(*enough))
    )


def _any_of(wanted: tuple[Wanted, ...]) -> list[sa.ColumnElement[bool]]:
    return [sa.and_(*claims.suits(one)) for one in wanted]


def _apart(
    wanted: tuple[Wanted, ...],
) -> list[tuple[list[sa.ColumnElement[bool]], int]]:
    """Which devices have to be how many, so that each that is wanted can
    have one of its own.

    One device may be of several kinds; so any kinds that one may be of have
    to have enough together (Hall's theorem). Of many kinds of one type only
    all are looked at together: the claim finds out about the others.
    """
    parts = [([sa.and_(*claims.suits(one))], one.count) for one in wanted]
    for _, same in itertools.groupby(wanted, lambda one: one.type):
        alike = tuple(same)
        least = 2 if len(alike) <= _KINDS else len(alike)
        for size in range(least, len(alike) + 1):
            for some in itertools.combinations(alike, size):
                if all(any(_meet(a, b) for b in some) for a in some):
                    parts.append(
                        (_any_of(some), sum(one.count for one in some))
                    )
    return parts


#: Kinds of one type, any of which are looked at together.
_KINDS = 4


def _meet(a: Wanted, b: Wanted) -> bool:
    """Whether one device may be of both of two kinds."""
    return a is not b and all(
        None in both or len(both) == 1
        for both in ({a.vendor, b.vendor}, {a.model, b.model})
    )
