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

"""A safe HTTP session to one pod manager: bounded, and no surprises."""

import base64
import collections.abc
import dataclasses
import html
from http import cookiejar
import json
import logging
import ssl
import threading
import time
import typing
from urllib import parse as urls

import requests
import urllib3

from valence import exception
from valence.drivers import base
from valence.drivers import sockets
from valence.drivers import words

LOG = logging.getLogger(__name__)

#: More tries after the first, of a request that is safe to repeat.
RETRIES = 2
#: The most that is waited before such a try. Intel RSD 2.4 sends
#: "Retry-After: 30" with a 503; a thread that sleeps for half a minute helps
#: nobody, so the error goes up soon, and who waits for a state comes back by
#: itself.
MAX_RETRY_WAIT = 1.0
#: Sockets that are kept; more than the threads of one driver use at once.
POOL_SIZE = 16
#: The most characters of one text, such as a model, that are kept.
MAX_TEXT = 1024
#: No document of hardware is nested deeper, or has more in it: values of a
#: few bytes take a hundred each in memory.
MAX_LEVELS = 64
MAX_VALUES = 2_000_000
#: What HTTP's schemes stand for where a url names no port.
PORTS = {"http": 80, "https": 443}
#: Methods that change nothing.
READS = frozenset({"GET", "HEAD"})

#: Characters of a secret that does not stand in an answer by chance.
_TELLING = 6
_BUSY = frozenset({429, 503})
#: What is raised before a request has left.
_NOT_SENT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ConnectionRefusedError,
    UnicodeError,
)
_TIMED_OUT = (
    requests.exceptions.Timeout,
    urllib3.exceptions.TimeoutError,
    TimeoutError,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """Where a pod manager is."""

    scheme: str
    host: str
    port: int | None
    #: Without the slash at its end.
    path: str

    @property
    def origin(self) -> str:
        """The url without a path, rebuilt, so without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}"


def site(url: str) -> Site | None:
    """What an operator's url names, None where it is no url of HTTP.

    A user and a password in it are left behind.
    """
    try:
        found = urls.urlsplit(url.strip())
        if found.scheme not in PORTS or not found.hostname:
            return None
        return Site(
            found.scheme, found.hostname, found.port, found.path.rstrip("/")
        )
    except ValueError:
        return None


#: Finds in the body of an answer what it says, in one line.
Reason = collections.abc.Callable[[bytes], str]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that was read to its end."""

    status_code: int
    headers: collections.abc.Mapping[str, str]
    content: bytes


class Cut(Exception):
    """There is no answer.

    :ivar error: what it means
    :ivar again: whether another try makes sense
    :ivar tls: OpenSSL's name of why TLS failed, '' where it did not
    """

    def __init__(
        self, error: exception.Unreachable, *, again: bool, tls: str
    ) -> None:
        super().__init__()
        self.error = error
        self.again = again
        self.tls = tls


class TooLarge(Exception):
    """An answer weighs more than it may; its text says so."""


class Session:
    """HTTP with one pod manager; constructing it does no I/O.

    Fit for several threads. A request, its answer included, is given up after
    about ``timeout``. Redirects are not followed, cookies not kept, no proxy
    of the environment is used, and no credentials but those of the connection,
    which :meth:`redact` hides. It leads to the connection's networks only.

    :param session: one of a library, to be made safe; a new one without it
    """

    def __init__(
        self,
        connection: base.Connection,
        session: requests.Session | None = None,
    ) -> None:
        self._timeout = connection.timeout
        self._retry_wait = min(connection.poll_interval, MAX_RETRY_WAIT)
        self._closed = threading.Event()
        self._session = session or requests.Session()
        self._session.verify = connection.verify
        self._session.cookies.set_policy(
            cookiejar.DefaultCookiePolicy(allowed_domains=[])
        )
        adapter = sockets.adapter(connection.allowed_networks, POOL_SIZE)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # Neither ~/.netrc nor a proxy, nor another CA bundle.
        self._session.trust_env = False
        self._session.auth = self._authorize
        self._authorization = ""
        self._secrets: frozenset[str] = frozenset()
        if connection.authentication != "basic":
            self.hide(connection.password)
        elif connection.username or connection.password:
            # As UTF-8 (RFC 7617), where requests would choose Latin-1 and
            # fail on the rest.
            pair = f"{connection.username or ''}:{connection.password or ''}"
            token = base64.b64encode(pair.encode()).decode()
            self._authorization = f"Basic {token}"
            self.hide(token, connection.password)

    def close(self) -> None:
        """Close the sockets; requests under way end on their own."""
        self._closed.set()
        self._session.close()

    def pause(self) -> None:
        """Wait before another try, until close() at the most."""
        self._closed.wait(self._retry_wait)

    def redact(self, text: str) -> str:
        """``text`` without what nobody may read."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def said(self, answer: Answer, reason: Reason) -> str:
        """What an answer says, without what nobody may read.

        :param reason: finds it in the answer, and may cut it short
        """
        content = answer.content
        # Before it is cut, perhaps in the middle of one. Shorter ones may
        # stand in what the answer is written in.
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= _TELLING:
                content = content.replace(secret.encode(), b"***")
        return self.redact(reason(content))

    def hide(self, *secrets: str | None) -> None:
        """Have redact() find secrets, however they are written down."""
        self._secrets |= {
            form
            for secret in secrets
            if secret
            for form in (
                secret,
                words.line(secret),
                html.escape(secret),
                json.dumps(secret)[1:-1],
                json.dumps(secret, ensure_ascii=False)[1:-1],
                urls.quote(secret, safe=""),
                urls.quote_plus(secret),
            )
            if form
        }

    def send(
        self,
        method: str,
        url: str,
        *,
        most: int,
        document: typing.Any = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request once, and read its answer.

        :param most: bytes that the body of the answer may have
        :param document: JSON to send
        :param headers: besides those that ask for plain JSON
        :param timeout: another than the connection's
        :raises: Cut, TooLarge
        """
        timeout = timeout or self._timeout
        started = time.monotonic()
        try:
            response = self._session.request(
                method,
                url,
                params=query,
                json=document,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    **(headers or {}),
                },
                timeout=typing.cast(float, sockets.total(timeout)),
                allow_redirects=False,
                stream=True,
            )
            try:
                content = _read(response, most)
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
            raise self._broken(method, error, timeout) from None
        LOG.debug(
            "%s %s: %d in %.3f s",
            method,
            url,
            response.status_code,
            time.monotonic() - started,
        )
        return Answer(response.status_code, response.headers, content)

    def _authorize(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    def _broken(self, method: str, error: Exception, timeout: float) -> Cut:
        """What a failure of the transport means."""
        chain = list(causes(error))

        def has(*kinds: type[BaseException]) -> bool:
            return any(isinstance(cause, kinds) for cause in chain)

        sent = not has(*_NOT_SENT)
        again = False
        tls = [
            cause
            for cause in chain
            if isinstance(cause, ssl.SSLError)
            and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        ]
        if tls:
            text, sent = _tls_reason(tls[0])
        elif has(sockets.Elsewhere):
            text = "it is in none of the networks that pod managers may be in"
        elif has(urllib3.exceptions.NameResolutionError):
            text = "its host name is not known"
        elif has(ConnectionRefusedError):
            text = "connection refused"
        elif has(urllib3.exceptions.NewConnectionError):
            text = "no route to it"
        elif has(*_TIMED_OUT):
            what = "answer" if sent else "connection"
            text = f"no {what} within {timeout:g} s"
        elif not sent:
            text = "the url is not valid"
        elif isinstance(error, OSError) and not isinstance(
            error, requests.RequestException | ConnectionError
        ):
            text, sent = "the CA bundle cannot be read", False
        else:
            text, again = "it closed the connection without an answer", True
        return Cut(
            exception.Unreachable(
                reason=self.redact(text),
                maybe_done=sent and method not in READS,
            ),
            again=again,
            tls=(tls[0].reason or "") if tls else "",
        )


Got = typing.TypeVar("Got", bound=Answer)


def insist(
    once: collections.abc.Callable[[], Got],
    retries: int,
    pause: collections.abc.Callable[[], None],
) -> Got:
    """Ask once, and again where the connection broke or the answer is 'busy'.

    :param retries: more tries after the first; none for what must not be
        repeated
    :raises: Unreachable, with ``maybe_done`` of all tries: one that was
        refused undoes none that was cut
    """
    maybe_done = False
    while True:
        try:
            answer = once()
        except Cut as cut:
            maybe_done = maybe_done or cut.error.maybe_done
            if not (cut.again and retries):
                cut.error.maybe_done = maybe_done
                raise cut.error from None
        else:
            if not (answer.status_code in _BUSY and retries):
                return answer
        retries -= 1
        pause()


class TooMuch(ValueError):
    """JSON that no hardware has a reason to send; its text says why."""


def parse(content: bytes) -> typing.Any:
    """The JSON in ``content``.

    :raises: ValueError for whatever is not JSON, and of that TooMuch for
        bottomless JSON and such as would fill the memory
    """
    # No fewer than there are values, whatever of it stands in texts.
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise TooMuch(f"it holds more than {MAX_VALUES} values")
    try:
        document = json.loads(content)
        levels = _levels(document)
    except RecursionError:
        levels = MAX_LEVELS + 1
    if levels > MAX_LEVELS:
        raise TooMuch(f"it is nested deeper than {MAX_LEVELS} levels")
    return document


def _levels(document: object) -> int:
    """How deeply something is nested, up to one more than may be."""
    levels, items = 0, [document]
    while items and levels <= MAX_LEVELS:
        levels += 1
        items = [
            item
            for parent in items
            if isinstance(parent, dict | list)
            for item in (
                parent.values() if isinstance(parent, dict) else parent
            )
            if isinstance(item, dict | list)
        ]
    return levels


def malformed(who: str, what: str) -> exception.BackendError:
    """The error for an answer that succeeded and makes no sense."""
    return exception.BackendError(
        f"{who}'s answer makes no sense: {what}",
        http_status=200,
        reason=what,
    )


def _read(response: requests.Response, most: int) -> bytes:
    """Read the body, but not more than it may weigh."""
    too_large = TooLarge(f"it is larger than {most // 1024 // 1024} MiB")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > most):
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(65536, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise too_large
    return b"".join(chunks)


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


def causes(
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
