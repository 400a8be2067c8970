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

"""What Allocate matches, and what it refuses."""

from valence.tests.unit.simulator import base


class MatchingTest(base.PodCase):
    def chosen(self, **payload):
        """The id of the system that is chosen, or the status."""
        response = self.allocate(**payload)
        if response.status_code != 201:
            return response.status_code
        node = self.pod.nodes[-1]
        system = node.system.id
        self.call("DELETE", node.uri)
        return system

    def test_matching(self):
        self.serve("2.3")
        rack = {"@odata.id": "/redfish/v1/Chassis/Rack1"}
        system = {"@odata.id": "/redfish/v1/Systems/4"}
        for wanted, system_id in (
            ({}, "1"),
            ({"TotalSystemCoreCount": 9}, "2"),
            ({"TotalSystemMemoryMiB": 65537}, "3"),
            ({"TotalSystemCoreCount": 1000}, 409),
            ({"Processors": [{}, {}]}, "2"),
            ({"Processors": [{}, {}, {}]}, 409),
            ({"Processors": [{"Model": "Gold 6138"}]}, "3"),
            ({"Processors": [{"TotalCores": 21}]}, "4"),
            ({"Processors": [{"ProcessorType": "FPGA"}]}, 409),
            (
                {
                    "Processors": [
                        {"Oem": {"Intel_RackScale": {"Brand": "E5"}}}
                    ]
                },
                "2",
            ),
            ({"Processors": [{"Resource": system}]}, "4"),
            ({"Memory": [{"CapacityMiB": 16384}]}, "1"),
            ({"Memory": [{"CapacityMiB": 16385}]}, "2"),
            (
                {"Memory": [{"CapacityMiB": 65536}, {"CapacityMiB": 65536}]},
                "3",
            ),
            ({"Memory": [{"MemoryDeviceType": "DDR4"}]}, "1"),
            ({"Memory": [{"MemoryDeviceType": "DDR3"}]}, 409),
            ({"LocalDrives": [{"Type": "HDD", "MinRPM": 7200}]}, "2"),
            ({"LocalDrives": [{"Interface": "NVMe"}]}, "3"),
            ({"LocalDrives": [{"FabricSwitch": True}]}, 409),
            # The second want fits only the drive that the first would take.
            ({"LocalDrives": [{}, {"Type": "SSD"}]}, "2"),
            ({"EthernetInterfaces": [{"SpeedMbps": 25000}]}, "4"),
            ({"EthernetInterfaces": [{"Chassis": rack}]}, "1"),
            ({"Security": {"TpmPresent": True}}, "3"),
        ):
            with self.subTest(wanted):
                self.assertEqual(system_id, self.chosen(**wanted))

    def test_chassis(self):
        for dialect in base.ALL:
            with self.subTest(dialect):
                self.serve(
                    dialect, racks=3, systems=18, devices=2, profiles=("D",)
                )
                # Rack1: 1 to 6, in one drawer; Rack3: 13 to 18.
                self.pod.remove("racks", "Rack2")
                self.pod.add("racks", {"id": "Rack4"})
                self.assertEqual("1", self.chosen())
                for key in ("Processors", "Memory", "EthernetInterfaces"):
                    for chassis, outcome in (
                        ("Pod1", "1"),
                        ("Rack1", "1"),
                        ("Rack3", "13"),
                        ("Rack3Drawer1", "13"),
                        ("Rack2", 400),
                        ("Rack4", 400),
                        ("Rack1/Drives/1", 400),
                    ):
                        place = f"/redfish/v1/Chassis/{chassis}"
                        wanted = {key: [{"Chassis": {"@odata.id": place}}]}
                        self.assertEqual(outcome, self.chosen(**wanted))

    def test_chassis_refused(self):
        self.serve("2.3", racks=2, systems=2, devices=2)

        def refused(*chassis):
            return self.allocate(
                Processors=[
                    {"Chassis": {"@odata.id": f"/redfish/v1/Chassis/{one}"}}
                    for one in chassis
                ]
            )

        for chassis, reason in (
            (["Rack9"], "(/redfish/v1/Chassis/Rack9) does not exist."),
            (["Rack1Enclosure1"], "on chassis without computer system"),
            (["Rack1", "Rack2"], "on multiple chassis is not supported."),
        ):
            self.assertRefused(
                refused(*chassis), 400, "UnsupportedCreationRequest", reason
            )
        self.node(Processors=[])
        error = self.assertRefused(refused("Rack1"), 409)
        self.assertIn(
            "available: 1 -> status: 1 -> chassis: 0",
            str(error["@Message.ExtendedInfo"]),
        )

    def test_keys_of_a_dialect(self):
        for dialect, accepted, refused in (
            ("1.2.1", "DimmDeviceType", "MemoryDeviceType"),
            ("2.1", "MemoryDeviceType", "DimmDeviceType"),
            ("2.3", "MemoryDeviceType", "MemoryType"),
            ("2.5", "MemoryType", "DimmDeviceType"),
        ):
            with self.subTest(dialect):
                self.serve(dialect)
                value = "DRAM" if accepted == "MemoryType" else "DDR4"
                self.assertEqual("1", self.chosen(Memory=[{accepted: value}]))
                self.assertEqual(400, self.chosen(Memory=[{refused: "DDR4"}]))
        self.serve("1.2.1")
        self.assertEqual(400, self.chosen(TotalSystemMemoryMiB=1))
        self.assertEqual(400, self.chosen(Security={}))
        self.assertEqual(
            "1", self.chosen(RemoteDrives=[{"iSCSIAddress": "x"}])
        )
        self.serve("2.3")
        self.assertEqual(
            400, self.chosen(RemoteDrives=[{"iSCSIAddress": "x"}])
        )

    def test_sick_systems_are_left_alone(self):
        self.serve()
        self.pod.change("systems", "1", {"health": "Critical"})
        self.assertEqual("2", self.chosen())

    def test_nothing_free(self):
        for dialect, code in (
            ("1.2.1", "ResourcesStateMismatch"),
            ("2.3", "ResourcesStateMismatch"),
            ("2.5", "GeneralError"),
        ):
            with self.subTest(dialect):
                self.serve(dialect, systems=1)
                self.node()
                error = self.assertRefused(
                    self.allocate(),
                    409,
                    code,
                    "There are no computer systems available for this "
                    "allocation request.",
                )
                self.assertEqual(
                    "Conflict during allocation", error["message"]
                )


class RefusalTest(base.PodCase):
    def test_payloads(self):
        self.serve("2.1")
        path = self.pod.url + "/redfish/v1/Nodes/Actions/Allocate"
        for body in (
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"\xff\xfe",
            b"[" * 100000,
            b'{"Bogus": 1}',
            b'{"Name": 5}',
            b'{"Name": NaN}',
            b'{"TotalSystemCoreCount": -1}',
            b'{"TotalSystemCoreCount": true}',
            b'{"Processors": {}}',
            b'{"Processors": [1]}',
            b'{"Processors": [{"Speed": 1}]}',
            b'{"LocalDrives": [{"Type": "TAPE"}]}',
            b'{"LocalDrives": [{"Resource": {"@odata.id": 1}}]}',
        ):
            with self.subTest(body):
                response = self.call("POST", path, data=body)
                error = self.assertRefused(response, 400, "InvalidPayload")
                self.assertEqual(
                    "Request payload is invalid or missing", error["message"]
                )
        self.assertEqual([], self.pod.nodes)
        for body in (b"", b"{}", b'{"Processors": null, "Memory": [null]}'):
            self.assertEqual(
                201, self.call("POST", path, data=body).status_code
            )

    def test_general_errors_tell_their_reason(self):
        self.serve("2.5")
        error = self.assertRefused(self.allocate(Bogus=1), 400, "GeneralError")
        self.assertEqual("Bogus: unrecognized field", error["message"])

    def test_bad_resets_and_boots(self):
        self.serve()
        node = self.node()
        self.act(node, "Assemble")
        for payload in ({}, {"ResetType": "Explode"}, {"Reset": "On"}):
            self.assertRefused(self.act(node, "Reset", json=payload), 400)
        for payload in (
            {},
            {"Boot": {"BootSourceOverrideTarget": "Floppy"}},
            {"Boot": {"Target": "Pxe"}},
            {"Boot": "Pxe"},
            {"ClearTPMOnDelete": True},
        ):
            response = self.call("PATCH", node, json=payload)
            self.assertRefused(response, 400)
        self.assertRefused(self.act(node, "Assemble", json={"x": 1}), 400)

    def test_paths_methods_and_credentials(self):
        self.serve()
        for path in (
            "/",
            "/redfish/v2",
            "/redfish/v1/Nodes/9",
            "/redfish/v1/Systems/9",
            "/redfish/v1/%ff%0a",
        ):
            self.assertRefused(self.call("GET", path), 404, "InvalidEndpoint")
        for method, path, allow in (
            ("POST", "/redfish/v1", "GET"),
            ("DELETE", "/redfish/v1/Systems/1", "GET, PATCH"),
            ("GET", "/redfish/v1/Nodes/Actions/Allocate", "POST"),
        ):
            response = self.call(method, path)
            self.assertRefused(response, 405, "InvalidHttpMethod")
            self.assertEqual(allow, response.headers["Allow"])
        for auth in (None, ("admin", "wrong"), ("", ""), ("ü", "\n")):
            self.session.auth = auth and tuple(x.encode() for x in auth)
            response = self.call("GET", "/redfish/v1/Systems")
            self.assertRefused(response, 401, "Unauthorized")
            self.assertIn("Basic", response.headers["WWW-Authenticate"])
            # The root is for all, as clients that log in want it.
            self.assertEqual(200, self.call("GET", "/redfish/v1").status_code)
            self.assertRefused(self.call("POST", "/redfish/v1"), 401)
        for header in ("Basic", "Basic ===", "Basic /w==", "Bearer x"):
            response = self.call(
                "GET",
                "/redfish/v1/Systems",
                headers={"Authorization": header},
            )
            self.assertRefused(response, 401)

    def test_head_and_trailing_slash(self):
        self.serve()
        self.assertEqual("RootService", self.get("/redfish/v1/")["Id"])
        response = self.call("HEAD", "/redfish/v1")
        self.assertEqual((200, b""), (response.status_code, response.content))
