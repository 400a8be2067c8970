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

"""Sockets to pod managers: to where they may lead, and for how long.

A timeout of requests and urllib3 bounds one recv(), and one try of each
address: a server that sends a byte a second, in its headers already, would be
listened to for ever. Here one deadline holds for looking up, connecting and
TLS, and one for the whole answer.
"""

import collections.abc
import functools
import http.client
import io
import socket
import time
import typing

from requests import adapters
import urllib3
from urllib3 import connection
from urllib3 import connectionpool
from urllib3 import exceptions
from urllib3 import util

from valence import networks as addresses

Networks: typing.TypeAlias = collections.abc.Collection[addresses.Network]


class Elsewhere(exceptions.NewConnectionError):
    """An address is in none of the networks that are allowed."""

    def __init__(self, pool: typing.Any, address: str) -> None:
        super().__init__(pool, f"{address} is not allowed")
        self.address = address


class _Timed(io.RawIOBase):
    """What is received until a deadline."""

    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, deadline: float
    ) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: typing.Any) -> int | None:
        self._sock.settimeout(_left(self._deadline))
        return typing.cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(
        self,
        deadline: float,
        sock: socket.socket,
        *args: typing.Any,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Timed(raw, sock, deadline))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Bounded(connection.HTTPConnection):
    #: Set by :func:`adapter`.
    networks: Networks = ()

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that is allowed and answers.

        The address that is looked at is that which is connected to, so a name
        that has another one the next time is of no use.
        """
        deadline = time.monotonic() + float(self.timeout or 0)
        try:
            found = socket.getaddrinfo(
                self._dns_host, self.port, type=socket.SOCK_STREAM
            )
        except socket.gaierror as e:
            raise exceptions.NameResolutionError(self.host, self, e) from e
        allowed = [
            item
            for item in found
            if addresses.is_within(str(item[4][0]), self.networks)
        ]
        if not allowed:
            raise Elsewhere(self, str(found[0][4][0]))
        failure: OSError | None = None
        for family, kind, protocol, _, address in allowed:
            try:
                sock = socket.socket(family, kind, protocol)
                try:
                    for option in self.socket_options or ():
                        sock.setsockopt(*option)
                    sock.settimeout(_left(deadline))
                    sock.connect(address)
                    # What is left is for TLS, which bounds its handshake.
                    sock.settimeout(_left(deadline))
                    return sock
                except BaseException:
                    sock.close()
                    raise
            except OSError as e:
                failure = e
        if isinstance(failure, TimeoutError):
            raise exceptions.ConnectTimeoutError(
                self, "no connection"
            ) from failure
        raise exceptions.NewConnectionError(
            self, f"no connection: {failure}"
        ) from failure

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        # With a total timeout, urllib3 has put here what is left of it.
        deadline = time.monotonic() + float(self.timeout or 0)
        self.response_class = functools.partial(  # type: ignore[assignment]
            _Answer, deadline
        )
        return super().getresponse()


class _BoundedTls(_Bounded, connection.HTTPSConnection):
    pass


def adapter(networks: Networks, sockets: int) -> adapters.HTTPAdapter:
    """An adapter for requests; its timeouts have to be :func:`total`.

    :param networks: where it may connect to; anywhere where none is given
    :param sockets: that are kept
    """
    made = adapters.HTTPAdapter(
        pool_connections=2, pool_maxsize=sockets, max_retries=0
    )
    made.poolmanager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__,
            (pool,),
            {
                "ConnectionCls": type(
                    kind.__name__, (kind,), {"networks": networks}
                )
            },
        )
        for scheme, pool, kind in (
            ("http", connectionpool.HTTPConnectionPool, _Bounded),
            ("https", connectionpool.HTTPSConnectionPool, _BoundedTls),
        )
    }
    return made


def total(seconds: float) -> util.Timeout:
    """A timeout of all of a request together."""
    return util.Timeout(total=seconds)
