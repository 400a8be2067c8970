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

"""How fast the API answers, beside what it stands on. See README.rst.

Starts everything itself, on free loopback ports and in a temporary
directory, and ends it again.
"""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import typing
import urllib.request

from valence.tests.fixtures import services

PARTS = pathlib.Path(__file__).with_name("parts.py")
TABLES = (10, 1_000, 10_000)
PAGE = 100
CLIENTS = (1, 8)
NEW = {"properties": {"memory": {"capacity_mib": 4096}}}
#: Databases that are measured unless others are named.
DATABASES = ("sqlite", "mysql")

Document = dict[str, typing.Any]


class Part:
    """A process of the benchmark; a context manager."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            (sys.executable, "-W", "ignore", str(PARTS), *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        self._name = arguments[0]
        self.pid = self._process.pid
        self._input = typing.cast(typing.TextIO, self._process.stdin)
        self._output = typing.cast(typing.TextIO, self._process.stdout)

    def __enter__(self) -> typing.Self:
        self._read("ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def __call__(self, **command: typing.Any) -> Document:
        self.send(**command)
        return self.receive()

    def send(self, **command: typing.Any) -> None:
        """Have it begin; the answer is still to be received."""
        self._command = command
        self._input.write(json.dumps(command) + "\n")
        self._input.flush()

    def receive(self) -> Document:
        answer: Document = json.loads(self._read())
        if "error" in answer:
            sys.exit(f"{self._name}, {self._command}: {answer['error']}")
        return answer

    def _read(self, wanted: str | None = None) -> str:
        line = self._output.readline().strip()
        if not line or wanted not in (None, line):
            sys.exit(f"The part '{self._name}' has ended: {line}")
        return line


class Bench:
    """Measures one database."""

    def __init__(
        self,
        options: argparse.Namespace,
        database: str,
        directory: pathlib.Path,
        load: Part,
        bare: Part,
        valence: Part,
        sql: Part,
    ) -> None:
        self._limits = {"seconds": options.seconds, "count": options.count}
        self._database = database
        self._directory = directory
        self._load, self._sql = load, sql
        self._bare_port = bare()["port"]
        self._port = valence()["port"]
        self.results: list[Document] = []

    def run(self) -> list[Document]:
        listing = f"/v1/nodes?limit={PAGE}"
        for rows in TABLES:
            middle, last = self._sql(do="fill", rows=rows)["uuids"]
            query = {"do": "list", "limit": PAGE + 1}
            for clients in CLIENTS:
                self._measure("list", rows, clients, query, listing)
            if rows > PAGE:
                path = f"{listing}&marker={middle}"
                self._measure("list, deep page", rows, 1, query, path)
            if rows == max(TABLES):
                path = f"{listing}&provision_state=composed"
                self._measure("list, filtered", rows, 1, query, path)
        for clients in CLIENTS:
            query = {"do": "show", "uuid": last}
            path = f"/v1/nodes/{last}"
            self._measure("show", rows, clients, query, path)
        for clients in CLIENTS:
            query = {"do": "compose"}
            self._measure("compose", rows, clients, query, "/v1/nodes", NEW)
        return self.results

    def _measure(
        self,
        name: str,
        rows: int,
        clients: int,
        query: Document,
        path: str,
        body: typing.Any = None,
    ) -> None:
        """Measure a request and what it is compared with, one by one."""
        sample = f"{len(self.results)}-{self._database}"
        url = f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(
            url,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310
            answer = response.read()
        (self._directory / f"{sample}.json").write_bytes(answer)
        asked = {
            "method": "GET" if body is None else "POST",
            "status": 200 if body is None else 202,
            "body": body,
            "clients": clients,
            **self._limits,
        }
        measured = {
            "pecan": self._load(
                port=self._bare_port, path=f"/{sample}", **asked
            ),
            "valence": self._load(port=self._port, path=path, **asked),
            "sql": self._sql(**query, clients=clients, **self._limits),
        }
        result: Document = {
            "database": self._database,
            "request": name,
            "rows": rows,
            "clients": clients,
            "bytes": len(answer),
            **measured,
        }
        pecan, ours, sql = (part["rate"] for part in measured.values())
        result["to_pecan"] = ours / pecan
        result["to_sql"] = ours / sql
        # One request after the other: what both take together.
        result["to_both"] = ours * (1 / pecan + 1 / sql)
        self.results.append(result)
        show(result)


def show(result: Document) -> None:
    ours = result["valence"]
    print(
        f"{result['database']:8} {result['request']:15} {result['rows']:6}"
        f" {result['clients']:7} {ours['rate']:8.0f} {ours['p50']:7.2f}"
        f" {ours['p99']:7.2f} {result['pecan']['rate']:8.0f}"
        f" {result['sql']['rate']:8.0f} {result['to_pecan']:8.2f}"
        f" {result['to_sql']:7.2f} {result['to_both']:7.2f}",
        flush=True,
    )


def growth(results: list[Document]) -> Document:
    """How the median of a page grows with the table, and with its depth."""
    found: Document = {}
    for database in dict.fromkeys(r["database"] for r in results):
        p50 = {
            (r["request"], r["rows"]): r["valence"]["p50"]
            for r in results
            if r["database"] == database and r["clients"] == 1
        }
        found[database] = {
            "list, 10000 rows to 1000": p50["list", 10_000]
            / p50["list", 1_000],
            "deep page, 10000 rows to 1000": p50["list, deep page", 10_000]
            / p50["list, deep page", 1_000],
            "10000 rows, deep page to first": p50["list, deep page", 10_000]
            / p50["list", 10_000],
            "10000 rows, filtered to all": p50["list, filtered", 10_000]
            / p50["list", 10_000],
        }
    return found


@contextlib.contextmanager
def database(kind: str, directory: pathlib.Path) -> typing.Iterator[str]:
    """An empty database; its URL."""
    if kind == "sqlite":
        yield f"sqlite:///{directory}/valence.sqlite"
        return
    with services.Database(kind) as made:
        yield made.url


def arguments(
    description: str | None, databases: typing.Iterable[str] = DATABASES
) -> argparse.ArgumentParser:
    """What every benchmark of databases takes.

    :param databases: those that are measured unless others are named
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--database",
        action="append",
        choices=services.Database.KINDS,
        help=f"may be given again; {', '.join(databases)} otherwise",
    )
    parser.add_argument("--json", default="benchmark.json", metavar="FILE")
    return parser


def write(file: str, began: float, **found: typing.Any) -> None:
    """Keep what was found, and say so."""
    pathlib.Path(file).write_text(
        json.dumps({"cores": os.cpu_count(), **found}, indent=2)
    )
    took = time.monotonic() - began
    print(f"\n{file} is written. {took:.0f} s.")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of one measurement"
    )
    parser.add_argument(
        "--count", type=int, default=5000, help="most requests of one"
    )
    options = parser.parse_args()
    began = time.monotonic()
    results: list[Document] = []
    print(
        "                                          Valence"
        "                      pecan      SQL  Valence's rate to that of\n"
        "database request           rows clients      a s     p50"
        "     p99      a s      a s    pecan     SQL    both"
    )
    for kind in options.database or DATABASES:
        with contextlib.ExitStack() as stack:
            directory = pathlib.Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="valence-benchmark-")
                )
            )
            url = stack.enter_context(database(kind, directory))
            # It makes the tables, so it has to be first.
            sql = stack.enter_context(Part("sql", url))
            load = stack.enter_context(Part("load"))
            bare = stack.enter_context(Part("bare", str(directory)))
            valence = stack.enter_context(Part("valence", url))
            bench = Bench(options, kind, directory, load, bare, valence, sql)
            results += bench.run()
    grown = growth(results)
    print("\nMedian time of a page of 100 rows, one client:")
    for kind, ratios in grown.items():
        for name, ratio in ratios.items():
            print(f"{kind:8} {name:32} {ratio:5.2f}")
    write(options.json, began, results=results, growth=grown)


if __name__ == "__main__":
    main()
