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


"""The seals on the objects: what they are changes knowingly or not at all."""

import importlib
import json
import pathlib

from oslo_versionedobjects import fixture

from valence import objects
from valence.db import models
from valence.objects import base
from valence.objects import fields as f
from valence.tests import base as test_base

ROOT = pathlib.Path(__file__).parents[4]

#: Where one of these changes, raise the VERSION of the object too, unless
#: that version was never in a release.
FINGERPRINTS = {
    "Allocation": "1.0-24a522f4e5c6eef496be4f6b0b08ead2",
    "Device": "1.0-83e106bb0b1eb3dd0f16fe24cc0078f9",
    "Flavor": "1.0-1901af4731757bf0f3fc743a4f341af9",
    "IdempotencyKey": "1.0-9cd9827685ec93461cabd5a2f636ee1d",
    "Inventory": "1.0-75951379e2e37b53282bd0b9958f147c",
    "Node": "1.0-1a676b628a5acfe1a83517c1ff8380d8",
    "Operation": "1.0-fc03bcb9c8fdfdb7a22db6e33697b1c7",
    "PodManager": "1.0-e215d348300a8a5e5fc4d2f5d9507edb",
    "Rack": "1.0-28bb8508c7e609e43c04a9217e1e76f3",
    "ResourceClass": "1.0-85bd499ee6697da841a97c8f91d7746d",
    "ResourceProvider": "1.0-588a47e49781a60135e5beb1367b0e14",
    "System": "1.0-4282489f98604f1d910fe622890549ad",
}

NOUNS = [getattr(objects, name) for name in objects.__all__]
#: Nouns that have no place in the API.
BEHIND_THE_SCENES = {objects.IdempotencyKey}


class TestObjects(test_base.TestCase):
    def test_fingerprints(self) -> None:
        checker = fixture.ObjectVersionChecker(base.Registry.obj_classes())
        expected, actual = checker.test_hashes(FINGERPRINTS)
        self.assertEqual(expected, actual)

    def test_all_are_registered(self) -> None:
        self.assertEqual(
            sorted(objects.__all__), sorted(base.Registry.obj_classes())
        )

    def test_every_field_has_help(self) -> None:
        for cls in NOUNS:
            for name, field in cls.fields.items():
                with self.subTest(noun=cls.NOUN, field=name):
                    self.assertRegex(field.help, r"(?s)^\S.*[.…]$")

    def test_what_can_be_filtered_by_is_indexed(self) -> None:
        for cls in NOUNS:
            table = models.TABLES[cls]
            indexed = {
                next(iter(index.columns)).name for index in table.indexes
            } | {column.name for column in table.columns if column.unique}
            wanted = {n for n, fd in cls.fields.items() if fd.filterable}
            self.assertEqual(set(), wanted - indexed, cls.NOUN)

    def test_each_noun_has_its_rooms(self) -> None:
        for cls in NOUNS:
            name = cls.__module__.rpartition(".")[2]
            if cls in BEHIND_THE_SCENES:
                continue
            self.assertEqual(cls.NOUN.replace(" ", "_"), name)
            importlib.import_module(f"valence.api.v1.{name}")

    def test_json_fields_have_the_form_that_they_say(self) -> None:
        for cls in NOUNS:
            noun = cls.NOUN.replace(" ", "-")
            sample = ROOT / f"api-ref/source/samples/{noun}-show-response.json"
            if not sample.exists():
                continue
            shown = json.loads(sample.read_text())
            for name, field in cls.fields.items():
                if isinstance(field, f.Json) and shown.get(name) is not None:
                    self.assertIsInstance(shown[name], field.form, name)
