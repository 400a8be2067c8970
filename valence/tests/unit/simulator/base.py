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

"""What the tests of the simulator share."""

import typing
import unittest

import requests

from valence import simulator

AUTH = ("admin", "admin")
ALL = ("1.2.1", "2.1", "2.2", "2.3", "2.4", "2.5")


class PodCase(unittest.TestCase):
    """Speaks to one pod, as a client that knows the protocol would."""

    def serve(self, dialect="2.1", **spec):
        spec = simulator.PodSpec(dialect=dialect, **spec)
        served = simulator.Simulator(pods=[spec])
        served.start()
        self.addCleanup(served.stop)
        self.clock = served.clock
        self.pod = served.pods[0]
        self.session = requests.Session()
        self.session.auth = AUTH
        self.addCleanup(self.session.close)
        return self.pod

    def call(self, method: str, path: str, **kwargs: typing.Any):
        if not path.startswith("http"):
            path = self.pod.url + path
        return self.session.request(method, path, timeout=60, **kwargs)

    def get(self, path: str):
        response = self.call("GET", path)
        self.assertEqual(200, response.status_code, response.text)
        return response.json()

    def allocate(self, **payload: typing.Any):
        return self.call(
            "POST", "/redfish/v1/Nodes/Actions/Allocate", json=payload
        )

    def node(self, **payload: typing.Any) -> str:
        """Allocate a node; its path."""
        response = self.allocate(**payload)
        self.assertEqual(201, response.status_code, response.text)
        return response.headers["Location"].removeprefix(self.pod.url)

    def act(self, node: str, action: str, **kwargs: typing.Any):
        path = f"{node}/Actions/ComposedNode.{action}"
        return self.call("POST", path, **kwargs)

    def state(self, node: str) -> str:
        return self.get(node)["ComposedNodeState"]

    def assertRefused(self, response, status, code=None, reason=None):
        self.assertEqual(status, response.status_code, response.text)
        error = response.json()["error"]
        if code is not None:
            self.assertEqual(f"Base.1.0.{code}", error["code"])
        if reason is not None:
            reasons = [x["Message"] for x in error["@Message.ExtendedInfo"]]
            self.assertIn(reason, "\n".join(reasons))
        return error
