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

"""The proxy that other tests use, itself tested on a real service."""

import itertools
import threading
import time

import requests
import testtools

from valence.tests import base
from valence.tests.fixtures.openstack import Placement
from valence.tests.fixtures.proxy import Proxy

HEADERS = {
    "X-Auth-Token": "admin",
    "OpenStack-API-Version": "placement 1.39",
}
_numbers = itertools.count()


class TestProxy(base.SharedTestCase):
    env: Placement

    @classmethod
    def make_environment(cls):
        return Placement()

    def setUp(self):
        super().setUp()
        self.proxy = self.useFixture(Proxy(self.env.url))
        self.session = requests.Session()
        self.addCleanup(self.session.close)
        # Something to make, which no other test has made.
        self.path = f"/traits/CUSTOM_{next(_numbers)}"

    def ask(self, method, path, timeout=120, **kwargs):
        return self.session.request(
            method,
            self.proxy.url + path,
            headers=HEADERS,
            timeout=timeout,
            **kwargs,
        )

    def put(self):
        return self.ask("PUT", self.path).status_code

    def exists(self):
        return self.env.send("GET", self.path).status_code == 204

    def assert_cut(self, function, *arguments):
        error = self.assertRaises(
            requests.ConnectionError, function, *arguments
        )
        self.assertIn("RemoteDisconnected", str(error))

    def in_thread(self, function):
        """Call it beside the test; returns where its result will be."""
        results = []
        thread = threading.Thread(target=lambda: results.append(function()))
        thread.start()
        self.addCleanup(thread.join)
        return thread, results

    def test_forwards_and_notes(self):
        self.assertEqual(201, self.put())
        self.assertTrue(self.exists())
        direct = requests.get(self.env.url + "/traits", headers=HEADERS)
        answer = self.ask("GET", "/traits?name=startswith:HW")
        self.assertEqual(200, answer.status_code)
        self.assertLess(
            len(answer.json()["traits"]), len(direct.json()["traits"])
        )
        for name in ("Content-Type", "OpenStack-API-Version", "Vary"):
            self.assertEqual(direct.headers[name], answer.headers[name])
        refused = self.ask("POST", "/resource_providers", json={"no": "name"})
        self.assertEqual(400, refused.status_code)
        self.assertEqual(
            [
                ("PUT", self.path, 201),
                ("GET", "/traits?name=startswith:HW", 200),
                ("POST", "/resource_providers", 400),
            ],
            [(e.method, e.path, e.status) for e in self.proxy.exchanges],
        )
        noted = self.proxy.exchanges[-1]
        self.assertEqual(b'{"no": "name"}', noted.body)
        self.assertEqual(refused.content, noted.served.body)
        self.assertEqual([noted], self.proxy.seen("POST", "^/resource_prov"))

    def test_keeps_connections(self):
        self.put()
        (one,) = self.proxy._connections
        self.assertEqual(204, self.ask("GET", self.path).status_code)
        self.assertEqual(204, self.ask("DELETE", self.path).status_code)
        self.assertEqual({one}, self.proxy._connections)

    def test_links_lead_to_the_proxy(self):
        answer = self.ask(
            "PUT", "/resource_classes/CUSTOM_LINKED", allow_redirects=False
        )
        self.assertThat(
            answer.headers["Location"],
            testtools.matchers.StartsWith(self.proxy.url),
        )

    def test_a_service_that_is_down(self):
        self.env.stop()
        try:
            self.assert_cut(self.put)
        finally:
            self.env.start()
        self.assertEqual(201, self.put())
        self.assertEqual([None, 201], [e.status for e in self.proxy.exchanges])

    def test_answers_instead(self):
        self.proxy.on("PUT", "/traits").answer(
            503, {"errors": []}, {"Retry-After": "1"}
        )
        answer = self.ask("PUT", self.path)
        self.assertEqual(503, answer.status_code)
        self.assertEqual({"errors": []}, answer.json())
        self.assertEqual("1", answer.headers["Retry-After"])
        self.assertFalse(self.exists())
        (noted,) = self.proxy.exchanges
        self.assertEqual((503, None), (noted.status, noted.served))

    def test_answers_something_else_after_the_act(self):
        self.proxy.on("PUT", "/traits").answer(504, "late", after=True)
        answer = self.ask("PUT", self.path)
        self.assertEqual((504, "late"), (answer.status_code, answer.text))
        self.assertTrue(self.exists())
        (noted,) = self.proxy.exchanges
        self.assertEqual((504, 201), (noted.status, noted.served.status))

    def test_cuts_before_the_act(self):
        self.proxy.on("PUT", "/traits").cut()
        self.assert_cut(self.put)
        self.assertFalse(self.exists())
        self.assertEqual(201, self.put())

    def test_cuts_after_the_act(self):
        self.proxy.on("PUT", "/traits").cut(after=True)
        self.assert_cut(self.put)
        self.assertTrue(self.exists())
        (noted,) = self.proxy.exchanges
        self.assertEqual((None, 201), (noted.status, noted.served.status))
        self.assertEqual(204, self.put())

    def test_delays(self):
        self.proxy.on("PUT", "/traits").delay(0.5)
        began = time.monotonic()
        self.assertEqual(201, self.put())
        self.assertGreaterEqual(time.monotonic() - began, 0.5)

    def test_hangs_before_the_act(self):
        hanging = self.proxy.on("PUT", "/traits").hang()
        thread, results = self.in_thread(self.put)
        hanging.wait()
        time.sleep(0.2)
        self.assertEqual([], results)
        self.assertFalse(self.exists())
        hanging.release()
        thread.join()
        self.assertEqual([201], results)

    def test_hangs_after_the_act(self):
        hanging = self.proxy.on("PUT", "/traits").hang(after=True)
        thread, results = self.in_thread(self.put)
        hanging.wait()
        self.assertTrue(self.exists())
        self.assertEqual([], results)
        hanging.release()
        thread.join()
        self.assertEqual([201], results)

    def test_a_client_that_gives_up_leaves_the_others_alone(self):
        hanging = self.proxy.on("PUT", "/traits").hang()
        self.assertRaises(
            requests.ReadTimeout, self.ask, "PUT", self.path, timeout=1
        )
        self.assertEqual(200, self.ask("GET", "/traits").status_code)
        hanging.release()

    def test_what_nobody_waits_for_any_more_is_waited_for(self):
        hanging = self.proxy.on("PUT", "/traits").hang()
        self.assertRaises(
            requests.ReadTimeout, self.ask, "PUT", self.path, timeout=1
        )
        hanging.wait()
        self.proxy.heal()
        self.proxy.settle()
        (noted,) = self.proxy.seen("PUT")
        self.assertEqual(201, noted.served.status)
        self.assertTrue(self.exists())

    def test_the_nth_request_and_those_after_it(self):
        self.proxy.on("GET", "/traits$", nth=2, times=2).answer(500)
        self.proxy.on("*", "never").answer(500)
        statuses = []
        for _ in range(4):
            self.ask("GET", "/resource_classes")
            statuses.append(self.ask("GET", "/traits").status_code)
        self.assertEqual([200, 500, 500, 200], statuses)

    def test_faults_that_follow_one_another(self):
        self.proxy.on("GET", "/traits").answer(500)
        self.proxy.on("GET", "/traits", times=3).answer(503)
        statuses = [self.ask("GET", "/traits").status_code for _ in range(4)]
        self.assertEqual([500, 503, 503, 200], statuses)

    def test_for_ever_and_healed(self):
        self.proxy.on("*", "", times=None).answer(503)
        statuses = {self.ask("GET", "/traits").status_code for _ in range(4)}
        self.assertEqual({503}, statuses)
        self.proxy.heal()
        self.assertEqual(200, self.ask("GET", "/traits").status_code)

    def test_a_fault_that_never_struck(self):
        fault = self.proxy.on("DELETE", "/traits").cut()
        self.ask("GET", "/traits")
        error = self.assertRaises(AssertionError, fault.wait, 0.1)
        self.assertIn("no DELETE /traits to cut", str(error))

    def test_many_at_once(self):
        results = []

        def ask():
            answer = requests.get(self.proxy.url + "/traits", headers=HEADERS)
            results.append(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([200] * 50, results)
        self.assertEqual(50, len(self.proxy.seen("GET", "/traits")))

    def test_ends_while_something_hangs(self):
        proxy = Proxy(self.env.url)
        with proxy:
            hanging = proxy.on("*", "").hang()
            thread, _ = self.in_thread(lambda: self._swallow(proxy.url))
            hanging.wait()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        self.assertRaises(requests.ConnectionError, requests.get, proxy.url)

    def _swallow(self, url):
        try:
            requests.get(url, timeout=120)
        except requests.ConnectionError:
            pass
