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

"""Several conductors and their ends, keystone, and a real database."""

import concurrent.futures
import random
import uuid

from valence.tests.functional import mirrored  # isort: skip
from keystoneauth1 import loading

from valence.tests.fixtures import processes
from valence.tests.fixtures import services
from valence.tests.fixtures.keystone import ApplicationCredential
from valence.tests.fixtures.keystone import Keystone
from valence.tests.fixtures.openstack import Placement
from valence.tests.fixtures.proxy import Proxy
from valence.tests.functional import deployed


class MirroredDeployment(mirrored.Mirrored, deployed.DeployedCase):
    """Conductors and a Placement with processes, and a proxy between."""

    kind = "mysql"

    @classmethod
    def setUpClass(cls) -> None:
        database = services.Database(cls.kind)
        cls.begin(database)
        cls.placement = cls.begin(Placement(database.url, workers=2))
        cls.proxy = cls.begin(Proxy(cls.placement.url))
        cls.options = {
            "conductor": {"heartbeat_timeout": 8},
            "placement": {
                "enabled": True,
                "interval": 1,
                "timeout": 60,
                "auth_type": "admin_token",
                "endpoint": cls.proxy.url,
                "token": "admin",
            },
        }
        super().setUpClass()

    @classmethod
    def begin(cls, fixture):
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    def tearDown(self) -> None:
        self.proxy.heal()
        super().tearDown()


class TwoConductors(MirroredDeployment):
    conductors = 2
    apis = 2

    def test_many_composes_at_once(self) -> None:
        pods = [self.pod(systems=12) for _ in range(2)]
        podms = [self.register(pod) for pod in pods]

        def live(number: int) -> None:
            client = self.deployment.clients[number % 2]
            answer = client.post(
                "/v1/nodes",
                {"name": f"node-{number}", "podm_id": podms[number % 2]},
                wait=60,
            )
            self.assertEqual(200, answer.status, answer)
            if number % 3 == 0:
                path = f"/v1/nodes/{answer.json['uuid']}"
                gone = client.delete(path, wait=60)
                self.assertEqual(204, gone.status, gone)

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(live, range(18)))
        state = self.assert_mirrored()
        self.assertEqual(12, len(state["consumers"]))
        for podm in podms:
            self.assert_usages(podm, CUSTOM_SYSTEM=6)

    def test_meddling_all_the_time(self) -> None:
        podm = self.register(self.pod(systems=8))
        nodes = [self.composed(podm, f"n-{number}") for number in range(4)]
        self.assert_mirrored()
        chance = random.Random(7)
        for _ in range(40):
            provider = chance.choice([podm, *(node.uuid for node in nodes)])
            path = f"/resource_providers/{provider}"
            found = self.placement.send("GET", path)
            if found.status_code != 200:
                continue
            generation = found.json()["generation"]
            changes = [
                ("traits", {"traits": []}),
                ("aggregates", {"aggregates": []}),
            ]
            if provider == podm:
                # With a node's, and without our mark, it would be Nova's.
                changes.append(
                    ("inventories", {"inventories": {"VCPU": {"total": 1}}})
                )
            what, body = chance.choice(changes)
            body = {**body, "resource_provider_generation": generation}
            self.placement.send("PUT", f"{path}/{what}", body)
            if chance.random() < 0.2:
                self.placement.send("DELETE", f"/allocations/{nodes[0].uuid}")
        for node in nodes[:2]:
            gone = self.api.delete(f"/v1/nodes/{node.uuid}", wait=60)
            self.assertEqual(204, gone.status, gone)
        state = self.assert_mirrored()
        self.assertEqual(3, len(state["providers"]))

    def test_one_of_two_dies(self) -> None:
        podms = [self.register(self.pod(systems=3)) for _ in range(3)]
        for number, podm in enumerate(podms):
            self.composed(podm, f"node-{number}")
        self.assert_mirrored()
        victim = self.deployment.conductors[0]
        victim.kill()
        self.addCleanup(victim.start)
        for podm in podms:
            self.placement.request(
                "PUT", f"/resource_providers/{podm}", {"name": f"x{podm}"}
            )
        # The other looks at what was the dead one's.
        self.assert_mirrored()


class TestOnMariaDB(TwoConductors):
    database = kind = "mysql"


class TestOnPostgreSQL(TwoConductors):
    database = kind = "postgresql"


del TwoConductors  # it is for these two


class TestKilled(MirroredDeployment):
    """Between any two of its requests."""

    database = "mysql"

    def test_it(self) -> None:
        pod = self.pod(systems=40)
        podm = self.register(pod)
        (conductor,) = self.deployment.conductors
        conductor.configure({"placement": {"interval": 600}})
        for number, (method, path) in enumerate(
            (
                ("POST", "/resource_providers$"),
                ("PUT", "/aggregates$"),
                ("PUT", "/traits$"),
                ("PUT", "/inventories$"),
                ("POST", "/allocations$"),
                ("DELETE", "/resource_providers/"),
            )
        ):
            for after in (False, True):
                self.assert_mirrored()
                name = f"node-{number}-{after}"
                if method == "DELETE":
                    self.composed(podm, name)
                    self.assert_mirrored()
                fault = self.proxy.on(method, path).hang(after=after)
                if method == "DELETE":
                    self.api.delete(f"/v1/nodes/{name}")
                else:
                    self.composed(podm, name)
                fault.wait()
                conductor.kill()
                self.proxy.heal()
                conductor.start()
        self.assert_mirrored()
        conductor.configure({"placement": {"interval": 1}})
        conductor.restart()


class TestKeystone(mirrored.Mirrored, deployed.base.TestCase):
    """The mirror logs in as operators have it log in."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.keystone = Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls.placement = Placement(auth=cls.keystone)
        cls.placement.setUp()
        cls.addClassCleanup(cls.placement.cleanUp)
        cls.user = cls.keystone.user("valence", "service", project="service")

    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            mirrored.environment.Environment(conductor=False)
        )
        self.context = self.env.context

    def log_in(self, who: object, **more: object) -> None:
        if isinstance(who, ApplicationCredential):
            options = {
                "auth_type": "v3applicationcredential",
                "auth_url": self.keystone.auth_url,
                "application_credential_id": who.id,
                "application_credential_secret": who.secret,
            }
        else:
            options = self.keystone.credentials(who)
        plugin = loading.get_auth_plugin_conf_options(options["auth_type"])
        self.conf.register("placement", plugin)
        self.conf.set(
            "placement", enabled=True, interval=0.5, **{**options, **more}
        )

    def check(self) -> None:
        pool = mirrored.new_pool(
            self.context, f"pool-{uuid.uuid4()}", CUSTOM_A=mirrored.told(3)
        )
        self.env.start_conductor()
        self.assertIn(pool.uuid, self.assert_mirrored()["providers"])

    def test_with_a_password(self) -> None:
        self.log_in(self.user)
        self.check()

    def test_with_an_application_credential(self) -> None:
        credential = self.keystone.application_credential(self.user)
        self.log_in(credential, region_name="RegionOne")
        self.check()

    def test_a_token_is_revoked(self) -> None:
        self.log_in(self.user)
        self.check()
        session = self.env.conductor._mirror._client._adapter.session
        self.keystone.revoke(session.get_token())
        # It takes another one, and nobody notices.
        mirrored.new_pool(self.context, "more", CUSTOM_A=mirrored.told(3))
        self.assert_mirrored()
        self.assertIsNone(self.env.conductor._mirror._away_since)

    def test_a_wrong_password_and_the_right_one(self) -> None:
        self.log_in(self.user, password="wrong")
        self.env.start_conductor()
        mirror = self.env.conductor._mirror
        processes.poll(lambda: mirror._away_since, "it is refused")
        self.env.stop_conductor()
        self.log_in(self.user)
        self.check()

    def test_another_region(self) -> None:
        self.log_in(self.user, region_name="Elsewhere")
        self.env.start_conductor()
        mirror = self.env.conductor._mirror
        processes.poll(lambda: mirror._away_since, "there is none")
