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

"""A node's life in each dialect, with nothing but HTTP."""

from valence.tests.unit.simulator import base


class LifeTest(base.PodCase):
    def test_life(self):
        for dialect in base.ALL:
            with self.subTest(dialect):
                self._live(dialect)

    def _live(self, dialect):
        pod = self.serve(dialect, allocate_seconds=5, assemble_seconds=60)
        root = self.get("/redfish/v1")
        vendor = root["Oem"].get("Intel_RackScale", {})
        in_oem = dialect not in ("1.2.1", "2.1")
        self.assertEqual(in_oem, "Nodes" in vendor)
        self.assertEqual(not in_oem, "Nodes" in root)
        nodes = (vendor if in_oem else root)["Nodes"]["@odata.id"]
        target = self.get(nodes)["Actions"]["#ComposedNodeCollection.Allocate"]

        response = self.call(
            "POST",
            target["target"],
            json={"Name": "web", "Description": "tag 1"},
        )
        self.assertEqual(201, response.status_code)
        self.assertEqual(b"", response.content)
        location = response.headers["Location"]
        self.assertEqual(
            dialect < "2.4", location.startswith(pod.url + "/redfish/v1/")
        )
        uri = location.removeprefix(pod.url)
        node = self.get(uri)
        self.assertEqual("Allocating", node["ComposedNodeState"])
        self.assertEqual(("web", "tag 1"), (node["Name"], node["Description"]))
        self.assertEqual([{"@odata.id": uri}], self.get(nodes)["Members"])

        actions = node["Actions"]
        assemble = actions["#ComposedNode.Assemble"]["target"]
        self.assertRefused(self.call("POST", assemble), 409)
        self.clock.advance(5)
        self.assertEqual("Allocated", self.state(uri))
        reset = actions["#ComposedNode.Reset"]
        on = {"ResetType": "On"}
        self.assertRefused(self.call("POST", reset["target"], json=on), 409)
        self.assertEqual(204, self.call("POST", assemble).status_code)
        self.assertEqual("Assembling", self.state(uri))
        self.assertRefused(self.call("POST", assemble, json={}), 409)
        self.clock.advance(60)
        old = dialect == "1.2.1"
        self.assertEqual("PoweredOff" if old else "Assembled", self.state(uri))

        kind = "DMTF" if old else "Redfish"
        self.assertIn("On", reset[f"ResetType@{kind}.AllowableValues"])
        self.assertEqual(
            204, self.call("POST", reset["target"], json=on).status_code
        )
        node = self.get(uri)
        self.assertEqual("On", node["PowerState"])
        self.assertEqual(
            "PoweredOn" if old else "Assembled", node["ComposedNodeState"]
        )

        boot = {
            "BootSourceOverrideEnabled": "Once",
            "BootSourceOverrideTarget": "Pxe",
        }
        response = self.call("PATCH", uri, json={"Boot": boot})
        self.assertEqual(204 if old else 200, response.status_code)
        if not old:
            self.assertEqual("Pxe", self._target(response.json()))
        self.assertEqual("Pxe", self._target(self.get(uri)))
        mode = {"Boot": {"BootSourceOverrideMode": "Legacy"}}
        response = self.call("PATCH", uri, json=mode)
        self.assertEqual(400 if old else 200, response.status_code)

        system = node["Links"]["ComputerSystem"]["@odata.id"]
        self.assertEqual("On", self.get(system)["PowerState"])
        self.assertEqual(3, len(pod.free_systems()))
        self.assertEqual(204, self.call("DELETE", uri).status_code)
        self.assertRefused(self.call("GET", uri), 404)
        self.assertRefused(self.call("DELETE", uri), 404)
        self.assertEqual("Off", self.get(system)["PowerState"])
        self.assertEqual((4, []), (len(pod.free_systems()), pod.nodes))

    def _target(self, node):
        return node["Boot"]["BootSourceOverrideTarget"]

    def test_power_takes_time(self):
        self.serve(power_seconds=5)
        node = self.node()
        self.act(node, "Assemble")
        self.act(node, "Reset", json={"ResetType": "On"})
        self.assertEqual("Off", self.get(node)["PowerState"])
        self.clock.advance(5)
        self.assertEqual("On", self.get(node)["PowerState"])
        for reset, power in (
            ("ForceRestart", "On"),
            ("GracefulShutdown", "Off"),
            ("GracefulRestart", "On"),
            ("ForceOff", "Off"),
        ):
            self.act(node, "Reset", json={"ResetType": reset})
            self.clock.advance(5)
            self.assertEqual(power, self.get(node)["PowerState"])

    def test_system_reset_and_boot(self):
        self.serve()
        path = "/redfish/v1/Systems/2"
        self.call(
            "POST",
            f"{path}/Actions/ComputerSystem.Reset",
            json={"ResetType": "On"},
        )
        boot = {"BootSourceOverrideTarget": "Hdd"}
        self.call("PATCH", path, json={"Boot": boot})
        system = self.get(path)
        self.assertEqual("On", system["PowerState"])
        self.assertEqual("Hdd", self._target(system))

    def test_settings_of_2_5(self):
        self.serve("2.5")
        node = self.node(Security={"ClearTPMOnDelete": True})
        tags = {"Oem": {"Intel_RackScale": {"TaggedValues": {"a": "b"}}}}
        response = self.call(
            "PATCH", node, json={"ClearTPMOnDelete": False, **tags}
        )
        self.assertFalse(response.json()["ClearTPMOnDelete"])
        self.assertEqual(tags["Oem"], self.get(node)["Oem"])

    def test_force_delete(self):
        self.serve("2.5")
        node = self.node()
        self.pod.faults.add(point="delete", status=500)
        error = self.assertRefused(self.call("DELETE", node), 500)
        self.assertEqual(
            "The specified node could not be disassembled", error["message"]
        )
        self.assertEqual(204, self.act(node, "ForceDelete").status_code)
        self.assertEqual([], self.pod.nodes)
        self.serve("2.3")
        self.assertRefused(self.act(self.node(), "ForceDelete"), 404)

    def test_remote_drives(self):
        for dialect in base.ALL:
            with self.subTest(dialect):
                self.serve(dialect, remote_gib=100)
                node = self.node(RemoteDrives=[{"CapacityGiB": 50}])
                held = self.get(node)["Links"]
                drive = held.get("RemoteDrives") or held["Storage"][1:]
                self.get(drive[0]["@odata.id"])
                self.assertRefused(
                    self.allocate(RemoteDrives=[{"CapacityGiB": 50}]), 409
                )
                self.call("DELETE", node)
                self.assertEqual(80, self.pod.storage.free_gib)

    def test_remote_drive_of_ones_choice(self):
        self.serve("2.3")
        volume = {"@odata.id": "/redfish/v1/StorageServices/1/Volumes/1"}
        wanted = {"RemoteDrives": [{"Resource": volume}]}
        node = self.node(**wanted)
        self.assertRefused(self.allocate(**wanted), 409)
        self.call("DELETE", node)
        self.node(**wanted)
        self.assertRefused(
            self.allocate(RemoteDrives=[{"Resource": {"@odata.id": "/x"}}]),
            400,
            "UnsupportedCreationRequest",
        )

    def test_sessions_and_subscriptions_of_2_5(self):
        self.serve("2.5")
        self.session.auth = None
        path = "/redfish/v1/SessionService/Sessions"
        self.assertRefused(self.call("GET", path), 401)
        given = {"UserName": "admin", "Password": "wrong"}
        self.assertRefused(self.call("POST", path, json=given), 401)
        given["Password"] = "admin"
        response = self.call("POST", path, json=given)
        self.assertEqual(201, response.status_code)
        token = response.headers["X-Auth-Token"]
        self.session.headers["X-Auth-Token"] = token
        events = "/redfish/v1/EventService/Subscriptions"
        self.assertRefused(self.call("POST", events, json={}), 400)
        wanted = {"Destination": "https://valence/", "Context": "valence"}
        made = self.call("POST", events, json=wanted).headers["Location"]
        self.assertEqual("valence", self.get(made)["Context"])
        self.assertEqual(204, self.call("DELETE", made).status_code)
        self.assertRefused(self.call("GET", made), 404)
        session = response.headers["Location"]
        self.assertEqual(204, self.call("DELETE", session).status_code)
        self.assertRefused(self.call("GET", session), 401)
