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

"""Somebody else writes to Placement."""

import logging
import sqlite3
import uuid

from valence.tests.functional import mirrored  # isort: skip
import fixtures
import requests

from valence import objects
from valence.tests.functional.mirrored import told


class MeddledCase(mirrored.MirrorCase):
    """One pod manager, one node, one pool of which the node holds some."""

    def setUp(self) -> None:
        super().setUp()
        self.podm = self.env.register()["uuid"]
        self.pool_id = self.pool("pool", CUSTOM_LICENSE=told(9)).uuid
        self.node = self.env.compose(
            name="one", properties={"resources": {"CUSTOM_LICENSE": 3}}
        )["uuid"]
        self.assert_mirrored()

    def ask(self, method, path, body=None):
        """Placement's answer; a write names the generation it wants."""
        if (
            isinstance(body, dict)
            and body.get("resource_provider_generation", 0) is None
        ):
            provider = path.rsplit("/", 1)[0]
            found = self.placement.request("GET", provider)
            body["resource_provider_generation"] = found["generation"]
        return self.placement.request(method, path, body)

    def provider(self, name=None, **inventories):
        """One of somebody else's."""
        made = self.ask(
            "POST", "/resource_providers", {"name": name or str(uuid.uuid4())}
        )
        if inventories:
            self.ask(
                "PUT",
                f"/resource_providers/{made['uuid']}/inventories",
                {
                    "inventories": inventories,
                    "resource_provider_generation": None,
                },
            )
        return made["uuid"]

    def claim(self, consumer, holds, kind="INSTANCE"):
        found = self.ask("GET", f"/allocations/{consumer}")
        self.ask(
            "PUT",
            f"/allocations/{consumer}",
            {
                "allocations": {
                    provider: {"resources": amounts}
                    for provider, amounts in holds.items()
                },
                "project_id": "p",
                "user_id": "u",
                "consumer_type": kind,
                "consumer_generation": found.get("consumer_generation"),
            },
        )


class TestRepaired(MeddledCase):
    """What somebody changed is what it was soon after."""

    def test_one_after_the_other(self) -> None:
        for meddle in (
            self.delete_node,
            self.delete_everything,
            self.rename,
            self.move_below_another,
            self.take_traits,
            self.take_mark,
            self.take_aggregates,
            self.take_traits_and_aggregates,
            self.add_trait,
            self.change_inventory,
            self.add_inventory,
            self.delete_inventories,
            self.delete_allocations,
            self.change_allocations,
            self.own_allocations,
            self.claim_anew,
            self.delete_words,
            self.half_made_consumer,
            self.restore,
        ):
            meddle()
            try:
                self.assert_mirrored()
            except AssertionError as e:
                raise AssertionError(f"after {meddle.__name__}") from e

    def paths(self):
        return [
            f"/resource_providers/{one}"
            for one in (self.podm, self.node, self.pool_id)
        ]

    def change(self, what, **body):
        for path in self.paths():
            self.ask(
                "PUT",
                f"{path}/{what}",
                {**body, "resource_provider_generation": None},
            )

    def delete_node(self):
        self.ask("DELETE", f"/resource_providers/{self.node}")

    def delete_everything(self):
        self.env.stop_conductor()
        self.ask("DELETE", f"/allocations/{self.node}")
        for path in self.paths():
            self.ask("DELETE", path)
        self.env.start_conductor()

    def rename(self):
        for path in self.paths():
            self.ask("PUT", path, {"name": str(uuid.uuid4())})

    def move_below_another(self):
        parent = self.provider()
        for path in self.paths():
            self.ask(
                "PUT",
                path,
                {"name": path[-36:], "parent_provider_uuid": parent},
            )

    def take_traits(self):
        self.change("traits", traits=[])

    def take_mark(self):
        self.change("traits", traits=["COMPUTE_STATUS_DISABLED"])

    def take_aggregates(self):
        self.change("aggregates", aggregates=[])

    def take_traits_and_aggregates(self):
        self.env.stop_conductor()
        self.take_traits()
        self.take_aggregates()
        self.rename()
        self.env.start_conductor()

    def add_trait(self):
        self.change("traits", traits=[mirrored.MARK, "HW_CPU_X86_AVX"])

    def change_inventory(self):
        path = f"/resource_providers/{self.podm}/inventories/CUSTOM_SYSTEM"
        found = self.ask("GET", path)
        self.ask("PUT", path, {**found, "total": 99, "step_size": 1})

    def add_inventory(self):
        for path in self.paths():
            found = self.ask("GET", f"{path}/inventories")
            found["inventories"]["VCPU"] = {"total": 64}
            self.ask("PUT", f"{path}/inventories", found)

    def delete_inventories(self):
        self.env.stop_conductor()
        self.ask("DELETE", f"/allocations/{self.node}")
        for path in self.paths():
            self.ask("DELETE", f"{path}/inventories")
        self.env.start_conductor()

    def delete_allocations(self):
        # This raises no generation at all.
        self.ask("DELETE", f"/allocations/{self.node}")

    def change_allocations(self):
        self.claim(
            self.node,
            {self.pool_id: {"CUSTOM_LICENSE": 1}},
            "VALENCE_NODE",
        )

    def own_allocations(self):
        held = mirrored.in_rows(self.context)["consumers"][self.node]["holds"]
        self.claim(self.node, held)

    def claim_anew(self):
        # It has the generation that it had before.
        self.proxy.on("*", "", times=None).hang()
        self.delete_allocations()
        self.claim(
            self.node, {self.podm: {"CUSTOM_SYSTEM": 2}}, "VALENCE_NODE"
        )
        self.proxy.heal()

    def delete_words(self):
        """With all that is called by them, behind the mirror's back."""
        pool = self.pool("another", CUSTOM_RARE=told(1))
        self.assert_mirrored()
        pool.write_inventories({}, pool.generation)
        self.assert_mirrored()
        self.ask("DELETE", "/resource_classes/CUSTOM_RARE")
        pool.generation += 1
        pool.write_inventories({"CUSTOM_RARE": told(2)}, pool.generation)

    def half_made_consumer(self):
        """Placement died between a consumer and its allocations."""
        self.env.stop_conductor()
        self.ask("DELETE", f"/allocations/{self.node}")
        with sqlite3.connect(self.placement.path("placement.db")) as database:
            project, user = database.execute(
                "SELECT projects.id, users.id FROM projects, users"
            ).fetchone()
            database.execute(
                "INSERT INTO consumers (uuid, project_id, user_id, generation)"
                " VALUES (?, ?, ?, 0)",
                (self.node, project, user),
            )
        self.env.start_conductor()

    def restore(self):
        """A past whose generations are those of the present."""
        self.useFixture(
            fixtures.MonkeyPatch("valence.placement.mirror.BELIEVED", 0)
        )
        with sqlite3.connect(self.placement.path("placement.db")) as database:
            database.execute("UPDATE inventories SET reserved = 1, total = 2")
            database.execute("DELETE FROM resource_provider_traits")


class TestOthers(MeddledCase):
    def test_what_others_hold_of_ours_is_taken_back(self) -> None:
        theirs = self.provider(VCPU={"total": 8})
        one, two = str(uuid.uuid4()), str(uuid.uuid4())
        self.claim(one, {self.podm: {"CUSTOM_SYSTEM": 5}})
        self.claim(
            two,
            {self.pool_id: {"CUSTOM_LICENSE": 6}, theirs: {"VCPU": 2}},
        )
        self.assert_mirrored()
        self.assertEqual(
            {}, self.ask("GET", f"/allocations/{one}")["allocations"]
        )
        left = self.ask("GET", f"/allocations/{two}")
        self.assertEqual([theirs], list(left["allocations"]))
        self.assertEqual(
            ("p", "u", "INSTANCE"),
            (left["project_id"], left["user_id"], left["consumer_type"]),
        )

    def test_a_name_is_taken(self) -> None:
        self.env.stop_conductor()
        one = self.pool("wanted", CUSTOM_LICENSE=told(1))
        taken = self.provider(f"wanted ({one.uuid})")
        self.env.start_conductor()

        def shown():
            found = self.placement.send(
                "GET", f"/resource_providers/{one.uuid}"
            )
            return found.status_code == 200 and found.json()["name"]

        self.assertEqual(
            f"valence:{one.uuid}", mirrored.poll(shown, "it has a name")
        )
        self.wait_for({self.podm, self.node, self.pool_id, one.uuid})
        theirs = self.ask("GET", f"/resource_providers/{taken}")
        self.assertEqual(0, theirs["generation"])
        # A node of that name does not take Nova's.
        self.env.compose(name="compute-7")
        self.provider("compute-7")

    def test_both_names_are_taken(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger("valence.placement", logging.INFO)
        )
        self.env.stop_conductor()
        one = self.pool("wanted", CUSTOM_LICENSE=told(1))
        taken = [
            self.provider(f"wanted ({one.uuid})"),
            self.provider(f"valence:{one.uuid}"),
        ]
        self.env.start_conductor()
        # Everything else is mirrored nevertheless.
        two = self.env.compose(name="two")["uuid"]
        self.wait_for({self.podm, self.node, self.pool_id, two})
        mirrored.poll(lambda: "does not take" in log.output, "it is told")
        looks = len(self.proxy.seen("POST", "/resource_providers$"))
        mirrored.poll(
            lambda: (
                len(self.proxy.seen("POST", "/resource_providers$"))
                > looks + 4
            ),
            "it was tried again",
        )
        self.assertEqual(1, log.output.count("does not take"), log.output)
        for provider in taken:
            self.ask("DELETE", f"/resource_providers/{provider}")
        self.wait_for({self.podm, self.node, self.pool_id, two, one.uuid})
        mirrored.poll(lambda: "has taken" in log.output, "that, too")

    def enroll(self, managed_by: str) -> None:
        node = objects.Node.get(self.context, self.node)
        node.managed_by = managed_by
        node.save()

    def take_over(self) -> None:
        """What the nova-compute for Ironic does to a node's provider."""
        path = f"/resource_providers/{self.node}"
        for what, body in (
            (
                "inventories",
                {"inventories": {"CUSTOM_BAREMETAL": {"total": 1}}},
            ),
            ("traits", {"traits": ["HW_CPU_X86_AVX"]}),
        ):
            self.ask(
                "PUT",
                f"{path}/{what}",
                {**body, "resource_provider_generation": None},
            )

    def of_nova(self):
        """What Nova has of the node."""
        path = f"/resource_providers/{self.node}"
        try:
            return (
                self.ask("GET", f"{path}/inventories")["inventories"].keys(),
                set(self.ask("GET", f"{path}/traits")["traits"]),
                self.ask("GET", f"{path}/allocations")["allocations"].keys(),
            )
        except requests.HTTPError:
            return None

    def test_a_node_is_enrolled_elsewhere(self) -> None:
        self.ask("PUT", "/resource_classes/CUSTOM_BAREMETAL")
        self.enroll("ironic")
        # Ours makes room for Nova's ...
        self.wait_for({self.podm, self.pool_id})
        self.assertEqual(
            404,
            self.placement.send(
                "GET", f"/resource_providers/{self.node}"
            ).status_code,
        )
        self.ask(
            "POST",
            "/resource_providers",
            {"uuid": self.node, "name": self.node},
        )
        self.take_over()
        instance = str(uuid.uuid4())
        self.claim(instance, {self.node: {"CUSTOM_BAREMETAL": 1}})
        before = self.of_nova()
        # ... which nobody touches. What the node holds stays ours.
        self.env.compose(name="two")
        state = self.assert_mirrored()
        self.assertIn(self.node, state["consumers"])
        self.assertNotIn(self.node, state["providers"])
        self.assertEqual(before, self.of_nova())
        # Nova lets go of it.
        self.ask("DELETE", f"/allocations/{instance}")
        self.ask("DELETE", f"/resource_providers/{self.node}")
        self.enroll("valence")
        self.assertIn(self.node, self.assert_mirrored()["providers"])

    def test_nova_was_faster_than_we(self) -> None:
        self.ask("PUT", "/resource_classes/CUSTOM_BAREMETAL")
        self.env.stop_conductor()
        path = f"/resource_providers/{self.node}/inventories"
        found = self.ask("GET", path)
        found["inventories"]["CUSTOM_BAREMETAL"] = {"total": 1}
        self.ask("PUT", path, found)
        instance = str(uuid.uuid4())
        self.claim(instance, {self.node: {"CUSTOM_BAREMETAL": 1}})
        self.enroll("ironic")
        self.env.start_conductor()
        self.assert_mirrored()
        classes, traits, holders = self.of_nova()
        self.assertIn("CUSTOM_BAREMETAL", classes)
        self.assertEqual(set(), traits)
        self.assertEqual([instance], list(holders))

    def test_a_node_is_enrolled_behind_our_back(self) -> None:
        self.ask("PUT", "/resource_classes/CUSTOM_BAREMETAL")
        self.take_over()
        before = self.of_nova()
        self.wait_for({self.podm, self.pool_id})
        self.env.compose(name="two")
        mirrored.poll(
            lambda: (
                len(mirrored.in_placement(self.placement)["consumers"]) > 1
            ),
            "the other one is mirrored",
        )
        self.assertEqual(before, self.of_nova())

    def test_others_hold_something_of_what_is_gone(self) -> None:
        theirs = self.provider()
        self.env.stop_conductor()
        holder = str(uuid.uuid4())
        self.claim(holder, {self.pool_id: {"CUSTOM_LICENSE": 1}})
        objects.Allocation.replace(self.context, self.node, {})
        objects.ResourceProvider.get(self.context, self.pool_id).destroy()
        # It has a child: Placement would not let it go.
        parent = self.pool("parent", CUSTOM_LICENSE=told(1))
        self.env.start_conductor()
        self.assert_mirrored()
        self.ask(
            "PUT",
            f"/resource_providers/{theirs}",
            {"name": theirs, "parent_provider_uuid": parent.uuid},
        )
        parent.destroy()
        self.wait_for({self.podm, self.node})
        self.assertEqual(
            [self.pool_id],
            list(self.ask("GET", f"/allocations/{holder}")["allocations"]),
        )
        left = self.ask("GET", f"/resource_providers/{theirs}")
        self.assertEqual(parent.uuid, left["parent_provider_uuid"])

    def test_another_valence(self) -> None:
        """What bears another's trait is not ours to delete."""
        self.env.stop_conductor()
        self.conf.set("placement", managed_trait="CUSTOM_VALENCE_TOO")
        self.env.start_conductor()
        two = self.env.compose(name="two")["uuid"]
        self.wait_for(
            {self.podm, self.node, self.pool_id, two}, "CUSTOM_VALENCE_TOO"
        )
        theirs = self.provider()
        self.ask(
            "PUT",
            f"/resource_providers/{theirs}/traits",
            {
                "traits": [mirrored.MARK],
                "resource_provider_generation": None,
            },
        )
        gone = self.api.delete(f"/v1/nodes/{two}", wait=60)
        self.assertEqual(204, gone.status, gone)
        # A look has deleted one, and left the other.
        self.wait_for(
            {self.podm, self.node, self.pool_id}, "CUSTOM_VALENCE_TOO"
        )
        self.assertIn(
            theirs, mirrored.in_placement(self.placement)["providers"]
        )
        # The option is changed back: what there is changes its trait.
        self.ask("DELETE", f"/resource_providers/{theirs}")
        self.env.stop_conductor()
        self.conf.set("placement", managed_trait=mirrored.MARK)
        self.env.start_conductor()
        self.assert_mirrored()
        self.wait_for(set(), "CUSTOM_VALENCE_TOO")

    def test_nova_gives_them_no_instance(self) -> None:
        """As it asks for candidates: without those that are disabled."""
        path = "/allocation_candidates?resources=CUSTOM_SYSTEM:1"
        found = self.ask("GET", path)["allocation_requests"]
        self.assertEqual(1, len(found))
        path += "&required=!COMPUTE_STATUS_DISABLED"
        self.assertEqual([], self.ask("GET", path)["allocation_requests"])
