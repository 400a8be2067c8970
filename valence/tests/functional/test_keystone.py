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

"""Valence behind a real Keystone."""

from valence.tests import base  # isort: skip - chooses the threads
import concurrent.futures
import functools
import logging
import time
import typing

import fixtures
import requests

from valence.api.app import make_application
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures.environment import Client
from valence.tests.fixtures.environment import Environment
from valence.tests.fixtures.keystone import Keystone
from valence.tests.fixtures.proxy import Proxy


def configure(
    configuration: environment.Configuration,
    keystone: Keystone,
    **options: typing.Any,
) -> typing.Any:
    """An application that asks this Keystone.

    :param options: of ``[keystone_authtoken]``
    """
    options = {**keystone.authtoken("valence"), **options}
    # The middleware registers what the plugin needs when it is made.
    configuration.set(None, auth_strategy="keystone")
    configuration.load("keystone_authtoken", **options)
    return make_application()


class KeystoneCase(base.SharedTestCase):
    env: Environment
    keystone: typing.ClassVar[Keystone]
    #: Looks up each token each time.
    application: typing.ClassVar[typing.Any]

    @classmethod
    def make_environment(cls) -> Environment:
        env = Environment(PodSpec(dialect="2.5", systems=4, devices=2))
        return env

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.env.register()
        cls.keystone = Keystone()
        cls.keystone.setUp()
        cls.addClassCleanup(cls.keystone.cleanUp)
        cls.application = configure(cls.conf, cls.keystone)

    def client(self, token: str | None, application: object = None) -> Client:
        headers = {} if token is None else {"X_Auth_Token": token}
        return Client(application or self.application, **headers)

    def status(self, token: str | None, application: object = None) -> int:
        """What becomes of somebody with a token."""
        answer = self.client(token, application).get("/v1/nodes")
        if answer.status != 200:
            # In our shape, wherever it was refused.
            self.assertEqual(answer.status, answer.error["status"])
            self.assertTrue(answer.error["request_id"].startswith("req-"))
        return answer.status

    def is_refused(self, token: str, application: object) -> bool:
        return self.status(token, application) == 401


class TestTokens(KeystoneCase):
    #: Another one, whose tokens are brief.
    brief: typing.ClassVar[Keystone]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.brief = Keystone(expiration=10)
        cls.brief.setUp()
        cls.addClassCleanup(cls.brief.cleanUp)

    def test_roles(self) -> None:
        for role, reads, composes, sets_up, runs, meters, sees_all in (
            ("reader", 200, 403, 403, 403, 403, False),
            ("member", 200, 202, 403, 403, 403, False),
            ("manager", 200, 202, 201, 403, 403, False),
            ("admin", 200, 202, 201, 200, 200, True),
            ("service", 200, 403, 403, 200, 200, True),
        ):
            user = self.keystone.user(f"{role}-1", role, project="roles")
            client = self.client(self.keystone.token(user))
            found = (
                client.get("/v1/nodes").status,
                client.post("/v1/nodes", {"name": f"of-{role}"}).status,
                client.post(
                    "/v1/flavors", {"name": f"of-{role}", "properties": {}}
                ).status,
                client.get("/v1/pod_managers").status,
                client.get("/metrics").status,
                "podm_id" in client.get("/v1/nodes").text,
            )
            wanted = (reads, composes, sets_up, runs, meters, sees_all)
            self.assertEqual(wanted, found, role)

    def test_projects(self) -> None:
        mine = self.keystone.user("ann", "member", project="project-a")
        theirs = self.keystone.user("bob", "manager", project="project-b")
        ann = self.client(self.keystone.token(mine))
        bob = self.client(self.keystone.token(theirs))
        node = ann.post("/v1/nodes", {"name": "web"}, wait=60)
        self.assertEqual(200, node.status, node)
        self.assertEqual(
            self.keystone.project("project-a"), node.json["project_id"]
        )
        self.assertEqual(mine.id, node.json["user_id"])
        path = f"/v1/nodes/{node.json['uuid']}"
        for answer in (
            bob.get(path),
            bob.get("/v1/nodes/web"),
            bob.get(f"{path}/assets"),
            bob.delete(path),
            bob.patch(
                path, [{"op": "replace", "path": "/name", "value": "b"}]
            ),
            bob.post(f"{path}/action", {"Reset": {"Type": "On"}}),
        ):
            self.assertEqual(404, answer.status, answer)
        self.assertEqual([], bob.get("/v1/nodes").json)
        self.assertEqual([], bob.get("/v1/operations").json)
        # The administrator, whose project is another one, sees all.
        admin = self.client(self.keystone.token())
        self.assertEqual(200, admin.get(path).status)
        self.assertEqual(204, ann.delete(path, wait=60).status)

    def test_scopes(self) -> None:
        self.assertEqual(
            403, self.status(self.keystone.token(self.keystone.system_admin))
        )

    def test_no_token(self) -> None:
        for token in (
            None,
            "",
            " ",
            "x",
            "\x7f",
            "\xe4",
            "a b",
            "gAAAAA" + "x" * 4000,
            "x" * 100_000,
        ):
            answer = self.client(token).get("/v1/nodes")
            self.assertEqual(401, answer.status, token)
            self.assertEqual("request.unauthenticated", answer.error["code"])
            self.assertEqual(
                f'Keystone uri="{self.keystone.auth_url}"',
                answer.headers["WWW-Authenticate"],
            )

    def test_forged(self) -> None:
        token = self.keystone.token()
        self.assertEqual(200, self.status(token))
        for place in (5, len(token) // 2, -10):
            other = "A" if token[place] != "A" else "B"
            forged = token[:place] + other + token[place:][1:]
            self.assertEqual(401, self.status(forged), place)
        self.assertEqual(401, self.status(self.brief.token()))

    def test_revoked(self) -> None:
        token = self.keystone.token()
        self.assertEqual(200, self.status(token))
        self.keystone.revoke(token)
        self.assertEqual(401, self.status(token))

    def test_a_role_that_is_withdrawn(self) -> None:
        user = self.keystone.user("carl", "member", project="project-c")
        token = self.keystone.token(user)
        self.assertEqual(200, self.status(token))
        self.keystone.withdraw(user, "member")
        self.assertEqual(401, self.status(token))

    def test_application_credentials(self) -> None:
        user = self.keystone.user("dora", "member", project="project-d")
        robot = self.keystone.application_credential(user, "reader")
        client = self.client(self.keystone.token(robot))
        self.assertEqual(200, client.get("/v1/nodes").status)
        self.assertEqual(403, client.post("/v1/nodes", {}).status)

    def test_access_rules(self) -> None:
        # They name the service by its type in the catalog.
        self.keystone.service("composition", "valence", "http://localhost")
        user = self.keystone.user("eve", "member", project="project-e")
        made = self.keystone.request(
            "POST",
            f"/v3/users/{user.id}/application_credentials",
            {
                "application_credential": {
                    "name": "nodes-only",
                    "access_rules": [
                        {
                            "service": "composition",
                            "method": "GET",
                            "path": "/v1/nodes",
                        }
                    ],
                }
            },
            {"X-Auth-Token": self.keystone.token(user)},
        )["application_credential"]
        answer = requests.post(
            f"{self.keystone.auth_url}/auth/tokens",
            json={
                "auth": {
                    "identity": {
                        "methods": ["application_credential"],
                        "application_credential": {
                            "id": made["id"],
                            "secret": made["secret"],
                        },
                    }
                }
            },
            timeout=60,
        )
        client = self.client(
            answer.headers["X-Subject-Token"], make_application()
        )
        self.assertEqual(200, client.get("/v1/nodes").status)
        self.assertEqual(401, client.get("/v1/flavors").status)

    def test_tokens_and_passwords_are_not_logged(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        application = configure(self.conf, self.keystone)
        token = self.keystone.token()
        client = self.client(token, application)
        self.assertEqual(200, client.get("/v1/nodes").status)
        self.assertEqual(
            202, client.post("/v1/pod_managers/pod-0/sync").status
        )
        self.assertIn("enforce: rule", log.output)
        self.assertNotIn("deprecated", log.output)
        password = self.keystone.user("valence", project="service").password
        for secret in (token, f'"{password}"', f"={password}"):
            self.assertNotIn(secret, log.output)

    def test_expired(self) -> None:
        """A token ends at its time, whether it is looked up or believed."""
        applications = [
            configure(self.conf, self.brief, token_cache_time=seconds)
            for seconds in (-1, 300)
        ]
        token = self.brief.token()
        for application in applications:
            self.assertEqual(200, self.status(token, application))
        for application in applications:
            processes.poll(
                functools.partial(self.is_refused, token, application),
                "it has expired",
            )

    def test_revoked_and_believed(self) -> None:
        """What was looked up is believed for a time, as it is configured."""
        application = configure(self.conf, self.keystone, token_cache_time=8)
        token = self.keystone.token()
        self.assertEqual(200, self.status(token, application))
        self.keystone.revoke(token)
        self.assertEqual(200, self.status(token, application))
        processes.poll(
            functools.partial(self.is_refused, token, application),
            "it is looked up again",
        )

    def test_keystone_goes_and_comes(self) -> None:
        application = configure(self.conf, self.keystone, token_cache_time=300)

        def status(token: str | None) -> int:
            return self.status(token, application)

        known, unknown = self.keystone.token(), self.keystone.token()
        self.assertEqual(200, status(known))
        self.keystone.stop()
        try:
            began = time.monotonic()
            answer = self.client(unknown, application).get("/v1/nodes")
            self.assertEqual(503, answer.status, answer)
            self.assertEqual("service.unavailable", answer.error["code"])
            self.assertIn("Keystone", answer.error["detail"])
            self.assertIn("Retry-After", answer.headers)
            self.assertLess(time.monotonic() - began, 60)
            # Who was known is known still, to each thread that serves
            # requests, and who is asked nothing is let in.
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                found = set(pool.map(status, [known] * 40))
            self.assertEqual({200}, found)
            self.assertEqual(401, status(None))
            for path in ("/", "/v1", "/healthcheck"):
                self.assertEqual(
                    200, self.client(None, application).get(path).status
                )
        finally:
            self.keystone.start()
        self.assertEqual(200, status(unknown))
        self.assertEqual(401, status("forged"))

    def test_keystone_is_slow(self) -> None:
        proxy = self.useFixture(Proxy(self.keystone.url))
        proxy.on("*", ".", times=None).hang()
        application = configure(
            self.conf,
            self.keystone,
            auth_url=f"{proxy.url}/v3",
            http_connect_timeout=1,
            http_request_max_retries=0,
        )
        began = time.monotonic()
        client = self.client(self.keystone.token(), application)
        self.assertEqual(503, client.get("/v1/nodes").status)
        self.assertLess(time.monotonic() - began, 60)

    def test_keystone_answers_nonsense(self) -> None:
        proxy = self.useFixture(Proxy(self.keystone.url))
        # Tokens are validated where the catalog says.
        catalog = functools.partial(
            self.keystone.service, "identity", "keystone"
        )
        catalog(f"{proxy.url}/v3")
        self.addCleanup(catalog, self.keystone.auth_url)
        application = configure(self.conf, self.keystone)
        client = self.client(self.keystone.token(), application)
        for status, body in (
            (500, "<html>s3cr3t</html>"),
            (200, "<html>s3cr3t</html>"),
            (200, {"token": {"s3cr3t": []}}),
            (403, {"error": {"message": "s3cr3t"}}),
            (300, {"versions": "s3cr3t"}),
        ):
            fault = proxy.on("GET", "/auth/tokens").answer(status, body)
            answer = client.get("/v1/nodes")
            fault.wait()
            self.assertIn(answer.status, (401, 503), (status, answer))
            self.assertNotIn("s3cr3t", answer.text)

    def test_the_password_of_the_service_is_wrong(self) -> None:
        application = configure(self.conf, self.keystone, password="wrong")
        client = self.client(self.keystone.token(), application)
        answer = client.get("/v1/nodes")
        self.assertEqual(503, answer.status, answer)
        self.assertNotIn("wrong", answer.text)


class TestProcesses(base.TestCase):
    """valence-api and valence-conductor, as they are configured in files."""

    def test_it(self) -> None:
        keystone = self.useFixture(Keystone())
        options: processes.Options = {
            "DEFAULT": {"auth_strategy": "keystone"},
            "keystone_authtoken": {
                **keystone.authtoken("valence"),
                "token_cache_time": 300,
            },
        }
        deployment = self.useFixture(processes.Deployment(options=options))
        (api,), (conductor,) = deployment.apis, deployment.conductors
        self.assertEqual(401, self.ask(api, "").status)
        token, revoked, unknown = (keystone.token() for _ in range(3))
        answer = self.ask(api, token, "POST", "/v1/nodes", {"name": "web"})
        self.assertEqual(202, answer.status, answer)
        operation = answer.headers["Location"].partition(api.url)[2]
        ended = processes.poll(
            lambda: self.ask(api, token, "GET", operation).json["ended_at"],
            "ended",
        )
        self.assertTrue(ended)
        # One id, and one name, from the request to its operation's last line,
        # in both processes.
        request_id = answer.headers["X-OpenStack-Request-ID"]
        for daemon, said in (
            (api, ["POST /v1/nodes 202"]),
            (conductor, ["compose node web", "web: failed"]),
        ):
            log = daemon.log_file.read_text()
            lines = [
                line
                for line in log.splitlines()
                if request_id in line and " DEBUG " not in line
            ]
            for line, words in zip(lines, said, strict=True):
                self.assertIn(words, line)
                who = f"[None {request_id} {keystone.admin.id} "
                self.assertIn(who, line)
        found = self.ask(api, token, "GET", operation).json
        self.assertEqual(request_id, found["request_id"])
        # Errors of clients are none of ours.
        answer = self.ask(api, token, "GET", "/v1/nodes", Accept="text/html")
        self.assertEqual(406, answer.status, answer)
        self.assertNotIn(" ERROR ", api.log_file.read_text())
        self.assertEqual(401, self.ask(api, token[:-9] + "AAAAAAAAA").status)
        keystone.revoke(revoked)
        self.assertEqual(401, self.ask(api, revoked).status)
        keystone.stop()
        self.assertEqual(503, self.ask(api, unknown).status)
        self.assertEqual(200, self.ask(api, token).status)
        keystone.start()
        self.assertEqual(200, self.ask(api, unknown).status)

    @staticmethod
    def ask(
        api: processes.Api,
        token: str,
        method: str = "GET",
        path: str = "/v1/nodes",
        body: object = None,
        **headers: str,
    ) -> environment.Answer:
        client = Client(processes.over_http(api.url), X_Auth_Token=token)
        return client.request(method, path, body, None, **headers)
