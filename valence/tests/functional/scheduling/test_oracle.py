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
"""The scheduler beside an oracle that looks at everything, by brute force.

On each database: what SQL means is not the same everywhere.
"""

import typing

import hypothesis
from hypothesis import strategies as st
import sqlalchemy as sa

from valence.tests import base  # isort: skip - chooses the threads
from valence import context
from valence.api import providers as api_providers
from valence.api import requirements as api_requirements
from valence.db import claims
from valence.db import engine
from valence.db import models
from valence.objects import requirements
from valence.scheduler import select
from valence.tests.fixtures import environment
from valence.tests.fixtures import services
from valence.tests.functional import books
from valence.tests.functional.scheduling import kept
from valence.tests.functional.scheduling import oracle
from valence.tests.functional.scheduling import worlds

WEIGHERS = ("spread", "pack", "leftovers")
MULTIPLIERS = st.sampled_from((-1.0, 0.0, 0.5, 1.0, 2.0))

_filters = st.one_of(
    st.just(oracle.DEFAULT),
    st.permutations(oracle.DEFAULT).flatmap(
        lambda order: st.integers(0, len(order)).map(lambda n: order[:n])
    ),
)
_weighers = st.lists(
    st.tuples(st.sampled_from(WEIGHERS), MULTIPLIERS),
    max_size=3,
    unique_by=lambda pair: pair[0],
)


class _Oracle:
    kind: typing.ClassVar[str]
    examples: typing.ClassVar[int]

    def setUp(self) -> None:
        super().setUp()
        database = None
        if self.kind != "sqlite":
            database = self.useFixture(services.Database(self.kind)).url
        self.useFixture(environment.Store(database))
        self.context = context.system_context()

    def test_agrees(self) -> None:
        self._compare(self.examples, worlds.worlds(), worlds.requests())

    def test_agrees_about_devices(self) -> None:
        self._compare(
            self.examples, worlds.crates(), worlds.requests_for_devices()
        )

    def test_largest_request(self) -> None:
        """What the API lets through is not too much for a database."""
        kept.write(oracle.World([worlds.plain(0)], []))
        most = range(api_providers.MOST_KINDS)
        for placement in {"rack": "0"}, {"rack": "0", "same_pool": True}:
            properties = {
                "memory": {"capacity_mib": 1},
                "processor": {"total_cores": 1, "model": "A"},
                "placement": placement,
                "pci_device": {
                    "devices": [
                        {"type": f"T{n}", "vendor": "V", "capacity_gib": 1}
                        for n in most
                    ]
                },
                "traits": {"required": [f"CUSTOM_{n}" for n in most]},
                "resources": {f"CUSTOM_{n}": 1 for n in most},
            }
            asked = requirements.of(api_requirements.read(properties, True))
            self.assertEqual([], select.select(asked))
            (refusal,) = select.explain(asked)
            self.assertEqual("traits", refusal.filter)
            self.assertEqual([], select.places(refusal.podm_id, asked))

    def _compare(self, examples, world, request) -> None:
        hypothesis.settings(
            max_examples=examples,
            suppress_health_check=tuple(hypothesis.HealthCheck),
            # To shrink what failed takes minutes; ask for it where it is
            # needed.
            phases=(hypothesis.Phase.generate,),
        )(
            hypothesis.given(
                world,
                st.lists(request, min_size=1, max_size=4),
                _filters,
                _weighers,
                st.integers(0, 9),
            )(self._one_world)
        )()

    def _one_world(self, world, asked, filters, weighers, named) -> None:
        self.conf.set(
            "scheduler",
            filters=list(filters),
            weighers=[name for name, _ in weighers],
            weigher_multipliers={n: str(m) for n, m in weighers},
        )
        kept.clear()
        kept.write(world)
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())
        for number, properties in enumerate(asked):
            podm_id = None
            if number == 0 and named < len(world.pods):
                podm_id = world.pods[named].uuid
            # Nothing that the API would not let through.
            properties = api_requirements.read(properties, True)
            self.request = requirements.of(properties, podm_id)
            self.asked = oracle.Asked(properties, podm_id)
            chosen = self._check_choice(world, filters, dict(weighers))
            self._check_refusals(world, filters)
            if chosen is not None and tuple(filters) == oracle.DEFAULT:
                self._check_claim(world, chosen, properties, podm_id)

    # -- who serves, and how well --

    def _check_choice(self, world, filters, multipliers):
        found = select.select(self.request)
        looked_at = world.looked_at(self.asked)
        serving = {
            podm.uuid: podm
            for podm in looked_at
            if world.refusal(podm, self.asked, filters) is None
        }
        self.assertEqual(
            sorted(serving),
            sorted(one.uuid for one in found),
            self.asked.__dict__,
        )
        if not found:
            return None
        scores = dict.fromkeys(serving, 0.0)
        for name, multiplier in multipliers.items():
            weights = world.weights(name, list(serving.values()), self.asked)
            for one in found:
                weight = multiplier * weights[one.uuid]
                self.assertAlmostEqual(weight, one.weights[name], 9)
                scores[one.uuid] += weight
        for one in found:
            self.assertEqual(set(multipliers), set(one.weights))
            self.assertAlmostEqual(scores[one.uuid], one.score, 9)
        best = found[0]
        self.assertAlmostEqual(max(scores.values()), scores[best.uuid], 8)
        ordered = [scores[one.uuid] for one in found]
        for better, worse in zip(ordered, ordered[1:], strict=False):
            self.assertGreaterEqual(better, worse - 1e-8)
        if self.asked.podm_id is not None:
            self.assertEqual([self.asked.podm_id], [o.uuid for o in found])
        return serving[best.uuid]

    # -- why others do not --

    def _check_refusals(self, world, filters) -> None:
        found = select.explain(self.request)
        expected = {
            podm.uuid: why
            for podm in world.looked_at(self.asked)
            if (why := world.refusal(podm, self.asked, filters)) is not None
        }
        self.assertEqual(expected, {one.podm_id: one.filter for one in found})
        nearness = []
        for one in found:
            podm = world.podm(one.podm_id)
            self.assertEqual(podm.name, one.name)
            needed, free = world.numbers(one.filter, podm, self.asked)
            self.assertEqual(
                (needed, free), (one.reason.needed, one.reason.free), one
            )
            self.assertRegex(one.reason.text, r"\A(it|its|no) .*[^ :,.]\Z")
            lacking = sum(
                max(0, amount - free.get(what, 0)) / amount
                for what, amount in needed.items()
                if isinstance(amount, int)
            )
            nearness.append((-list(filters).index(one.filter), lacking))
        for nearer, farther in zip(nearness, nearness[1:], strict=False):
            self.assertLessEqual(
                (nearer[0], round(nearer[1], 9)),
                (farther[0], round(farther[1], 9)),
            )

    # -- what is taken --

    def _check_claim(self, world, podm, properties, podm_id) -> None:
        found = select.places(podm.uuid, self.request)
        self.assertEqual(
            sorted(world.places(podm, self.asked), key=str),
            sorted(
                ((p.rack_id, p.rack_index, p.pool) for p in found), key=str
            ),
        )
        before = _books()
        for place in found:
            operation, node = kept.composing(self.context, properties, podm_id)
            self.assertTrue(
                claims.claim(operation, node, podm.uuid, self.request, place)
            )
            self.assertEqual(podm.uuid, node.podm_id)
            self._check_taken(world, podm, place, operation, node)
            taken = _books()
            # What a second attempt finds is not taken again.
            claims.claim(operation, node, podm.uuid, self.request, place)
            self.assertEqual(taken, _books())
            for _ in range(2):
                self.assertTrue(claims.let_go(operation, node, podm_id))
                self.assertEqual(podm_id, node.podm_id)
                self.assertEqual(before, _books())
            node.destroy()

    def _check_taken(self, world, podm, place, operation, node) -> None:
        d, a = models.DEVICES.c, models.ALLOCATIONS.c
        with engine.reading() as connection:
            taken = set(
                connection.execute(
                    sa.select(d.uuid).where(
                        d.node_uuid == node.uuid,
                        d.operation_id == operation.uuid,
                        d.state == "attaching",
                        d.attached_here.is_(sa.true()),
                    )
                ).scalars()
            )
            held = {
                (row.provider_id, row.resource_class): row.used
                for row in connection.execute(
                    sa.select(a.provider_id, a.resource_class, a.used).where(
                        a.consumer_id == node.uuid
                    )
                )
            }
        devices = [one for one in podm.devices if one.uuid in taken]
        self.assertEqual(len(self.asked.devices), len(devices))
        self.assertTrue(oracle.assigned(self.asked.devices, devices))
        for one in devices:
            self.assertTrue(one.free)
            self.assertTrue(self.asked.reachable(place.rack_id, one))
            if self.asked.same_pool:
                self.assertEqual(place.pool, one.pool)
        for name, amount in self.asked.amounts.items():
            self.assertEqual(amount, held.pop((podm.uuid, name)))
        pools = {pool.uuid: pool for pool in world.pools}
        for name, amount in self.asked.resources.items():
            ((pool, _),) = [key for key in held if key[1] == name]
            self.assertEqual(amount, held.pop((pool, name)))
            self.assertIn(pools[pool].podm_id, (None, podm.uuid))
            self.assertTrue(pools[pool].stocks[name].gives(amount))
        self.assertEqual({}, held)
        self.assertEqual([], books.added_up())


def _books() -> list[typing.Any]:
    """All that a claim may change, and has to give back."""
    with engine.reading() as connection:
        return [
            sorted(connection.execute(sa.select(*columns)).all(), key=str)
            for columns in (
                [
                    models.INVENTORIES.c[name]
                    for name in (
                        "provider_id",
                        "resource_class",
                        "used",
                        "free",
                    )
                ],
                [
                    models.ALLOCATIONS.c[name]
                    for name in (
                        "consumer_id",
                        "provider_id",
                        "resource_class",
                        "used",
                    )
                ],
                [
                    models.DEVICES.c[name]
                    for name in ("uuid", "state", "node_uuid", "operation_id")
                ],
                [models.SYSTEMS.c.uuid, models.SYSTEMS.c.state],
            )
        ]


class TestOnSQLite(_Oracle, base.TestCase):
    kind = "sqlite"
    examples = 150


class TestOnMariaDB(_Oracle, base.TestCase):
    kind = "mysql"
    examples = 40


class TestOnPostgreSQL(_Oracle, base.TestCase):
    kind = "postgresql"
    examples = 40
