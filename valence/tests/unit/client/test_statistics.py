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

"""How long operations take, in a few numbers."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from valence.db import durations
from valence.tests import base
from valenceclient import http
from valenceclient.osc.v1 import operation

SECONDS = st.floats(0, 10_000).map(lambda seconds: round(seconds, 3))


def stats(took: list[float]) -> http.Document:
    """What the service says of operations that took so long."""
    return http.Document(
        count=len(took),
        seconds=sum(took),
        buckets=[
            {
                "up_to": bound,
                "count": sum(bound is None or t <= bound for t in took),
            }
            for bound in (*durations.BOUNDS, None)
        ],
    )


class TestSummary(base.TestCase):
    def test_some(self) -> None:
        found = operation.summary(stats([0.5] * 5 + [4.0] * 4 + [4000.0]))
        self.assertEqual(1, found["p50"])
        self.assertEqual(5, found["p90"])
        self.assertEqual("> 3600", found["p99"])
        self.assertEqual(401.9, found["mean"])

    @settings(deadline=None)
    @given(st.lists(SECONDS, min_size=1, max_size=200))
    def test_so_many_took_no_longer(self, took: list[float]) -> None:
        found = operation.summary(stats(took))
        for name, percent in operation.QUANTILES.items():
            bound = found[name]
            if bound == "> 3600":
                bound = float("inf")
            within = sum(t <= bound for t in took) * 100
            self.assertGreaterEqual(within, percent * len(took))
            # And no smaller bound would do.
            for less in durations.BOUNDS:
                if less < bound:
                    within = sum(t <= less for t in took) * 100
                    self.assertLess(within, percent * len(took))
