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

"""Hardware that would do harm: each request ends in time, and is explained."""

import concurrent.futures
import functools
import http.server
import ipaddress
import itertools
import json
import logging
import socket
import threading
import time
import unittest.mock

import fixtures
import testtools

from valence import exception
from valence.drivers import redfishv1
from valence.drivers import sockets
from valence.drivers import transport
from valence.drivers import words
from valence.drivers.expether import client as eem_client
from valence.drivers.redfishv1 import connector
from valence.tests.unit.drivers import edge

HEAD = b"HTTP/1.1 200 OK\r\n"


class Raw:
    """Sends bytes as they are, each after a while, to whoever connects."""

    def __init__(self, parts, pause=0.0):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._parts = parts
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._stop.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(
                target=self._answer, args=(connection,), daemon=True
            ).start()

    def _answer(self, connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(65536)
            try:
                for part in self._parts():
                    connection.sendall(part)
                    if self._stop.wait(self._pause):
                        return
            except OSError:
                pass  # the client has heard enough

    def close(self):
        self._stop.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(60)


class Case(testtools.TestCase):
    """Each kind of client, against the same hardware."""

    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)

    def clients(self, **changed):
        """(what GETs '/a', what sends a change to it) of each driver."""
        connection = self.edge.connection(**changed)
        rsd = connector.Connector(connection)
        eem = eem_client.Client(connection)
        self.addCleanup(rsd.close)
        self.addCleanup(eem.close)
        return (
            (lambda: rsd.document("/a"), lambda: rsd.post("/a", data={})),
            (lambda: eem.get("a"), lambda: eem.put("a", {})),
        )

    def refused(self, kind, call):
        started = time.monotonic()
        error = self.assertRaises(kind, call)
        # What it would wait for, or count, takes minutes.
        self.assertLess(time.monotonic() - started, 30)
        self.assertLess(len(str(error)), 1000)
        for text in (str(error), repr(error), self.log.output):
            self.assertNotIn("s3cret-word", text)
        return str(error)


class TestTime(Case):
    def given_up(self, **changed):
        """What each client says, having waited for no longer than it may."""
        calls = itertools.chain(*self.clients(timeout=2.0, **changed))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return list(
                pool.map(
                    functools.partial(self.refused, exception.Unreachable),
                    calls,
                )
            )

    def silent(self, parts, pause=0.1):
        """Who sends so is given up in time, by each client."""
        raw = Raw(parts, pause)
        self.addCleanup(raw.close)
        for said in self.given_up(url=raw.url):
            self.assertIn("no answer within 2 s", said)

    @staticmethod
    def bytes_of(content):
        return lambda: (content[i : i + 1] for i in range(len(content)))

    def test_a_byte_a_while_of_the_status(self):
        self.silent(self.bytes_of(HEAD * 100))

    def test_a_byte_a_while_of_the_headers(self):
        self.silent(self.bytes_of(HEAD + b"X: " + b"y" * 5000))

    def test_headers_without_end(self):
        def parts():
            yield HEAD
            for number in range(90):
                yield b"X-%d: y\r\n" % number

        self.silent(parts, pause=1)

    def test_goes_on_and_on(self):
        """100 Continue may come any number of times."""

        def parts():
            while True:
                yield b"HTTP/1.1 100 Continue\r\n\r\n"

        self.silent(parts)
        self.silent(parts, pause=0)

    def test_a_byte_a_while_of_the_body(self):
        self.silent(
            self.bytes_of(HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000)
        )

    def test_a_byte_a_while_in_chunks(self):
        def parts():
            yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
            while True:
                yield b"1\r\n \r\n"

        self.silent(parts)

    def test_a_handshake_without_end(self):
        raw = Raw(self.bytes_of(b"\x16\x03\x03\x40\x00" + b"x" * 5000), 0.1)
        self.addCleanup(raw.close)
        url = raw.url.replace("http:", "https:")
        self.given_up(url=url)

    def test_addresses_that_do_not_answer_share_the_time(self):
        # One that is listened at and whose queue is full takes no more.
        full = socket.socket()
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        self.addCleanup(full.close)
        port = full.getsockname()[1]
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            self.addCleanup(waiting.close)
        item = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        with unittest.mock.patch.object(
            socket, "getaddrinfo", return_value=[item] * 10
        ):
            for said in self.given_up():
                self.assertIn("no connection within 2 s", said)


class TestSize(Case):
    def test_a_length_that_is_too_large(self):
        for length in (b"1073741824", b"9" * 100, b"9" * 60000):
            head = HEAD + b"Content-Length: " + length + b"\r\n\r\n"
            raw = Raw(lambda head=head: (head,))
            self.addCleanup(raw.close)
            for ways in self.clients(url=raw.url):
                for call in ways:
                    self.refused(exception.HardwareError, call)

    def test_much_that_is_packed_into_little(self):
        import gzip

        packed = gzip.compress(b" " * (32 * 1024 * 1024))
        self.edge.on(
            "GET",
            "/a",
            edge.Reply(body=packed, headers={"Content-Encoding": "gzip"}),
        )
        (rsd, _), _ = self.clients()
        self.assertIn("larger", self.refused(exception.BackendError, rsd))

    def test_json(self):
        depth = transport.MAX_LEVELS
        for content, wanted in (
            (b"[" * 10000 + b"]" * 10000, "deeper"),
            (b'{"a":' * 10000 + b"1" + b"}" * 10000, "deeper"),
            (b"[" * (depth + 1) + b"]" * (depth + 1), "deeper"),
            (b"[" + b"[]," * 1_500_000 + b"[]]", "more than"),
            (b"[" * 10000, "deeper"),
        ):
            if content.endswith(b"["):
                # Not even JSON; where the parser gives up is its affair.
                self.assertRaises(ValueError, transport.parse, content)
                continue
            error = self.assertRaises(
                transport.TooMuch, transport.parse, content
            )
            self.assertIn(wanted, str(error))
            self.edge.on("GET", "/a", edge.Reply(body=content))
            self.edge.on("GET", "/a", edge.Reply(body=content))
            (rsd, _), _ = self.clients()
            self.assertIn(wanted, self.refused(exception.BackendError, rsd))
        transport.parse(b"[" * depth + b"]" * depth)

    def test_a_number_without_end(self):
        self.assertRaises(ValueError, transport.parse, b"9" * 1_000_000)

    def test_pages_take_no_time(self):
        """Where tags are looked for in what has none, or nothing else."""
        for content in (
            b"<" * 1_000_000,
            b"<title>" * 200_000,
            b"<script " * 200_000,
            b"<title" * 200_000,
            b"&" * 1_000_000,
        ):
            for status in (200, 500):
                for method in ("GET", "POST", "PUT"):
                    for path in ("/a", "/redfish/v1/a"):
                        self.edge.on(
                            method, path, edge.Reply(status, body=content)
                        )
                for ways in self.clients():
                    self.refused(exception.HardwareError, ways[0])
                    if status == 500:
                        self.refused(exception.HardwareError, ways[1])


class TestPlaces(Case):
    def network(self, *texts):
        return tuple(map(ipaddress.ip_network, texts))

    def test_networks(self):
        self.edge.on("GET", "/a", edge.Reply(document={"Id": "1"}))
        for texts in (
            (),
            ("127.0.0.0/8",),
            ("192.0.2.0/24", "127.0.0.1/32"),
        ):
            for get, _ in self.clients(allowed_networks=self.network(*texts)):
                self.assertEqual({"Id": "1"}, get())
        self.edge.requests.clear()
        for texts in (("192.0.2.0/24",), ("::/0",), ("127.0.0.2/31",)):
            for ways in self.clients(allowed_networks=self.network(*texts)):
                for call in ways:
                    said = self.refused(exception.Unreachable, call)
                    self.assertIn("in none of the networks", said)
                    error = self.assertRaises(exception.Unreachable, call)
                    self.assertFalse(error.maybe_done)
        self.assertEqual([], self.edge.requests)

    def test_the_address_that_is_looked_at_is_connected_to(self):
        """A name that has another address each time leads nowhere else."""
        port = self.edge.port
        inside = (
            socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            ("127.0.0.1", port),
        )
        outside = (
            socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            ("127.0.0.9", port),
        )
        answers = [[outside], [inside], [outside, inside]] * 10

        def resolve(*args, **kwargs):
            return answers.pop(0)

        self.edge.on("GET", "/a", edge.Reply(document={"Id": "1"}))
        connected = []
        connect = socket.socket.connect

        class Watched(socket.socket):
            def connect(self, address):
                connected.append(address[0])
                return connect(self, address)

        with (
            unittest.mock.patch.object(socket, "getaddrinfo", resolve),
            unittest.mock.patch.object(sockets.socket, "socket", Watched),
        ):
            for _ in range(3):
                for get, _ in self.clients(
                    url=f"http://rebinds.example:{port}",
                    allowed_networks=self.network("127.0.0.1/32"),
                ):
                    try:
                        get()
                    except exception.Unreachable as e:
                        self.assertIn("in none of the networks", str(e))
        self.assertEqual({"127.0.0.1"}, set(connected))

    def test_an_ipv4_address_in_other_clothes(self):
        from valence import networks

        allowed = self.network("10.0.0.0/8")
        self.assertTrue(networks.is_within("::ffff:10.0.0.1", allowed))
        self.assertFalse(networks.is_within("::ffff:169.254.169.254", allowed))
        self.assertFalse(
            networks.is_within("::ffff:169.254.169.254", self.network("::/0"))
        )
        self.assertTrue(
            networks.is_within("fe80::1%eth0", self.network("fe80::/10"))
        )

    def test_no_proxy_of_the_environment_is_used(self):
        seen = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.path)

            do_CONNECT = do_POST = do_PUT = do_GET

        proxy = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        url = f"http://127.0.0.1:{proxy.server_address[1]}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            self.useFixture(fixtures.EnvironmentVariable(name, url))
        for name in ("NO_PROXY", "no_proxy"):
            self.useFixture(fixtures.EnvironmentVariable(name, None))
        self.edge.on("GET", "/a", edge.Reply(document={"Id": "1"}))
        for get, _ in self.clients():
            self.assertEqual({"Id": "1"}, get())
        self.assertEqual([], seen)


class TestWords(Case):
    def test_a_password_is_found_however_it_is_written(self):
        """Also where the answer is cut short in the middle of it."""
        password = 's3cret-word "&<>\\/é%  z'
        for said in (
            password,
            json.dumps(password),
            json.dumps({"message": password}),
            json.dumps({"message": "x" * (words.MAX_REASON - 6) + password}),
            json.dumps({"code": password, "message": "no"}),
            f"<html><title>Bad {password}</title>",
            "<p>Bad s3cret-word &quot;&amp;&lt;&gt;\\/é%  z</p>",
            "s3cret-word%20%22%26%3C%3E%5C%2F%C3%A9%25%20%20z",
            "YWRtaW46czNjcmV0LXdvcmQgIiY8PlwvwSBwb29y",
        ):
            body = said.encode()
            for status in (200, 400, 401, 500):
                for method in ("GET", "POST", "PUT"):
                    self.edge.on(method, "/a", edge.Reply(status, body=body))
                for get, change in self.clients(password=password):
                    try:
                        get()
                    except exception.HardwareError as e:
                        self.assertNotIn("s3cret", str(e), said)
                    if status > 200:
                        self.refused(exception.HardwareError, change)
        self.assertNotIn("s3cret", self.log.output)

    def test_a_short_password_hides_no_message(self):
        self.edge.on(
            "GET", "/a", edge.Reply(500, {"message": "disk e is full"})
        )
        (rsd, _), _ = self.clients(password="e")
        said = self.refused(exception.BackendError, rsd)
        self.assertIn("disk *** is full", said)


class TestLists(testtools.TestCase):
    """Of a pod that answers in time, and never comes to an end."""

    def setUp(self):
        super().setUp()
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.driver = redfishv1.RedfishV1Driver(self.edge.connection())
        self.addCleanup(self.driver.close)
        self.edge.documents({edge.ROOT: edge.root()})

    def refused(self, kind):
        started = time.monotonic()
        error = self.assertRaises(kind, self.driver.list_nodes)
        self.assertLess(time.monotonic() - started, 30)
        return str(error)

    def slow(self, path, document):
        self.edge.on("GET", path, edge.Reply(document=document, delay=0.5))

    def test_pages(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.drivers.redfishv1.resources.READ_TIMEOUT", 0.3
            )
        )
        for number in range(200):
            here = f"/page{number}" if number else f"{edge.ROOT}/Nodes"
            following = edge.link(f"/page{number + 1}")
            self.slow(
                here, edge.nodes(**{"Members@odata.nextLink": following})
            )
        self.assertIn(
            "still being read", self.refused(exception.HardwareTimeout)
        )

    def test_members(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                "valence.drivers.redfishv1.resources.READ_TIMEOUT", 0.3
            )
        )
        paths = [f"{edge.ROOT}/Nodes/{number}" for number in range(200)]
        self.edge.documents({f"{edge.ROOT}/Nodes": edge.nodes(*paths)})
        for path in paths:
            self.slow(path, edge.node())
        self.assertIn(
            "still being read", self.refused(exception.HardwareTimeout)
        )

    def test_more_members_than_there_can_be(self):
        self.edge.documents(
            {
                f"{edge.ROOT}/Nodes": edge.nodes(
                    *(f"/n/{number}" for number in range(20_001))
                )
            }
        )
        self.assertIn("20000 members", self.refused(exception.BackendError))

    def test_a_link_that_is_too_long(self):
        self.edge.documents(
            {f"{edge.ROOT}/Nodes": edge.nodes("/n/" + "x" * 300)}
        )
        self.assertIn("longer than", self.refused(exception.BackendError))

    def test_values_that_no_database_keeps(self):
        path = f"{edge.ROOT}/Nodes/1"
        self.edge.documents(
            {
                f"{edge.ROOT}/Nodes": edge.nodes(path),
                path: edge.node(
                    Name="x" * 100_000,
                    Memory={"TotalSystemMemoryGiB": 1e300},
                ),
            }
        )
        (node,) = self.driver.list_nodes()
        self.assertEqual("x" * transport.MAX_TEXT, node.name)
        self.assertIsNone(node.memory_mib)
