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


"""The commands of the documentation do what the documentation says.

Each console block of a page is run, in order, and pages that go on from one
another in one shell. What stands below a command has to be what it prints,
where ``...`` is anything, and a uuid or a time is any other. The two commands
that do not end run in the background.
"""

import importlib.metadata
import json
import os
import pathlib
import re
import shlex
import subprocess
import textwrap
import typing

import fixtures

from valence.api.v1 import audits
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import daemon
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures.keystone import Keystone
from valence.tests.functional import deployed

SOURCE = pathlib.Path(__file__).parents[3] / "doc/source"
BLOCK = re.compile(
    r"^\.\. code-block:: console\n(?:   :force:\n)?\n((?:   .*\n|\n)+)", re.M
)
VOLATILE = re.compile(
    r"(req-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00"
    r"|\(\d+\.\d s\)"
)
SEPARATOR = "\x1e"
FAULT = r'"errors?"|ended with status|Traceback'


def commands(page: str) -> list[tuple[str, str]]:
    """The commands of a page, each with what it prints."""
    found = []
    for block in BLOCK.findall((SOURCE / f"{page}.rst").read_text()):
        for part in re.split(r"^\$ ", textwrap.dedent(block), flags=re.M)[1:]:
            command, *printed = part.rstrip("\n").split("\n")
            while command.endswith("\\") or subprocess.call(
                ("bash", "-n", "-c", command), stderr=subprocess.DEVNULL
            ):
                command += "\n" + printed.pop(0)
            found.append((command, "\n".join(printed)))
    return found


class TestAdminGuide(base.TestCase):
    def test_each_finding_of_an_audit_is_explained(self) -> None:
        page = (SOURCE / "admin/devices.rst").read_text()
        for finding in (
            audits.FOREIGN,
            audits.LEFT,
            audits.MISSING,
            audits.LOST,
        ):
            self.assertIn(f"\n``{finding}``\n", page)


class WalkCase(base.TestCase):
    #: Pages that go on from one another.
    pages: tuple[str, ...]
    #: Ports of the simulated pods on them.
    simulated: tuple[str, ...]
    #: They leave out what is printed; then it has to be no error.
    terse = False

    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        scripts = os.path.dirname(processes.path_of("python"))
        self.environ = {
            **{k: v for k, v in os.environ.items() if k[:3] != "OS_"},
            "HOME": str(self.home),
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "XDG_STATE_HOME": str(self.home),
        }
        self.ports = {"8181": str(daemon.free_ports(1)[0])}
        #: What a page says → what it is here.
        self.names: dict[str, str] = {}
        config = self.home / "api.conf"
        config.write_text(f"[api]\nport = {self.ports['8181']}\n")
        self.servers = {
            "valence-simulator": (" --quiet --port 0", r":(\d+)\S*  "),
            "valence-standalone": (
                f" --config-file {config}",
                "API listens on",
            ),
        }

    def walk(self) -> list[tuple[str, str]]:
        """Run the commands of the pages; return each with what it printed."""
        shown = []
        for command, output in sum(map(commands, self.pages), []):
            if command.split()[0] in self.servers:
                self.start(command, output)
            else:
                shown.append((command, output))
        script = "".join(
            f"{{\n{command}\n}} 2>&1{self.judged}\nprintf '{SEPARATOR}'\n"
            for command, _ in shown
        )
        for name, here in self.names.items():
            script = script.replace(name, here)
        for number, port in self.ports.items():
            script = script.replace(f":{number}", f":{port}")
        # Where a page waits in vain, what came before tells why.
        done = subprocess.run(
            ("timeout", "600", "bash", "-c", script),
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        printed = done.stdout.split(SEPARATOR)[:-1]
        for (command, expected), actual in zip(shown, printed, strict=False):
            self.compare(command, expected, actual.strip("\n"))
        self.assertEqual(len(shown), len(printed))
        return [
            (command, actual)
            for (command, _), actual in zip(shown, printed, strict=True)
        ]

    @property
    def judged(self) -> str:
        return ' || echo "ended with status $?"' if self.terse else ""

    def start(self, command: str, expected: str) -> None:
        options, ready = self.servers[command.split()[0]]
        log = self.home / command.split()[0]
        with log.open("w") as file:
            process = subprocess.Popen(
                shlex.split(command + options),
                env=self.environ,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(process.wait, 120)
        self.addCleanup(process.terminate)
        found = processes.poll(
            lambda: re.findall(ready, log.read_text()), f"{log.name} ready"
        )
        if "simulator" in command:
            self.ports |= dict(zip(self.simulated, found, strict=True))
        lines = log.read_text().split("\n")
        self.compare(command, expected, "\n".join(lines[: len(found)]))

    def compare(self, command: str, expected: str, actual: str) -> None:
        for name, here in self.names.items():
            actual = actual.replace(here, name)
        for number, port in self.ports.items():
            actual = actual.replace(f":{port}", f":{number}")
        if self.terse and not expected:
            self.assertNotRegex(actual, FAULT, command)
            return
        wanted = re.escape(VOLATILE.sub("-", expected))
        wanted = wanted.replace(r"\.\.\.", ".*")
        if not re.fullmatch(wanted, VOLATILE.sub("-", actual), re.DOTALL):
            self.fail(f"$ {command}\nprints\n{actual}\nand not\n{expected}")


class TestReadme(WalkCase):
    pages = ("../../README",)
    simulated = ("8443",)

    def test_commands_do_what_is_said(self) -> None:
        self.walk()


class TestUserGuide(WalkCase):
    pages = (
        "user/first-node",
        "user/operations",
        "user/devices",
        "user/flavors",
        "user/refusals",
    )
    simulated = ("8443", "8444")

    def test_commands_do_what_is_said(self) -> None:
        self.walk()


class TestScheduler(WalkCase):
    pages = ("admin/resource-providers", "admin/scheduler")
    simulated = ("8443",)

    def test_commands_do_what_is_said(self) -> None:
        self.walk()

    def test_each_filter_and_weigher_is_explained(self) -> None:
        page = (SOURCE / "admin/scheduler.rst").read_text()
        for kind in ("filter", "weigher"):
            group = f"valence.scheduler.{kind}"
            for name in importlib.metadata.entry_points(group=group).names:
                self.assertRegex(page, rf"\n``{name}``( \(on\))?\n    ")


class TestProjects(WalkCase):
    """A member of a project, in a cloud with a Keystone."""

    pages = ("user/projects",)

    def test_commands_do_what_is_said(self) -> None:
        keystone = self.useFixture(Keystone())
        pod = self.useFixture(environment.Pods(PodSpec(devices=2))).pods[0]
        standalone = self.useFixture(
            processes.Standalone(
                {
                    "DEFAULT": {"auth_strategy": "keystone"},
                    "database": {
                        "connection": f"sqlite:///{self.home}/v.sqlite"
                    },
                    "keystone_authtoken": keystone.authtoken("valence"),
                }
            )
        )
        self.ports = {"8181": str(standalone.port)}
        admin = environment.Client(
            processes.over_http(standalone.url),
            X_Auth_Token=keystone.token(),
        )
        for path, body in (
            ("/v1/pod_managers", deployed.registration(pod)),
            (
                "/v1/flavors",
                {
                    "name": "small",
                    "properties": {"memory": {"capacity_mib": 4096}},
                },
            ),
        ):
            answer = admin.post(path, body, wait=60)
            self.assertLess(answer.status, 300, answer)
        member = keystone.user("ann", "member", project="project-a")
        keystone.service("composition", "valence", standalone.url)
        self.environ |= {
            f"OS_{name.upper()}": str(value)
            for name, value in keystone.credentials(member).items()
        }
        self.walk()


_NODE = {"index": "", "name": "", "resource_uri": "", "uuid": ""}
_DEVICE = {
    "node_id": None,
    "podm_id": "",
    "pooled_group_id": "",
    "resource_uri": "",
    "state": "",
    "type": "",
    "uuid": "",
}
#: What the document of the driver shows for each of its requests, by what the
#: command has to have in it: status, and the document or its kind of value.
ANSWERED: dict[str, tuple[int, typing.Any]] = {
    "/pod_managers": (
        200,
        {
            "authentication": [
                {"auth_items": {"password": "", "username": ""}, "type": ""}
            ],
            "created_at": "",
            "driver": "",
            "name": "",
            "status": "",
            "updated_at": "",
            "url": "",
            "uuid": "",
        },
    ),
    '"properties": {"pci_device"': (200, _NODE),
    '"flavor_id"': (200, _NODE),
    "/nodes/manage": (200, _NODE),
    'GET "http://localhost:8181/v1/devices': (
        200,
        [_DEVICE | {"node_id": ""}, _DEVICE],
    ),
    '"attach"': (204, None),
    '"detach"': (204, None),
}


class TestExpEther(WalkCase):
    pages = ("admin/expether",)
    simulated = ("30500",)

    def test_answers_have_the_shape_of_the_document(self) -> None:
        # What it prints is compared on the way.
        requests = [
            (command, printed)
            for command, printed in self.walk()
            if command.startswith("curl -i")
        ]
        for part, (status, document) in ANSWERED.items():
            (printed,) = (
                printed for command, printed in requests if part in command
            )
            head, _, body = printed.strip().partition("\n\n")
            self.assertIn(f" {status} ", head.split("\n")[0], part)
            if document is not None:
                self.assert_shape(document, json.loads(body), part)

    def assert_shape(
        self, wanted: typing.Any, given: typing.Any, at: str
    ) -> None:
        """All keys of the one are in the other, with values of their type."""
        self.assertIs(type(wanted), type(given), at)
        if isinstance(wanted, dict):
            for key, value in wanted.items():
                self.assertIn(key, given, at)
                self.assert_shape(value, given[key], f"{at} {key}")
        elif isinstance(wanted, list):
            for number, item in enumerate(wanted):
                self.assert_shape(item, given[number], f"{at} {number}")
