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
"""The books, added up anew by hand.

What each pod manager has and who holds it follows from the rows of its
systems, devices and nodes; what is held of anything is the sum of the
allocations. Both are computed here in plain Python, to be compared.
"""

import collections
import concurrent.futures
import contextlib
import math
import threading
import typing

import sqlalchemy as sa

from valence.db import engine
from valence.db import models

Rows = list[typing.Any]


def _all(*tables: sa.Table) -> list[Rows]:
    """All rows of some tables, as they stood at one moment."""
    with engine.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ"
            )
        return [
            [row._mapping for row in connection.execute(sa.select(table))]
            for table in tables
        ]


def added_up() -> list[str]:
    """What in the books does not agree with itself; true at any moment."""
    inventories, allocations = _all(models.INVENTORIES, models.ALLOCATIONS)
    held: collections.Counter[tuple[str, str]] = collections.Counter()
    for one in allocations:
        held[one["provider_id"], one["resource_class"]] += one["used"]
    wrong = [
        f"nothing is held: {one}" for one in allocations if one["used"] < 1
    ]
    for one in inventories:
        key = one["provider_id"], one["resource_class"]
        capacity = math.floor(
            (one["total"] - one["reserved"]) * one["allocation_ratio"]
        )
        found = one["used"], one["free"]
        used = held.pop(key, 0)
        if found != (used, capacity - used):
            wrong.append(
                f"{key}: used and free {found}, held {used} of {capacity}"
            )
    return wrong + [f"held of nothing: {key}" for key in held]


def overbooked() -> list[str]:
    """Of what more is held than there is."""
    (inventories,) = _all(models.INVENTORIES)
    return [f"overbooked: {one}" for one in inventories if one["free"] < 0]


@contextlib.contextmanager
def watched(
    *looks: typing.Callable[[], list[str]],
) -> typing.Iterator[list[str]]:
    """Look again and again while something goes on.

    The list that it yields has what was wrong, when it is over. Who cannot
    look fails, as does who never got to.
    """
    wrong: list[str] = []
    ended = threading.Event()

    def look() -> int:
        count = 0
        while not ended.wait(0.02):
            for one in looks:
                wrong.extend(one())
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield wrong
        finally:
            ended.set()
        if looking.result() < 3:
            raise AssertionError("nobody looked")


def counted() -> list[str]:
    """Where the books of pod managers differ from their rows; true when
    nothing runs and all were synced."""
    pods, systems, devices, nodes, inventories, allocations = _all(
        models.POD_MANAGERS,
        models.SYSTEMS,
        models.DEVICES,
        models.NODES,
        models.INVENTORIES,
        models.ALLOCATIONS,
    )
    ours = {one["uuid"]: one["podm_id"] for one in nodes}
    #: (pod manager, class) → [total, reserved, used]
    expected: dict[tuple[str, str], list[int]] = {}
    holding: collections.Counter[tuple[str, str, str]] = collections.Counter()

    def count(podm: str, name: str, holder: str | None, taken: bool) -> None:
        numbers = expected.setdefault((podm, name), [0, 0, 0])
        numbers[0] += 1
        if taken and holder and ours.get(holder) == podm:
            numbers[2] += 1
            holding[holder, podm, name] += 1
        elif taken:
            numbers[1] += 1

    for one in systems:
        count(
            one["podm_id"],
            "CUSTOM_SYSTEM",
            one["node_id"],
            one["state"] != "free",
        )
    for one in devices:
        if one["deleted_at"] is None:
            kind = one["type"].upper()
            free = one["state"] == "free" and one["health"] != "Critical"
            holder = None if one["state"] == "free" else one["node_uuid"]
            name = {"GPU": "PGPU"}.get(kind, f"CUSTOM_{kind}")
            count(one["podm_id"], name, holder, not free)
    podms = {one["uuid"] for one in pods}
    found = {
        (one["provider_id"], one["resource_class"]): [
            one["total"],
            one["reserved"],
            one["used"],
        ]
        for one in inventories
        if one["provider_id"] in podms
    }
    held = {
        (one["consumer_id"], one["provider_id"], one["resource_class"]): one[
            "used"
        ]
        for one in allocations
        if one["provider_id"] in podms
    }
    wrong = [
        f"{key}: total, reserved, used {found.get(key)}, not {numbers}"
        for key, numbers in expected.items()
        if found.get(key) != numbers
    ]
    # A class that there was something of stays, with nothing.
    wrong += [
        f"{key}: {numbers} of what is not there"
        for key, numbers in found.items()
        if key not in expected and any(numbers)
    ]
    wrong += [
        f"{key} holds {held.get(key)}, not {holding.get(key)}"
        for key in sorted({*held, *holding})
        if held.get(key, 0) != holding[key]
    ]
    return wrong
