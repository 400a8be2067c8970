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

"""Requests and answers: retries, versions, errors."""

import re
import time
import typing
import urllib.parse
import uuid

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
import requests

from valenceclient import exceptions

SERVICE_TYPE = "composition"
#: The newest version of the API that this library was written for.
LATEST = "1.0"

#: Seconds before each further attempt.
SOON = (0.2, 0.5, 1.0)
#: As SOON, for who waits anyway: an API process may be restarted meanwhile.
PATIENT = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
#: Seconds that one answer may take, where the session does not say.
TIMEOUT = 60.0

#: These may be sent again: a GET changes nothing, and a POST has a key by
#: which the service knows it again.
_REPEATABLE = ("GET", "POST")

NO_CONTENT = 204

_VERSION = re.compile(r"\d+\.\d+")

Query = typing.Mapping[str, str | int]


class Document(dict[str, typing.Any]):
    """What the service shows of a thing.

    :ivar operation: uuid of the operation that the request has started, or
        None
    :raises: exceptions.NotShown, for a field that is not among it
    """

    operation: str | None = None

    def __missing__(self, name: str) -> typing.NoReturn:
        raise exceptions.NotShown(name)


class Http:
    """The way to one service.

    :param session: logs in
    :param microversion: ``1.N``; None: the newest that both sides know
    :param where: endpoint_override, interface, region_name, … as
        keystoneauth's Adapter takes them
    """

    def __init__(
        self,
        session: ksa_session.Session,
        microversion: str | None,
        **where: typing.Any,
    ) -> None:
        self._adapter = adapter.Adapter(
            session,
            **{
                "service_type": SERVICE_TYPE,
                "client_name": "python-valenceclient",
                **where,
            },
        )
        self._negotiable = microversion is None
        self._version = microversion or LATEST
        self._timeout = {} if session.timeout else {"timeout": TIMEOUT}
        self._endpoint: str | None = None

    @property
    def endpoint(self) -> str:
        """The URL that all paths begin at; /v1 is part of the paths.

        :raises: ClientError
        """
        if self._endpoint is None:
            found = self._adapter.get_endpoint()
            if not found:
                raise exceptions.ClientError(
                    "It is not known where the service is: the catalog has "
                    f"no service of type {SERVICE_TYPE}, and no endpoint was "
                    "given."
                )
            if urllib.parse.urlsplit(found).scheme not in ("http", "https"):
                raise exceptions.ClientError(
                    f"'{found}' is no endpoint: it has to begin with http:// "
                    "or https://."
                )
            self._endpoint = found.rstrip("/").removesuffix("/v1")
        return self._endpoint

    def items(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        **options: typing.Any,
    ) -> list[Document]:
        """Send a request that is answered with a list.

        :param options: those of :meth:`request`
        """
        return listed(self.request(method, path, body, **options))

    def document(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        **options: typing.Any,
    ) -> Document:
        """Send a request that is answered with one document or nothing.

        :param options: those of :meth:`request`
        """
        answer = self.request(method, path, body, **options)
        shown = Document()
        if answer.status_code != NO_CONTENT:
            shown.update(_content(answer, dict))
        location = answer.headers.get("Location", "")
        if "/operations/" in location:
            shown.operation = location.rpartition("/")[2]
        return shown

    def request(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        *,
        query: Query | None = None,
        secret: bool = False,
        key: str | None = None,
        pauses: tuple[float, ...] = SOON,
    ) -> requests.Response:
        """Send a request, again where that is safe and may help.

        :param query: parameters of the URL
        :param secret: the body is not to be logged, at any level
        :param key: Idempotency-Key; None makes one
        :param pauses: seconds before each further attempt
        :raises: ClientError
        """
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = {}
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        if method == "PATCH":
            headers["Content-Type"] = "application/json-patch+json"
        if method not in _REPEATABLE:
            pauses = ()
        answer = self._send(method, path, body, headers, secret, pauses)
        if answer.status_code == 406 and self._negotiable:
            older = str(_error(answer).max_version)
            if _VERSION.fullmatch(older) and (
                _number(older) < _number(self._version)
            ):
                self._version = older
                answer = self._send(
                    method, path, body, headers, secret, pauses
                )
        if answer.status_code >= 300:
            raise _error(answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: typing.Any,
        headers: dict[str, str],
        secret: bool,
        pauses: tuple[float, ...],
    ) -> requests.Response:
        url = self.endpoint + path
        headers = {
            "OpenStack-API-Version": f"{SERVICE_TYPE} {self._version}",
            **headers,
        }
        content = {} if body is None else {"json": body}
        for pause in (*pauses, None):
            try:
                answer = self._adapter.request(
                    url,
                    method,
                    headers=headers,
                    raise_exc=False,
                    log=not secret,
                    **content,
                    **self._timeout,
                )
            except ksa_exceptions.ConnectionError as e:
                again = isinstance(
                    e, ksa_exceptions.RetriableConnectionFailure
                )
                if pause is None or not again:
                    raise exceptions.Unreachable(
                        f"{self.endpoint} does not answer: {_reason(e)}"
                    ) from e
            else:
                if pause is None or not _passes(answer):
                    return answer
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def listed(answer: requests.Response) -> list[Document]:
    """The items that an answer lists.

    :raises: ApiError
    """
    found = _content(answer, list)
    if not all(isinstance(item, dict) for item in found):
        raise _other(answer)
    return [Document(item) for item in found]


def _content(answer: requests.Response, kind: type) -> typing.Any:
    """What an answer says, of the kind that it has to be.

    :raises: ApiError
    """
    try:
        found = answer.json()
    except ValueError:
        raise _other(answer) from None
    if not isinstance(found, kind):
        raise _other(answer)
    return found


def _other(answer: requests.Response) -> exceptions.ApiError:
    """The error of an answer that is none of the service's."""
    return exceptions.ApiError(
        answer.status_code,
        f"{answer.url.partition('?')[0]} does not answer as the composition "
        "service does: is it another one?",
    )


def _passes(answer: requests.Response) -> bool:
    """Whether it may be otherwise soon.

    502 and 504 come from a proxy that does not find the service, while it is
    restarted. The service itself has them for a pod manager that fails.
    """
    return answer.status_code == 503 or (
        answer.status_code in (502, 504) and _error(answer).code is None
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _error(answer: requests.Response) -> exceptions.ApiError:
    """The error of an answer: ours, or that of who stands before us."""
    try:
        shown = answer.json()["errors"][0]
        return exceptions.ApiError(
            answer.status_code,
            str(shown["detail"]),
            str(shown["code"]),
            shown.get("request_id"),
            [dict(refusal) for refusal in shown.get("refusals") or ()],
            shown.get("max_version"),
        )
    except (ValueError, LookupError, TypeError):
        return exceptions.ApiError(
            answer.status_code,
            f"{answer.url.partition('?')[0]} answered: "
            f"{answer.reason or 'no reason'}",
        )


def _reason(error: BaseException) -> str:
    """The innermost cause: what is wrapped around it repeats the URL."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    if getattr(error, "reason", None) == "WRONG_VERSION_NUMBER":
        return "what listens there does not speak TLS; try http://"
    return getattr(error, "strerror", None) or str(error)
