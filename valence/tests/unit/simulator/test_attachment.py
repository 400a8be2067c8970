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

"""Pooled devices of a pod: attached, detached, refused, pulled out."""

import collections
import concurrent.futures

import requests

from valence.tests.unit.simulator import base

DRIVE = "/redfish/v1/Chassis/Rack1Enclosure1/Drives/D{}"
FPGA = "/redfish/v1/Chassis/Rack1Enclosure1/Processors/F1"


def named(uri, **others):
    return {"Resource": {"@odata.id": uri}, **others}


class AttachmentCase(base.PodCase):
    def composed(self, **wanted):
        node = self.node(**wanted)
        self.assertEqual(204, self.act(node, "Assemble").status_code)
        return node

    def do(self, node, verb, **payload):
        """The action as the node names it."""
        actions = self.get(node)["Actions"]
        (name,) = (
            name
            for name in actions
            if name.startswith(f"#ComposedNode.{verb}")
        )
        return self.call("POST", actions[name]["target"], json=payload)

    def candidates(self, node, verb="Attach"):
        actions = self.get(node)["Actions"]
        if f"#ComposedNode.{verb}Endpoint" in actions:
            action = actions[f"#ComposedNode.{verb}Endpoint"]
            return [
                one["@odata.id"]
                for one in action["Resource@Redfish.AllowableValues"]
            ]
        info = actions[f"#ComposedNode.{verb}Resource"]["@Redfish.ActionInfo"]
        plain = self.pod.dialect.since("2.4")
        found = self.get(info if plain else info["@odata.id"])
        (values,) = (
            one["AllowableValues"]
            for one in found["Parameters"]
            if one["Name"] == "Resource"
        )
        return [one["@odata.id"] for one in values]

    def held(self, node):
        links = self.get(node)["Links"]
        new = self.pod.dialect.since("2.4")
        return [
            one["@odata.id"]
            for one in links["Storage" if new else "LocalDrives"]
        ]


class AttachmentTest(AttachmentCase):
    def test_life(self):
        for dialect in base.ALL[1:]:
            with self.subTest(dialect):
                self.serve(dialect, devices=3)
                node = self.composed()
                own = self.held(node)
                self.assertIn(DRIVE.format(1), self.candidates(node))
                drive = self.get(DRIVE.format(1))
                self.assertEqual("SSD", drive["MediaType"])
                self.assertEqual("NVMe", drive["Protocol"])
                response = self.do(node, "Attach", **named(DRIVE.format(1)))
                self.assertEqual(204, response.status_code, response.text)
                self.assertEqual(b"", response.content)
                self.assertEqual({*own, DRIVE.format(1)}, set(self.held(node)))
                self.assertNotIn(DRIVE.format(1), self.candidates(node))
                self.assertEqual(
                    [DRIVE.format(1)], self.candidates(node, "Detach")
                )
                zone = self.get("/redfish/v1/Fabrics/PCIe/Zones/1")
                self.assertEqual(2, len(zone["Links"]["Endpoints"]))
                response = self.do(node, "Detach", **named(DRIVE.format(1)))
                self.assertEqual(204, response.status_code, response.text)
                self.assertEqual(own, self.held(node))
                self.do(node, "Attach", **named(DRIVE.format(2)))
                self.assertEqual("1", self.pod.pool["D2"].node)
                self.call("DELETE", node)
                self.assertEqual({None}, {one.node for one in self.pod.pool})

    def test_there_is_none_in_1_2_1(self):
        self.serve("1.2.1", devices=3)
        self.assertEqual([], list(self.pod.pool))
        node = self.composed()
        self.assertEqual(
            {"#ComposedNode.Reset", "#ComposedNode.Assemble"},
            set(self.get(node)["Actions"]),
        )
        for action in ("AttachEndpoint", "AttachResource"):
            self.assertRefused(self.act(node, action, json={}), 404)
        self.assertNotIn("attach", self.pod.points)

    def test_refusals_of_endpoints(self):
        for dialect in ("2.1", "2.2"):
            with self.subTest(dialect):
                self.serve(dialect, devices=2, racks=2)
                early = self.node()
                wanted = named(DRIVE.format(1))
                self.assertRefused(
                    self.do(early, "Attach", **wanted),
                    409,
                    "ResourcesStateMismatch",
                    "Composed Node should be assembled",
                )
                node = self.composed()
                for payload, status, reason in (
                    ({}, 400, "need to be specified"),
                    (
                        wanted | {"CapacityGiB": 1},
                        400,
                        "CapacityGiB and Resource can not be specified at "
                        "the same time",
                    ),
                    ({"CapacityGiB": 9999}, 409, "Matched 0 PCIeDrives"),
                    ({"Protocol": "NVMe"}, 400, "unrecognized"),
                    (named("/redfish/v1/Systems/1"), 404, "endpoint"),
                ):
                    response = self.do(node, "Attach", **payload)
                    self.assertRefused(response, status, reason=reason)
                # In the other rack.
                other = DRIVE.format(2).replace("Rack1", "Rack2")
                error = self.assertRefused(
                    self.do(node, "Attach", **named(other)),
                    500,
                    "UnknownException",
                )
                self.assertEqual(
                    "EntityOperation exception.", error["message"]
                )
                self.assertRefused(
                    self.do(node, "Detach", **wanted),
                    409,
                    reason="Drive is not attached to this Node.",
                )
                missing = "/redfish/v1/Nodes/9/Actions/ComposedNode.Attach"
                response = self.call("POST", missing + "Endpoint", json=wanted)
                self.assertRefused(response, 404)

    def test_refusals_of_resources(self):
        for dialect in ("2.3", "2.4", "2.5"):
            with self.subTest(dialect):
                self.serve(dialect, devices=2, racks=2)
                early = self.node()
                wanted = named(DRIVE.format(1))
                self.assertRefused(self.do(early, "Attach", **wanted), 409)
                self.act(early, "Assemble")
                self.do(early, "Attach", **wanted)
                node = self.composed()
                other = DRIVE.format(2).replace("Rack1", "Rack2")
                for verb, payload, reason in (
                    ("Attach", {}, "Resource needs to be specified"),
                    ("Attach", wanted | {"CapacityGiB": 1}, "unrecognized"),
                    (
                        "Attach",
                        wanted,
                        "All endpoints attached to selected drive are in use.",
                    ),
                    (
                        "Attach",
                        named(other),
                        "Selected Drive is not achievable for this node!",
                    ),
                    (
                        "Detach",
                        wanted,
                        "Provided drive is not attached to this Node.",
                    ),
                    ("Detach", {}, "Resource needs to be specified"),
                ):
                    response = self.do(node, verb, **payload)
                    self.assertRefused(response, 400, reason=reason)

    def test_the_smallest_that_suffices(self):
        self.serve("2.1", devices=3)
        node = self.composed()
        for gib, expected in ((500, "D1"), (500, "D3"), (1, "D2")):
            response = self.do(node, "Attach", CapacityGiB=gib)
            self.assertEqual(204, response.status_code)
            self.assertEqual(node[-1], self.pod.pool[expected].node)
        self.assertRefused(self.do(node, "Attach", CapacityGiB=1), 409)

    def test_endpoints_volumes_and_fpgas(self):
        self.serve("2.5", devices=1, fpgas=1, volumes=1)
        node = self.composed()
        volume = "/redfish/v1/StorageServices/1/Volumes/2"
        endpoint = "/redfish/v1/Fabrics/PCIe/Endpoints/D1"
        self.assertLessEqual(
            {volume, endpoint, FPGA}, set(self.candidates(node))
        )
        for uri in (endpoint, FPGA):
            self.assertEqual(
                204, self.do(node, "Attach", **named(uri)).status_code
            )
        response = self.do(
            node, "Attach", **named(volume, Protocol="NVMeOverFabrics")
        )
        self.assertEqual(204, response.status_code)
        links = self.get(node)["Links"]
        self.assertIn({"@odata.id": FPGA}, links["Processors"])
        self.assertIn({"@odata.id": volume}, links["Storage"])
        self.assertIn({"@odata.id": DRIVE.format(1)}, links["Storage"])
        self.assertEqual("FPGA", self.get(FPGA)["ProcessorType"])
        self.assertRefused(
            self.do(node, "Attach", **named(volume)), 400, "GeneralError"
        )
        self.do(node, "Detach", **named(volume))
        self.assertIsNone(self.pod.storage.volumes["2"].node)
        self.call("DELETE", node)
        self.assertIn("2", self.pod.storage.volumes)
        self.assertIsNone(self.pod.pool["F1"].node)

    def test_one_drive_for_twenty_nodes(self):
        self.serve("2.3", systems=20, devices=1)
        nodes = [self.composed() for _ in range(20)]

        def attach(node):
            return requests.post(
                f"{self.pod.url}{node}/Actions/ComposedNode.AttachResource",
                json=named(DRIVE.format(1)),
                auth=base.AUTH,
                timeout=60,
            ).status_code

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = collections.Counter(pool.map(attach, nodes))
        self.assertEqual({204: 1, 400: 19}, dict(answers))

    def test_faults(self):
        self.serve("2.3", devices=1)
        node = self.composed()
        wanted = named(DRIVE.format(1))
        self.pod.faults.add(point="attach", cut="after")
        with self.assertRaises(requests.ConnectionError):
            self.do(node, "Attach", **wanted)
        self.assertEqual("1", self.pod.pool["D1"].node)
        self.pod.faults.add(point="detach", state="never")
        self.assertEqual(204, self.do(node, "Detach", **wanted).status_code)
        self.assertEqual("1", self.pod.pool["D1"].node)
        self.pod.faults.add(point="detach", state="failed")
        self.assertRefused(self.do(node, "Detach", **wanted), 500)
        self.pod.faults.add(point="action_info", status=503)
        info = f"{node}/Actions/AttachResourceActionInfo"
        self.assertRefused(self.call("GET", info), 503)


class HardwareTest(AttachmentCase):
    def change(self, method, path, **body):
        response = self.call(method, f"/simulator/{path}", json=body)
        return response.status_code

    def test_health(self):
        self.serve(devices=1)
        node = self.composed()
        self.assertEqual(
            200, self.change("PATCH", "devices/D1", health="Critical")
        )
        self.assertEqual([], self.candidates(node))
        drive = self.get(DRIVE.format(1))
        self.assertEqual("Critical", drive["Status"]["Health"])
        self.assertRefused(
            self.do(node, "Attach", **named(DRIVE.format(1))), 500
        )

    def test_plug_and_unplug(self):
        self.serve(devices=2)
        node = self.composed()
        self.do(node, "Attach", **named(DRIVE.format(1)))
        serial = self.pod.pool["D1"].serial
        self.assertEqual(204, self.change("DELETE", "devices/D1"))
        self.assertRefused(self.call("GET", DRIVE.format(1)), 404)
        self.assertNotIn(DRIVE.format(1), self.held(node))
        self.assertEqual(200, self.change("POST", "devices", id="D1"))
        self.assertEqual(serial, self.pod.pool["D1"].serial)
        self.assertIsNone(self.pod.pool["D1"].node)
        self.assertEqual(
            200, self.change("POST", "devices", type="NVMe", gib=3200)
        )
        self.assertEqual(
            3200 * 2**30, self.get(DRIVE.format(3))["CapacityBytes"]
        )
        (found,) = (
            one for one in self.get("/simulator/devices") if one["id"] == "D3"
        )
        self.assertEqual(("NVMe", "free"), (found["type"], found["state"]))

    def test_others_are_put_in(self):
        self.serve("2.5", devices=1, racks=2)
        for body in (
            {"type": "NVMe", "gib": 5, "vendor": "Acme", "model": "A5"},
            {"type": "FPGA", "vendor": "Acme", "enclosure": 3},
            {"model": "A6", "rack": "Rack1"},
        ):
            self.assertEqual(200, self.change("POST", "devices", **body))
        self.assertEqual(
            [
                ("D2", "Acme", "A5", 5, "Rack2Enclosure1"),
                ("F1", "Acme", "Simulated FPGA", None, "Rack2Enclosure3"),
                ("D3", "Valence", "A6", 1600, "Rack1Enclosure1"),
            ],
            [
                tuple(
                    one[key]
                    for key in ("id", "vendor", "model", "gib", "enclosure")
                )
                for one in self.get("/simulator/devices")[1:]
            ],
        )
        self.get("/redfish/v1/Chassis/Rack2Enclosure3/Processors/F1")

    def test_a_rack_takes_its_devices_along(self):
        self.serve(devices=2, racks=2)
        self.change("DELETE", "racks/Rack1")
        self.assertEqual(["D2"], [one.id for one in self.pod.pool])
        fabrics = self.get("/redfish/v1/Fabrics/PCIe/Endpoints")
        self.assertEqual(3, len(fabrics["Members"]))

    def test_wiping(self):
        self.serve(devices=1)
        node = self.composed()
        drive = self.pod.pool["D1"]
        for erase in (False, True):
            self.change("PATCH", "devices/D1", erase_on_detach=erase)
            self.do(node, "Attach", **named(drive.uri))
            self.do(node, "Detach", **named(drive.uri))
            oem = self.get(drive.uri)["Oem"]["Intel_RackScale"]
            self.assertEqual(
                (erase, erase), (oem["EraseOnDetach"], oem["DriveErased"])
            )

    def test_nonsense(self):
        self.serve(devices=1)
        for status, method, path, body in (
            (400, "POST", "devices", {"id": "D1"}),
            (400, "POST", "devices", {"id": "X1"}),
            (400, "POST", "devices", {"id": 7}),
            (400, "POST", "devices", {"id": ""}),
            (400, "POST", "devices", {"type": "FPGA"}),  # not in 2.1
            (400, "POST", "devices", {"type": ["SSD"]}),
            (400, "POST", "devices", {"gib": -1}),
            (400, "POST", "devices", {"vendor": 1}),
            (400, "POST", "devices", {"model": ["x"]}),
            (400, "POST", "devices", {"enclosure": 0}),
            (400, "POST", "devices", {"enclosure": "1"}),
            (400, "POST", "devices", {"rack": "Rack9"}),
            (400, "PATCH", "devices/D1", {"health": "Fine"}),
            (400, "PATCH", "devices/D1", {"erase_on_detach": 1}),
            (404, "PATCH", "devices/D9", {"health": "OK"}),
            (404, "DELETE", "devices/D9", {}),
        ):
            with self.subTest(path, method=method, body=body):
                self.assertEqual(status, self.change(method, path, **body))
