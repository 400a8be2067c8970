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

"""What is told of an operation while it goes on."""

import io
import os

import fixtures
import requests

from valence.tests.unit.client import case
from valenceclient import exceptions
from valenceclient.osc import explain
from valenceclient.osc import progress

UUID = "0b6ac7a5-31f0-4b8b-b9f7-8a2b2a2d4a55"
BEGUN = "2026-01-31T12:00:00.000000+00:00"
ENDED = "2026-01-31T12:00:01.500000+00:00"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(
    name: str, state: str, message: str | None = None
) -> dict[str, object]:
    ended = None if state == "running" else ENDED
    shown = {
        "name": name,
        "state": state,
        "started_at": BEGUN,
        "ended_at": ended,
    }
    return shown | ({"message": message} if message else {})


def operation(
    state: str, progress: int, *steps: dict[str, object], **more: object
) -> dict[str, object]:
    ended = None if state == "running" else ENDED
    return {
        "json": {
            "uuid": UUID,
            "kind": "compose",
            "target_id": "n",
            "target_name": "web-1",
            "state": state,
            "progress": progress,
            "steps": list(steps),
            "warnings": [],
            "last_error": None,
            "started_at": BEGUN,
            "ended_at": ended,
            **more,
        }
    }


class TestWatch(case.ClientCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = f"/v1/operations/{UUID}"
        self.useFixture(
            fixtures.MonkeyPatch(
                "shutil.get_terminal_size", lambda: os.terminal_size((60, 24))
            )
        )

    def watched(self, stream: io.StringIO, quiet: bool = False) -> str:
        watch = progress.Watch(self.client, stream, "openstack", quiet)
        try:
            watch.until_ended(UUID)
        finally:
            self.shown = stream.getvalue()
        return self.shown

    def succeeds(self, **more: object) -> None:
        allocated = step("allocate", "succeeded")
        self.http.get(
            self.path,
            [
                operation("pending", 0),
                operation("running", 0, step("allocate", "running")),
                operation("running", 0, step("allocate", "running")),
                operation(
                    "running", 50, allocated, step("assemble", "running")
                ),
                operation(
                    "succeeded",
                    100,
                    allocated,
                    step("assemble", "succeeded"),
                    **more,
                ),
            ],
        )

    def test_lines_in_a_pipe(self) -> None:
        self.succeeds()
        self.assertEqual(
            "compose web-1: allocate: running\n"
            "compose web-1: allocate: succeeded (1.5 s)\n"
            "compose web-1: assemble: running\n"
            "compose web-1: assemble: succeeded (1.5 s)\n"
            "compose web-1: succeeded (1.5 s)\n",
            self.watched(io.StringIO()),
        )

    def test_a_bar_on_a_terminal(self) -> None:
        self.succeeds()
        shown = self.watched(Terminal())
        bar = "[###############...............]  50 %  compose web-1: assem"
        self.assertIn(f"\r{bar[:59]}\033[K", shown)
        # What has ended stays on lines of its own, and the bar goes.
        left = [line.rpartition("\033[K")[2] for line in shown.splitlines()]
        self.assertEqual(
            [
                "compose web-1: allocate: succeeded (1.5 s)",
                "compose web-1: assemble: succeeded (1.5 s)",
                "compose web-1: succeeded (1.5 s)",
            ],
            [line for line in left if line],
        )

    def test_nothing_where_nothing_is_wanted(self) -> None:
        self.succeeds()
        self.assertEqual("", self.watched(Terminal(), quiet=True))

    def test_warnings(self) -> None:
        self.succeeds(warnings=["Start web-1 again."])
        shown = self.watched(io.StringIO(), quiet=True)
        self.assertEqual("Warning: Start web-1 again.\n", shown)

    def test_a_failure(self) -> None:
        self.http.get(
            self.path,
            **operation(
                "failed",
                0,
                step("give back", "failed", "It is away."),
                step("allocate", "failed", "It is full."),
                last_error="It is full.",
            ),
        )
        e = self.assertRaises(
            exceptions.OperationFailed, self.watched, io.StringIO()
        )
        self.assertEqual("It is full.", str(e))
        # Which follows: it is said once.
        self.assertEqual(
            "compose web-1: give back: failed (1.5 s): It is away.\n"
            "compose web-1: allocate: failed (1.5 s)\n"
            "compose web-1: failed (1.5 s)\n",
            self.shown,
        )

    def test_who_presses_ctrl_c_is_told_that_it_goes_on(self) -> None:
        def interrupt(seconds: float) -> None:
            raise KeyboardInterrupt

        self.useFixture(fixtures.MonkeyPatch("time.sleep", interrupt))
        self.http.get(self.path, **operation("running", 0))
        self.assertRaises(KeyboardInterrupt, self.watched, io.StringIO())
        self.assert_it_goes_on()

    def assert_it_goes_on(self) -> None:
        for verb in ("wait", "cancel"):
            self.assertIn(
                f"  openstack composition operation {verb} {UUID}\n",
                self.shown,
            )

    def test_who_loses_the_service_is_told_so_as_well(self) -> None:
        gone = requests.exceptions.ConnectionError("cut off")
        for last, error in (
            ({"exc": gone}, exceptions.Unreachable),
            ({"status_code": 502, "text": "gone"}, exceptions.ApiError),
            ({"status_code": 500, "json": case.error()}, exceptions.ApiError),
        ):
            self.http.get(self.path, [operation("running", 0), last])
            self.assertRaises(error, self.watched, io.StringIO())
            self.assert_it_goes_on()

    def test_and_who_has_no_more_time(self) -> None:
        self.http.get(self.path, **operation("running", 0))
        shown = io.StringIO()
        watch = progress.Watch(self.client, shown, "openstack")
        e = self.assertRaises(
            exceptions.StillRunning, watch.until_ended, UUID, 0.0
        )
        self.assertEqual(f"Operation {UUID} has not ended in time.", str(e))
        self.shown = shown.getvalue()
        self.assert_it_goes_on()

    def remains(self, **more: object) -> str:
        watch = progress.Watch(self.client, io.StringIO(), "valence")
        return watch.remains(operation("failed", 0, **more)["json"])

    def test_what_remains(self) -> None:
        for state, wanted in (
            ("compose_failed", "  valence composed node delete n"),
            # It holds hardware still, or is being removed.
            ("error", ""),
            ("releasing", ""),
        ):
            shown = {"name": "web-1", "provision_state": state}
            self.http.get("/v1/nodes/n", json=shown)
            self.assertEqual(wanted, self.remains().rpartition("\n")[2])

    def test_nobody_knows_what_remains(self) -> None:
        for answer in (
            {"status_code": 404, "json": case.error("resource.not_found")},
            {"exc": requests.exceptions.ConnectionError("cut off")},
            {"json": {"name": "web-1"}},
        ):
            self.http.get("/v1/nodes/n", **answer)
            self.assertEqual("", self.remains())

    def test_nothing_remains_of_other_operations(self) -> None:
        self.assertEqual("", self.remains(kind="release"))
        self.assertEqual([], self.sent())

    def test_one_that_is_not_there_does_not_go_on(self) -> None:
        missing = case.error("resource.not_found")
        self.http.get(self.path, status_code=404, json=missing)
        self.assertRaises(exceptions.ApiError, self.watched, io.StringIO())
        self.assertEqual("", self.shown)


class TestExplain(case.ClientCase):
    def refused(self, *refusals: dict[str, object]) -> str:
        return explain.error(
            exceptions.ApiError(
                409,
                "No pod manager can compose this node. pod-1: it is full. "
                "2 others cannot serve it either.",
                refusals=list(refusals),
            )
        )

    def test_refusals_are_a_table(self) -> None:
        shown = self.refused(
            {
                "pod_manager": "pod-1",
                "filter": "devices",
                "reason": "it is full",
                "needed": {"GPU": 2},
                "free": {"GPU": 1},
            },
            {
                "pod_manager": "pod-2",
                "filter": "online",
                "reason": "it is Offline",
                "needed": {},
                "free": {},
            },
        )
        self.assertEqual(
            [
                "No pod manager can compose this node.",
                "+-------------+---------+---------------+--------+-------+",
                "| pod_manager | filter  | reason        | needed | free  |",
                "+-------------+---------+---------------+--------+-------+",
                "| pod-1       | devices | it is full    | GPU=2  | GPU=1 |",
                "| pod-2       | online  | it is Offline |        |       |",
                "+-------------+---------+---------------+--------+-------+",
            ],
            shown.splitlines(),
        )

    def test_what_a_tenant_is_told(self) -> None:
        # Neither which pod managers there are, nor what is free.
        shown = self.refused({"filter": "devices", "needed": {"GPU": 2}})
        self.assertIn("| filter  | needed |", shown)
        self.assertIn("pod-1: it is full", shown)

    def test_where_there_is_nothing_to_tell(self) -> None:
        for refusal in ({}, {"filter": None, "needed": {}}, {"other": 1}):
            shown = self.refused(refusal)
            self.assertEqual(1, len(shown.splitlines()))

    def test_values(self) -> None:
        for value, wanted in (
            (None, ""),
            (0, "0"),
            ("a", "a"),
            ([], ""),
            (["a", 1], "a, 1"),
            ({}, ""),
            ({"a": 1, "b": None}, "a=1, b="),
            ({"a": {"b": 1, "c": {"d": [1, 2]}}}, "a: b=1\na.c: d=1, 2"),
            ([{"a": 1}, {"a": {"b": 2}}], "a=1\na: b=2"),
            ({"a": [{"b": 1, "c": 2}, {"b": 3}]}, "a=(b=1, c=2) (b=3)"),
        ):
            self.assertEqual(wanted, explain.human(value), value)
