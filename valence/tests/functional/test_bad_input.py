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
"""What a nasty client sends, where a table of examples is too narrow."""

import logging

import fixtures
from oslo_db import exception as db_exception

from valence import objects
from valence.tests import base
from valence.tests.fixtures import environment

SECRET = "s3cr3t-of-pod"
MIB = 1024 * 1024


class TestBadInput(base.SharedTestCase):
    @classmethod
    def make_environment(cls) -> environment.Environment:
        return environment.Environment(conductor=False)

    def refused(
        self, status: int, code: str, answer: environment.Answer
    ) -> str:
        self.assertEqual(status, answer.status, answer)
        self.assertEqual(code, answer.error["code"])
        return str(answer.error["detail"])

    def test_large_body(self) -> None:
        post = self.env.api.post
        for path in ("/v1/flavors", "/v1/nothing", "/"):
            self.refused(413, "request.too_large", post(path, b" " * 10 * MIB))
        self.refused(413, "request.too_large", post("/v1", b" " * (MIB + 1)))
        # What is just within the limit is read.
        body = b'{"name": "within", "properties": {}}'
        answer = post("/v1/flavors", body + b" " * (MIB - len(body)))
        self.assertEqual(201, answer.status, answer)

    def test_large_and_nasty_within_the_limit(self) -> None:
        for body in (
            b"[" * MIB,
            b'{"a":' * (MIB // 5),
            b"[" + b"[]," * (MIB // 3 - 2) + b"[]]",
            b'{"name":"' + b"x" * (MIB - 100) + b'"}',
            b'{"' + b"x" * (MIB - 100) + b'":1}',
            b"9" * MIB,
            b"[" + b"1e999," * (MIB // 7) + b"1]",
            b'"' + b"\\ud800" * (MIB // 7) + b'"',
        ):
            for method, path in (
                ("POST", "/v1/flavors"),
                ("POST", "/v1/nodes"),
                ("POST", "/v1/nodes/x/action"),
                ("POST", "/v1/resource_classes"),
                ("POST", "/v1/resource_providers"),
                ("PUT", "/v1/resource_providers/x/inventories"),
                ("PUT", "/v1/resource_providers/x/traits"),
                ("PUT", "/v1/allocations/x"),
            ):
                answer = self.env.api.request(method, path, body)
                self.assertEqual(400, answer.status, answer)
                self.assertLess(len(answer.text), 2000)

    def test_more_than_anybody_needs(self) -> None:
        api = self.env.api
        pool = api.post("/v1/resource_providers", {"name": "pool"}).json
        path = f"/v1/resource_providers/{pool['uuid']}"
        read = {"resource_provider_generation": 0}
        many = [f"CUSTOM_{n}" for n in range(20_000)]
        amounts = dict.fromkeys(many, 1)
        uuids = [f"{n:032x}" for n in range(10_000)]
        one = {"resources": {"PGPU": 1}}
        for part, body, field in (
            (
                "inventories",
                {"inventories": dict.fromkeys(many, {"total": 1})},
                "inventories",
            ),
            ("traits", {"traits": many}, "traits"),
        ):
            answer = api.request("PUT", f"{path}/{part}", {**read, **body})
            detail = self.refused(400, "request.invalid_field", answer)
            self.assertIn(f"'{field}': it names more than", detail)
        for held in (
            {pool["uuid"]: {"resources": amounts}},
            dict.fromkeys(uuids, one),
            {
                u: {"resources": dict.fromkeys(many[:20], 1)}
                for u in uuids[:20]
            },
        ):
            body = {"allocations": held}
            answer = api.request("PUT", "/v1/allocations/x", body)
            detail = self.refused(400, "request.invalid_field", answer)
            self.assertIn("it names more than", detail)
        for query in (
            "resources=" + ",".join(f"{name}:1" for name in many[:33]),
            "required=" + ",".join(many[:33]),
        ):
            answer = api.get(f"/v1/resource_providers?{query}")
            detail = self.refused(400, "request.invalid_field", answer)
            self.assertIn("it names more than 32", detail)

    def test_as_much_as_is_allowed(self) -> None:
        api = self.env.api
        names = [f"CUSTOM_A{n}" for n in range(256)]
        for name in names:
            api.post("/v1/resource_classes", {"name": name})
        path = "/v1/resource_providers/large"
        api.post("/v1/resource_providers", {"name": "large"})
        has = {
            "resource_provider_generation": 0,
            "inventories": dict.fromkeys(names, {"total": 1}),
        }
        answer = api.request("PUT", f"{path}/inventories", has)
        self.assertEqual(200, answer.status, answer)
        traits = {
            "resource_provider_generation": 1,
            "traits": [f"CUSTOM_{n}" for n in range(1024)],
        }
        answer = api.request("PUT", f"{path}/traits", traits)
        self.assertEqual(200, answer.status, answer)
        query = "resources=" + ",".join(f"{name}:1" for name in names[:32])
        query += "&required=" + ",".join(traits["traits"][:32])
        (found,) = api.get(f"/v1/resource_providers?{query}").json
        self.assertEqual("large", found["name"])

    def test_invalid_utf8(self) -> None:
        detail = self.refused(
            400,
            "request.invalid_json",
            self.env.api.post("/v1/flavors", b'{\n "name": "\xe4"}'),
        )
        self.assertIn("it is not UTF-8 (line 2, column 11)", detail)

    def test_a_path_that_is_not_utf8(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        for path in (
            "/%ff",
            "/v1/%c3%28",
            "/v1/flavors/%ff",
            "/v1/nodes?%ff",
            "/v1/nodes?name=%c3&%a9",
            "/healthcheck?%ff",
        ):
            for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
                answer = self.env.api.request(method, path)
                self.refused(400, "request.invalid", answer)
                self.assertIn("UTF-8", answer.error["detail"])
        # It is the client's fault, so it is nothing to trace.
        self.assertNotIn("Traceback", log.output)
        self.assertIn("GET /v1/flavors/%C3%BF 400", log.output)
        for path in ("/v1/nodes?name=%c3%a9", "/v1/nodes?name=\xc3\xa9"):
            self.assertEqual(200, self.env.api.get(path).status, path)

    def test_headers_of_odd_bytes(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        for name in (
            "Accept",
            "Accept_Language",
            "Content_Type",
            "Cookie",
            "Idempotency_Key",
            "If_Match",
            "OpenStack_API_Version",
            "Prefer",
            "Range",
            "X_Auth_Token",
            "X_OpenStack_Request_ID",
        ):
            for value in ("\xff", "a=\xc3;\xff", "application/json;\xff=\xff"):
                for method, body in (("GET", None), ("POST", {"what": 1})):
                    answer = self.env.api.request(
                        method, "/v1/nodes", body, None, **{name: value}
                    )
                    self.assertIn(
                        answer.status, (200, 400, 406, 415), (name, value)
                    )
        self.assertNotIn("Traceback", log.output)

    def test_nothing_is_done_by_what_is_refused(self) -> None:
        before = len(self.env.api.get("/v1/operations").json)
        for headers in (
            {"Prefer": "wait=soon"},
            {"Idempotency_Key": ""},
            {"Idempotency_Key": "x" * 256},
            {"Idempotency_Key": "a\x01"},
            {"OpenStack_API_Version": "composition 9.9"},
            {"OpenStack_API_Version": "composition"},
            {"Accept": "text/html"},
            {"Content_Type": "text/plain"},
        ):
            answer = self.env.api.post("/v1/nodes", {}, **headers)
            self.assertIn(answer.status, (400, 406, 415), headers)
        self.assertEqual([], self.env.api.get("/v1/nodes").json)
        self.assertEqual(before, len(self.env.api.get("/v1/operations").json))

    def test_no_secret_in_any_answer_or_log(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        api = self.env.api
        login = {
            "type": "basic",
            "auth_items": {"username": "admin", "password": SECRET},
        }
        good = {
            "name": "pod",
            "url": "http://pod.example",
            "authentication": [login],
        }
        self.assertEqual(202, api.post("/v1/pod_managers", good).status)
        for changes in (
            {},
            {"name": "other"},
            {"url": f"http://admin:{SECRET}@pod.example"},
            {"url": [SECRET]},
            {"driver": SECRET},
            {"verify_ca": SECRET},
            {"status": SECRET},
            {"colour": SECRET},
            {"ca_certificate": SECRET},
            {"authentication": SECRET},
            {"authentication": [SECRET]},
            {"authentication": [login, login]},
            {"authentication": [{**login, "type": SECRET}]},
            {"authentication": [{**login, "auth_items": SECRET}]},
            {"authentication": [{**login, "auth_items": {"token": SECRET}}]},
            {
                "authentication": [
                    {**login, "auth_items": {"password": [SECRET]}}
                ]
            },
        ):
            api.post("/v1/pod_managers", {**good, **changes})
        for place in (
            "/authentication",
            "/authentication/0",
            "/authentication/-",
            "/authentication/0/auth_items",
            "/authentication/0/auth_items/password",
            "/authentication/0/auth_items/password/0",
            "/authentication/0/auth_items/token/0",
            "/authentication/x",
            "/authentication/1",
        ):
            for op in ("add", "replace", "remove", "test", "move", "copy"):
                for more in ({"value": SECRET}, {"from": "/name"}):
                    api.patch(
                        "/v1/pod_managers/pod",
                        [{"op": op, "path": place, **more}],
                    )
                    api.patch(
                        "/v1/pod_managers/pod",
                        [{"op": op, "path": "/description", "from": place}],
                    )
        api.get("/v1/pod_managers")
        api.get("/v1/pod_managers?fields=authentication")
        api.get("/v1/operations")
        for answer in api.answers:
            self.assertNotIn(SECRET, answer.text)
        self.assertNotIn(SECRET, log.output)

    def test_no_secret_in_the_log_of_a_failed_statement(self) -> None:
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        # It does not fit on purpose: the database itself refuses it.
        podm = objects.PodManager(
            self.env.context,
            uuid="4b1e6c1e-0b5e-4a83-9a0e-6d1f0b6c1f10",
            name="p",
            description=SECRET,
        )
        error = self.assertRaises(db_exception.DBError, podm.create)
        self.assertNotIn(SECRET, str(error))
        self.assertNotIn(SECRET, log.output)
