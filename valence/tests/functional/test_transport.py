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
"""The API behind its own server, spoken to through bare sockets."""

import concurrent.futures
import http.client
import json
import select
import socket
import threading
import time

import fixtures

from valence import conf
from valence.api.app import make_application
from valence.cmd import server
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes

CONF = conf.CONF
LARGE = 10 * 1024 * 1024


class TestServer(base.SharedTestCase):
    @classmethod
    def make_environment(cls) -> environment.Environment:
        return environment.Environment(conductor=False)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.conf.set("api", port=0, max_wait=1)
        cls.server = server.make_server(make_application())
        cls.address = cls.server.bind_addr
        cls.thread = server.serve(cls.server)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()
        cls.thread.join()
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        # Whoever waits for it is not answered in time.
        self.useFixture(
            fixtures.MonkeyPatch("valence.cmd.server._SENDING", 600)
        )

    def connect(self) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=60)
        self.addCleanup(connection.close)
        return connection

    def send(
        self, head: str, body: bytes = b"", connection: socket.socket = None
    ) -> tuple[int, http.client.HTTPResponse, bytes]:
        """Send bytes as they are and read one answer."""
        connection = connection or self.connect()
        raw = head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n"
        try:
            connection.sendall(raw + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough; the answer is there all the same
        return self.receive(connection)

    @staticmethod
    def receive(
        connection: socket.socket, method: str = "GET"
    ) -> tuple[int, http.client.HTTPResponse, bytes]:
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        return answer.status, answer, answer.read()

    POST = (
        "POST /v1/flavors HTTP/1.1\nHost: localhost\n"
        "Content-Type: application/json\n"
    )

    def assert_alive(self) -> None:
        status, _, body = self.send(
            "GET /v1/flavors HTTP/1.1\nHost: localhost"
        )
        self.assertEqual(200, status)
        self.assertIsInstance(json.loads(body), list)

    def assert_error(self, code: str, body: bytes) -> None:
        (error,) = json.loads(body)["errors"]
        self.assertEqual(code, error["code"])

    def test_large_body(self) -> None:
        status, answer, body = self.send(
            f"{self.POST}Content-Length: {LARGE}", b"x" * LARGE
        )
        self.assertEqual(413, status)
        self.assert_error("request.too_large", body)
        self.assertEqual("close", answer.headers["Connection"])
        self.assert_alive()

    def test_large_body_is_refused_before_it_is_sent(self) -> None:
        status, _, body = self.send(f"{self.POST}Content-Length: {LARGE}")
        self.assertEqual(413, status)
        self.assert_error("request.too_large", body)

    def test_who_asks_first_need_not_send_a_large_body(self) -> None:
        connection = self.connect()
        head = f"{self.POST}Expect: 100-continue\nContent-Length: {LARGE}\n\n"
        connection.sendall(head.replace("\n", "\r\n").encode())
        answer = connection.recv(65536)
        while b"413" not in answer:
            more = connection.recv(65536)
            self.assertTrue(more, answer)
            answer += more

    def test_chunks(self) -> None:
        document = json.dumps({"name": "chunks", "properties": {}}).encode()
        chunks = b"".join(
            b"%x\r\n%s\r\n" % (len(part), part)
            for part in (document[:7], document[7:])
        )
        status, _, body = self.send(
            f"{self.POST}Transfer-Encoding: chunked", chunks + b"0\r\n\r\n"
        )
        self.assertEqual(201, status, body)
        self.assertEqual("chunks", json.loads(body)["name"])

    def test_large_chunks(self) -> None:
        chunk = b"%x\r\n%s\r\n" % (65536, b" " * 65536)
        status, _, body = self.send(
            f"{self.POST}Transfer-Encoding: chunked",
            chunk * (LARGE // 65536) + b"0\r\n\r\n",
        )
        self.assertEqual(413, status, body)
        self.assert_error("request.too_large", body)
        self.assert_alive()

    def test_chunks_that_are_none(self) -> None:
        for chunk in (b"zz\r\nabc\r\n", b"-1\r\n", b"\r\n\r\n"):
            status, _, body = self.send(
                f"{self.POST}Transfer-Encoding: chunked", chunk
            )
            self.assertEqual(400, status, body)
            self.assertNotIn(b"Traceback", body)
        self.assert_alive()

    def test_length_that_is_none(self) -> None:
        for length in ("many", "-1", "1e3", ""):
            status, _, body = self.send(
                f"{self.POST}Content-Length: {length}\nConnection: close"
            )
            self.assertEqual(400, status, (length, body))
            self.assertNotIn(b"Traceback", body)
        self.assert_alive()

    def test_length_that_is_too_short(self) -> None:
        connection = self.connect()
        status, _, body = self.send(
            f"{self.POST}Content-Length: 2",
            b"{}GET / HTTP/1.1\r\n",
            connection,
        )
        self.assertEqual(400, status)
        self.assert_error("request.missing_field", body)

    def test_length_that_is_too_long(self) -> None:
        connection = self.connect()
        connection.sendall(
            f"{self.POST}Content-Length: 100\n\n".replace(
                "\n", "\r\n"
            ).encode()
            + b'{"name": "half", "properties": {}}'
        )
        connection.shutdown(socket.SHUT_WR)
        status, _, body = self.receive(connection)
        self.assertEqual(400, status, body)
        self.assert_error("request.unreadable_body", body)
        self.assert_alive()
        self.assertEqual([], self.env.api.get("/v1/flavors?name=half").json)

    def test_who_sends_half_and_falls_silent_blocks_nobody(self) -> None:
        halves = [
            "GET /v1/fla",
            "GET /v1/flavors HTTP/1.1\r\nHost: localhost\r\n",
            self.POST.replace("\n", "\r\n") + "Content-Length: 50\r\n\r\n{",
        ]
        for half in halves:
            self.connect().sendall(half.encode())
        for _ in range(20):
            self.assert_alive()

    def test_who_drips_is_cut_off(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch("valence.cmd.server._SENDING", 1.5)
        )
        drips = [
            b"GET /v1/flavors HTTP/1.1\r\nHost: localhost\r\nX: ",
            self.POST.replace("\n", "\r\n").encode()
            + b"Content-Length: 500\r\n\r\n",
            self.POST.replace("\n", "\r\n").encode()
            + b"Transfer-Encoding: chunked\r\n\r\n",
        ]
        # More of them than there are threads.
        connections = [self.connect() for _ in range(24)]
        for number, connection in enumerate(connections):
            connection.sendall(drips[number % len(drips)])
        began = time.monotonic()
        left = list(connections)
        while left and time.monotonic() - began < 120:
            for connection in list(left):
                try:
                    connection.sendall(b"1")
                except OSError:
                    left.remove(connection)
            time.sleep(0.1)
        self.assertEqual([], left)
        self.assert_alive()

    def test_large_headers(self) -> None:
        for size, wanted in ((30_000, 200), (40_000, 413), (LARGE, 413)):
            status, _, _ = self.send(
                "GET /v1/flavors HTTP/1.1\nHost: localhost\nX: " + "x" * size
            )
            self.assertEqual(wanted, status, size)
        status, _, _ = self.send(
            f"GET /{'x' * 40_000} HTTP/1.1\nHost: localhost"
        )
        self.assertEqual(414, status)
        self.assert_alive()

    def test_what_is_no_http(self) -> None:
        for raw in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\0\0\0\0\r\n\r\n",
            b"HELO valence\r\n\r\n",
            b"GET\r\n\r\n",
        ):
            connection = self.connect()
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))
            self.assertNotIn(b"Traceback", answer)
            self.assertNotIn(b" 500 ", answer)
        self.assert_alive()

    def test_odd_targets(self) -> None:
        for target, wanted in (
            ("/v1/flavors/%00", 404),
            ("/v1/flavors/a%2Fb", 404),
            ("/v1/flavors/%ff", 400),
            ("/v1/flavors?name=%ff", 400),
            ("/v1/flavors/\xff", 400),
            ("/v1/../v1/flavors", 404),
            ("/v1/flavors/" + "x" * 5000, 404),
            ("/v1/flavors#a", 400),
            ("*", 400),
        ):
            status, _, body = self.send(
                f"GET {target} HTTP/1.1\nHost: localhost"
            )
            self.assertEqual(wanted, status, (target, body))
            self.assertNotIn(b"Traceback", body)

    def test_no_host(self) -> None:
        status, _, body = self.send("GET / HTTP/1.0")
        self.assertEqual(200, status, body)

    def test_head(self) -> None:
        connection = self.connect()
        request = b"HEAD /v1/flavors HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(2):
            # A body would be taken for the next answer.
            connection.sendall(request)
            status, answer, body = self.receive(connection, "HEAD")
            self.assertEqual((200, b""), (status, body))
            self.assertGreater(int(answer.headers["Content-Length"]), 0)

    def test_connection_is_kept_after_an_error(self) -> None:
        connection = self.connect()
        for _ in range(3):
            status, _, _ = self.send(
                f"{self.POST}Content-Length: 2", b"{}", connection
            )
            self.assertEqual(400, status)
        for path in ("/v1/none", "/v1/flavors"):
            status, _, _ = self.send(
                f"GET {path} HTTP/1.1\nHost: localhost", b"", connection
            )
        self.assertEqual(200, status)

    def test_many_clients_that_keep_their_connections(self) -> None:
        clients, requests = 20, 25
        barrier = threading.Barrier(clients)

        def client(number: int) -> list[int]:
            connection = http.client.HTTPConnection(*self.address, timeout=60)
            barrier.wait()
            found = []
            try:
                for n in range(requests):
                    name = f"many-{number}-{n}"
                    for method, path, body in (
                        (
                            "POST",
                            "/v1/flavors",
                            json.dumps({"name": name, "properties": {}}),
                        ),
                        ("GET", f"/v1/flavors/{name}", None),
                        ("DELETE", f"/v1/flavors/{name}", None),
                    ):
                        connection.request(
                            method,
                            path,
                            body,
                            {"Content-Type": "application/json"},
                        )
                        answer = connection.getresponse()
                        text = answer.read()
                        found.append(answer.status)
                        if method == "GET":
                            self.assertEqual(name, json.loads(text)["name"])
            finally:
                connection.close()
            return found

        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            found = list(pool.map(client, range(clients)))
        self.assertEqual([[201, 200, 204] * requests] * clients, found)

    def test_who_waits_leaves_threads_to_others(self) -> None:
        self.conf.set("api", max_wait=8)
        self.addCleanup(self.conf.set, "api", max_wait=1)
        waiting = [self.connect() for _ in range(30)]
        for connection in waiting:
            connection.sendall(
                b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\n"
                b"Prefer: wait=8\r\n"
                b"Content-Type: application/json\r\n"
                b"Content-Length: 2\r\n\r\n{}"
            )

        def answered() -> int:
            return len(select.select(waiting, [], [], 0)[0])

        # So many may wait; the others are answered at once.
        others = len(waiting) - CONF.api.max_waiting
        processes.poll(lambda: answered() == others, "the others have answers")
        self.assert_alive()
        self.assertEqual(others, answered())
        for connection in waiting:
            status, _, _ = self.receive(connection)
            self.assertEqual(202, status)
