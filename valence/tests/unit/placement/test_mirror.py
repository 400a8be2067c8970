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

"""The mirror's thread: what it is told, and when it looks."""

import logging
import threading
import time

import fixtures
from oslo_db import exception as db_exc

from valence.placement import client
from valence.placement import mirror
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures.processes import poll


class Reconciler:
    """In the place of what asks Placement: notes what is looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def reconcile(self, key: str) -> None:
        self.seen.append(key)
        self.gate.wait(300)
        if self.error is not None:
            raise self.error

    def clean(self) -> None:
        self.reconcile("clean")


class TestMirror(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(environment.Store())
        self.conf.set(
            "placement",
            enabled=True,
            interval=600,
            auth_type="none",
            endpoint_override="http://127.0.0.1:9",
        )
        self.reconciler = Reconciler()
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.placement.mirror.Reconciler",
                lambda *_: self.reconciler,
            )
        )
        # A stop that waits for its time to pass is none.
        self.useFixture(
            fixtures.MonkeyPatch("valence.placement.mirror.STOP_TIMEOUT", 120)
        )
        self.mirror = mirror.Mirror(lambda keys: keys)
        self.addCleanup(self.mirror.stop)
        self.addCleanup(self.reconciler.gate.set)

    def seen(self, *keys: str) -> None:
        poll(lambda: self.reconciler.seen == list(keys), f"saw {keys}")

    def test_switched_off(self) -> None:
        self.conf.set("placement", enabled=False)
        before = threading.active_count()
        self.mirror.start()
        self.mirror.changed("a")
        self.assertEqual(before, threading.active_count())
        self.assertEqual({}, self.mirror._changed)

    def test_it_begins_with_everything(self) -> None:
        self.mirror.start()
        self.seen("clean")
        self.mirror.changed("a")
        self.seen("clean", "a")

    def test_what_is_told_often_is_done_once(self) -> None:
        self.mirror.start()
        self.seen("clean")
        self.reconciler.gate.clear()
        self.mirror.changed("a")
        self.seen("clean", "a")
        for _ in range(100):
            self.mirror.changed("a")
            self.mirror.changed("b")
        self.reconciler.gate.set()
        # Once more: it changed while it was looked at.
        self.seen("clean", "a", "a", "b")

    def test_it_remembers_so_much_and_no_more(self) -> None:
        self.mirror.start()
        self.seen("clean")
        self.reconciler.gate.clear()
        self.mirror.changed("a")
        self.seen("clean", "a")
        for number in range(10 * mirror.MOST_CHANGED):
            self.mirror.changed(f"k{number}")
        self.assertEqual(mirror.MOST_CHANGED, len(self.mirror._changed))

    def test_nothing_waits_while_placement_is_away(self) -> None:
        self.mirror.start()
        self.seen("clean")
        self.reconciler.error = client.Away("gone fishing")
        self.mirror.changed("a")
        self.seen("clean", "a")
        poll(lambda: self.mirror._away_since, "it is away")
        self.mirror.changed("b")
        self.assertEqual({}, self.mirror._changed)

    def test_a_fault_of_ours_is_told_once_and_stops_nothing_else(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger("valence.placement", logging.INFO)
        )
        self.reconciler.error = KeyError("a bug")
        self.mirror.start()
        self.seen("clean")
        for _ in range(3):
            self.mirror.changed("a")
            poll(lambda: not self.mirror._changed, "it was looked at")
        self.assertEqual(2, log.output.count("a fault of ours"), log.output)
        self.assertIn("KeyError", log.output)
        self.reconciler.error = None
        self.mirror.changed("a")
        poll(lambda: "has taken provider a" in log.output, "mended")

    def test_the_database_fails(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger("valence.placement", logging.INFO)
        )
        self.reconciler.error = db_exc.DBConnectionError()
        self.mirror.start()
        poll(lambda: self.mirror._away_since, "it waits")
        self.assertIn("the database failed", log.output)

    def test_it_stops_at_once(self) -> None:
        self.mirror.start()
        self.seen("clean")
        began = time.monotonic()
        self.mirror.stop()
        # Its next look would be due in ten minutes.
        self.assertFalse(self.mirror._thread.is_alive())
        self.assertLess(time.monotonic() - began, 60)
        self.mirror.changed("a")
        self.assertEqual(["clean"], self.reconciler.seen)
