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

"""How requests are sent, and what becomes of answers."""

import logging
import socket
import threading

import fixtures
import requests
import requests_mock

from valence.tests import base
from valence.tests.unit.client import case
from valenceclient import client
from valenceclient import exceptions
from valenceclient import http

CUT = requests.exceptions.ConnectionError("cut off")


class TestRetries(case.ClientCase):
    def test_a_get_is_sent_again(self) -> None:
        self.http.get(
            "/v1/nodes/a", [{"exc": CUT}, {"status_code": 503}, {"json": {}}]
        )
        self.assertEqual({}, self.client.nodes.get("a"))
        self.assertEqual(list(http.SOON[:2]), self.slept)

    def test_a_post_is_sent_again_with_its_key(self) -> None:
        self.http.post(
            "/v1/nodes",
            [
                {"exc": CUT},
                {"exc": requests.exceptions.ReadTimeout()},
                {"status_code": 503},
                {"json": {"uuid": "1"}, "status_code": 202},
            ],
        )
        self.assertEqual({"uuid": "1"}, self.client.nodes.create(name="a"))
        keys = self.sent("Idempotency-Key")
        self.assertEqual(4, len(keys))
        self.assertEqual(1, len(set(keys)))
        self.client.nodes.create(name="a")
        self.assertNotEqual(keys[0], self.sent("Idempotency-Key")[-1])

    def test_others_are_sent_once(self) -> None:
        change = {
            "PATCH": lambda: self.client.nodes.update("a", {"name": "b"}),
            "DELETE": lambda: self.client.nodes.delete("a"),
            "PUT": lambda: self.client.allocations.set("a", {}),
        }
        for method, sends in change.items():
            self.http.request(method, requests_mock.ANY, exc=CUT)
            self.assertRaises(exceptions.Unreachable, sends)
            self.assertEqual(method, self.sent()[-1][0])
        self.assertEqual(3, len(self.sent()))
        self.assertEqual([], self.slept)

    def test_it_ends(self) -> None:
        self.http.get("/v1/nodes/a", exc=CUT)
        e = self.assertRaises(
            exceptions.Unreachable, self.client.nodes.get, "a"
        )
        self.assertEqual(f"{case.URL} does not answer: cut off", str(e))
        self.assertEqual(list(http.SOON), self.slept)

    def test_what_is_unavailable_stays_so(self) -> None:
        body = case.error("service.unavailable", detail="Try again later.")
        self.http.get("/v1/nodes/a", status_code=503, json=body)
        e = self.assertRaises(exceptions.ApiError, self.client.nodes.get, "a")
        self.assertEqual("service.unavailable", e.code)

    def test_a_proxy_that_does_not_find_the_service_for_a_moment(self) -> None:
        for status in (502, 504):
            away = {"status_code": status, "text": "<html>Bad gateway</html>"}
            self.http.get("/v1/nodes/a", [away, {"json": {}}])
            self.assertEqual({}, self.client.nodes.get("a"))
        self.assertEqual(4, len(self.sent()))

    def test_a_pod_manager_that_fails_is_not_asked_again(self) -> None:
        for status in (502, 504):
            body = case.error("hardware.failed")
            self.http.post("/v1/nodes", status_code=status, json=body)
            self.assertRaises(exceptions.ApiError, self.client.nodes.create)
        self.assertEqual(2, len(self.sent()))

    def test_a_certificate_that_is_not_trusted(self) -> None:
        untrusted = requests.exceptions.SSLError("certificate verify failed")
        self.http.get("/v1/nodes/a", exc=untrusted)
        e = self.assertRaises(
            exceptions.Unreachable, self.client.nodes.get, "a"
        )
        self.assertIn("certificate verify failed", str(e))
        self.assertEqual([], self.slept)


class TestNobodyThere(base.TestCase):
    """On real sockets."""

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valenceclient.http.SOON", ()))
        self.socket = socket.socket()
        self.addCleanup(self.socket.close)
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def reason(self) -> str:
        valence = client.Client(case.login(self.url))
        e = self.assertRaises(
            exceptions.Unreachable,
            valence._http.request,
            "GET",
            "/v1",
            pauses=(),
        )
        return str(e).removeprefix(f"{self.url} does not answer: ")

    def test_nobody_listens(self) -> None:
        self.assertEqual("Connection refused", self.reason())

    def test_nobody_answers(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch("valenceclient.http.TIMEOUT", 0.1)
        )
        self.socket.listen()
        self.assertIn("timed out", self.reason())

    def test_no_tls_there(self) -> None:
        def answer() -> None:
            there, _ = self.socket.accept()
            there.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            there.close()

        self.socket.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        self.url = self.url.replace("http:", "https:")
        self.assertEqual(
            "what listens there does not speak TLS; try http://", self.reason()
        )

    def test_no_such_name(self) -> None:
        self.url = "http://no-such-name.invalid"
        self.assertIn("ame", self.reason())
        self.assertNotIn("HTTPConnectionPool", self.reason())


class TestVersions(case.ClientCase):
    HEADER = "OpenStack-API-Version"
    REFUSED = {
        "status_code": 406,
        "json": case.error(
            "request.not_acceptable", min_version="1.0", max_version="1.1"
        ),
    }

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch("valenceclient.http.LATEST", "1.10")
        )

    def test_an_older_service(self) -> None:
        valence = client.Client(case.login())
        self.http.get("/v1/nodes/a", [self.REFUSED, {"json": {}}])
        valence.nodes.get("a")
        valence.nodes.get("a")
        self.assertEqual(
            ["composition 1.10", "composition 1.1", "composition 1.1"],
            self.sent(self.HEADER),
        )

    def test_a_version_that_was_asked_for(self) -> None:
        valence = client.Client(case.login(), microversion="1.2")
        self.http.get("/v1/nodes/a", **self.REFUSED)
        self.assertRaises(exceptions.ApiError, valence.nodes.get, "a")
        self.assertEqual(["composition 1.2"], self.sent(self.HEADER))

    def test_a_newer_service(self) -> None:
        valence = client.Client(case.login())
        newer = case.error(min_version="1.11", max_version="1.12")
        self.http.get("/v1/nodes/a", status_code=406, json=newer)
        self.assertRaises(exceptions.ApiError, valence.nodes.get, "a")
        self.assertEqual(1, len(self.sent()))


class TestErrors(case.ClientCase):
    def refused(self, **answer: object) -> exceptions.ApiError:
        self.http.get("/v1/nodes/a", **answer)
        return self.assertRaises(
            exceptions.ApiError, self.client.nodes.get, "a"
        )

    def test_of_the_service(self) -> None:
        refusals = [{"pod_manager": "pod-1", "reason": "It is Offline."}]
        e = self.refused(
            status_code=409, json=case.error("a.b", refusals=refusals)
        )
        self.assertEqual((409, "a.b"), (e.status, e.code))
        self.assertEqual(refusals, e.refusals)
        self.assertEqual("It does not fit. (HTTP 409, request req-1)", str(e))

    def test_of_who_stands_before_it(self) -> None:
        for body in (
            {"text": "<html>Bad gateway</html>"},
            {"json": []},
            {"json": {"errors": []}},
            {"json": {"errors": ["no"]}},
            {"json": {"error": {"message": "no"}}},
        ):
            e = self.refused(status_code=502, reason="Bad Gateway", **body)
            self.assertIsNone(e.code)
            self.assertEqual(
                f"{case.URL}/v1/nodes/a answered: Bad Gateway (HTTP 502)",
                str(e),
            )

    def test_of_somebody_else(self) -> None:
        for answer in (
            {"text": "<html>Welcome</html>"},
            {"text": '{"uuid": '},
            {"text": ""},
            {"json": []},
            {"json": ["a"]},
            {"json": 3},
            {"json": None},
        ):
            e = self.refused(**answer)
            self.assertEqual(
                f"{case.URL}/v1/nodes/a does not answer as the composition "
                "service does: is it another one? (HTTP 200)",
                str(e),
            )
        for answer in (3, None, {}, {"nodes": []}, ["a"], [["a", "b"]]):
            self.http.get("/v1/nodes", json=answer)
            self.http.post("/v1/devices/sync", json=answer)
            for asks in (
                lambda: list(self.client.nodes.list()),
                self.client.devices.sync,
            ):
                e = self.assertRaises(exceptions.ApiError, asks)
                self.assertIn("is it another one?", str(e))

    def test_of_one_that_offers_choices(self) -> None:
        e = self.refused(status_code=300, reason="Multiple Choices", json={})
        self.assertIn("answered: Multiple Choices (HTTP 300)", str(e))

    def test_with_odd_parts(self) -> None:
        for odd in ("a", ["a"], 3):
            e = self.refused(status_code=409, json=case.error(refusals=odd))
            self.assertEqual([], e.refusals)
        odd = case.error(max_version="newest")
        e = self.refused(status_code=406, json=odd)
        self.assertEqual(406, e.status)

    def test_a_field_that_is_not_shown(self) -> None:
        self.http.get("/v1/nodes/a", json={"uuid": "1"})
        node = self.client.nodes.get("a")
        self.assertIsNone(node.get("name"))
        for error in (KeyError, exceptions.ClientError):
            e = self.assertRaises(error, lambda: node["name"])
            self.assertIn("did not show 'name'", str(e))


class TestWhere(case.ClientCase):
    def test_v1_is_part_of_an_endpoint_or_not(self) -> None:
        for path in ("", "/", "/v1", "/v1/"):
            valence = client.Client(case.login(f"{case.URL}{path}"))
            self.http.get("/v1/nodes/a", json={})
            valence.nodes.get("a")
        self.assertEqual({("GET", "/v1/nodes/a")}, set(self.sent()))

    def test_below_a_path(self) -> None:
        valence = client.Client(
            case.login(None), endpoint_override=f"{case.URL}/composition/v1"
        )
        self.http.get("/composition/", json={"versions": []})
        self.assertEqual([], valence.versions())

    def test_not_a_url(self) -> None:
        for endpoint in ("127.0.0.1:8181", "valence", "ftp://valence/"):
            valence = client.Client(case.login(endpoint))
            e = self.assertRaises(
                exceptions.ClientError, valence.nodes.get, "a"
            )
            self.assertIn(f"'{endpoint}' is no endpoint: ", str(e))
        self.assertEqual([], self.sent())

    def test_nowhere(self) -> None:
        valence = client.Client(case.login(None))
        e = self.assertRaises(exceptions.ClientError, valence.nodes.get, "a")
        self.assertIn("no endpoint was given", str(e))

    def test_names_are_quoted(self) -> None:
        self.http.get("/v1/nodes/a%2Fb%20%C3%BC%3F", json={})
        self.client.nodes.get("a/b ü?")


class TestSecrets(case.ClientCase):
    def test_passwords_are_not_logged(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.http.post("/v1/pod_managers", json={})
        self.http.patch("/v1/pod_managers/a", json={})
        self.http.post("/v1/nodes", json={})
        secret = {"password": "s3cr3t"}
        self.client.pod_managers.create(name="a", authentication=[secret])
        self.client.pod_managers.update("a", {"authentication": [secret]})
        self.client.nodes.create(name="seen")
        self.assertNotIn("s3cr3t", log.output)
        self.assertIn("seen", log.output)
