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

"""How a PODM refuses.

Sources: the error types of the repository intel/intelRSD (podm-rest to 2.3,
node-composer from 2.4); Intel RSD PODM API 2.1.3 (335455-002), "Error
Responses".
"""

import json
import typing

import webob

from valence.simulator.rsd import dialects

#: Code -> status, and the message at the top, which is the same for all
#: refusals with the code.
CODES = {
    "InvalidPayload": (400, "Request payload is invalid or missing"),
    "MalformedUri": (400, "Malformed URI"),
    "UnsupportedCreationRequest": (
        400,
        "Unable to create machine due to error in machine template or "
        "unsupported option.",
    ),
    "Unauthorized": (401, "Authentication is required"),
    "Forbidden": (403, "Access is denied"),
    "InvalidEndpoint": (404, "Invalid endpoint"),
    "InvalidHttpMethod": (405, "Invalid HTTP request method"),
    "BadAcceptHeader": (406, "Bad Accept field in request header"),
    "ResourcesStateMismatch": (409, "ResourceStateMismatch exception."),
    "UnknownException": (
        500,
        "The server encountered an unexpected condition that prevented it "
        "from fulfilling the request",
    ),
    "ServiceUnavailable": (
        503,
        "Server is currently unable to handle this request.",
    ),
}

#: The code that a fault's status speaks with.
_BY_STATUS = {status: code for code, (status, _) in reversed(CODES.items())}

#: What is said where a refusal is asked for at a certain point.
AT_POINT = {
    ("allocate", 409): (
        "Conflict during allocation",
        "There are no computer systems available for this allocation request.",
    ),
    ("attach", 500): (
        "EntityOperation exception.",
        "PCIeDrive attach action failed: the switch does not answer.",
    ),
    ("detach", 500): (
        "EntityOperation exception.",
        "PCIeDrive detach action failed: the switch does not answer.",
    ),
    ("delete", 500): (
        "The specified node could not be disassembled",
        "Disassembly failed: Could not power off composed node",
    ),
}


class Refusal(Exception):
    """The request cannot be served, and this says why."""

    def __init__(
        self,
        code: str,
        *reasons: str,
        message: str | None = None,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.code = code
        self.status = status or CODES[code][0]
        self.message = message
        self.reasons = reasons
        self.headers = headers or {}

    @classmethod
    def at(cls, point: str | None, status: int) -> "Refusal":
        """A refusal with this status, as it would be at this point."""
        code = _BY_STATUS.get(status, "UnknownException")
        message, *reasons = AT_POINT.get((point or "", status), (None,))
        return cls(code, *reasons, message=message, status=status)

    def response(self, dialect: dialects.Dialect) -> webob.Response:
        code, message = self.code, self.message or CODES[self.code][1]
        reasons = self.reasons or (message,)
        if dialect.general_errors:
            code = "GeneralError"
            message = self.message or reasons[0]
        response = webob.Response(
            json.dumps(
                {
                    "error": {
                        "code": f"Base.1.0.{code}",
                        "message": message,
                        "@Message.ExtendedInfo": [
                            {
                                "MessageId": f"Base.1.0.{code}",
                                "Message": reason,
                            }
                            for reason in reasons
                        ],
                    }
                }
            ),
            status=self.status,
            content_type="application/json",
            charset="UTF-8",
        )
        response.headers.update(self.headers)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="PODM"'
        if self.status == 503 and dialect.general_errors:
            response.headers["Retry-After"] = "30"
        return response


def invalid(*reasons: str) -> Refusal:
    """The payload is not what it should be."""
    return Refusal("InvalidPayload", *reasons)


def conflict(*reasons: str, **others: typing.Any) -> Refusal:
    """The state of things does not allow it."""
    return Refusal("ResourcesStateMismatch", *reasons, **others)


def operation_failed(reason: str) -> Refusal:
    """What was asked for cannot be done to the hardware."""
    return Refusal(
        "UnknownException", reason, message="EntityOperation exception."
    )
