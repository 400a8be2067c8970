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
import json
import typing

import webob

from valence import context
from valence import exception
from valence.api import call
from valence.api import resource
from valence.api import types
from valence.api import work
from valence.tests import base
from valence.tests.unit.api import thing

Operations = list[dict[str, typing.Any]]


def made(
    body: object = None, version: int = 0, path: str = "/", sees: bool = True
) -> call.Call:
    """A request.

    :param sees: whether it may know of the hardware
    """
    request = webob.Request.blank(path, method="PATCH")
    request.content_type = call.JSON_PATCH
    request.environ["valence.version"] = version
    request.environ["valence.context"] = context.RequestContext(
        sees_hardware=sees
    )
    return call.Call(request, {}, json.dumps(body).encode(), None)


class TestPatch(base.TestCase):
    TYPE = types.of_object(thing.Thing)

    def patched(
        self,
        *operations: dict[str, typing.Any],
        version: int = 0,
        **values: object,
    ) -> dict[str, typing.Any]:
        one = made(operations, version)
        return resource.patched(
            one, thing.thing(**values), resource.read_patch(one), self.TYPE
        )

    def refused(self, *operations: dict[str, typing.Any]) -> str:
        error = self.assertRaises(
            exception.BadRequest, self.patched, *operations
        )
        self.assertNotIn("s3cr3t", error.detail)
        return error.detail

    def test_only_what_changes(self) -> None:
        self.assertEqual(
            {"name": "two"},
            self.patched(
                {"op": "replace", "path": "/name", "value": "two"},
                {"op": "add", "path": "/note", "value": "x"},
                {"op": "remove", "path": "/note"},
            ),
        )
        self.assertEqual(
            {}, self.patched({"op": "test", "path": "/note", "value": None})
        )

    def test_the_object_stays_as_it_is(self) -> None:
        one = made([{"op": "add", "path": "/parts/a/-", "value": 2}])
        before = thing.thing()
        resource.patched(one, before, resource.read_patch(one), self.TYPE)
        self.assertEqual({"a": [1]}, before.parts)

    def test_operations_can_be_applied_again(self) -> None:
        one = made(
            [
                {"op": "replace", "path": "/parts", "value": []},
                {"op": "add", "path": "/parts/-", "value": 1},
            ]
        )
        operations = resource.read_patch(one)
        for _ in range(3):
            found = resource.patched(one, thing.thing(), operations, self.TYPE)
            self.assertEqual({"parts": [1]}, found)

    def test_escapes(self) -> None:
        self.assertEqual(
            {"parts": {"a": [1], "b/c~d": 1}},
            self.patched({"op": "add", "path": "/parts/b~1c~0d", "value": 1}),
        )
        self.assertIn(
            "Unknown attribute 'na/me'",
            self.refused({"op": "add", "path": "/na~1me", "value": 1}),
        )

    def test_newer_fields(self) -> None:
        change = {"op": "replace", "path": "/colour", "value": "blue"}
        self.assertIn("Unknown attribute 'colour'", self.refused(change))
        self.assertEqual({"colour": "blue"}, self.patched(change, version=1))

    def test_a_failed_test_names_itself(self) -> None:
        error = self.assertRaises(
            exception.Conflict,
            self.patched,
            {"op": "test", "path": "/name", "value": "one"},
            {"op": "test", "path": "/name", "value": "two"},
        )
        self.assertIn("body.1", error.detail)

    def test_secrets_stay(self) -> None:
        place = "/secret/0/auth_items/password"
        for operation in (
            {"op": "test", "path": place, "value": "s3cr3t"},
            {"op": "copy", "from": place, "path": "/note"},
            {"op": "move", "from": place, "path": "/note"},
            {"op": "copy", "from": "/note", "path": place},
            {"op": "copy", "from": "/secret", "path": "/parts"},
            {"op": "remove", "path": "/secret/0/auth_items/none/x"},
            {"op": "remove", "path": "/secret/x"},
            {"op": "add", "path": f"{place}/x", "value": 1},
        ):
            self.refused(operation)

    def test_copies_do_not_grow_without_end(self) -> None:
        operations = [
            {"op": "copy", "from": "/parts", "path": f"/parts/{n}"}
            for n in range(60)
        ]
        self.assertIn("too large", self.refused(*operations))

    def test_copies_do_not_nest_without_end(self) -> None:
        path, operations = "/parts", []
        for _ in range(90):
            operations.append(
                {"op": "copy", "from": "/parts", "path": f"{path}/x"}
            )
            path += "/x"
        self.refused(*operations)

    def test_too_many_operations(self) -> None:
        one = {"op": "test", "path": "/name", "value": "one"}
        self.assertEqual({}, self.patched(*[one] * 100))
        self.assertIn("more than 100", self.refused(*[one] * 101))

    def test_bad_operations(self) -> None:
        for operation, field in (
            (7, "body.0"),
            ([], "body.0"),
            ({}, "body.0.op"),
            ({"op": None, "path": "/name"}, "body.0.op"),
            ({"op": {}, "path": "/name"}, "body.0.op"),
            ({"op": "Test", "path": "/name", "value": 1}, "body.0.op"),
            ({"op": "add", "value": 1}, "body.0.path"),
            ({"op": "add", "path": None, "value": 1}, "body.0.path"),
            ({"op": "add", "path": ["name"], "value": 1}, "body.0.path"),
            ({"op": "add", "path": "", "value": 1}, "body.0.path"),
            ({"op": "add", "path": "name", "value": 1}, "body.0.path"),
            ({"op": "add", "path": "/name~", "value": 1}, "body.0.path"),
            ({"op": "add", "path": "/name"}, "body.0.value"),
            ({"op": "copy", "path": "/name"}, "body.0.from"),
            ({"op": "move", "path": "/name", "from": 1}, "body.0.from"),
            ({"op": "add", "path": "/parts/a/9", "value": 1}, "body.0.path"),
            (
                {"op": "add", "path": f"/parts/a/{'9' * 5000}", "value": 1},
                "body.0.path",
            ),
            ({"op": "remove", "path": "/name"}, "name"),
            ({"op": "replace", "path": "/name", "value": None}, "name"),
            ({"op": "replace", "path": "/uuid", "value": "x"}, "uuid"),
            ({"op": "replace", "path": "/kind", "value": "x"}, "kind"),
            ({"op": "replace", "path": "/hidden", "value": "x"}, "hidden"),
            ({"op": "copy", "from": "/uuid", "path": "/note"}, "uuid"),
            ({"op": "add", "path": "/note", "value": "\0"}, "note"),
        ):
            self.assertIn(f"'{field}'", self.refused(operation))


class TestOutput(base.TestCase):
    def test_newer_fields_are_dropped(self) -> None:
        for version, there in ((0, False), (1, True)):
            shown = work.document(made([], version), thing.thing())
            self.assertEqual(there, "colour" in shown)
            self.assertEqual(there, "weight" in shown)
            self.assertNotIn("hidden", shown)
            self.assertNotIn("revision", shown)

    def test_newer_fields_cannot_be_filtered_by(self) -> None:
        self.assertNotIn("colour", work.visible(made(), thing.Thing))
        self.assertRaises(
            exception.UnknownFilter,
            resource.find,
            made(path="/?colour=red"),
            thing.Thing,
        )

    def test_newer_fields_cannot_be_asked_for(self) -> None:
        self.assertRaises(
            exception.InvalidField,
            resource.find,
            made(path="/?fields=colour"),
            thing.Thing,
        )


class TestHardware(base.TestCase):
    """What tells of hardware that projects share."""

    TYPE = types.of_object(thing.Thing)

    def test_it_is_not_shown(self) -> None:
        for sees in (True, False):
            shown = work.document(made(sees=sees), thing.thing())
            self.assertEqual(sees, "place" in shown)
            self.assertEqual("all" if sees else "some", shown["story"])

    def test_it_cannot_be_asked_for(self) -> None:
        for query in ("place=a", "fields=name,place", "sort_key=place"):
            error = self.assertRaises(
                exception.ForbiddenField,
                resource.find,
                made(path=f"/?{query}", sees=False),
                thing.Thing,
            )
            self.assertIn("'place'", error.detail)

    def test_it_cannot_be_set(self) -> None:
        self.assertRaises(
            exception.ForbiddenField, types.read, self.TYPE, {"place": "a"}
        )
        self.assertEqual(
            {"place": "a"},
            types.read(self.TYPE, {"place": "a"}, hardware=True),
        )
        for operation in (
            {"op": "replace", "path": "/place", "value": "b"},
            {"op": "copy", "from": "/place", "path": "/note"},
            {"op": "test", "path": "/place", "value": "here"},
        ):
            one = made([operation], sees=False)
            self.assertRaises(
                exception.ForbiddenField,
                resource.patched,
                one,
                thing.thing(),
                resource.read_patch(one),
                self.TYPE,
            )


class TestUntilUnchanged(base.TestCase):
    def test_tries_again(self) -> None:
        tries: list[int] = []

        def change() -> thing.Thing:
            tries.append(1)
            if len(tries) < 5:
                raise exception.Changed(noun="thing", ident="one")
            return thing.thing()

        self.assertEqual("one", resource.until_unchanged(change).name)
        self.assertEqual(5, len(tries))

    def test_other_errors_are_told(self) -> None:
        def change() -> thing.Thing:
            raise exception.NotFound(noun="thing", ident="one")

        self.assertRaises(exception.NotFound, resource.until_unchanged, change)
