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
"""How a node is to be enrolled, as requests say it."""

import typing

from valence import exception
from valence.api import enrollment
from valence.tests import base


class TestEnrollment(base.TestCase):
    def refused(
        self, body: typing.Any, kind: type[Exception], *words: str
    ) -> None:
        error = self.assertRaises(kind, enrollment.read, body, "enroll")
        for word in words:
            self.assertIn(word, str(error))
        self.assertNotIn("geheim", str(error))

    def test_nothing(self) -> None:
        asked = enrollment.read({})
        self.assertEqual(({}, None, None, None), tuple(asked))

    def test_taken_apart(self) -> None:
        asked = enrollment.read(
            {
                "driver": "ipmi",
                "driver_info": {"address": "a", "password": "p", "port": 1},
                "interfaces": {"boot": "pxe"},
                "properties": {"cpus": 4, "capabilities": "a:b,c:d"},
                "resource_class": "gold",
                "traits": ["CUSTOM_A"],
                "ports": [{"address": "52-54-00-00-00-0A"}],
                "physical_network": "p",
                "target": "available",
            }
        )
        self.assertEqual(
            {
                "driver": "ipmi",
                "interfaces": {"boot": "pxe"},
                "properties": {"cpus": 4},
                "capabilities": {"a": "b", "c": "d"},
                "ports": [{"address": "52:54:00:00:00:0a"}],
                "physical_network": "p",
                "target": "available",
            },
            asked.document,
        )
        self.assertEqual(
            {"driver_info": {"address": "a", "password": "p", "port": 1}},
            asked.secrets,
        )
        self.assertEqual("gold", asked.resource_class)
        self.assertEqual(["CUSTOM_A"], asked.traits)

    def test_null_is_as_if_it_were_not_said(self) -> None:
        names = ("driver", "driver_info", "ports", "traits", "target")
        asked = enrollment.read(dict.fromkeys(names))
        self.assertEqual(({}, None, None, None), tuple(asked))

    def test_bad(self) -> None:
        bad, unknown = exception.InvalidField, exception.UnknownField
        for body, kind, field in (
            ("geheim", bad, "enroll"),
            ({"colour": "geheim"}, unknown, "enroll"),
            ({"driver_info": "geheim"}, bad, "enroll.driver_info"),
            ({"driver_info": {"a": ["geheim"]}}, bad, "driver_info.a"),
            ({"driver_info": {"a": None}}, bad, "driver_info.a"),
            ({"driver_info": {"a": "geheim" * 999}}, bad, "driver_info.a"),
            ({"driver_info": {"a": "geheim\0"}}, bad, "driver_info.a"),
            ({"driver_info": {"a b": 1}}, bad, "driver_info.a b"),
            (
                {"driver_info": {f"k{n}": n for n in range(65)}},
                bad,
                "enroll.driver_info",
            ),
            ({"interfaces": {"x": "y"}}, unknown, "enroll.interfaces.x"),
            ({"interfaces": {"boot": 1}}, bad, "enroll.interfaces.boot"),
            ({"interfaces": {"boot": ""}}, bad, "enroll.interfaces.boot"),
            ({"properties": []}, bad, "enroll.properties"),
            ({"properties": {"": 1}}, bad, "enroll.properties"),
            (
                {"properties": {"capabilities": [1]}},
                bad,
                "enroll.properties.capabilities",
            ),
            (
                {"properties": {"capabilities": {"a": "b,c"}}},
                bad,
                "enroll.properties.capabilities.a",
            ),
            ({"resource_class": "a b"}, bad, "enroll.resource_class"),
            ({"resource_class": "..."}, bad, "enroll.resource_class"),
            ({"resource_class": "x" * 81}, bad, "enroll.resource_class"),
            ({"traits": ["nonsense"]}, bad, "enroll.traits.0"),
            ({"ports": [{}]}, exception.MissingField, "ports.0.address"),
            ({"ports": [{"address": "x"}]}, bad, "enroll.ports.0.address"),
            (
                {
                    "ports": [
                        {"address": "52:54:00:00:00:0a"},
                        {"address": "52-54-00-00-00-0A"},
                    ]
                },
                bad,
                "enroll.ports.1.address",
            ),
            ({"target": "active"}, bad, "enroll.target"),
        ):
            self.refused(body, kind, field)
