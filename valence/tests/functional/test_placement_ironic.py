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

"""A node that goes to Ironic leaves its provider to Nova, and comes back."""

from valence.tests.functional import with_ironic  # isort: skip
from valence.simulator import PodSpec
from valence.tests.fixtures.openstack import Placement
from valence.tests.functional import mirrored


class TestEnrolled(mirrored.Mirrored, with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.1", systems=4),)

    def setUp(self) -> None:
        super().setUp()
        self.context = self.env.context
        self.placement = self.useFixture(Placement())
        # What is seen here is what the operations brought about.
        mirrored.use(self.env.conf, self.placement.url, interval=600)
        self.env.stop_conductor()
        self.env.start_conductor()

    def test_there_and_back(self) -> None:
        node = self.composed()["uuid"]
        state = self.assert_mirrored()
        self.assertIn(node, state["providers"])
        self.register()
        state = self.assert_mirrored()
        self.assertNotIn(node, state["providers"])
        # It is Ironic's, and stands on our hardware.
        self.assertIn(node, state["consumers"])
        path = f"/resource_providers/{node}"
        self.assertEqual(404, self.placement.send("GET", path).status_code)
        answer = self.api.post("/v1/nodes/web-1/unregister", wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertIn(node, self.assert_mirrored()["providers"])

    def test_composed_into_ironic_and_released(self) -> None:
        node = self.enrolled()["uuid"]
        state = self.assert_mirrored()
        self.assertNotIn(node, state["providers"])
        self.assertIn(node, state["consumers"])
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual({}, self.assert_mirrored()["consumers"])
