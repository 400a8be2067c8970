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

"""Requests to Placement, at the edge of the network."""

import logging

import fixtures
from keystoneauth1 import loading
import requests_mock
from requests_mock.contrib import fixture as requests_fixture
import testscenarios

from valence import placement
from valence.cmd import checks
from valence.placement import client
from valence.tests import base

URL = "http://placement.invalid"


class ClientCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf.set(
            "placement",
            enabled=True,
            auth_type="none",
            endpoint_override=f"{URL}/placement/",
        )
        self.http = self.useFixture(requests_fixture.Fixture())


class TestOptions(ClientCase):
    def test_where_nobody_logs_in(self) -> None:
        self.http.get(f"{URL}/placement/traits", json={"traits": ["A"]})
        answer = placement.Client().ask("GET", "/traits")
        self.assertEqual(["A"], answer.body["traits"])
        (request,) = self.http.request_history
        self.assertEqual(
            "placement 1.38", request.headers["OpenStack-API-Version"]
        )
        self.assertEqual(30, request.timeout)
        self.assertTrue(request.verify)

    def test_certificates(self) -> None:
        self.http.get(f"{URL}/placement/traits", json={"traits": []})
        self.conf.set(
            "placement", cafile="/etc/ca.pem", certfile="/c", keyfile="/k"
        )
        placement.Client().ask("GET", "/traits")
        (request,) = self.http.request_history
        self.assertEqual("/etc/ca.pem", request.verify)
        self.assertEqual(("/c", "/k"), request.cert)

    def check_refused(self, words: str) -> None:
        error = self.assertRaises(placement.Misconfigured, placement.Client)
        self.assertIn(words, str(error))
        said = self.assertRaises(SystemExit, checks.placement_is_named)
        self.assertIn("[placement]", str(said))
        self.assertIn(words, str(said))

    def test_no_way_to_log_in(self) -> None:
        self.conf.set("placement", auth_type=None)
        self.check_refused("auth_type is not set")
        self.conf.set("placement", enabled=False)
        checks.placement_is_named()

    def test_no_such_way_to_log_in(self) -> None:
        self.conf.set("placement", auth_type="by-handshake")
        self.check_refused("by-handshake")

    def test_no_such_interface(self) -> None:
        self.conf.set("placement", valid_interfaces=["inside"])
        self.check_refused("inside")

    def test_a_password_without_keystone(self) -> None:
        plugin = loading.get_auth_plugin_conf_options("password")
        self.conf.register("placement", plugin)
        self.conf.set("placement", auth_type="password", password="p-secret")
        error = self.assertRaises(placement.Misconfigured, placement.Client)
        self.assertNotIn("p-secret", str(error))


class TestAnswers(testscenarios.WithScenarios, ClientCase):
    """What an answer means for the requests that follow."""

    HTML = "<html>Something else</html>"
    scenarios = [
        ("no right", {"status": 403, "text": "{}", "error": client.Away}),
        ("no login", {"status": 401, "text": HTML, "error": client.Away}),
        ("too old", {"status": 406, "text": "{}", "error": client.Away}),
        ("busy", {"status": 503, "text": HTML, "error": client.Away}),
        ("a broken one", {"status": 500, "text": "{}", "error": client.Away}),
        ("no Placement", {"status": 200, "text": HTML, "error": client.Away}),
        ("elsewhere", {"status": 404, "text": HTML, "error": client.Away}),
        ("no such", {"status": 404, "text": "{}", "error": client.Refused}),
        ("nonsense", {"status": 400, "text": "[1]", "error": client.Refused}),
        ("conflict", {"status": 409, "text": "{}", "error": client.Refused}),
    ]

    def test_it(self) -> None:
        self.http.register_uri(
            requests_mock.ANY,
            requests_mock.ANY,
            status_code=self.status,
            text=self.text,
        )
        error = self.assertRaises(
            self.error, placement.Client().ask, "PUT", "/traits/A"
        )
        self.assertIn("PUT /traits/A", str(error))


class TestErrors(ClientCase):
    def test_one_request_that_fails(self) -> None:
        self.http.put(f"{URL}/placement/x", status_code=500)
        self.http.get(
            f"{URL}/placement/resource_classes",
            json={"resource_classes": []},
        )
        self.assertRaises(
            client.Refused, placement.Client().ask, "PUT", "/x", {}
        )

    def test_no_certificates(self) -> None:
        self.http.get(f"{URL}/placement/x", exc=OSError("no such file"))
        error = self.assertRaises(
            client.Away, placement.Client().ask, "GET", "/x"
        )
        self.assertIn("no such file", str(error))


class TestWords(ClientCase):
    def test_they_are_read_once_and_made_where_they_can_be(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger("valence.placement", logging.WARNING)
        )
        self.http.get(
            f"{URL}/placement/resource_classes",
            json={"resource_classes": [{"name": "VCPU"}]},
        )
        made = self.http.put(
            f"{URL}/placement/resource_classes/CUSTOM_A", status_code=201
        )
        words = client.Words(placement.Client(), "resource_classes")
        for _ in range(3):
            self.assertEqual(
                {"VCPU", "CUSTOM_A"},
                words.known(["VCPU", "CUSTOM_A", "NEWER_THAN_IT"]),
            )
        self.assertEqual(1, made.call_count)
        self.assertEqual(2, len(self.http.request_history))
        self.assertEqual(1, log.output.count("NEWER_THAN_IT"))
        words.forget()
        words.known(["VCPU"])
        self.assertEqual(3, len(self.http.request_history))
