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

"""Valence's main job, on simulated hardware, as a story to follow.

Starts two simulated pods and a complete Valence in one process, on loopback
ports and in a temporary directory, goes through the life of a composed node,
and stops everything. Each request is shown as the curl command that does the
same.
"""

import argparse
import contextlib
import json
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing
import urllib.error
import urllib.request

START_TIMEOUT = 60
BIN = pathlib.Path(sys.executable).parent
USER = "admin"
PASSWORD = "admin"  # noqa: S105 - of the simulated pods

Json = typing.Any


class Failure(Exception):
    """The demo cannot go on; says why."""


def free_ports(first: int, count: int = 1) -> int:
    """The first of some adjacent ports to listen on: the usual, if free."""
    for start in range(first, first + 1000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(start, start + count):
                    one = stack.enter_context(socket.socket())
                    one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return start
    raise Failure("There is no free port on 127.0.0.1.")


class Server:
    """A process of ours that serves HTTP; ended with us."""

    def __init__(
        self, directory: pathlib.Path, name: str, *arguments: str
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self.command = (str(BIN / name), *arguments)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                start_new_session=True,
            )

    def wait_for(self, url: str) -> None:
        """Wait until it says that it listens, and answers, at a URL.

        Somebody else's server may answer there: it has to be ours.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while not (url in self.log.read_text() and _answers(url)):
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended.\n{self.log.read_text()}")
            if time.monotonic() > deadline:
                raise Failure(
                    f"{self.name} does not answer.\n{self.log.read_text()}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# Whatever proxy the environment names, these requests stay on loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(url: str) -> bool:
    try:
        _opener.open(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Api:
    """Sends requests, and shows them as what one would type."""

    def __init__(self, base: str) -> None:
        self.base = base

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        shown: bool = True,
        **headers: str,
    ) -> tuple[Json, typing.Mapping[str, str]]:
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if shown:
            self._show(method, path, body, headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers | {"Accept": "application/json"},
        )
        try:
            with _opener.open(request, timeout=90) as response:
                content = response.read()
                status = response.status
                received = response.headers
        except urllib.error.HTTPError as error:
            raise Failure(
                f"{method} {path}: {error.code} {error.reason}\n"
                f"{error.read().decode(errors='replace')}"
            ) from None
        if shown:
            print(f"    HTTP {status}")
        return (json.loads(content) if content else None), received

    def get(self, path: str, *, shown: bool = True) -> Json:
        return self.request("GET", path, shown=shown)[0]

    def _show(
        self, method: str, path: str, body: Json, headers: dict[str, str]
    ) -> None:
        words = ["curl", "-s"]
        if method != ("GET" if body is None else "POST"):
            words += ["-X", method]
        words.append(self.base + path)
        lines = [shlex.join(words)]
        lines += [
            f"-H {shlex.quote(f'{key}: {value}')}"
            for key, value in headers.items()
        ]
        if body is not None:
            lines.append("-H 'Content-Type: application/json'")
            lines.append(f"-d {shlex.quote(json.dumps(body))}")
        print("  $ " + " \\\n      ".join(lines))


def chapter(number: int, title: str, text: str) -> None:
    print(f"\n{number}. {title}\n")
    for line in text.splitlines():
        print(f"   {line}")
    print()
    sys.stdout.flush()


def table(rows: list[dict[str, Json]], *columns: str) -> None:
    """Some columns of a list of resources."""
    if not rows:
        print("    (none)")
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(map(len, column)) for column in zip(columns, *cells, strict=False)
    ]
    for line in (list(columns), *cells):
        text = "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        )
        print("    " + text.rstrip())


def some(resource: dict[str, Json], *names: str) -> None:
    """Some attributes of a resource."""
    width = max(map(len, names))
    for name in names:
        print(f"    {name.ljust(width)}  {_cell(resource.get(name))}")


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)


def wait_for_pods(api: Api, names: list[str]) -> list[Json]:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        pods = [
            api.get(f"/pod_managers/{name}", shown=False) for name in names
        ]
        if all(pod["status"] == "Online" for pod in pods):
            return pods
        if time.monotonic() > deadline:
            raise Failure(f"The pod managers do not come online: {pods}")
        time.sleep(0.2)


def follow(api: Api, operation_url: str) -> Json:
    """Show the steps of an operation as they end."""
    ended: set[str] = set()
    while True:
        operation = api.get(operation_url, shown=False)
        for step in operation["steps"]:
            if step["ended_at"] and step["name"] not in ended:
                ended.add(step["name"])
                time_of_day = step["ended_at"][11:23]
                print(
                    f"    {time_of_day}  {step['name'].ljust(20)}"
                    f"  {step['state']}"
                )
                sys.stdout.flush()
        if operation["ended_at"]:
            print(f"    the operation has {operation['state']}")
            return operation
        time.sleep(0.2)


def show_systems(api: Api, pods: dict[str, str]) -> None:
    """List the systems, with the names of their pods."""
    systems = api.get("/systems")
    for system in systems:
        system["pod"] = pods[system["podm_id"]]
    table(systems, "pod", "name", "state", "cpu_cores", "memory_mib", "uuid")


def story(api: Api, pods: dict[str, str]) -> None:
    chapter(
        1,
        "Register two pod managers",
        "A pod manager is the controller of a rack or a fabric. These two\n"
        "are simulated. Valence answers at once, then connects and takes\n"
        "stock in the background.",
    )
    for name, url in pods.items():
        api.request(
            "POST",
            "/pod_managers",
            {
                "name": name,
                "url": url,
                "driver": "redfishv1",
                "authentication": [
                    {
                        "type": "basic",
                        "auth_items": {"username": USER, "password": PASSWORD},
                    }
                ],
            },
        )
    names = {
        pod["uuid"]: pod["name"] for pod in wait_for_pods(api, list(pods))
    }
    table(api.get("/pod_managers"), "name", "status", "version", "url")

    chapter(
        2,
        "See what they have",
        "The systems of both: the computers that a node can be composed on.",
    )
    show_systems(api, names)

    chapter(
        3,
        "Create a flavor",
        "A flavor is a named set of requirements: here 4 cores and 4 GiB.",
    )
    flavor, _ = api.request(
        "POST",
        "/flavors",
        {
            "name": "small",
            "properties": {
                "memory": {"capacity_mib": "4096"},
                "processor": {"total_cores": 4},
            },
        },
    )
    some(flavor, "name", "uuid", "properties")

    chapter(
        4,
        "Compose a node",
        "The answer names an operation, which lists its steps as they are\n"
        "taken. (With the header 'Prefer: wait=30' the answer would come\n"
        "when the node is there.)",
    )
    node, headers = api.request(
        "POST", "/nodes", {"name": "my-node", "flavor_id": flavor["uuid"]}
    )
    print(f"    Location: {headers['Location']}")
    some(node, "name", "provision_state", "uuid")
    operation = "/operations/" + headers["Location"].rpartition("/")[2]
    print()
    api.get(operation)
    if follow(api, operation)["state"] != "succeeded":
        raise Failure("The node was not composed.")
    print()
    node = api.get("/nodes/my-node")
    some(
        node,
        "name",
        "provision_state",
        "power_state",
        "memory_mib",
        "processors",
        "resource_uri",
    )
    print()
    show_systems(api, names)

    chapter(
        5,
        "Switch it on",
        "'Prefer: wait' holds the answer until it is done.",
    )
    api.request(
        "POST",
        "/nodes/my-node/action",
        {"Reset": {"Type": "On"}},
        Prefer="wait=30",
    )
    some(api.get("/nodes/my-node"), "name", "power_state")

    chapter(
        6,
        "Lend it a drive",
        "Its pod pools drives that are in no computer. One is attached to\n"
        "the node while it runs, and taken back.",
    )
    drives = f"/devices?type=storage&podm_id={node['podm_id']}"
    table([drive := api.get(drives)[0]], "name", "state", "node_id")
    for verb in ("attach", "detach"):
        api.request(
            "POST",
            "/nodes/my-node/action",
            {verb: {"device_id": drive["uuid"]}},
            Prefer="wait=30",
        )
        table([api.get(f"/devices/{drive['uuid']}")], "state", "node_id")

    chapter(
        7,
        "Release it",
        "Everything that it was made of goes back to its pod.",
    )
    api.request("DELETE", "/nodes/my-node", Prefer="wait=30")
    table(api.get("/nodes"), "name", "provision_state")
    print()
    show_systems(api, names)


NEXT = """
What next?

   %(keep)s, and it waits here while you type, in another terminal:

     curl -s %(base)s/operations | python3 -m json.tool
     curl -s %(base)s/racks | python3 -m json.tool
     curl -s %(base)s/nodes -d '{"name": "mine", "flavor_id": "small"}' \\
       -H 'Content-Type: application/json' -H 'Prefer: wait=30'
     curl -s -X DELETE %(base)s/nodes/mine -H 'Prefer: wait=30'

   The documentation begins at doc/source/index.rst; tools/test runs all
   tests.
"""


def start(
    stack: contextlib.ExitStack, directory: pathlib.Path
) -> tuple[Api, dict[str, str]]:
    port = free_ports(8443, 2)
    urls = {
        "pod-1": f"http://127.0.0.1:{port}",
        "pod-2": f"http://127.0.0.1:{port + 1}",
    }
    simulator = Server(
        directory,
        "valence-simulator",
        f"--port={port}",
        "--pod=2.1:systems=3,devices=1",
        "--pod=2.5:systems=3,devices=1",
        "--allocate-seconds=1",
        "--assemble-seconds=2",
    )
    stack.callback(simulator.stop)

    port = free_ports(8181)
    configuration = directory / "valence.conf"
    configuration.write_text(
        f"[api]\nport = {port}\n"
        f"[database]\nconnection = sqlite:///{directory}/valence.db\n"
    )
    service = Server(
        directory, "valence-standalone", f"--config-file={configuration}"
    )
    stack.callback(service.stop)

    for url in urls.values():
        simulator.wait_for(url)
    root = f"http://127.0.0.1:{port}"
    service.wait_for(root)
    print(
        "Two simulated pods and Valence are running. (Answers are cut short.)"
    )
    print()
    for server in (simulator, service):
        words = (pathlib.Path(server.command[0]).name, *server.command[1:])
        print(f"  $ {shlex.join(words)}")
    return Api(f"{root}/v1"), urls


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave it running after the story, until Ctrl-C",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="valence-demo-")
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        try:
            api, pods = start(stack, pathlib.Path(directory))
            story(api, pods)
        except Failure as failure:
            print(f"\nerror: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        keep = (
            "It is still running"
            if arguments.keep
            else ("Run tools/demo --keep")
        )
        print(NEXT % {"base": api.base, "keep": keep})
        if not shutil.which("curl"):
            print("   This machine has no curl: apt-get install curl\n")
        if arguments.keep:
            for name, url in pods.items():
                print(f"   {name}: {url} (user {USER}, password {PASSWORD})")
            with contextlib.suppress(KeyboardInterrupt):
                print("   Ctrl-C ends it.")
                sys.stdout.flush()
                signal.pause()
    print(
        f"Everything has stopped again, after"
        f" {time.monotonic() - began:.0f} s."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
