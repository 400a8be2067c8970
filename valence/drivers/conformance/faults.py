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


"""What a driver makes of hardware that does wrong."""

import typing

from valence import exception
from valence.drivers.conformance import hooks
from valence.drivers.conformance.hooks import Error
from valence.drivers.conformance.hooks import Fault
from valence.drivers.conformance.hooks import Recorder


class Faults(hooks.Suite):
    """When composing and giving back go wrong."""

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


class Answers(hooks.Suite):
    """When there is no answer, or none that makes sense."""

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
                (asked.get_assets, (node.index,)),
            ):
                self._refused(exception.BackendError, call, *args)
            if not asked.composes_on_named_system:
                self._refused(exception.BackendError, asked.find_node, "tag-1")
        self.fault(Fault.HEAL)
        self.assertEqual(node, driver.get_node(node.index))

    def test_down(self) -> None:
        driver = self._start()
        if not self._shows(Fault.DOWN):
            return
        for call in (driver.get_info, lambda: self._compose(driver)):
            error = self._refused(exception.Unreachable, call)
            self.assertFalse(error.maybe_done)
