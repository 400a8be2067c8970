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
"""What a provisioner is told of a node, put together from the rows."""

import typing

from valence import objects
from valence.conductor import enrollment
from valence.provision import base
from valence.tests import base as test_base

ASSETS = {
    "systems": [],
    "processors": [
        {
            "processor_type": "CPU",
            "instruction_set": "x86-64",
            "total_cores": 10,
            "total_threads": 20,
        },
        {"total_cores": 8},
        {"processor_type": "GPU", "total_cores": 5000},
    ],
    "memory": [{"capacity_mib": 1024}, {"capacity_mib": 2048}, {}],
    "ethernet_interfaces": [
        {"mac_address": "52:54:00:00:00:0A"},
        {"mac_address": "52:54:00:00:00:0a"},
        {"mac_address": "0xnonsense"},
        {"mac_address": None},
        {},
    ],
    "local_drives": [{"capacity_gib": 480.7}, {"capacity_gib": None}],
    "remote_drives": [],
    "storage": [{"capacity_gib": 100}],
}


def node(**values: typing.Any) -> objects.Node:
    return objects.Node(
        uuid="0b6ac7a5-31f0-4b8b-b9f7-8a2b2a2d4a55",
        **{
            "name": "web-1",
            "description": None,
            "project_id": "project",
            "assets": ASSETS,
            "memory_mib": None,
            "boot": {"mode": "UEFI"},
            "resource_class": "gold",
            "traits": ["CUSTOM_A"],
            "index": "1",
            "resource_uri": "/redfish/v1/Nodes/1",
            **values,
        },
    )


def told(
    of: objects.Node, *held: str, seen: typing.Any = None, **asked: typing.Any
) -> base.Enrollment:
    podm = objects.PodManager(
        uuid="d9a7ae11-1e26-4d08-b4d5-8d2f0c4b8c4f", name="pod-1"
    )
    devices = [
        objects.Device(
            uuid=f"9e1c07ab-7ee2-4f2d-90a0-6e0b8c3e8a5{number}", type=kind
        )
        for number, kind in enumerate(held)
    ]
    return enrollment.of(of, seen or {}, podm, None, devices, asked)


class TestEnrollment(test_base.TestCase):
    def test_properties(self) -> None:
        self.assertEqual(
            {
                "cpus": 28,
                "memory_mb": 3072,
                "local_gb": 480,
                "cpu_arch": "x86_64",
            },
            told(node()).properties,
        )
        self.assertEqual(
            8192, told(node(memory_mib=8192)).properties["memory_mb"]
        )

    def test_what_is_not_known_is_not_told(self) -> None:
        for assets in (None, {}, {kind: [] for kind in ASSETS}):
            one = told(node(assets=assets, boot={}))
            self.assertEqual({}, one.properties)
            self.assertEqual({}, one.capabilities)

    def test_the_request_has_the_last_word(self) -> None:
        one = told(
            node(),
            "GPU",
            properties={"cpus": 2, "root_device": {"size": 1}},
            capabilities={"boot_mode": "bios"},
        )
        self.assertEqual(2, one.properties["cpus"])
        self.assertEqual({"size": 1}, one.properties["root_device"])
        self.assertEqual(
            {"boot_mode": "bios", "gpu_devices": "1"}, one.capabilities
        )

    def test_what_was_just_read_goes_before_the_row(self) -> None:
        seen = {"assets": {"memory": [{"capacity_mib": 1}]}, "index": "2"}
        one = told(node(), seen=seen)
        self.assertEqual({"memory_mb": 1}, one.properties)
        self.assertEqual("2", one.extra["index"])

    def test_devices(self) -> None:
        one = told(node(), "SSD", "SSD", "Odd kind!", "Unknown")
        self.assertEqual(
            ["CUSTOM_A", "CUSTOM_ODD_KIND_", "CUSTOM_SSD"], one.traits
        )
        self.assertEqual("2", one.capabilities["ssd_devices"])
        self.assertEqual(4, len(one.extra["devices"]))

    def test_ports(self) -> None:
        self.assertEqual([base.Port("52:54:00:00:00:0a")], told(node()).ports)
        one = told(
            node(),
            physical_network="all",
            ports=[
                {"address": "52:54:00:00:00:0a", "physical_network": "one"},
                {"address": "52:54:00:00:00:0b"},
            ],
        )
        self.assertEqual(
            [
                base.Port("52:54:00:00:00:0a", "one"),
                base.Port("52:54:00:00:00:0b", "all"),
            ],
            one.ports,
        )
        # Not known is another thing than none.
        self.assertIsNone(told(node(assets=None)).ports)
        self.assertEqual([], told(node(assets={})).ports)
