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

import hypothesis
from hypothesis import strategies as st
import testtools

from valence import exception
from valence.drivers import transport
from valence.drivers import words
from valence.drivers.redfishv1 import errors

NOTHING_FREE = (
    "There are no computer systems available for this allocation request."
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text()
            | st.sampled_from(
                ["error", "message", "code", "@Message.ExtendedInfo"]
            ),
            inner,
        )
    ),
)


def envelope(*messages, **changed):
    return {
        "error": {
            "code": "Base.1.0.ResourcesStateMismatch",
            "message": "Conflict during allocation",
            "@Message.ExtendedInfo": [
                {"MessageId": "Base.1.0.GeneralError", "Message": message}
                for message in messages
            ],
            **changed,
        }
    }


class TestReason(testtools.TestCase):
    """All shapes of an error's body that services were seen to send."""

    def check(self, said, document):
        self.assertEqual(said, errors.reason(json.dumps(document).encode()))

    def test_extended_info_tells_the_reason(self):
        self.check(NOTHING_FREE, envelope(NOTHING_FREE))

    def test_several_messages(self):
        self.check(
            f"{NOTHING_FREE} available: 0",
            envelope(NOTHING_FREE, "available: 0", NOTHING_FREE),
        )

    def test_envelope_without_extended_info(self):
        self.check("Conflict during allocation", envelope())
        self.check(
            "Conflict during allocation",
            envelope(**{"@Message.ExtendedInfo": None}),
        )

    def test_extended_info_in_other_shapes(self):
        for info in (
            {"Message": "Taken."},
            "Taken.",
            ["Taken."],
            [["Taken."]],
        ):
            self.check("Taken.", envelope(**{"@Message.ExtendedInfo": info}))

    def test_code_alone(self):
        self.check("Base.1.0.Oops", {"error": {"code": "Base.1.0.Oops"}})

    def test_message_id_where_there_is_no_message(self):
        self.check(
            "Base.1.0.Oops",
            {
                "error": {
                    "@Message.ExtendedInfo": [{"MessageId": "Base.1.0.Oops"}]
                }
            },
        )

    def test_other_shapes(self):
        for document in (
            {"message": "Taken."},
            {"Message": "Taken."},
            {"Error": "Taken."},
            {"error": "Taken."},
            {"Error": {"message": "Taken."}},
            {"code": "40400", "message": "Taken."},
            {"@Message.ExtendedInfo": [{"Message": "Taken."}]},
            {"errors": [{"detail": "Taken.", "code": 3}]},
            {"error": None, "message": "Taken."},
            "Taken.",
            ["Taken."],
        ):
            self.check("Taken.", document)

    def test_a_number(self):
        self.check("code 500", 500)
        self.check("code 40011", {"code": 40011})

    def test_mute(self):
        for document in (None, True, {}, [], "", {"error": {}}, [[[]]]):
            self.check("", document)
        self.assertEqual("", errors.reason(b""))
        self.assertEqual("", errors.reason(b" \r\n"))

    def test_text(self):
        self.assertEqual("Bad Gateway", errors.reason(b"Bad\r\n  Gateway\0"))
        self.assertEqual("\ufffd\ufffd", errors.reason(b"\xff\xfe"))

    def test_html(self):
        self.assertEqual(
            "502 Bad Gateway",
            errors.reason(
                b"<html><head><title>502 Bad Gateway</title></head>"
                b"<body><script>alert(1)</script><h1>no</h1></body></html>"
            ),
        )
        self.assertEqual(
            "No & never",
            errors.reason(b"<p><script>x()</script>No &amp;\n <b>never</b>"),
        )

    def test_deep_json(self):
        for content in (b"[" * 100000, b'{"error":' * 100000):
            self.assertIsInstance(errors.reason(content), str)
        self.assertRaises(ValueError, transport.parse, b"[" * 100000)

    def test_long_text_is_cut(self):
        said = errors.reason(b"x" * 100000)
        self.assertEqual(words.MAX_REASON, len(said))
        self.assertTrue(said.endswith("…"))


class TestReasonProperties(testtools.TestCase):
    def _sane(self, said):
        self.assertIsInstance(said, str)
        self.assertLessEqual(len(said), words.MAX_REASON)
        self.assertEqual(" ".join(said.split()), said)
        self.assertTrue(said.isprintable())

    @hypothesis.given(st.binary())
    def test_any_bytes(self, content):
        self._sane(errors.reason(content))

    @hypothesis.given(st.text())
    def test_any_text(self, text):
        self._sane(errors.reason(text.encode("utf-8", "surrogatepass")))

    @hypothesis.given(JSON)
    def test_any_json(self, document):
        self._sane(errors.reason(json.dumps(document).encode()))

    @hypothesis.given(
        st.lists(
            st.text("abcdefgh ÄÖ.", min_size=1, max_size=40).filter(str.strip),
            min_size=1,
            max_size=5,
            unique_by=lambda text: " ".join(text.split()),
        ),
        JSON,
    )
    def test_extended_info_is_quoted_whatever_else_there_is(
        self, messages, other
    ):
        document = envelope(*messages, message=other, code=other)
        document["other"] = other
        said = errors.reason(json.dumps(document).encode())
        self.assertEqual(" ".join(" ".join(messages).split()), said)

    @hypothesis.given(st.integers(300, 999), st.text())
    def test_any_status_has_an_error(self, status, said):
        error = errors.for_status(status, said, "node", "1")
        self.assertIsInstance(error, exception.HardwareError)
        self.assertTrue(str(error))


class TestForStatus(testtools.TestCase):
    def test_kinds(self):
        for status, kind in (
            (400, exception.HardwareBadRequest),
            (401, exception.AuthFailure),
            (403, exception.AuthFailure),
            (404, exception.HardwareNotFound),
            (405, exception.HardwareNotSupported),
            (409, exception.HardwareConflict),
            (412, exception.HardwareConflict),
            (414, exception.HardwareBadRequest),
            (429, exception.BackendError),
            (500, exception.BackendError),
            (501, exception.HardwareNotSupported),
            (503, exception.BackendError),
            (504, exception.BackendError),
        ):
            error = errors.for_status(status, "Because.", "node", "1")
            self.assertIs(kind, type(error))
            if status != 404:
                self.assertIn("Because.", str(error))

    def test_backend_error_keeps_the_status(self):
        error = errors.for_status(503, "", "node", "1")
        self.assertEqual(503, error.values["http_status"])
        self.assertIn("503", str(error))
