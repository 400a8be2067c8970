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

"""Time, and states that arrive after some of it."""

import math
import time
import typing

T = typing.TypeVar("T")

#: How long a state takes that never arrives.
NEVER = math.inf


class Clock:
    """The time of a simulator: it passes by itself and can be hurried."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self._ahead += seconds


class Eventual(typing.Generic[T]):
    """A value that changes later.

    It is worked out when it is read, so that no thread has to wait for it.
    """

    def __init__(self, clock: Clock, value: T) -> None:
        self._clock = clock
        self._value = value
        self._next: T | None = None
        self._due = NEVER

    @property
    def value(self) -> T:
        if self._next is not None and self._clock.now() >= self._due:
            self.set(self._next)
        return self._value

    def set(self, value: T) -> None:
        """Be ``value`` now, and forget what was to come."""
        self._value = value
        self._next, self._due = None, NEVER

    def become(self, value: T, after: float) -> None:
        """Be ``value`` after so many seconds, whatever was to come."""
        self.set(self.value)
        self._next, self._due = value, self._clock.now() + after
