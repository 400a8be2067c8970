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

"""Logging in to a pod manager that has Redfish sessions."""

import threading
import typing

from valence import exception
from valence.drivers import base
from valence.drivers import words
from valence.drivers.redfishv1 import errors

if typing.TYPE_CHECKING:
    from valence.drivers.redfishv1.connector import Connector

#: Seconds that a pod manager is given to end a session. It ends by itself.
LOGOUT_TIMEOUT = 5.0


class Login:
    """One session, opened when it is needed, and anew when it has ended.

    (DSP0266, "Redfish session login authentication".) Fit for several
    threads, which share it: hardware has few sessions.
    """

    def __init__(
        self, connector: "Connector", connection: base.Connection
    ) -> None:
        self._connector = connector
        self._body = {
            "UserName": connection.username or "",
            "Password": connection.password or "",
        }
        self._lock = threading.Lock()
        self._token: str | None = None
        self._path: str | None = None
        self._closed = False

    def token(self, stale: str | None = None) -> str:
        """What requests show.

        :param stale: a token that was refused
        :raises: HardwareError
        """
        with self._lock:
            if self._closed:
                raise exception.Unreachable(
                    reason="Valence has closed the connection"
                )
            if self._token is None or self._token == stale:
                self._open()
            return typing.cast(str, self._token)

    def close(self) -> None:
        """End the session, if the pod manager listens."""
        with self._lock:
            self._closed = True
            token, path = self._token, self._path
        if token is not None and path is not None:
            try:
                self._connector.ask(
                    "DELETE", path, token=token, timeout=LOGOUT_TIMEOUT
                )
            except exception.HardwareError:
                pass  # it ends by itself, in some minutes

    def _open(self) -> None:
        self._token = None
        answer = self._connector.ask("POST", self._sessions(), self._body)
        if answer.status_code in (400, 401, 403):
            said = answer.said() or words.phrase(answer.status_code)
            raise exception.AuthFailure(
                reason=f"{said} (HTTP {answer.status_code}, when a session "
                "was to be opened; where it has none the type of its "
                "authentication is basic)"
            )
        if answer.status_code >= 300:
            raise self._connector.refusal(answer)
        token = answer.headers.get("X-Auth-Token")
        if not token:
            raise errors.malformed("it opens a session and gives no token")
        self._connector.hide(token)
        location = answer.headers.get("Location")
        self._path = self._connector.path_of(location) if location else None
        self._token = token

    def _sessions(self) -> str:
        """Where sessions are opened.

        The service root links it, and is open to everybody (DSP0266, "Service
        root"); where it is not, the place is the one that DSP0266 names.
        """
        root = self._connector.root_path
        answer = self._connector.ask("GET", root)
        if answer.status_code in (401, 403):
            return f"{root}/SessionService/Sessions"
        if answer.status_code >= 300:
            raise self._connector.refusal(answer)
        links = answer.json().get("Links")
        link = links.get("Sessions") if isinstance(links, dict) else None
        if not isinstance(link, dict):
            raise exception.HardwareNotSupported(
                reason="it has no sessions; set the type of its "
                "authentication to basic"
            )
        return self._connector.path_of(link.get("@odata.id"))
