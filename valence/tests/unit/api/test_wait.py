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
import threading
from unittest import mock

import webob

from valence import exception
from valence import objects
from valence import states
from valence.api import wait
from valence.tests import base


def wanted(prefer: str | None) -> int | None:
    request = webob.Request.blank("/")
    if prefer is not None:
        request.headers["Prefer"] = prefer
    return wait.seconds_wanted(request)


class TestSecondsWanted(base.TestCase):
    def test_read(self) -> None:
        for prefer, seconds in (
            (None, None),
            ("", None),
            ("return=minimal", None),
            ("wait=5", 5),
            ("WAIT=5", 5),
            ('wait = "5"', 5),
            ("respond-async, wait=5", 5),
            ("wait=5, wait=7", 5),
            ("wait=5; a=b", 5),
            ("waiting=5", None),
            ("wait=0", 0),
            ("wait=61", 60),
            ("wait=999999999", 60),
        ):
            self.assertEqual(seconds, wanted(prefer), prefer)

    def test_refused(self) -> None:
        for prefer in (
            *("wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "wait=1e3"),
            *("wait=9999999999", "wait=1 2", "wait=\xb2"),
        ):
            self.assertRaises(exception.InvalidField, wanted, prefer)


class TestUntilEnded(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.running = objects.Operation(
            None,
            uuid="4b1e6c1e-0b5e-4a83-9a0e-6d1f0b6c1f10",
            state=states.RUNNING,
        )
        self.done = objects.Operation(None, state=states.SUCCEEDED)

    def test_ends(self) -> None:
        with mock.patch.object(
            objects.Operation, "get", side_effect=[self.running, self.done]
        ):
            found = wait.until_ended(None, self.running, 60)
        self.assertIs(self.done, found)

    def test_what_has_ended_is_not_waited_for(self) -> None:
        with mock.patch.object(objects.Operation, "get") as get:
            wait.until_ended(None, self.done, 5)
        get.assert_not_called()

    def test_time_is_up(self) -> None:
        with mock.patch.object(
            objects.Operation, "get", return_value=self.running
        ):
            found = wait.until_ended(None, self.running, 0.05)
        self.assertFalse(found.ended)

    def test_too_many_wait(self) -> None:
        self.conf.set("api", max_waiting=1)
        waiting, leave = threading.Event(), threading.Event()

        def get(*_: object) -> objects.Operation:
            waiting.set()
            leave.wait(300)
            return self.done

        with mock.patch.object(objects.Operation, "get", side_effect=get):
            first = threading.Thread(
                target=wait.until_ended, args=(None, self.running, 60)
            )
            first.start()
            self.assertTrue(waiting.wait(120))
            found = wait.until_ended(None, self.running, 60)
            self.assertIs(self.running, found)
            leave.set()
            first.join()
            # And its place is free again.
            found = wait.until_ended(None, self.running, 60)
            self.assertIs(self.done, found)

    def test_a_failure_gives_the_place_back(self) -> None:
        self.conf.set("api", max_waiting=1)
        with mock.patch.object(
            objects.Operation, "get", side_effect=exception.Unavailable
        ):
            for _ in range(3):
                self.assertRaises(
                    exception.Unavailable,
                    wait.until_ended,
                    None,
                    self.running,
                    1,
                )
