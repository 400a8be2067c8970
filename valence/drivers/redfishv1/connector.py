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

"""One pooled HTTP connection to a pod manager, on sushy's connector."""

import base64
import dataclasses
import http
from http import cookiejar
import logging
import ssl
import threading
import time
import typing
from urllib import parse

import requests
from requests import adapters
from sushy import connector as sushy_connector
import urllib3

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import errors

LOG = logging.getLogger(__name__)

#: More tries after the first, of a request that is safe to repeat.
RETRIES = 2
#: The most that is waited before such a try. RSD 2.4 sends "Retry-After: 30"
#: with a 503; a thread that sleeps for half a minute helps nobody, so the
#: error goes up soon, and who waits for a state comes back by itself.
MAX_RETRY_WAIT = 1.0
#: The most that one answer may weigh.
MAX_BODY = 16 * 1024 * 1024
#: Sockets that are kept; more than the threads of one driver use at once.
POOL_SIZE = 16
MAX_REDIRECTS = 3

_SAFE = frozenset({"GET", "HEAD", "DELETE"})
_READS = frozenset({"GET", "HEAD"})
_BUSY = frozenset({429, 503})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
#: What urllib3 raises before a request has left.
_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    ConnectionRefusedError,
)
#: Reasons of OpenSSL that end a handshake, so nothing has been asked yet.
_HANDSHAKE = frozenset(
    {
        "CERTIFICATE_VERIFY_FAILED",
        "WRONG_VERSION_NUMBER",
        "UNSUPPORTED_PROTOCOL",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "HTTP_REQUEST",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was read to its end; sushy may take it for one."""

    status_code: int
    headers: typing.Mapping[str, str]
    content: bytes
    path: str

    def json(self) -> dict[str, typing.Any]:
        """The document in the body.

        :raises: BackendError where there is none
        """
        try:
            document = errors.parse(self.content)
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document:
            said = errors.reason(self.content) or "nothing"
            raise errors.malformed(
                f"a Redfish document is expected at {self.path}, and it "
                f"sends: {said}"
            )
        return document


class _Cut(Exception):
    """The connection broke; ``error`` says how."""

    def __init__(
        self, error: exception.Unreachable, *, again: bool = False
    ) -> None:
        super().__init__()
        self.error = error
        self.again = again


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate with nothing; keeps requests from reading ~/.netrc."""
    return request


class Connector(sushy_connector.Connector):
    """sushy's connector with every request bounded and no surprises.

    What sushy's own ``_op`` does is replaced as a whole, because a pod
    manager is not a BMC. sushy 5.14 sends *every* method up to three times
    when a connection breaks, so that a POST to Allocate whose answer is lost
    composes two nodes; it calls itself again after vendors' error texts; it
    follows redirects and absolute links to any host, with the credentials;
    its errors fail on bodies that are not JSON objects; it logs bodies; and
    it asks the server to close the connection after each request. Here:

    * GET and DELETE are tried again, ``RETRIES`` times, after a connection
      that broke or a 503; POST and PATCH never are;
    * a request, its body included, is given up after about ``timeout``;
    * nothing leaves the origin (scheme, host, port) of the configured url;
    * errors are those of :mod:`valence.exception`, without the password.
    """

    def __init__(self, connection: base.Connection) -> None:
        self._invalid: str | None = None
        self.root_path = "/redfish/v1"
        try:
            url = parse.urlsplit(connection.url.strip())
            self._site = (url.scheme, url.hostname, url.port)
            if url.scheme not in _PORTS or not url.hostname:
                raise ValueError
        except ValueError:
            self._invalid = "the url is not valid; give https://HOST:PORT"
            self.origin = "https://invalid.invalid"
        else:
            host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
            port = f":{url.port}" if url.port else ""
            # Rebuilt: a user and a password in the url are left behind.
            self.origin = f"{url.scheme}://{host}{port}"
            path = url.path.rstrip("/")
            if path.endswith("/redfish/v1"):
                self.root_path = path
            else:
                self.root_path = path + "/redfish/v1"
        super().__init__(
            self.origin,
            verify=connection.verify,
            default_request_timeout=connection.timeout,
        )
        del self._session.headers["Connection"]  # sushy's "close"
        # Basic, as Intel RSD PODM takes it; as UTF-8 (RFC 7617), where
        # requests would choose Latin-1 and fail on the rest.
        self._secrets: list[str] = []
        if connection.username or connection.password:
            user = (connection.username or "").encode()
            password = (connection.password or "").encode()
            self.set_http_basic_auth(user, password)
            if connection.password:
                token = base64.b64encode(user + b":" + password).decode()
                self._secrets = [token, connection.password]
        else:
            self._session.auth = _anonymous
        self._session.cookies.set_policy(
            cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )
        adapter = adapters.HTTPAdapter(
            pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._timeout = connection.timeout
        self._retry_wait = min(connection.poll_interval, MAX_RETRY_WAIT)
        self._closed = threading.Event()

    def close(self) -> None:
        """Close the sockets; requests under way end on their own."""
        self._closed.set()
        super().close()

    # -- links ---------------------------------------------------------------

    def path_of(self, link: object) -> str:
        """The path of a link, without the slash at its end.

        :param link: an ``@odata.id``, a target or a Location, absolute or not
        :raises: BackendError where it leads to another server
        """
        if not isinstance(link, str) or not link.strip():
            raise errors.malformed(f"a link is {link!r:.80}")
        path = self._resolve(link, self.root_path)
        return path.rstrip("/") or "/"

    def _resolve(self, link: str, here: str) -> str:
        try:
            url = parse.urlsplit(
                parse.urljoin(self.origin + here, link.strip())
            )
            site = (url.scheme, url.hostname, url.port)
        except ValueError:
            raise errors.malformed(f"{link!r:.200} is not a link") from None
        if self._port(site) != self._port(self._site):
            raise errors.malformed(
                f"it links to another server, {url.scheme}://"
                f"{url.hostname}; Valence does not follow that"
            )
        path = url.path or "/"
        return f"{path}?{url.query}" if url.query else path

    @staticmethod
    def _port(
        site: tuple[str, str | None, int | None],
    ) -> tuple[str, str | None, int | None]:
        return site[0], site[1], site[2] or _PORTS.get(site[0])

    # -- requests ------------------------------------------------------------

    def document(self, link: str) -> dict[str, typing.Any]:
        """GET a document."""
        answer: Answer = self.get(link)
        return answer.json()

    def _op(
        self,
        method: str,
        path: str = "",
        data: object = None,
        headers: dict[str, str] | None = None,
        blocking: bool = False,
        timeout: float | None = None,
        **_: object,
    ) -> Answer:
        """Send a request and read its answer.

        This is what sushy's get(), post(), patch() and delete() call.
        ``blocking`` has no meaning: no RSD pod manager has tasks.

        :raises: HardwareError, of which Unreachable.maybe_done is never true
            for what only reads
        """
        if self._invalid is not None:
            raise exception.Unreachable(reason=self._invalid)
        path = self._resolve(path, self.root_path) if path else self.root_path
        tries = 1 + (RETRIES if method in _SAFE else 0)
        maybe_done = False
        while True:
            tries -= 1
            try:
                answer = self._follow(method, path, data, headers, timeout)
            except _Cut as cut:
                # Of all tries: one that was refused undoes none that was cut.
                maybe_done = maybe_done or cut.error.maybe_done
                if cut.again and tries:
                    self._pause()
                    continue
                cut.error.maybe_done = maybe_done
                raise cut.error from None
            if answer.status_code in _BUSY and tries:
                self._pause()
                continue
            break
        if answer.status_code >= 300:
            raise self._refusal(answer)
        return answer

    def _follow(
        self,
        method: str,
        path: str,
        data: object,
        headers: dict[str, str] | None,
        timeout: float | None,
    ) -> Answer:
        """Send once; a read follows redirects that stay on the server."""
        for _ in range(MAX_REDIRECTS):
            answer = self._send(method, path, data, headers, timeout)
            location = answer.headers.get("Location")
            if (
                method not in _READS
                or answer.status_code not in _REDIRECTS
                or not location
            ):
                break
            path = self._resolve(location, path)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        data: object,
        headers: dict[str, str] | None,
        timeout: float | None,
    ) -> Answer:
        timeout = timeout or self._timeout
        started = time.monotonic()
        try:
            response = self._session.request(
                method,
                self.origin + path,
                json=data,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "OData-Version": "4.0",
                    **(headers or {}),
                },
                verify=self._verify,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
            try:
                content = self._read(response, started + timeout)
            finally:
                response.close()
        except _Cut:
            raise
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            UnicodeError,
        ) as error:
            # OSError: a CA bundle that is not there. UnicodeError: a host
            # name that IDNA refuses.
            raise self._broken(method, error, timeout) from None
        LOG.debug(
            "%s %s%s: %d in %.3f s",
            method,
            self.origin,
            path,
            response.status_code,
            time.monotonic() - started,
        )
        return Answer(response.status_code, response.headers, content, path)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        """Read the body, however slowly it drips, until ``deadline``."""
        chunks: list[bytes] = []
        size = 0
        while True:
            # read1: what one recv() brings. A timeout of requests bounds one
            # recv(), so a server that sends a byte a second would be heard
            # for ever.
            chunk = response.raw.read1(65536, decode_content=True)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise errors.malformed(
                    f"it is larger than {MAX_BODY // 1024 // 1024} MiB"
                )
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout

    def _pause(self) -> None:
        """Wait before another try, until close() at the most."""
        self._closed.wait(self._retry_wait)

    # -- errors --------------------------------------------------------------

    def _refusal(self, answer: Answer) -> exception.HardwareError:
        status = answer.status_code
        if status < 400:
            said = "it redirects to where Valence does not follow"
        else:
            said = self._redact(errors.reason(answer.content))
        if not said:
            try:
                said = http.HTTPStatus(status).phrase
            except ValueError:
                said = ""
        return errors.for_status(status, said, "resource", answer.path)

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _broken(self, method: str, error: Exception, timeout: float) -> _Cut:
        """What a failure of the transport means."""
        causes = list(_causes(error))

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in causes)

        sent = not has(*_NOT_SENT)
        again = False
        tls = [
            cause
            for cause in causes
            if isinstance(cause, ssl.SSLError)
            and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        ]
        if tls:
            text, sent = _tls_reason(tls[0])
        elif has(requests.exceptions.ConnectTimeout):
            sent = False
            text = f"no connection within {timeout:g} s"
        elif has(
            requests.exceptions.ReadTimeout,
            urllib3.exceptions.ReadTimeoutError,
            TimeoutError,
        ):
            text = f"no answer within {timeout:g} s"
        elif has(urllib3.exceptions.NameResolutionError):
            text = "its host name is not known"
        elif has(ConnectionRefusedError):
            text = "connection refused"
        elif has(urllib3.exceptions.ProxyError):
            text = "the proxy does not connect"
        elif not sent:
            text = "no route to it"
        elif isinstance(
            error,
            requests.exceptions.InvalidURL
            | requests.exceptions.InvalidSchema
            | urllib3.exceptions.LocationValueError
            | UnicodeError,
        ):
            sent, text = False, "the url is not valid"
        elif isinstance(error, OSError) and not isinstance(
            error, requests.RequestException | ConnectionError
        ):
            sent, text = False, "the CA bundle cannot be read"
        else:
            again = True
            text = "it closed the connection without an answer"
        return _Cut(
            exception.Unreachable(
                reason=self._redact(text),
                maybe_done=sent and method not in _READS,
            ),
            again=again,
        )


def _tls_reason(error: ssl.SSLError) -> tuple[str, bool]:
    """Why TLS failed, and whether the request may have been sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its TLS certificate is not trusted ({error.verify_message})",
            False,
        )
    if error.library in ("X509", "PEM"):
        return "the CA bundle cannot be read", False
    name = error.reason or ""
    if name in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "it does not speak TLS (an http:// url?)", False
    text = name.replace("_", " ").lower() or "connection closed"
    return f"TLS failed ({text})", name not in _HANDSHAKE


def _causes(error: BaseException) -> typing.Iterator[BaseException]:
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
