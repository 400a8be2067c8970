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


import logging
import os
import socket
import time

import fixtures
import hypothesis
from hypothesis import strategies as st
import testtools

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import connector
from valence.tests.unit.drivers import edge

DOCUMENT = {"Id": "1"}


class Case(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)

    def connect(self, **changed):
        made = connector.Connector(self.edge.connection(**changed))
        self.addCleanup(made.close)
        return made

    def refused(self, kind, call, *args, **kwargs):
        error = self.assertRaises(kind, call, *args, **kwargs)
        for text in (str(error), repr(error), self.log.output):
            self.assertNotIn("s3cret-word", text)
        return error


class TestRequests(Case):
    def test_document(self):
        self.edge.on("GET", "/a", edge.Reply(document=DOCUMENT))
        self.assertEqual(DOCUMENT, self.connect().document("/a"))
        headers = self.edge.requests[0].headers
        self.assertEqual("4.0", headers["OData-Version"])
        self.assertEqual(
            "Basic YWRtaW46czNjcmV0LXdvcmQ=", headers["Authorization"]
        )

    def test_one_socket_serves_all(self):
        self.edge.on("GET", "/a", edge.Reply(document=DOCUMENT))
        self.edge.on("POST", "/a", edge.Reply(204))
        self.edge.on("GET", "/no", edge.Reply(404, {"message": "no"}))
        made = self.connect()
        for _ in range(3):
            made.document("/a")
            made.post("/a", data={})
            self.assertRaises(exception.HardwareNotFound, made.get, "/no")
        self.assertEqual(1, self.edge.connections)

    def test_success(self):
        made = self.connect()
        for status in (200, 201, 202, 204):
            self.edge.on("POST", "/a", edge.Reply(status))
            self.assertEqual(status, made.post("/a", data={}).status_code)

    def test_no_credentials(self):
        home = self.useFixture(fixtures.TempDir()).path
        with open(os.path.join(home, "netrc"), "w") as netrc:
            netrc.write("machine 127.0.0.1 login mine password mine\n")
        self.useFixture(
            fixtures.EnvironmentVariable("NETRC", os.path.join(home, "netrc"))
        )
        self.edge.on("GET", "/a", edge.Reply(document=DOCUMENT))
        self.connect(username=None, password=None).document("/a")
        self.assertNotIn("Authorization", self.edge.requests[0].headers)

    def test_credentials_of_any_script(self):
        self.edge.on("GET", "/a", edge.Reply(document=DOCUMENT))
        self.connect(username="jörg", password="пароль").document("/a")
        self.assertEqual(
            "Basic asO2cmc60L/QsNGA0L7Qu9GM",
            self.edge.requests[0].headers["Authorization"],
        )

    def test_cookies_are_not_kept(self):
        self.edge.on(
            "GET",
            "/a",
            edge.Reply(document=DOCUMENT, headers={"Set-Cookie": "a=b"}),
        )
        made = self.connect()
        made.document("/a")
        made.document("/a")
        self.assertNotIn("Cookie", self.edge.requests[1].headers)

    def test_no_document(self):
        made = self.connect()
        for body in (
            b"",
            b"<html><title>Log in</title></html>",
            b"[]",
            b"{}",
            b"7",
            b'"yes"',
            b"[" * 100000,
            b"\xff\xfe",
        ):
            self.edge.on("GET", "/a", edge.Reply(body=body))
            error = self.refused(exception.BackendError, made.document, "/a")
            self.assertIn("makes no sense", str(error))

    def test_huge_body(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.drivers.redfishv1.connector.MAX_BODY", 1000
            )
        )
        self.edge.on("GET", "/a", edge.Reply(body=b" " * 100000))
        self.refused(exception.BackendError, self.connect().get, "/a")

    def test_body_in_chunks(self):
        # Without Content-Length.
        self.edge.on(
            "GET",
            "/a",
            edge.Reply(
                body=b'4\r\n{"Id\r\n7\r\n": "1"}\r\n0\r\n\r\n',
                headers={"Transfer-Encoding": "chunked"},
            ),
        )
        made = self.connect()
        self.assertEqual(DOCUMENT, made.document("/a"))


class TestErrors(Case):
    def test_reason_is_quoted(self):
        self.edge.on(
            "POST",
            "/a",
            edge.Reply(
                409,
                {
                    "error": {
                        "message": "Conflict during allocation",
                        "@Message.ExtendedInfo": [{"Message": "None free."}],
                    }
                },
            ),
        )
        error = self.refused(
            exception.HardwareConflict, self.connect().post, "/a", data={}
        )
        self.assertEqual("The pod manager refused: None free.", str(error))

    def test_any_body_with_any_status(self):
        made = self.connect()
        for status, kind in (
            (400, exception.HardwareBadRequest),
            (401, exception.AuthFailure),
            (403, exception.AuthFailure),
            (404, exception.HardwareNotFound),
            (409, exception.HardwareConflict),
            (500, exception.BackendError),
            (504, exception.BackendError),
            (599, exception.BackendError),
        ):
            for body in (
                b"",
                b"<html>x</html>",
                b"[" * 100000,
                b"7",
                b'"no"',
                b'{"error": "no"}',
                b'{"error": {"@Message.ExtendedInfo": 3}}',
                b"null",
            ):
                self.edge.on("POST", "/a", edge.Reply(status, body=body))
                error = self.refused(kind, made.post, "/a", data={})
                self.assertTrue(str(error))

    def test_an_empty_refusal_names_the_status(self):
        self.edge.on("GET", "/a", edge.Reply(500))
        error = self.refused(exception.BackendError, self.connect().get, "/a")
        self.assertIn("Internal Server Error", str(error))

    def test_an_echoed_password_is_masked(self):
        for said in ("s3cret-word", "YWRtaW46czNjcmV0LXdvcmQ="):
            self.edge.on(
                "GET", "/a", edge.Reply(401, {"message": f"Bad {said}!"})
            )
            error = self.refused(
                exception.AuthFailure, self.connect().get, "/a"
            )
            self.assertIn("Bad ***!", str(error))

    def test_connection_refused(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        made = self.connect(url=url)
        for call in (made.get, made.delete, made.post, made.patch):
            error = self.refused(exception.Unreachable, call, "/a")
            self.assertFalse(error.maybe_done)
            self.assertIn("connection refused", str(error))

    def test_unknown_host(self):
        made = self.connect(url="https://no-such-host.invalid")
        error = self.refused(exception.Unreachable, made.post, "/a", data={})
        self.assertFalse(error.maybe_done)

    def test_urls_that_are_none(self):
        for url in (
            "",
            "host:8443",
            "ftp://host",
            "https://",
            "https://host:port",
            "https://[::1",
            "https://" + "a" * 70 + ".example",
            "https://host:99999999",
        ):
            made = self.connect(url=url)
            error = self.refused(exception.Unreachable, made.post, "/a")
            self.assertFalse(error.maybe_done, url)

    def test_no_answer_in_time(self):
        self.edge.on("GET", "/a", edge.Reply(delay=60))
        self.edge.on("POST", "/a", edge.Reply(delay=60))
        made = self.connect(timeout=1.0)
        error = self.refused(exception.Unreachable, made.post, "/a", data={})
        self.assertTrue(error.maybe_done)
        self.assertIn("within 1 s", str(error))
        error = self.refused(exception.Unreachable, made.get, "/a")
        self.assertFalse(error.maybe_done)
        # A timeout is not tried again: it was waited for long enough.
        self.assertEqual(["/a", "/a"], self.edge.seen())

    def test_an_answer_that_drips(self):
        self.edge.on("POST", "/a", edge.Reply(body=b" " * 1000, drip=0.05))
        started = time.monotonic()
        error = self.refused(
            exception.Unreachable,
            self.connect(timeout=1.0).post,
            "/a",
            data={},
        )
        self.assertTrue(error.maybe_done)
        self.assertLess(time.monotonic() - started, 30)

    def test_cut(self):
        made = self.connect()
        for cut in ("close", "reset"):
            for document in (None, DOCUMENT):
                for method, tries in (
                    ("POST", 1),
                    ("PATCH", 1),
                    ("DELETE", 3),
                    ("GET", 3),
                ):
                    self.edge.requests.clear()
                    self.edge.on(
                        method, "/a", edge.Reply(document=document, cut=cut)
                    )
                    error = self.refused(
                        exception.Unreachable,
                        getattr(made, method.lower()),
                        "/a",
                    )
                    self.assertEqual(method != "GET", error.maybe_done)
                    self.assertEqual(tries, len(self.edge.seen()))

    def test_a_delete_that_was_cut_may_be_done(self):
        def stop(*args):
            self.edge.stop()

        self.edge.on("DELETE", "/a", edge.Reply(cut="close"))
        made = self.connect()
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.drivers.redfishv1.connector.Connector._pause", stop
            )
        )
        error = self.refused(exception.Unreachable, made.delete, "/a")
        self.assertIn("connection refused", str(error))
        self.assertTrue(error.maybe_done)

    def test_a_read_survives_two_cuts(self):
        self.edge.on(
            "GET",
            "/a",
            edge.Reply(cut="reset"),
            edge.Reply(cut="close"),
            edge.Reply(document=DOCUMENT),
        )
        self.assertEqual(DOCUMENT, self.connect().document("/a"))

    def test_busy(self):
        busy = edge.Reply(503, headers={"Retry-After": "30"})
        self.edge.on("GET", "/a", busy, edge.Reply(document=DOCUMENT))
        self.edge.on("DELETE", "/a", busy, edge.Reply(204))
        self.edge.on("POST", "/a", busy)
        self.edge.on("GET", "/b", busy)
        made = self.connect()
        self.assertEqual(DOCUMENT, made.document("/a"))
        made.delete("/a")
        error = self.refused(exception.BackendError, made.post, "/a", data={})
        self.assertEqual(503, error.values["http_status"])
        self.assertEqual(1, len(self.edge.seen("POST")))
        self.refused(exception.BackendError, made.get, "/b")
        self.assertEqual(3, self.edge.seen().count("/b"))

    def test_other_failures_are_not_tried_again(self):
        self.edge.on("GET", "/a", edge.Reply(500))
        self.refused(exception.BackendError, self.connect().get, "/a")
        self.assertEqual(["/a"], self.edge.seen())


class TestOrigin(Case):
    def setUp(self):
        super().setUp()
        self.other = edge.Edge().start()
        self.addCleanup(self.other.stop)
        self.other.on("GET", "/a", edge.Reply(document=DOCUMENT))
        self.edge.on("GET", "/a", edge.Reply(document=DOCUMENT))

    def test_redirect_on_the_same_server(self):
        self.edge.on("GET", "/b", edge.Reply(301, headers={"Location": "/b/"}))
        self.edge.on(
            "GET",
            "/b/",
            edge.Reply(308, headers={"Location": f"{self.edge.url}/a"}),
        )
        self.assertEqual(DOCUMENT, self.connect().document("/b"))

    def test_redirect_to_another_server(self):
        for location in (
            f"{self.other.url}/a",
            f"//127.0.0.1:{self.other.port}/a",
            f"https://127.0.0.1:{self.edge.port}/a",
            "file:///etc/passwd",
        ):
            self.edge.on(
                "GET", "/b", edge.Reply(302, headers={"Location": location})
            )
            self.refused(exception.BackendError, self.connect().get, "/b")
        self.assertEqual([], self.other.seen())

    def test_redirect_for_ever(self):
        self.edge.on("GET", "/b", edge.Reply(302, headers={"Location": "/b"}))
        self.refused(exception.BackendError, self.connect().get, "/b")
        self.assertLess(len(self.edge.seen()), 6)

    def test_a_change_is_not_redirected(self):
        for method in ("POST", "PATCH", "DELETE"):
            self.edge.on(
                method, "/b", edge.Reply(307, headers={"Location": "/a"})
            )
            self.refused(
                exception.BackendError,
                getattr(self.connect(), method.lower()),
                "/b",
            )
        self.assertNotIn("/a", self.edge.seen())

    def test_links(self):
        made = self.connect()
        for link in (
            "/redfish/v1/Nodes/1",
            "/redfish/v1/Nodes/1/",
            f"{self.edge.url}/redfish/v1/Nodes/1",
            f"http://127.0.0.1:{self.edge.port}/redfish/v1/Nodes/1#here",
        ):
            self.assertEqual("/redfish/v1/Nodes/1", made.path_of(link))

    def test_links_elsewhere(self):
        made = self.connect()
        for link in (
            f"{self.other.url}/a",
            f"//127.0.0.1:{self.other.port}/a",
            "http://127.0.0.1/a",
            f"http://127.0.0.1:{self.edge.port}@{self.other.url[7:]}/a",
            "http://127.0.0.1:99999999/a",
            "http://[/a",
            "",
            None,
            7,
            {"@odata.id": "/a"},
        ):
            self.refused(exception.BackendError, made.path_of, link)
        error = self.refused(
            exception.BackendError, made.path_of, "mailto:ann@pod.example"
        )
        self.assertIn("another server, mailto://; Valence", str(error))
        self.refused(exception.BackendError, made.get, f"{self.other.url}/a")
        self.assertEqual([], self.other.seen())

    def test_default_ports(self):
        made = self.connect(url="https://pod.example/redfish/v1/")
        self.assertEqual("/a", made.path_of("https://POD.example:443/a"))
        self.assertRaises(
            exception.BackendError, made.path_of, "http://pod.example/a"
        )

    def test_urls(self):
        for url, origin, root in (
            ("https://pod:8443", "https://pod:8443", "/redfish/v1"),
            ("https://pod:8443/", "https://pod:8443", "/redfish/v1"),
            ("http://pod/redfish/v1", "http://pod", "/redfish/v1"),
            (" https://pod/redfish/v1/ ", "https://pod", "/redfish/v1"),
            ("https://pod/rsd", "https://pod", "/rsd/redfish/v1"),
            ("https://[::1]:8443", "https://[::1]:8443", "/redfish/v1"),
            ("https://a:b@pod", "https://pod", "/redfish/v1"),
        ):
            made = self.connect(url=url)
            self.assertEqual((origin, root), (made.origin, made.root_path))

    @hypothesis.given(st.text(max_size=40))
    def test_any_link_stays_here_or_is_refused(self, link):
        made = connector.Connector(
            base.Connection(url="https://pod.example:8443")
        )
        try:
            path = made.path_of(link)
        except exception.BackendError:
            return
        self.assertTrue(path.startswith("/"))
        self.assertTrue(
            (made.origin + path).startswith("https://pod.example:8443/")
        )


class TestClose(Case):
    def test_close_ends_the_wait_for_another_try(self):
        made = self.connect(poll_interval=60.0)
        made.close()
        started = time.monotonic()
        self.edge.on("GET", "/a", edge.Reply(503))
        self.refused(exception.BackendError, made.get, "/a")
        self.assertLess(time.monotonic() - started, 30)
