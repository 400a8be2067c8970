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

"""What options say that have a little language of their own."""

import argparse
import io
import os
import pathlib

import fixtures

from valence.tests import base
from valenceclient.osc import texts


class TestTexts(base.TestCase):
    def file(self, content: bytes) -> str:
        directory = self.useFixture(fixtures.TempDir()).path
        path = pathlib.Path(directory, "given")
        path.write_bytes(content)
        return str(path)

    def refused(self, text: str, *words: str) -> None:
        error = self.assertRaises(
            argparse.ArgumentTypeError, texts.json_object, text
        )
        for word in words:
            self.assertIn(word, str(error))

    def test_json(self) -> None:
        self.assertEqual({"a": 1}, texts.json_object('{"a": 1}'))
        path = self.file(b'{"a": "\xc3\xa9"}')
        self.assertEqual({"a": "é"}, texts.json_object(f"@{path}"))
        self.useFixture(fixtures.MonkeyPatch("sys.stdin", io.StringIO("{}")))
        self.assertEqual({}, texts.json_object("@-"))

    def test_what_is_none(self) -> None:
        self.refused("{", "no JSON")
        self.refused("[]", "object is wanted")
        deep = 100_000
        self.refused('{"a":' * deep + "1" + "}" * deep, "nested too deep")
        self.refused("@/no/such/file", "/no/such/file", os.strerror(2))
        path = self.file(b"\xff\xfe")
        self.refused(f"@{path}", path)

    def test_pairs(self) -> None:
        self.assertEqual(("a", "b=c"), texts.pair("a=b=c"))
        self.assertEqual({"a": "1", "b": ""}, texts.pairs("a=1,b="))
        for text in ("a", "=a", "a=1,b"):
            error = self.assertRaises(
                argparse.ArgumentTypeError, texts.pairs, text
            )
            self.assertIn("KEY=VALUE is wanted", str(error))
