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
"""A class that only the tests know."""

import datetime

from valence.objects import base
from valence.objects import fields as f

WRITE = f.Access.WRITE
WHEN = datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC)


class Thing(base.Resource):
    """Has a field of each kind; ``colour`` and ``weight`` came with 1.1.

    It is not registered: nothing else shall see it.
    """

    VERSION = "1.0"
    NOUN = "thing"
    COLLECTION = "things"

    fields = {
        **base.Resource.fields,
        "name": f.String(access=WRITE, filterable=True, help="Its name."),
        "colour": f.String(
            access=WRITE, nullable=True, since=1, filterable=True, help="…"
        ),
        "weight": f.Integer(nullable=True, since=1, help="…"),
        "parts": f.Json(access=WRITE, help="…"),
        "secret": f.Credentials(access=WRITE, help="…"),
        "hidden": f.String(access=f.Access.HIDDEN, nullable=True, help="…"),
        "kind": f.String(access=f.Access.CREATE, nullable=True, help="…"),
        "note": f.String(access=WRITE, nullable=True, help="…"),
        "place": f.String(
            access=WRITE, hardware=True, filterable=True, help="…"
        ),
        "story": f.String(instead="part", help="…"),
        "part": f.String(access=f.Access.HIDDEN, help="…"),
    }


def thing(**values: object) -> Thing:
    return Thing(
        None,
        **{
            "uuid": "4b1e6c1e-0b5e-4a83-9a0e-6d1f0b6c1f10",
            "created_at": WHEN,
            "updated_at": WHEN,
            "name": "one",
            "colour": "red",
            "weight": 7,
            "parts": {"a": [1]},
            "secret": [
                {
                    "type": "basic",
                    "auth_items": {"username": "u", "password": "s3cr3t"},
                }
            ],
            "hidden": "h",
            "kind": "k",
            "note": None,
            "place": "here",
            "story": "all",
            "part": "some",
            **values,
        },
    )
