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

"""Filters, then weighs; says why where nothing is left."""

import collections.abc
import dataclasses
import functools
import math
import operator
import random
import types
import typing

from oslo_config import cfg
import sqlalchemy as sa
import stevedore

from valence.db import claims
from valence.db import engine
from valence.db import models
from valence.objects.requirements import Requirements
from valence.scheduler import base
from valence.scheduler import conditions

CONF = cfg.CONF

FILTERS = "valence.scheduler.filter"
WEIGHERS = "valence.scheduler.weigher"

PODS = models.POD_MANAGERS.c


class Candidate(typing.NamedTuple):
    """A pod manager that can serve a request.

    :ivar score: the sum of its weights; the best is the highest
    :ivar weights: by weigher, each between 0 and its multiplier
    """

    uuid: str
    name: str
    score: float = 0.0
    weights: typing.Mapping[str, float] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """A pod manager that cannot, and why.

    :ivar filter: the first that turned it down; None: it was tried
    """

    podm_id: str
    name: str
    filter: str | None
    reason: base.Reason

    def document(self) -> dict[str, typing.Any]:
        return {
            "podm_id": self.podm_id,
            "pod_manager": self.name,
            "filter": self.filter,
            "reason": self.reason.text,
            "needed": self.reason.needed,
            "free": self.reason.free,
        }


class PluginError(Exception):
    """A filter or weigher that is configured cannot be had."""


@functools.cache
def _plugins(namespace: str, names: tuple[str, ...]) -> dict[str, typing.Any]:
    """The plug-ins of these names, in this order.

    :raises: PluginError
    """
    manager: typing.Any = stevedore.NamedExtensionManager(
        namespace,
        list(names),
        invoke_on_load=True,
        name_order=True,
        on_missing_entrypoints_callback=functools.partial(_missing, namespace),
        on_load_failure_callback=_broken,
        conflict_resolver=_several,
    )
    found: dict[str, typing.Any] = {}
    for extension in manager:
        if not isinstance(extension.obj, _KINDS[namespace]):
            raise PluginError(
                f"'{extension.name}' cannot be loaded: it is no "
                f"{_KINDS[namespace].__name__}."
            )
        found[extension.name] = extension.obj
    return found


_KINDS = {FILTERS: base.Filter, WEIGHERS: base.Weigher}


def _missing(namespace: str, names: collections.abc.Iterable[str]) -> None:
    raise PluginError(f"No {namespace} is called {', '.join(sorted(names))}.")


def _broken(manager: object, entry: typing.Any, error: BaseException) -> None:
    raise PluginError(f"'{entry.name}' cannot be loaded: {error}")


def _several(namespace: str, name: str, found: object) -> typing.NoReturn:
    raise PluginError(f"More than one {namespace} is called '{name}'.")


def active_filters() -> dict[str, base.Filter]:
    return _plugins(FILTERS, tuple(CONF.scheduler.filters))


def active_weighers() -> dict[str, base.Weigher]:
    return _plugins(WEIGHERS, tuple(CONF.scheduler.weighers))


def check() -> None:
    """See that all that is configured can be had.

    :raises: PluginError
    """
    active_filters()
    weighers = active_weighers()
    for name, multiplier in CONF.scheduler.weigher_multipliers.items():
        if name not in weighers:
            raise PluginError(
                f"There is a multiplier for '{name}', which is no weigher "
                "that is on."
            )
        if not math.isfinite(multiplier):
            raise PluginError(f"The multiplier for '{name}' is no number.")


def select(asked: Requirements) -> list[Candidate]:
    """The pod managers that can serve, the best first; ties at random.

    Two statements; one where the pod manager is named. Their cost does not
    grow with those that cannot serve for a reason that an index knows, see
    :meth:`base.Filter.ranges`.
    """
    chosen = tuple(active_filters().values())
    weighers = active_weighers()
    in_python = _in_python(chosen)
    with engine.reading() as connection:
        way = _way(connection, asked, chosen)
        query = _choice(asked, chosen, tuple(weighers.values()), way)
        rows = connection.execute(query).mappings().all()
    if in_python:
        rows = [
            row for row in rows if all(f.passes(row, asked) for f in in_python)
        ]
    found = _weighed(rows, weighers, asked)
    random.shuffle(found)
    # To nine digits: what differs by rounding alone is a tie.
    found.sort(key=lambda candidate: -round(candidate.score, 9))
    return found


def _way(
    connection: sa.Connection,
    asked: Requirements,
    chosen: tuple[base.Filter, ...],
) -> int | None:
    """The range that fewest are in, by its place in :func:`_ranges`; None:
    all have about as many.

    It is asked for because databases guess: SQLite has no statistics, and
    those of others are of some time ago.
    """
    if asked.podm_id is not None or not _ranges(asked, chosen):
        return None
    row = connection.execute(_counts(asked, chosen)).one()
    counts = [min(count, FEW) for count in row]
    least = min(counts)
    return counts.index(least) if least < max(counts) else None


#: How far ranges are counted. Counting so many takes less time than looking
#: closely at a few pod managers does.
FEW = 250


@functools.lru_cache(64)
def _ranges(
    asked: Requirements, chosen: tuple[base.Filter, ...]
) -> list[sa.GenerativeSelect]:
    return [one for a_filter in chosen for one in a_filter.ranges(asked)]


@functools.lru_cache(64)
def _counts(
    asked: Requirements, chosen: tuple[base.Filter, ...]
) -> sa.Select[typing.Any]:
    """How many are in each range, counted up to FEW in each of its parts."""
    counts: list[typing.Any] = [
        functools.reduce(operator.add, map(_count, _parts(one)))
        for one in _ranges(asked, chosen)
    ]
    return sa.select(*counts)


def _parts(
    one: sa.GenerativeSelect,
) -> collections.abc.Sequence[sa.Select[typing.Any]]:
    """What a union is of: MariaDB would make all of it before it counts."""
    selects = one.selects if isinstance(one, sa.CompoundSelect) else [one]
    return typing.cast(list[sa.Select[typing.Any]], selects)


def _count(one: sa.Select[typing.Any]) -> sa.ScalarSelect[int]:
    few = one.limit(FEW).subquery()
    return sa.select(sa.func.count()).select_from(few).scalar_subquery()


def _in_python(chosen: tuple[base.Filter, ...]) -> list[base.Filter]:
    """Those that do not say it all in SQL, and have to look at the rows."""
    return [f for f in chosen if type(f).passes is not base.Filter.passes]


# Making such a statement takes longer than carrying it out does with a few
# pod managers; and many nodes are asked for by few flavors.
@functools.lru_cache(64)
def _choice(
    asked: Requirements,
    chosen: tuple[base.Filter, ...],
    weighers: tuple[base.Weigher, ...],
    way: int | None = None,
) -> sa.Select[typing.Any]:
    """Those that can serve, with what there is to look at and to weigh.

    :param way: see :func:`_way`
    """
    plugins: list[base.Filter | base.Weigher]
    plugins = [*_in_python(chosen), *weighers]
    columns: base.Columns = {}
    for plugin in plugins:
        columns.update(plugin.columns(asked))
    wanted = {
        one: condition
        for one in chosen
        if (condition := one.condition(asked)) is not None
    }
    covered = {kind for one in wanted for kind in one.covers}
    few = None if way is None else _ranges(asked, chosen)[way]
    return _query(asked, columns, few).where(
        *(
            condition
            for one, condition in wanted.items()
            if type(one) not in covered
        )
    )


def _query(
    asked: Requirements,
    columns: base.Columns,
    few: sa.GenerativeSelect | None = None,
) -> sa.Select[typing.Any]:
    """Of each pod manager, with what it has of the classes asked for.

    :param few: finds the uuids of those that it is about; None: of all
    """
    rows: sa.FromClause = models.POD_MANAGERS
    if few is not None:
        (uuid,) = few.subquery("some").c
        # Made up first, as it cannot be taken apart, and so looked at first.
        # Where they have become more meanwhile, they are not many more.
        few = sa.select(uuid.label("uuid")).distinct().limit(4 * FEW)
        first = few.subquery("few")
        rows = first.join(rows, PODS.uuid == first.c.uuid)
    for name in asked.amounts:
        has = base.inventory(asked, name)
        rows = rows.outerjoin(
            has,
            sa.and_(
                has.c.provider_id == PODS.uuid, has.c.resource_class == name
            ),
        )
    query = sa.select(
        PODS.uuid,
        PODS.name,
        *(what.label(label) for label, what in columns.items()),
    ).select_from(rows)
    if asked.podm_id is not None:
        query = query.where(PODS.uuid == asked.podm_id)
    return query


def _weighed(
    rows: typing.Sequence[base.Row],
    weighers: dict[str, base.Weigher],
    asked: Requirements,
) -> list[Candidate]:
    if not rows:
        return []
    #: Of each weigher, the weights of all rows.
    weights: list[list[float]] = []
    for name, weigher in weighers.items():
        raw = [weigher.weigh(row, asked) for row in rows]
        least = min(raw)
        span = max(raw) - least
        factor = float(CONF.scheduler.weigher_multipliers.get(name, 1))
        factor = factor / span if span else 0.0
        weights.append([factor * (value - least) for value in raw])
    names = tuple(weighers)
    return [
        Candidate(
            row["uuid"],
            row["name"],
            sum(own),
            dict(zip(names, own, strict=True)),
        )
        for row, *own in zip(rows, *weights, strict=True)
    ]


def explain(asked: Requirements) -> list[Refusal]:
    """Why each pod manager that cannot serve cannot; the nearest first.

    The nearest got through the most filters, and lacks the least. One
    statement; it looks at all pod managers.
    """
    chosen = active_filters()
    query = _explanation(asked, tuple(chosen.values()))
    with engine.reading() as connection:
        rows = connection.execute(query).mappings().all()
    found: list[tuple[tuple[float, float], Refusal]] = []
    for row in rows:
        for place, (name, one) in enumerate(chosen.items()):
            if row["turned down"] == place or not one.passes(row, asked):
                reason = one.explain(row, asked)
                refusal = Refusal(row["uuid"], row["name"], name, reason)
                found.append(((-place, _lacking(reason)), refusal))
                break
    return [refusal for _, refusal in sorted(found, key=lambda f: f[0])]


@functools.lru_cache(8)
def _explanation(
    asked: Requirements, chosen: tuple[base.Filter, ...]
) -> sa.Select[typing.Any]:
    """Those that cannot serve, with the place of the first filter whose
    condition says so, and with what the filters have to know."""
    columns: base.Columns = {}
    first: list[tuple[sa.ColumnElement[bool], int]] = []
    for place, one in enumerate(chosen):
        columns.update(one.columns(asked))
        condition = one.condition(asked)
        if condition is not None:
            # Neither is a condition met of which nothing is known.
            met = sa.func.coalesce(condition, sa.false())
            first.append((sa.not_(met), place))
    none = len(chosen)
    by = sa.case(*first, else_=none) if first else sa.literal(none)
    query = _query(asked, {**columns, "turned down": by}).order_by(PODS.id)
    return query if _in_python(chosen) else query.where(by < none)


def _lacking(reason: base.Reason) -> float:
    """How much is missing: 0 nothing, 1 all of one thing."""
    lacking = 0.0
    for what, needed in reason.needed.items():
        if isinstance(needed, int) and needed:
            lacking += max(0, needed - (reason.free.get(what) or 0)) / needed
    return lacking


def plan(asked: Requirements) -> dict[str, typing.Any]:
    """What would be chosen, and why; as a document."""
    candidates = select(asked)
    best = candidates[0] if candidates else None
    return {
        "podm_id": best.uuid if best else None,
        "pod_manager": best.name if best else None,
        "candidates": [
            {
                "podm_id": one.uuid,
                "pod_manager": one.name,
                "score": one.score,
                "weights": one.weights,
            }
            for one in candidates
        ],
        "refusals": [refusal.document() for refusal in explain(asked)],
    }


def places(podm_id: str, asked: Requirements) -> list[claims.Place]:
    """Where on a pod manager there is all that is asked for; in any order.

    One statement, and one for each rack where the pool matters; none where
    it does not matter.
    """
    if asked.rack is None and not asked.devices:
        return [claims.ANYWHERE]
    with engine.reading() as connection:
        racks = connection.execute(_racks(asked), {"podm": podm_id}).all()
        found = [
            claims.Place(
                rack_id,
                # A pod manager with one rack need not be told which.
                index if several > 1 or asked.rack is not None else None,
            )
            for rack_id, index, several in racks
        ]
        if asked.same_pool and asked.devices:
            found = [
                dataclasses.replace(place, pool=pool)
                for place in found
                for pool in connection.execute(
                    conditions.pools_of(asked, podm_id, place.rack_id)
                ).scalars()
            ]
    random.shuffle(found)
    return found


@functools.lru_cache(64)
def _racks(asked: Requirements) -> sa.Select[typing.Any]:
    """Where the systems of a pod manager stand that can serve: the rack, its
    index, and in how many racks any of its systems stand."""
    s, r = models.SYSTEMS.c, models.RACKS.c
    podm_id: sa.BindParameter[str] = sa.bindparam("podm")
    there = (
        sa.select(s.rack_id)
        .where(*conditions.fits(asked, podm_id))
        .distinct()
        .subquery("there")
    )
    everywhere = (
        sa.select(sa.func.count(s.rack_id.distinct()))
        .where(s.podm_id == podm_id)
        .scalar_subquery()
    )
    query = sa.select(there.c.rack_id, r.index, everywhere).join_from(
        there, models.RACKS, r.uuid == there.c.rack_id, isouter=True
    )
    if asked.devices:
        query = query.where(
            conditions.reaches(asked, podm_id, there.c.rack_id)
        )
    return query
