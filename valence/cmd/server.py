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

"""A small WSGI server: for valence-api on its own, and standalone."""

import contextlib
import ctypes
import logging
import select
import socket
import struct
import sys
import threading
import time
import typing

from cheroot import makefile
from cheroot import server as cheroot_server
from cheroot import wsgi
from oslo_config import cfg
from oslo_log import log
from oslo_service import service

from valence import rpc
from valence.api import auth
from valence.db import engine
from valence.wsgi import wiring

CONF = cfg.CONF
LOG = log.getLogger(__name__)


#: SO_ATTACH_FILTER of Linux, and a filter of one instruction: drop.
_ATTACH_FILTER = 26
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)
#: Seconds in which a client that sends one request after the other over one
#: connection is told that it will be closed.
_PARTING = 0.3


#: Seconds that a client may take to send one request, however slowly it
#: drips; a thread is its own for that long.
_SENDING = 30
#: Bytes of the request line and the headers together.
_MOST_HEADERS = 32 * 1024


class _Socket(socket.SocketIO):
    """The stream of a socket, which has come to its end at a time."""

    #: Of time.monotonic().
    until = float("inf")

    def __init__(self, sock: socket.socket, mode: typing.Any) -> None:
        super().__init__(sock, mode)
        self._socket = sock

    def readinto(self, buffer: typing.Any) -> int | None:
        usual = self._socket.gettimeout() or float("inf")
        self._socket.settimeout(
            max(0.001, min(usual, self.until - time.monotonic()))
        )
        try:
            return super().readinto(buffer)
        finally:
            self._socket.settimeout(usual)


class _Reader(makefile.StreamReader):
    def __init__(
        self, sock: socket.socket, mode: str, buffer_size: int
    ) -> None:
        # Past its own, which would make a stream without an end.
        super(makefile.StreamReader, self).__init__(
            _Socket(sock, mode), buffer_size
        )
        self.bytes_read = 0


class _Connection(cheroot_server.HTTPConnection):
    def __init__(
        self, of: typing.Any, sock: socket.socket, *_args: typing.Any
    ) -> None:
        def stream(sock: socket.socket, mode: str, size: int) -> typing.Any:
            kind = _Reader if "r" in mode else makefile.StreamWriter
            return kind(sock, mode, size)

        super().__init__(of, sock, stream)

    def communicate(self) -> typing.Any:
        self.rfile.raw.until = time.monotonic() + _SENDING
        return super().communicate()


class Server(wsgi.Server):
    """cheroot, which answers also what it had not taken up when it stops."""

    ConnectionClass = _Connection
    max_request_header_size = _MOST_HEADERS
    _parting = False

    def error_log(
        self, msg: str = "", level: int = 20, traceback: bool = False
    ) -> None:
        """Into our log; what clients do to their connections is no error."""
        clients = isinstance(sys.exc_info()[1], OSError)
        LOG.log(
            logging.DEBUG if clients else level, "%s", msg, exc_info=traceback
        )

    @property
    def can_add_keepalive_connection(self) -> bool:
        return not self._parting and super().can_add_keepalive_connection

    def stop(self) -> None:
        """Let nobody else in, answer who is in, and close."""
        listening = self.socket
        if not self.ready or listening is None:
            return
        self._parting = True
        with contextlib.suppress(OSError):
            # Who knocks from now on is let in by nobody, not even by the
            # kernel, and refused as soon as this is closed. Without (which
            # is Linux's) a few may be cut.
            code = ctypes.create_string_buffer(_DROP)
            listening.setsockopt(
                socket.SOL_SOCKET,
                _ATTACH_FILTER,
                struct.pack("HL", 1, ctypes.addressof(code)),
            )
        time.sleep(_PARTING)
        while select.select([listening], [], [], 0)[0]:
            time.sleep(0.01)  # they stand in the queue of the kernel
        self.socket = None  # cheroot would connect to it, to wake itself
        listening.close()
        super().stop()


class ApiService(service.Service):
    """Serves the API with cheroot; holds only names until start()."""

    def __init__(self) -> None:
        super().__init__()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._server = make_server(wiring.wire())
        self._thread = serve(self._server)

    def stop(self, graceful: bool = True) -> None:
        """Answer what was accepted, then close."""
        if self._server is not None:
            self._server.stop()
        rpc.cleanup()
        engine.dispose()
        super().stop(graceful)

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()


def clients_are_known() -> None:
    """Exit with a reason where the API cannot tell who may ask for what."""
    if (problem := auth.problem()) is not None:
        sys.exit(problem)
    if (
        CONF.auth_strategy == "noauth"
        and not CONF.api.allow_remote_noauth
        and not auth.is_here(str(CONF.api.host))
    ):
        sys.exit(
            f"auth_strategy is noauth and [api]host is {CONF.api.host}: who "
            "reaches it would be the administrator. Listen on 127.0.0.1, "
            "choose another auth_strategy, or set [api]allow_remote_noauth."
        )


def address_is_free() -> None:
    """Exit with a reason where the API cannot listen."""
    family = socket.AF_INET6 if ":" in CONF.api.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((CONF.api.host, CONF.api.port))
        except OSError as e:
            sys.exit(
                f"Cannot listen on {CONF.api.host}:{CONF.api.port} "
                f"({e.strerror}): set [api]host and [api]port."
            )


def make_server(application: typing.Any) -> Server:
    """Bind; raises OSError where that cannot be."""
    server = Server(
        (CONF.api.host, CONF.api.port),
        application,
        numthreads=CONF.api.threads,
        request_queue_size=128,
        server_name="valence",
        # A wait may be this long, and the answer still be on its way.
        shutdown_timeout=CONF.api.max_wait + 5,
        reuse_port=CONF.api.workers > 1,
    )
    server.prepare()
    host, port = server.bind_addr[:2]
    LOG.info("The API listens on http://%s:%d", host, port)
    return server


def serve(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve, name="api", daemon=True)
    thread.start()
    return thread
