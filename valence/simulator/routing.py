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

"""Which function answers which request, whatever the protocol."""

import collections.abc
import dataclasses
import re
import typing

Serves = collections.abc.Callable[[typing.Any], bool]
F = typing.TypeVar("F", bound=collections.abc.Callable[..., typing.Any])


@dataclasses.dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    serves: Serves
    function: collections.abc.Callable[..., typing.Any]

    @property
    def point(self) -> str:
        """How faults name it."""
        return self.function.__name__


class NoRoute(Exception):
    """Nothing answers this.

    :ivar allowed: the methods that the path does take, if there is any
    """

    def __init__(self, allowed: collections.abc.Iterable[str]) -> None:
        super().__init__()
        self.allowed = sorted(allowed)


class Table:
    """The routes of one protocol, all below one path."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._routes: list[Route] = []

    def route(
        self, method: str, path: str, serves: Serves = lambda variant: True
    ) -> collections.abc.Callable[[F], F]:
        """Let a function answer ``method`` on ``path`` below the base.

        ``{word}`` in the path stands for one segment, or for a part of one,
        and becomes a keyword; ``serves`` says which variants of the protocol
        have it. A function can have several routes.
        """
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.base + path)

        def register(function: F) -> F:
            pattern = re.compile(expression)
            self._routes.append(Route(method, pattern, serves, function))
            return function

        return register

    def points(self, variant: object = None) -> frozenset[str]:
        """Names of all that can be asked of a variant."""
        return frozenset(
            route.point for route in self._routes if route.serves(variant)
        )

    def find(
        self, method: str, path: str, variant: object = None
    ) -> tuple[Route, dict[str, str]]:
        """The route for a request, and the words of its path.

        :raises: NoRoute
        """
        path = path.rstrip("/")
        method = "GET" if method == "HEAD" else method
        allowed = set()
        for candidate in self._routes:
            match = candidate.pattern.fullmatch(path)
            if match and candidate.serves(variant):
                if candidate.method == method:
                    return candidate, match.groupdict()
                allowed.add(candidate.method)
        raise NoRoute(allowed)
