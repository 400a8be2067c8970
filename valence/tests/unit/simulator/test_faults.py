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

"""Faults: what the client sees, and what has happened by then."""

import contextlib
import threading
import time

import requests

from valence import simulator
from valence.tests.fixtures import processes
from valence.tests.unit.simulator import base


class FaultsTest(base.PodCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_cut_before_the_act(self):
        self.pod.faults.add(point="allocate", cut="before")
        with self.assertRaises(requests.ConnectionError):
            self.allocate()
        self.assertEqual([], self.pod.nodes)
        self.assertIsNone(self.pod.calls[-1].status)
        self.node()

    def test_cut_after_the_act(self):
        self.pod.faults.add(point="allocate", cut="after")
        with self.assertRaises(requests.ConnectionError):
            self.allocate()
        self.assertEqual(1, len(self.pod.nodes))

    def test_status(self):
        for status, code in (
            (401, "Unauthorized"),
            (409, "ResourcesStateMismatch"),
            (500, "UnknownException"),
            (503, "ServiceUnavailable"),
            (504, "UnknownException"),
        ):
            self.pod.faults.add(point="allocate", status=status)
            self.assertRefused(self.allocate(), status, code)
        self.assertEqual([], self.pod.nodes)
        self.serve("2.5")
        self.pod.faults.add(status=503)
        response = self.call("GET", "/redfish/v1")
        self.assertRefused(response, 503, "GeneralError")
        self.assertEqual("30", response.headers["Retry-After"])

    def test_states_that_do_not_come(self):
        for state, seen in (("never", "Allocating"), ("failed", "Failed")):
            self.pod.faults.add(point="allocate", state=state)
            node = self.node()
            self.clock.advance(1e6)
            self.assertEqual(seen, self.state(node))
        for state, seen in (("never", "Assembling"), ("failed", "Failed")):
            node = self.node()
            self.pod.faults.add(point="assemble", state=state)
            self.assertEqual(204, self.act(node, "Assemble").status_code)
            self.clock.advance(1e6)
            self.assertEqual(seen, self.state(node))
        # A failed node can still be reset, and deleted.
        on = {"ResetType": "On"}
        self.pod.faults.add(point="reset", state="never")
        self.assertEqual(204, self.act(node, "Reset", json=on).status_code)
        self.assertEqual("Off", self.get(node)["PowerState"])
        self.assertEqual(204, self.act(node, "Reset", json=on).status_code)
        self.assertEqual("On", self.get(node)["PowerState"])
        self.assertEqual(204, self.call("DELETE", node).status_code)

    def test_delayed_act_is_done_after_the_client_has_gone(self):
        self.pod.faults.add(point="allocate", delay=3)
        with self.assertRaises(requests.Timeout):
            self.session.post(
                self.pod.url + "/redfish/v1/Nodes/Actions/Allocate",
                json={"Name": "late"},
                timeout=1,
            )
        self.session.close()
        self.assertEqual([], self.pod.nodes)
        processes.poll(lambda: self.pod.nodes, "allocated")
        self.assertEqual("late", self.pod.nodes[0].name)

    def test_delays_do_not_hold_up_others(self):
        self.pod.faults.add(point="node_list", delay=600, times=None)

        def wait():
            with contextlib.suppress(requests.ConnectionError):
                requests.get(self.pod.url + "/redfish/v1/Nodes", timeout=600)

        for _ in range(30):
            threading.Thread(target=wait, daemon=True).start()
        self.get("/redfish/v1/Systems")
        # They end because they are told to, not because it is enough.
        self.pod._server.shutdown_timeout = 120
        started = time.monotonic()
        self.pod.stop()
        self.assertLess(time.monotonic() - started, 60)

    def test_bodies(self):
        self.pod.faults.add(path="Systems$", body="html")
        self.pod.faults.add(path="Systems$", body="empty")
        response = self.call("GET", "/redfish/v1/Systems")
        self.assertEqual("text/html", response.headers["Content-Type"][:9])
        self.assertEqual(b"", self.call("GET", "/redfish/v1/Systems").content)
        self.get("/redfish/v1/Systems")
        self.pod.faults.add(status=502, body="html")
        self.assertEqual(502, self.call("GET", "/redfish/v1").status_code)

    def test_bodies_that_do_harm(self):
        path = "/redfish/v1/Systems"
        self.pod.faults.add(path="Systems$", body="deep")
        content = self.call("GET", path).content
        self.assertEqual(10_000, content.count(b"["))
        self.pod.faults.add(path="Systems$", body="huge")
        received = 0
        with self.call("GET", path, stream=True) as response:
            for chunk in response.iter_content(1024 * 1024):
                received += len(chunk)
                if received > 20 * 1024 * 1024:
                    break
        self.assertGreater(received, 20 * 1024 * 1024)
        self.get(path)

    def test_redirect(self):
        self.pod.faults.add(point="allocate", redirect="http://192.0.2.1/x")
        response = self.call(
            "POST",
            "/redfish/v1/Nodes/Actions/Allocate",
            json={},
            allow_redirects=False,
        )
        self.assertEqual(302, response.status_code)
        self.assertEqual("http://192.0.2.1/x", response.headers["Location"])
        self.assertEqual([], self.pod.nodes)

    def test_links(self):
        self.pod.faults.add(path="Systems$", links="http://192.0.2.1/")
        (member, *_) = self.get("/redfish/v1/Systems")["Members"]
        self.assertEqual(
            "http://192.0.2.1/redfish/v1/Systems/1", member["@odata.id"]
        )
        (member, *_) = self.get("/redfish/v1/Systems")["Members"]
        self.assertEqual("/redfish/v1/Systems/1", member["@odata.id"])

    def test_drip(self):
        self.pod.faults.add(path="Systems/1$", drip=0.0001)
        self.assertEqual("1", self.get("/redfish/v1/Systems/1")["Id"])
        self.pod.faults.add(path="Systems/1$", drip=0.2)
        started = time.monotonic()
        with self.call("GET", "/redfish/v1/Systems/1", stream=True) as slow:
            self.assertEqual(b"{", next(slow.iter_content(1)))
            self.assertNotEqual(b"", next(slow.iter_content(1)))
        self.assertGreater(time.monotonic() - started, 0.15)

    def test_conditions_and_counts(self):
        fault = self.pod.faults.add(
            method="get", path=r"/Systems/\d+$", status=500, times=2
        )
        self.get("/redfish/v1/Systems")
        for expected in (500, 500, 200):
            response = self.call("GET", "/redfish/v1/Systems/1")
            self.assertEqual(expected, response.status_code)
        self.assertEqual(0, fault.times)
        for_ever = self.pod.faults.add(point="any", status=500, times=None)
        for _ in range(3):
            self.assertRefused(self.call("GET", "/redfish/v1"), 500)
        self.pod.faults.remove(for_ever.id)
        self.get("/redfish/v1")

    def test_bad_faults(self):
        for fault in (
            {},
            {"point": "allocate"},
            {"point": "bogus", "status": 500},
            {"point": "force_delete", "status": 500},  # not in 2.1
            {"status": 200},
            {"status": "500"},
            {"cut": "sideways"},
            {"cut": ["before"]},
            {"state": "maybe"},
            {"delay": -1},
            {"drip": "slow"},
            {"redirect": 7},
            {"body": "wide"},
            {"delay": float("inf")},
            {"status": 500, "times": 0},
            {"status": 500, "path": "("},
            {"status": 500, "colour": "red"},
            {"status": 500, "id": "1"},
        ):
            with (
                self.subTest(fault),
                self.assertRaises(simulator.BadFault),
            ):
                self.pod.faults.add(**fault)
        self.assertEqual([], list(self.pod.faults))
