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
import datetime
import json

from wsme import types as wtypes

from valence import exception
from valence.api import types
from valence.objects import fields as f
from valence.tests import base
from valence.tests.unit.api import thing

UUID = "4b1e6c1e-0b5e-4a83-9a0e-6d1f0b6c1f10"


class TestParse(base.TestCase):
    def refused(self, raw: bytes, error: type[Exception]) -> str:
        return str(self.assertRaises(error, types.parse, raw))

    def test_values(self) -> None:
        for raw, value in (
            (
                b'{"a": [1, 2.5, "x", null, true]}',
                {"a": [1, 2.5, "x", None, True]},
            ),
            (b"\xef\xbb\xbf{}", {}),
            ('"\N{SNOWMAN}"'.encode(), "\N{SNOWMAN}"),
            (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
            (b"  7\n", 7),
            # The shell's mark of a line that goes on.
            (b'{"a": 1, \\\n "b": 2}', {"a": 1, "b": 2}),
            (b"[" * 31 + b"]" * 31, json.loads("[" * 31 + "]" * 31)),
        ):
            self.assertEqual(value, types.parse(raw))

    def test_position(self) -> None:
        for raw, place in (
            (b"{", "line 1, column 2"),
            (b'{\n  "a": 1,\n}', "line 3, column 1"),
            (b'{"a": 1} x', "line 1, column 10"),
            (b"{'a': 1}", "line 1, column 2"),
            (b'"a\nb"', "line 1, column 3"),
            (b'["a",\\\n"b\\\n"]', "line 2, column 4"),
            (b'{\\ "a": 1}', "line 1, column 2"),
            (b'{\n"a": "\xff"}', "line 2, column 7"),
            (b'["b",\n NaN]', "line 2, column 2"),
            (b"[-Infinity]", "line 1, column 2"),
        ):
            self.assertIn(place, self.refused(raw, exception.InvalidJson))

    def test_key_twice(self) -> None:
        said = self.refused(b'{"a": {"b": 1, "b": 1}}', exception.InvalidField)
        self.assertEqual("Invalid value for 'b': it is given twice.", said)

    def test_many_keys_twice_take_no_time(self) -> None:
        pairs = ", ".join(f'"{n}": 1' for n in [*range(60000), 59999])
        self.refused(f"{{{pairs}}}".encode(), exception.InvalidField)

    def test_depth(self) -> None:
        for raw in (
            b"[" * 33 + b"]" * 33,
            b'{"a":' * 40 + b"1" + b"}" * 40,
            b"[" * 100_000,
            b"[" * 400_000 + b"]" * 400_000,
            b'{"a":' * 100_000,
        ):
            said = self.refused(raw, exception.BadRequest)
            self.assertIn("deeper than 32 levels", said)

    def test_numbers(self) -> None:
        self.assertEqual(2**70, types.parse(str(2**70).encode()))
        # Infinite: no field holds it.
        for raw in (b"9" * 5000, b"1e400"):
            self.assertEqual(float("inf"), types.parse(raw))


class TestScalar(base.TestCase):
    def refused(self, datatype: object, value: object) -> str:
        error = self.assertRaises(
            exception.InvalidField, types.scalar, datatype, value, "a.b"
        )
        self.assertEqual("a.b", error.values["field"])
        return str(error.values["reason"])

    def test_integer(self) -> None:
        kind = wtypes.IntegerType(1, 100)
        for value, wanted in ((1, 1), ("100", 100), ("+7", 7), ("007", 7)):
            self.assertEqual(wanted, types.scalar(kind, value, "a"))
        for value in (
            *(1.0, True, None, [], {}, "", "x", "1.5", "1e1", "0x1", " 1"),
            *("1_0", "\u0661", "9" * 5000, float("inf"), float("nan")),
        ):
            self.assertEqual(
                "an integer is wanted.", self.refused(kind, value)
            )
        self.assertEqual("it is less than 1.", self.refused(kind, "-5"))
        self.assertEqual("it is more than 100.", self.refused(kind, 2**70))

    def test_boolean(self) -> None:
        self.assertIs(False, types.scalar(bool, False, "a"))
        for value in (0, 1, "true", None, []):
            self.refused(bool, value)

    def test_word(self) -> None:
        kind = wtypes.Enum(str, "a", "b")
        self.assertEqual("a", types.scalar(kind, "a", "x"))
        for value in ("c", "A", 1, None, [], {}, ["a"]):
            self.assertEqual(
                "one of a, b is wanted.", self.refused(kind, value)
            )

    def test_string(self) -> None:
        kind = wtypes.StringType(min_length=1, max_length=3)
        for value in ("a", "äöü", "\N{GRINNING FACE}", "a\nb"):
            self.assertEqual(value, types.scalar(kind, value, "x"))
        for value in ("", "abcd", "\0", "\ud800", "\udfffa", 1, None, [], {}):
            self.refused(kind, value)

    def test_a_value_is_never_quoted(self) -> None:
        for kind in (
            *(wtypes.IntegerType(), bool, wtypes.UuidType()),
            *(datetime.datetime, wtypes.Enum(str, "a")),
            *(wtypes.StringType(max_length=3), types.DocumentType()),
        ):
            self.assertNotIn("s3cr3t", self.refused(kind, "s3cr3t"))

    def test_name(self) -> None:
        kind = types.NameType(min_length=1, max_length=255)
        for value in ("a", "a b", "a.b", "...", "ä", "%2F", "a?b#c", "Manage"):
            self.assertEqual(value, types.scalar(kind, value, "x"))
        for value in (
            *("", " a", "a ", "a/b", "a\tb", "a\0", "\u200b", "x" * 256),
            *(".", "..", "manage", "sync", UUID, UUID.upper()),
            *(UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}"),
        ):
            self.refused(kind, value)

    def test_uuid(self) -> None:
        kind = wtypes.UuidType()
        for value in (UUID, UUID.upper()):
            self.assertEqual(UUID, types.scalar(kind, value, "x"))
        for value in ("", "x", UUID[:-1], "\0"):
            self.assertEqual("a uuid is wanted.", self.refused(kind, value))

    def test_time(self) -> None:
        when = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
        for value in (
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00",  # UTC, wherever the server stands
            "2026-01-31T14:00:00+02:00",
            "2026-01-31 12:00:00.000000+00:00",
        ):
            self.assertEqual(when, types.scalar(datetime.datetime, value, "x"))
        for value in (
            *("", "now", "2026-13-01T00:00:00Z", 7, None),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        ):
            self.refused(datetime.datetime, value)

    def test_document(self) -> None:
        self.assertEqual({}, types.scalar(types.DocumentType(), {}, "x"))
        for value in ([], "a", 1):
            self.refused(types.DocumentType(), value)


class TestRead(base.TestCase):
    THING = types.of_object(thing.Thing, required=("name",))

    def test_what_was_not_given_is_not_there(self) -> None:
        self.assertEqual(
            {"name": "a", "note": None},
            types.read(self.THING, {"name": "a", "note": None}),
        )

    def test_who_may_set_what(self) -> None:
        for name, error in (
            ("uuid", exception.ReadOnlyField),
            ("created_at", exception.ReadOnlyField),
            ("hidden", exception.UnknownField),
            ("revision", exception.UnknownField),
            ("nothing", exception.UnknownField),
            ("__class__", exception.UnknownField),
        ):
            self.assertRaises(
                error, types.read, self.THING, {"name": "a", name: "x"}
            )
        self.assertEqual(
            {"name": "a", "kind": "x"},
            types.read(self.THING, {"name": "a", "kind": "x"}),
        )

    def test_a_newer_field_is_unknown_to_older_clients(self) -> None:
        body = {"name": "a", "colour": "red"}
        error = self.assertRaises(
            exception.UnknownField, types.read, self.THING, body
        )
        self.assertNotIn("colour", str(error.values["known"]))
        self.assertEqual(body, types.read(self.THING, body, version=1))
        # One that nobody may set is unknown first of all.
        body = {"name": "a", "weight": 1}
        for version, kind in (
            (0, exception.UnknownField),
            (1, exception.ReadOnlyField),
        ):
            self.assertRaises(
                kind, types.read, self.THING, body, version=version
            )

    def test_an_unknown_field_is_cut_short(self) -> None:
        error = self.assertRaises(
            exception.UnknownField, types.read, self.THING, {"x" * 9999: 1}
        )
        self.assertLess(len(str(error)), 1000)

    def test_document_masks(self) -> None:
        shown = types.document(thing.thing(), ["name", "secret"], True)
        self.assertEqual("one", shown["name"])
        self.assertNotIn("s3cr3t", str(shown))
        self.assertIn(f.MASK, str(shown))
