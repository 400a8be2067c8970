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

"""What Placement is to hold."""

import hypothesis
from hypothesis import strategies as st

from valence.db import ledger
from valence.placement import wanted
from valence.tests import base

UUID = "7d1c0a52-38a2-4c1e-9d3f-52b0a3a8d0f1"

inventories = st.fixed_dictionaries(
    {
        "total": st.integers(0, 1000),
        "reserved": st.integers(0, 1200),
        "min_unit": st.integers(1, 20),
        "max_unit": st.integers(1, 1000),
        "step_size": st.integers(1, 12),
        "allocation_ratio": st.floats(0.01, 16),
    }
)
#: Nothing here depends on how busy the machine is.
unhurried = hypothesis.settings(
    suppress_health_check=tuple(hypothesis.HealthCheck)
)
amounts = st.lists(st.integers(1, 300), max_size=8)


class TestFitting(base.TestCase):
    @unhurried
    @hypothesis.given(inventories, amounts)
    def test_placement_takes_it(self, told, held) -> None:
        """The rules of its schemas, and those for allocations."""
        fitted = wanted.fitting(told, held)
        self.assertLessEqual(0, fitted["reserved"])
        self.assertLessEqual(fitted["reserved"], fitted["total"])
        for amount in held:
            self.assertLessEqual(fitted["min_unit"], amount)
            self.assertLessEqual(amount, fitted["max_unit"])
            self.assertEqual(0, amount % fitted["step_size"])
        room = fitted["total"] - fitted["reserved"]
        self.assertLessEqual(sum(held), room * fitted["allocation_ratio"])

    @unhurried
    @hypothesis.given(inventories, amounts)
    def test_what_fits_is_told_as_it_is(self, told, held) -> None:
        room = told["total"] - told["reserved"]
        hypothesis.assume(room >= 0)
        hypothesis.assume(sum(held) <= int(room * told["allocation_ratio"]))
        hypothesis.assume(
            all(
                told["min_unit"] <= amount <= told["max_unit"]
                and amount % told["step_size"] == 0
                for amount in held
            )
        )
        self.assertEqual(told, wanted.fitting(told, held))

    def test_no_more_is_told_than_is_held(self) -> None:
        told = {
            "total": 4,
            "reserved": 1,
            "min_unit": 2,
            "max_unit": 3,
            "step_size": 2,
            "allocation_ratio": 1.0,
        }
        fitted = wanted.fitting(told, [6, 3])
        self.assertEqual(
            (10, 1, 2, 6, 1),
            tuple(
                fitted[key]
                for key in (
                    "total",
                    "reserved",
                    "min_unit",
                    "max_unit",
                    "step_size",
                )
            ),
        )

    def test_nothing_of_nothing(self) -> None:
        nothing = {
            "total": 0,
            "reserved": 0,
            "min_unit": 1,
            "max_unit": 1,
            "step_size": 1,
            "allocation_ratio": 1.0,
        }
        self.assertEqual({}, wanted.inventories({"VCPU": nothing}, {}))
        found = wanted.inventories({"VCPU": nothing}, {"VCPU": [2]})
        self.assertEqual(2, found["VCPU"]["total"])


class TestNames(base.TestCase):
    def test_they_fit_and_are_nobody_elses(self) -> None:
        for name in ("compute-7", "n" * 255, "Straße", "a\0b\U0001f5b1"):
            for found in wanted.names(UUID, name):
                self.assertLessEqual(len(found), 200)
                self.assertTrue(found.isprintable())
                self.assertLess(max(found), "\U00010000")
                self.assertIn(UUID, found)
                self.assertNotEqual(UUID, found)


class TestClaim(base.TestCase):
    def test_nobody(self) -> None:
        consumer = ledger.Consumer(None, None, {"p": {"VCPU": 1}})
        claim = wanted.claim(consumer, {"VCPU"})
        self.assertEqual(wanted.NOBODY, claim.project_id)
        self.assertEqual(wanted.NOBODY, claim.user_id)

    def test_what_placement_does_not_know_is_left_out(self) -> None:
        consumer = ledger.Consumer(
            "p", "u", {"a": {"VCPU": 1, "NEW": 2}, "b": {"NEW": 3}}
        )
        self.assertEqual(
            {"a": {"VCPU": 1}}, wanted.claim(consumer, {"VCPU"}).holds
        )
