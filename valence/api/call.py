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

"""One request, as the handlers see it."""

import functools
import hashlib
import json
import typing

from oslo_config import cfg
import webob

from valence import exception
from valence import rpcapi
from valence.api import types
from valence.api import wait
from valence.context import RequestContext

CONF = cfg.CONF

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"


class Call:
    """A request that was routed: its context, version, path, query, body.

    :ivar params: parts of the path, by name
    :ivar wait: seconds that the client would wait for an operation, or None
    """

    def __init__(
        self,
        request: webob.Request,
        params: dict[str, str],
        raw_body: bytes,
        nudge: rpcapi.Nudger,
    ) -> None:
        self.request = request
        self.params = params
        self.nudge = nudge
        self._raw_body = raw_body
        self.version = request.environ["valence.version"]
        self.context: RequestContext = request.environ["valence.context"]
        # Read before anything is done: a refusal has to come first.
        self.wait = wait.seconds_wanted(request)
        self._read_idempotency_key()

    def _read_idempotency_key(self) -> None:
        key = self.request.headers.get("Idempotency-Key")
        if key is None or self.request.method != "POST":
            return
        if not (0 < len(key) <= 255 and key.isprintable()):
            raise exception.InvalidField(
                field="Idempotency-Key",
                reason="1 to 255 printable characters are wanted.",
            )
        # The first answer is for who was given it, and may see as much.
        who = [self.context.user_id or "", *sorted(self.context.roles)]
        digest = hashlib.sha256()
        for part in (
            self.request.path_qs.encode(),
            b"\0",
            json.dumps(who).encode(),
            self._raw_body,
        ):
            digest.update(part)
        self.context.idempotency_key = key
        self.context.idempotency_fingerprint = digest.hexdigest()

    # -- what it brings ------------------------------------------------------

    def json(self, *accepted: str) -> typing.Any:
        """The body.

        :param accepted: media types; application/json where none is given
        :raises: UnsupportedMediaType, MissingField, InvalidJson
        """
        wanted = accepted or (JSON,)
        given = self.request.content_type.lower()
        if given not in wanted:
            raise exception.UnsupportedMediaType(
                given=given[:255] or "(none)", wanted=" or ".join(wanted)
            )
        if not self._raw_body.strip():
            raise exception.MissingField(field="body")
        return types.parse(self._raw_body)

    def read(self, datatype: typing.Any) -> dict[str, typing.Any]:
        """The body, checked against a WSME type: see types.read."""
        return types.read(
            datatype,
            self.json(),
            version=self.version,
            hardware=self.context.sees_hardware,
        )

    @property
    def has_body(self) -> bool:
        return bool(self._raw_body.strip())

    def no_body(self) -> None:
        """Refuse a body, but for an empty object, where none has meaning."""
        if self._raw_body.strip() not in (b"", b"{}"):
            raise exception.BadRequest("This request takes no body.")

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's parameters, each at most once.

        :raises: UnknownFilter, InvalidField
        """
        values: dict[str, str] = {}
        for name, value in self.request.GET.items():
            if name not in allowed:
                raise exception.UnknownFilter(
                    field=name[:255],
                    known=", ".join(sorted(allowed)) or "none",
                )
            if name in values:
                raise exception.InvalidField(
                    field=name, reason="it is given twice."
                )
            values[name] = value
        return values

    # -- what is answered ----------------------------------------------------

    def url(self, path: str) -> str:
        """The full URL of a path of this API, as the client reaches it."""
        return f"{self._base_url}{path}"

    @functools.cached_property
    def _base_url(self) -> str:
        return typing.cast(str, self.request.application_url)

    def answer(
        self,
        body: typing.Any = None,
        status: int = 200,
        location: str | None = None,
    ) -> webob.Response:
        response = webob.Response(status=status)
        if body is None:
            response.content_type = None
        else:
            response.content_type = JSON
            response.body = json.dumps(body).encode()
        if location is not None:
            response.headers["Location"] = location
        return response
