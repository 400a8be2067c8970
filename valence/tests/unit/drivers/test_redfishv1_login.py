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

"""Redfish sessions of the driver redfishv1."""

import concurrent.futures
import logging

import fixtures
import testtools

from valence import exception
from valence import simulator
from valence.drivers import base
from valence.drivers import expether
from valence.drivers import redfishv1
from valence.drivers.redfishv1 import connector
from valence.tests.unit.drivers import edge

SESSIONS = "/redfish/v1/SessionService/Sessions"
WORD = "s3cret-word"


class TestSimulated(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.simulator = simulator.Simulator(
            [
                simulator.PodSpec(dialect="2.5", systems=3, password=WORD),
                simulator.PodSpec(dialect="2.1", password=WORD),
            ]
        )
        self.simulator.start()
        self.addCleanup(self.simulator.stop)
        self.pod, self.old = self.simulator.pods

    def connect(self, pod=None, **changed):
        driver = redfishv1.RedfishV1Driver(
            base.Connection(
                **{
                    "url": (pod or self.pod).url,
                    "username": "admin",
                    "password": WORD,
                    "authentication": "session",
                    "timeout": 60.0,
                    "poll_interval": 0.01,
                    **changed,
                }
            )
        )
        self.addCleanup(driver.close)
        return driver

    def log_ins(self):
        return [c for c in self.pod.calls if c.point == "log_in"]

    def test_one_session_serves_all(self):
        driver = self.connect()
        driver.get_info()
        self.assertEqual(3, len(driver.list_systems()))
        driver.list_racks()
        self.assertEqual(1, len(self.log_ins()))
        self.assertEqual(1, len(self.pod.sessions))
        driver.close()
        self.assertEqual({}, self.pod.sessions)
        self.assertEqual("DELETE", self.pod.calls[-1].method)

    def test_threads_share_it(self):
        driver = self.connect()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(driver.list_nodes) for _ in range(32)]:
                self.assertEqual([], future.result())
        self.assertEqual(1, len(self.log_ins()))

    def test_one_that_has_ended_is_opened_anew(self):
        driver = self.connect()
        for _ in range(2):
            driver.list_nodes()
            self.pod.sessions.clear()
        self.pod.faults.add(point="allocate", status=401)
        node = driver.compose_node("tag", "web", None, {}, Recorder())
        self.assertTrue(node.usable)
        # The request that was refused had made none.
        self.assertEqual(1, len(self.pod.nodes))

    def test_threads_open_one_anew(self):
        driver = self.connect()
        driver.list_nodes()
        self.pod.sessions.clear()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: driver.list_systems(), range(16)))
        self.assertEqual(2, len(self.log_ins()))

    def test_wrong_password(self):
        error = self.assertRaises(
            exception.AuthFailure,
            self.connect(password="s3cret-other").get_info,
        )
        self.assertIn("a session was to be opened", str(error))
        self.assertNotIn("s3cret", str(error) + self.log.output)
        self.assertEqual(1, len(self.log_ins()))

    def test_who_is_refused_with_a_session_is_refused(self):
        driver = self.connect()
        self.pod.faults.add(point="node_list", status=401, times=None)
        self.assertRaises(exception.AuthFailure, driver.list_nodes)
        self.assertLess(len(self.pod.calls), 8)

    def test_a_pod_without_sessions(self):
        error = self.assertRaises(
            exception.HardwareNotSupported, self.connect(self.old).get_info
        )
        self.assertIn("set the type of its authentication", str(error))

    def test_a_root_that_is_closed(self):
        self.pod.faults.add(point="root", status=401)
        driver = self.connect()
        self.assertEqual([], driver.list_nodes())
        self.old.faults.add(point="root", status=401)
        error = self.assertRaises(
            exception.AuthFailure, self.connect(self.old).list_nodes
        )
        self.assertIn("where it has none", str(error))

    def test_logging_out_of_what_is_silent(self):
        driver = self.connect()
        driver.get_info()
        self.pod.stop()
        driver.close()
        error = self.assertRaises(exception.Unreachable, driver.get_info)
        self.assertIn("has closed the connection", str(error))

    def test_nothing_shows_token_or_password(self):
        driver = self.connect()
        driver.get_info()
        (token,) = self.pod.sessions.values()
        self.pod.faults.add(point="node_list", status=500)
        self.assertRaises(exception.BackendError, driver.list_nodes)
        driver.close()
        for word in (token, WORD):
            self.assertNotIn(word, self.log.output)
            self.assertNotIn(word, repr(driver.connection))


class Recorder:
    def step(self, name):
        pass

    def pause(self, seconds):
        pass

    def warn(self, message):
        pass


class TestEdge(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.edge.documents(
            {
                "/redfish/v1": edge.root(
                    Links={"Sessions": edge.link(SESSIONS)}
                ),
                "/a": {"Id": "1"},
            }
        )
        self.opens(headers={"X-Auth-Token": "t0ken-word"})

    def opens(self, status=201, **reply):
        self.edge.on("POST", SESSIONS, edge.Reply(status, **reply))

    def connect(self):
        made = connector.Connector(
            self.edge.connection(authentication="session")
        )
        self.addCleanup(made.close)
        return made

    def test_what_is_sent(self):
        self.connect().document("/a")
        root, log_in, document = self.edge.requests
        self.assertEqual(
            {"UserName": "admin", "Password": "s3cret-word"}, log_in.document
        )
        for request in self.edge.requests:
            self.assertNotIn("Authorization", request.headers)
        self.assertEqual("t0ken-word", document.headers["X-Auth-Token"])
        self.assertNotIn("X-Auth-Token", root.headers)

    def test_a_root_that_is_closed(self):
        self.edge.on("GET", "/redfish/v1", edge.Reply(401))
        self.assertEqual({"Id": "1"}, self.connect().document("/a"))

    def test_no_sessions(self):
        for links in ({}, None, [], {"Sessions": "/x"}, {"Sessions": None}):
            self.edge.documents({"/redfish/v1": edge.root(Links=links)})
            error = self.assertRaises(
                exception.HardwareNotSupported, self.connect().get, "/a"
            )
            self.assertIn("basic", str(error))

    def test_the_password_goes_nowhere_else(self):
        other = edge.Edge().start()
        self.addCleanup(other.stop)
        for link in (f"{other.url}/x", f"//127.0.0.1:{other.port}/x"):
            self.edge.documents(
                {"/redfish/v1": edge.root(Links={"Sessions": edge.link(link)})}
            )
            self.assertRaises(exception.BackendError, self.connect().get, "/a")
        self.edge.documents(
            {"/redfish/v1": edge.root(Links={"Sessions": edge.link(SESSIONS)})}
        )
        self.opens(307, headers={"Location": f"{other.url}/x"})
        self.assertRaises(exception.BackendError, self.connect().get, "/a")
        self.assertEqual([], other.seen())

    def test_odd_answers(self):
        for reply, kind in (
            ({"status": 201}, exception.BackendError),
            ({"status": 200, "body": b"<html>"}, exception.BackendError),
            ({"status": 401}, exception.AuthFailure),
            ({"status": 400, "body": b"{"}, exception.AuthFailure),
            ({"status": 403}, exception.AuthFailure),
            ({"status": 503}, exception.BackendError),
            ({"status": 405}, exception.HardwareNotSupported),
            (
                {
                    "status": 201,
                    "headers": {
                        "X-Auth-Token": "t0ken-word",
                        "Location": "http://169.254.169.254/x",
                    },
                },
                exception.BackendError,
            ),
        ):
            self.opens(**reply)
            error = self.assertRaises(kind, self.connect().get, "/a")
            self.assertNotIn("s3cret", str(error))
        self.assertNotIn("/a", self.edge.seen())

    def test_an_echoed_token_is_masked(self):
        self.edge.on(
            "GET", "/a", edge.Reply(500, {"message": "no t0ken-word"})
        )
        error = self.assertRaises(
            exception.BackendError, self.connect().get, "/a"
        )
        self.assertIn("no ***", str(error))


class TestExpEther(testtools.TestCase):
    def test_has_no_sessions(self):
        driver = expether.ExpEtherDriver(
            base.Connection(
                url="http://127.0.0.1:1/eem", authentication="session"
            )
        )
        error = self.assertRaises(
            exception.HardwareNotSupported, driver.get_info
        )
        self.assertIn("basic", str(error))
