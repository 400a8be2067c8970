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

"""ExpEther Managers, with nothing but HTTP."""

import json
import unittest

import requests

from valence import simulator
from valence.tests.unit.simulator import base

NO_MAC = "00:00:00:00:00:00"


class EemCase(unittest.TestCase):
    def serve(self, **spec):
        served = simulator.Simulator([simulator.EemSpec(**spec)])
        served.start()
        self.addCleanup(served.stop)
        self.clock = served.clock
        self.eem = served.eems[0]
        self.session = requests.Session()
        self.session.auth = base.AUTH
        self.addCleanup(self.session.close)
        return self.eem

    def call(self, method, path, **kwargs):
        url = self.eem.url + path
        return self.session.request(method, url, timeout=60, **kwargs)

    def get(self, path, **kwargs):
        response = self.call("GET", path, **kwargs)
        self.assertEqual(200, response.status_code, response.text)
        return response.json()

    def device(self, unit):
        return self.get(f"/devices/{unit.id}")["device"]

    def ids(self, path="/devices", **query):
        return [one["id"] for one in self.get(path, params=query)["devices"]]

    def set_group(self, unit, *group):
        body = {"group_id": group[0]} if group else {}
        return self.call("PUT", f"/devices/{unit.id}/group_id", json=body)

    def give(self, unit, *group):
        response = self.set_group(unit, *group)
        self.assertEqual(200, response.status_code, response.text)
        return response.json()

    def assertRefused(self, response, code):
        self.assertEqual(int(code[:3]), response.status_code, response.text)
        self.assertEqual({"code", "message"}, set(response.json()))
        self.assertEqual(code, response.json()["code"])


class ReadingTest(EemCase):
    def test_version_and_authentication(self):
        self.serve()
        self.assertTrue(self.eem.url.endswith("/eem"))
        version = {"version_number": "v1.0.8"}
        self.assertEqual(version, self.get("/api_version"))
        self.session.auth = ("admin", "wrong")
        response = self.call("GET", "/api_version")
        self.assertEqual(401, response.status_code)
        with self.assertRaises(ValueError):
            response.json()
        self.serve(username="")
        self.session.auth = None
        self.assertEqual(version, self.get("/api_version"))

    def test_lists(self):
        self.serve(servers=2, devices=3)
        servers = [one.id for one in self.eem.servers]
        devices = [one.id for one in self.eem.devices]
        found = self.get("/devices")
        self.assertEqual({"devices", "timestamp"}, set(found))
        self.assertIsInstance(found["timestamp"], str)
        self.assertEqual([{"id"}] * 5, [set(one) for one in found["devices"]])
        self.assertEqual(servers + devices, self.ids())
        for path in ("/devices", "/devices/detail"):
            self.assertEqual(servers, self.ids(path, status="eesv"))
            self.assertEqual(devices, self.ids(path, status="eeio"))
            self.assertEqual(devices, self.ids(path, group_id="4093"))
            self.assertEqual(servers, self.ids(path, group_id="4094"))
            self.assertEqual(
                [], self.ids(path, status="eesv", group_id="4093")
            )
        for query in ({"status": "x"}, {"update_time": "x"}):
            response = self.call("GET", "/devices", params=query)
            self.assertRefused(response, "40004")
        self.assertRefused(self.call("GET", "/devices?status=%ff"), "40004")

    def test_full_objects(self):
        self.serve(servers=2, devices=6, cards=("40g", "10g"))
        fast, slow = (self.device(one) for one in self.eem.servers)
        common = set(fast) & set(slow)
        for server, ports in ((fast, 16), (slow, 8)):
            self.assertEqual("0x1d", server["device_id"])
            self.assertEqual("4094", server["group_id"])
            self.assertEqual(str(ports), server["max_eeio_count"])
            self.assertEqual(ports, len(server["downstream_ports"]))
            self.assertEqual(
                {
                    "downstream_port_id": "0",
                    "eeio_connection_status": "down",
                    "eeio_mac_address": NO_MAC,
                },
                server["downstream_ports"][0],
            )
            mac = bytes.fromhex(server["id"][2:]).hex(":")
            self.assertEqual(mac, server["mac_address"])
            self.assertEqual(["up", "up"], server["notification_status0"])
        self.assertEqual({"compatibility"}, set(fast) - common)
        self.assertEqual({"power_off_inhibition_status"}, set(slow) - common)
        self.assertEqual(("40g", "10g"), (fast["type"], slow["type"]))
        boxes = [self.device(one) for one in self.eem.devices]
        self.assertEqual(
            ["0x10802", "0x0", "0x30200", "0x0", "0x20000", "0x0"],
            [one["pcie_class_code"] for one in boxes],
        )
        gpu = boxes[2]
        self.assertEqual("0x10de", gpu["pcie_vendor_id"])
        self.assertEqual("0x15f8", gpu["pcie_device_id"])
        self.assertEqual("0x1e", gpu["device_id"])
        self.assertEqual("4093", gpu["group_id"])
        self.assertEqual(NO_MAC, gpu["eesv_mac_address"])
        self.assertEqual("down", gpu["eesv_connection_status"])
        self.assertIn("power_interlock_status", boxes[1])
        serials = {one["serial_number"] for one in [fast, slow, *boxes]}
        self.assertEqual(8, len(serials))

    def test_what_changed_since(self):
        self.serve(devices=3)
        since = self.get("/devices")["timestamp"]
        self.assertEqual([], self.ids(update_time=since))
        box = self.eem.devices[1]
        updated = self.give(box, "20")["update_time"]
        self.assertEqual(updated, self.device(box)["update_time"])
        self.assertLess(int(since), int(updated))
        self.assertEqual([box.id], self.ids(update_time=since))
        self.clock.advance(3600)
        later = self.get("/devices")["timestamp"]
        self.assertGreater(int(later) - int(since), 3_599_000)

    def test_two_thousand_devices(self):
        self.serve(servers=50, devices=2000)
        found = self.ids("/devices/detail", status="eeio")
        self.assertEqual(2000, len(set(found)))

    def test_what_there_is_not(self):
        self.serve()
        for method, path, code in (
            ("GET", "/devices/0x1", "40400"),
            ("PUT", "/devices/0x1/group_id", "40400"),
            ("DELETE", "/devices/0x1/group_id", "40400"),
            ("GET", "/bogus", "40400"),
            ("GET", "", "40400"),
            ("POST", "/devices", "40500"),
        ):
            self.assertRefused(self.call(method, path), code)


class GroupTest(EemCase):
    def test_attach_and_detach(self):
        self.serve(servers=2, devices=2)
        (server, other), (box, _) = self.eem.servers, self.eem.devices
        self.assertEqual("16", self.give(server, None)["group_id"])
        self.assertEqual("17", self.give(other)["group_id"])
        answer = self.give(box, "16")
        self.assertEqual({"group_id", "update_time"}, set(answer))
        shown = self.device(box)
        self.assertEqual(server.mac, shown["eesv_mac_address"])
        self.assertEqual("up", shown["eesv_connection_status"])
        ports = self.device(server)["downstream_ports"]
        self.assertEqual(box.mac, ports[0]["eeio_mac_address"])
        self.assertEqual("up", ports[0]["eeio_connection_status"])
        self.assertEqual([server.id, box.id], self.ids(group_id="16"))
        self.assertEqual(
            [{"id": "16"}, {"id": "17"}], self.get("/groups")["groups"]
        )
        # From one server to another.
        self.give(box, "17")
        self.assertEqual(other.mac, self.device(box)["eesv_mac_address"])
        response = self.call("DELETE", f"/devices/{box.id}/group_id")
        self.assertEqual(200, response.status_code)
        self.assertEqual({"update_time"}, set(response.json()))
        shown = self.device(box)
        self.assertEqual("4093", shown["group_id"])
        self.assertEqual(NO_MAC, shown["eesv_mac_address"])
        self.assertEqual("down", shown["eesv_connection_status"])
        for one in (server, other):
            ports = self.device(one)["downstream_ports"]
            self.assertEqual({NO_MAC}, {p["eeio_mac_address"] for p in ports})
        self.call("DELETE", f"/devices/{server.id}/group_id")
        self.assertEqual("4094", self.device(server)["group_id"])
        # The lowest that is free again.
        self.assertEqual("16", self.give(server, None)["group_id"])

    def test_the_server_comes_later(self):
        self.serve(servers=1, devices=1)
        (server,), (box,) = self.eem.servers, self.eem.devices
        self.give(box, "99")
        self.assertEqual("down", self.device(box)["eesv_connection_status"])
        self.assertEqual("16", self.give(server, None)["group_id"])
        self.give(server, "99")
        self.assertEqual("up", self.device(box)["eesv_connection_status"])
        self.give(server, "16")
        self.assertEqual("down", self.device(box)["eesv_connection_status"])

    def test_more_than_there_are_ports(self):
        for quirks in ((), ("max-eeio",)):
            self.serve(servers=1, devices=9, cards=("10g",), quirks=quirks)
            (server,), boxes = self.eem.servers, self.eem.devices
            self.give(server, "16")
            for box in boxes[:8]:
                self.give(box, "16")
            if quirks:
                self.assertRefused(self.set_group(boxes[8], "16"), "40004")
                continue
            self.give(boxes[8], "16")
            self.assertIsNone(boxes[8].board)
            self.call("DELETE", f"/devices/{boxes[3].id}/group_id")
            self.assertIs(boxes[8], server.ports[3])

    def test_refused_groups(self):
        self.serve()
        box = self.eem.devices[0]
        for wrong in ("15", "4093", "4094", "0", "-1", "x", "016", 16, [], ""):
            with self.subTest(wrong):
                self.assertRefused(self.set_group(box, wrong), "40004")
        path = f"/devices/{box.id}/group_id"
        self.assertRefused(self.call("PUT", path, data="["), "40004")
        self.assertEqual("4093", box.group_id)
        stale = {"update_time": "1"}
        self.assertRefused(self.call("DELETE", path, params=stale), "50003")
        fresh = {"update_time": self.device(box)["update_time"]}
        response = self.call("DELETE", path, params=fresh)
        self.assertEqual(200, response.status_code)

    def test_quirks(self):
        self.serve(
            quirks=(
                "any-group",
                "delete-first",
                "no-content",
                "eecard-type",
                "numeric-times",
            )
        )
        box = self.eem.devices[0]
        shown = self.device(box)
        self.assertEqual("40g", shown["eecard_type"])
        self.assertNotIn("type", shown)
        self.assertIsInstance(shown["update_time"], int)
        self.give(box, "3")
        self.assertRefused(self.set_group(box, "16"), "40004")
        self.call("DELETE", f"/devices/{box.id}/group_id")
        self.give(box, "16")
        for act in ("audit", "perst", "send_reset_frame"):
            response = self.call("PUT", f"/devices/{box.id}/{act}")
            self.assertEqual(204, response.status_code)
            self.assertEqual(b"", response.content)

    def test_faults(self):
        self.serve()
        box = self.eem.devices[0]
        self.eem.faults.add(point="group_set", status=500)
        self.assertRefused(self.set_group(box, "16"), "50003")
        self.eem.faults.add(point="group_set", state="never")
        self.assertEqual("16", self.give(box, "16")["group_id"])
        self.assertEqual("4093", self.device(box)["group_id"])
        self.eem.faults.add(point="group_set", state="failed")
        self.assertRefused(self.set_group(box, "16"), "50003")
        self.eem.faults.add(point="group_set", cut="after")
        with self.assertRaises(requests.ConnectionError):
            self.set_group(box, "16")
        self.assertEqual("16", box.group_id)
        self.assertEqual("group_set", self.eem.calls[-1].point)
        self.eem.faults.add(point="device_detail", status=401)
        response = self.call("GET", "/devices/detail")
        self.assertEqual(401, response.status_code)
        self.assertEqual("text/html", response.headers["Content-Type"][:9])
        for point in (
            "api_version", "device_list", "device", "group_delete",
        ):  # fmt: skip
            self.assertIn(point, self.eem.points)


class OthersTest(EemCase):
    def test_forgetting(self):
        self.serve()
        box = self.eem.devices[0]
        path = f"/devices/{box.id}"
        self.assertRefused(self.call("DELETE", path), "40011")
        self.eem.change("devices", box.id, {"notification": "down"})
        self.assertEqual(
            ["down", "down"], self.device(box)["notification_status0"]
        )
        response = self.call("DELETE", path)
        self.assertEqual((204, b""), (response.status_code, response.content))
        self.assertRefused(self.call("GET", path), "40400")
        other = f"/devices/{self.eem.devices[0].id}"
        response = self.call("DELETE", other + "?force=enabled")
        self.assertEqual(204, response.status_code)

    def test_led_and_acts(self):
        self.serve()
        box = self.eem.devices[0]
        path = f"/devices/{box.id}/uid_led_status"
        self.assertEqual({"uid_led_status": "off"}, self.get(path))
        wanted = {"uid_led_status": "on"}
        response = self.call("PUT", path, json=wanted)
        self.assertEqual(wanted, response.json())
        self.assertEqual(wanted, self.get(path))
        self.assertRefused(self.call("PUT", path, json={}), "40004")
        for act in ("audit", "perst", "send_reset_frame"):
            response = self.call("PUT", f"/devices/{box.id}/{act}")
            self.assertEqual({"update_time"}, set(response.json()))

    def test_clearing_a_port(self):
        self.serve()
        server, box = self.eem.servers[0], self.eem.devices[0]
        self.give(server, "16")
        self.give(box, "16")
        path = f"/devices/{server.id}/ports/{{}}/eeio_mac_address"
        response = self.call("DELETE", path.format(0))
        self.assertEqual(200, response.status_code)
        self.assertIsNone(server.ports[0])
        self.assertRefused(self.call("DELETE", path.format(16)), "40400")


class HardwareTest(EemCase):
    def control(self, method, path, **body):
        response = requests.request(
            method,
            f"{self.eem.origin}/simulator/{path}",
            data=json.dumps(body),
            timeout=60,
        )
        return response.status_code

    def test_units_go_and_come(self):
        self.serve(servers=1, devices=1)
        (server,), (box,) = self.eem.servers, self.eem.devices
        self.give(server, "16")
        self.give(box, "16")
        self.assertEqual(204, self.control("DELETE", f"servers/{server.id}"))
        self.assertEqual("down", self.device(box)["eesv_connection_status"])
        self.assertEqual(200, self.control("POST", "servers", id=server.id))
        self.assertEqual("up", self.device(box)["eesv_connection_status"])
        self.assertEqual(204, self.control("DELETE", f"devices/{box.id}"))
        self.assertEqual([None] * 16, server.ports)
        self.assertEqual(200, self.control("POST", "devices", type="GPU"))
        self.assertEqual(
            "0x30200", self.device(self.eem.devices[0])["pcie_class_code"]
        )
        self.assertEqual(200, self.control("POST", "servers", card="10g"))

    def test_power_and_link(self):
        self.serve(servers=1, devices=1)
        (server,), (box,) = self.eem.servers, self.eem.devices
        self.give(server, "16")
        self.give(box, "16")
        for kind, one in (("servers", server), ("devices", box)):
            for name, value in (
                ("power", "off"),
                ("notification", "down"),
                ("link", "down"),
            ):
                path = f"{kind}/{one.id}"
                self.assertEqual(
                    200, self.control("PATCH", path, **{name: value})
                )
                shown = self.device(box)
                self.assertEqual("down", shown["eesv_connection_status"])
                back = "on" if name == "power" else "up"
                self.control("PATCH", path, **{name: back})
                shown = self.device(box)
                self.assertEqual("up", shown["eesv_connection_status"])
        self.control("PATCH", f"devices/{box.id}", group_id="3")
        self.assertEqual("3", self.device(box)["group_id"])

    def test_state(self):
        self.serve(servers=1, devices=1)
        state = requests.get(f"{self.eem.origin}/simulator", timeout=60).json()
        self.assertEqual(self.eem.url, state["url"])
        (box,) = state["devices"]
        self.assertEqual(("SSD", "free"), (box["type"], box["state"]))
        self.assertIn("group_set", state["points"])

    def test_nonsense(self):
        self.serve()
        box = self.eem.devices[0].id
        for status, method, path, body in (
            (404, "PATCH", f"servers/{box}", {}),
            (404, "DELETE", "devices/0x1", {}),
            (400, "PATCH", f"devices/{box}", {"power": "maybe"}),
            (400, "PATCH", f"devices/{box}", {"group_id": 16}),
            (400, "PATCH", f"devices/{box}", {"group_id": "4095"}),
            (400, "PATCH", f"devices/{box}", {"colour": "red"}),
            (400, "POST", "devices", {"id": box}),
            (400, "POST", "devices", {"id": []}),
            (400, "POST", "devices", {"type": "TPU"}),
            (400, "POST", "servers", {"card": "1g"}),
            (404, "POST", "racks", {}),
        ):
            with self.subTest(path, method=method, body=body):
                self.assertEqual(status, self.control(method, path, **body))

    def test_specs_are_checked(self):
        for spec in (
            {"kinds": ("TPU",)},
            {"kinds": ()},
            {"cards": ("1g",)},
            {"quirks": ("odd",)},
            {"servers": -1},
            {"devices": 65536},
        ):
            with self.subTest(spec), self.assertRaises(ValueError):
                simulator.EemSpec(**spec)


class MixedTest(unittest.TestCase):
    def test_beside_pods(self):
        specs = [
            simulator.EemSpec(devices=1),
            simulator.PodSpec(),
            simulator.EemSpec(password="other"),
        ]
        with simulator.Simulator(specs) as served:
            kinds = [type(one).__name__ for one in served.endpoints]
            self.assertEqual(["Eem", "Pod", "Eem"], kinds)
            self.assertEqual(1, len(served.pods))
            one, two = served.eems
            self.assertEqual(("eem1", "eem2"), (one.name, two.name))
            self.assertFalse(
                {unit.id for unit in one.fabric}
                & {unit.id for unit in two.fabric}
            )
            for eem, password in ((one, "admin"), (two, "other")):
                response = requests.get(
                    eem.url + "/devices", auth=("admin", password), timeout=60
                )
                self.assertEqual(200, response.status_code)
