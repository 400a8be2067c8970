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

"""Faults that an endpoint shows on demand, whatever protocol it speaks."""

import collections.abc
import dataclasses
import itertools
import re
import threading
import typing

#: Where the connection is cut: before or after what was asked is done.
CUTS = ("before", "after")
#: What becomes of the state that an act leads to.
STATES = ("never", "failed")
#: What is sent in place of the answer's body.
BODIES = ("html", "empty", "huge", "deep")
#: Bytes of a huge one.
HUGE = 1024**3
#: Levels of a deep one.
DEEP = 10_000


#: Fields that do something.
EFFECTS = (
    "delay",
    "status",
    "cut",
    "state",
    "body",
    "redirect",
    "links",
    "drip",
)


class BadFault(ValueError):
    """What was asked for is not a fault."""


@dataclasses.dataclass(kw_only=True)
class Fault:
    """What to do wrong, and to which requests.

    All conditions given must hold; a fault without any concerns each request.
    The effects may be combined.
    """

    id: str = ""
    #: Conditions: a named point ("allocate"), a method, a regular expression
    #: that is searched for in the path.
    point: str | None = None
    method: str | None = None
    path: str | None = None
    #: How many requests it strikes; None: each one until it is removed.
    times: int | None = 1
    #: Seconds to wait before the act, which then happens even if the client
    #: has gone.
    delay: float = 0.0
    #: Answer so, in the protocol's own words, and do not act.
    status: int | None = None
    #: "before": no answer and no act; "after": the act and no answer.
    cut: str | None = None
    #: "never": the act begins and its end never comes; "failed": it fails.
    state: str | None = None
    #: "html", "empty", "huge" (1 GiB) or "deep" (10,000 levels of JSON): the
    #: act is done and the answer cannot be read.
    body: str | None = None
    #: A url: answer that the thing is there, and do not act.
    redirect: str | None = None
    #: The origin of a url: the act is done, and all that the answer links
    #: stands there.
    links: str | None = None
    #: Seconds between two bytes of the answer's body.
    drip: float = 0.0

    def __post_init__(self) -> None:
        for name, (allowed, wanted) in _CHECKS.items():
            value = getattr(self, name)
            if value is not None and not allowed(value):
                raise BadFault(f"{name}: give {wanted}, not {value!r}")
        if self.path is not None:
            try:
                re.compile(self.path)
            except re.error as error:
                raise BadFault(f"path: {error}") from error
        if not any(getattr(self, effect) for effect in EFFECTS):
            raise BadFault(f"give an effect: one of {', '.join(EFFECTS)}")
        if self.method is not None:
            self.method = self.method.upper()
        if self.point == "any":
            self.point = None

    def strikes(self, method: str, path: str, point: str | None) -> bool:
        return (
            self.method in (None, method)
            and self.point in (None, point)
            and (self.path is None or bool(re.search(self.path, path)))
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


#: Field -> whether a value will do, and what would.
_CHECKS: dict[str, tuple[typing.Callable[[typing.Any], bool], str]] = {
    "point": (_is_text, "a name"),
    "method": (_is_text, "a method"),
    "path": (_is_text, "a regular expression"),
    "times": (
        lambda value: type(value) is int and value > 0,
        "a number from 1, or null for ever",
    ),
    "delay": (lambda value: _is_number(value) and 0 <= value < 1e6, "seconds"),
    "status": (
        lambda value: type(value) is int and 400 <= value <= 599,
        "a number from 400 to 599",
    ),
    "cut": (lambda value: value in CUTS, " or ".join(CUTS)),
    "state": (lambda value: value in STATES, " or ".join(STATES)),
    "body": (lambda value: value in BODIES, " or ".join(BODIES)),
    "redirect": (_is_text, "a url"),
    "links": (_is_text, "a url"),
    "drip": (lambda value: _is_number(value) and 0 <= value < 1e6, "seconds"),
}


class Faults(collections.abc.Iterable[Fault]):
    """The faults of one endpoint; the first that fits a request strikes."""

    def __init__(self, points: collections.abc.Collection[str]) -> None:
        self.points = frozenset(points)
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def __iter__(self) -> collections.abc.Iterator[Fault]:
        with self._lock:
            return iter(list(self._faults))

    def add(self, **fault: typing.Any) -> Fault:
        """Add one; the keywords are the fields of :class:`Fault`.

        :raises: BadFault
        """
        unknown = set(fault) - _FIELDS
        if unknown:
            raise BadFault(
                f"unknown: {', '.join(sorted(unknown))}; a fault has "
                f"{', '.join(sorted(_FIELDS))}"
            )
        new = Fault(**fault)
        if new.point is not None and new.point not in self.points:
            raise BadFault(
                f"point: {new.point!r} is none of any, "
                f"{', '.join(sorted(self.points))}"
            )
        with self._lock:
            new.id = str(next(self._ids))
            self._faults.append(new)
        return new

    def remove(self, fault_id: str) -> None:
        """Remove one; KeyError where there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.id == fault_id:
                    self._faults.remove(fault)
                    return
        raise KeyError(fault_id)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str, point: str | None) -> Fault | None:
        """The fault for this request, counted as used."""
        with self._lock:
            for fault in self._faults:
                if fault.strikes(method, path, point):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times == 0:
                            self._faults.remove(fault)
                    return fault
        return None


_FIELDS = {
    field.name for field in dataclasses.fields(Fault) if field.name != "id"
}
