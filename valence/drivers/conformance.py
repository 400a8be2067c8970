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


"""What every driver promises, as tests that any driver can be run through.

A driver from anywhere, with hardware or a simulation of it::

    import testtools

    from valence.drivers import conformance


    class TestMine(conformance.DriverConformance, testtools.TestCase):
        def setUp(self):
            super().setUp()
            self.hardware = ...  # at least three free systems, no nodes

        def make_driver(self, **connection):
            return mine.Driver(base.Connection(..., **connection))

        def free_systems(self):
            return self.hardware.count_free()

        def calls(self):
            return self.hardware.requests_seen

        def fault(self, name): ...  # see Fault

What a driver cannot do it declares, as the contract says (``reset_types``,
``PodManagerInfo.capabilities``, ``requirement_keys``), and the tests hold it
to that too. Nothing is skipped.
"""

import dataclasses
import enum
import json
import threading
import time
import typing
import unittest

from valence import exception
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


class DriverConformance(Hooks, _TestCase):
    """The tests; mixed into a TestCase before it."""

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

    def _compose(
        self, driver: base.Driver, tag: str = "tag-1", **changed: typing.Any
    ) -> base.HardwareNode:
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

    # -- what it is ----------------------------------------------------------

    def test_constructing_does_no_io(self) -> None:
        before = self.calls()
        self._start()
        self.assertEqual(before, self.calls())

    def test_get_info(self) -> None:
        info = self._start().get_info()
        self.assertIsInstance(info, base.PodManagerInfo)
        self.assertIn("compose", info.capabilities)
        self.assertLessEqual(
            info.capabilities, {"compose", "power", "boot", "racks", "attach"}
        )

    def test_close_twice(self) -> None:
        driver = self._start()
        driver.get_info()
        driver.close()
        driver.close()

    def test_wrong_password(self) -> None:
        wrong = "not-the-password"
        driver = self._start(password=wrong)
        for call in (driver.get_info, driver.list_nodes, driver.list_systems):
            error = self._refused(exception.AuthFailure, call)
            self.assertNotIn(wrong, str(error))
        self.assertNotIn(wrong, repr(driver.connection))

    # -- what there is -------------------------------------------------------

    def test_values_are_plain(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        for system in driver.list_systems():
            json.dumps(dataclasses.asdict(system))
        for rack in driver.list_racks():
            json.dumps(dataclasses.asdict(rack))
        for node in driver.list_nodes():
            json.dumps(dataclasses.asdict(node))
        json.dumps(driver.get_assets(node.index))

    def test_systems(self) -> None:
        driver = self._start()
        systems = driver.list_systems()
        free = self.free_systems()
        self.assertGreaterEqual(free, 3, "the suite needs 3 free systems")
        self.assertEqual(
            free, sum(system.state == "free" for system in systems)
        )
        indexes = [system.index for system in systems]
        self.assertEqual(len(indexes), len(set(indexes)))
        for system in systems:
            self.assertIn(system.state, ("free", "in_use"))
            self.assertTrue(system.index)
            self.assertTrue(system.resource_uri)

    def test_systems_with_the_nodes_given(self) -> None:
        driver = self._start()
        self._compose(driver)
        self.assertEqual(
            driver.list_systems(), driver.list_systems(driver.list_nodes())
        )

    def test_a_composed_system_is_in_use(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        used = {
            system.resource_uri
            for system in driver.list_systems()
            if system.state == "in_use"
        }
        self.assertEqual(set(node.system_uris), used)

    def test_racks(self) -> None:
        driver = self._start()
        racks = driver.list_racks()
        if "racks" in driver.get_info().capabilities:
            self.assertTrue(racks)
        standing = {
            system: rack.index
            for rack in racks
            for system in rack.system_indexes
        }
        for system in driver.list_systems():
            self.assertEqual(
                standing.pop(system.index, None), system.rack_index
            )
        self.assertEqual({}, standing)

    def test_assets(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        assets = driver.get_assets(node.index)
        self.assertEqual(
            {
                "systems",
                "processors",
                "memory",
                "ethernet_interfaces",
                "local_drives",
                "remote_drives",
                "storage",
            },
            set(assets),
        )
        for documents in assets.values():
            for document in documents:
                self.assertTrue(document["resource_uri"])
                self.assertIn("name", document)
        self.assertEqual(
            node.system_uris,
            [system["resource_uri"] for system in assets["systems"]],
        )

    # -- composing -----------------------------------------------------------

    def test_compose(self) -> None:
        driver = self._start()
        free = self.free_systems()
        progress = Recorder()
        node = self._compose(driver, progress=progress, resume=False)
        self.assertTrue(node.usable)
        self.assertEqual("tag-1", node.tag)
        self.assertEqual("node of tag-1", node.name)
        self.assertEqual(1, len(node.system_uris))
        self.assertTrue(progress.steps)
        self.assertEqual(free - 1, self.free_systems())
        self.assertEqual([node], driver.list_nodes())
        self.assertEqual(node, driver.get_node(node.index))
        self.assertEqual(node, driver.find_node("tag-1"))
        # Another process knows nothing of what this one has seen.
        other = self._start()
        self.assertEqual(node, other.get_node(node.index))
        self.assertEqual(node, other.find_node("tag-1"))

    def test_compose_again_finds_the_first(self) -> None:
        free = self.free_systems()
        first = self._compose(self._start())
        second = self._compose(self._start())
        self.assertEqual(first, second)
        self.assertEqual(free - 1, self.free_systems())

    def test_another_tag_is_another_node(self) -> None:
        driver = self._start()
        first = self._compose(driver, "tag-1")
        second = self._compose(driver, "tag-10")
        self.assertNotEqual(first.index, second.index)
        self.assertNotEqual(first.system_uris, second.system_uris)
        self.assertEqual(first, driver.find_node("tag-1"))
        self.assertEqual(second, driver.find_node("tag-10"))

    def test_compose_with_any_text(self) -> None:
        driver = self._start()
        node = self._compose(
            driver,
            name='é ✓ "quoted" <b> %s',
            description="valence:other ü " + 3000 * "long ",
        )
        self.assertEqual("tag-1", node.tag)
        self.assertEqual('é ✓ "quoted" <b> %s', node.name)
        self.assertIsNone(driver.find_node("other"))
        bare = self._compose(driver, "tag-2", description=None)
        self.assertEqual("tag-2", bare.tag)

    def test_compose_until_nothing_is_left(self) -> None:
        driver = self._start()
        free = self.free_systems()
        for number in range(free):
            self._compose(driver, f"tag-{number}", requirements={})
        self._refused(
            exception.HardwareConflict,
            self._compose,
            driver,
            "one-too-many",
            requirements={},
        )
        self.assertEqual(free, len(driver.list_nodes()))
        self.assertIsNone(driver.find_node("one-too-many"))

    def test_nothing_fits(self) -> None:
        driver = self._start()
        free = self.free_systems()
        error = self._refused(
            exception.HardwareConflict,
            self._compose,
            driver,
            requirements=self.excessive,
        )
        self.assertNotIn("Traceback", str(error))
        self.assertEqual(free, self.free_systems())
        self.assertIsNone(driver.find_node("tag-1"))

    def test_unknown_requirement(self) -> None:
        driver = self._start()
        free = self.free_systems()
        error = self._refused(
            exception.HardwareNotSupported,
            self._compose,
            driver,
            requirements={"philosophers_stone": {"count": 1}},
        )
        self.assertIn("philosophers_stone", str(error))
        self.assertEqual(free, self.free_systems())

    def test_many_at_once(self) -> None:
        driver = self._start()
        free = self.free_systems()
        made: list[base.HardwareNode] = []
        threads = [
            threading.Thread(
                target=lambda tag: made.append(self._compose(driver, tag)),
                args=(f"tag-{number}",),
            )
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(3, len({node.index for node in made}))
        self.assertEqual(
            3, len({uri for node in made for uri in node.system_uris})
        )
        self.assertEqual(free - 3, self.free_systems())

    def test_progress_stops_it(self) -> None:
        recorder = Recorder()
        free = self.free_systems()
        self._compose(self._start(), progress=recorder)
        self._give_back("tag-1", free)
        places = recorder.steps + ["pause"] * bool(recorder.pauses)
        for place in places:
            progress = Recorder()
            progress.raise_at = place
            self._refused(
                Stopped, self._compose, self._start(), progress=progress
            )
            # Taken up by another process, from wherever it was.
            node = self._compose(self._start())
            self.assertTrue(node.usable)
            self.assertEqual(free - 1, self.free_systems())
            self._give_back("tag-1", free)

    # -- releasing -----------------------------------------------------------

    def test_delete(self) -> None:
        driver = self._start()
        free = self.free_systems()
        node = self._compose(driver)
        driver.delete_node(node.index, Recorder())
        self.assertEqual(free, self.free_systems())
        self.assertEqual([], driver.list_nodes())
        self.assertIsNone(driver.find_node("tag-1"))
        self._refused(exception.HardwareNotFound, driver.get_node, node.index)
        driver.delete_node(node.index, Recorder())
        self._start().delete_node(node.index, Recorder())

    def test_delete_leaves_the_others(self) -> None:
        driver = self._start()
        self._compose(driver, "tag-1")
        kept = self._compose(driver, "tag-2")
        driver.delete_node(
            driver.find_node("tag-1").index,  # type: ignore[union-attr]
            Recorder(),
        )
        self.assertEqual([kept], driver.list_nodes())

    def test_delete_by_another_process(self) -> None:
        free = self.free_systems()
        node = self._compose(self._start())
        self._start().delete_node(node.index, Recorder())
        self.assertEqual(free, self.free_systems())

    def test_unknown_node(self) -> None:
        driver = self._start()
        for call in (
            driver.get_node,
            driver.get_assets,
            lambda index: driver.reset_node(index, "On", Recorder()),
            lambda index: driver.set_boot_source(index, "Pxe"),
        ):
            error = self._refused(
                (
                    exception.HardwareNotFound,
                    exception.HardwareNotSupported,
                ),
                call,
                "no-such-node",
            )
            self.assertIsInstance(error, exception.HardwareError)
        self._refused(
            exception.HardwareNotFound, driver.get_node, "no-such-node"
        )
        self.assertIsNone(driver.find_node("no-such-tag"))
        driver.delete_node("no-such-node", Recorder())

    # -- power and boot ------------------------------------------------------

    def test_power(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        self.assertEqual(
            bool(driver.reset_types),
            "power" in driver.get_info().capabilities,
        )
        for reset_type, state in (
            ("On", "On"),
            ("On", "On"),
            ("ForceOff", "Off"),
            ("ForceOff", "Off"),
            ("On", "On"),
            ("ForceRestart", "On"),
            ("GracefulShutdown", "Off"),
        ):
            if reset_type in driver.reset_types:
                seen = driver.reset_node(node.index, reset_type, Recorder())
                self.assertEqual(state, seen.power_state)
                self.assertEqual(seen, driver.get_node(node.index))

    def test_unknown_reset(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        for reset_type in ("Explode", "on", ""):
            self._refused(
                exception.HardwareNotSupported,
                driver.reset_node,
                node.index,
                reset_type,
                Recorder(),
            )
        self.assertEqual(node, driver.get_node(node.index))

    def test_boot_source(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        if "boot" not in driver.get_info().capabilities:
            self._refused(
                exception.HardwareNotSupported,
                driver.set_boot_source,
                node.index,
                "Pxe",
            )
            return
        for target, enabled in (("Pxe", "Once"), ("Hdd", "Continuous")):
            seen = driver.set_boot_source(node.index, target, enabled)
            self.assertEqual(target, seen.boot["target"])
            self.assertEqual(enabled, seen.boot["enabled"])
            self.assertEqual(seen, driver.get_node(node.index))

    def test_unknown_boot_source(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        self._refused(
            (exception.HardwareNotSupported, exception.HardwareBadRequest),
            driver.set_boot_source,
            node.index,
            "Gramophone",
        )
        self.assertEqual(node.boot, driver.get_node(node.index).boot)

    # -- when it goes wrong --------------------------------------------------

    def _spoilt(
        self,
        fault: Fault,
        expected: type[Error] | tuple[type[Error], ...],
        **connection: typing.Any,
    ) -> Error | None:
        """Compose under a fault, then give back what there may be."""
        free = self.free_systems()
        driver = self._start(**connection)
        driver.get_info()
        if not self._shows(fault):
            return None
        error = self._refused(expected, self._compose, driver)
        if driver.connection.password:
            self.assertNotIn(driver.connection.password, str(error))
        self._give_back("tag-1", free)
        return error

    def test_refused(self) -> None:
        self._spoilt(Fault.REFUSE, exception.HardwareConflict)

    def test_failed(self) -> None:
        self._spoilt(Fault.FAIL, exception.BackendError)

    def test_cut_before(self) -> None:
        self._spoilt(Fault.CUT_BEFORE, exception.Unreachable)

    def test_cut_after(self) -> None:
        error = self._spoilt(Fault.CUT_AFTER, exception.Unreachable)
        if error is not None:
            self.assertTrue(error.maybe_done)

    def test_slow(self) -> None:
        error = self._spoilt(
            Fault.SLOW, exception.Unreachable, timeout=self.slow_timeout
        )
        if error is not None:
            self.assertTrue(error.maybe_done)

    def test_stuck(self) -> None:
        self._spoilt(Fault.STUCK, exception.HardwareTimeout, state_timeout=0.2)

    def test_breaks(self) -> None:
        self._spoilt(
            Fault.BREAK,
            (exception.BackendError, exception.HardwareConflict),
        )

    def test_a_lost_answer_is_taken_up(self) -> None:
        for fault in (Fault.CUT_AFTER, Fault.CUT_BEFORE):
            free = self.free_systems()
            driver = self._start()
            driver.get_info()
            if self._shows(fault):
                self._refused(exception.Unreachable, self._compose, driver)
                node = self._compose(driver)
                self.assertTrue(node.usable)
                self.assertEqual(free - 1, self.free_systems())
                self._give_back("tag-1", free)

    def test_a_lost_answer_to_delete(self) -> None:
        for fault in (Fault.CUT_AFTER, Fault.CUT_BEFORE, Fault.FAIL):
            free = self.free_systems()
            driver = self._start()
            node = self._compose(driver)
            if self._shows(fault):
                try:
                    driver.delete_node(node.index, Recorder())
                except (exception.Unreachable, exception.BackendError):
                    driver.delete_node(node.index, Recorder())
                self.fault(Fault.HEAL)
            else:
                driver.delete_node(node.index, Recorder())
            self.assertEqual(free, self.free_systems())

    def test_garbage(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        if not self._shows(Fault.GARBAGE):
            return
        for asked in (driver, self._start()):
            for call, args in (
                (asked.get_info, ()),
                (asked.list_systems, ()),
                (asked.list_nodes, ()),
                (asked.get_node, (node.index,)),
                (asked.find_node, ("tag-1",)),
                (asked.get_assets, (node.index,)),
            ):
                self._refused(exception.BackendError, call, *args)
        self.fault(Fault.HEAL)
        self.assertEqual(node, driver.get_node(node.index))

    def test_down(self) -> None:
        driver = self._start()
        if not self._shows(Fault.DOWN):
            return
        for call in (driver.get_info, lambda: self._compose(driver)):
            error = self._refused(exception.Unreachable, call)
            self.assertFalse(error.maybe_done)
