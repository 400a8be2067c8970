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

"""Nodes are handed to Ironic, and taken back, by command."""

from valence.tests.functional import with_ironic  # isort: skip
import json

import fixtures

from valence.simulator import PodSpec
from valence.tests.fixtures import commands


class TestHandedOver(with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.1", systems=4),)

    def setUp(self) -> None:
        super().setUp()
        served = self.useFixture(commands.Served(self.env.application))
        self.openstack = self.useFixture(commands.OpenStack(served.url))
        self.json = self.openstack.json

    def test_compose_then_enroll(self) -> None:
        asked = {"interfaces": with_ironic.INTERFACES, "target": "enroll"}
        node = self.json(
            "composed node create web-1 --wait "
            f"--enrollment '{json.dumps(asked)}'"
        )
        self.assertEqual("ironic", node["managed_by"])
        self.assertEqual([node["uuid"]], self.env.node_ids())
        said = self.openstack.fails("composed node power on web-1 --wait")
        self.assertIn("ironic", said.lower())
        self.openstack.ok("composed node delete web-1 --wait")
        self.assertEqual([], self.env.node_ids())

    def test_register_and_unregister(self) -> None:
        self.composed()
        file = self.useFixture(fixtures.TempDir()).join("info.json")
        with open(file, "w") as out:
            json.dump({"redfish_password": "s3cr3t-of-pod"}, out)
        ran = self.openstack.ok(
            "--debug composed node register web-1 --wait -f json "
            "--driver-interface boot=redfish-virtual-media --target enroll "
            f"--driver-info-file {file} "
            "--driver-info redfish_username=somebody "
            "--resource-class baremetal.gold --trait CUSTOM_FAST "
            "--port 52:54:00:12:34:56,physical_network=physnet1 "
            "--property color=red"
        )
        self.assertNotIn("s3cr3t", ran.out + ran.err)
        self.assertEqual("enrolled", ran.json["provision_state"])
        shown = self.env.in_ironic(ran.json["uuid"])
        self.assertEqual("baremetal.gold", shown["resource_class"])
        self.assertEqual(["CUSTOM_FAST"], shown["traits"])
        self.assertEqual("red", shown["properties"]["color"])
        info = shown["driver_info"]
        self.assertEqual("somebody", info["redfish_username"])
        self.assertIn("52:54:00:12:34:56", self.env.ports())
        (listed,) = self.json("composed node list --managed-by ironic --long")
        self.assertEqual("enroll", listed["provisioner_state"])
        self.openstack.ok("composed node unregister web-1 --wait")
        self.assertEqual([], self.env.node_ids())
        node = self.json("composed node show web-1")
        self.assertEqual("composed", node["provision_state"])
