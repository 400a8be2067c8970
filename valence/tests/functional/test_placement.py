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

"""Placement says what the rows say."""

from valence.tests.functional import mirrored  # isort: skip
import sqlalchemy as sa

from valence import objects
from valence.db import engine
from valence.db import models
from valence.tests.functional.mirrored import told


class TestEqual(mirrored.MirrorCase):
    def test_from_the_first_to_the_last(self) -> None:
        podm = self.env.register()["uuid"]
        state = self.assert_mirrored()
        self.assertEqual([podm], list(state["providers"]))
        total = state["providers"][podm]["inventories"]
        self.assertEqual(6, total["CUSTOM_SYSTEM"]["total"])
        one = self.env.compose(name="one")["uuid"]
        two = self.env.compose(name="two", podm_id=podm)["uuid"]
        state = self.assert_mirrored()
        self.assertEqual({podm, one, two}, set(state["providers"]))
        self.assertEqual(
            {"CUSTOM_COMPOSED_NODE"},
            set(state["providers"][one]["inventories"]),
        )
        self.assert_usages(podm, CUSTOM_SYSTEM=2)
        device = objects.Device.find(self.context)[0]
        action = f"/v1/nodes/{one}/action"
        for verb in ("attach", "detach", "attach"):
            answer = self.api.post(
                action, {verb: {"uuid": device.uuid}}, wait=60
            )
            self.assertEqual(204, answer.status, answer)
            state = self.assert_mirrored()
            held = state["consumers"][one]["holds"][podm]
            self.assertEqual(1 + (verb == "attach"), sum(held.values()))
        gone = self.api.delete(f"/v1/nodes/{one}", wait=60)
        self.assertEqual(204, gone.status, gone)
        state = self.assert_mirrored()
        self.assertEqual({podm, two}, set(state["providers"]))
        self.assertEqual({two}, set(state["consumers"]))
        self.assertEqual(
            204, self.api.delete(f"/v1/nodes/{two}", wait=60).status
        )
        self.assertEqual(
            204, self.api.delete(f"/v1/pod_managers/{podm}").status
        )
        state = self.assert_mirrored()
        self.assertEqual({}, state["providers"])

    def test_a_compose_that_fails(self) -> None:
        podm = self.env.register()["uuid"]
        self.env.pods[0].faults.add(path="Assemble$", status=500)
        answer = self.api.post("/v1/nodes", {"name": "one"}, wait=60)
        self.assertGreaterEqual(answer.status, 400, answer)
        state = self.assert_mirrored()
        self.assertEqual([podm], list(state["providers"]))
        self.assertEqual({}, state["consumers"])

    def test_names_that_are_long_or_the_same(self) -> None:
        podm = self.env.register(name="p" * 255)["uuid"]
        nodes = [self.env.compose(name="n" * 255)["uuid"] for _ in range(2)]
        self.wait_for({podm, *nodes})

    def test_a_new_name(self) -> None:
        podm = self.env.register()["uuid"]
        self.assert_mirrored()
        self.api.patch(
            f"/v1/pod_managers/{podm}",
            [{"op": "replace", "path": "/name", "value": "elsewhere"}],
            Content_Type="application/json-patch+json",
        )
        self.api.post(f"/v1/pod_managers/{podm}/sync", wait=60)
        state = self.assert_mirrored()
        self.assertIn("elsewhere", state["providers"][podm]["name"])

    def test_who_a_node_belongs_to(self) -> None:
        self.env.register()
        node = self.env.compose(name="one")["uuid"]
        self.assert_mirrored()
        with engine.writing() as connection:
            connection.execute(
                sa.update(models.NODES).values(
                    project_id="a-project", user_id="a-user"
                )
            )
        # Nobody writes this in real life: it is looked at all the same.
        state = self.assert_mirrored()
        self.assertEqual("a-project", state["consumers"][node]["project"])


class TestPools(mirrored.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.podm = self.env.register()["uuid"]

    def node(self, name: str, **resources: int) -> str:
        return self.env.compose(
            name=name, properties={"resources": resources} if resources else {}
        )["uuid"]

    def test_pools_of_one_and_of_all(self) -> None:
        ours = self.pool("ours", self.podm, CUSTOM_LICENSE=told(4))
        everybodys = self.pool("all", CUSTOM_ADDRESS=told(100, 3))
        node = self.node("one")
        objects.Allocation.replace(
            self.context,
            node,
            {
                ours.uuid: {"CUSTOM_LICENSE": 2},
                everybodys.uuid: {"CUSTOM_ADDRESS": 5},
            },
        )
        state = self.assert_mirrored()
        self.assertEqual(
            {self.podm, node, ours.uuid, everybodys.uuid},
            set(state["providers"]),
        )
        self.assertEqual(3, len(state["consumers"][node]["holds"]))
        self.assert_usages(ours.uuid, CUSTOM_LICENSE=2)
        objects.Allocation.replace(self.context, node, {})
        state = self.assert_mirrored()
        self.assertEqual([self.podm], list(state["consumers"][node]["holds"]))
        ours.destroy()
        everybodys.destroy()
        self.assertEqual(
            {self.podm, node}, set(self.assert_mirrored()["providers"])
        )

    def test_a_pool_that_is_there_when_the_compose_ends(self) -> None:
        # The pod manager's turn comes before the pool's, which the end of
        # the compose does not mention.
        self.conf.set("placement", interval=600)
        self.env.stop_conductor()
        self.env.start_conductor()
        self.assert_mirrored()
        pool = self.pool("new", CUSTOM_LICENSE=told(2))
        node = self.node("one", CUSTOM_LICENSE=2)
        state = self.assert_mirrored()
        self.assertEqual(
            {"CUSTOM_LICENSE": 2}, state["consumers"][node]["holds"][pool.uuid]
        )

    def test_classes_come_and_go(self) -> None:
        pool = self.pool(
            "p",
            CUSTOM_A=told(5),
            CUSTOM_B=told(7, step_size=2, min_unit=2, allocation_ratio=1.1),
            VCPU=told(0),
        )
        node = self.node("one", CUSTOM_A=3)
        self.assert_mirrored()
        objects.Allocation.replace(
            self.context, node, {pool.uuid: {"CUSTOM_B": 4}}
        )
        mirrored.set_pool(pool, CUSTOM_B=told(8), CUSTOM_C=told(1))
        state = self.assert_mirrored()
        self.assertEqual(
            {"CUSTOM_B", "CUSTOM_C"},
            set(state["providers"][pool.uuid]["inventories"]),
        )

    def test_what_is_held_changes_hands(self) -> None:
        pool = self.pool("p", CUSTOM_A=told(4), CUSTOM_B=told(4))
        one, two = self.node("one"), self.node("two")

        def hold(node: str, **amounts: int) -> None:
            objects.Allocation.replace(
                self.context, node, {pool.uuid: amounts} if amounts else {}
            )

        hold(one, CUSTOM_A=4)
        hold(two, CUSTOM_B=4)
        self.assert_mirrored()
        # None of the two can be told of first: all is in use.
        self.env.stop_conductor()
        hold(one)
        hold(two, CUSTOM_A=4)
        hold(one, CUSTOM_B=4)
        self.env.start_conductor()
        state = self.assert_mirrored()
        self.assertEqual(
            {"CUSTOM_B": 4}, state["consumers"][one]["holds"][pool.uuid]
        )

    def test_a_pool_that_became_smaller_than_what_is_held(self) -> None:
        pool = self.pool("p", CUSTOM_A=told(8))
        node = self.node("one", CUSTOM_A=6)
        self.assert_mirrored()
        mirrored.set_pool(pool, CUSTOM_A=told(4, 1, max_unit=2, step_size=4))
        other = self.node("two")
        path = f"/resource_providers/{pool.uuid}/inventories/CUSTOM_A"

        def shown() -> bool:
            found = self.placement.request("GET", path)
            return (found["total"], found["reserved"]) == (7, 1)

        mirrored.poll(shown, "as much as is held")
        mirrored.poll(
            lambda: (
                mirrored.in_placement(self.placement)["consumers"]
                == mirrored.in_rows(self.context)["consumers"]
            ),
            f"{node} and {other} hold what they hold",
        )
        mirrored.set_pool(pool, CUSTOM_A=told(8))
        self.assert_mirrored()

    def test_traits(self) -> None:
        podm = objects.ResourceProvider.get(self.context, self.podm)
        podm.write_traits(
            ["CUSTOM_RACK_7", "HW_CPU_X86_AVX512F"], podm.generation
        )
        state = self.assert_mirrored()
        self.assertIn("CUSTOM_RACK_7", state["providers"][self.podm]["traits"])
        podm.generation += 1
        podm.write_traits([], podm.generation)
        self.assert_mirrored()
