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


"""The commands of the user guide do what the user guide says.

Each console block of PAGES is run, in order, in one shell. What stands below a
command has to be what it prints, where ``...`` is anything, and a uuid or a
time is any other. The two commands that do not end run in the background.
"""

import os
import pathlib
import re
import shlex
import subprocess
import textwrap

import fixtures

from valence.tests import base
from valence.tests.fixtures import processes
from valence.tests.fixtures import services

SOURCE = pathlib.Path(__file__).parents[3] / "doc/source/user"
PAGES = ("first-node", "operations", "refusals")
BLOCK = re.compile(
    r"^\.\. code-block:: console\n(?:   :force:\n)?\n((?:   .*\n|\n)+)", re.M
)
VOLATILE = re.compile(
    r"(req-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00"
)
SEPARATOR = "\x1e"


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


class TestUserGuide(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        scripts = os.path.dirname(processes.path_of("python"))
        self.environ = os.environ | {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "XDG_STATE_HOME": str(self.home),
        }
        self.ports = {"8181": str(services.free_ports(1)[0])}
        config = self.home / "api.conf"
        config.write_text(f"[api]\nport = {self.ports['8181']}\n")
        self.servers = {
            "valence-simulator": (" --quiet --port 0", r":(\d+)  dialect"),
            "valence-standalone": (
                f" --config-file {config}",
                "API listens on",
            ),
        }

    def test_commands_do_what_is_said(self) -> None:
        shown = []
        for command, output in sum(map(commands, PAGES), []):
            if command.split()[0] in self.servers:
                self.start(command, output)
            else:
                shown.append((command, output))
        script = "".join(
            f"{{\n{command}\n}} 2>&1\nprintf '{SEPARATOR}'\n"
            for command, _ in shown
        )
        for number, port in self.ports.items():
            script = script.replace(f":{number}", f":{port}")
        # Where a page waits in vain, what came before tells why.
        done = subprocess.run(
            ("timeout", "60", "bash", "-c", script),
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        printed = done.stdout.split(SEPARATOR)[:-1]
        for (command, expected), actual in zip(shown, printed, strict=False):
            self.compare(command, expected, actual.strip("\n"))
        self.assertEqual(len(shown), len(printed))

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
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        found = processes.poll(
            lambda: re.findall(ready, log.read_text()), f"{log.name} ready"
        )
        if "simulator" in command:
            self.ports |= dict(zip(("8443", "8444"), found, strict=True))
        lines = log.read_text().split("\n")
        self.compare(command, expected, "\n".join(lines[: len(found)]))

    def compare(self, command: str, expected: str, actual: str) -> None:
        for number, port in self.ports.items():
            actual = actual.replace(f":{port}", f":{number}")
        wanted = re.escape(VOLATILE.sub("-", expected))
        wanted = wanted.replace(r"\.\.\.", ".*")
        if not re.fullmatch(wanted, VOLATILE.sub("-", actual), re.DOTALL):
            self.fail(f"$ {command}\nprints\n{actual}\nand not\n{expected}")
