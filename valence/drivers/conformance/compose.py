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


"""How a driver composes nodes and gives them back."""

import collections
import threading

from valence import exception
from valence.drivers import base
from valence.drivers.conformance import hooks
from valence.drivers.conformance.hooks import Recorder


class Compose(hooks.Suite):
    """Composing."""

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

    def test_a_composed_system_is_in_use(self) -> None:
        driver = self._start()
        node = self._compose(driver)
        used = {
            system.resource_uri
            for system in driver.list_systems()
            if system.state == "in_use"
        }
        self.assertEqual(set(node.system_uris), used)

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

    def _racks(self, driver: base.Driver) -> dict[str, int]:
        """How many free systems stand in each rack that has any."""
        return dict(
            collections.Counter(
                system.rack_index
                for system in driver.list_systems()
                if system.state == "free" and system.rack_index is not None
            )
        )

    def _serves_racks(self, driver: base.Driver) -> bool:
        """Whether it composes in racks; one that does not says so."""
        if (
            "rack" in driver.requirement_keys
            and "racks" in driver.get_info().capabilities
        ):
            self.assertGreaterEqual(
                len(self._racks(driver)),
                2,
                "the suite needs free systems in 2 racks",
            )
            return True
        free = self.free_systems()
        error = self._refused(
            exception.HardwareNotSupported,
            self._compose,
            driver,
            requirements={"rack": {"index": "any"}},
        )
        self.assertIn("rack", str(error))
        self.assertEqual(free, self.free_systems())
        return False

    def test_in_a_rack(self) -> None:
        driver = self._start()
        if not self._serves_racks(driver):
            return
        for number, rack in enumerate(self._racks(driver)):
            tag, requirements = f"tag-{number}", {"rack": {"index": rack}}
            # Another process has read no racks.
            asked = driver if number % 2 else self._start()
            node = self._compose(asked, tag, requirements=requirements)
            self.assertEqual(
                {rack},
                {
                    system.rack_index
                    for system in driver.list_systems()
                    if system.resource_uri in node.system_uris
                },
            )
            self.assertEqual(
                node,
                self._compose(self._start(), tag, requirements=requirements),
            )

    def test_a_rack_where_nothing_fits(self) -> None:
        driver = self._start()
        if not self._serves_racks(driver):
            return
        racks = self._racks(driver)
        rack, free = min(racks.items(), key=lambda item: item[1])
        wanted = {"rack": {"index": rack}}
        for requirements in (
            {**self.excessive, **wanted},
            {"rack": {"index": "no-such-rack"}},
        ):
            self._refused(
                exception.HardwareConflict,
                self._compose,
                driver,
                "tag-0",
                requirements=requirements,
            )
        self.assertEqual(racks, self._racks(driver))
        for number in range(free):
            self._compose(driver, f"tag-{number}", requirements=wanted)
        # There are others, elsewhere.
        self._refused(
            exception.HardwareConflict,
            self._compose,
            driver,
            "one-too-many",
            requirements=wanted,
        )
        del racks[rack]
        self.assertEqual(racks, self._racks(driver))
        self.assertIsNone(driver.find_node("one-too-many"))

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
            self._stopped(
                progress, self._compose, self._start(), progress=progress
            )
            # Taken up by another process, from wherever it was.
            node = self._compose(self._start())
            self.assertTrue(node.usable)
            self.assertEqual(free - 1, self.free_systems())
            self._give_back("tag-1", free)


class Release(hooks.Suite):
    """Giving back."""

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
