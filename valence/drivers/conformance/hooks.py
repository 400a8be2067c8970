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


"""What the conformance suite asks of the hardware, and its tools."""

import enum
import time
import typing
import unittest

from valence.drivers import base


class Fault(enum.StrEnum):
    """What the hardware is asked to do wrong, once.

    A *change* is a request that is not a read.
    """

    #: It refuses changes, until told HEAL: taken, or not in this state.
    REFUSE = "refuse"
    #: It answers the next change with a failure of its own (HTTP 500).
    FAIL = "fail"
    #: It cuts the connection before it does the next change.
    CUT_BEFORE = "cut before"
    #: It does the next change and cuts the connection without an answer.
    CUT_AFTER = "cut after"
    #: It does the next change, but answers after ``slow_timeout``.
    SLOW = "slow"
    #: It answers reads, until told HEAL, with what is no answer (HTML).
    GARBAGE = "garbage"
    #: The next node that is composed never gets ready.
    STUCK = "stuck"
    #: The next node that is composed fails after the hardware has begun.
    BREAK = "break"
    #: It cannot be reached (its port is closed).
    DOWN = "down"
    #: It is well again; what was waiting to happen does not happen.
    HEAL = "heal"


class Recorder(base.Progress):
    """A Progress that remembers, and can be told to raise."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.pauses: list[float] = []
        self.warnings: list[str] = []
        self.raise_at: str | None = None

    def step(self, name: str) -> None:
        self.steps.append(name)
        if self.raise_at == name:
            raise Stopped("told to stop")

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.raise_at == "pause":
            raise Stopped("told to stop")
        time.sleep(min(seconds, 0.05))

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Stopped(Exception):
    """What a caller's Progress raises to stop a driver."""


class Hooks:
    """What the author of a driver supplies."""

    #: Faults that this hardware knows no way to show; hardware that composes
    #: within one request has no STUCK and no BREAK.
    impossible_faults: frozenset[Fault] = frozenset()
    #: Requirements that a free system meets, and some that none does.
    modest: dict[str, dict[str, typing.Any]] = {}
    excessive: dict[str, dict[str, typing.Any]] = {
        "memory": {"capacity_mib": 1 << 30}
    }
    #: Seconds that a driver made for it waits for one answer under SLOW.
    slow_timeout = 0.3

    def make_driver(self, **connection: typing.Any) -> base.Driver:
        """A driver for the hardware, with a poll_interval near nothing.

        :param connection: fields of Connection that are to be different:
            password, timeout, state_timeout
        """
        raise NotImplementedError

    def free_systems(self) -> int:
        """How many systems are free, asked of the hardware itself."""
        raise NotImplementedError

    def calls(self) -> int:
        """How many requests the hardware has seen."""
        raise NotImplementedError

    def fault(self, name: Fault) -> None:
        """Have the hardware do something wrong."""
        raise NotImplementedError


if typing.TYPE_CHECKING:
    _TestCase = unittest.TestCase
else:
    _TestCase = object

Error = typing.TypeVar("Error", bound=Exception)


class Suite(Hooks, _TestCase):
    """What the tests have in common."""

    def _start(self, **connection: typing.Any) -> base.Driver:
        driver = self.make_driver(**connection)
        self.addCleanup(driver.close)
        return driver

    def _refused(
        self,
        expected: type[Error] | tuple[type[Error], ...],
        call: typing.Callable[..., object],
        *args: object,
        **kwargs: object,
    ) -> Error:
        """The error that the call ends in, fit to be shown to a user."""
        try:
            answer = call(*args, **kwargs)
        except expected as error:
            text = str(error)
            self.assertTrue(text)
            for slip in ("Traceback", "Error(", " object at 0x", "%("):
                self.assertNotIn(slip, text)
            return error
        raise self.failureException(f"no {expected} but {answer!r:.200}")

    def _stopped(
        self,
        progress: Recorder,
        call: typing.Callable[..., object],
        /,
        *args: object,
        **kwargs: object,
    ) -> None:
        """See that the call ends where its progress is told to raise.

        It may not get there: a step of the first time only does not come
        again, and hardware that is quicker this time leaves no pause.
        """
        try:
            call(*args, **kwargs)
        except Stopped:
            return
        places = progress.steps + ["pause"] * bool(progress.pauses)
        self.assertNotIn(progress.raise_at, places)

    def _compose(
        self, driver: base.Driver, tag: str = "tag-1", **changed: typing.Any
    ) -> base.HardwareNode:
        if driver.composes_on_named_system and "system" not in changed:
            changed["system"] = self._system_for(driver, tag)
        return driver.compose_node(
            **{
                "tag": tag,
                "name": f"node of {tag}",
                "description": "made by the conformance suite",
                "requirements": self.modest,
                "progress": Recorder(),
                **changed,
            }
        )

    def _system_for(self, driver: base.Driver, tag: str) -> str:
        """A free system of the tag's own, as a caller remembers it."""
        chosen: dict[str, str] = self.__dict__.setdefault("_chosen", {})
        if tag not in chosen:
            chosen[tag] = next(
                system.index
                for system in driver.list_systems()
                if system.state == "free"
                and system.index not in chosen.values()
            )
        return chosen[tag]

    def _shows(self, fault: Fault) -> bool:
        if fault in self.impossible_faults:
            return False
        self.fault(fault)
        return True

    def _give_back(self, tag: str, free: int) -> None:
        """Undo as a caller does, and see that all is back."""
        self.fault(Fault.HEAL)
        driver = self._start()
        node = driver.find_node(tag)
        if node is not None:
            driver.delete_node(node.index, Recorder())
        self.assertIsNone(driver.find_node(tag))
        self.assertEqual(free, self.free_systems())
