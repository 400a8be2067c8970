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

"""How fast nodes are scheduled, beside Placement. See README.rst.

Starts everything itself, on free loopback ports and in temporary
directories, and ends it again.
"""

# First of all: it chooses threads.
import valence.cmd  # noqa: F401

# isort: split

import argparse
import contextlib
import statistics
import sys
import time
import typing

import api
import fleet
import processors
import sqlalchemy as sa

from valence import conf
from valence.db import engine
from valence.objects import requirements
from valence.scheduler import select
from valence.tests.fixtures import openstack
from valence.tests.fixtures import processes
from valence.tests.fixtures import services

CONF = conf.CONF

#: Numbers of pod managers; and for a look whether all of this works.
SIZES, QUICK = (10, 1_000, 5_000), (10, 60)
CLIENTS = (1, 10)
#: Pod managers that can serve, where others cannot.
ABLE = 50
#: Rounds that are not measured.
WARM_UP = 2
#: What Nova asks for at most, and what who wants little would.
LIMITS = (1_000, 10)
#: Where Nova asks for them.
CANDIDATES = "/allocation_candidates?resources=" + ",".join(
    f"{name}:{amount}" for name, amount in fleet.AMOUNTS.items()
)
#: Placement stops to make candidates where Nova would throw them away.
FAST: processes.Options = {
    "placement": {
        "max_allocation_candidates": LIMITS[0],
        "allocation_candidates_generation_strategy": "breadth-first",
    }
}
#: Nobody but the benchmark works on what it has made up.
ALONE: processes.Options = {
    "DEFAULT": {"debug": False},
    "conductor": {"rescue_interval": 3600, "heartbeat_timeout": 86400},
}

Document = dict[str, typing.Any]


class Bench:
    """Measures one database.

    :param deployment: Valence's API and conductors
    :param schedulers: parts that do what its conductors do
    :param asker: the part of those who ask over HTTP
    :param placement: the service, and an engine on its database
    :ivar results: beside Placement
    :ivar growth: among pod managers that cannot serve
    """

    def __init__(
        self,
        options: argparse.Namespace,
        database: str,
        deployment: processes.Deployment,
        schedulers: list[api.Part],
        asker: api.Part,
        placement: tuple[openstack.Placement, sa.Engine],
    ) -> None:
        self._limits = {"seconds": options.seconds, "count": options.count}
        self._database = database
        self._deployment = deployment
        self._schedulers, self._asker = schedulers, asker
        self._placement, self._engine = placement
        self._servers = processors.named("mariadbd", "postgres")
        # SQLite lets one write; the others would wait for each other.
        self._clients = CLIENTS[:1] if database == "sqlite" else CLIENTS
        self.results: list[Document] = []
        self.growth: list[Document] = []

    def run(self, sizes: typing.Sequence[int]) -> None:
        for name in fleet.CLASSES:
            if name.startswith("CUSTOM_"):
                self._placement.request("PUT", f"/resource_classes/{name}")
        have, alone = 0, {}
        for size in sizes:
            first = have
            if have < ABLE < size:
                fleet.fill(have, ABLE)
                alone, have = self._choose(ABLE), ABLE
            fleet.fill(have, size)
            fleet.fill_placement(self._engine, first, size)
            have = size
            for clients in self._clients:
                self._measure(size, clients)
            if size > ABLE:
                self._grow(size, alone)

    # -- beside Placement --

    def _measure(self, size: int, clients: int) -> None:
        self._check(size)
        daemons = [daemon.pid for daemon in self._deployment.daemons]
        measured = {
            "Valence": self._schedule(clients, claims=True),
            "by HTTP": self._ask(
                [*daemons, *processors.named("beam.smp")],
                clients,
                port=self._deployment.apis[0].port,
            ),
        }
        for limit in LIMITS:
            path = f"{CANDIDATES}&limit={limit}"
            found = self._placement.request("GET", path)
            if len(found["allocation_requests"]) != min(size, limit):
                sys.exit(f"Placement does not find {size} candidates.")
            measured[f"limit {limit}"] = self._ask(
                [self._placement.pid],
                clients,
                port=self._placement.port,
                path=path,
                providers=size,
            )
        ours, over = measured["Valence"], measured["by HTTP"]
        for limit in LIMITS:
            theirs = measured[f"limit {limit}"]
            theirs["to_rate"] = ours["rate"] / theirs["rate"]
            theirs["to_cpu"] = theirs["cpu"] / ours["cpu"]
            theirs["to_http"] = theirs["mean"] / over["mean"]
        result = {
            "database": self._database,
            "providers": size,
            "clients": clients,
            "measured": measured,
        }
        self.results.append(result)
        show(result)

    @staticmethod
    def _check(expected: int) -> None:
        found = select.select(requirements.of(fleet.PROPERTIES))
        if len(found) != expected:
            sys.exit(f"Valence has {len(found)} candidates of {expected}.")

    def _schedule(self, clients: int, *, claims: bool) -> Document:
        """In as many processes as Placement has, or one for one client."""
        parts = self._schedulers[:clients]
        took = [*self._servers, *(part.pid for part in parts)]
        before = processors.used(took)
        for number, part in enumerate(parts):
            part.send(
                clients=len(range(number, clients, len(parts))),
                claims=claims,
                warm_up=WARM_UP,
                **self._limits,
            )
        answers = [part.receive() for part in parts]
        return _summary(
            answers, clients, WARM_UP, processors.used(took) - before
        )

    def _ask(
        self, pids: list[int], clients: int, **what: typing.Any
    ) -> Document:
        """
        :param pids: of who answers
        """
        # Several find the servers warm from the one before them.
        warm_up = WARM_UP if clients == 1 else 0
        took = [*self._servers, *pids, self._asker.pid]
        before = processors.used(took)
        answer = self._asker(
            clients=clients, warm_up=warm_up, **what, **self._limits
        )
        return _summary(
            [answer], clients, warm_up, processors.used(took) - before
        )

    # -- among those that cannot serve --

    def _choose(self, expected: int) -> Document:
        self._check(expected)
        return self._schedule(1, claims=False)

    def _grow(self, size: int, alone: Document) -> None:
        for why in fleet.UNABLE:
            fleet.disable(why, ABLE, size)
            among = self._choose(ABLE)
            fleet.enable(why, ABLE, size)
            one = {
                "database": self._database,
                "providers": size,
                "others": why,
                "among": among,
                "alone": alone,
                "to_alone": among["cpu"] / alone["cpu"],
            }
            self.growth.append(one)


def _summary(
    answers: list[Document], clients: int, warm_up: int, cpu: float
) -> Document:
    """Of what several parts say of their clients.

    :param cpu: milliseconds that they took, with those who served them
    :returns: laps, each with p50 and p99 in milliseconds; mean, of choosing
        alone; rate, of choosing and claiming, a second; cpu, of a whole
        round; how many rounds; claims that were lost
    """
    laps: dict[str, list[float]] = {}
    for answer in answers:
        for name, some in answer["laps"].items():
            laps.setdefault(name, []).extend(some)
    scheduled = sum(laps["choose"]) + sum(laps.get("claim", []))
    rounds = len(laps.get("give back", laps["choose"]))
    found: Document = {"laps": {}}
    for name, some in laps.items():
        some.sort()
        found["laps"][name] = {
            "p50": statistics.median(some),
            "p99": some[int(len(some) * 0.99)],
        }
    found["mean"] = statistics.fmean(laps["choose"])
    found["rate"] = 1000 * clients * rounds / scheduled
    found["cpu"] = cpu / (rounds + clients * warm_up)
    found["rounds"] = rounds
    found["lost"] = sum(answer["lost"] for answer in answers)
    return found


def show(result: Document) -> None:
    for who, measured in result["measured"].items():
        laps = measured["laps"]
        times = " ".join(
            f"{laps[name]['p50']:7.1f} {laps[name]['p99']:7.1f}"
            if name in laps
            else " " * 15
            for name in ("choose", "claim", "give back")
        )
        ratios = "".join(
            f" {measured[name]:7.2f}"
            for name in ("to_rate", "to_cpu", "to_http")
            if name in measured
        )
        print(
            f"{result['database']:10} {result['providers']:6}"
            f" {result['clients']:7} {who:10} {times}"
            f" {measured['rate']:7.1f} {measured['cpu']:7.1f}"
            f" {measured['rounds']:5} {measured['lost']:4}{ratios}",
            flush=True,
        )


def show_growth(growth: list[Document]) -> None:
    print(
        f"\nTo choose among {ABLE} that can serve and others that cannot:\n"
        "                                     Processor  To that of\n"
        "database   providers  others      p50 time, ms"
        f"  {ABLE} alone"
    )
    for one in growth:
        print(
            f"{one['database']:10} {one['providers']:9}  {one['others']:8}"
            f" {one['among']['laps']['choose']['p50']:6.1f}"
            f" {one['among']['cpu']:8.2f} {one['to_alone']:9.2f}"
        )


def measure(
    options: argparse.Namespace, kind: str, sizes: typing.Sequence[int]
) -> Bench:
    """All measurements on one database."""
    workers = 1 if kind == "sqlite" else 2
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        deployment = enter(
            processes.Deployment(kind, conductors=workers, options=ALONE)
        )
        theirs = None
        if kind != "sqlite":
            theirs = enter(services.Database(kind)).url
        placement = enter(
            openstack.Placement(theirs, workers=workers, options=FAST)
        )
        bind = sa.create_engine(
            theirs or f"sqlite:///{placement.path('placement.db')}",
            poolclass=sa.pool.NullPool,
        )
        url = deployment.database.url
        CONF.set_override("connection", url, "database")
        stack.callback(engine.dispose)
        schedulers = [
            enter(api.Part("scheduler", url)) for _ in range(workers)
        ]
        asker = enter(api.Part("asker"))
        bench = Bench(
            options, kind, deployment, schedulers, asker, (placement, bind)
        )
        bench.run(sizes)
    return bench


def main() -> None:
    parser = api.arguments(__doc__, services.Database.KINDS)
    parser.add_argument(
        "--providers",
        action="append",
        type=int,
        metavar="NUMBER",
        help=f"may be given again; {', '.join(map(str, SIZES))} otherwise",
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of one measurement"
    )
    parser.add_argument(
        "--count",
        type=int,
        default=1000,
        help="most rounds of one client in one measurement",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only see whether all of it works: few pod managers, on SQLite",
    )
    options = parser.parse_args()
    if options.quick:
        options.seconds = min(options.seconds, 0.2)
        options.database = options.database or ["sqlite"]
        options.providers = options.providers or QUICK
    began = time.monotonic()
    CONF([], project="valence", default_config_files=[])
    print(
        "                                       choose          claim"
        "         give back     choose, CPU of a             Valence to that"
        "\ndatabase   providers clients            p50     p99     p50"
        "     p99     p50     p99 claim/s   round     n lost    rate     CPU"
        "    HTTP"
    )
    results: list[Document] = []
    growth: list[Document] = []
    for kind in options.database or services.Database.KINDS:
        bench = measure(options, kind, sorted(set(options.providers or SIZES)))
        results += bench.results
        growth += bench.growth
    show_growth(growth)
    api.write(options.json, began, results=results, growth=growth)


if __name__ == "__main__":
    main()
