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

"""The rules: each route has one, and it says of itself what it decides on."""

import subprocess
import sys
import sysconfig
import tempfile
import time

import fixtures
from oslo_policy import policy
import yaml

from valence import context
from valence import exception
from valence import policies
from valence.api import routes
from valence.policies import base as personas
from valence.tests import base
from valence.tests.fixtures import tokens

RULES = {
    rule.name.removeprefix("valence:"): rule
    for rule in policies.list_rules()
    if isinstance(rule, policy.DocumentedRuleDefault)
}

#: What may be asked without a token.
OPEN = {("GET", "/"), ("GET", "/v1"), ("GET", "/v1/openapi.json")}


def of_routes() -> dict[tuple[str, str], str | None]:
    return {
        (method, path): route.rule
        for path, methods in routes.ROUTES.items()
        for method, route in methods.items()
    }


class TestRules(base.TestCase):
    def test_each_route_has_a_rule(self) -> None:
        without = {key for key, rule in of_routes().items() if rule is None}
        self.assertEqual(OPEN, without)

    def test_rules_say_what_they_decide_on(self) -> None:
        said = {
            (operation["method"], operation["path"]): name
            for name, rule in RULES.items()
            for operation in rule.operations
        }
        wanted = {key: rule for key, rule in of_routes().items() if rule}
        self.assertEqual(wanted, said)

    def test_all_are_for_projects(self) -> None:
        for rule in (*RULES.values(), personas.HARDWARE):
            self.assertEqual(["project"], rule.scope_types, rule.name)

    def test_all_are_explained(self) -> None:
        for rule in policies.list_rules():
            self.assertRegex(rule.description, r"^\S.*\.$", rule.name)


def who(role: str, project: str | None = "p", **more: object) -> object:
    return context.RequestContext(
        roles=tokens.IMPLIED[role], project_id=project, user_id="u", **more
    )


class TestAuthorize(base.TestCase):
    def reach(self, rule: str, someone: context.RequestContext) -> str:
        try:
            someone.authorize(f"valence:{rule}")
        except exception.Forbidden:
            return "none"
        return "all" if someone.all_projects else "own"

    def test_reach(self) -> None:
        for rule, reader, member, manager, admin, service in (
            ("nodes:list", "own", "own", "own", "all", "all"),
            ("nodes:compose", "none", "own", "own", "all", "none"),
            ("flavors:create", "none", "none", "own", "all", "none"),
            ("pod_managers:list", "none", "none", "none", "all", "all"),
            ("pod_managers:create", "none", "none", "none", "all", "none"),
        ):
            for role, wanted in (
                ("reader", reader),
                ("member", member),
                ("manager", manager),
                ("admin", admin),
                ("service", service),
                ("stranger", "none"),
            ):
                self.assertEqual(
                    wanted, self.reach(rule, who(role)), (rule, role)
                )

    def test_who_may_know_of_the_hardware(self) -> None:
        for role, wanted in (
            ("reader", False),
            ("manager", False),
            ("admin", True),
            ("service", True),
        ):
            someone = who(role)
            someone.authorize("valence:nodes:list")
            self.assertEqual(wanted, someone.sees_hardware, role)

    def test_a_token_for_no_project(self) -> None:
        for more in ({}, {"system_scope": "all"}, {"domain_id": "d"}):
            for role in ("reader", "manager"):
                someone = who(role, None, **more)
                self.assertEqual("none", self.reach("nodes:list", someone))
        for more in ({"system_scope": "all"}, {"domain_id": "d"}):
            someone = who("admin", None, **more)
            self.assertEqual("none", self.reach("nodes:list", someone))

    def test_nobody_has_a_reach_before_a_rule_was_asked(self) -> None:
        someone = who("admin")
        self.assertFalse(someone.all_projects)
        self.assertFalse(someone.sees_hardware)

    def test_a_rule_that_there_is_not(self) -> None:
        self.assertRaises(
            policy.PolicyNotRegistered,
            who("admin").authorize,
            "valence:nodes:what",
        )

    def test_elevated(self) -> None:
        someone = who("reader")
        other = someone.elevated()
        self.assertTrue(other.all_projects)
        self.assertFalse(someone.all_projects)
        self.assertEqual(someone.request_id, other.request_id)

    def test_over_the_bus(self) -> None:
        someone = who("admin", auth_token="s3cr3t")
        someone.authorize("valence:nodes:list")
        values = someone.to_dict()
        other = context.RequestContext.from_dict(values)
        self.assertTrue(other.all_projects)
        # What another process says of it, and nothing that it did not say.
        self.assertFalse(
            context.RequestContext.from_dict({"roles": ["admin"]}).all_projects
        )


class TestPolicyFile(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.useFixture(tokens.PolicyFile())

    def allowed(self, rule: str, someone: context.RequestContext) -> bool:
        try:
            someone.authorize(f"valence:{rule}")
        except exception.Forbidden:
            return False
        return True

    def test_it_overrides(self) -> None:
        self.file.write({"valence:pod_managers:list": "role:auditor"})
        auditor = context.RequestContext(roles=["auditor"], project_id="p")
        self.assertTrue(self.allowed("pod_managers:list", auditor))
        self.assertTrue(auditor.all_projects)
        self.assertFalse(self.allowed("pod_managers:list", who("admin")))
        # The others are as they were.
        self.assertFalse(self.allowed("pod_managers:show", auditor))
        self.assertTrue(self.allowed("pod_managers:show", who("admin")))

    def test_a_rule_of_the_project_reaches_no_further(self) -> None:
        self.file.write(
            {"valence:nodes:list": "role:ops and project_id:%(project_id)s"}
        )
        someone = context.RequestContext(roles=["ops"], project_id="p")
        self.assertTrue(self.allowed("nodes:list", someone))
        self.assertFalse(someone.all_projects)

    def test_what_is_not_known_before_reading_lets_nobody_pass(self) -> None:
        self.file.write({"valence:nodes:show": "user_id:%(user_id)s"})
        self.assertFalse(self.allowed("nodes:show", who("admin")))

    def test_a_change_counts(self) -> None:
        self.file.write({"valence:nodes:list": "!"})
        self.assertFalse(self.allowed("nodes:list", who("admin")))
        self.file.write({"valence:nodes:list": "@"})
        self.assertTrue(self.allowed("nodes:list", who("stranger")))

    def test_files_are_looked_for_once_in_a_while(self) -> None:
        self.file.write({"valence:nodes:list": "!"})
        with fixtures.MonkeyPatch("valence.policies.LOOK_INTERVAL", 3600):
            self.assertFalse(self.allowed("nodes:list", who("admin")))
            self.file.write({"valence:nodes:list": "@"})
            self.assertFalse(self.allowed("nodes:list", who("admin")))
        with fixtures.MonkeyPatch("valence.policies.LOOK_INTERVAL", 0.1):
            time.sleep(0.2)
            self.assertTrue(self.allowed("nodes:list", who("admin")))

    def test_a_change_for_the_worse_changes_nothing(self) -> None:
        self.file.write({"valence:nodes:list": "!"})
        self.assertFalse(self.allowed("nodes:list", who("admin")))
        self.file.write_text("valence:nodes:list: [")
        for _ in range(3):
            self.assertFalse(self.allowed("nodes:list", who("admin")))
            self.assertTrue(self.allowed("nodes:show", who("admin")))

    def test_check(self) -> None:
        self.file.write({"valence:nodes:list": "role:x", "mine": "role:y"})
        policies.check()
        for text, said in (
            ("a: [", None),
            ("valence:nodes:lst: '!'", "'valence:nodes:lst'"),
            ("valence:nodes:list: rule:nothing", "valence:nodes:list"),
        ):
            self.file.write_text(text)
            error = self.assertRaises(
                (ValueError, policy.InvalidDefinitionError), policies.check
            )
            self.assertIn(said or "", str(error))


class TestTools(base.TestCase):
    def run_tool(self, name: str, *arguments: str) -> str:
        program = f"{sysconfig.get_path('scripts')}/{name}"
        return subprocess.run(
            (sys.executable, program, "--namespace", "valence", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout

    def test_sample(self) -> None:
        text = self.run_tool("oslopolicy-sample-generator")
        for rule in policies.list_rules():
            self.assertIn(f'#"{rule.name}": "{rule.check_str}"', text)

    def test_generator(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            found = self.run_tool(
                "oslopolicy-policy-generator", "--config-file", config.name
            )
        self.assertEqual(
            {rule.name for rule in policies.list_rules()},
            set(yaml.safe_load(found)),
        )
