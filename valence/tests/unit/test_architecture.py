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


"""What the shape of the code promises, held to its promise."""

import ast
import pathlib
import subprocess
import sys
import sysconfig

from valence.tests import base

ROOT = pathlib.Path(__file__).parents[3]
SOURCES = [
    file.relative_to(ROOT)
    for room in ("valence", "valenceclient", "tools", "doc", "benchmarks")
    for file in sorted((ROOT / room).rglob("*.py"))
]
LICENSE = "\n".join(pathlib.Path(__file__).read_text().splitlines()[:11])

MOST_LINES = 500
#: Too long, and to be cut: let none grow, and add none.
TOO_LONG = {}


class TestArchitecture(base.TestCase):
    def test_no_file_is_too_long(self) -> None:
        lengths = {
            str(file): len((ROOT / file).read_text().splitlines())
            for file in SOURCES
        }
        too_long = {
            file: lines
            for file, lines in lengths.items()
            if lines > MOST_LINES
        }
        self.assertEqual({}, too_long)

    def test_no_attic(self) -> None:
        attic = {"utils", "util", "common", "helpers", "misc"}
        found = [
            str(file)
            for file in SOURCES
            if attic & {part.removesuffix(".py") for part in file.parts}
        ]
        self.assertEqual([], found)

    def test_each_file_has_the_license(self) -> None:
        bare = []
        for file in SOURCES:
            text = (ROOT / file).read_text()
            if text and LICENSE not in text[: len(LICENSE) + 200]:
                bare.append(str(file))
        self.assertEqual([], bare)

    def test_nothing_imports_eventlet(self) -> None:
        found = []
        for file in SOURCES:
            for node in ast.walk(ast.parse((ROOT / file).read_bytes())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                if any(name.split(".")[0] == "eventlet" for name in names):
                    found.append(f"{file}:{node.lineno}")
        self.assertEqual([], found)

    def test_layers(self) -> None:
        """The contracts of import-linter, in pyproject.toml."""
        program = pathlib.Path(sysconfig.get_path("scripts"), "lint-imports")
        done = subprocess.run(
            (sys.executable, str(program), "--no-cache"),
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
