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
"""What is Valence's, in Ironic's words."""

import dataclasses
import typing
import uuid

from valence.drivers.base import Bmc
from valence.provision import base
from valence.provision.ironic import mapping
from valence.tests import base as test_base

NODE = "0b6ac7a5-31f0-4b8b-b9f7-8a2b2a2d4a55"
BMC = Bmc(
    protocol="redfish",
    address="https://pod.example.com",
    system_uri="/redfish/v1/Systems/1",
    username="admin",
    password="pod-secret",
    verify=False,
)


def wanted(**values: typing.Any) -> base.Enrollment:
    return base.Enrollment(
        **{
            "uuid": NODE,
            "name": "web-1",
            "description": None,
            "project_id": None,
            "driver": None,
            "driver_info": {},
            "bmc": None,
            "interfaces": {},
            "properties": {},
            "capabilities": {},
            "resource_class": None,
            "traits": [],
            "ports": None,
            "extra": {},
            **values,
        }
    )


class TestReach(test_base.TestCase):
    def test_short_names(self) -> None:
        for driver, given, expected in (
            (None, {"address": "a"}, {"ipmi_address": "a"}),
            ("ipmi", {"port": 1}, {"ipmi_port": 1}),
            ("redfish", {"address": "a"}, {"redfish_address": "a"}),
            ("idrac", {"username": "a"}, {"redfish_username": "a"}),
            # Others' keys are known to who names the driver.
            ("ilo", {"address": "a"}, {"address": "a"}),
            ("ipmi", {"ipmi_address": "a"}, {"ipmi_address": "a"}),
            ("redfish", {"port": 1}, {"port": 1}),
            ("ipmi", {"deploy_kernel": "u"}, {"deploy_kernel": "u"}),
        ):
            one = wanted(driver=driver, driver_info=given)
            self.assertEqual(expected, mapping.driver_info(one))

    def test_what_the_pod_manager_knows(self) -> None:
        self.assertEqual("redfish", mapping.driver(wanted(bmc=BMC)))
        self.assertEqual("ipmi", mapping.driver(wanted()))
        known = {
            "redfish_address": "https://pod.example.com",
            "redfish_system_id": "/redfish/v1/Systems/1",
            "redfish_username": "admin",
            "redfish_password": "pod-secret",
            "redfish_verify_ca": False,
            "redfish_auth_type": "basic",
        }
        self.assertEqual(known, mapping.driver_info(wanted(bmc=BMC)))
        given = wanted(bmc=BMC, driver_info={"verify_ca": "/etc/ca.pem"})
        self.assertEqual(
            known | {"redfish_verify_ca": "/etc/ca.pem"},
            mapping.driver_info(given),
        )

    def test_another_bmc_has_nothing_of_the_pod_managers(self) -> None:
        other = {"redfish_address": "https://bmc", "redfish_username": "me"}
        self.assertEqual(
            other, mapping.driver_info(wanted(bmc=BMC, driver_info=other))
        )
        self.assertEqual(
            {}, mapping.driver_info(wanted(bmc=BMC, driver="ipmi"))
        )

    def test_secrets(self) -> None:
        one = wanted(
            bmc=BMC,
            driver_info={
                "ipmi_password": "geheim",
                "snmp_community": "plain-17",
                "ipmi_hex_kg_key": 12345,
                "my_token": "x",
                "ipmi_username": "ich",
            },
        )
        self.assertEqual(
            {"pod-secret", "geheim", "plain-17", "12345"},
            set(mapping.secrets(one)),
        )
        self.assertNotIn("geheim", repr(one))
        self.assertNotIn("pod-secret", repr(one))


class TestNames(test_base.TestCase):
    def test_names(self) -> None:
        for name, first in (
            ("web-1", "web-1"),
            ("a.b_c~d", "a.b_c~d"),
            ("web 1/2", "web-1-2"),
            ("-web-", "web"),
            ("…", "node"),
            ("ports", f"ports-{NODE[:8]}"),
            ("x" * 255, "x" * 200),
        ):
            found, other = mapping.names(wanted(name=name))
            self.assertEqual(first, found)
            self.assertTrue(other.endswith(NODE[:8]))
            self.assertLessEqual(len(other), 255)

    def test_none_is_a_uuid(self) -> None:
        name = str(uuid.uuid4())
        self.assertNotIn(name, mapping.names(wanted(name=name)))


class TestChanges(test_base.TestCase):
    def present(self, one: base.Enrollment) -> dict[str, typing.Any]:
        """A node as it was made, and as others have changed it since."""
        node = mapping.new(one, "web-1")
        node["traits"] = [*one.traits, "CUSTOM_THEIRS"]
        node["properties"]["theirs"] = 1
        return node

    def test_nothing(self) -> None:
        one = wanted(
            properties={"cpus": 4},
            capabilities={"boot_mode": "uefi"},
            traits=["CUSTOM_A"],
            resource_class="gold",
        )
        node = self.present(one)
        self.assertEqual([], mapping.changes(one, node, reach=False))
        self.assertEqual(([], []), mapping.traits(one, node))

    def test_key_by_key(self) -> None:
        one = wanted(
            properties={"cpus": 4, "local_gb": 10},
            capabilities={"gpu_devices": "1", "boot_mode": "uefi"},
            traits=["CUSTOM_GPU", "CUSTOM_A"],
        )
        node = self.present(one)
        node["properties"]["capabilities"] += ",rack:7"
        new = dataclasses.replace(
            one,
            properties={"cpus": 8},
            capabilities={"boot_mode": "uefi"},
            traits=["CUSTOM_A", "CUSTOM_B"],
            resource_class="gold",
        )
        patch = {
            (c["op"], c["path"]): c.get("value")
            for c in mapping.changes(new, node, reach=False)
        }
        extra = patch.pop(("add", "/extra/valence"))
        self.assertEqual(["CUSTOM_A", "CUSTOM_B"], extra["traits"])
        self.assertEqual(
            {
                ("add", "/resource_class"): "gold",
                ("add", "/properties/cpus"): 8,
                ("add", "/properties/capabilities"): "boot_mode:uefi,rack:7",
                ("remove", "/properties/local_gb"): None,
            },
            patch,
        )
        self.assertEqual(
            (["CUSTOM_B"], ["CUSTOM_GPU"]), mapping.traits(new, node)
        )

    def test_how_to_reach_it_is_written_where_that_is_asked(self) -> None:
        one = wanted(
            driver="redfish",
            driver_info={"password": "x", "a/b~c": 1},
            interfaces={"boot": "pxe"},
        )
        node = self.present(one)
        self.assertEqual([], mapping.changes(one, node, reach=False))
        self.assertEqual(
            ["/driver_info/redfish_password", "/driver_info/a~1b~0c"],
            [c["path"] for c in mapping.changes(one, node, reach=True)],
        )

    def test_a_node_that_somebody_else_made(self) -> None:
        """It says nothing of us: nothing there is ours to remove."""
        node = {
            "uuid": NODE,
            "properties": {"cpus": 1, "capabilities": "a:b"},
            "traits": ["CUSTOM_A"],
            "extra": {},
        }
        one = wanted(properties={"memory_mb": 1}, capabilities={"c": "d"})
        paths = [c["path"] for c in mapping.changes(one, node, reach=False)]
        self.assertEqual(
            [
                "/properties/memory_mb",
                "/properties/capabilities",
                "/extra/valence",
            ],
            paths,
        )
        self.assertEqual(([], []), mapping.traits(one, node))

    def test_ports(self) -> None:
        one = wanted()
        port = base.Port("52:54:00:AB:CD:EF", "physnet")
        made = mapping.new_port(one, port)
        self.assertEqual(made, mapping.new_port(one, port))
        self.assertEqual("52:54:00:ab:cd:ef", made["address"])
        self.assertTrue(mapping.is_ours(one, made))
        self.assertFalse(mapping.is_ours(one, {"extra": {}}))
        self.assertNotIn(
            "physical_network", mapping.new_port(one, base.Port("a"))
        )

    def test_capabilities(self) -> None:
        for text, expected in (
            ("", {}),
            ("a:b", {"a": "b"}),
            ("a:b:c, d:e,", {"a": "b:c", "d": "e"}),
            ("odd", {"odd": ""}),
        ):
            self.assertEqual(expected, mapping.parse_capabilities(text))
