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

"""How long operations take, and what there is: for people and Prometheus."""

import concurrent.futures
import datetime
import threading
import typing
import uuid

from prometheus_client import parser
import testscenarios

from valence import context
from valence import objects
from valence import states
from valence.db import durations
from valence.db import engine
from valence.db import operations
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import services

Samples = dict[tuple[str, tuple[str, ...]], float]
HISTOGRAM = "valence_operation_duration_seconds"


def read(text: str) -> Samples:
    """What Prometheus would read: name and labels, by name, → value."""
    return {
        (
            s.name,
            tuple(v.removesuffix(".0") for _, v in sorted(s.labels.items())),
        ): s.value
        for family in parser.text_string_to_metric_families(text)
        for s in family.samples
    }


class TestMetrics(base.TestCase):
    """As an operator sees them."""

    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            environment.Environment(PodSpec(systems=2, devices=2))
        )
        self.env.register(0)
        self.api = self.env.api

    def stats(self, **asked: str) -> list[dict[str, typing.Any]]:
        query = "&".join(f"{k}={v}" for k, v in asked.items())
        answer = self.api.get(f"/v1/operations/stats?{query}")
        self.assertEqual(200, answer.status, answer)
        return typing.cast(list[dict[str, typing.Any]], answer.json)

    def metrics(self) -> Samples:
        answer = self.api.get("/metrics")
        self.assertEqual(200, answer.status, answer)
        self.assertIn("text/plain", answer.headers["Content-Type"])
        return read(answer.text)

    def test_what_was_done(self) -> None:
        self.env.compose(name="one")
        self.env.compose(name="two")
        failed = self.api.post("/v1/nodes", {"name": "three"}, wait=30)
        self.assertEqual(409, failed.status, failed)
        kept = self.api.get("/v1/operations?kind=compose").json
        for one in kept:
            took = datetime.datetime.fromisoformat(
                one["ended_at"]
            ) - datetime.datetime.fromisoformat(one["created_at"])
            self.assertAlmostEqual(
                took.total_seconds(), one["duration"], delta=0.001
            )
        succeeded = [o for o in kept if o["state"] == "succeeded"]
        self.assertEqual(2, len(succeeded))
        seconds = sum(one["duration"] for one in succeeded)
        (stats,) = self.stats(kind="compose", state="succeeded")
        self.assertEqual(2, stats["count"])
        self.assertAlmostEqual(seconds, stats["seconds"], delta=0.001)
        for bucket in stats["buckets"]:
            within = [
                one
                for one in succeeded
                if bucket["up_to"] is None
                or one["duration"] <= bucket["up_to"]
            ]
            self.assertEqual(len(within), bucket["count"], bucket)
        self.assertEqual(
            ["failed", "succeeded"],
            [one["state"] for one in self.stats(kind="compose")],
        )
        self.assertEqual([], self.stats(kind="release"))
        found = self.metrics()
        for name, value in (("count", 2.0), ("sum", stats["seconds"])):
            key = (f"{HISTOGRAM}_{name}", ("compose", "succeeded"))
            self.assertEqual(value, found[key])
        for bucket in stats["buckets"]:
            bound = str(bucket["up_to"] or "+Inf")
            labels = ("compose", bound, "succeeded")
            key = (f"{HISTOGRAM}_bucket", labels)
            self.assertEqual(bucket["count"], found[key])

    def test_what_there_is(self) -> None:
        found = self.metrics()
        # What there is none of is told, too: an alert looks for it.
        for state in states.NODE.states:
            self.assertEqual(0.0, found["valence_nodes", (state,)])
        self.assertEqual(1.0, found["valence_pod_managers", ("Online",)])
        self.assertEqual(0.0, found["valence_pod_managers", ("Error",)])
        self.env.compose(
            name="one", properties={"pci_device": {"type": ["NVMe"]}}
        )
        self.env.stop_conductor()
        waiting = self.api.post("/v1/nodes", {"name": "two"})
        self.assertEqual(202, waiting.status, waiting)
        found = self.metrics()
        self.assertEqual(1.0, found["valence_nodes", ("composed",)])
        self.assertEqual(1.0, found["valence_nodes", ("composing",)])
        for state, count in (("pending", 1.0), ("running", 0.0)):
            key = ("valence_operations", ("compose", state))
            self.assertEqual(count, found[key], key)
        devices = {
            labels: value
            for (name, labels), value in found.items()
            if name == "valence_devices" and value
        }
        self.assertEqual(
            {("allocated", "NVMe"): 1.0, ("free", "SSD"): 1.0}, devices
        )

    def test_what_was_forgotten_counts(self) -> None:
        self.env.compose(name="one")
        before = self.stats()
        later = datetime.datetime.now(datetime.UTC)
        self.assertNotEqual(0, operations.purge(later, later))
        self.assertEqual([], self.api.get("/v1/operations").json)
        self.assertEqual(before, self.stats())

    def test_openmetrics(self) -> None:
        wanted = "application/openmetrics-text"
        answer = self.api.get("/metrics", Accept=f"{wanted}; version=1.0.0")
        self.assertEqual(200, answer.status, answer)
        self.assertIn(wanted, answer.headers["Content-Type"])
        self.assertTrue(answer.text.endswith("# EOF\n"))

    def test_what_answers_are_made_of(self) -> None:
        for path, accept, status in (
            ("/metrics", "text/plain", 200),
            # As Prometheus asks.
            ("/metrics", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 200),
            ("/metrics", "application/json", 406),
            ("/v1/nodes", "text/plain", 406),
        ):
            answer = self.api.get(path, Accept=accept)
            self.assertEqual(status, answer.status, (path, accept, answer))

    def test_what_cannot_be_asked(self) -> None:
        for path, field in (
            ("/metrics?kind=compose", "kind"),
            ("/v1/operations/stats?podm_id=x", "podm_id"),
            ("/v1/operations/stats?kind=cook", "kind"),
        ):
            answer = self.api.get(path)
            self.assertEqual(400, answer.status, answer)
            self.assertIn(field, answer.error["detail"])


class TestCounting(testscenarios.WithScenarios, base.TestCase):
    """In one row, by whoever ends an operation."""

    scenarios = [(kind, {"kind": kind}) for kind in services.Database.KINDS]

    def setUp(self) -> None:
        super().setUp()
        database = self.useFixture(services.Database(self.kind))
        self.useFixture(environment.Store(database.url))
        self.context = context.system_context()

    def stats(self) -> list[dict[str, typing.Any]]:
        return objects.Operation.stats(self.context, {})

    def test_many_at_once(self) -> None:
        """And first ones, when there is no row yet: none waits for another
        that waits for it, or there would be a deadlock.
        """
        callers, kinds = 8, [f"kind-{number:02}" for number in range(15)]
        together = threading.Barrier(callers)

        def end(caller: int) -> None:
            for kind in kinds:
                together.wait(60)
                for _ in range(3):
                    self._count(kind, 0.25)

        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            list(pool.map(end, range(callers)))
        found = self.stats()
        self.assertEqual(kinds, [s["kind"] for s in found])
        self.assertEqual({3 * callers}, {s["count"] for s in found})
        self.assertEqual({0.75 * callers}, {s["seconds"] for s in found})

    @staticmethod
    def _count(kind: str, seconds: float) -> None:
        with engine.writing() as connection:
            durations.add(connection, kind, states.SUCCEEDED, seconds)

    def test_bounds(self) -> None:
        """A bound is the most that its bucket takes, as in Prometheus."""
        for seconds in (0.0, 1.0, 1.001, 2.0, 3600.0, 3600.001):
            self._count("sync", seconds)
        (found,) = self.stats()
        counts = {b["up_to"]: b["count"] for b in found["buckets"]}
        self.assertEqual(
            {1: 2, 2: 4, 5: 4, 1800: 4, 3600: 5, None: 6},
            {up_to: counts[up_to] for up_to in (1, 2, 5, 1800, 3600, None)},
        )

    def _operation(self) -> objects.Operation:
        podm = objects.PodManager(
            self.context,
            uuid=str(uuid.uuid4()),
            name="pod-1",
        )
        operation = objects.Operation.asking(
            self.context, "sync", podm, podm.uuid
        )
        operation.create()
        owned = operations.claim(operation.uuid, "conductor-1")
        assert owned is not None
        owned.state = states.SUCCEEDED
        return owned

    def test_one_that_ends_twice_counts_once(self) -> None:
        """Its conductor was taken for dead, and another one ended it."""
        operation = self._operation()
        late = objects.Operation.get(self.context, operation.uuid)
        self.assertTrue(operations.finish(operation, None, {}))
        late.state = states.FAILED
        self.assertFalse(operations.finish(late, None, {}))
        (found,) = self.stats()
        self.assertEqual(("succeeded", 1), (found["state"], found["count"]))

    def test_one_whose_end_is_not_kept_does_not_count(self) -> None:
        operation = self._operation()

        def die(*_args: object) -> None:
            raise KeyboardInterrupt

        add, durations.add = durations.add, die
        try:
            self.assertRaises(
                KeyboardInterrupt, operations.finish, operation, None, {}
            )
        finally:
            durations.add = add
        shown = objects.Operation.get(self.context, operation.uuid)
        self.assertEqual((states.RUNNING, None), (shown.state, shown.duration))
        self.assertEqual([], self.stats())
