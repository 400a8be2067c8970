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

"""Who is let in, by each of the strategies."""

import base64
import pathlib
import threading
import time
import typing

import bcrypt
import fixtures
import webob

from valence import context
from valence import exception
from valence.api import auth
from valence.api import routes
from valence.api.app import make_application
from valence.cmd import server
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import tokens


class AuthCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.seen: list[typing.Any] = []

    def protected(self, strategy: str) -> typing.Any:
        """What notes who was let in, behind a strategy."""
        self.conf.set(None, auth_strategy=strategy)

        def inner(environ: dict[str, typing.Any], start: typing.Any) -> object:
            self.seen.append(environ["valence.context"])
            return webob.Response("in")(environ, start)

        return auth.protect(inner)

    def ask(
        self, application: typing.Any, path: str = "/v1/nodes", **environ: str
    ) -> webob.Response:
        request = webob.Request.blank(path, environ=environ)
        return request.get_response(application)


class TestNoauth(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        self.application = self.protected("noauth")

    def status(self, **environ: str) -> int:
        answer = self.ask(
            self.application, **{"REMOTE_ADDR": "127.0.0.1", **environ}
        )
        if answer.status_int == 403:
            (error,) = answer.json["errors"]
            self.assertEqual("request.not_from_here", error["code"])
            self.assertIn("noauth", error["detail"])
        return answer.status_int

    def test_this_machine_is_the_administrator(self) -> None:
        for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
            self.assertEqual(200, self.status(REMOTE_ADDR=address), address)
        for someone in self.seen:
            someone.authorize("valence:pod_managers:create")
            self.assertTrue(someone.all_projects)
            self.assertTrue(someone.sees_hardware)
            self.assertIsNone(someone.project_id)

    def test_nobody_else_is_served(self) -> None:
        for address in (
            "192.0.2.1",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "0.0.0.0",
            "",
            "127.0.0.1, 192.0.2.1",
            "unix:",
        ):
            self.assertEqual(403, self.status(REMOTE_ADDR=address), address)
        self.assertEqual([], self.seen)

    def test_by_way_of_a_proxy(self) -> None:
        for name in ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST"):
            self.assertEqual(403, self.status(**{f"HTTP_{name}": "127.0.0.1"}))

    def test_names_that_lead_here_and_are_not_ours(self) -> None:
        for host, wanted in (
            ("localhost", 200),
            ("localhost:8181", 200),
            ("valence.localhost", 200),
            ("127.0.0.1:8181", 200),
            ("[::1]:8181", 200),
            ("evil.example.com", 403),
            ("127.0.0.1.evil.example.com", 403),
            ("localhost.evil.example.com:8181", 403),
            ("[", 403),
            ("", 403),
        ):
            self.assertEqual(wanted, self.status(HTTP_HOST=host), host)

    def test_pages_from_elsewhere(self) -> None:
        self.conf.set("cors", allowed_origin=["https://console.example.com"])
        for origin, wanted in (
            ("http://localhost:3000", 200),
            ("https://console.example.com", 200),
            ("http://evil.example.com", 403),
            ("null", 403),
        ):
            self.assertEqual(wanted, self.status(HTTP_ORIGIN=origin), origin)

    def test_unless_it_is_told_to_serve_all(self) -> None:
        self.conf.set("api", allow_remote_noauth=True)
        self.assertEqual(
            200,
            self.status(
                REMOTE_ADDR="192.0.2.1",
                HTTP_HOST="valence.example.com",
                HTTP_X_FORWARDED_FOR="192.0.2.2",
            ),
        )

    def test_a_project(self) -> None:
        self.assertEqual(200, self.status(HTTP_X_PROJECT_ID="project-1"))
        (someone,) = self.seen
        self.assertEqual("project-1", someone.project_id)
        for odd in ("", "x" * 65, "a b", "a\nb", "ä", "a/b"):
            self.assertEqual(400, self.status(HTTP_X_PROJECT_ID=odd), odd)

    def test_other_headers_say_nothing(self) -> None:
        self.status(
            HTTP_X_ROLES="nothing",
            HTTP_X_USER_ID="u",
            HTTP_X_AUTH_TOKEN="s3cr3t",
            HTTP_OPENSTACK_SYSTEM_SCOPE="all",
        )
        (someone,) = self.seen
        self.assertIn("admin", someone.roles)
        self.assertIsNone(someone.user_id)
        self.assertIsNone(someone.auth_token)
        self.assertIsNone(someone.system_scope)

    def test_discovery_is_for_all(self) -> None:
        for path in ("/", "", "/v1", "/v1/"):
            answer = self.ask(self.application, path, REMOTE_ADDR="192.0.2.1")
            self.assertEqual(200, answer.status_int, path)
        for someone in self.seen:
            self.assertEqual([], someone.roles)


class TestPasswords(AuthCase):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.file = pathlib.Path(directory, "htpasswd")
        self.conf.set(
            "oslo_middleware", http_basic_auth_user_file=str(self.file)
        )
        self.write(ann="s3cr3t", bob="word")
        self.application = self.protected("http_basic")

    def write(self, **users: str) -> None:
        self.file.write_text(
            "".join(
                f"{user}:{self.hashed(password)}\n"
                for user, password in users.items()
            )
        )

    @staticmethod
    def hashed(password: str, rounds: int = 4) -> str:
        salt = bcrypt.gensalt(rounds)
        return bcrypt.hashpw(password.encode(), salt).decode()

    def status(self, user: str, password: str) -> int:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        answer = self.ask(self.application, HTTP_AUTHORIZATION=f"Basic {pair}")
        if answer.status_int == 401:
            self.assertEqual(
                'Basic realm="valence"', answer.headers["WWW-Authenticate"]
            )
            (error,) = answer.json["errors"]
            self.assertEqual("request.unauthenticated", error["code"])
        return answer.status_int

    def test_who_is_let_in(self) -> None:
        for user, password, wanted in (
            ("ann", "s3cr3t", 200),
            ("bob", "word", 200),
            ("ann", "word", 401),
            ("ann", "", 401),
            ("ann", "s3cr3t" * 20, 401),
            ("an", "s3cr3t", 401),
            ("nobody", "", 401),
            ("", "", 401),
            ("ann", "\0", 401),
            ("ann:s3cr3t", "x", 401),
        ):
            # What was right or wrong once stays so.
            for _ in range(3):
                found = self.status(user, password)
                self.assertEqual(wanted, found, (user, password))

    def test_as_whom(self) -> None:
        self.status("ann", "s3cr3t")
        (someone,) = self.seen
        someone.authorize("valence:pod_managers:create")
        self.assertEqual("ann", someone.user_id)
        self.assertIsNone(someone.project_id)

    def test_headers_say_nothing(self) -> None:
        for header in ("", "Basic", "Basic !", "Bearer abc", "Basic YQ=="):
            answer = self.ask(
                self.application,
                HTTP_AUTHORIZATION=header,
                HTTP_X_ROLES="admin",
                HTTP_X_USER="ann",
                REMOTE_USER="ann",
            )
            self.assertEqual(401, answer.status_int, header)
        self.assertEqual([], self.seen)

    def test_a_change_counts_at_once(self) -> None:
        self.assertEqual(200, self.status("ann", "s3cr3t"))
        self.write(ann="other")
        self.assertEqual(401, self.status("ann", "s3cr3t"))
        self.assertEqual(200, self.status("ann", "other"))
        self.file.write_text("")
        self.assertEqual(401, self.status("ann", "other"))

    def test_what_was_right_is_not_hashed_again(self) -> None:
        hashed = self.hashes()
        for _ in range(20):
            self.assertEqual(200, self.status("ann", "s3cr3t"))
        self.assertEqual(["s3cr3t"], hashed)

    def hashes(self) -> list[str]:
        """The passwords that are hashed from now on."""
        hashed = []
        same = bcrypt.checkpw

        def check(password: bytes, line: bytes) -> bool:
            hashed.append(password.decode())
            return same(password, line)

        self.useFixture(fixtures.MonkeyPatch("bcrypt.checkpw", check))
        return hashed

    def test_who_has_not_come_for_longest_is_forgotten(self) -> None:
        self.write(ann="a", bob="b", cas="c")
        with fixtures.MonkeyPatch("valence.api.auth._Passwords._MOST", 2):
            self.application = self.protected("http_basic")
        hashed = self.hashes()
        for user in ("ann", "bob", "ann", "cas", "ann", "bob"):
            self.assertEqual(200, self.status(user, user[0]))
        self.assertEqual(["a", "b", "c", "b"], hashed)

    def test_a_file_that_is_gone_or_odd(self) -> None:
        self.file.write_text("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
        self.assertEqual(503, self.status("ann", "s3cr3t"))
        self.file.write_bytes(b"ann:\xff\xfe\n")
        self.assertEqual(503, self.status("ann", "s3cr3t"))
        self.file.unlink()
        self.assertEqual(503, self.status("ann", "s3cr3t"))


class TestOutside(base.TestCase):
    """What stands around the application."""

    def setUp(self) -> None:
        super().setUp()
        make_application()  # registers the options
        self.conf.set("healthcheck", backends=[])

    def ask(
        self, method: str = "GET", path: str = "/v1", **headers: str
    ) -> environment.Answer:
        client = environment.Client(make_application())
        return client.request(method, path, **headers)

    def test_cors_is_off(self) -> None:
        answer = self.ask(Origin="https://console.example.com")
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_cors(self) -> None:
        origin = "https://console.example.com"
        self.conf.set("cors", allowed_origin=[origin])
        for asks, allowed in ((origin, origin), ("https://evil.com", None)):
            answer = self.ask(Origin=asks)
            self.assertEqual(200, answer.status)
            self.assertEqual(
                allowed, answer.headers.get("Access-Control-Allow-Origin")
            )
            answer = self.ask(
                "OPTIONS",
                "/v1/nodes",
                Origin=asks,
                Access_Control_Request_Method="PATCH",
                Access_Control_Request_Headers="X-Auth-Token, Prefer",
            )
            self.assertEqual(
                "PATCH" if allowed else None,
                answer.headers.get("Access-Control-Allow-Methods"),
            )

    def test_cors_with_every_method_of_the_api(self) -> None:
        origin = "https://console.example.com"
        self.conf.set("cors", allowed_origin=[origin])
        for method in {m for of in routes.ROUTES.values() for m in of}:
            answer = self.ask(
                "OPTIONS",
                "/v1/nodes",
                Origin=origin,
                Access_Control_Request_Method=method,
            )
            self.assertEqual(
                method, answer.headers.get("Access-Control-Allow-Methods")
            )

    def test_headers_of_a_proxy(self) -> None:
        self.conf.set("api", allow_remote_noauth=True)
        for believed in (False, True):
            self.conf.set(
                "oslo_middleware", enable_proxy_headers_parsing=believed
            )
            answer = self.ask(
                X_Forwarded_Proto="https",
                X_Forwarded_Host="valence.example.com",
            )
            (link,) = answer.json["version"]["links"]
            self.assertEqual(
                "https://valence.example.com/v1/"
                if believed
                else "http://localhost/v1/",
                link["href"],
            )

    def test_a_request_id_in_every_answer(self) -> None:
        for path, status in (
            ("/v1", 200),
            ("/v1/what", 404),
            ("/healthcheck", 200),
        ):
            answer = self.ask(path=path)
            self.assertEqual(status, answer.status)
            self.assertRegex(
                answer.headers["X-OpenStack-Request-ID"], r"^req-[-0-9a-f]+$"
            )
        answer = self.ask(Host="evil.example.com", path="/v1/nodes")
        self.assertEqual(
            answer.error["request_id"],
            answer.headers["X-OpenStack-Request-ID"],
        )


class TestProblems(base.TestCase):
    """What is said before a process is started."""

    def test_keystone(self) -> None:
        self.conf.set(None, auth_strategy="keystone")
        self.assertIn("[keystone_authtoken]", auth.problem() or "")
        self.conf.set("keystone_authtoken", auth_type="password")
        self.assertIsNone(auth.problem())

    def test_memcached(self) -> None:
        """Without its library each request would fail."""
        self.conf.set(None, auth_strategy="keystone")
        self.conf.set(
            "keystone_authtoken",
            auth_type="password",
            memcached_servers=["127.0.0.1:11211"],
        )
        for secure, needed in ((False, "memcache"), (True, "bmemcached")):
            self.conf.set("keystone_authtoken", memcache_tls_enabled=secure)
            for installed in ({"memcache", "bmemcached"}, {"requests"}):
                with fixtures.MockPatch(
                    "importlib.util.find_spec",
                    lambda name, of=installed: name if name in of else None,
                ):
                    said = auth.problem()
                if needed in installed:
                    self.assertIsNone(said)
                else:
                    self.assertIn(f"no Python module '{needed}'", said or "")
                    self.assertIn("valence[memcached]", said or "")

    def test_passwords(self) -> None:
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.conf.set(None, auth_strategy="http_basic")
        for text, wrong in (
            (None, True),
            ("ann:plain\n", True),
            ("", False),
            ("ann:$2y$05$" + "x" * 53 + "\n", False),
        ):
            file = directory / "htpasswd"
            if text is not None:
                file.write_text(text)
            self.conf.set(
                "oslo_middleware", http_basic_auth_user_file=str(file)
            )
            found = auth.problem()
            self.assertEqual(wrong, found is not None, (text, found))

    def test_policy(self) -> None:
        file = self.useFixture(tokens.PolicyFile())
        file.write_text("valence:nodes:lst: role:x")
        self.assertIn("valence:nodes:lst", auth.problem() or "")

    def test_where_it_listens(self) -> None:
        for host, strategy, allowed, wrong in (
            ("127.0.0.1", "noauth", False, False),
            ("::1", "noauth", False, False),
            ("localhost", "noauth", False, False),
            ("0.0.0.0", "noauth", False, True),
            ("::", "noauth", False, True),
            ("192.0.2.1", "noauth", False, True),
            ("valence.example.com", "noauth", False, True),
            ("0.0.0.0", "noauth", True, False),
            ("0.0.0.0", "keystone", False, False),
        ):
            self.conf.set(None, auth_strategy=strategy)
            self.conf.set("keystone_authtoken", auth_type="password")
            self.conf.set("api", host=host, allow_remote_noauth=allowed)
            if not wrong:
                server.clients_are_known()
                continue
            error = self.assertRaises(SystemExit, server.clients_are_known)
            self.assertIn("allow_remote_noauth", str(error))


class TestTogether(base.TestCase):
    def test_rules_are_asked_beside_changes_of_the_file(self) -> None:
        file = self.useFixture(tokens.PolicyFile())
        file.write({"valence:nodes:list": "role:member"})
        until = time.monotonic() + 1
        failed: list[Exception] = []

        def ask() -> None:
            while time.monotonic() < until and not failed:
                try:
                    someone = context.RequestContext(
                        roles=["reader"], project_id="p"
                    )
                    someone.authorize("valence:nodes:show")
                except exception.Forbidden as e:
                    failed.append(e)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            file.write({"valence:nodes:list": "role:member"})
            time.sleep(0.005)
        for thread in threads:
            thread.join()
        self.assertEqual([], failed)
