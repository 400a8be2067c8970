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
import typing

import fixtures

from valence.tests import base

BENCHMARKS = pathlib.Path(__file__).parents[3] / "benchmarks"


class TestBenchmarks(base.TestCase):
    def found(self, program: str, *arguments: str) -> typing.Any:
        """Run a benchmark; what it writes."""
        directory = self.useFixture(fixtures.TempDir()).path
        written = pathlib.Path(directory, "result.json")
        done = subprocess.run(
            (
                *(sys.executable, "-W", "ignore", str(BENCHMARKS / program)),
                *(*arguments, "--json", str(written)),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout)
        return json.loads(written.read_text())

    def test_schedule(self) -> None:
        found = self.found("schedule.py", "--quick")
        self.assertEqual([10, 60], [r["providers"] for r in found["results"]])
        for result in found["results"]:
            for who, measured in result["measured"].items():
                self.assertLess(0, measured["rounds"], who)
                self.assertLess(0, measured["laps"]["choose"]["p50"], who)
        self.assertEqual(
            ["offline", "full", "without", "small"],
            [one["others"] for one in found["growth"]],
        )

    def test_api(self) -> None:
        found = self.found(
            *("api.py", "--database", "sqlite"),
            *("--seconds", "0.05", "--count", "20"),
        )
        self.assertEqual(
            {"list", "list, deep page", "list, filtered", "show", "compose"},
            {one["request"] for one in found["results"]},
        )
        for one in found["results"]:
            for who in ("pecan", "valence", "sql"):
                self.assertLess(0, one[who]["rate"], one)

    def test_sync(self) -> None:
        found = self.found(
            *("sync.py", "--database", "sqlite", "--devices", "100"),
            *("--seconds", "0.1", "--no-pod"),
        )
        self.assertEqual(
            [("first", True), ("unchanged", False), ("changed", True)],
            [(r["sync"], r["written"] > 0) for r in found["results"]],
        )
