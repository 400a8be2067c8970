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

"""The pod as hardware: /simulator."""

from valence.tests.unit.simulator import base


class ControlTest(base.PodCase):
    def setUp(self):
        super().setUp()
        self.serve(systems=4, racks=2)
        self.session.auth = None

    def change(self, method, path, **body):
        response = self.call(method, f"/simulator/{path}", json=body)
        return response.status_code

    def test_state(self):
        state = self.get("/simulator")
        self.assertEqual("2.1", state["dialect"])
        self.assertEqual(4, len(state["systems"]))
        self.assertIn("allocate", state["points"])
        self.session.auth = base.AUTH
        self.node(Name="web")
        self.assertEqual("web", self.get("/simulator/nodes")[0]["name"])
        system = self.get("/simulator/systems/1")
        self.assertEqual(("in_use", "1"), (system["state"], system["node"]))
        self.assertEqual("allocate", self.get("/simulator/calls")[-1]["point"])
        self.assertEqual(204, self.change("DELETE", "calls"))
        self.assertEqual([], self.pod.calls)

    def test_faults(self):
        self.assertEqual(
            200, self.change("POST", "faults", point="allocate", cut="after")
        )
        self.assertEqual(400, self.change("POST", "faults", point="x"))
        (fault,) = self.get("/simulator/faults")
        self.assertEqual(204, self.change("DELETE", f"faults/{fault['id']}"))
        self.assertEqual(404, self.change("DELETE", f"faults/{fault['id']}"))
        self.change("POST", "faults", status=500)
        self.assertEqual(204, self.change("DELETE", "faults"))
        self.assertEqual([], list(self.pod.faults))

    def test_clock(self):
        self.serve(assemble_seconds=600)
        node = self.node()
        self.act(node, "Assemble")
        self.assertEqual("Assembling", self.state(node))
        self.assertEqual(204, self.change("POST", "clock", advance=600))
        self.assertEqual("Assembled", self.state(node))
        for wrong in (-1, True, "1", None):
            self.assertEqual(400, self.change("POST", "clock", advance=wrong))

    def test_systems(self):
        self.change("PATCH", "systems/1", health="Critical", power="On")
        system = self.pod.systems[0]
        self.assertEqual(("Critical", "On"), (system.health, system.power))
        self.session.auth = base.AUTH
        node = self.node()
        self.assertEqual("2", self.pod.nodes[0].system.id)
        self.assertEqual(204, self.change("DELETE", "systems/2"))
        self.assertRefused(self.call("GET", "/redfish/v1/Systems/2"), 404)
        document = self.get(node)
        self.assertEqual("Failed", document["ComposedNodeState"])
        self.assertIsNone(document["Links"]["ComputerSystem"])
        self.assertRefused(
            self.act(node, "Reset", json={"ResetType": "On"}), 409
        )
        boot = {"Boot": {"BootSourceOverrideTarget": "Pxe"}}
        self.assertRefused(self.call("PATCH", node, json=boot), 409)
        self.assertEqual(204, self.call("DELETE", node).status_code)
        self.assertEqual(200, self.change("POST", "systems", id=2))
        self.assertEqual(200, self.change("POST", "systems", rack="Rack1"))
        self.assertEqual(5, len(self.pod.free_systems()))
        self.assertEqual(200, self.change("POST", "systems", profile="Gold"))
        self.assertEqual(40, self.pod.systems[-1].cores)

    def test_racks(self):
        self.assertEqual(204, self.change("DELETE", "racks/Rack1"))
        self.assertEqual(["3", "4"], [one.id for one in self.pod.systems])
        self.assertEqual(200, self.change("POST", "racks", id="Rack1"))
        self.assertEqual(["Rack2", "Rack1"], self.pod.racks)

    def test_nodes(self):
        self.session.auth = base.AUTH
        node = self.node()
        self.assertEqual(200, self.change("PATCH", "nodes/1", state="Failed"))
        self.assertEqual("Failed", self.state(node))

    def test_nonsense(self):
        for status, method, path, body in (
            (404, "GET", "bogus", {}),
            (404, "GET", "name", {}),
            (404, "GET", "systems/9", {}),
            (404, "PATCH", "systems/9", {"health": "OK"}),
            (400, "PATCH", "systems/1", {"health": "Fine"}),
            (400, "PATCH", "systems/1", {"power": ["On"]}),
            (400, "PATCH", "systems/1", {"colour": "red"}),
            (400, "PATCH", "racks/Rack1", {}),
            (400, "POST", "nodes", {}),
            (400, "POST", "systems", {"id": 1}),
            (400, "POST", "systems", {"id": "²"}),
            (400, "POST", "systems", {"id": 9e9}),
            (400, "POST", "systems", {"rack": "Rack9"}),
            (400, "POST", "systems", {"rack": []}),
            (400, "POST", "systems", {"profile": "Silver"}),
            (400, "POST", "systems", {"profile": {}}),
            (400, "POST", "racks", {"id": "../x"}),
            (400, "POST", "racks", {"id": "Rack1"}),
            (400, "DELETE", "nodes/1", {}),
            (404, "DELETE", "racks/Rack9", {}),
            (405, "PUT", "systems/1", {}),
            (405, "PUT", "faults", {}),
            (405, "GET", "clock", {}),
            (405, "POST", "calls", {}),
            (405, "POST", "", {}),
        ):
            with self.subTest(path, method=method, body=body):
                self.assertEqual(status, self.change(method, path, **body))
        response = self.call("POST", "/simulator/faults", data=b"[")
        self.assertEqual(400, response.status_code)
        response = self.call("POST", "/simulator/faults", data=b"[]")
        self.assertEqual(400, response.status_code)
