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

"""How long syncs take, beside what they stand on. See README.rst.

Starts everything itself, on free loopback ports and in a temporary
directory, and ends it again.
"""

# First of all: it chooses threads.
import valence.cmd  # noqa: F401

# isort: split

import collections
import collections.abc
import contextlib
import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
import typing
from unittest import mock
import urllib.parse
import uuid

import api
from meter import PARTS
from meter import Meter
import sqlalchemy as sa

from valence import conf
from valence import context
from valence import keys
from valence import objects
from valence import states
from valence.conductor import connections
from valence.conductor import operations as conductor
from valence.conductor import provisioners
from valence.db import engine
from valence.db import migration
from valence.db import models
from valence.db import operations as db_operations
from valence.db import store
from valence.objects import base

CONF = conf.CONF

#: How many devices, and how often, at most, a sync of so many is measured.
SIZES = {100: 9, 1_000: 5, 10_000: 3}
#: Cost for each device is compared with that of so many.
USUAL = 1_000
#: Systems of the pod, and how often its sync is measured.
SYSTEMS, SYSTEMS_TIMES = 1_000, 1
#: Devices that one server can have.
PORTS = 16
#: The longest that one sync may take.
TIMEOUT = 60

TABLES = (models.DEVICES, models.SYSTEMS, models.RACKS)
Document = dict[str, typing.Any]


class Conductor:
    """Carries out syncs of one pod manager, one at a time."""

    def __init__(self, driver: str, url: str) -> None:
        self._context = context.system_context()
        self._podm = objects.PodManager(
            self._context,
            uuid=str(uuid.uuid4()),
            name=url,
            url=url,
            driver=driver,
            authentication=[
                {
                    "type": "basic",
                    "auth_items": {"username": "admin", "password": "admin"},
                }
            ],
            verify_ca=True,
            maintenance=False,
            status=states.CONNECTING,
            capabilities=[],
            requirement_keys=[],
            sync_failures=0,
            hardware_nodes=[],
        )
        self._podm.create()
        self.driver = connections.driver_classes()[driver]
        self._connections = connections.Connections()
        self._operations = conductor.Operations(
            "benchmark",
            self._connections,
            provisioners.Provisioners(),
            lambda podm_id: None,  # nothing is mirrored
        )

    def sync(self, meter: Meter | None = None) -> float:
        """Seconds from the nudge to the end of the operation."""
        podm = objects.PodManager.get(self._context, self._podm.uuid)
        operation = objects.Operation.asking(
            self._context, "sync", podm, podm.uuid
        )
        podm.submit(operation, "look")
        idle = threading.Event()
        ended: list[float] = []
        finish, waiting = db_operations.finish, db_operations.waiting

        def finishing(*args: typing.Any, **kwargs: typing.Any) -> bool:
            done = finish(*args, **kwargs)
            ended.append(time.perf_counter())
            if meter:
                meter.end()
            return done

        def looking(*args: typing.Any) -> list[str]:
            found = waiting(*args)
            idle.set()
            return found

        with contextlib.ExitStack() as stack:
            for name, wrapped in (("finish", finishing), ("waiting", looking)):
                stack.enter_context(
                    mock.patch.object(db_operations, name, wrapped)
                )
            if meter:
                stack.enter_context(meter.at_work(self.driver))
            began = time.perf_counter()
            self._operations.nudge(operation.uuid)
            if not idle.wait(TIMEOUT):
                sys.exit(f"A sync of {podm.url} takes over {TIMEOUT} s.")
        done = objects.Operation.get(self._context, operation.uuid)
        if done.state != states.SUCCEEDED:
            sys.exit(f"A sync of {podm.url} failed: {done.last_error}")
        return ended[0] - began

    def forget(self) -> None:
        """As if it had never been synced."""
        self._connections.drop(self._podm.uuid)
        with engine.writing() as connection:
            for table in TABLES:
                connection.execute(
                    sa.delete(table).where(table.c.podm_id == self._podm.uuid)
                )

    def disturb(self) -> None:
        """Have each row differ from the hardware."""
        with engine.writing() as connection:
            for table in (models.DEVICES, models.SYSTEMS):
                connection.execute(
                    sa.update(table)
                    .where(table.c.podm_id == self._podm.uuid)
                    .values(health="?")
                )


# -- what it is compared with ------------------------------------------------


def insert(inserts: list[tuple[str, typing.Any]]) -> float:
    """The same rows, by nothing but the database's driver."""
    began = time.perf_counter()
    with engine.writing() as connection:
        cursor = connection.connection.cursor()
        for statement, parameters in inserts:
            cursor.executemany(statement, parameters)
        cursor.close()
    return time.perf_counter() - began


def get(gets: list[tuple[str, dict[str, str]]]) -> float:
    """The same documents, one after the other, over one connection."""
    place = urllib.parse.urlsplit(gets[0][0])
    connection = http.client.HTTPConnection(
        str(place.hostname), place.port, timeout=TIMEOUT
    )
    with contextlib.closing(connection):
        began = time.perf_counter()
        for url, headers in gets:
            place = urllib.parse.urlsplit(url)
            query = f"?{place.query}" if place.query else ""
            connection.request("GET", place.path + query, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                sys.exit(f"{url}: {response.status}")
            json.loads(response.read())
        return time.perf_counter() - began


# -- measuring ---------------------------------------------------------------


def measure(
    database: str,
    driver: str,
    things: int,
    url: str,
    times: int,
    until: float = 0,
) -> list[Document]:
    """Syncs and what they are compared with, by turns.

    :param times: how often, but only once where it is later than ``until``
    """
    runner = Conductor(driver, url)
    samples: dict[str, list[Document]] = collections.defaultdict(list)
    for done in range(times):
        if done and time.monotonic() > until:
            break
        first = _sample(runner)
        unchanged = _sample(runner)
        runner.disturb()
        changed = _sample(runner)
        runner.forget()
        inserted = insert(first["inserts"])
        runner.forget()
        got = get(first["gets"])
        samples["first"].append({**first, "insert": inserted, "get": got})
        got = get(unchanged["gets"])
        for name, sample in ("unchanged", unchanged), ("changed", changed):
            samples[name].append({**sample, "insert": inserted, "get": got})
    peaks = {"first": _peak(runner), "unchanged": _peak(runner)}
    runner.disturb()
    peaks["changed"] = _peak(runner)
    runner.forget()
    results = []
    for name, some in samples.items():
        seconds = {
            part: statistics.median(sample[part] for sample in some)
            for part in ("total", *PARTS, "insert", "get")
        }
        result: Document = {
            "database": database,
            "driver": driver,
            "things": things,
            "sync": name,
            "times": len(some),
            "seconds": seconds,
            # The worst of them.
            "statements": max(sample["statements"] for sample in some),
            "written": max(sample["written"] for sample in some),
            "requests": max(len(sample["gets"]) for sample in some),
            "peak": peaks[name],
            "each": seconds["total"] / things,
        }
        work = seconds["diff"] + seconds["database"]
        result["to_get"] = seconds["hardware"] / seconds["get"]
        result["to_insert"] = work / seconds["insert"]
        result["to_both"] = seconds["total"] / (
            seconds["get"] + seconds["insert"]
        )
        results.append(result)
        show(result)
    return results


def _sample(runner: Conductor) -> Document:
    meter = Meter()
    total = runner.sync(meter)
    return {
        "total": total,
        **meter.seconds,
        "statements": meter.statements,
        "written": meter.written,
        "inserts": meter.inserts,
        "gets": meter.gets,
    }


def _peak(runner: Conductor) -> int:
    """The most bytes that one sync has at once, beyond what was there."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        runner.sync()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def show(result: Document) -> None:
    seconds = result["seconds"]
    times = " ".join(
        f"{1000 * seconds[part]:8.1f}" for part in ("total", *PARTS)
    )
    print(
        f"{result['database']:8} {result['driver']:9} {result['things']:6}"
        f" {result['sync']:9} {times} {1000 * seconds['get']:8.1f}"
        f" {1000 * seconds['insert']:8.1f} {result['to_get']:6.2f}"
        f" {result['to_insert']:7.2f} {result['to_both']:6.2f}"
        f" {result['statements']:5} {result['written']:7}"
        f" {result['peak'] / 1024 / result['things']:6.1f}",
        flush=True,
    )


def growth(results: list[Document]) -> list[Document]:
    """How the cost of each device grows with their number."""
    found = []
    of = {
        (r["database"], r["sync"], r["things"]): r
        for r in results
        if r["driver"] == "expether"
    }
    for (database, name, things), result in of.items():
        usual = of.get((database, name, USUAL))
        if usual is None or usual is result:
            continue
        ratios = {"all": result["each"] / usual["each"]}
        more = things / USUAL
        here, there = result["seconds"], usual["seconds"]
        ratios["without gc"] = (
            (here["total"] - here["gc"])
            / (there["total"] - there["gc"])
            / more
        )
        for part in ("hardware", "diff", "database", "get", "insert"):
            ratios[part] = here[part] / there[part] / more
        ratios["memory"] = result["peak"] / usual["peak"] / more
        found.append(
            {
                "database": database,
                "sync": name,
                "things": things,
                "ratios": ratios,
            }
        )
    return found


def run(
    kind: str, sizes: list[int], urls: list[str], seconds: float
) -> list[Document]:
    """All measurements on one database."""
    results = []
    until = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="valence-benchmark-")
        )
        url = stack.enter_context(api.database(kind, pathlib.Path(directory)))
        CONF.set_override("connection", url, "database")
        CONF.set_override("key_repository", f"{directory}/keys", "secrets")
        keys.set_up(CONF.secrets.key_repository)
        stack.callback(engine.dispose)
        migration.upgrade()
        Conductor("expether", urls[0]).sync()  # warms up
        for size, eem in zip(sizes, urls[1:], strict=False):
            results += measure(kind, "expether", size, eem, SIZES[size], until)
        if len(urls) > 1 + len(sizes):
            results += measure(
                kind, "redfishv1", SYSTEMS, urls[-1], SYSTEMS_TIMES
            )
    return results


def main() -> None:
    parser = api.arguments(__doc__)
    parser.add_argument(
        "--devices",
        action="append",
        type=int,
        choices=SIZES,
        help="may be given again; all of them otherwise",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=30,
        help="after which nothing is measured again on one database",
    )
    parser.add_argument(
        "--no-pod", action="store_true", help="leave out the RSD pod"
    )
    options = parser.parse_args()
    sizes = sorted(set(options.devices or SIZES))
    began = time.monotonic()
    CONF([], project="valence", default_config_files=[])
    base.use_store(store.Database())
    specs: list[typing.Any] = [
        ("eem", {"devices": size, "servers": -(-size // PORTS)})
        for size in (sizes[0], *sizes)
    ]
    if not options.no_pod:
        specs.append(("pod", {"systems": SYSTEMS, "racks": 10}))
    results: list[Document] = []
    with api.Part("simulator", json.dumps(specs)) as simulator:
        print(
            "                          milliseconds, of which"
            + " " * 53
            + "Valence's time to     SQL          KiB\n"
            "database driver    things sync         total hardware"
            "     diff database     rest       gc     GETs   INSERT   GETs"
            "  INSERT   both stmts    rows   each"
        )
        for kind in options.database or api.DATABASES:
            results += run(kind, sizes, simulator()["urls"], options.seconds)
    grown = growth(results)
    print(f"\nCost of each device, to that where there are {USUAL}:")
    for one in grown:
        ratios = "  ".join(f"{n} {r:.2f}" for n, r in one["ratios"].items())
        print(
            f"{one['database']:8} {one['things']:6} {one['sync']:9} {ratios}"
        )
    api.write(options.json, began, results=results, growth=grown)


if __name__ == "__main__":
    main()
