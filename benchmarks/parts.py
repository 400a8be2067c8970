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

"""The processes of the benchmarks, which start and end them.

Each reads commands from its standard input, one JSON document a line, and
answers each with one on its standard output. It ends when its input does, so
none outlives the benchmark, however that ends.
"""

# First of all: it chooses threads.
import valence.cmd  # noqa: F401

# isort: split

import collections.abc
import datetime
import http.client
import json
import pathlib
import sys
import threading
import time
import typing
import uuid

import choosers
import pecan
import sqlalchemy as sa
import webob

from valence import conf
from valence import objects
from valence import rpc
from valence.cmd import server as wsgi_server
from valence.db import api as db
from valence.db import engine
from valence.db import migration
from valence.db import models
from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.simulator import Simulator
from valence.wsgi import wiring

CONF = conf.CONF

WARM_UP = 20

Document = dict[str, typing.Any]
Work = collections.abc.Callable[[], None]


def main() -> None:
    role, *arguments = sys.argv[1:]
    CONF([], project="valence", default_config_files=[])
    # Who asks is not what is measured.
    CONF.set_override("auth_strategy", "noauth")
    answer = ROLES[role](*arguments)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


# -- what is measured --------------------------------------------------------


def serve(url: str) -> typing.Any:
    """The API on a database; no conductor."""
    CONF.set_override("connection", url, "database")
    rpc.use_memory()
    return _serve(wiring.wire())


def serve_bare(directory: str) -> typing.Any:
    """Pecan and nothing else, answering what Valence did.

    :param directory: of what to answer: NAME.json for /NAME
    """
    documents = {}

    class Root:
        @pecan.expose(content_type="application/json")
        def _default(self, name: str) -> webob.Response:
            if name not in documents:
                path = pathlib.Path(directory, f"{name}.json")
                documents[name] = json.loads(path.read_text())
            return webob.Response(
                json.dumps(documents[name]).encode(),
                status=202 if pecan.request.method == "POST" else 200,
                content_type="application/json",
                charset="UTF-8",
            )

    return _serve(pecan.make_app(Root()))


def _serve(application: typing.Any) -> typing.Any:
    """Valence's own server, on a free port; the answer is that port."""
    CONF.set_override("port", 0, "api")
    server = wsgi_server.make_server(application)
    wsgi_server.serve(server)
    return lambda command: {"port": server.bind_addr[1]}


def simulate(specs: str) -> typing.Any:
    """Hardware; the answer is where.

    :param specs: JSON, a list of lists: "eem" or "pod", and the parameters
    """
    kinds: dict[str, typing.Any] = {"eem": EemSpec, "pod": PodSpec}
    simulator = Simulator([kinds[k](**how) for k, how in json.loads(specs)])
    simulator.start()
    urls = [endpoint.url for endpoint in simulator.endpoints]
    return lambda command: {"urls": urls}


# -- who measures ------------------------------------------------------------


def load() -> typing.Any:
    """Clients, each with a connection that it keeps."""

    def answer(command: Document) -> Document:
        body = command.get("body")
        text = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}

        def client() -> Work:
            connection = http.client.HTTPConnection(
                "127.0.0.1", command["port"], timeout=30
            )

            def request() -> None:
                connection.request(
                    command["method"], command["path"], text, headers
                )
                response = connection.getresponse()
                answered = response.read()
                if response.status != command["status"]:
                    raise RuntimeError(f"{response.status}: {answered!r}")

            return request

        return _measure(client, command)

    return answer


def sql(url: str) -> typing.Any:
    """The statements alone; and it fills the tables."""
    CONF.set_override("connection", url, "database")
    migration.upgrade()
    kinds = {"list": _list, "show": _show, "compose": _compose}

    def answer(command: Document) -> Document:
        if command["do"] == "fill":
            return _fill(command["rows"])
        work = kinds[command["do"]](command)
        return _measure(lambda: work, command)

    return answer


def _list(command: Document) -> Work:
    nodes = models.NODES.c
    names = [n for n, f in objects.Node.fields.items() if not f.detail]
    columns = [nodes[n] for n in names if objects.Node.fields[n].visible]

    def work() -> None:
        with engine.reading() as connection:
            connection.execute(
                sa.select(*columns)
                .order_by(nodes.created_at, nodes.id)
                .limit(command["limit"])
            ).all()

    return work


def _show(command: Document) -> Work:
    nodes = models.NODES

    def work() -> None:
        with engine.reading() as connection:
            connection.execute(
                sa.select(nodes).where(nodes.c.uuid == command["uuid"])
            ).one()

    return work


def _compose(command: Document) -> Work:
    def work() -> None:
        node = _node(0, provision_state="composing")
        with engine.writing() as connection:
            connection.execute(sa.insert(models.NODES), node)
            connection.execute(
                sa.insert(models.OPERATIONS), _operation(node["uuid"])
            )

    return work


def _fill(rows: int) -> Document:
    """Nodes until there are so many."""
    with engine.writing() as connection:
        here = connection.execute(
            sa.select(sa.func.count()).select_from(models.NODES)
        ).scalar_one()
        added = [_node(number) for number in range(here, rows)]
        if added:
            connection.execute(sa.insert(models.NODES), added)
    # Some seconds after so many rows the servers do this of their own accord.
    statement = {"mysql": "ANALYZE TABLE nodes", "postgresql": "ANALYZE nodes"}
    with engine.writing() as connection:
        if connection.dialect.name in statement:
            connection.exec_driver_sql(statement[connection.dialect.name])
        places = (rows // 2, rows - 1)
        return {
            "rows": rows,
            "uuids": [
                connection.execute(
                    sa.select(models.NODES.c.uuid)
                    .order_by(models.NODES.c.id)
                    .offset(place)
                    .limit(1)
                ).scalar_one()
                for place in places
            ],
        }


def _empty(cls: typing.Any) -> Document:
    return {
        name: None if field.nullable else []
        for name, field in cls.fields.items()
    }


def _node(number: int, **values: typing.Any) -> Document:
    when = db.now()
    return {
        **_empty(objects.Node),
        "uuid": str(uuid.uuid4()),
        "created_at": when + datetime.timedelta(microseconds=number),
        "updated_at": when,
        "revision": 0,
        "name": f"node-{number}",
        "properties": {"memory": {"capacity_mib": 4096}},
        "index": str(number),
        "resource_uri": f"/redfish/v1/Nodes/{number}",
        "provision_state": "composed",
        "composed": True,
        "managed_by": "valence",
        "power_state": "On",
        "boot": {"target": "Hdd", "enabled": "Continuous", "mode": "UEFI"},
        "systems": [f"/redfish/v1/Systems/{number}"],
        "processors": {"count": 2, "model": "Multi-Core Intel(R) Xeon(R)"},
        "memory_mib": 65536,
        "hardware_uuid": str(uuid.uuid4()),
        "assets": {"memory": [{"capacity_mib": 8192, "type": "DDR4"}] * 8},
        **values,
    }


def _operation(node: str) -> Document:
    when = db.now()
    return {
        **_empty(objects.Operation),
        "uuid": str(uuid.uuid4()),
        "created_at": when,
        "updated_at": when,
        "revision": 0,
        "kind": "compose",
        "target_type": "node",
        "target_id": node,
        "target_name": "node",
        "state": "pending",
        "progress": 0,
        "steps": [],
        "cancel_requested": False,
        "arguments": {},
        "attempts": 0,
    }


# -- measuring ---------------------------------------------------------------


def _measure(
    make: collections.abc.Callable[[], Work], command: Document
) -> Document:
    """Do something over and over in so many threads, for a while.

    :param make: what one thread does over and over
    :returns: rate a second, median and 99th percentile in milliseconds
    """
    clients, seconds = command["clients"], command["seconds"]
    most = command["count"] // clients
    times: list[float] = []
    faults: list[Exception] = []
    ready = threading.Barrier(clients + 1)

    def run() -> None:
        mine: list[float] = []
        try:
            work = make()
            for _ in range(WARM_UP):
                work()
            ready.wait(30)
            until = time.perf_counter() + seconds
            began = time.perf_counter()
            while began < until and len(mine) < most:
                work()
                ended = time.perf_counter()
                mine.append(ended - began)
                began = ended
        except Exception as e:
            faults.append(e)
            ready.abort()
        times.extend(mine)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        ready.wait(30)
    except threading.BrokenBarrierError:
        pass  # said by who broke it
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    if faults:
        return {"error": repr(faults[0])}
    times.sort()
    return {
        "rate": len(times) / elapsed,
        "p50": 1000 * times[len(times) // 2],
        "p99": 1000 * times[int(len(times) * 0.99)],
        "count": len(times),
    }


ROLES: dict[str, typing.Any] = {
    "valence": serve,
    "bare": serve_bare,
    "simulator": simulate,
    "load": load,
    "sql": sql,
    "scheduler": choosers.schedule,
    "asker": choosers.ask,
}

if __name__ == "__main__":
    main()
