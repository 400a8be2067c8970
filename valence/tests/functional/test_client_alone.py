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

"""The client is installed without the service, and works."""

import os
import pathlib
import re
import shutil
import subprocess
import venv

import fixtures

from valence.tests.functional.test_commands import CommandCase

ROOT = pathlib.Path(__file__).parents[3]


def required(requirements: list[str]) -> set[str]:
    """The names of distributions, as pip spells them."""
    names = (re.split(r"[\[<>=!;# ]", line)[0] for line in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names if name}


class TestClientAlone(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        # A build leaves files beside what it builds.
        self.source = home / "valenceclient"
        shutil.copytree(
            ROOT / "valenceclient",
            self.source,
            ignore=shutil.ignore_patterns(
                "build", "*.egg-info", "__pycache__", "AUTHORS", "ChangeLog"
            ),
        )
        venv.create(home / "venv", with_pip=True, symlinks=True)
        self.bin = home / "venv/bin"

    def run_program(self, program: str, *argv: str, **environ: str) -> str:
        done = subprocess.run(
            (self.bin / program, *argv),
            # There is no repository around it to read its version from.
            env=os.environ | {"PBR_VERSION": "1.0.0"} | environ,
            cwd=self.source.parent,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_in_an_empty_environment(self) -> None:
        self.env.register()
        constraints = str(ROOT / "constraints.txt")
        self.run_program(
            "python", "-m", "pip", "install", "-q", "-c", constraints,
            str(self.source),
        )  # fmt: skip
        frozen = self.run_program(
            "python", "-m", "pip", "list", "--format=freeze"
        )
        installed = required(frozen.splitlines())
        self.assertIn("python-valenceclient", installed)
        self.run_program("python", "-m", "pip", "check")

        # Nothing of what the service is made of is there.
        service = required(
            (ROOT / "requirements.txt").read_text().splitlines()
        )
        shared = {"keystoneauth1", "pbr", "requests", "stevedore"}
        self.assertEqual(set(), (service - shared) & installed)
        self.run_program(
            "python",
            "-c",
            "import importlib.util, sys;"
            "sys.exit(importlib.util.find_spec('valence') is not None)",
        )

        # And yet it works: as a program, and as a library.
        where = {"OS_ENDPOINT": self.served.url}
        listed = self.run_program(
            "valence", "pod", "manager", "list", "-f", "value", "-c", "name",
            **where,
        )  # fmt: skip
        self.assertEqual("pod-0\n", listed)
        self.run_program("python", "-c", EXAMPLE, **where)
        (node,) = self.json("composed node list")
        self.assertEqual("composed", node["provision_state"])


#: The example of the client's README, against the service of the test.
EXAMPLE = "import os\n" + re.sub(
    r"^    ",
    "",
    (ROOT / "valenceclient/README.rst")
    .read_text()
    .split(".. code-block:: python\n\n")[1]
    .split("\n\n*")[0]
    .replace('"http://127.0.0.1:8181"', 'os.environ["OS_ENDPOINT"]'),
    flags=re.MULTILINE,
)
