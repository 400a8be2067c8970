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

"""Composing and deleting with redfishv1, step by step and interrupted."""

from valence import exception
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers.redfishv1_case import ALLOCATE
from valence.tests.unit.drivers.redfishv1_case import ASSEMBLE
from valence.tests.unit.drivers.redfishv1_case import FORCE
from valence.tests.unit.drivers.redfishv1_case import NODE
from valence.tests.unit.drivers.redfishv1_case import NODES
from valence.tests.unit.drivers.redfishv1_case import Case
from valence.tests.unit.drivers.redfishv1_case import shown


class TestCompose(Case):
    def setUp(self):
        super().setUp()
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes()))
        self.edge.on(
            "POST", ALLOCATE, edge.Reply(201, headers={"Location": NODE})
        )
        self.edge.on("POST", ASSEMBLE, edge.Reply(204))

    def states(self, *states):
        self.edge.on(
            "GET",
            NODE,
            *(
                state
                if isinstance(state, edge.Reply)
                else shown(ComposedNodeState=state)
                for state in states
            ),
        )

    def compose(self, driver=None, **changed):
        return (driver or self.driver).compose_node(
            "tag-1", "web", "ours", {}, self.progress, **changed
        )

    def test_each_state(self):
        self.states(
            "Allocating", "Allocated", "Allocated", "Assembling", "Assembled"
        )
        node = self.compose()
        self.assertTrue(node.usable)
        self.assertEqual(
            [
                "allocate",
                "wait for allocation",
                "assemble",
                "wait for assembly",
            ],
            self.progress.steps,
        )
        self.assertEqual([0.005] * 3, self.progress.pauses)
        self.assertEqual(
            [
                {"Name": "web", "Description": "valence:tag-1 ours"},
                {},
            ],
            [r.document for r in self.edge.requests if r.method == "POST"],
        )
        self.assertEqual(1 + 1 + 2 + 5, len(self.edge.requests))

    def test_a_long_description_fits_the_pod_manager(self):
        self.states("Allocated", "Assembled")
        self.driver.compose_node("tag-1", "n", "x" * 999, {}, self.progress)
        (body, _) = [
            r.document for r in self.edge.requests if r.document is not None
        ]
        self.assertEqual("valence:tag-1 " + "x" * 241, body["Description"])
        self.assertEqual(255, len(body["Description"]))

    def test_the_state_may_be_powered(self):
        self.states("Allocated", "PoweredOff")
        self.assertTrue(self.compose().usable)

    def test_allocate_is_spelt_in_two_ways(self):
        self.edge.on(
            "GET",
            NODES,
            edge.Reply(
                document=edge.members(
                    Actions={
                        "#ComposedNodesCollection.Allocate": {
                            "target": ALLOCATE + "/"
                        }
                    }
                )
            ),
        )
        self.states("Allocated", "Assembled")
        self.compose()
        self.assertIn(ALLOCATE, self.edge.seen("POST"))

    def test_where_the_node_is(self):
        for reply in (
            edge.Reply(201, headers={"Location": f"{self.edge.url}{NODE}"}),
            edge.Reply(201, headers={"Location": f"{NODE}/"}),
            edge.Reply(200, edge.node()),
            edge.Reply(202, edge.node(), headers={"Location": NODE}),
            edge.Reply(204),
            edge.Reply(201, body=b"<html>"),
        ):
            self.states("Allocated", "Allocated", "Assembled")
            self.edge.on("POST", ALLOCATE, reply)
            self.edge.on(
                "GET",
                NODES,
                edge.Reply(document=edge.nodes()),
                edge.Reply(document=edge.nodes(NODE)),
            )
            self.assertEqual(NODE, self.compose(self.make()).resource_uri)

    def test_the_node_is_elsewhere(self):
        self.edge.on(
            "POST",
            ALLOCATE,
            edge.Reply(201, headers={"Location": f"https://other{NODE}"}),
        )
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("another server", str(error))

    def test_the_node_is_nowhere(self):
        self.edge.on("POST", ALLOCATE, edge.Reply(204))
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("names no node", str(error))

    def test_taken_up(self):
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes(NODE)))
        for states, posts in (
            (("Allocating", "Allocated", "Assembled"), [ASSEMBLE]),
            (
                ("Allocated", "Allocated", "Assembling", "Assembled"),
                [ASSEMBLE],
            ),
            (("Assembling", "Assembling", "Assembled"), []),
            (("Assembled",), []),
            (("PoweredOn",), []),
        ):
            self.edge.requests.clear()
            self.states(*states)
            self.assertTrue(self.compose().usable)
            self.assertEqual(posts, self.edge.seen("POST"))

    def test_taken_up_and_failed(self):
        self.edge.on("GET", NODES, edge.Reply(document=edge.nodes(NODE)))
        self.states("Failed")
        error = self.assertRaises(exception.BackendError, self.compose)
        self.assertIn("Failed", str(error))
        self.assertEqual([], self.edge.seen("POST"))

    def test_without_resume_no_node_is_looked_at(self):
        self.edge.on(
            "GET",
            NODES,
            edge.Reply(document=edge.nodes(f"{NODES}/8", f"{NODES}/9")),
        )
        self.states("Allocated", "Assembled")
        self.compose(resume=False)
        self.assertNotIn(f"{NODES}/8", self.edge.seen())

    def test_assemble_was_already_under_way(self):
        self.states("Allocated", "Assembling", "Assembled")
        self.edge.on("POST", ASSEMBLE, edge.Reply(409))
        self.assertTrue(self.compose().usable)

    def test_assemble_is_refused(self):
        self.states("Allocated")
        self.edge.on(
            "POST", ASSEMBLE, edge.Reply(409, {"message": "Not now."})
        )
        error = self.assertRaises(exception.HardwareConflict, self.compose)
        self.assertIn("Not now.", str(error))

    def test_assemble_is_not_offered(self):
        self.states(shown(ComposedNodeState="Allocated", Actions={}))
        self.assertRaises(exception.HardwareNotSupported, self.compose)

    def test_too_slow(self):
        self.states("Allocated", "Assembling")
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.compose,
            self.make(state_timeout=0.03),
        )
        self.assertIn("Node 1 did not become Assembled", str(error))
        self.assertIn("Assembling", str(error))

    def test_busy_while_it_waits(self):
        busy = edge.Reply(503)
        self.states("Allocated", *([busy] * 7), "Assembled")
        self.assertTrue(self.compose().usable)

    def test_lost_while_it_waits(self):
        self.states("Allocating", edge.Reply(cut="close"))
        error = self.assertRaises(exception.Unreachable, self.compose)
        self.assertTrue(error.maybe_done)

    def test_gone_while_it_waits(self):
        self.states("Allocating", edge.Reply(404))
        error = self.assertRaises(exception.HardwareNotFound, self.compose)
        self.assertIn("composed node '1'", str(error))

    def test_description_is_not_kept(self):
        self.states(
            shown(ComposedNodeState="Allocated", Description=None),
            shown(Description=None),
        )
        self.assertIsNone(self.compose().tag)
        self.assertIn("did not keep the description", self.log.output)


class TestDelete(Case):
    def test_waits_until_it_is_gone(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        self.edge.on(
            "GET",
            NODE,
            shown(),
            shown(ComposedNodeState="Failed"),
            edge.Reply(404),
        )
        self.driver.delete_node("1", self.progress)
        self.assertEqual(3, self.edge.seen("GET").count(NODE))
        self.assertEqual(["delete"], self.progress.steps)

    def test_never_gone(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        error = self.assertRaises(
            exception.HardwareTimeout,
            self.make(state_timeout=0.02).delete_node,
            "1",
            self.progress,
        )
        self.assertIn("did not become deleted", str(error))

    def test_refused(self):
        self.edge.on("DELETE", NODE, edge.Reply(409, {"message": "Busy."}))
        self.assertRaises(
            exception.HardwareConflict,
            self.driver.delete_node,
            "1",
            self.progress,
        )

    def test_force_is_for_an_operator(self):
        self.edge.on("DELETE", NODE, edge.Reply(500, {"message": "No."}))
        for actions, said in (
            ({"#ComposedNode.ForceDelete": {"target": FORCE}}, True),
            ({}, False),
        ):
            self.edge.on("GET", NODE, shown(Actions=actions))
            error = self.assertRaises(
                exception.BackendError,
                self.driver.delete_node,
                "1",
                self.progress,
            )
            self.assertIn("No.", str(error))
            self.assertEqual(said, FORCE in str(error))
        self.assertEqual([], self.edge.seen("POST"))

    def test_lost_while_it_waits(self):
        self.edge.on("DELETE", NODE, edge.Reply(204))
        self.edge.on("GET", NODE, edge.Reply(cut="reset"))
        error = self.assertRaises(
            exception.Unreachable,
            self.driver.delete_node,
            "1",
            self.progress,
        )
        self.assertTrue(error.maybe_done)
