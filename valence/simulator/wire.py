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

"""What requests bring and answers take, whatever the protocol."""

import json
import typing

import webob


def json_object(body: bytes) -> dict[str, typing.Any]:
    """The JSON object in a request's body; an empty body is an empty one.

    :raises: ValueError, which says what else it is
    """
    if not body.strip():
        return {}
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("The body is not a JSON object.")
    return found


def _no_constant(word: str) -> typing.NoReturn:
    raise ValueError(f"{word} is not JSON")


def json_response(
    document: object, status: int = 200, indent: int | None = None
) -> webob.Response:
    end = "" if indent is None else "\n"
    return webob.Response(
        json.dumps(document, indent=indent) + end,
        status=status,
        content_type="application/json",
        charset="UTF-8",
    )
