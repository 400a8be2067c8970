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

"""The OpenAPI document says what the API does, whoever asks."""

import contextlib
import os
import pathlib
import re
import typing

import fixtures
import hypothesis
import schemathesis
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from valence.api import routes
from valence.api.app import make_application
from valence.tests.fixtures import tokens
from valence.tests.functional import estates
from valence.tests.functional.estates import MINE
from valence.tests.functional.estates import THEIRS

API_REF = pathlib.Path(__file__).parents[3] / "api-ref/source"

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]

#: For each request and kind of data: a short run. More find more.
EXAMPLES = int(os.environ.get("VALENCE_OPENAPI_EXAMPLES", "2"))


class TestDocument(estates.TenancyCase):
    def test_it_is_for_all(self) -> None:
        answer = self.tokens.client(None, None).get("/v1/openapi.json")
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("3.1.0", answer.json["openapi"])
        self.assertEqual(
            [{"url": "http://localhost/"}], answer.json["servers"]
        )
        self.assertEqual(
            {
                (method, path)
                for path, methods in routes.ROUTES.items()
                for method in methods
            },
            {
                (method.upper(), path)
                for path, methods in answer.json["paths"].items()
                for method in methods
            },
        )

    def test_rules_are_named(self) -> None:
        for path, methods in routes.described()["paths"].items():
            for method, told in methods.items():
                rule = routes.ROUTES[path][method.upper()].rule
                self.assertEqual(
                    rule and f"valence:{rule}", told.get("x-policy-rule")
                )

    def test_the_api_reference_has_the_same(self) -> None:
        text = "".join(
            file.read_text() for file in sorted(API_REF.glob("*.inc"))
        )
        for entry in text.split(".. rest_method:: ")[1:]:
            method, path = entry.split("\n")[0].split()
            listed = re.findall(
                r"rest_status_code:: \w+ status\.yaml\n\n((?:   - \d+\n)+)",
                entry,
            )
            told = routes.described()["paths"][path][method.lower()]
            self.assertEqual(
                sorted(told["responses"]),
                sorted(re.findall(r"\d+", "".join(listed))),
                f"{method} {path}",
            )


class TestConformance(estates.TenancyCase):
    """Whatever is sent, the answer is one that the document knows."""

    def setUp(self) -> None:
        super().setUp()
        self.conf.set("api", max_wait=0)
        # Whether something would fit is for a conductor to say.
        self.useFixture(
            fixtures.MockPatch(
                "valence.rpcapi.plan",
                return_value={"candidates": [], "refusals": []},
            )
        )
        self.schema = schemathesis.openapi.from_wsgi(
            "/v1/openapi.json", make_application()
        )
        self.estate(THEIRS)

        self.headers: dict[str | None, dict[str, str]] = {None: {}}
        for role in tokens.IMPLIED:
            self.tokens.client(role, MINE)
            self.headers[role] = {"X-Auth-Token": f"token-of-{role}-{MINE}"}

    def test_valid_data(self) -> None:
        self.check(schemathesis.GenerationMode.POSITIVE)

    def test_data_that_is_not_valid(self) -> None:
        self.check(schemathesis.GenerationMode.NEGATIVE)

    def check(self, kind: schemathesis.GenerationMode) -> None:
        for found in self.schema.get_all_operations():
            operation = found.ok()
            for ident in self.idents(operation.path):
                self.send(operation, kind, ident)

    def idents(self, path: str) -> list[dict[str, str]]:
        """Something that is there, and whatever comes to mind."""
        if "{ident}" not in path:
            return [{}]
        return [{}, {"ident": self.estate(MINE).of(path)}]

    def send(
        self,
        operation: typing.Any,
        kind: schemathesis.GenerationMode,
        ident: dict[str, str],
    ) -> None:
        """Send some requests, each of them in every role."""
        strategy = operation.as_strategy(
            generation_mode=kind, path_parameters=ident or None
        )

        @hypothesis.settings(
            max_examples=EXAMPLES,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=strategy)
        def one(case: typing.Any) -> None:
            for role, headers in self.headers.items():
                try:
                    case.call_and_validate(headers=headers, checks=CHECKS)
                except BaseException as e:
                    e.add_note(f"role: {role}")
                    raise

        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            # Where any data is valid, none is not.
            one()
