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

"""Revisions of the schema that others have stay as they are."""

import hashlib
import pathlib

from valence.db import migration
from valence.tests import base

VERSIONS = pathlib.Path(migration.__file__).parent / "alembic" / "versions"

#: Whoever has such a revision never runs it again: what is changed in it, they
#: never get. A change of the schema is a new revision, and a new line here.
DIGESTS = {
    "0001_initial": "6a618f9c1e777db3",
    "0002_devices": "0f0b8378af238a47",
    "0003_resource_providers": "e6821844fd5c774e",
    "0004_enrollment": "2b2b3cf5f7507954",
    "0005_projects": "cb5478fd91112d7d",
    "0006_where_fewest_are": "6e7f52f5592a5172",
    "0007_durations": "89bd3385d051b0c7",
}


class TestRevisions(base.TestCase):
    def test_none_is_changed(self) -> None:
        found = {
            path.stem.split("_", 3)[3]: hashlib.sha256(
                path.read_bytes()
            ).hexdigest()[:16]
            for path in VERSIONS.glob("*.py")
        }
        self.assertEqual(DIGESTS, found)
