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

"""The library, with the network of another making."""

import typing

import fixtures
from keystoneauth1 import loading
from keystoneauth1 import session
import requests_mock

from valence.tests import base
from valenceclient import client

URL = "http://composition.example"


def login(endpoint: str | None = URL) -> session.Session:
    loader = loading.get_plugin_loader("none")
    return session.Session(loader.load_from_options(endpoint=endpoint))


class ClientCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.http = requests_mock.Mocker()
        self.http.start()
        self.addCleanup(self.http.stop)
        #: Seconds that were slept for.
        self.slept: list[float] = []
        self.useFixture(fixtures.MonkeyPatch("time.sleep", self.slept.append))
        self.client = client.Client(login())

    def sent(self, header: str | None = None) -> list[typing.Any]:
        """What was sent, or a header of all of it."""
        history = self.http.request_history
        if header is None:
            return [(r.method, r.url.removeprefix(URL)) for r in history]
        return [r.headers.get(header) for r in history]


def error(
    code: str = "resource.conflict", **more: object
) -> dict[str, object]:
    """The body of a refusal."""
    shown = {
        "code": code,
        "status": 409,
        "title": "Conflict",
        "detail": "It does not fit.",
        "request_id": "req-1",
        **more,
    }
    return {"errors": [shown]}
