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
import random
import typing

from oslo_config import cfg
import sqlalchemy as sa
import stevedore

from valence.db import claims
from valence.db import engine
from valence.db import models
from valence.objects.requirements import Requirements
from valence.scheduler import base
from valence.scheduler import filters

CONF = cfg.CONF

FILTERS = "valence.scheduler.filter"
WEIGHERS = "valence.scheduler.weigher"

PODS = models.POD_MANAGERS.c


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A pod manager that can serve a request.

    :ivar score: the sum of its weights; the best is the highest
    :ivar weights: by weigher, each between 0 and its multiplier
    """

    uuid: str
    name: str
    score: float = 0.0
    weights: dict[str, float] = dataclasses.field(default_factory=dict)


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
    )
    return {extension.name: extension.obj for extension in manager}


def _missing(namespace: str, names: collections.abc.Iterable[str]) -> None:
    raise PluginError(f"No {namespace} is called {', '.join(sorted(names))}.")


def _broken(manager: object, entry: typing.Any, error: BaseException) -> None:
    raise PluginError(f"'{entry.name}' cannot be loaded: {error}")


def active_filters() -> dict[str, base.Filter]:
    return _plugins(FILTERS, tuple(CONF.scheduler.filters))


def active_weighers() -> dict[str, base.Weigher]:
    return _plugins(WEIGHERS, tuple(CONF.scheduler.weighers))


def select(asked: Requirements) -> list[Candidate]:
    """The pod managers that can serve, the best first; ties at random.

    One statement, whose cost does not grow with those that cannot.
    """
    chosen = active_filters()
    weighers = active_weighers()
    columns: base.Columns = {}
    # Those that say it all in SQL have nothing left to look at.
    in_python = [
        one for one in chosen.values() if type(one).passes is not _PASSES
    ]
    plugins: list[base.Filter | base.Weigher] = [
        *in_python,
        *weighers.values(),
    ]
    for plugin in plugins:
        columns.update(plugin.columns(asked))
    query = _query(asked, columns)
    for one in chosen.values():
        condition = one.condition(asked)
        if condition is not None:
            query = query.where(condition)
    with engine.reading() as connection:
        rows = connection.execute(query).mappings().all()
    rows = [
        row for row in rows if all(f.passes(row, asked) for f in in_python)
    ]
    found = _weighed(rows, weighers, asked)
    random.shuffle(found)
    # To nine digits: what differs by rounding alone is a tie.
    found.sort(key=lambda candidate: -round(candidate.score, 9))
    return found


_PASSES = base.Filter.passes


def _query(
    asked: Requirements, columns: base.Columns
) -> sa.Select[typing.Any]:
    query = sa.select(
        PODS.uuid,
        PODS.name,
        *(what.label(label) for label, what in columns.items()),
    )
    if asked.podm_id is not None:
        query = query.where(PODS.uuid == asked.podm_id)
    return query


def _weighed(
    rows: list[base.Row],
    weighers: dict[str, base.Weigher],
    asked: Requirements,
) -> list[Candidate]:
    weights: list[dict[str, float]] = [{} for _ in rows]
    if rows:
        for name, weigher in weighers.items():
            multiplier = float(CONF.scheduler.weigher_multipliers.get(name, 1))
            raw = [weigher.weigh(row, asked) for row in rows]
            least, span = min(raw), max(raw) - min(raw)
            for weight, value in zip(weights, raw, strict=True):
                weight[name] = (
                    multiplier * (value - least) / span if span else 0.0
                )
    return [
        Candidate(row["uuid"], row["name"], sum(weight.values()), weight)
        for row, weight in zip(rows, weights, strict=True)
    ]


def explain(asked: Requirements) -> list[Refusal]:
    """Why each pod manager that cannot serve cannot; the nearest first.

    The nearest got through the most filters, and lacks the least. One
    statement; it looks at all pod managers.
    """
    chosen = active_filters()
    columns: base.Columns = {}
    for name, one in chosen.items():
        columns.update(one.columns(asked))
        condition = one.condition(asked)
        columns[f"passes {name}"] = (
            sa.literal(1)
            if condition is None
            else sa.case((condition, 1), else_=0)
        )
    query = _query(asked, columns).order_by(PODS.id)
    with engine.reading() as connection:
        rows = connection.execute(query).mappings().all()
    found: list[tuple[tuple[float, float], Refusal]] = []
    for row in rows:
        for place, (name, one) in enumerate(chosen.items()):
            if not row[f"passes {name}"] or not one.passes(row, asked):
                reason = one.explain(row, asked)
                refusal = Refusal(row["uuid"], row["name"], name, reason)
                found.append(((-place, _lacking(reason)), refusal))
                break
    return [refusal for _, refusal in sorted(found, key=lambda f: f[0])]


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

    Two statements at most; none where it does not matter.
    """
    if asked.rack is None and not asked.devices:
        return [claims.ANYWHERE]
    s, r = models.SYSTEMS.c, models.RACKS.c
    conditions = filters.fits(asked, podm_id)
    if asked.devices:
        conditions.append(filters.reaches(asked, podm_id))
    query = (
        sa.select(s.rack_id, r.index)
        .join_from(
            models.SYSTEMS, models.RACKS, r.uuid == s.rack_id, isouter=True
        )
        .where(*conditions)
        .distinct()
    )
    everywhere = sa.select(sa.func.count(s.rack_id.distinct())).where(
        s.podm_id == podm_id
    )
    with engine.reading() as connection:
        racks = connection.execute(query).all()
        several = (connection.execute(everywhere).scalar() or 0) > 1
        found = [
            claims.Place(
                rack_id,
                # A pod manager with one rack need not be told which.
                index if several or asked.rack is not None else None,
            )
            for rack_id, index in racks
        ]
        if asked.same_pool:
            found = [
                dataclasses.replace(place, pool=pool)
                for place in found
                for pool in connection.execute(
                    filters.pools_of(asked, podm_id, place.rack_id)
                ).scalars()
            ]
    random.shuffle(found)
    return found
