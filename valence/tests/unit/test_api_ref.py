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


"""The API reference says all that the API does, and nothing else."""

import difflib
import importlib.util
import pathlib
import re
import sys
import types

import yaml

from valence.api import routes
from valence.tests import base

ROOT = pathlib.Path(__file__).parents[3]
SOURCE = ROOT / "api-ref/source"
METHOD = re.compile(r"^\.\. rest_method:: (\S+) (\S+)$", re.MULTILINE)
PARAMETER = re.compile(r"^   - [\w.-]+: ([\w.]+)$", re.MULTILINE)
SAMPLE = re.compile(r"literalinclude:: samples/(\S+)")


def _generator() -> types.ModuleType:
    path = ROOT / "tools/generate_api_ref.py"
    sys.path.insert(0, str(path.parent))  # as if it were run
    spec = importlib.util.spec_from_file_location("generate_api_ref", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


class TestApiRef(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.text = "".join(
            file.read_text() for file in sorted(SOURCE.rglob("*.inc"))
        )

    def test_every_route_has_an_entry_and_every_entry_a_route(self) -> None:
        self.assertEqual(
            sorted(
                (method, path)
                for path, methods in routes.ROUTES.items()
                for method in methods
            ),
            sorted(METHOD.findall(self.text)),
        )

    def test_parameters_are_those_of_the_objects(self) -> None:
        wanted = _generator().render()
        kept = {
            str(file.relative_to(SOURCE)): file.read_text()
            for pattern in ("openapi.json", "parameters.yaml", "tables/*")
            for file in SOURCE.glob(pattern)
        }
        for name in sorted(wanted.keys() | kept.keys()):
            diff = difflib.unified_diff(
                kept.get(name, "").split("\n"),
                wanted.get(name, "").split("\n"),
                name,
            )
            self.assertEqual([], [*diff], "tox -e genapiref writes them")

    def test_every_parameter_stands_in_a_table(self) -> None:
        known = yaml.safe_load((SOURCE / "parameters.yaml").read_text())
        self.assertEqual(
            sorted(known), sorted({*PARAMETER.findall(self.text)})
        )

    def test_every_table_is_shown(self) -> None:
        shown = re.findall(r"include:: (tables/\S+)", self.text)
        files = {f"tables/{file.name}" for file in SOURCE.glob("tables/*")}
        self.assertEqual(sorted(files), sorted({*shown}))

    def test_every_sample_is_shown(self) -> None:
        shown = {*SAMPLE.findall(self.text)}
        self.assertEqual(
            sorted(file.name for file in SOURCE.glob("samples/*")),
            sorted(shown),
        )
