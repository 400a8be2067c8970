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

"""HTTP with an ExpEther Manager: every request bounded, no surprises."""

import base64
import collections.abc
import html
import http
from http import cookiejar
import json
import logging
import re
import ssl
import threading
import time
import typing
from urllib import parse

import requests
from requests import adapters
import urllib3

from valence import exception
from valence.drivers import base

LOG = logging.getLogger(__name__)

#: More tries after the first, of a request that only reads.
RETRIES = 2
#: The most that is waited before such a try.
MAX_RETRY_WAIT = 1.0
#: The most that one answer may weigh. EEM has no pages: a device takes about
#: 2 kB, and there may be 4,077 servers with 16 devices each, in theory.
MAX_BODY = 128 * 1024 * 1024
#: Sockets that are kept; more than the threads of one driver use at once.
POOL_SIZE = 16
#: The most of the hardware's words that goes into one message.
MAX_REASON = 500
#: The code of a refusal because EEM's view has changed meanwhile.
STALE = "50003"

_BUSY = frozenset({429, 503})
#: What is raised before a request has left.
_NOT_SENT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    ConnectionRefusedError,
    UnicodeError,
)
_TIMED_OUT = (
    requests.exceptions.Timeout,
    urllib3.exceptions.TimeoutError,
    TimeoutError,
)

Document = dict[str, typing.Any]


def malformed(what: str) -> exception.BackendError:
    """The error for an answer that succeeded and makes no sense."""
    return exception.BackendError(
        f"The ExpEther Manager's answer makes no sense: {what}",
        http_status=200,
        reason=what,
    )


class _Busy(Exception):
    """Worth another try, if what was asked only reads."""

    def __init__(self, error: exception.HardwareError) -> None:
        super().__init__()
        self.error = error


class Client:
    """One EEM; constructing it does no I/O. Fit for several threads.

    GET is tried again, ``RETRIES`` times, after a connection that broke or
    an answer that says it is busy; PUT and DELETE never are. Redirects are
    not followed, and errors are those of :mod:`valence.exception`, without
    the password.
    """

    def __init__(self, connection: base.Connection) -> None:
        try:
            url = parse.urlsplit(connection.url.strip())
            if url.scheme not in ("http", "https") or not url.hostname:
                raise ValueError
            host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
            port = f":{url.port}" if url.port else ""
        except ValueError:
            self.url = None
        else:
            # Rebuilt: a user and a password in the url are left behind.
            path = url.path.rstrip("/")
            self.url = f"{url.scheme}://{host}{port}{path}"
        self._timeout = connection.timeout
        self._retry_wait = min(connection.poll_interval, MAX_RETRY_WAIT)
        self._closed = threading.Event()
        self._session = requests.Session()
        self._session.verify = connection.verify
        self._verify = connection.verify
        self._session.cookies.set_policy(
            cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )
        adapter = adapters.HTTPAdapter(
            pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # A function, also without credentials, or requests reads ~/.netrc.
        self._session.auth = self._authorize
        self._authorization = ""
        self._secrets: list[str] = []
        if connection.username or connection.password:
            pair = f"{connection.username or ''}:{connection.password or ''}"
            token = base64.b64encode(pair.encode()).decode()
            self._authorization = f"Basic {token}"
            self._secrets = [token]
            if connection.password:
                self._secrets.append(connection.password)

    def close(self) -> None:
        """Close the sockets; requests under way end on their own."""
        self._closed.set()
        self._session.close()

    # -- requests ------------------------------------------------------------

    def get(self, path: str, **query: str) -> Document:
        """GET a document.

        :param path: below the url of the EEM, quoted
        """
        for left in range(RETRIES, -1, -1):
            try:
                content = self._send("GET", path, query=query)
                break
            except _Busy as busy:
                if not left:
                    raise busy.error from None
                self._closed.wait(self._retry_wait)
        document = _json(content)
        if not isinstance(document, dict):
            said = self._redact(_reason(content)) or "nothing"
            raise malformed(
                f"a JSON object is expected at {path}, and it sends: {said}"
            )
        return document

    def put(self, path: str, document: Document) -> Document:
        """PUT; what it answers, {} where that is nothing or no object."""
        return self._change("PUT", path, document)

    def delete(self, path: str, **query: str) -> Document:
        return self._change("DELETE", path, query=query)

    def _change(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        query: dict[str, str] | None = None,
    ) -> Document:
        try:
            content = self._send(method, path, document, query)
        except _Busy as busy:
            raise busy.error from None
        answer = _json(content)
        return answer if isinstance(answer, dict) else {}

    def _send(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        query: dict[str, str] | None = None,
    ) -> bytes:
        if self.url is None:
            raise exception.Unreachable(
                reason="the url is not valid; give http://HOST:PORT/eem"
            )
        started = time.monotonic()
        try:
            response = self._session.request(
                method,
                f"{self.url}/{path}",
                params=query,
                json=document,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                # Given here, or the environment's REQUESTS_CA_BUNDLE has
                # the last word on False.
                verify=self._verify,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            try:
                content = _read(response, started + self._timeout)
            finally:
                response.close()
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            UnicodeError,
        ) as error:
            # OSError: a CA bundle that is not there. UnicodeError: a host
            # name that IDNA refuses.
            raise self._broken(method, error) from None
        LOG.debug(
            "%s %s/%s: %d in %.3f s",
            method,
            self.url,
            path,
            response.status_code,
            time.monotonic() - started,
        )
        if response.status_code >= 300:
            refusal = self._refusal(response.status_code, path, content)
            if response.status_code in _BUSY:
                raise _Busy(refusal)
            raise refusal
        return content

    def _authorize(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    # -- errors --------------------------------------------------------------

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _refusal(
        self, status: int, path: str, content: bytes
    ) -> exception.HardwareError:
        """(EEM REST API v1.0.8, errors: {"code": "40400", "message"}.)

        The code is the status with two more digits; 401 has no such body.
        """
        document = _json(content)
        code = document.get("code") if isinstance(document, dict) else None
        said = self._redact(_reason(content)) or _phrase(status)
        if code is not None:
            said = f"{said} (code {code})"
        else:
            said = f"{said} (HTTP {status})"
        if status < 400:
            return exception.BackendError(
                http_status=status,
                reason="it redirects to where Valence does not follow",
            )
        if status == 401:
            return exception.AuthFailure(reason=said)
        if status == 403:
            return exception.AuthFailure(
                "The ExpEther Manager does not allow this to the user that "
                f"Valence logs in as: {said}",
                reason=said,
            )
        if status in (404, 410):
            return exception.HardwareNotFound(noun="resource", ident=path)
        if status in (405, 501):
            return exception.HardwareNotSupported(reason=said)
        if status in (409, 412, 423):
            return exception.HardwareConflict(reason=said)
        if status < 500 and status not in (408, 425, 429):
            return exception.HardwareBadRequest(reason=said)
        return exception.BackendError(
            http_status=status, reason=said, code=str(code)
        )

    def _broken(self, method: str, error: Exception) -> Exception:
        """What a failure of the transport means."""
        causes = list(_causes(error))

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        sent = not has(*_NOT_SENT)
        again = False
        tls = [cause for cause in causes if isinstance(cause, ssl.SSLError)]
        if tls and not has(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            text, sent = _tls_reason(tls[0])
        elif has(urllib3.exceptions.NameResolutionError):
            text = "its host name is not known"
        elif has(ConnectionRefusedError):
            text = "connection refused"
        elif has(urllib3.exceptions.ProxyError):
            text = "the proxy does not connect"
        elif has(urllib3.exceptions.NewConnectionError):
            text = "no route to it"
        elif has(*_TIMED_OUT):
            what = "answer" if sent else "connection"
            text = f"no {what} within {self._timeout:g} s"
        elif not sent:
            text = "the url is not valid"
        elif isinstance(error, OSError) and not isinstance(
            error, requests.RequestException | ConnectionError
        ):
            text, sent = "the CA bundle cannot be read", False
        else:
            text, again = "it closed the connection without an answer", True
        unreachable = exception.Unreachable(
            reason=self._redact(text), maybe_done=sent and method != "GET"
        )
        return _Busy(unreachable) if again else unreachable


def is_stale(error: exception.HardwareError) -> bool:
    """Whether EEM asks to read again and repeat (code 50003)."""
    return error.values.get("code") == STALE


def _read(response: requests.Response, deadline: float) -> bytes:
    """Read the body, however slowly it drips, until ``deadline``."""
    chunks: list[bytes] = []
    size = 0
    while True:
        # read1: what one recv() brings. A timeout of requests bounds one
        # recv(), so a server that sends a byte a second would be heard for
        # ever.
        chunk = response.raw.read1(65536, decode_content=True)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise malformed(
                f"it is larger than {MAX_BODY // 1024 // 1024} MiB"
            )
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout


def _json(content: bytes) -> object:
    """The JSON in a body, None where it is no JSON."""
    try:
        return typing.cast(object, json.loads(content))
    except (ValueError, RecursionError):
        return None


def _reason(content: bytes) -> str:
    """What the body of a refusal says, in one line; '' where it is mute."""
    document = _json(content)
    if isinstance(document, dict):
        said = document.get("message") or ""
    elif document is not None:
        said = document
    else:
        said = content[:65536].decode("utf-8", "replace")
        title = re.search(r"(?is)<title[^>]*>(.*?)</title", said)
        said = title.group(1) if title else said
        said = html.unescape(re.sub(r"<[^>]*>", " ", said))
    text = "".join(c if c.isprintable() else " " for c in str(said))
    text = " ".join(text.split())
    if len(text) > MAX_REASON:
        text = text[: MAX_REASON - 1].rstrip() + "…"
    return text


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "it gave no reason"


def _tls_reason(error: ssl.SSLError) -> tuple[str, bool]:
    """Why TLS failed, and whether the request may have been sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate is not trusted ({error.verify_message})",
            False,
        )
    if error.library in ("X509", "PEM"):
        return "the CA bundle cannot be read", False
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "it does not speak TLS (an http:// url?)", False
    text = (error.reason or "connection closed").replace("_", " ").lower()
    return f"TLS failed ({text})", True


def _causes(
    error: BaseException,
) -> collections.abc.Iterator[BaseException]:
    """``error`` and all that it wraps.

    requests and urllib3 put the cause in ``args``, ``reason`` or the chain.
    """
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        item = todo.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        todo += [*item.args, getattr(item, "reason", None)]
        todo += [item.__cause__, item.__context__]
