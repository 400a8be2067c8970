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

"""Ties, filters that are off, and plug-ins that cannot be had."""

import collections
import math
import pathlib
import random

import fixtures
import testscenarios

from valence.tests import base  # isort: skip - chooses the threads
from valence.objects import requirements
from valence.scheduler import select
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.functional.scheduling import kept
from valence.tests.functional.scheduling import oracle
from valence.tests.functional.scheduling import worlds

DRAWS = 400


class TestTies(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(environment.Store())
        state = random.getstate()
        self.addCleanup(random.setstate, state)
        random.seed(20)

    def chosen(self, *pods: oracle.PodManager) -> dict[str, int]:
        """How often each is the best, of many times."""
        kept.write(oracle.World(list(pods), []))
        asked = requirements.of({})
        return collections.Counter(
            select.select(asked)[0].name for _ in range(DRAWS)
        )

    def assert_uniform(self, counts: dict[str, int], names: set[str]) -> None:
        self.assertEqual(names, set(counts))
        mean = DRAWS / len(names)
        # Pearson's chi-square; beyond this once in 1,300,000 times with four
        # degrees of freedom, and less often with fewer.
        chi_square = sum((n - mean) ** 2 / mean for n in counts.values())
        self.assertLess(chi_square, 34, counts)

    def test_of_all_that_are_alike_any_is_chosen(self) -> None:
        counts = self.chosen(*map(worlds.plain, range(5)))
        self.assert_uniform(counts, {f"pod-{n}" for n in range(5)})

    def test_of_the_best_any_is_chosen_and_no_other(self) -> None:
        counts = self.chosen(
            worlds.plain(0),
            worlds.plain(1, 2048),
            worlds.plain(2),
            worlds.plain(3, 4096),
            worlds.plain(4),
        )
        self.assert_uniform(counts, {"pod-0", "pod-2", "pod-4"})

    def test_what_differs_by_rounding_alone_is_a_tie(self) -> None:
        # Each is the best for one of the two, by a share of a third.
        self.conf.set(
            "scheduler",
            weighers=["spread", "pack"],
            weigher_multipliers={"spread": 0.1, "pack": 0.1},
        )
        in_use = [
            worlds.plain(
                number,
                systems=[
                    oracle.System(
                        f"{number:08}-0000-4000-8000-00000000000{n}",
                        *[None] * 4,
                        "free" if n <= number else "ours",
                    )
                    for n in range(3)
                ],
            )
            for number in range(3)
        ]
        counts = self.chosen(*in_use)
        self.assert_uniform(counts, {"pod-0", "pod-1", "pod-2"})

    def test_without_weighers_any_is_chosen(self) -> None:
        self.conf.set("scheduler", weighers=[])
        counts = self.chosen(
            worlds.plain(0), worlds.plain(1, 2048), worlds.plain(2, 4096)
        )
        self.assert_uniform(counts, {"pod-0", "pod-1", "pod-2"})

    def test_weighers_that_count_nothing_choose_nothing(self) -> None:
        self.conf.set("scheduler", weigher_multipliers={"leftovers": 0.0})
        counts = self.chosen(worlds.plain(0), worlds.plain(1, 2048))
        self.assert_uniform(counts, {"pod-0", "pod-1"})


#: What a pod manager lacks, and what is asked for, by the filter that minds.
LACKING = {
    "online": ({"status": "Offline"}, {}),
    "maintenance": ({"maintenance": True}, {}),
    "keys": ({"keys": []}, {"memory": {"capacity_mib": 1024}}),
    "location": ({}, {"placement": {"location": "elsewhere"}}),
    "traits": ({}, {"traits": {"required": ["CUSTOM_A"]}}),
    "capacity": ({"systems": []}, {}),
    "pools": ({}, {"resources": {"DISK_GB": 1}}),
    "system": ({}, {"memory": {"capacity_mib": 4096}}),
    "devices": ({}, {"pci_device": {"type": ["SSD"]}}),
}


class TestOff(testscenarios.WithScenarios, base.TestCase):
    scenarios = [(name, {"name": name}) for name in LACKING]

    def test_filter_that_is_off_turns_nobody_down(self) -> None:
        self.useFixture(environment.Store())
        lacks, properties = LACKING[self.name]
        kept.write(oracle.World([worlds.plain(0, **lacks)], []))
        asked = requirements.of(properties)
        for on in (self.name,), oracle.DEFAULT:
            self.conf.set("scheduler", filters=list(on))
            self.assertEqual([], select.select(asked))
            self.assertEqual(1, len(select.explain(asked)))
        off = [name for name in oracle.DEFAULT if name != self.name]
        if self.name == "devices":
            off.remove("capacity")  # which counts them as well
        self.conf.set("scheduler", filters=off)
        self.assertEqual(["pod-0"], [c.name for c in select.select(asked)])
        self.assertEqual([], select.explain(asked))

    def test_all_that_is_on_is_the_default(self) -> None:
        self.assertEqual(oracle.DEFAULT, tuple(select.active_filters()))


class TestPlugins(base.TestCase):
    """Of distributions that are installed, as far as anybody can tell."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(select._plugins.cache_clear)

    def install(self, points: str, source: str = "") -> None:
        """Install another one, in a place of its own."""
        home = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        name = f"plugin_{home.name}"
        info = home / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (info / "entry_points.txt").write_text(points.format(name))
        (home / f"{name}.py").write_text(source)
        self.useFixture(fixtures.PythonPathEntry(str(home)))

    def refused(self) -> str:
        # stevedore looks around once in the life of a process.
        known = "stevedore.ExtensionManager.ENTRY_POINT_CACHE"
        with fixtures.MonkeyPatch(known, {}):
            select._plugins.cache_clear()
            return str(self.assertRaises(select.PluginError, select.check))

    def test_one_that_is_not_installed(self) -> None:
        self.conf.set("scheduler", weighers=["spread", "luck", "fate"])
        self.assertEqual(
            "No valence.scheduler.weigher is called fate, luck.",
            self.refused(),
        )

    def test_one_that_cannot_be_loaded(self) -> None:
        for number, (source, why) in enumerate(
            (
                ("import nowhere_to_be_found", "No module named"),
                ("class A:\n  def __init__(self): 1 / 0", "division by zero"),
                ("", "has no attribute 'A'"),
                ("class A: pass", "it is no Filter"),
            )
        ):
            name = f"broken-{number}"
            self.install(
                f"[valence.scheduler.filter]\n{name} = {{0}}:A\n", source
            )
            self.conf.set("scheduler", filters=["online", name])
            said = self.refused()
            self.assertIn(f"'{name}' cannot be loaded: ", said)
            self.assertIn(why, said)

    def test_a_weigher_that_does_not_weigh(self) -> None:
        """It is refused before a conductor is at work, not by each node."""
        self.install(
            "[valence.scheduler.weigher]\nidle = {0}:A\n",
            "from valence.scheduler import base\nclass A(base.Weigher): pass",
        )
        self.conf.set("scheduler", weighers=["idle"])
        self.assertRegex(self.refused(), "'idle' cannot be loaded: .*weigh")

    def test_two_of_one_name(self) -> None:
        self.install(
            "[valence.scheduler.weigher]\n"
            "spread = valence.scheduler.weighers:Pack\n",
        )
        self.assertEqual(
            "More than one valence.scheduler.weigher is called 'spread'.",
            self.refused(),
        )

    def test_multipliers_of_nobody(self) -> None:
        select.check()
        self.conf.set("scheduler", weigher_multipliers={"pack": 2.0})
        self.assertIn("'pack', which is no weigher that is on", self.refused())
        for value in (math.nan, math.inf):
            self.conf.set("scheduler", weigher_multipliers={"spread": value})
            self.assertIn("for 'spread' is no number", self.refused())

    def test_conductor_does_not_start(self) -> None:
        home = self.useFixture(fixtures.TempDir()).path
        options = {
            "database": {"connection": f"sqlite:///{home}/v.sqlite"},
            "scheduler": {"weigher_multipliers": "pack:10"},
        }
        processes.run("valence-dbsync", options, "upgrade")
        done = processes.run("valence-conductor", options, check=False)
        self.assertEqual(1, done.returncode, done.stdout)
        self.assertEqual(
            "There is a multiplier for 'pack', which is no weigher that is "
            "on. See [scheduler]filters and [scheduler]weighers.",
            done.stdout.strip(),
        )
