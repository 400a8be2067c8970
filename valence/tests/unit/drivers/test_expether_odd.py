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

"""The driver expether on fabrics that no simulator shows."""

import json

from valence import exception
from valence.drivers.expether import cards
from valence.tests.unit.drivers import edge
from valence.tests.unit.drivers.expether_case import OnAnOddOne
from valence.tests.unit.drivers.expether_case import box
from valence.tests.unit.drivers.expether_case import server


class TestOdd(OnAnOddOne):
    def test_no_eem(self):
        error = self.assertRaises(exception.BackendError, self.driver.get_info)
        self.assertIn("/eem", str(error))
        for document in ({}, {"version_number": 1}, {"Name": "Redfish"}):
            self.get("api_version", document)
            self.assertRaises(exception.BackendError, self.driver.get_info)

    def test_no_devices(self):
        for document in ({}, {"devices": None}, {"devices": {}}):
            self.get("devices/detail", document)
            self.assertRaises(exception.BackendError, self.driver.list_devices)
        self.get("devices/0x1", {"device": []})
        self.assertRaises(exception.BackendError, self.driver.get_node, "0x1")

    def test_what_makes_no_sense_is_left_out(self):
        self.get(
            "devices/detail",
            {
                "devices": [
                    None,
                    7,
                    {},
                    {"id": None},
                    {"id": "x", "status": "eexx"},
                    server(),
                    box(),
                ]
            },
        )
        self.assertEqual(1, len(self.driver.list_systems()))
        self.assertEqual(1, len(self.driver.list_devices()))

    def test_a_bare_device(self):
        for group in (None, 7.5, [], ""):
            self.get(
                "devices/detail",
                {
                    "devices": [
                        {"id": "a", "status": "eesv", "group_id": group},
                        {"id": "b", "status": "eeio", "group_id": group},
                    ]
                },
            )
            (found,) = self.driver.list_systems()
            self.assertEqual("free", found.state)
            self.assertIsNone(found.health)
            (found,) = self.driver.list_devices()
            # Whose it is nobody knows, so nobody shall have it.
            self.assertEqual("allocated", found.state)
            self.assertIsNone(found.node_index)
            self.assertEqual("Unknown", found.device_type)

    def test_odd_values(self):
        self.get(
            "devices/detail",
            {
                "devices": [
                    server(group_id=3, max_eeio_count="many"),
                    box(
                        group_id=3,
                        notification_status0="up",
                        mac_address="0x8CDF9D911B36",
                        type=None,
                        eecard_type="40g",
                    ),
                ]
            },
        )
        (found,) = self.driver.list_devices()
        self.assertEqual("0x8cdf9d535b14", found.node_index)
        self.assertEqual("3", found.pooled_group_id)
        self.assertEqual("8c:df:9d:91:1b:36", found.properties["mac_address"])
        self.assertEqual("GPU", found.device_type)
        (found,) = self.driver.list_systems()
        self.assertIsNone(found.extra["max_devices"])

    def test_class_codes(self):
        for code, wanted in (
            ("0x10802", "SSD"),
            ("0x010802", "SSD"),
            ("010802", "SSD"),
            ("0x00010802", "SSD"),
            ("0x10600", "SSD"),
            ("0x20000", "NIC"),
            ("0x020700", "NIC"),
            ("0x30200", "GPU"),
            ("0x030000", "GPU"),
            ("0X0C0330", "USB"),
            ("0xc0330", "USB"),
            ("0x120000", "ACS"),
            ("0x60400", "SWITCH"),
            ("0x40300", "Multi"),
            ("0xff0000", "Unknown"),
            ("0x0", "Unknown"),
            ("", "Unknown"),
            (None, "Unknown"),
            ("GPU", "Unknown"),
        ):
            card = cards.read(box(pcie_class_code=code))
            self.assertEqual(wanted, card.device_type, code)

    def test_indexes_stay_indexes(self):
        for index in ("..", ".", "", "a/b", "a?b", "a%2fb", "x" * 65, "é"):
            self.assertRaises(
                exception.HardwareNotFound, self.driver.get_node, index
            )
            self.assertIsNone(
                self.driver.detach_device("0x1", index, self.progress)
            )
        self.assertEqual([], self.edge.seen())

    def test_a_server_that_shows_its_group_after_a_restart(self):
        """The group in the answer is the one that counts."""
        self.get("devices/0x8cdf9d535b14", {"device": server()})
        self.edge.on(
            "PUT",
            "/eem/devices/0x8cdf9d535b14/group_id",
            edge.Reply(document={"group_id": "16", "update_time": "1"}),
        )
        self.get("devices/detail?group_id=16", {"devices": []})
        self.edge.on(
            "GET",
            "/eem/devices/0x8cdf9d911b36",
            edge.Reply(document={"device": box()}),
            edge.Reply(document={"device": box(group_id="16")}),
        )
        self.edge.on(
            "PUT", "/eem/devices/0x8cdf9d911b36/group_id", edge.Reply(204)
        )
        given = self.driver.attach_device(
            "0x8cdf9d535b14", "0x8cdf9d911b36", self.progress
        )
        self.assertEqual("0x8cdf9d535b14", given.node_index)
        self.assertEqual(
            [{"group_id": None}, {"group_id": "16"}],
            [
                request.document
                for request in self.edge.requests
                if request.method == "PUT"
            ],
        )

    def test_a_group_that_is_not_named_in_the_answer(self):
        for then, expected in (
            ("20", exception.HardwareNotFound),
            ("4094", exception.BackendError),
        ):
            self.edge.on(
                "GET",
                "/eem/devices/0x8cdf9d535b14",
                edge.Reply(document={"device": server()}),
                edge.Reply(document={"device": server()}),
                edge.Reply(document={"device": server(group_id=then)}),
            )
            self.edge.on(
                "PUT",
                "/eem/devices/0x8cdf9d535b14/group_id",
                edge.Reply(204),
            )
            self.get("devices/0x8cdf9d911b36", {"device": box()})
            self.get("devices/detail?group_id=20", {"devices": [server()]})
            # There is no route to the device's group: 404 ends it.
            self.assertRaises(
                expected,
                self.driver.attach_device,
                "0x8cdf9d535b14",
                "0x8cdf9d911b36",
                self.progress,
            )

    def test_a_filter_that_is_ignored(self):
        everything = {
            "devices": [
                server(group_id="16"),
                box(id="a", group_id="16"),
                server(id="0x000000000002", group_id="17"),
                box(id="b", group_id="17"),
                box(id="c"),
            ]
        }
        self.get("devices/0x8cdf9d535b14", {"device": server(group_id="16")})
        self.get("devices/detail?group_id=16", everything)
        self.assertEqual(
            ["devices/a"],
            self.driver.get_assets("0x8cdf9d535b14")["systems"][0][
                "device_uris"
            ],
        )

        # Nor are the others counted when one is attached.
        self.edge.on(
            "GET",
            "/eem/devices/c",
            edge.Reply(document={"device": box(id="c")}),
            edge.Reply(document={"device": box(id="c", group_id="16")}),
        )
        self.edge.on("PUT", "/eem/devices/c/group_id", edge.Reply(204))
        given = self.driver.attach_device("0x8cdf9d535b14", "c", self.progress)
        self.assertEqual("16", given.pooled_group_id)

    def test_pci_codes_of_10g_mean_nothing(self):
        self.name_devices()
        self.get("devices/detail", {"devices": [box(type="10g")]})
        (found,) = self.driver.list_devices()
        self.assertEqual("Unknown", found.device_type)
        self.assertIsNone(found.extra["vendor_name"])

    def test_deletes_without_a_time(self):
        self.edge.on(
            "GET",
            "/eem/devices/0x8cdf9d911b36",
            edge.Reply(document={"device": box(group_id="16")}),
            edge.Reply(document={"device": box()}),
        )
        self.get(
            "devices/detail?group_id=16",
            {"devices": [server(group_id="16"), box(group_id="16")]},
        )
        self.edge.on(
            "DELETE", "/eem/devices/0x8cdf9d911b36/group_id", edge.Reply(204)
        )
        taken = self.driver.detach_device(
            "0x8cdf9d535b14", "0x8cdf9d911b36", self.progress
        )
        self.assertEqual("free", taken.state)

    def test_plain_values(self):
        self.get("devices/0x8cdf9d535b14", {"device": server()})
        json.dumps(self.driver.get_assets("0x8cdf9d535b14"))
