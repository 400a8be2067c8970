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

"""HTTP of the driver expether, with what no well-behaved EEM would send."""

import logging
import os
import time

import fixtures
import testtools

from valence import exception
from valence.drivers.expether import client
from valence.tests.unit.drivers import edge

DOCUMENT = {"version_number": "v1.0.8"}


class Case(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)

    def connect(self, **changed):
        made = client.Client(
            self.edge.connection(**{"url": f"{self.edge.url}/eem", **changed})
        )
        self.addCleanup(made.close)
        return made

    def refused(self, kind, call, *args, **kwargs):
        error = self.assertRaises(kind, call, *args, **kwargs)
        for text in (str(error), repr(error), self.log.output):
            self.assertNotIn("s3cret-word", text)
            self.assertNotIn("YWRtaW46czNjcmV0LXdvcmQ=", text)
        return error

    def ways(self, made):
        """Each method, and how often it is sent when it fails."""
        return (
            ("GET", lambda: made.get("a"), 1 + client.RETRIES),
            ("PUT", lambda: made.put("a", {}), 1),
            ("DELETE", lambda: made.delete("a"), 1),
        )


class TestRequests(Case):
    def test_get(self):
        self.edge.on(
            "GET", "/eem/devices?status=eesv", edge.Reply(document=DOCUMENT)
        )
        made = self.connect()
        self.assertEqual(DOCUMENT, made.get("devices", status="eesv"))
        headers = self.edge.requests[0].headers
        self.assertEqual("application/json", headers["Accept"])
        self.assertEqual(
            "Basic YWRtaW46czNjcmV0LXdvcmQ=", headers["Authorization"]
        )

    def test_put(self):
        self.edge.on("PUT", "/eem/a", edge.Reply(document={"group_id": "16"}))
        answer = self.connect().put("a", {"group_id": None})
        self.assertEqual({"group_id": "16"}, answer)
        request = self.edge.requests[0]
        self.assertEqual({"group_id": None}, request.document)
        self.assertEqual("application/json", request.headers["Content-Type"])

    def test_a_change_may_be_answered_with_anything(self):
        for reply in (
            edge.Reply(204),
            edge.Reply(200),
            edge.Reply(200, []),
            edge.Reply(202, body=b"<html>"),
        ):
            self.edge.on("DELETE", "/eem/a", reply)
            self.assertEqual({}, self.connect().delete("a"))

    def test_one_socket_serves_all(self):
        self.edge.on("GET", "/eem/a", edge.Reply(document=DOCUMENT))
        self.edge.on("PUT", "/eem/a", edge.Reply(204))
        self.edge.on("GET", "/eem/no", edge.Reply(404, {"message": "no"}))
        made = self.connect()
        for _ in range(3):
            made.get("a")
            made.put("a", {})
            self.assertRaises(exception.HardwareNotFound, made.get, "no")
        self.assertEqual(1, self.edge.connections)

    def test_no_credentials(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, "netrc")
        with open(path, "w") as file:
            file.write("machine 127.0.0.1 login a password s3cret-word\n")
        os.chmod(path, 0o600)
        self.useFixture(fixtures.EnvironmentVariable("NETRC", path))
        self.edge.on("GET", "/eem/a", edge.Reply(document=DOCUMENT))
        self.connect(username=None, password=None).get("a")
        self.assertNotIn("Authorization", self.edge.requests[0].headers)

    def test_any_characters_in_credentials(self):
        self.edge.on("GET", "/eem/a", edge.Reply(document=DOCUMENT))
        self.connect(username="ü", password="✓:\n").get("a")
        self.assertEqual(
            "Basic w7w64pyTOgo=",
            self.edge.requests[0].headers["Authorization"],
        )

    def test_cookies_are_not_kept(self):
        self.edge.on(
            "GET",
            "/eem/a",
            edge.Reply(document=DOCUMENT, headers={"Set-Cookie": "a=b"}),
        )
        made = self.connect()
        made.get("a")
        made.get("a")
        self.assertNotIn("Cookie", self.edge.requests[1].headers)

    def test_urls(self):
        for url, wanted in (
            ("http://eem:30500/eem", "http://eem:30500/eem"),
            (" http://eem:30500/eem/ ", "http://eem:30500/eem"),
            ("https://a:b@eem/eem", "https://eem/eem"),
            ("http://[::1]:30500/eem", "http://[::1]:30500/eem"),
            ("http://eem", "http://eem"),
        ):
            self.assertEqual(wanted, self.connect(url=url).url)

    def test_no_urls(self):
        for url in ("", "eem", "ftp://eem/eem", "http://", "http://a:b/eem"):
            error = self.refused(
                exception.Unreachable, self.connect(url=url).put, "a", {}
            )
            self.assertFalse(error.maybe_done)


class TestRefusals(Case):
    def test_statuses(self):
        for status, kind in (
            (302, exception.BackendError),
            (400, exception.HardwareBadRequest),
            (401, exception.AuthFailure),
            (403, exception.AuthFailure),
            (404, exception.HardwareNotFound),
            (405, exception.HardwareNotSupported),
            (409, exception.HardwareConflict),
            (429, exception.BackendError),
            (500, exception.BackendError),
            (503, exception.BackendError),
            (599, exception.BackendError),
        ):
            for body in (
                b'{"code": "50099", "message": "s3cret-word is wrong"}',
                b"<html><title>No</title></html>",
                b"[" * 100000,
                b'"no"',
                b"7",
                b"null",
                b"\xff\x00",
                b"",
            ):
                reply = edge.Reply(status, body=body)
                for method, call, _ in self.ways(self.connect()):
                    self.edge.on(method, "/eem/a", reply)
                    self.refused(kind, call)

    def test_what_it_says_is_quoted(self):
        for body, said in (
            (b'{"code":"40004","message":"bad id"}', "bad id (code 40004)"),
            (b"<title>Bad\nway</title><p>x", "Bad way (HTTP 400)"),
            (b"", "Bad Request (HTTP 400)"),
            (b'{"message": null}', "Bad Request (HTTP 400)"),
        ):
            self.edge.on("PUT", "/eem/a", edge.Reply(400, body=body))
            error = self.refused(
                exception.HardwareBadRequest, self.connect().put, "a", {}
            )
            self.assertIn(said, str(error))

    def test_stale(self):
        for code, stale in (("50003", True), (50003, True), ("50000", False)):
            self.edge.on("PUT", "/eem/a", edge.Reply(500, {"code": code}))
            error = self.refused(
                exception.BackendError, self.connect().put, "a", {}
            )
            self.assertEqual(stale, client.is_stale(error))

    def test_long_words_are_cut(self):
        self.edge.on("GET", "/eem/a", edge.Reply(500, {"message": "x" * 9999}))
        error = self.refused(exception.BackendError, self.connect().get, "a")
        self.assertLess(len(str(error)), 700)

    def test_a_redirect_is_not_followed(self):
        other = edge.Edge().start()
        self.addCleanup(other.stop)
        for target in (f"{other.url}/eem/a", "/eem/b"):
            for method, call, _ in self.ways(self.connect()):
                self.edge.on(
                    method,
                    "/eem/a",
                    edge.Reply(307, headers={"Location": target}),
                )
                self.refused(exception.BackendError, call)
        self.assertEqual([], other.seen())
        self.assertNotIn("/eem/b", self.edge.seen())

    def test_no_document(self):
        for body in (b"", b"[]", b"7", b"<html>", b"{", b"[" * 100000):
            self.edge.on("GET", "/eem/a", edge.Reply(body=body))
            self.refused(exception.BackendError, self.connect().get, "a")
        self.edge.on("GET", "/eem/a", edge.Reply(204))
        self.refused(exception.BackendError, self.connect().get, "a")


class TestTransport(Case):
    def test_cut(self):
        for cut in ("close", "reset"):
            for document in (None, DOCUMENT):
                for method, call, times in self.ways(self.connect()):
                    self.edge.requests.clear()
                    self.edge.on(
                        method, "/eem/a", edge.Reply(200, document, cut=cut)
                    )
                    error = self.refused(exception.Unreachable, call)
                    self.assertEqual(method != "GET", error.maybe_done)
                    self.assertEqual(times, len(self.edge.seen(method)))

    def test_busy(self):
        for status in (429, 503):
            for method, call, times in self.ways(self.connect()):
                self.edge.requests.clear()
                self.edge.on(method, "/eem/a", edge.Reply(status))
                self.refused(exception.BackendError, call)
                self.assertEqual(times, len(self.edge.seen(method)))

    def test_a_get_is_tried_again(self):
        self.edge.on(
            "GET",
            "/eem/a",
            edge.Reply(cut="reset"),
            edge.Reply(503),
            edge.Reply(document=DOCUMENT),
        )
        self.assertEqual(DOCUMENT, self.connect().get("a"))

    def test_slow(self):
        for reply in (
            edge.Reply(document=DOCUMENT, delay=60),
            edge.Reply(body=b"{" + b" " * 1000 + b"}", drip=0.05),
        ):
            for method, call, _ in self.ways(self.connect(timeout=1.0)):
                self.edge.requests.clear()
                self.edge.on(method, "/eem/a", reply)
                started = time.monotonic()
                error = self.refused(exception.Unreachable, call)
                self.assertLess(time.monotonic() - started, 30)
                self.assertIn("no answer within 1 s", str(error))
                self.assertEqual(method != "GET", error.maybe_done)
                self.assertEqual(1, len(self.edge.seen(method)))

    def test_too_large(self):
        self.useFixture(
            fixtures.MockPatchObject(client, "MAX_BODY", 1024 * 1024)
        )
        body = b" " * (1024 * 1024) + b"{}"
        self.edge.on("GET", "/eem/a", edge.Reply(body=body))
        error = self.refused(exception.BackendError, self.connect().get, "a")
        self.assertIn("larger than 1 MiB", str(error))

    def test_nobody_there(self):
        self.edge.stop()
        self.edge.stop = lambda: None
        for _, call, _ in self.ways(self.connect()):
            error = self.refused(exception.Unreachable, call)
            self.assertIn("refused", str(error))
            self.assertFalse(error.maybe_done)

    def test_no_such_host(self):
        for url in ("http://no-such-host.invalid/eem", "http://a..b/eem"):
            error = self.refused(
                exception.Unreachable, self.connect(url=url).put, "a", {}
            )
            self.assertFalse(error.maybe_done)

    def test_tls_that_is_none(self):
        error = self.refused(
            exception.Unreachable,
            self.connect(url=f"https://127.0.0.1:{self.edge.port}").put,
            "a",
            {},
        )
        self.assertIn("does not speak TLS", str(error))
        self.assertFalse(error.maybe_done)

    def test_ca_that_is_none(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, "ca")
        with open(path, "w") as file:
            file.write("not a certificate")
        for verify in ("/none", path):
            error = self.refused(
                exception.Unreachable,
                self.connect(
                    url=f"https://127.0.0.1:{self.edge.port}", verify=verify
                ).put,
                "a",
                {},
            )
            self.assertIn("CA bundle", str(error))
            self.assertFalse(error.maybe_done)

    def test_close_ends_the_wait_for_another_try(self):
        made = self.connect(poll_interval=60.0)
        made.close()
        started = time.monotonic()
        self.edge.on("GET", "/eem/a", edge.Reply(503))
        self.refused(exception.BackendError, made.get, "a")
        self.assertLess(time.monotonic() - started, 30)
