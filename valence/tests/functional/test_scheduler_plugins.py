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

"""A filter and a weigher of another package, that of the documentation."""

import os
import pathlib
import shutil
import subprocess
import sys

import fixtures

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.functional import deployed

SAMPLE = pathlib.Path(__file__).parents[3] / "doc/samples/valence-crowd"


class TestAnotherPackage(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.options = {
            "database": {"connection": f"sqlite:///{self.home}/v.sqlite"},
            "scheduler": {
                "filters": "online,crowd,capacity",
                "weighers": "calm",
                "weigher_multipliers": "calm:2.5",
            },
        }

    def install(self) -> None:
        source = shutil.copytree(SAMPLE, self.home / "source")
        target = self.home / "installed"
        subprocess.run(
            (sys.executable, "-m", "pip", "install", "--quiet", "--no-index")
            + ("--no-deps", "--no-build-isolation", "--target")
            + (str(target), str(source)),
            check=True,
            timeout=120,
        )
        path = os.pathsep.join(
            filter(None, (str(target), os.environ.get("PYTHONPATH")))
        )
        self.useFixture(fixtures.EnvironmentVariable("PYTHONPATH", path))

    def test_they_choose(self) -> None:
        self.install()
        pods = self.useFixture(
            environment.Pods(PodSpec(systems=3), PodSpec(systems=3))
        ).pods
        service = self.useFixture(processes.Standalone(self.options))
        client = service.client()
        for number, pod in enumerate(pods):
            body = deployed.registration(pod, name=f"pod-{number}")
            answer = client.post("/v1/pod_managers", body, wait=60)
            self.assertEqual("Online", answer.json["status"], answer)
        body = {"name": "first", "podm_id": "pod-0"}
        self.assertEqual(200, client.post("/v1/nodes", body, wait=60).status)
        plan = client.post("/v1/nodes", {"dry_run": True})
        self.assertEqual(
            [("pod-1", {"calm": 2.5}), ("pod-0", {"calm": 0.0})],
            [
                (c["pod_manager"], c["weights"])
                for c in plan.json["candidates"]
            ],
        )
        for number in range(3):
            body = {"name": f"more-{number}"}
            answer = client.post("/v1/nodes", body, wait=60)
            self.assertEqual(200, answer.status, answer)
        refused = client.post("/v1/nodes", {"name": "too-many"}, wait=60)
        self.assertEqual(409, refused.status, refused)
        self.assertEqual(
            {
                ("crowd", "it has 2 nodes, and 2 are enough", 1, 0),
            },
            {
                (r["filter"], r["reason"], r["needed"]["nodes"])
                + (r["free"]["nodes"],)
                for r in refused.error["refusals"]
            },
        )

    def test_who_is_missing_is_named_before_anything_starts(self) -> None:
        processes.run("valence-dbsync", self.options, "upgrade")
        for program in ("valence-conductor", "valence-standalone"):
            done = processes.run(program, self.options, check=False)
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn(
                "No valence.scheduler.filter is called crowd. See "
                "[scheduler]filters and [scheduler]weighers.",
                done.stdout,
            )

    def test_what_is_no_number_is_said(self) -> None:
        self.options["scheduler"] = {"weigher_multipliers": "spread:much"}
        done = processes.run("valence-conductor", self.options, check=False)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertIn("option weigher_multipliers", done.stdout)
        self.assertNotIn("Traceback", done.stdout)
