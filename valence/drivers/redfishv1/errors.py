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

"""Making sense of what a pod manager says when it refuses.

Intel's pod managers answer with the Redfish error envelope (DSP0266,
"Error responses"), where up to release 2.3 ``error.message`` is generic
("ResourceStateMismatch exception.") and the reason stands in
``@Message.ExtendedInfo[].Message`` (Intel RSD PODM API 2.1.3, 335455-002,
"Error response"). Proxies, crashed services and other vendors send anything
else: what can be read is quoted, and nothing here raises.
"""

import typing

from valence import exception
from valence.drivers import transport
from valence.drivers import words

#: The most messages of one answer that are quoted.
MAX_MESSAGES = 5
_MAX_DEPTH = 8
_KEYS = (
    "@Message.ExtendedInfo",
    "error",
    "Error",
    "errors",
    "Message",
    "message",
    "detail",
    "code",
    "Code",
    "MessageId",
)

Json = typing.Any


def reason(content: bytes) -> str:
    """What the body of a refusal says, in one line; '' where it is mute."""
    if not content.strip():
        return ""
    try:
        document = transport.parse(content)
    except ValueError:
        return words.page(content)
    said: list[str] = []
    for text in _texts(document, _MAX_DEPTH):
        text = words.line(text)
        if text and text not in said:
            said.append(text)
        if len(said) == MAX_MESSAGES:
            break
    return words.line(" ".join(said))


def _texts(document: Json, depth: int) -> typing.Iterator[str]:
    """The texts of the most telling part of ``document``."""
    if depth == 0 or document is None or isinstance(document, bool):
        return
    if isinstance(document, str):
        yield document
    elif isinstance(document, int | float):
        yield f"code {document!r}"
    elif isinstance(document, list):
        for item in document[:50]:
            yield from _texts(item, depth - 1)
    elif isinstance(document, dict):
        for key in _KEYS:
            found = False
            for text in _texts(document.get(key), depth - 1):
                if text.strip():
                    found = True
                    yield text
            if found:
                return


def for_status(
    status: int, said: str, noun: str, ident: str
) -> exception.HardwareError:
    """The error for an answer with ``status`` that said ``said``.

    The mapping follows the codes of Intel RSD PODM API 2.1.3 (335455-002),
    "Error response": ResourcesStateMismatch is 409, UnsupportedCreationRequest
    and InvalidPayload 400, UnknownException 500, ServiceUnavailable 503.
    """
    text = said or "it gave no reason"
    if status == 401:
        return exception.AuthFailure(reason=f"{text} (HTTP 401)")
    if status == 403:
        return exception.AuthFailure(
            "The pod manager does not allow this to the user that Valence "
            f"logs in as: {text} (HTTP 403)",
            reason=text,
        )
    if status in (404, 410):
        return exception.HardwareNotFound(noun=noun, ident=ident)
    if status in (405, 501):
        return exception.HardwareNotSupported(reason=f"{text} (HTTP {status})")
    if status in (409, 412, 423):
        return exception.HardwareConflict(reason=text)
    if 400 <= status < 500 and status not in (408, 425, 429):
        return exception.HardwareBadRequest(reason=text)
    return exception.BackendError(http_status=status, reason=text)


def malformed(what: str) -> exception.BackendError:
    """The error for an answer that succeeded and makes no sense."""
    return transport.malformed("The pod manager", what)
