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

"""The services of OpenStack that other tests use, themselves tested."""

import concurrent.futures
import pathlib
import shutil
import time
import unittest.mock

import fixtures
from keystoneauth1 import loading
from keystoneauth1 import session
import requests
import testtools

from valence.tests import base
from valence.tests.fixtures import daemon
from valence.tests.fixtures import installed
from valence.tests.fixtures import services
from valence.tests.fixtures.keystone import Keystone
from valence.tests.fixtures.openstack import BMC
from valence.tests.fixtures.openstack import Ironic
from valence.tests.fixtures.openstack import Placement
from valence.tests.fixtures.openstack import system
from valence.tests.fixtures.processes import poll


def roles_of(token):
    return {role["name"] for role in token["roles"]}


class TestKeystone(base.SharedTestCase):
    env: Keystone

    @classmethod
    def make_environment(cls):
        return Keystone()

    def assert_refused(self, status, function, *arguments):
        error = self.assertRaises(requests.HTTPError, function, *arguments)
        self.assertEqual(status, error.response.status_code)

    def test_roles(self):
        for role, implied in (
            ("reader", set()),
            ("member", {"reader"}),
            ("manager", {"reader", "member"}),
            ("admin", {"reader", "member", "manager"}),
            ("service", set()),
        ):
            user = self.env.user(f"a-{role}", role, project="roles")
            token = self.env.validate(self.env.token(user))
            self.assertEqual({role} | implied, roles_of(token))
            self.assertEqual("roles", token["project"]["name"])
            self.assertEqual(user.id, token["user"]["id"])

    def test_roles_in_the_system(self):
        user = self.env.user("auditor", "reader", project=None)
        token = self.env.validate(self.env.token(user))
        self.assertEqual({"reader"}, roles_of(token))
        self.assertEqual({"all": True}, token["system"])

    def test_application_credential(self):
        user = self.env.user("robot-owner", "member", project="robots")
        all_roles = self.env.application_credential(user)
        token = self.env.validate(self.env.token(all_roles))
        self.assertEqual({"member", "reader"}, roles_of(token))
        one_role = self.env.application_credential(user, "reader")
        token = self.env.validate(self.env.token(one_role))
        self.assertEqual({"reader"}, roles_of(token))
        self.assertEqual("robots", token["project"]["name"])

    def test_no_role_no_token(self):
        stranger = self.env.user("stranger", project="roles")
        self.assert_refused(401, self.env.token, stranger)

    def test_revoked(self):
        token = self.env.token()
        self.env.validate(token)
        self.env.revoke(token)
        self.assert_refused(404, self.env.validate, token)

    def test_withdrawn(self):
        user = self.env.user("leaver", "member", "reader", project="roles")
        token = self.env.token(user)
        self.assertEqual(
            {"member", "reader"}, roles_of(self.env.validate(token))
        )
        self.env.withdraw(user, "member")
        self.assertEqual({"reader"}, roles_of(self.env.validate(token)))
        self.env.withdraw(user, "reader")
        self.assert_refused(404, self.env.validate, token)

    def test_what_keystoneauth_makes_of_it(self):
        self.env.service("test", "a-service", "http://127.0.0.1:9/old")
        self.env.service("test", "a-service", "http://127.0.0.1:9/x")
        user = self.env.user("client", "reader")
        for who in (user, self.env.system_admin):
            options = self.env.credentials(who)
            loader = loading.get_plugin_loader(options.pop("auth_type"))
            client = session.Session(loader.load_from_options(**options))
            for interface in ("public", "internal", "admin"):
                self.assertEqual(
                    "http://127.0.0.1:9/x",
                    client.get_endpoint(
                        service_type="test",
                        interface=interface,
                        region_name="RegionOne",
                    ),
                )
            token = self.env.validate(client.get_token())
            self.assertEqual(who.id, token["user"]["id"])

    def test_down_and_up_again(self):
        user = self.env.user("patient", "reader")
        token = self.env.token(user)
        self.env.stop()
        try:
            self.assertRaises(
                requests.ConnectionError, requests.get, self.env.auth_url
            )
        finally:
            self.env.start()
        self.assertEqual({"reader"}, roles_of(self.env.validate(token)))
        self.env.token(user)


class TestExpiry(testtools.TestCase):
    def test_a_token_expires(self):
        keystone = self.useFixture(Keystone(expiration=10))
        token = keystone.token()
        keystone.validate(token)

        def is_refused():
            try:
                keystone.validate(token)
            except requests.HTTPError as error:
                return error.response.status_code == 404

        poll(is_refused, "expired")


class TestIronic(testtools.TestCase):
    def test_a_node_and_its_bmc(self):
        one = system("one", "52:54:00:00:00:01")
        bmc = self.useFixture(BMC([one]))
        ironic = self.useFixture(Ironic())
        node = ironic.request(
            "POST",
            "/v1/nodes",
            {
                "driver": "redfish",
                "driver_info": bmc.driver_info(one["uuid"]),
                "boot_interface": "redfish-virtual-media",
                "resource_class": "composed",
            },
        )
        path = f"/v1/nodes/{node['uuid']}"
        ironic.request(
            "POST",
            "/v1/ports",
            {"node_uuid": node["uuid"], "address": one["nics"][0]["mac"]},
        )

        def until(field, value):
            poll(
                lambda: ironic.request("GET", path)[field] == value,
                f"{field} is {value}",
            )

        for target, state in (
            ("manage", "manageable"),
            ("provide", "available"),
        ):
            ironic.request(
                "PUT", f"{path}/states/provision", {"target": target}
            )
            until("provision_state", state)
        self.assertEqual("Off", bmc.power_state(one["uuid"]))
        ironic.request("PUT", f"{path}/states/power", {"target": "power on"})
        until("power_state", "power on")
        self.assertEqual("On", bmc.power_state(one["uuid"]))

        ironic.stop()
        self.assertRaises(requests.ConnectionError, ironic.request, "GET", "/")
        ironic.start()
        until("provision_state", "available")

    def test_keystone_is_asked(self):
        keystone = self.useFixture(Keystone())
        ironic = self.useFixture(Ironic(auth=keystone))
        ironic.request(
            "POST", "/v1/nodes", {"name": "one", "driver": "fake-hardware"}
        )
        self.assertEqual(
            401, requests.get(f"{ironic.url}/v1/nodes").status_code
        )

        def seen_by(user):
            token = {"X-Auth-Token": keystone.token(user)}
            nodes = ironic.request("GET", "/v1/nodes", headers=token)["nodes"]
            return [node["name"] for node in nodes]

        valence = keystone.user("valence", "service", project="service")
        self.assertEqual(["one"], seen_by(valence))
        # The node has no owner: no project's reader sees it.
        self.assertEqual([], seen_by(keystone.user("joe", "reader")))
        catalog = keystone.validate(keystone.token(valence))["catalog"]
        (entry,) = (one for one in catalog if one["type"] == "baremetal")
        self.assertEqual(
            {ironic.url}, {point["url"] for point in entry["endpoints"]}
        )

    def test_a_password_is_asked_for(self):
        ironic = self.useFixture(Ironic(auth="http_basic"))
        url = f"{ironic.url}/v1/nodes"
        self.assertEqual(401, requests.get(url).status_code)
        wrong = (ironic.user, "wrong")
        self.assertEqual(401, requests.get(url, auth=wrong).status_code)
        self.assertEqual([], ironic.request("GET", "/v1/nodes")["nodes"])


class TestPlacement(testtools.TestCase):
    def test_a_resource_class(self):
        placement = self.useFixture(Placement())
        path = "/resource_classes/CUSTOM_COMPOSED"
        placement.request("PUT", path)
        anonymous = requests.get(f"{placement.url}/resource_classes")
        self.assertEqual(401, anonymous.status_code)
        placement.stop()
        self.assertRaises(
            requests.ConnectionError, placement.request, "GET", path
        )
        placement.start()
        self.assertEqual(
            "CUSTOM_COMPOSED", placement.request("GET", path)["name"]
        )

    def test_keystone_is_asked(self):
        keystone = self.useFixture(Keystone())
        placement = self.useFixture(Placement(auth=keystone))
        placement.request("PUT", "/traits/CUSTOM_TESTED")
        for user, status in (
            (keystone.user("valence", "service", project="service"), 200),
            (keystone.user("joe", "member"), 403),
        ):
            answer = placement.send(
                "GET",
                "/resource_providers",
                headers={"X-Auth-Token": keystone.token(user)},
            )
            self.assertEqual(status, answer.status_code)

    def _write_at_once(self, placement):
        """Have 8 threads make 40 providers; returns what was answered."""

        def make(number):
            return placement.send(
                "POST", "/resource_providers", {"name": f"provider-{number}"}
            ).status_code

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return set(pool.map(make, range(40)))

    def test_many_write_at_once(self):
        placement = self.useFixture(Placement())
        self.assertEqual({200}, self._write_at_once(placement))

    def test_many_write_at_once_to_several_workers(self):
        for kind in ("mysql", "postgresql"):
            database = self.useFixture(services.Database(kind))
            placement = self.useFixture(Placement(database.url, workers=2))
            self.assertEqual({200}, self._write_at_once(placement))
            (group,) = (process.pid for process in placement._processes)
            workers = pathlib.Path(f"/proc/{group}/task/{group}/children")
            self.assertEqual(2, len(workers.read_text().split()))


class TestBMC(testtools.TestCase):
    def test_systems_come_and_go(self):
        one, two = system("one", "52:54:00:00:00:01"), system("two")
        bmc = self.useFixture(BMC([one]))
        self.assertEqual([one["uuid"]], bmc.systems())
        bmc.add(two)
        self.assertEqual(sorted((one["uuid"], two["uuid"])), bmc.systems())
        path = f"/redfish/v1/Systems/{two['uuid']}"
        reset = f"{path}/Actions/ComputerSystem.Reset"
        bmc.request("POST", reset, {"ResetType": "On"})
        self.assertEqual("On", bmc.power_state(two["uuid"]))
        bmc.remove(one["uuid"])
        bmc.stop()
        bmc.start()
        self.assertEqual([two["uuid"]], bmc.systems())
        self.assertEqual("On", bmc.power_state(two["uuid"]))
        self.assertEqual(two["name"], bmc.request("GET", path)["Name"])

    def test_network_cards(self):
        one = system("one", "52:54:00:00:00:01", "52:54:00:00:00:02")
        bmc = self.useFixture(BMC([one]))
        path = f"/redfish/v1/Systems/{one['uuid']}/EthernetInterfaces"
        found = {
            bmc.request("GET", member["@odata.id"])["MACAddress"]
            for member in bmc.request("GET", path)["Members"]
        }
        self.assertEqual({nic["mac"] for nic in one["nics"]}, found)

    def test_power_takes_time(self):
        one = system("one")
        bmc = self.useFixture(BMC([one], delay=5))
        reset = (
            f"/redfish/v1/Systems/{one['uuid']}/Actions/ComputerSystem.Reset"
        )
        bmc.request("POST", reset, {"ResetType": "On"})
        self.assertEqual("Off", bmc.power_state(one["uuid"]))
        poll(lambda: bmc.power_state(one["uuid"]) == "On", "on")


class TestInstalled(testtools.TestCase):
    def test_says_which_command_makes_the_environment(self):
        elsewhere = pathlib.Path("/nonexistent")
        for service in (Keystone(), Ironic(), Placement(), BMC()):
            with unittest.mock.patch.object(installed, "HOME", elsewhere):
                error = self.assertRaises(
                    fixtures.MultipleExceptions, service.setUp
                )
            kind, reason, _ = error.args[0]
            self.assertIs(daemon.NotStarted, kind)
            self.assertIn("/nonexistent/bin/", str(reason))
            self.assertIn("run tools/venv openstack", str(reason))

    def test_what_cannot_start_says_why(self):
        keystone = Keystone()

        def launch():
            # It exits, where other mistakes make it raise.
            shutil.rmtree(keystone.path("fernet-keys"))
            Keystone.launch(keystone)

        self.useFixture(fixtures.MockPatchObject(keystone, "launch", launch))
        began = time.monotonic()
        error = self.assertRaises(fixtures.MultipleExceptions, keystone.setUp)
        self.assertLess(time.monotonic() - began, daemon.START_TIMEOUT / 2)
        reason = str(error.args[0][1])
        self.assertIn("keystone ended with status 1", reason)
        self.assertIn("fernet-keys does not exist", reason)

    def test_what_takes_long_is_made_once(self):
        home = self.useFixture(fixtures.TempDir()).path
        packages = pathlib.Path(home, "lib", "python3.11", "site-packages")
        packages.mkdir(parents=True)
        made = []

        def get(recipe):
            path = pathlib.Path(home, "got")
            path.unlink(missing_ok=True)

            def make():
                made.append(recipe)
                path.write_text(recipe)

            Placement().from_template(str(path), make, recipe)
            self.assertEqual(recipe, path.read_text())

        with unittest.mock.patch.object(installed, "HOME", pathlib.Path(home)):
            get("one")
            get("one")
            self.assertEqual(["one"], made)
            get("another")
            get("one")
            self.assertEqual(["one", "another"], made)
            (packages / "placement-17.0.dist-info").mkdir()
            get("one")
            self.assertEqual(["one", "another", "one"], made)
