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
from valence import exception
from valence.api import versions
from valence.tests import base


class TestVersions(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(versions, "HISTORY", ["1.0", "1.1", "1.2"])
        self.patch(versions, "MAX", "1.2")

    def test_negotiate(self) -> None:
        for header, minor in (
            (None, 0),
            ("", 0),
            ("compute 2.1", 0),
            ("composition 1.0", 0),
            ("composition 1.1", 1),
            ("COMPOSITION 1.1", 1),
            ("composition latest", 2),
            ("compute latest, composition 1.1", 1),
            (" composition   1.2 , compute 2.1", 2),
            ("composition 1.1, composition 1.2", 1),
        ):
            self.assertEqual(minor, versions.negotiate(header), header)

    def test_not_there(self) -> None:
        for header in (
            "composition 1.3",
            "composition 0.9",
            "composition 2.0",
            "composition 1.01",
            f"composition 1.{'9' * 5000}",
        ):
            error = self.assertRaises(
                exception.NotAcceptable, versions.negotiate, header
            )
            self.assertEqual("1.0", error.values["min_version"])
            self.assertEqual("1.2", error.values["max_version"])
            self.assertLess(len(str(error)), 200)

    def test_none(self) -> None:
        for header in (
            "composition",
            "composition 1",
            "composition 1.",
            "composition 1.x",
            "composition 1.1 1.2",
            "composition -1.1",
            "composition Latest!",
        ):
            self.assertRaises(
                exception.InvalidField, versions.negotiate, header
            )

    def test_history_ends_with_the_latest(self) -> None:
        minors = [versions.minor(version) for version in versions.HISTORY]
        self.assertEqual(list(range(len(minors))), minors)
