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

"""Who is let in by a token, and for how long it is believed."""

import concurrent.futures
import time
import typing

import fixtures
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import auth_token
import webob

from valence.tests.fixtures import tokens
from valence.tests.unit.api.test_auth import AuthCase


class TestKeystone(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.useFixture(tokens.Tokens(self.conf))

    def test_who_it_is(self) -> None:
        application = self.protected("keystone")
        self.tokens.client("member", "p")
        answer = self.ask(
            application,
            HTTP_X_AUTH_TOKEN="token-of-member-p",
            **{"openstack.request_id": "req-1"},
        )
        self.assertEqual(200, answer.status_int, answer)
        (someone,) = self.seen
        self.assertEqual("p", someone.project_id)
        self.assertEqual("user-of-p", someone.user_id)
        self.assertEqual(["member", "reader"], sorted(someone.roles))
        self.assertEqual("req-1", someone.request_id)
        # It goes over the bus, and into debug logs.
        self.assertNotIn("token-of", str(someone.to_dict()))

    def test_bytes_that_are_no_text(self) -> None:
        """They are the client's fault, and not Keystone's."""
        log = self.useFixture(fixtures.FakeLogger())
        client = self.tokens.client("member", "p")
        for path in ("/v1/nodes/%ff", "/v1/nodes?%ff"):
            answer = client.get(path)
            self.assertEqual(400, answer.status, answer)
        self.assertNotIn("Traceback", log.output)

    def test_keystone_is_away(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        self.useFixture(
            fixtures.MonkeyPatch(
                "keystonemiddleware.auth_token.AuthProtocol.fetch_token",
                _FETCH,
            )
        )
        for error in (
            ksa_exceptions.ConnectFailure("http://10.0.0.1:5000"),
            ksa_exceptions.EndpointNotFound("http://10.0.0.1:5000"),
            ksa_exceptions.Unauthorized("http://10.0.0.1:5000"),
            auth_token.ServiceError("http://10.0.0.1:5000"),
        ):
            with fixtures.MonkeyPatch(
                "keystonemiddleware.auth_token._identity.IdentityServer"
                ".verify_token",
                _raising(error),
            ):
                answer = self.ask(
                    self.protected("keystone"), HTTP_X_AUTH_TOKEN="a-token"
                )
            self.assertEqual(503, answer.status_int, answer)
            (told,) = answer.json["errors"]
            self.assertEqual("service.unavailable", told["code"])
            self.assertNotIn("10.0.0.1", answer.text)
            self.assertEqual("10", answer.headers["Retry-After"])
        self.assertIn("Keystone cannot be asked: Unauthorized", log.output)
        self.assertNotIn("Traceback", log.output)


class TestBelieved(AuthCase):
    """What was looked up is kept for all threads, within bounds."""

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[str] = []

        def verify(_self: object, token: str, **_more: object) -> object:
            self.asked.append(token)
            data = ksa_fixture.V3Token(project_id="p")
            data.add_role(name="reader")
            return data

        self.useFixture(
            fixtures.MonkeyPatch(
                "keystonemiddleware.auth_token._identity.IdentityServer"
                ".verify_token",
                verify,
            )
        )

    def application(self, seconds: int) -> typing.Any:
        self.conf.set("keystone_authtoken", token_cache_time=seconds)
        return self.protected("keystone")

    def ask_with(self, application: typing.Any, token: str) -> int:
        answer = self.ask(application, HTTP_X_AUTH_TOKEN=token)
        return answer.status_int

    def test_by_all_threads(self) -> None:
        log = self.useFixture(fixtures.FakeLogger())
        application = self.application(300)
        self.assertEqual(200, self.ask_with(application, "one"))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            found = list(
                pool.map(
                    lambda _: self.ask_with(application, "one"), range(200)
                )
            )
        self.assertEqual({200}, set(found))
        self.assertEqual(["one"], self.asked)
        self.assertEqual(200, self.ask_with(application, "two"))
        self.assertEqual(["one", "two"], self.asked)
        # keystonemiddleware's own would be deprecated.
        self.assertNotIn("deprecated", log.output)

    def test_for_its_time(self) -> None:
        for seconds, wanted in ((-1, 2), (300, 1)):
            self.asked.clear()
            application = self.application(seconds)
            for _ in range(2):
                self.assertEqual(200, self.ask_with(application, "one"))
            self.assertEqual(wanted, len(self.asked), seconds)
        self.asked.clear()
        application = self.application(1)
        self.assertEqual(200, self.ask_with(application, "one"))
        time.sleep(1.1)
        self.assertEqual(200, self.ask_with(application, "one"))
        self.assertEqual(["one", "one"], self.asked)

    def test_the_oldest_go(self) -> None:
        with fixtures.MonkeyPatch("valence.api.auth._Believed.MOST", 3):
            application = self.application(300)
        for token in ("one", "two", "three", "four", "four", "one"):
            self.assertEqual(200, self.ask_with(application, token))
        self.assertEqual(["one", "two", "three", "four", "one"], self.asked)

    def test_in_memcached_where_that_is_named(self) -> None:
        self.conf.set("keystone_authtoken", memcached_servers=["127.0.0.1:1"])
        environ = webob.Request.blank("/v1/nodes").environ
        environ["HTTP_X_AUTH_TOKEN"] = "one"
        with fixtures.MonkeyPatch(
            "keystonemiddleware.auth_token._cache.TokenCache._get_cache_pool",
            _raising(ValueError("memcached")),
        ):
            self.protected("keystone")(environ, lambda *_: None)
        self.assertNotIn("valence.tokens", environ)


#: Before any fixture replaces it.
_FETCH = auth_token.AuthProtocol.fetch_token


def _raising(error: Exception) -> typing.Callable[..., typing.NoReturn]:
    def fail(*_args: object, **_kwargs: object) -> typing.NoReturn:
        raise error

    return fail
