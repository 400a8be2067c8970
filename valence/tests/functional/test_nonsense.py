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
"""Whatever a client sends, it gets an answer that was meant for it."""

import json
import logging
import urllib.parse

import fixtures
import hypothesis
from hypothesis import strategies as st

from valence.api import routes
from valence.tests import base
from valence.tests.fixtures import environment

SECRET = "s3cr3t-of-pod"

#: What may be answered; 5xx never.
STATUSES = {200, 201, 202, 204, 400, 403, 404, 405, 406, 409, 413, 415, 422}

#: What would show the inside.
INSIDE = (
    "Traceback",
    'File "',
    "<class",
    " object at 0x",
    "sqlalchemy",
    "sqlite",
    "jsonpatch",
    "pecan",
    "wsme",
    SECRET,
)

#: What the API knows, so that not every example ends at the first check.
WORDS = st.sampled_from(
    "name description properties memory capacity_mib type processor "
    "total_cores model pci_device remote_storage capacity_gib protocol "
    "iSCSI master Clone address url driver redfishv1 authentication basic "
    "auth_items username password verify_ca ca_certificate maintenance "
    "podm_id flavor_id node_index Reset Type On Boot Target Pxe Enabled Once "
    "Mode uuid revision status links op path from value add remove replace "
    "move copy test pod-0 small one http://pod.example 4096".split()
)
POINTERS = st.lists(
    WORDS | st.sampled_from(["0", "1", "-", "-1", "", "~0", "~", "01"]),
    max_size=5,
).map(lambda parts: "".join(f"/{part}" for part in parts))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 2**70, -(2**63), 10**5000 // 10**4000])
    | st.floats()
    | st.text()
    | WORDS
    | st.sampled_from(["\0", "\ud800", "9" * 5000, "x" * 5000, "..", "/"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)
PATCHES = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(
                ["add", "remove", "replace", "move", "copy", "test"]
            ),
            "path": POINTERS,
        },
        optional={"value": JSON, "from": POINTERS},
    ),
    max_size=4,
)
#: Documents that are right in all but a part.
FLAVORS = st.fixed_dictionaries(
    {"name": st.text(), "properties": JSON}, optional={"description": JSON}
)
POD_MANAGERS = st.fixed_dictionaries(
    {"name": WORDS | st.text(), "url": WORDS | st.text()},
    optional={
        "authentication": JSON,
        "driver": JSON,
        "verify_ca": JSON,
        "description": JSON,
    },
)
NODES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "flavor_id": WORDS | JSON,
        "podm_id": WORDS | JSON,
        "properties": JSON,
    },
)
BODIES = JSON | PATCHES | FLAVORS | POD_MANAGERS | NODES
IDENTS = st.sampled_from(["pod-0", "small", "one", "any"]) | st.text(
    min_size=1, max_size=8
)
WRITING = [
    (method, path)
    for path, methods in routes.ROUTES.items()
    for method in ("POST", "PATCH")
    if method in methods
]
READING = [path for path, methods in routes.ROUTES.items() if "GET" in methods]

quickly = hypothesis.settings(
    max_examples=300,
    # What is found stands in test_bad_input.py.
    suppress_health_check=list(hypothesis.HealthCheck),
)


def fill(path: str, ident: str) -> str:
    return path.replace(
        "{ident}", urllib.parse.quote(ident, safe="", errors="surrogatepass")
    )


class TestNonsense(base.SharedTestCase):
    @classmethod
    def make_environment(cls) -> environment.Environment:
        return environment.Environment(conductor=False)

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        if self.env.api.get("/v1/flavors/small").status == 404:
            self._populate()

    def _populate(self) -> None:
        post = self.env.api.post
        made = [
            post("/v1/flavors", {"name": "small", "properties": {}}),
            post("/v1/nodes", {"name": "one"}),
            post(
                "/v1/pod_managers",
                {
                    "name": "pod-0",
                    "url": "http://pod.example",
                    "authentication": [
                        {
                            "type": "basic",
                            "auth_items": {
                                "username": "admin",
                                "password": SECRET,
                            },
                        }
                    ],
                },
            ),
        ]
        self.assertEqual([201, 202, 202], [a.status for a in made])

    def check(self, answer: environment.Answer) -> None:
        self.assertIn(answer.status, STATUSES, answer.text)
        for word in INSIDE:
            self.assertNotIn(word, answer.text)
            self.assertNotIn(word, str(answer.headers))
        self.assertNotIn(SECRET, self.log.output)
        self.assertIn("OpenStack-API-Version", answer.headers)
        self.assertIn("x-openstack-request-id", answer.headers)
        if answer.status >= 400:
            self.assertEqual(
                "application/json", answer.headers["Content-Type"]
            )
            error = answer.error
            self.assertEqual(answer.status, error["status"])
            self.assertLessEqual(
                {"code", "status", "title", "detail", "request_id"},
                set(error),
            )
            self.assertLess(len(error["detail"]), 2000)

    @quickly
    @hypothesis.given(
        st.sampled_from(WRITING), IDENTS, BODIES, st.sampled_from([None, 0])
    )
    def test_documents(self, route, ident, body, wait) -> None:
        method, path = route
        self.check(
            self.env.api.request(method, fill(path, ident), body, wait=wait)
        )

    @quickly
    @hypothesis.given(
        st.sampled_from([p for m, p in WRITING if m == "PATCH"]),
        st.sampled_from(["pod-0", "small", "one"]),
        PATCHES,
    )
    def test_patches(self, path, ident, body) -> None:
        path = fill(path, ident)
        before = self.env.api.get(path)
        answer = self.env.api.patch(path, body)
        self.check(answer)
        if before.status == 200 and answer.status == 200:
            # Put back what the others need.
            uuid = before.json["uuid"]
            answer = self.env.api.patch(
                path.replace(ident, uuid),
                [{"op": "replace", "path": "/name", "value": ident}],
            )
            self.assertEqual(200, answer.status, answer)

    @quickly
    @hypothesis.given(
        st.sampled_from(WRITING), IDENTS, st.binary() | st.text().map(repr)
    )
    def test_bytes(self, route, ident, body) -> None:
        method, path = route
        raw = body.encode(errors="replace") if isinstance(body, str) else body
        self.check(self.env.api.request(method, fill(path, ident), raw))

    @quickly
    @hypothesis.given(
        st.sampled_from(READING),
        IDENTS,
        st.lists(
            st.tuples(
                st.sampled_from(
                    "limit marker sort_key sort_dir fields name podm_id "
                    "state status provision_state created_at composed".split()
                )
                | st.text(st.characters(exclude_categories=["Cs"])),
                st.text(st.characters(exclude_categories=["Cs"]))
                | st.sampled_from(["1", "9" * 5000, "uuid", "desc", "\0"])
                | st.datetimes(timezones=st.timezones()).map(str)
                | st.uuids().map(str),
            ),
            max_size=3,
        ),
    )
    def test_queries(self, path, ident, query) -> None:
        encoded = urllib.parse.urlencode(query)
        self.check(self.env.api.get(f"{fill(path, ident)}?{encoded}"))

    @quickly
    @hypothesis.given(
        st.sampled_from(sorted(routes.ROUTES)),
        st.sampled_from(["GET", "HEAD", "OPTIONS", "POST"]),
        st.dictionaries(
            st.sampled_from(
                [
                    "Accept",
                    "Content-Type",
                    "Idempotency-Key",
                    "OpenStack-API-Version",
                    "Prefer",
                    "X-OpenStack-Request-ID",
                    "Content-Length",
                    "Host",
                ]
            ),
            st.text(
                st.characters(max_codepoint=255, exclude_characters="\r\n")
            )
            | st.sampled_from(
                [
                    "wait=1;",
                    "wait",
                    'wait="',
                    "composition 1.1.1",
                    "composition latest latest",
                    "application/*;q=x",
                    "*/*",
                    "-1",
                    "9" * 300,
                ]
            ),
        ),
    )
    def test_headers(self, path, method, headers) -> None:
        answer = self.env.api.request(
            method,
            fill(path, "one"),
            b"{}" if method == "POST" else None,
            **{name.replace("-", "_"): v for name, v in headers.items()},
        )
        if method == "HEAD":
            self.assertEqual("", answer.text)
            self.assertIn(answer.status, STATUSES)
        else:
            self.check(answer)

    def test_every_resource_has_a_head(self) -> None:
        for path in READING:
            whole = self.env.api.get(fill(path, "one"))
            head = self.env.api.request("HEAD", fill(path, "one"))
            self.assertEqual(whole.status, head.status, path)
            self.assertEqual("", head.text)
            if whole.status == 200:
                self.assertEqual(
                    whole.headers["Content-Length"],
                    head.headers["Content-Length"],
                )

    def test_every_path_has_options(self) -> None:
        for path, methods in routes.ROUTES.items():
            answer = self.env.api.request("OPTIONS", fill(path, "one"))
            self.assertEqual(204, answer.status)
            allowed = set(answer.headers["Allow"].split(", "))
            self.assertEqual({*methods, "OPTIONS"}, allowed - {"HEAD"})
            self.assertEqual("GET" in methods, "HEAD" in allowed)

    def test_json_dumps_what_it_loads(self) -> None:
        # Our own answers are JSON in the strict sense.
        for path in READING:
            answer = self.env.api.get(fill(path, "one"))
            if not routes.ROUTES[path]["GET"].text:
                json.loads(answer.text, parse_constant=self.fail)
