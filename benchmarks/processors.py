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

"""How much processor time processes take: what other work leaves alone."""

import collections
import collections.abc
import os
import pathlib
import typing

_TICKS = os.sysconf("SC_CLK_TCK")


class _Process(typing.NamedTuple):
    name: str
    parent: int
    #: Milliseconds of it and of those of its children that have ended.
    used: float


def _processes() -> dict[int, _Process]:
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue  # it has just ended
        # After the name in parentheses; see proc_pid_stat(5).
        head, _, tail = text.rpartition(")")
        words = tail.split()
        found[int(path.parent.name)] = _Process(
            head.partition("(")[2],
            int(words[1]),
            1000 * sum(map(int, words[11:15])) / _TICKS,
        )
    return found


def named(*names: str) -> list[int]:
    """The processes of these names that this one has started, or theirs."""
    found = _processes()
    return [p for p in _family([os.getpid()], found) if found[p].name in names]


def used(roots: collections.abc.Iterable[int]) -> float:
    """Milliseconds that processes took so far, with all they started."""
    found = _processes()
    return sum(found[pid].used for pid in _family(roots, found))


def _family(
    roots: collections.abc.Iterable[int], of: dict[int, _Process]
) -> set[int]:
    children = collections.defaultdict(list)
    for pid, process in of.items():
        children[process.parent].append(pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in of]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children[pid]
    return found
