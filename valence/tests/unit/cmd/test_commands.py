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


"""The commands, as somebody types them."""

import importlib.metadata
import pathlib
import subprocess

import fixtures
import testscenarios

from valence.tests import base
from valence.tests.fixtures import processes

COMMANDS = sorted(
    entry.name
    for entry in importlib.metadata.entry_points(group="console_scripts")
    if entry.value.startswith("valence.cmd.")
)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    program = processes.path_of(words[0])
    return subprocess.run(
        (program, *words[1:]), capture_output=True, text=True
    )


class TestHelp(testscenarios.TestWithScenarios, base.TestCase):
    scenarios = [(name, {"name": name}) for name in COMMANDS]

    def test_help(self) -> None:
        done = run(self.name, "--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn(f"usage: {self.name}", done.stdout)

    def test_has_a_section_in_the_documentation(self) -> None:
        page = pathlib.Path(__file__).parents[4] / "doc/source/cli/index.rst"
        underline = "=" * len(self.name)
        self.assertIn(f"\n{self.name}\n{underline}\n", page.read_text())


class TestConfiguration(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.file = pathlib.Path(self.directory, "valence.conf")

    def dbsync(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run("valence-dbsync", "--config-file", str(self.file), *words)

    def test_file_that_is_not_there_is_one_line(self) -> None:
        done = self.dbsync("version")
        self.assertEqual(1, done.returncode)
        self.assertRegex(
            done.stderr,
            r"\Avalence-dbsync: Failed to find .*valence\.conf\n\Z",
        )

    def test_value_that_cannot_be_is_one_line(self) -> None:
        self.file.write_text("[api]\nport = x\n")
        done = self.dbsync("version")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"\Avalence-dbsync: .*option port.*\n\Z")

    def test_schema(self) -> None:
        self.file.write_text(
            f"[database]\nconnection = sqlite:///{self.directory}/v.sqlite\n"
        )
        self.assertEqual("empty\n", self.dbsync("version").stdout)
        self.assertIn("The schema is at", self.dbsync("upgrade").stdout)
        self.assertIn("<- the database", self.dbsync("history").stdout)
        done = self.dbsync()
        self.assertEqual(2, done.returncode)
        self.assertIn("required: command", done.stderr)
