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

"""Which function answers which request."""

import collections.abc
import dataclasses
import re
import typing

import webob

from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals

if typing.TYPE_CHECKING:
    from valence.simulator.rsd import pod


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a function has to go by."""

    pod: "pod.Pod"
    request: webob.Request
    #: What becomes of the state that an act leads to.
    outcome: str | None


#: A function returns a document, a finished response, or None for 204.
Answer: typing.TypeAlias = dict[str, typing.Any] | webob.Response | None
Function = collections.abc.Callable[..., Answer]
F = typing.TypeVar("F", bound=Function)
Serves = collections.abc.Callable[[dialects.Dialect], bool]


@dataclasses.dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    serves: Serves
    function: Function

    @property
    def point(self) -> str:
        """How faults name it."""
        return self.function.__name__


ROUTES: list[Route] = []


def route(
    method: str, path: str, serves: Serves = lambda dialect: True
) -> collections.abc.Callable[[F], F]:
    """Let a function answer ``method`` on ``path`` below the service root.

    ``{word}`` in the path stands for one segment and becomes a keyword;
    ``serves`` says which dialects have it.
    """
    expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", hardware.BASE + path)

    def register(function: F) -> F:
        ROUTES.append(Route(method, re.compile(expression), serves, function))
        return function

    return register


def find(
    method: str, path: str, dialect: dialects.Dialect
) -> tuple[Route, dict[str, str]]:
    """The route for a request, and the words of its path.

    :raises: Refusal (404, or 405 with Allow)
    """
    path = path.rstrip("/")
    method = "GET" if method == "HEAD" else method
    allowed = set()
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(path)
        if match and candidate.serves(dialect):
            if candidate.method == method:
                return candidate, match.groupdict()
            allowed.add(candidate.method)
    if allowed:
        raise refusals.Refusal(
            "InvalidHttpMethod", headers={"Allow": ", ".join(sorted(allowed))}
        )
    raise refusals.Refusal("InvalidEndpoint")
