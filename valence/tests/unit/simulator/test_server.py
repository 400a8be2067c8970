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

"""Serving: many at once, TLS, coming and going."""

import collections
import concurrent.futures
import pathlib
import socket
import tempfile
import time
import unittest

import requests

from valence import simulator
from valence.tests.unit.simulator import base


class ManyTest(base.PodCase):
    def test_fifty_want_twenty(self):
        self.serve(systems=20)

        def allocate(number):
            return requests.post(
                self.pod.url + "/redfish/v1/Nodes/Actions/Allocate",
                json={"Name": f"n{number}"},
                auth=base.AUTH,
                timeout=60,
            ).status_code

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = collections.Counter(pool.map(allocate, range(50)))
        self.assertEqual({201: 20, 409: 30}, dict(answers))
        taken = {node.system.id for node in self.pod.nodes}
        self.assertEqual(20, len(taken))
        self.assertEqual([], self.pod.free_systems())
        self.assertEqual(50, len(self.pod.calls))


class ServingTest(unittest.TestCase):
    def test_pods_are_apart(self):
        specs = [
            simulator.PodSpec(dialect="2.1", password="one"),
            simulator.PodSpec(dialect="2.5", password="two"),
        ]
        with simulator.Simulator(pods=specs) as served:
            one, two = served.pods
            self.assertNotEqual(one.url, two.url)
            self.assertNotEqual(one.uuid, two.uuid)
            self.assertFalse(
                {s.uuid for s in one.systems} & {s.uuid for s in two.systems}
            )
            for pod, password in ((one, "one"), (two, "two")):
                for given, status in ((password, 200), ("three", 401)):
                    response = requests.get(
                        pod.url + "/redfish/v1/Systems",
                        auth=("admin", given),
                        timeout=60,
                    )
                    self.assertEqual(status, response.status_code)

    def test_away_and_back(self):
        with simulator.Simulator() as served:
            pod = served.pods[0]
            url = pod.url + "/redfish/v1"
            pod.stop()
            with self.assertRaises(requests.ConnectionError):
                requests.get(url, auth=base.AUTH, timeout=60)
            pod.start()
            response = requests.get(url, auth=base.AUTH, timeout=60)
            self.assertEqual(200, response.status_code)

    def test_silent_clients_do_not_hold_it_up(self):
        for tls in (False, True):
            served = simulator.Simulator(tls=tls)
            served.start()
            pod = served.pods[0]
            with socket.create_connection((pod.host, pod.port)):
                response = requests.get(
                    pod.url + "/redfish/v1/Systems",
                    auth=base.AUTH,
                    verify=served.ca_file or True,
                    timeout=60,
                )
                self.assertEqual(200, response.status_code)
                pod._server.shutdown_timeout = 120
                started = time.monotonic()
                served.stop()
                self.assertLess(time.monotonic() - started, 60)

    def test_port_in_use(self):
        with simulator.Simulator() as served:
            with self.assertRaises(OSError):
                simulator.Simulator(port=served.pods[0].port).start()


class TlsTest(unittest.TestCase):
    def test_made_for_the_run(self):
        with simulator.Simulator(tls=True) as served:
            pod = served.pods[0]
            self.assertTrue(pod.url.startswith("https://127.0.0.1:"))
            session = requests.Session()
            session.auth = base.AUTH
            session.verify = served.ca_file
            # Or else REQUESTS_CA_BUNDLE wins.
            session.trust_env = False
            url = pod.url + "/redfish/v1/Nodes/Actions/Allocate"
            response = session.post(url, json={}, timeout=60)
            self.assertEqual(201, response.status_code)
            self.assertIn(pod.url, response.headers["Location"])
            with self.assertRaises(requests.exceptions.SSLError):
                requests.get(pod.url, timeout=60)
            with self.assertRaises(requests.ConnectionError):
                requests.get(pod.url.replace("https", "http"), timeout=60)
            pod.faults.add(cut="after")
            with self.assertRaises(requests.ConnectionError):
                session.post(url, json={}, timeout=60)
            self.assertEqual(2, len(pod.nodes))
            session.close()
        self.assertFalse(pathlib.Path(served.ca_file).exists())

    def test_made_to_stay(self):
        with tempfile.TemporaryDirectory() as directory:
            where = pathlib.Path(directory)
            files = str(where / "cert.pem"), str(where / "key.pem")
            with self.assertRaises(OSError):
                simulator.Simulator(tls=True, certificate=files).start()
            for _ in range(2):
                with simulator.Simulator(
                    tls=True, certificate=files, make_certificate=True
                ) as served:
                    response = requests.get(
                        served.pods[0].url, verify=files[0], timeout=60
                    )
                    self.assertEqual(401, response.status_code)
            self.assertEqual(0o600, (where / "key.pem").stat().st_mode & 0o777)
