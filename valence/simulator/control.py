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

"""The way to a simulated endpoint that its protocol does not have.

``/simulator`` shows what there is and changes it, as somebody could who
stands before the hardware, and sets faults.
"""

import collections.abc
import dataclasses
import typing

import webob

from valence.simulator import wire

if typing.TYPE_CHECKING:
    from valence.simulator import server

PREFIX = "/simulator"
Function = collections.abc.Callable[..., object]


def refusal(status: int, message: str) -> webob.Response:
    response = wire.json_response({"error": message}, status, indent=2)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="simulator"'
    return response


def answer(
    endpoint: "server.Endpoint", request: webob.Request
) -> webob.Response:
    """Answer a request whose path begins with :data:`PREFIX`."""
    words = request.path.removeprefix(PREFIX).strip("/").split("/")
    kind, thing = words[0], "/".join(words[1:])
    method = "GET" if request.method == "HEAD" else request.method
    function = _SPECIAL.get(kind, _things)
    try:
        body = wire.json_object(request.body)
        found = function(endpoint, method, kind, thing, body)
    except KeyError as error:
        return refusal(404, f"There is no {error.args[0]!r}.")
    except _NotAllowed:
        return refusal(405, f"{request.path} does not take {method}.")
    except ValueError as error:
        return refusal(400, str(error))
    if found is None:
        return webob.Response(status=204)
    return wire.json_response(found, indent=2)


class _NotAllowed(Exception):
    pass


def _state(
    endpoint: "server.Endpoint", method: str, *_: typing.Any
) -> dict[str, typing.Any]:
    if method != "GET":
        raise _NotAllowed
    return {
        "url": endpoint.url,
        **endpoint.describe(),
        "faults": [dataclasses.asdict(fault) for fault in endpoint.faults],
        "points": sorted(endpoint.points),
    }


def _faults(
    endpoint: "server.Endpoint",
    method: str,
    kind: str,
    thing: str,
    body: dict[str, typing.Any],
) -> object:
    if method == "GET" and not thing:
        return [dataclasses.asdict(fault) for fault in endpoint.faults]
    if method == "POST" and not thing:
        return dataclasses.asdict(endpoint.faults.add(**body))
    if method == "DELETE":
        if thing:
            endpoint.faults.remove(thing)
        else:
            endpoint.faults.clear()
        return None
    raise _NotAllowed


def _calls(endpoint: "server.Endpoint", method: str, *_: typing.Any) -> object:
    if method == "GET":
        return [
            {**vars(call), "body": call.body.decode("utf-8", "replace")}
            for call in list(endpoint.calls)
        ]
    if method == "DELETE":
        endpoint.calls.clear()
        return None
    raise _NotAllowed


def _clock(
    endpoint: "server.Endpoint",
    method: str,
    kind: str,
    thing: str,
    body: dict[str, typing.Any],
) -> None:
    if method != "POST":
        raise _NotAllowed
    seconds: typing.Any = body.get("advance")
    number = isinstance(seconds, (int, float)) and seconds is not True
    if not (number and 0 <= seconds < 1e9):
        raise ValueError('Give {"advance": SECONDS}.')
    endpoint.clock.advance(seconds)


def _things(
    endpoint: "server.Endpoint",
    method: str,
    kind: str,
    thing: str,
    body: dict[str, typing.Any],
) -> object:
    things = endpoint.describe().get(kind)
    if not isinstance(things, list):
        raise KeyError(kind)
    if method == "POST" and not thing:
        return endpoint.add(kind, body)
    if method == "GET" and not thing:
        return things
    if method == "GET":
        for candidate in things:
            if candidate["id"] == thing:
                return candidate
        raise KeyError(thing)
    if method == "PATCH" and thing:
        return endpoint.change(kind, thing, body)
    if method == "DELETE" and thing:
        return endpoint.remove(kind, thing)
    raise _NotAllowed


_SPECIAL: dict[str, Function] = {
    "": _state,
    "faults": _faults,
    "calls": _calls,
    "clock": _clock,
}


# What the endpoints check such changes with.


def only(
    kind: str,
    values: collections.abc.Iterable[str],
    known: dict[str, set[str]],
) -> None:
    """Refuse a change of what cannot be changed (ValueError)."""
    if kind not in known:
        raise ValueError(f"this can be done to {', '.join(known)} only")
    for name in values:
        if name not in known[kind]:
            raise ValueError(
                f"{name}: unknown; give {', '.join(sorted(known[kind]))}"
            )


def one_of(
    name: str, value: object, allowed: collections.abc.Iterable[str]
) -> str:
    """The value, if it is one of these (ValueError)."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: give one of {', '.join(allowed)}")
    return value
