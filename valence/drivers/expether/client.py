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

import typing

from valence import exception
from valence.drivers import base
from valence.drivers import transport
from valence.drivers import words

#: More tries after the first, of a request that only reads.
RETRIES = transport.RETRIES
#: The most that one answer may weigh. EEM has no pages: a device takes about
#: 2 kB, and there may be 4,077 servers with 16 devices each, in theory.
MAX_BODY = 128 * 1024 * 1024
#: The code of a refusal because EEM's view has changed meanwhile.
STALE = "50003"

Document = dict[str, typing.Any]


def malformed(what: str) -> exception.BackendError:
    """The error for an answer that succeeded and makes no sense."""
    return transport.malformed("The ExpEther Manager", what)


class Client:
    """One EEM; constructing it does no I/O. Fit for several threads.

    GET is tried again, ``RETRIES`` times, after a connection that broke or
    an answer that says it is busy; PUT and DELETE never are. Redirects are
    not followed, and errors are those of :mod:`valence.exception`, without
    the password.
    """

    def __init__(self, connection: base.Connection) -> None:
        site = transport.site(connection.url)
        self.url = site and site.origin + site.path
        self._http = transport.Session(connection)
        self._basic = connection.authentication == "basic"

    def close(self) -> None:
        """Close the sockets; requests under way end on their own."""
        self._http.close()

    # -- requests ------------------------------------------------------------

    def get(self, path: str, **query: str) -> Document:
        """GET a document.

        :param path: below the url of the EEM, quoted
        """
        answer = self._send("GET", path, query=query)
        try:
            document = transport.parse(answer.content)
        except transport.TooMuch as error:
            raise malformed(str(error)) from None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            said = self._http.said(answer, _reason) or "nothing"
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
        answer = _json(self._send(method, path, document, query).content)
        return answer if isinstance(answer, dict) else {}

    def _send(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        query: dict[str, str] | None = None,
    ) -> transport.Answer:
        if self.url is None:
            raise exception.Unreachable(
                reason="the url is not valid; give http://HOST:PORT/eem"
            )
        if not self._basic:
            raise exception.HardwareNotSupported(
                reason="it has no sessions; set the type of its "
                "authentication to basic"
            )
        url = f"{self.url}/{path}"
        try:
            answer = transport.insist(
                lambda: self._http.send(
                    method, url, most=MAX_BODY, document=document, query=query
                ),
                RETRIES if method in transport.READS else 0,
                self._http.pause,
            )
        except transport.TooLarge as error:
            raise malformed(str(error)) from None
        if answer.status_code >= 300:
            raise self._refusal(path, answer)
        return answer

    # -- errors --------------------------------------------------------------

    def _refusal(
        self, path: str, answer: transport.Answer
    ) -> exception.HardwareError:
        """(EEM REST API v1.0.8, errors: {"code": "40400", "message"}.)

        The code is the status with two more digits; 401 has no such body.
        """
        status = answer.status_code
        document = _json(answer.content)
        code = document.get("code") if isinstance(document, dict) else None
        said = self._http.said(answer, _reason) or words.phrase(status)
        if code is not None:
            said += f" (code {self._http.redact(words.line(str(code)))})"
        else:
            said += f" (HTTP {status})"
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


def is_stale(error: exception.HardwareError) -> bool:
    """Whether EEM asks to read again and repeat (code 50003)."""
    return error.values.get("code") == STALE


def _json(content: bytes) -> object:
    """The JSON in a body, None where it is no JSON."""
    try:
        return typing.cast(object, transport.parse(content))
    except ValueError:
        return None


def _reason(content: bytes) -> str:
    """What the body of a refusal says, in one line; '' where it is mute."""
    document = _json(content)
    if isinstance(document, dict):
        said = document.get("message") or ""
    elif document is not None:
        said = document
    else:
        return words.page(content)
    return words.line(str(said))
