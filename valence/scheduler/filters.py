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

"""The filters that Valence comes with."""

import typing

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import accounts
from valence.db import claims
from valence.db import models
from valence.objects import resource_provider
from valence.objects.requirements import Requirements
from valence.scheduler import base
from valence.scheduler import conditions

PODS = models.POD_MANAGERS.c
SYSTEMS = models.SYSTEMS
DEVICES = models.DEVICES


def _range(
    condition: sa.ColumnElement[bool] | None,
) -> list[sa.GenerativeSelect]:
    """All that meet a condition on one column of pod managers, if any is."""
    if condition is None:
        return []
    return [sa.select(PODS.uuid).where(condition)]


class Online(base.Filter):
    """It answers."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool]:
        return PODS.status == states.ONLINE

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        return _range(self.condition(asked))

    def columns(self, asked: Requirements) -> base.Columns:
        return {
            "online_status": PODS.status,
            "online_reason": PODS.status_reason,
        }

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        text = f"it is {row['online_status']}"
        if row["online_reason"]:
            text += f": {row['online_reason']}"
        return base.Reason(text)


class Maintenance(base.Filter):
    """It is not being drained."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool]:
        return PODS.maintenance.is_(sa.false())

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        return _range(self.condition(asked))

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        return base.Reason("it is in maintenance")


class Keys(base.Filter):
    """Its driver can serve every key of the request."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        # A JSON list of words without quotes in them. Not LIKE, which takes
        # _ for any character and, on SQLite, a capital for a small letter.
        listed = sa.type_coerce(PODS.requirement_keys, sa.Text())
        return sa.and_(
            sa.true(),
            *(
                sa.func.replace(listed, f'"{key}"', "") != listed
                for key in sorted(asked.keys)
            ),
        )

    def columns(self, asked: Requirements) -> base.Columns:
        return {"keys": PODS.requirement_keys, "keys_driver": PODS.driver}

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        missing = sorted(asked.keys - set(row["keys"]))
        return base.Reason(
            f"its driver '{row['keys_driver']}' cannot serve "
            f"{', '.join(missing)}"
        )


class Location(base.Filter):
    """It stands where the request says."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        if asked.location is None:
            return None
        return PODS.location == asked.location

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        return _range(self.condition(asked))

    def columns(self, asked: Requirements) -> base.Columns:
        return {"location": PODS.location}

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        where = row["location"]
        return base.Reason(
            f"it stands at '{where}', not at '{asked.location}'"
            if where
            else f"it is not said to stand at '{asked.location}'"
        )


class Traits(base.Filter):
    """It has the traits that are required and none that is forbidden."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        return sa.and_(
            sa.true(),
            *(self._has(trait) for trait in sorted(asked.required_traits)),
            *(~self._has(trait) for trait in sorted(asked.forbidden_traits)),
        )

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        t = models.TRAITS.c
        return [
            sa.select(t.provider_id).where(t.trait == trait)
            for trait in sorted(asked.required_traits)
        ]

    def columns(self, asked: Requirements) -> base.Columns:
        return {
            f"trait_{place}": self._has(trait)
            for place, trait in enumerate(self._both(asked))
        }

    @staticmethod
    def _both(asked: Requirements) -> list[str]:
        return sorted(asked.required_traits | asked.forbidden_traits)

    @staticmethod
    def _has(trait: str) -> sa.ColumnElement[bool]:
        t = models.TRAITS.c
        return sa.exists().where(t.provider_id == PODS.uuid, t.trait == trait)

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        has = {
            trait: row[f"trait_{place}"]
            for place, trait in enumerate(self._both(asked))
        }
        parts = [
            f"lacks {trait}"
            for trait in sorted(asked.required_traits)
            if not has[trait]
        ] + [
            f"has {trait}"
            for trait in sorted(asked.forbidden_traits)
            if has[trait]
        ]
        return base.Reason(f"it {' and '.join(parts)}")


class Capacity(base.Filter):
    """It has enough of each resource class left."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        return sa.and_(
            *(
                condition
                for name, amount in asked.amounts.items()
                for condition in accounts.enough(
                    name, amount, of=base.inventory(asked, name)
                )
            )
        )

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        i = models.INVENTORIES.c
        return [
            sa.select(i.provider_id).where(
                i.resource_class == name, i.free >= amount
            )
            for name, amount in asked.amounts.items()
        ]

    def columns(self, asked: Requirements) -> base.Columns:
        return {
            f"capacity_{place}": base.inventory(asked, name).c.free
            for place, name in enumerate(asked.amounts)
        }

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        words = {w.resource_class: w.type for w in asked.devices}
        needed, free = {}, {}
        for place, (name, amount) in enumerate(asked.amounts.items()):
            left = max(0, row[f"capacity_{place}"] or 0)
            if left < amount:
                needed[name], free[name] = amount, left
        if not needed:
            return base.Reason("it cannot give so many at once")
        parts = [
            f"{needed[name]} of type {words[name]} needed, {free[name]} free"
            for name in needed
            if name in words
        ]
        text = f"it has too few devices: {' and '.join(parts)}"
        if _SYSTEM in needed:
            text = "it has no free system" + (
                f", and {text[3:]}" if parts else ""
            )
        return base.Reason(text, needed, free)


class System(base.Filter):
    """One free system has all that is asked of the system."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        if not asked.of_one_system:
            return None
        return sa.exists().where(*conditions.fits(asked))

    def ranges(self, asked: Requirements) -> list[sa.GenerativeSelect]:
        s = SYSTEMS.c
        free = sa.select(s.podm_id).where(s.state == objects.system.FREE)
        return [
            sa.union_all(free.where(has >= least), free.where(has.is_(None)))
            for has, least in (
                (s.memory_mib, asked.memory_mib),
                (s.cpu_cores, asked.cores),
            )
            if least is not None
        ]

    def columns(self, asked: Requirements) -> base.Columns:
        free = (
            SYSTEMS.c.podm_id == PODS.uuid,
            SYSTEMS.c.state == objects.system.FREE,
        )
        return {
            label: sa.select(what).where(*free).scalar_subquery()
            for label, what in (
                ("system_free", sa.func.count()),
                ("system_memory_mib", sa.func.max(SYSTEMS.c.memory_mib)),
                ("system_cores", sa.func.max(SYSTEMS.c.cpu_cores)),
            )
        }

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        needed: dict[str, typing.Any] = {
            name: value
            for name, value in (
                ("cores", asked.cores),
                ("memory_mib", asked.memory_mib),
                ("model", asked.cpu_model),
                ("rack", asked.rack),
            )
            if value is not None
        }
        free: dict[str, typing.Any] = {
            name: row[f"system_{name}"]
            for name in ("cores", "memory_mib")
            if name in needed and row[f"system_{name}"] is not None
        }
        words = {
            "cores": "{} cores",
            "memory_mib": "{} MiB of memory",
            "model": "processor model {}",
        }
        wanted = " and ".join(
            words[name].format(value)
            for name, value in needed.items()
            if name in words
        )
        text = "it has no free system" + (f" with {wanted}" if wanted else "")
        if asked.rack is not None:
            text += f" in rack '{asked.rack}'"
        if free:
            text += ", the most that one of them has is " + " and ".join(
                words[name].format(value) for name, value in free.items()
            )
        return base.Reason(text, needed, free)


class Devices(base.Filter):
    """A system that fits can reach the devices that are asked for."""

    covers = (System,)

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        if not asked.devices:
            return None
        together = sa.exists().where(
            *conditions.fits(asked), conditions.reaches(asked)
        )
        if asked.of_one_place:
            return together
        # Where any system reaches any device, they need not be looked at:
        # the books have counted them.
        counted = []
        for wanted in asked.devices:
            has = base.inventory(asked, wanted.resource_class).c
            counted += [
                has.device_type == wanted.type,
                has.free >= wanted.count,
            ]
        return sa.and_(
            sa.exists().where(*conditions.fits(asked)),
            sa.or_(sa.and_(*counted), together),
        )

    def columns(self, asked: Requirements) -> base.Columns:
        d = DEVICES.c
        return {
            f"devices_{number}": sa.select(sa.func.count())
            .where(d.podm_id == PODS.uuid, *claims.suits(wanted))
            .scalar_subquery()
            for number, wanted in enumerate(asked.devices)
        }

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        needed, free = {}, {}
        for number, wanted in enumerate(asked.devices):
            key = str(wanted).partition(" of type ")[2]
            needed[key] = wanted.count
            free[key] = row[f"devices_{number}"]
        short = [key for key in needed if free[key] < needed[key]]
        if short:
            text = "it has too few devices: " + " and ".join(
                f"{needed[key]} of type {key} needed, {free[key]} free"
                for key in short
            )
        else:
            together = [
                word
                for word, wanted in (
                    ("in one pool", asked.same_pool),
                    ("in the rack of a free system that fits", True),
                )
                if wanted
            ]
            text = (
                "it has the devices, but not together "
                f"{' and '.join(together)}: "
                + ", ".join(map(str, asked.devices))
            )
        return base.Reason(text, needed, free)


class Pools(base.Filter):
    """A pool that serves it has what is asked of pools."""

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        return sa.and_(
            sa.true(), *(self._gives(*wanted) for wanted in asked.resources)
        )

    def columns(self, asked: Requirements) -> base.Columns:
        i = models.INVENTORIES.c
        found: base.Columns = {}
        for place, (name, amount) in enumerate(asked.resources):
            found[f"pools_give_{place}"] = self._gives(name, amount)
            found[f"pools_{place}"] = (
                sa.select(sa.func.max(i.free))
                .where(*self._serving(), i.resource_class == name)
                .scalar_subquery()
            )
        return found

    def _gives(self, name: str, amount: int) -> sa.ColumnElement[bool]:
        there = accounts.enough(name, amount)
        return sa.exists().where(*self._serving(), *there)

    @staticmethod
    def _serving() -> tuple[sa.ColumnElement[bool], ...]:
        p, i = models.PROVIDERS.c, models.INVENTORIES.c
        return (
            p.uuid == i.provider_id,
            p.kind == resource_provider.POOL,
            sa.or_(p.podm_id.is_(None), p.podm_id == PODS.uuid),
        )

    def explain(self, row: base.Row, asked: Requirements) -> base.Reason:
        needed, free, parts = {}, {}, []
        for place, (name, amount) in enumerate(asked.resources):
            if row[f"pools_give_{place}"]:
                continue
            left = max(0, row[f"pools_{place}"] or 0)
            needed[name], free[name] = amount, left
            part = f"{amount} of {name} needed, {left} free"
            if left >= amount:
                part += " but not given in this amount"
            parts.append(part)
        return base.Reason(
            f"no pool that serves it has enough: {' and '.join(parts)}",
            needed,
            free,
        )


_SYSTEM = objects.resource_class.SYSTEM
