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
    "Allocation": "1.0-164fa9df058918c38ca2b4b6d1da9d3e",
    "Device": "1.0-5c7514ad17193077ef70712b85bbb52f",
    "Flavor": "1.0-1fe42caa93876b9258d50a0596545dda",
    "IdempotencyKey": "1.0-20b0a7fec69466b460bcc082003ede1c",
    "Inventory": "1.0-880e311f1f3b3ec412ed759388697405",
    "Node": "1.0-99cbf238fec3fbef1b2c91bf1693e642",
    "Operation": "1.0-f9d50c22b0137a6322a5d1ed3b491bc5",
    "PodManager": "1.0-6524af1fea16fd6039f425e58f801297",
    "Rack": "1.0-97e217b0c164db1e1a41900dee2d0cd4",
    "ResourceClass": "1.0-fc4ce4066847cbc6751caf3c2b2a802b",
    "ResourceProvider": "1.0-9287b72c572114093710511b21534f5a",
    "System": "1.0-313de32622b46e201b91de76e47d92fa",
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
