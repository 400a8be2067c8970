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

"""The commands in a cloud: several people, found and let in by Keystone."""

import json
import subprocess

from valence.tests.fixtures import commands
from valence.tests.fixtures import processes
from valence.tests.fixtures.keystone import User
from valence.tests.functional.test_keystone import KeystoneCase

#: What only those read who may know of the hardware.
TELLING = ("pod-0", "redfish", "127.0.0.1:")


class TestCloud(KeystoneCase):
    def setUp(self) -> None:
        super().setUp()
        self.served = self.useFixture(commands.Served(self.application))
        # With or without the version: both are found in catalogs.
        self.keystone.service(
            "composition", "valence", f"{self.served.url}/v1"
        )
        self.ann = self.openstack(
            self.keystone.user("ann", "member", project="project-a")
        )
        self.bob = self.openstack(
            self.keystone.user("bob", "manager", project="project-b")
        )
        self.admin = self.openstack(self.keystone.admin)
        self.addCleanup(self.clean)

    def openstack(self, user: User) -> commands.OpenStack:
        login = self.keystone.credentials(user)
        return self.useFixture(commands.OpenStack(**login))

    def clean(self) -> None:
        names = " ".join(
            node["uuid"] for node in self.admin.json("composed node list")
        )
        if names:
            self.admin.ok(f"composed node delete {names} --wait")
        for flavor in self.admin.json("composition flavor list"):
            self.admin.ok(f"composition flavor delete {flavor['uuid']}")

    def test_a_tenants_first_node(self) -> None:
        self.admin.ok("composition flavor create small --memory 1024")
        (flavor,) = self.ann.json("composition flavor list")
        self.assertEqual("small", flavor["name"])
        node = self.ann.json("composed node create web --flavor small --wait")
        self.assertEqual("composed", node["provision_state"])
        self.ann.ok("composed node power on web --wait")
        # Columns that others are not shown are left out, and nothing fails.
        shown = self.ann.ok("composed node list --long")
        (listed,) = self.ann.json("composed node list --long")
        self.assertEqual("web", listed["name"])
        self.assertIn("flavor_id", listed)
        self.assertNotIn("podm_id", listed)
        (listed,) = self.admin.json("composed node list --long")
        self.assertIn("podm_id", listed)
        for word in TELLING:
            self.assertNotIn(word, shown.out + shown.err)

        # Resized by one call each way.
        self.ann.ok("pooled device attach web --type storage --count 2 --wait")
        held = self.ann.json("pooled device list --node web")
        self.assertEqual(2, len(held))
        said = self.ann.fails("pooled device attach web --type GPU --wait")
        self.assertIn("GPU", said)
        self.ann.ok("pooled device detach web --type storage --count 2 --wait")
        self.assertEqual([], self.ann.json("pooled device list --long"))
        self.ann.ok("composed node delete web --wait")

    def test_what_is_refused(self) -> None:
        self.ann.ok("composed node create web --wait")
        said = self.bob.fails("composed node show web")
        self.assertIn("No node 'web'. (HTTP 404", said)
        said = self.ann.fails("pod manager list")
        self.assertIn("'valence:pod_managers:list'", said)
        self.assertIn("(HTTP 403, request req-", said)
        said = self.ann.fails("composed node list --fields podm_id")
        self.assertIn("(HTTP 403, request req-", said)
        said = self.ann.fails(
            "composed node create big --memory 9999999 --wait"
        )
        self.assertIn("| filter ", said)
        self.assertIn("memory_mib=9999999", said)
        for word in TELLING:
            self.assertNotIn(word, said)

    def test_flavors_of_projects(self) -> None:
        self.bob.ok("composition flavor create own --memory 1024")
        self.admin.ok(
            "composition flavor create given --memory 1024 "
            f"--project {self.keystone.project('project-a')}"
        )
        self.admin.ok(
            "composition flavor create named --memory 1024 --project project-a"
        )
        for who, names in (
            (self.ann, ["given", "named"]),
            (self.bob, ["own"]),
            (self.admin, ["given", "named", "own"]),
        ):
            listed = who.json("composition flavor list --sort name")
            self.assertEqual(names, [one["name"] for one in listed])
        listed = self.admin.json("composition flavor list --project project-b")
        self.assertEqual(["own"], [one["name"] for one in listed])

    def test_nobody_is_let_in_by_a_wrong_password(self) -> None:
        self.ann.login["password"] = "wrong"
        said = self.ann.fails("composed node list")
        self.assertIn("HTTP 401", said)

    def test_a_cloud_without_the_service(self) -> None:
        self.ann.login["region_name"] = "Elsewhere"
        said = self.ann.fails("composed node list")
        self.assertIn("composition", said)

    def test_our_own_program_logs_in_as_well(self) -> None:
        login = self.keystone.credentials(
            self.keystone.user("ann", "member", project="project-a")
        )
        done = subprocess.run(
            (
                processes.path_of("valence"),
                *(f"--os-{k.replace('_', '-')}={v}" for k, v in login.items()),
                *("composed", "node", "list", "-f", "json"),
            ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([], json.loads(done.stdout))
