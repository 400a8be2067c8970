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

"""How a driver composes on a system that it is told.

Where the hardware has no place for a tag (``composes_on_named_system``) the
node *is* the system: nothing is to be found by a tag, and what makes it
somebody's is that it was named.
"""

from valence import exception
from valence.drivers.conformance import hooks
from valence.drivers.conformance.hooks import Recorder


class ComposeNamed(hooks.Suite):
    """Composing and giving back."""

    def test_compose(self) -> None:
        driver = self._start()
        free = {
            system.index: system.resource_uri
            for system in driver.list_systems()
            if system.state == "free"
        }
        for resume, (index, resource_uri) in zip(
            (False, True), free.items(), strict=False
        ):
            progress = Recorder()
            node = self._compose(
                driver, system=index, resume=resume, progress=progress
            )
            self.assertTrue(node.usable)
            self.assertIsNone(node.tag)
            self.assertEqual(index, node.index)
            self.assertEqual(resource_uri, node.resource_uri)
            self.assertEqual([resource_uri], node.system_uris)
            self.assertTrue(progress.steps)
            # Another process knows nothing of what this one has seen.
            self.assertEqual(node, self._start().get_node(index))
            self.assertEqual(node, self._compose(self._start(), system=index))

    def test_nothing_is_found_by_a_tag(self) -> None:
        driver = self._start()
        self._compose(driver)
        for tag in ("tag-1", "no-such-tag"):
            self.assertIsNone(driver.find_node(tag))

    def test_compose_on_nothing(self) -> None:
        driver = self._start()
        for system, expected in (
            (None, exception.HardwareBadRequest),
            ("no-such-system", exception.HardwareNotFound),
            ("../systems", exception.HardwareNotFound),
        ):
            progress = Recorder()
            self._refused(
                expected,
                self._compose,
                driver,
                system=system,
                progress=progress,
            )
            self.assertEqual([], progress.steps)

    def test_unknown_requirement(self) -> None:
        driver = self._start()
        for key in ("philosophers_stone", "memory", "rack"):
            if key in driver.requirement_keys:
                continue
            error = self._refused(
                exception.HardwareNotSupported,
                self._compose,
                driver,
                requirements={key: {"count": 1}},
            )
            self.assertIn(key, str(error))

    def test_delete(self) -> None:
        driver = self._start()
        free = self.free_systems()
        node = self._compose(driver)
        for _ in range(2):
            driver.delete_node(node.index, Recorder())
            self._start().delete_node(node.index, Recorder())
            self.assertEqual(free, self.free_systems())
            self.assertEqual([], driver.list_nodes())

    def test_unknown_node(self) -> None:
        driver = self._start()
        for index in ("no-such-node", "../nodes", ""):
            for call in (driver.get_node, driver.get_assets):
                self._refused(exception.HardwareNotFound, call, index)
            driver.delete_node(index, Recorder())
