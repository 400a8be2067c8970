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

"""Every command against what is not the service, or is not there."""

import json
import types

import fixtures
import webob
import webob.dec

from valence.tests import base
from valence.tests.fixtures import commands
from valence.tests.unit.client.test_commands import parser_of

#: What commands take that ask nobody without it, or not of an "a".
TAKEN = {
    "composed node boot device set": "a pxe",
    "composed node set": "a --name b",
    "composed node unset": "a --description",
    "composition allocation set": "a --allocation a:B=1",
    "composition flavor set": "a --name b",
    "composition flavor unset": "a --description",
    "composition resource provider inventory set": "a --resource A=1",
    "composition resource provider set": "a --name b",
    "composition resource provider unset": "a --description",
    "pod manager create": "a --url b --username a --password b",
    "pod manager set": "a --name b",
    "pod manager unset": "a --description",
    "pooled device attach": "a a",
    "pooled device detach": "a a",
}
#: What is said of an error of Python, and helps nobody.
PYTHON = r"Traceback|object|dictionary|indices|NoneType|^'\w+'$|literal"


def words(name: str) -> str:
    """A command with all that it needs, which waits where it can."""
    actions = parser_of(name)._actions
    taken = TAKEN.get(name) or " ".join(
        "a"
        for action in actions
        if not action.option_strings and action.nargs not in ("*", "?")
    )
    waits = any(action.dest == "wait" for action in actions)
    return f"{name} {taken}{' --wait' * waits}"


class Other:
    """A service that answers everything alike."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        return webob.Response(
            status=self.status,
            body=self.body if self.status != 204 else b"",
            # Where it says that something was begun, it is to be followed.
            location="/v1/operations/b",
        )


class TestNonsense(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.other = Other()
        self.served = self.useFixture(commands.Served(self.other))
        self.openstack = self.useFixture(commands.OpenStack(self.served.url))
        # Attempts follow upon each other.
        clock = types.SimpleNamespace(sleep=lambda seconds: None)
        self.useFixture(fixtures.MonkeyPatch("valenceclient.http.time", clock))

    def each(self, status: int, body: object) -> dict[str, commands.Ran]:
        """Run all commands against one answer."""
        self.other.status = status
        self.other.body = (
            body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        ran = {}
        for name in commands.names():
            before = len(self.served.requests)
            one = self.openstack(words(name))
            self.assertIn(one.status, (0, 1), one)
            self.assertNotRegex(one.err, PYTHON, one)
            self.assertGreater(len(self.served.requests), before, one)
            ran[name] = one
        return ran

    def all_fail(self, status: int, body: object) -> set[str]:
        """What is said by the last line of each."""
        ran = self.each(status, body)
        self.assertEqual({1}, {one.status for one in ran.values()})
        return {
            one.err.splitlines()[-1].partition(" ")[2] for one in ran.values()
        }

    # What else may come is asked of the library, in the unit tests.

    def test_a_page_of_a_proxy(self) -> None:
        self.assertEqual(
            {"answered: Bad Gateway (HTTP 502)"},
            self.all_fail(502, b"<html>No</html>"),
        )

    def test_another_page(self) -> None:
        self.assertEqual(
            {
                "does not answer as the composition service does: is it "
                "another one? (HTTP 200)"
            },
            self.all_fail(200, b"<html>Welcome</html>"),
        )

    def test_what_looks_like_an_answer(self) -> None:
        for body in ({}, [], [{}]):
            self.each(200, body)

    def test_what_looks_like_a_refusal(self) -> None:
        odd = {"detail": "No.", "code": "a.b", "refusals": ["a"]}
        self.all_fail(409, {"errors": [odd]})
        odd = {"detail": ["No."], "code": 3, "max_version": 1}
        self.all_fail(406, {"errors": [odd]})

    def test_a_fault_of_the_service(self) -> None:
        fault = {
            "detail": "A fault of ours.",
            "code": "internal",
            "request_id": "req-1",
        }
        for one in self.each(500, {"errors": [fault]}).values():
            self.assertIn(
                "A fault of ours. (HTTP 500, request req-1)", one.err
            )
