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

"""Benchmarks work; how fast anything is, is not a matter of tests."""

import json
import pathlib
import subprocess
import sys

import fixtures

from valence.tests import base

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


class TestBenchmarks(base.TestCase):
    def test_schedule(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        written = pathlib.Path(directory, "result.json")
        done = subprocess.run(
            (
                *(sys.executable, "-W", "ignore"),
                *(str(BENCHMARKS / "schedule.py"), "--quick"),
                *("--json", str(written)),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout)
        found = json.loads(written.read_text())
        self.assertEqual([10, 60], [r["providers"] for r in found["results"]])
        for result in found["results"]:
            for who, measured in result["measured"].items():
                self.assertLess(0, measured["rounds"], who)
                self.assertLess(0, measured["laps"]["choose"]["p50"], who)
        self.assertEqual(
            ["offline", "full", "without", "small"],
            [one["others"] for one in found["growth"]],
        )
