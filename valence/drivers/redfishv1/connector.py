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

import dataclasses
import typing
from urllib import parse

from sushy import connector as sushy_connector

from valence import exception
from valence.drivers import base
from valence.drivers import transport
from valence.drivers import words
from valence.drivers.redfishv1 import errors
from valence.drivers.redfishv1 import login

#: The most that one answer may weigh.
MAX_BODY = 16 * 1024 * 1024
MAX_REDIRECTS = 3
#: The longest path; it tells devices apart, and is kept.
MAX_PATH = 255

_SAFE = frozenset({"GET", "HEAD", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Reasons of OpenSSL that end a handshake, so nothing has been asked yet.
_HANDSHAKE = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Answer(transport.Answer):
    """An HTTP answer that was read to its end; sushy may take it for one."""

    path: str
    session: transport.Session

    def said(self) -> str:
        return self.session.said(self, errors.reason)

    def json(self) -> dict[str, typing.Any]:
        """The document in the body.

        :raises: BackendError where there is none
        """
        try:
            document = transport.parse(self.content)
        except transport.TooMuch as error:
            raise errors.malformed(str(error)) from None
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document:
            said = self.said() or "nothing"
            raise errors.malformed(
                f"a Redfish document is expected at {self.path}, and it "
                f"sends: {said}"
            )
        return document


class Connector(sushy_connector.Connector):
    """sushy's connector with every request bounded and no surprises.

    What sushy's own ``_op`` does is replaced as a whole, because a pod
    manager is not a BMC. sushy 5.14 sends *every* method up to three times
    when a connection breaks, so that a POST to Allocate whose answer is lost
    composes two nodes; it calls itself again after vendors' error texts; it
    follows redirects and absolute links to any host, with the credentials;
    its errors fail on bodies that are not JSON objects; it logs bodies; and
    it asks the server to close the connection after each request. Here:

    * GET and DELETE are tried again, ``transport.RETRIES`` times, after a
      connection that broke or a 503; POST and PATCH never are;
    * a request, its body included, is given up after about ``timeout``;
    * nothing leaves the origin (scheme, host, port) of the configured url;
    * errors are those of :mod:`valence.exception`, without the password.
    """

    def __init__(self, connection: base.Connection) -> None:
        self._invalid: str | None = None
        self.root_path = "/redfish/v1"
        site = transport.site(connection.url)
        if site is None:
            self._invalid = "the url is not valid; give https://HOST:PORT"
            site = transport.Site("https", "invalid.invalid", None, "")
        elif site.path.endswith("/redfish/v1"):
            self.root_path = site.path
        else:
            self.root_path = site.path + "/redfish/v1"
        self.origin = site.origin
        self._site = (site.scheme, site.host, site.port)
        super().__init__(
            self.origin,
            verify=connection.verify,
            default_request_timeout=connection.timeout,
        )
        del self._session.headers["Connection"]  # sushy's "close"
        self._http = transport.Session(connection, self._session)
        #: Up to release 2.3 Intel RSD PODM takes Basic authentication only.
        self._login: login.Login | None = None
        if connection.authentication == "session":
            self._login = login.Login(self, connection)

    def close(self) -> None:
        """Log out and close the sockets; requests under way end by themselves.

        Cost: 1 where there is a session.
        """
        if self._login is not None:
            self._login.close()
        self._http.close()

    def hide(self, secret: str) -> None:
        """Let no message have it in it."""
        self._http.hide(secret)

    # -- links ---------------------------------------------------------------

    def path_of(self, link: object) -> str:
        """The path of a link, without the slash at its end.

        :param link: an ``@odata.id``, a target or a Location, absolute or not
        :raises: BackendError where it leads to another server
        """
        if not isinstance(link, str) or not link.strip():
            raise errors.malformed(f"a link is {link!r:.80}")
        path = self._resolve(link, self.root_path)
        if len(path) > MAX_PATH:
            raise errors.malformed(
                f"a link is longer than {MAX_PATH} characters"
            )
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
                f"{url.hostname or ''}; Valence does not follow that"
            )
        path = url.path or "/"
        return f"{path}?{url.query}" if url.query else path

    @staticmethod
    def _port(
        site: tuple[str, str | None, int | None],
    ) -> tuple[str, str | None, int | None]:
        return site[0], site[1], site[2] or transport.PORTS.get(site[0])

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
        token = self._login.token() if self._login else None
        answer = self.ask(method, path, data, headers, timeout, token)
        if answer.status_code == 401 and self._login:
            # The session has ended, and nothing else was done.
            token = self._login.token(stale=token)
            answer = self.ask(method, path, data, headers, timeout, token)
        if answer.status_code >= 300:
            raise self.refusal(answer)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        data: object = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
        token: str | None = None,
    ) -> Answer:
        """Send a request, again if it may be, and return whatever is answered.

        :param path: of :meth:`path_of`
        :param token: of the session, where one is used
        """
        if token is not None:
            headers = {**(headers or {}), "X-Auth-Token": token}
        return transport.insist(
            lambda: self._follow(method, path, data, headers, timeout),
            transport.RETRIES if method in _SAFE else 0,
            self._pause,
        )

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
                method not in transport.READS
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
        try:
            answer = self._http.send(
                method,
                self.origin + path,
                most=MAX_BODY,
                document=data,
                headers={"OData-Version": "4.0", **(headers or {})},
                timeout=timeout,
            )
        except transport.TooLarge as error:
            raise errors.malformed(str(error)) from None
        except transport.Cut as cut:
            if cut.tls in _HANDSHAKE:
                cut.error.maybe_done = False
            raise
        return Answer(
            answer.status_code,
            answer.headers,
            answer.content,
            path,
            self._http,
        )

    def _pause(self) -> None:
        """Wait before another try, until close() at the most."""
        self._http.pause()

    # -- errors --------------------------------------------------------------

    def refusal(self, answer: Answer) -> exception.HardwareError:
        """What an answer that is no success means."""
        status = answer.status_code
        if status < 400:
            said = "it redirects to where Valence does not follow"
        else:
            said = answer.said()
        return errors.for_status(
            status, said or words.phrase(status), "resource", answer.path
        )
