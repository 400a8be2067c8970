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

import collections
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
Requirements = dict[str, dict[str, typing.Any]]


def find(
    requirements: Requirements, named: str | None
) -> tuple[list[Candidate], Refusals]:
    """Look at all pod managers, or at the named one.

    :param named: uuid of the pod manager that was asked for; whether it has
        something free is left to the hardware
    :returns: those that might serve, and (name, reason) of those that cannot
    """
    fits = _fitting_system(requirements)
    wanted: collections.Counter[str] = collections.Counter(
        requirements.get("pci_device", {}).get("type", [])
    )
    query = sa.select(
        PODS.c.uuid,
        PODS.c.name,
        PODS.c.driver,
        PODS.c.status,
        PODS.c.status_reason,
        PODS.c.maintenance,
        PODS.c.requirement_keys,
        sa.exists(fits.where(SYSTEMS.c.podm_id == PODS.c.uuid)).label("fits"),
        *(_free_devices(kind).label(f"free_{kind}") for kind in wanted),
    ).order_by(PODS.c.id)
    if named is not None:
        query = query.where(PODS.c.uuid == named)
    with engine.reading() as connection:
        rows = connection.execute(query).mappings().all()
    found, refused = [], []
    for row in rows:
        missing = set(requirements) - set(row["requirement_keys"])
        short = [
            f"{number} of type {kind} ({row[f'free_{kind}']} free)"
            for kind, number in wanted.items()
            if row[f"free_{kind}"] < number
        ]
        if missing:
            reason = (
                f"its driver '{row['driver']}' cannot serve "
                f"{', '.join(sorted(missing))}"
            )
        elif row["maintenance"]:
            reason = "it is in maintenance"
        elif row["status"] != states.ONLINE:
            reason = f"it is {row['status']}"
            if row["status_reason"]:
                reason += f": {row['status_reason']}"
        elif short:
            reason = f"it has too few devices: needed {', '.join(short)}"
        elif named is None and not row["fits"]:
            reason = "it has no free system" + _describe(requirements)
        else:
            found.append(Candidate(row["uuid"], row["name"]))
            continue
        refused.append((row["name"], reason))
    return found, refused


def free_systems(podm_id: str) -> list[tuple[str, str]]:
    """(index, resource_uri) of the systems that no node is on."""
    with engine.reading() as connection:
        rows = connection.execute(
            sa.select(SYSTEMS.c.index, SYSTEMS.c.resource_uri)
            .where(
                SYSTEMS.c.podm_id == podm_id,
                SYSTEMS.c.state == objects.system.FREE,
                SYSTEMS.c.index.not_in(
                    sa.select(models.NODES.c.index).where(
                        models.NODES.c.podm_id == podm_id,
                        models.NODES.c.index.is_not(None),
                    )
                ),
            )
            .order_by(SYSTEMS.c.id)
        ).all()
    return [(index, resource_uri) for index, resource_uri in rows]


def _free_devices(kind: str) -> sa.ScalarSelect[typing.Any]:
    devices = models.DEVICES
    return (
        sa.select(sa.func.count())
        .select_from(devices)
        .where(
            devices.c.podm_id == PODS.c.uuid,
            devices.c.type == kind,
            devices.c.state == states.FREE,
            devices.c.deleted_at.is_(None),
        )
        .scalar_subquery()
    )


def _fitting_system(
    requirements: Requirements,
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


def _describe(requirements: Requirements) -> str:
    parts = []
    if cores := requirements.get("processor", {}).get("total_cores"):
        parts.append(f"{cores} cores")
    if memory := requirements.get("memory", {}).get("capacity_mib"):
        parts.append(f"{memory} MiB of memory")
    return f" with {' and '.join(parts)}" if parts else ""
