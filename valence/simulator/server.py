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

"""An HTTP(S) endpoint that can also misbehave, whatever it simulates."""

import abc
import base64
import collections.abc
import contextlib
import dataclasses
import hmac
import ipaddress
import itertools
import logging
import socket
import ssl
import struct
import threading
import time
import typing

import cheroot.wsgi
import webob

from valence.simulator import clock as clocks
from valence.simulator import control
from valence.simulator import faults
from valence.simulator import tls

LOG = logging.getLogger(__name__)

#: A pod that is polled for weeks must not fill the memory.
MAX_CALLS = 20000
#: Bytes that are sent at once of what is huge.
_CHUNK = 65536


class Cut(BaseException):
    """The connection is to be cut.

    Not an Exception, so that neither WebOb nor cheroot makes an answer of it.
    """


@dataclasses.dataclass
class Call:
    """A request that the endpoint has had."""

    method: str
    path: str
    query: str
    body: bytes
    #: Seconds since the epoch.
    time: float
    point: str | None
    #: None: not answered (yet).
    status: int | None = None


class Endpoint(abc.ABC):
    """One service on one port; what it simulates is its subclass's affair."""

    #: Path below which its protocol is served.
    base: str = ""
    #: Names of the things that can be asked of it, for faults.
    points: collections.abc.Collection[str] = ()

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: tls.Certificate | None = None,
        clock: clocks.Clock | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.clock = clock or clocks.Clock()
        self.faults = faults.Faults(self.points)
        #: What was asked of it, in order; the control API is left out.
        self.calls: list[Call] = []
        self._certificate = certificate
        self._server: _Server | None = None
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self.origin + self.base

    @property
    def origin(self) -> str:
        """Its address without a path; the control API is below it."""
        scheme = "https" if self._certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    def start(self) -> None:
        """Listen, on a free port if none was given and then always that."""
        self._stopping.clear()
        server = _Server((self.host, self.port), self, self._certificate)
        server.prepare()
        self.port = server.bind_addr[1]
        threading.Thread(
            target=server.serve, name=f"simulator-{self.port}", daemon=True
        ).start()
        self._server = server

    def stop(self) -> None:
        """Stop listening; what it simulates stays as it is."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __call__(
        self,
        environ: dict[str, typing.Any],
        start_response: collections.abc.Callable[..., typing.Any],
    ) -> collections.abc.Iterable[bytes]:
        # The client may go during a delay, and the act is done all the same.
        request = webob.Request(environ)
        request.make_body_seekable()
        started = time.monotonic()
        response = None
        try:
            path = path_of(request)
            if path == control.PREFIX or path.startswith(control.PREFIX + "/"):
                response = self._control(request)
            else:
                response = self._serve(request, path)
        finally:
            fault = environ.get("simulator.fault")
            LOG.info(
                "%s :%d %s %s %s %.3fs%s",
                request.remote_addr,
                self.port,
                request.method,
                # As it came, since a decoded path may hold line breaks.
                environ.get("REQUEST_URI", "?"),
                "cut" if response is None else response.status_int,
                time.monotonic() - started,
                f" (fault {fault.id})" if fault else "",
            )
        # Not response(environ, …): that makes a relative Location absolute.
        start_response(response.status, response.headerlist)
        return [] if request.method == "HEAD" else response.app_iter

    def _serve(self, request: webob.Request, path: str) -> webob.Response:
        point = self.point(request)
        call = Call(
            method=request.method,
            path=path,
            query=request.query_string,
            body=request.body,
            time=time.time(),
            point=point,
        )
        self.calls.append(call)
        if len(self.calls) > MAX_CALLS:
            del self.calls[: MAX_CALLS // 2]
        fault = self.faults.take(request.method, path, point)
        if fault is not None:
            request.environ["simulator.fault"] = fault
        response = self._respond(request, point, fault)
        call.status = response.status_int
        return response

    def _respond(
        self,
        request: webob.Request,
        point: str | None,
        fault: faults.Fault | None,
    ) -> webob.Response:
        if fault is None:
            return self._act(request, point, None)
        if fault.delay:
            self._stopping.wait(fault.delay)
        if fault.cut == "before":
            raise Cut()
        if fault.status is not None:
            response = self.refuse(fault.status, point)
        elif fault.redirect is not None:
            response = webob.Response(status=302, location=fault.redirect)
        else:
            response = self._act(request, point, fault.state)
        if fault.cut == "after":
            raise Cut()
        self._spoil(response, fault)
        return response

    def _spoil(self, response: webob.Response, fault: faults.Fault) -> None:
        """Make a body what no client expects."""
        if fault.body == "html":
            response.body = b"<html><body><h1>Gateway</h1></body></html>"
            response.content_type = "text/html"
        elif fault.body == "empty":
            response.body = b""
        elif fault.body == "deep":
            response.body = b"[" * faults.DEEP + b"]" * faults.DEEP
        elif fault.body == "huge":
            response.app_iter = itertools.repeat(
                b" " * _CHUNK, faults.HUGE // _CHUNK
            )
            response.content_length = None
        if fault.links:
            # Whatever is a path in it.
            origin = fault.links.rstrip("/").encode()
            response.body = response.body.replace(b'"/', b'"' + origin + b"/")
        if fault.drip:
            length = response.content_length
            response.app_iter = self._drip(response.app_iter, fault.drip)
            response.content_length = length

    def _drip(
        self, chunks: collections.abc.Iterable[bytes], seconds: float
    ) -> collections.abc.Iterator[bytes]:
        for chunk in chunks:
            for at in range(len(chunk)):
                yield chunk[at : at + 1]
                if self._stopping.wait(seconds):
                    return

    def _act(
        self, request: webob.Request, point: str | None, outcome: str | None
    ) -> webob.Response:
        if not self.authorized(request):
            return self.refuse(401, point)
        try:
            return self.answer(request, outcome)
        except Exception:
            LOG.exception("The simulator itself failed")
            return self.refuse(500, point)

    def _control(self, request: webob.Request) -> webob.Response:
        if not (_is_loopback(request.remote_addr) or self.authorized(request)):
            return control.refusal(
                401, "Give the endpoint's user and password."
            )
        return control.answer(self, request)

    # What a subclass is.

    @abc.abstractmethod
    def point(self, request: webob.Request) -> str | None:
        """The name of what is asked, one of :attr:`points`."""

    @abc.abstractmethod
    def authorized(self, request: webob.Request) -> bool:
        """Whether the request bears valid credentials."""

    @abc.abstractmethod
    def answer(
        self, request: webob.Request, outcome: str | None
    ) -> webob.Response:
        """Do what is asked.

        :param outcome: one of :data:`valence.simulator.faults.STATES` where
            the state that this leads to is not to come as it should
        """

    @abc.abstractmethod
    def refuse(self, status: int, point: str | None) -> webob.Response:
        """An error as the protocol puts it."""

    @abc.abstractmethod
    def describe(self) -> dict[str, typing.Any]:
        """Its state, for people; one list for each kind of thing."""

    @abc.abstractmethod
    def add(self, kind: str, values: dict[str, typing.Any]) -> object:
        """Put a thing in (ValueError, KeyError); the answer describes it."""

    @abc.abstractmethod
    def change(
        self, kind: str, thing: str, values: dict[str, typing.Any]
    ) -> object:
        """Change a thing (ValueError, KeyError); the answer describes it."""

    @abc.abstractmethod
    def remove(self, kind: str, thing: str) -> None:
        """Pull a thing out (ValueError, KeyError)."""


def path_of(request: webob.Request) -> str:
    """The decoded path; WebOb's own raises on what is not UTF-8."""
    raw: str = request.environ.get("PATH_INFO", "")
    return raw.encode("latin-1").decode("utf-8", "replace")


def basic_credentials(request: webob.Request) -> tuple[str, str] | None:
    """User and password of HTTP Basic authentication."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(
        " "
    )
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return None
    user, _, password = decoded.partition(":")
    return user, password


def is_user(request: webob.Request, username: str, password: str) -> bool:
    """Whether the Basic credentials are these."""
    given = basic_credentials(request)
    return given is not None and all(
        hmac.compare_digest(one.encode(), other.encode())
        for one, other in zip(given, (username, password), strict=True)
    )


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


class _Server(cheroot.wsgi.Server):
    """cheroot, with what a simulator wants different."""

    #: How often it looks whether it should stop.
    expiration_interval = 0.05
    keep_alive_conn_limit = 1000
    max_request_header_size = 64 * 1024
    max_request_body_size = 1024 * 1024

    def __init__(
        self,
        address: tuple[str, int],
        application: Endpoint,
        certificate: tls.Certificate | None,
    ) -> None:
        super().__init__(
            address,
            application,
            server_name="valence-simulator",
            request_queue_size=128,
            shutdown_timeout=2,
        )
        self.requests = _ThreadPerRequest(self)
        if certificate is not None:
            self.ssl_adapter = tls.Adapter(certificate)

    def error_log(
        self, msg: str = "", level: int = logging.INFO, traceback: bool = False
    ) -> None:
        LOG.log(level, "%s", msg, exc_info=traceback)


class _ThreadPerRequest:
    """Serves each request in a thread of its own.

    cheroot's pool has a fixed size, which requests under delay would use up,
    and takes a tenth of a second and more to start.
    """

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._busy: dict[threading.Thread, typing.Any] = {}

    def start(self) -> None:
        """There is nothing to prepare."""

    def put(self, connection: typing.Any) -> None:
        thread = threading.Thread(
            target=self._serve, args=(connection,), daemon=True
        )
        self._busy[thread] = connection
        thread.start()

    def stop(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        busy = dict(self._busy)
        for connection in busy.values():
            # Whoever waits for a request waits no longer; an answer can still
            # be written. Not connection.socket.shutdown(): on a TLS socket
            # that ends the encryption, too.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.socket, socket.SHUT_RD)
        for thread in busy:
            thread.join(max(0.0, end - time.monotonic()))

    def _serve(self, connection: typing.Any) -> None:
        sock = connection.socket
        keep = False
        try:
            if isinstance(sock, ssl.SSLSocket) and sock.version() is None:
                sock.do_handshake()
            keep = connection.communicate()
        except Cut:
            _reset(sock)
            return
        except OSError as error:
            LOG.info("%s: %s", connection.remote_addr, error)
        except Exception:
            LOG.exception("A connection failed")
        finally:
            self._busy.pop(threading.current_thread(), None)
        try:
            if keep:
                self._server.put_conn(connection)
            else:
                connection.close()
        except (OSError, ValueError) as error:
            LOG.debug("Closing a connection: %s", error)


def _reset(sock: socket.socket) -> None:
    """Close at once, so that the peer sees a reset and no answer."""
    sock.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    sock.close()
