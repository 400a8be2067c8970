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

"""What may go wrong."""

import typing

Refusal = dict[str, typing.Any]


class ClientError(Exception):
    """Base of all errors of this library.

    What fails before the service is reached, such as a login, is raised by
    keystoneauth.
    """


class Unreachable(ClientError):
    """No answer came, however often it was tried."""


class ApiError(ClientError):
    """The service refused.

    :ivar status: of HTTP
    :ivar code: a slug that does not change, such as ``resource.not_found``;
        None where the answer is not one of Valence
    :ivar detail: why, for people
    :ivar request_id: to be found in the service's log; None where not told
    :ivar refusals: why no pod manager could serve, one for each
    :ivar max_version: of the API, where another one was asked for
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str | None = None,
        request_id: str | None = None,
        refusals: list[Refusal] | None = None,
        max_version: str | None = None,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.request_id = request_id
        self.refusals = refusals or []
        self.max_version = max_version

    def __str__(self) -> str:
        where = f", request {self.request_id}" if self.request_id else ""
        return f"{self.detail} (HTTP {self.status}{where})"


class NotShown(ClientError, KeyError):
    """A field was looked for that the answer does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"The service did not show '{self.name}': is it another one?"


class OperationFailed(ClientError):
    """An operation that was waited for failed, or was cancelled.

    :ivar operation: its document, as it ended
    """

    def __init__(self, operation: dict[str, typing.Any]) -> None:
        super().__init__(operation)
        self.operation = operation

    @property
    def refusals(self) -> list[Refusal]:
        return self.operation.get("refusals") or []

    def __str__(self) -> str:
        return (
            self.operation.get("last_error")
            or f"The operation was {self.operation['state']}."
        )


class StillRunning(ClientError):
    """An operation did not end in the time that it was waited for."""

    def __init__(self, operation: dict[str, typing.Any]) -> None:
        super().__init__(operation)
        self.operation = operation

    def __str__(self) -> str:
        return f"Operation {self.operation['uuid']} has not ended in time."
