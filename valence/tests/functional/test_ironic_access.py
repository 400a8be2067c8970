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
"""How Valence gets to Ironic, and what it costs the rest of it."""

from valence.tests.functional import with_ironic  # isort: skip
import pathlib
import shutil
import tempfile
import typing
import uuid

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures.keystone import Keystone
from valence.tests.fixtures.openstack import Ironic
from valence.tests.fixtures.processes import poll

FAKE = {"driver": "fake-hardware"}


class TestLoggingIn(base.TestCase):
    """Ironic with keystone; Valence is told where keystone is."""

    keystone: typing.ClassVar[Keystone]
    ironic: typing.ClassVar[Ironic]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.keystone = Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        policy = pathlib.Path(tempfile.mkdtemp(), "policy.yaml")
        cls.addClassCleanup(shutil.rmtree, policy.parent)
        # As the documentation has it, for who has no scope of the system.
        policy.write_text(
            "".join(
                f'"baremetal:{rule}": "(role:admin and system_scope:all)'
                ' or rule:service_role"\n'
                for rule in ("node:delete", "port:create", "port:delete")
            )
        )
        cls.ironic = Ironic(
            cls.keystone, {"oslo_policy": {"policy_file": policy}}
        )
        cls.ironic.setUp()
        cls.addClassCleanup(cls.ironic.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            environment.Environment(PodSpec(systems=2), conductor=False)
        )
        self.user = self.keystone.user(
            f"valence-{uuid.uuid4().hex}", "service", project="service"
        )
        self.admin = self.keystone.user(
            f"admin-{uuid.uuid4().hex}", "admin", project=None
        )

    def use(self, **options: typing.Any) -> None:
        """Configure [ironic], as an operator would, and begin."""
        with_ironic.configure(self, **options)
        self.env.start_conductor()
        self.env.register()

    def enroll(self) -> environment.Answer:
        body = {"name": f"n-{uuid.uuid4().hex[:8]}", "enroll": FAKE}
        return self.env.api.post("/v1/nodes", body, wait=60)

    def assert_enrolled(self) -> None:
        answer = self.enroll()
        self.assertEqual(200, answer.status, answer)
        node_id = answer.json["uuid"]
        self.ironic.request("GET", f"/v1/nodes/{node_id}")
        gone = self.env.api.delete(f"/v1/nodes/{node_id}", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.ironic.request("GET", "/v1/nodes")["nodes"])

    def test_password(self) -> None:
        self.use(**self.keystone.credentials(self.admin))
        self.assert_enrolled()

    def test_a_service(self) -> None:
        self.use(**self.keystone.credentials(self.user))
        self.assert_enrolled()

    def test_a_system_administrator_for_a_project(self) -> None:
        self.use(**self.keystone.credentials(self.admin))
        self.assert_owned()

    def test_a_service_for_a_project(self) -> None:
        self.use(**self.keystone.credentials(self.user))
        self.assert_owned()

    def assert_owned(self) -> None:
        """A node of a project is that project's in Ironic, and Valence's."""
        composed = self.env.compose(name="one")
        row = self.env.node("one")
        row.project_id = "project-a"
        row.save()
        path = f"/v1/nodes/{composed['uuid']}"
        answer = self.env.api.post(f"{path}/register", FAKE, wait=60)
        self.assertEqual(200, answer.status, answer)
        shown = self.ironic.request("GET", path)
        self.assertEqual(
            ("project-a", "project-a"), (shown["owner"], shown["lessee"])
        )
        another = [{"address": "52:54:00:00:00:01"}]
        for named, count in ((another, 2), ([], 1)):
            answer = self.env.api.post(
                f"{path}/register", {"ports": named, **FAKE}, wait=60
            )
            self.assertEqual(200, answer.status, answer)
            ports = self.ironic.request("GET", "/v1/ports")["ports"]
            self.assertEqual(count, len(ports))
        gone = self.env.api.delete(path, wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.ironic.request("GET", "/v1/nodes")["nodes"])

    def test_application_credential(self) -> None:
        credential = self.keystone.application_credential(self.user)
        self.use(
            auth_type="v3applicationcredential",
            auth_url=self.keystone.auth_url,
            application_credential_id=credential.id,
            application_credential_secret=credential.secret,
        )
        self.assert_enrolled()

    def test_region_and_interface(self) -> None:
        self.use(
            region_name="RegionTwo",
            valid_interfaces="admin",
            **self.keystone.credentials(self.user),
        )
        answer = self.enroll()
        self.assertEqual(503, answer.status, answer)
        self.assertEqual("provisioner.not_configured", answer.error["code"])
        self.assertIn("no endpoint", answer.error["detail"])
        self.conf.set("ironic", region_name="RegionOne")
        self.env.stop_conductor()
        self.env.start_conductor()
        self.assert_enrolled()

    def test_a_wrong_password(self) -> None:
        credentials = self.keystone.credentials(self.user)
        self.use(**{**credentials, "password": "wrong"})
        answer = self.enroll()
        self.assertEqual(502, answer.status, answer)
        self.assertEqual("provisioner.auth_failure", answer.error["code"])
        self.assertIn("keystone", answer.error["detail"])
        self.assertNotIn("wrong", answer.error["detail"])
        self.assertEqual([], self.env.pods[0].nodes)

    def test_a_user_without_the_right(self) -> None:
        nobody = self.keystone.user(f"x-{uuid.uuid4().hex}", "reader")
        self.use(**self.keystone.credentials(nobody))
        answer = self.enroll()
        self.assertEqual("provisioner.auth_failure", answer.error["code"])
        self.assertEqual([], self.env.pods[0].nodes)

    def test_a_token_that_is_withdrawn(self) -> None:
        """A new one is asked for."""
        self.use(**self.keystone.credentials(self.user))
        self.assert_enrolled()
        self.keystone.withdraw(self.user, "service")
        self.keystone.grant(self.user, "service")
        self.assert_enrolled()

    def test_keystone_is_away(self) -> None:
        self.use(
            **{
                **self.keystone.credentials(self.user),
                "auth_url": "http://127.0.0.1:1/v3",
            }
        )
        answer = self.enroll()
        self.assertEqual(504, answer.status, answer)
        self.assertIn("keystone", answer.error["detail"])
        self.assertEqual([], self.env.pods[0].nodes)


class TestStandalone(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(environment.Environment(PodSpec(systems=2)))
        self.env.register()
        self.conf.set("ironic", **with_ironic.QUICK)

    def enroll(self) -> environment.Answer:
        body = {"name": "one", "enroll": FAKE}
        return self.env.api.post("/v1/nodes", body, wait=60)

    def assert_refused(self, status: int, code: str, words: str) -> None:
        answer = self.enroll()
        self.assertEqual(
            (status, code), (answer.status, answer.error["code"]), answer
        )
        self.assertIn(words, answer.error["detail"])
        self.assertEqual([], self.env.pods[0].nodes)

    def test_not_configured(self) -> None:
        self.assert_refused(
            503, "provisioner.not_configured", "[ironic]auth_type"
        )

    def test_an_auth_type_that_is_none(self) -> None:
        self.conf.set("ironic", auth_type="secret-handshake")
        self.assert_refused(503, "provisioner.not_configured", "handshake")

    def test_nobody_there(self) -> None:
        self.conf.set(
            "ironic", auth_type="none", endpoint_override="http://127.0.0.1:1"
        )
        self.assert_refused(
            504, "provisioner.unreachable", "connection refused"
        )

    def test_no_such_host(self) -> None:
        self.conf.set(
            "ironic",
            auth_type="none",
            endpoint_override="http://ironic.invalid",
        )
        self.assert_refused(504, "provisioner.unreachable", "host name")

    def test_a_certificate_that_is_not_trusted(self) -> None:
        (pod,) = self.useFixture(environment.Pods(PodSpec(), tls=True)).pods
        self.conf.set("ironic", auth_type="none", endpoint_override=pod.url)
        self.assert_refused(504, "provisioner.unreachable", "[ironic]cafile")

    def test_something_else(self) -> None:
        """There is a server, and it is no Ironic."""
        (pod,) = self.useFixture(environment.Pods(PodSpec())).pods
        self.conf.set("ironic", auth_type="none", endpoint_override=pod.url)
        self.assert_refused(502, "provisioner.auth_failure", "")

    def test_with_basic_authentication(self) -> None:
        ironic = self.useFixture(Ironic("http_basic"))
        with_ironic.configure(
            self,
            auth_type="http_basic",
            endpoint_override=ironic.url,
            username=ironic.user,
            password=ironic.password,
        )
        answer = self.enroll()
        self.assertEqual(200, answer.status, answer)


class TestSlow(with_ironic.IronicCase):
    """An Ironic that hangs delays its own work, and nothing else."""

    specs = (PodSpec(dialect="2.5", systems=10, devices=2),)
    settings = {"workers": 3, "timeout": 600}

    @classmethod
    def make_environment(cls) -> with_ironic.Bench:
        cls.conf.set("conductor", workers=4, workers_per_pod_manager=3)
        return super().make_environment()

    def test_others_are_not_delayed(self) -> None:
        names = [f"n{number}" for number in range(6)]
        for name in names:
            self.composed(name=name)
        self.proxy.on("*", "", times=None).hang()
        asked = [
            self.api.post(f"/v1/nodes/{name}/register", FAKE) for name in names
        ]
        poll(lambda: len(self.asked()) >= 3, "some hang")
        # More than there are workers, on the same pod manager.
        others = [
            self.api.post("/v1/nodes", {"name": f"o{number}"})
            for number in range(4)
        ]
        for answer in others:
            self.assertEqual("succeeded", self.api.ended(answer)["state"])
        reset = {"Reset": {"Type": "On"}}
        for _ in range(2):
            answer = self.api.post("/v1/nodes/o1/action", reset, wait=60)
            self.assertEqual(204, answer.status, answer)
        answer = self.api.post("/v1/pod_managers/pod-0/sync", wait=60)
        self.assertEqual(200, answer.status, answer)
        # No more of them are at it than may, and the others wait.
        states = [self.state_of(answer) for answer in asked]
        self.assertEqual(
            {"running": 3, "pending": 3},
            {state: states.count(state) for state in set(states)},
        )
        self.proxy.heal()
        for answer in asked:
            self.assertEqual("succeeded", self.api.ended(answer)["state"])
        self.assertEqual(6, len(self.env.node_ids()))

    def state_of(self, answer: environment.Answer) -> str:
        path = "/v1" + answer.headers["Location"].partition("/v1")[2]
        return typing.cast(str, self.api.get(path).json["state"])

    def test_an_attach_does_not_join_them(self) -> None:
        """While too many wait for Ironic, it is told later."""
        for name in ("a", "b", "c", "d"):
            self.composed(name=name)
        self.register("d", **FAKE, interfaces={})
        self.proxy.on("*", "", times=None).hang()
        seen = len(self.asked())
        asked = [
            self.api.post(f"/v1/nodes/{name}/register", FAKE)
            for name in ("a", "b", "c")
        ]
        poll(lambda: len(self.asked()) == seen + 3, "all hang")
        device = self.api.get("/v1/devices").json[0]["uuid"]
        answer = self.api.post(
            "/v1/nodes/d/action", {"attach": {"uuid": device}}, wait=60
        )
        self.assertEqual(204, answer.status, answer)
        (warning,) = self.last("attach")["warnings"]
        self.assertIn("Too many operations wait for it", warning)
        self.proxy.heal()
        for one in asked:
            self.api.ended(one)
