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

"""Every route, for every role, in one's own project and in another's.

What is expected is made of the routes and the rules, so a route that is new
is tested with the others; one that takes a body needs it in estates.BODIES.
"""

import json

from valence import policies
from valence.api import routes
from valence.policies import base as personas
from valence.tests.fixtures import tokens
from valence.tests.fixtures.environment import Answer
from valence.tests.functional import estates
from valence.tests.functional.estates import MINE
from valence.tests.functional.estates import THEIRS
from valence.tests.functional.estates import Estate

#: What each default lets whom reach. A rule of another kind has to be put
#: here before its routes can be tested.
REACH: dict[str, dict[str, str]] = {
    personas.ADMIN: {"admin": "all"},
    personas.READ_ALL: {"admin": "all", "service": "all"},
    personas.PROJECT_READER: {
        "reader": "own",
        "member": "own",
        "manager": "own",
        "admin": "all",
        "service": "all",
    },
    personas.PROJECT_MEMBER: {
        "member": "own",
        "manager": "own",
        "admin": "all",
    },
    personas.PROJECT_MANAGER: {"manager": "own", "admin": "all"},
}

RULES = {rule.name: rule.check_str for rule in policies.list_rules()}

CASES = [
    (method, path, route.rule)
    for path, methods in routes.ROUTES.items()
    for method, route in methods.items()
]


class TestRoles(estates.TenancyCase):
    def ask(
        self, role: str | None, method: str, path: str, estate: Estate
    ) -> Answer:
        """Somebody of MINE asks a route about something."""
        client = self.tokens.client(role, MINE)
        body = estates.BODIES.get((method, path))
        if "{ident}" in path:
            path = path.replace("{ident}", estate.of(path))
        body = None if body is None else estate.filled(body)
        answer = client.request(method, path, body)
        self.assertLess(answer.status, 500, answer)
        return answer

    def test_without_a_token(self) -> None:
        estate = self.estate(MINE)
        for method, path, rule in CASES:
            with self.statements() as seen:
                answer = self.ask(None, method, path, estate)
            if rule is None:
                self.assertEqual(200, answer.status, (method, path))
                continue
            self.assertEqual(401, answer.status, (method, path))
            self.assertEqual("request.unauthenticated", answer.error["code"])
            self.assertEqual(
                'Keystone uri="http://keystone.example.com/v3"',
                answer.headers["WWW-Authenticate"],
            )
            self.assertEqual([], seen)

    def test_with_a_token_that_is_none(self) -> None:
        estate = self.estate(MINE)
        client = self.tokens.client(None, None)
        for method, path, rule in CASES:
            if rule is not None:
                answer = client.request(
                    method,
                    path.replace("{ident}", estate.node),
                    X_Auth_Token="forged",
                    # As if the middleware had said so.
                    X_Roles="admin",
                    X_Project_Id=MINE,
                    X_Identity_Status="Confirmed",
                )
                self.assertEqual(401, answer.status, (method, path))

    def test_headers_of_the_middleware_are_not_believed(self) -> None:
        theirs = self.estate(THEIRS)
        answer = self.tokens.client("reader", MINE).get(
            f"/v1/nodes/{theirs.node}",
            X_Roles="admin",
            X_Role="admin",
            X_Project_Id=THEIRS,
            X_Tenant_Id=THEIRS,
            X_Is_Admin_Project="True",
            OpenStack_System_Scope="all",
        )
        self.assertEqual(404, answer.status, answer)

    def test_who_may_not(self) -> None:
        estate = self.estate(MINE)
        for method, path, rule in CASES:
            if rule is None:
                continue
            allowed = REACH[RULES[f"valence:{rule}"]]
            for role in tokens.IMPLIED.keys() - allowed:
                # Whether it is there or not: nothing is looked for.
                for one in (estate, self.absent(MINE)):
                    with self.statements() as seen:
                        answer = self.ask(role, method, path, one)
                    where = (role, method, path)
                    self.assertEqual(403, answer.status, where)
                    self.assertEqual("policy.forbidden", answer.error["code"])
                    self.assertIn(f"'valence:{rule}'", answer.error["detail"])
                    self.assertEqual([], seen, where)

    def test_who_may(self) -> None:
        for method, path, rule in CASES:
            if rule is None:
                continue
            for role, reach in REACH[RULES[f"valence:{rule}"]].items():
                with self.subTest(role=role, method=method, path=path):
                    self.check(role, reach, method, path)

    def check(self, role: str, reach: str, method: str, path: str) -> None:
        # Names are free for each, as what is tested may take them.
        mine = self.ask(role, method, path, self.estate(MINE))
        self.assertNotIn(mine.status, (400, 401, 403, 404, 415), mine)
        if "{ident}" not in path:
            return
        theirs = self.ask(role, method, path, self.estate(THEIRS))
        if reach == "all":
            self.assertEqual(mine.status, theirs.status, theirs)
        else:
            self.assertEqual(404, theirs.status, theirs)
            self.assertEqual("resource.not_found", theirs.error["code"])
        absent = self.ask(role, method, path, self.absent(MINE))
        self.assertEqual(404, absent.status, absent)

    def test_lists_have_what_is_in_reach(self) -> None:
        mine, theirs = self.estate(MINE), self.estate(THEIRS)
        for role in ("reader", "manager", "admin", "service"):
            client = self.tokens.client(role, MINE)
            for noun in ("node", "device", "flavor", "operation"):
                found = {
                    item["uuid"] for item in client.get(f"/v1/{noun}s").json
                }
                self.assertIn(getattr(mine, noun), found)
                self.assertEqual(
                    role in ("admin", "service"),
                    getattr(theirs, noun) in found,
                )

    def test_documents_of_tenants(self) -> None:
        mine = self.estate(MINE)
        for noun, hidden in (
            (
                "node",
                ["podm_id", "index", "resource_uri", "systems"]
                + ["hardware_uuid"],
            ),
            (
                "device",
                ["podm_id", "node_id", "pooled_group_id", "resource_uri"]
                + ["rack_id"],
            ),
            ("operation", ["podm_id", "conductor"]),
            ("flavor", []),
        ):
            path = f"/v1/{noun}s/{getattr(mine, noun)}"
            shown = self.tokens.client("manager", MINE).get(path).json
            whole = self.tokens.client("admin", MINE).get(path).json
            self.assertEqual(
                sorted(hidden), sorted(whole.keys() - shown.keys()), noun
            )
            self.assertNotIn(mine.pod_manager, json.dumps(shown))


class TestFlavors(estates.TenancyCase):
    NEW = {"name": "big", "properties": {"memory": {"capacity_mib": 1}}}

    def test_whose_they_are(self) -> None:
        manager = self.tokens.client("manager", MINE)
        admin = self.tokens.client("admin", "project-of-admins")
        made = manager.post("/v1/flavors", self.NEW)
        self.assertEqual((201, MINE), (made.status, made.json["project_id"]))
        public = admin.post("/v1/flavors", self.NEW)
        self.assertEqual(
            (201, None), (public.status, public.json["project_id"])
        )
        given = admin.post("/v1/flavors", {**self.NEW, "project_id": THEIRS})
        self.assertEqual(
            (201, THEIRS), (given.status, given.json["project_id"])
        )
        # A name is taken where one's own flavors have it, and only there.
        for client, body in (
            (manager, self.NEW),
            (admin, self.NEW),
            (admin, {**self.NEW, "project_id": THEIRS}),
        ):
            answer = client.post("/v1/flavors", body)
            self.assertEqual(409, answer.status, answer)
            self.assertIn("with this name", answer.error["detail"])

    def test_for_others(self) -> None:
        manager = self.tokens.client("manager", MINE)
        for project, status in ((MINE, 201), (THEIRS, 403), ("", 201)):
            body = {**self.NEW, "name": f"x{project}", "project_id": project}
            answer = manager.post("/v1/flavors", body)
            self.assertEqual(status, answer.status, answer)

    def test_the_own_one_comes_first(self) -> None:
        admin = self.tokens.client("admin", "project-of-admins")
        public = admin.post("/v1/flavors", self.NEW).json["uuid"]
        manager = self.tokens.client("manager", MINE)
        found = manager.get("/v1/flavors/big").json
        self.assertEqual(public, found["uuid"])
        own = manager.post("/v1/flavors", self.NEW).json["uuid"]
        # What another project calls by that name gets in nobody's way.
        self.tokens.client("manager", THEIRS).post("/v1/flavors", self.NEW)
        found = manager.get("/v1/flavors/big").json
        self.assertEqual(own, found["uuid"])
        self.assertEqual(public, admin.get("/v1/flavors/big").json["uuid"])

    def test_public_ones_are_not_changed_by_tenants(self) -> None:
        admin = self.tokens.client("admin", "project-of-admins")
        path = (
            f"/v1/flavors/{admin.post('/v1/flavors', self.NEW).json['uuid']}"
        )
        change = [{"op": "add", "path": "/description", "value": "x"}]
        manager = self.tokens.client("manager", MINE)
        self.assertEqual(200, manager.get(path).status)
        self.assertEqual(403, manager.patch(path, change).status)
        self.assertEqual(403, manager.delete(path).status)
        self.assertEqual(200, admin.patch(path, change).status)
        self.assertEqual(204, admin.delete(path).status)
