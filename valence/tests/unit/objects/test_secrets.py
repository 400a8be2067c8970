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

"""Fields of secrets: what is encrypted, shown, and taken for unchanged."""

import copy
import json

from valence import keys
from valence import objects
from valence.objects import fields as f
from valence.tests import base

DOCUMENT = [
    {
        "type": "basic",
        "auth_items": {"username": "admin", "password": "s3cret"},
    }
]


def sealed(field: f.Secret, document: object) -> object:
    """As it would be kept, and read again."""
    kept = field.encrypted(document, keys.encrypt, keys.renew)
    return f.sealed(json.loads(json.dumps(kept)))


class TestCredentials(base.TestCase):
    field = objects.PodManager.fields["authentication"]

    def test_only_secrets_are_encrypted(self) -> None:
        kept = sealed(self.field, DOCUMENT)
        self.assertEqual("basic", kept[0]["type"])
        items = kept[0]["auth_items"]
        self.assertEqual("admin", items["username"])
        self.assertIsInstance(items["password"], f.Sealed)
        self.assertNotIn("s3cret", json.dumps(kept))
        self.assertEqual(DOCUMENT, self.field.opened(kept, keys.decrypt))

    def test_what_was_never_encrypted_is_read_all_the_same(self) -> None:
        self.assertEqual(DOCUMENT, self.field.opened(DOCUMENT, keys.decrypt))

    def test_what_is_encrypted_is_not_encrypted_again(self) -> None:
        kept = sealed(self.field, DOCUMENT)
        self.assertEqual(kept, sealed(self.field, copy.deepcopy(kept)))

    def test_masks_need_no_key(self) -> None:
        masked = copy.deepcopy(DOCUMENT)
        masked[0]["auth_items"]["password"] = "***"
        for document in (DOCUMENT, sealed(self.field, DOCUMENT)):
            for hardware in (True, False):
                self.assertEqual(masked, self.field.shown(document, hardware))
            podm = objects.PodManager(authentication=document)
            self.assertNotIn("s3cret", repr(podm))
            self.assertNotIn("fernet", repr(podm))
            self.assertIn("admin", repr(podm))

    def test_a_mask_stands_for_what_was_there(self) -> None:
        kept = sealed(self.field, DOCUMENT)
        changed = self.field.masked(kept)
        changed[0]["auth_items"]["username"] = "other"
        after = self.field.unmasked(changed, kept)
        opened = self.field.opened(after, keys.decrypt)
        self.assertEqual(
            {"username": "other", "password": "s3cret"},
            opened[0]["auth_items"],
        )

    def test_a_mask_for_nothing_is_refused(self) -> None:
        masked = self.field.masked(DOCUMENT)
        for before in (None, []):
            error = self.assertRaises(
                KeyError, self.field.unmasked, masked, before
            )
            self.assertEqual((0, "auth_items", "password"), error.args[0])

    def test_over_the_bus(self) -> None:
        podm = objects.PodManager(authentication=sealed(self.field, DOCUMENT))
        primitive = json.loads(json.dumps(podm.obj_to_primitive()))
        self.assertNotIn("s3cret", json.dumps(primitive))
        there = objects.PodManager.obj_from_primitive(primitive)
        self.assertEqual(
            DOCUMENT, self.field.opened(there.authentication, keys.decrypt)
        )


class TestDocuments(base.TestCase):
    field = f.Secret(help="Free form.", plain=("address",))

    def test_any_document(self) -> None:
        document = {
            "address": "http://a",
            "password": "one",
            "port": 7,
            "on": False,
            "none": None,
            "list": ["two", {"three": "three", "address": "b"}],
            "empty": {},
        }
        kept = sealed(self.field, document)
        self.assertEqual(document, self.field.opened(kept, keys.decrypt))
        self.assertEqual(
            {
                "address": "http://a",
                "password": "***",
                "port": "***",
                "on": "***",
                "none": None,
                "list": ["***", {"three": "***", "address": "b"}],
                "empty": {},
            },
            self.field.masked(kept),
        )

    def test_what_only_looks_encrypted_is_a_secret_like_others(self) -> None:
        document = {"key": "12345678", "fernet": "gAAAAAB"}
        kept = sealed(self.field, document)
        self.assertNotIsInstance(kept, f.Sealed)
        self.assertEqual(document, self.field.opened(kept, keys.decrypt))

    def test_nothing(self) -> None:
        self.assertIsNone(sealed(self.field, None))
        self.assertIsNone(self.field.masked(None))
