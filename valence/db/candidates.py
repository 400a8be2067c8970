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

"""Which pod managers might serve a request, by what is known of them.

Until there is a scheduler: in the order in which they were registered.
"""

import dataclasses
import typing

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import engine
from valence.db import models

PODS = models.POD_MANAGERS
SYSTEMS = models.SYSTEMS


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    uuid: str
    name: str


Refusals = list[tuple[str, str]]


def find(
    requirements: dict[str, dict[str, typing.Any]],
    named: str | None,
    keys_of: dict[str, frozenset[str]],
) -> tuple[list[Candidate], Refusals]:
    """Look at all pod managers, or at the named one.

    :param named: uuid of the pod manager that was asked for; whether it has
        something free is left to the hardware
    :param keys_of: driver → requirement keys that it can serve
    :returns: those that might serve, and (name, reason) of those that cannot
    """
    fits = _fitting_system(requirements)
    query = sa.select(
        PODS.c.uuid,
        PODS.c.name,
        PODS.c.driver,
        PODS.c.status,
        PODS.c.maintenance,
        sa.exists(fits.where(SYSTEMS.c.podm_id == PODS.c.uuid)).label("fits"),
    ).order_by(PODS.c.id)
    if named is not None:
        query = query.where(PODS.c.uuid == named)
    with engine.reading() as connection:
        rows = connection.execute(query).all()
    found, refused = [], []
    for row in rows:
        missing = set(requirements) - keys_of.get(row.driver, frozenset())
        if missing:
            reason = (
                f"its driver '{row.driver}' cannot serve "
                f"{', '.join(sorted(missing))}"
            )
        elif row.maintenance:
            reason = "it is in maintenance"
        elif row.status != states.ONLINE:
            reason = f"it is {row.status}"
        elif named is None and not row.fits:
            reason = "no free system fits " + _describe(requirements)
        else:
            found.append(Candidate(row.uuid, row.name))
            continue
        refused.append((row.name, reason))
    return found, refused


def _fitting_system(
    requirements: dict[str, dict[str, typing.Any]],
) -> sa.Select[typing.Any]:
    """Free systems that have, or may have, what is required."""
    memory = requirements.get("memory", {}).get("capacity_mib")
    cores = requirements.get("processor", {}).get("total_cores")
    query = sa.select(SYSTEMS.c.id).where(
        SYSTEMS.c.state == objects.system.FREE
    )
    for column, least in (
        (SYSTEMS.c.memory_mib, memory),
        (SYSTEMS.c.cpu_cores, cores),
    ):
        if least is not None:
            # What a pod manager does not tell does not count against it.
            query = query.where(sa.or_(column.is_(None), column >= least))
    return query


def _describe(requirements: dict[str, dict[str, typing.Any]]) -> str:
    parts = []
    if cores := requirements.get("processor", {}).get("total_cores"):
        parts.append(f"{cores} cores")
    if memory := requirements.get("memory", {}).get("capacity_mib"):
        parts.append(f"{memory} MiB of memory")
    return " and ".join(parts) or "(none is free)"
