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

"""No request of one project tells that there is another's node.

A request that names what another project has is sent again, naming what
nobody has. Both times the answer has to be the same, and the statements, too:
then not even the time that it takes can tell the one from the other.
"""

import contextlib
import dataclasses
import json
import re
import typing

import hypothesis
from hypothesis import strategies as st
import oslo_messaging

from valence import context
from valence import exception
from valence import objects
from valence import rpc
from valence.api import resource
from valence.conductor import manager
from valence.objects import base as objects_base
from valence.tests.fixtures import environment
from valence.tests.fixtures import tokens
from valence.tests.functional import estates
from valence.tests.functional import test_roles
from valence.tests.functional.estates import MINE
from valence.tests.functional.estates import THEIRS
from valence.tests.functional.estates import Estate

UUID = re.compile(r"(?i)[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
#: An answer as it is kept for an Idempotency-Key.
KEPT = re.compile(r'"body": "[\w+/=]*"')
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?")

NOUNS: dict[str, type[objects_base.Resource]] = {
    "devices": objects.Device,
    "flavors": objects.Flavor,
    "nodes": objects.Node,
    "operations": objects.Operation,
}

#: What is asked of a project of one's own, by the role that may most.
ROUTES = [
    (method, path)
    for method, path, rule in test_roles.CASES
    if rule
    and test_roles.REACH[test_roles.RULES[f"valence:{rule}"]].get("manager")
    == "own"
]

#: Words for what somebody has, as a client would know them.
WORDS = [
    f"{{{field.name}}}"
    for field in dataclasses.fields(Estate)
    if field.name != "project"
]

#: Bodies beside those that test_roles needs.
MORE_BODIES: dict[tuple[str, str], list[typing.Any]] = {
    ("POST", "/v1/nodes"): [
        {"name": "{node_name}"},
        {"flavor_id": "{flavor_name}"},
        {"flavor_id": "{flavor}", "dry_run": True},
        {"podm_id": "{pod_manager}"},
        {"flavor_id": "{node}"},
    ],
    ("POST", "/v1/flavors"): [{"name": "{flavor_name}", "properties": {}}],
    ("PATCH", "/v1/nodes/{ident}"): [
        [{"op": "test", "path": "/name", "value": "{node_name}"}],
        [{"op": "replace", "path": "/podm_id", "value": "{pod_manager}"}],
    ],
    ("POST", "/v1/nodes/{ident}/action"): [
        {kind: {name: "{device}"}}
        for kind in ("attach", "detach")
        for name in ("device_id", "resource_id", "uuid")
    ]
    + [
        {"attach": {"type": "NVMe"}},
        {"attach": {"device_id": "{node}"}},
        {"Boot": {"Target": "Pxe"}},
        {},
    ],
}


@dataclasses.dataclass
class Template:
    """A request, with words in the place of what somebody has."""

    method: str
    path: str
    query: dict[str, str]
    body: typing.Any
    headers: dict[str, str]


@st.composite
def templates(draw: st.DrawFn) -> Template:
    method, path = draw(st.sampled_from(ROUTES))
    body = None
    if method in ("POST", "PATCH"):
        known = MORE_BODIES.get((method, path), [])
        if path != "/v1/flavors":  # its name would be taken the second time
            known = [estates.BODIES.get((method, path)), *known]
        body = draw(st.sampled_from(known))
    query: dict[str, str] = {}
    cls = NOUNS[path.split("/")[2]]
    if method == "GET" and "{ident}" not in path:
        names = [n for n, field in cls.fields.items() if field.filterable]
        query = draw(
            st.dictionaries(
                st.sampled_from([*names, *resource.PAGING, "what"]),
                st.sampled_from([*WORDS, "1", "name", "desc", "allocated"]),
                max_size=3,
            )
        )
    idents = [f"{{{estates.NOUNS[cls.COLLECTION]}}}", "{node}", "{node_name}"]
    ident = draw(st.sampled_from([*idents, "{flavor_name}"]))
    ident = draw(st.sampled_from([ident, ident, f"!{ident}", f"-{ident}"]))
    headers = {}
    if method == "POST":
        headers = draw(
            st.sampled_from([{}, {"Idempotency_Key": "key-of-{node_name}"}])
        )
    return Template(
        method, path.replace("{ident}", ident), query, body, headers
    )


def spelled(path: str) -> str:
    """A path in which ``!`` shouts and ``-`` drops the hyphens."""
    parts = []
    for part in path.split("/"):
        if part.startswith("!"):
            part = part[1:].upper()
        elif part.startswith("-"):
            part = part[1:].replace("-", "")
        parts.append(part)
    return "/".join(parts)


class TestTenancy(estates.TenancyCase):
    def setUp(self) -> None:
        super().setUp()
        self.mine = self.estate(MINE)
        self.theirs = self.estate(THEIRS)
        self.nobodys = self.absent(THEIRS)
        # A key of theirs that is in use.
        self.tokens.client("manager", THEIRS).post(
            "/v1/nodes", {}, Idempotency_Key=f"key-of-{self.theirs.node_name}"
        )
        self.client = self.tokens.client("manager", MINE)

    def told(self, template: Template, estate: Estate) -> tuple[object, ...]:
        """All that a request lets be known, without the names of things."""
        path = spelled(estate.filled(template.path))
        if template.query:
            query = estate.filled(template.query)
            path += "?" + "&".join(f"{k}={v}" for k, v in query.items())
        with self.statements() as seen:
            answer = self.client.request(
                template.method,
                path,
                estate.filled(template.body),
                None,
                **estate.filled(template.headers),
            )
        self.assertLess(answer.status, 500, answer)
        if answer.status in (201, 202) and "{ident}" not in template.path:
            self.forget(template.path, answer)
        headers = {
            name: self.masked(value, estate)
            for name, value in answer.headers.items()
            if name != "Content-Length"
        }
        text = self.masked(answer.text, estate)
        statements = [
            (statement, self.masked(str(parameters), estate))
            for statement, parameters in seen
        ]
        return answer.status, headers, text, statements

    def forget(self, path: str, answer: environment.Answer) -> None:
        """Undo what was made: it has a name, and would be found by it."""
        ident, own = answer.json["uuid"], self.env.context
        with contextlib.suppress(exception.NotFound):
            NOUNS[path.split("/")[2]].get(own, ident).destroy()
        for operation in objects.Operation.find(
            own, {"filters": {"target_id": ident}}
        ):
            operation.destroy()

    @staticmethod
    def masked(text: str, estate: Estate) -> str:
        # Names have that of the project in them.
        values = dataclasses.asdict(estate).items()
        for name, value in sorted(values, key=lambda item: -len(item[1])):
            for spelling in (value, value.upper(), value.replace("-", "")):
                text = text.replace(spelling, f"<{name}>")
        text = KEPT.sub('"body": "<kept>"', text)
        return TIME.sub("<time>", UUID.sub("<uuid>", text))

    @hypothesis.settings(
        max_examples=400,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(template=templates())
    def test_theirs_is_like_nobodys(self, template: Template) -> None:
        self.assertEqual(
            self.told(template, self.theirs),
            self.told(template, self.nobodys),
            template,
        )

    def test_each_route_that_names_one(self) -> None:
        """The same, for what must not be left to chance."""
        for method, path in ROUTES:
            if "{ident}" not in path:
                continue
            noun = estates.NOUNS[path.split("/")[2]]
            for ident in (f"{{{noun}}}", "{node_name}"):
                bodies = [estates.BODIES.get((method, path))]
                bodies += MORE_BODIES.get((method, path), [])
                for body in bodies:
                    template = Template(
                        method, path.replace("{ident}", ident), {}, body, {}
                    )
                    found = self.told(template, self.theirs)
                    self.assertEqual(
                        found, self.told(template, self.nobodys), template
                    )
                    self.assertIn(found[0], (400, 403, 404), template)

    def test_what_a_node_of_ones_own_is_asked_for(self) -> None:
        path = f"/v1/nodes/{self.mine.node}/action"
        for body in MORE_BODIES["POST", "/v1/nodes/{ident}/action"]:
            if any(word in json.dumps(body) for word in WORDS):
                template = Template("POST", path, {}, body, {})
                self.assertEqual(
                    self.told(template, self.theirs),
                    self.told(template, self.nobodys),
                    template,
                )

    def test_the_world_looks_the_same_without_them(self) -> None:
        with_them = self.view()
        self.remove(self.theirs)
        self.assertEqual(with_them, self.view())

    def view(self) -> dict[str, tuple[object, ...]]:
        """All that can be seen, as a reader and a manager see it."""
        paths = [path for method, path in ROUTES if method == "GET"]
        return {
            f"{path}{query}": self.told(
                Template(
                    "GET",
                    path.replace("{ident}", self.mine.of(path)) + query,
                    {},
                    None,
                    {},
                ),
                self.mine,
            )
            for path in paths
            for query in ("", "?limit=1", "?sort_dir=desc")
            if not query or "{ident}" not in path
        }

    def remove(self, estate: Estate) -> None:
        for noun in ("device", "operation", "system", "rack", "node"):
            cls = {c.NOUN: c for c in self.nouns()}[noun]
            cls.get(self.env.context, getattr(estate, noun)).destroy()

    @staticmethod
    def nouns() -> list[type[objects_base.Resource]]:
        return [
            *NOUNS.values(),
            objects.System,
            objects.Rack,
            objects.PodManager,
        ]

    def test_over_the_bus(self) -> None:
        """A conductor that reads for an API process goes as far as that."""
        serializer, endpoint = rpc.Serializer(), manager.ObjectEndpoint()
        for project, role in ((MINE, "manager"), (None, "admin")):
            asks = context.RequestContext(
                roles=tokens.IMPLIED[role], project_id=project
            )
            asks.authorize("valence:nodes:list")
            asks = serializer.deserialize_context(
                serializer.serialize_context(asks)
            )

            def call(
                cls: type[objects_base.Resource],
                method: str,
                *arguments: object,
                asks: context.RequestContext = asks,
            ) -> typing.Any:
                name = cls.__name__
                return endpoint.object_class_action_versions(
                    asks, name, method, {name: cls.VERSION}, arguments, {}
                )

            for noun in ("node", "device", "operation", "pod_manager"):
                cls = {c.NOUN: c for c in self.nouns()}[noun.replace("_", " ")]
                theirs = getattr(self.theirs, noun)
                found = {one.uuid for one in call(cls, "find", {})}
                if role == "admin":
                    self.assertIn(theirs, found)
                    call(cls, "get", theirs)
                    continue
                self.assertNotIn(theirs, found)
                error = self.assertRaises(
                    oslo_messaging.ExpectedException, call, cls, "get", theirs
                )
                self.assertIsInstance(error.exc_info[1], exception.NotFound)

    def test_what_is_not_ones_own_cannot_be_found_by_hardware(self) -> None:
        for cls in NOUNS.values():
            for name, field in cls.fields.items():
                if field.hardware:
                    for query in (f"{name}=x", f"fields={name}"):
                        answer = self.client.get(
                            f"/v1/{cls.COLLECTION}?{query}"
                        )
                        self.assertEqual(403, answer.status, (query, answer))
