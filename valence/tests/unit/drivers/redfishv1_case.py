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

"""A pod manager at the edge of the network, and redfishv1 on it."""

import fixtures
import testtools

from valence.drivers import conformance
from valence.drivers import redfishv1
from valence.tests.unit.drivers import edge

ROOT = edge.ROOT
NODES = f"{ROOT}/Nodes"
NODE = f"{NODES}/1"
ALLOCATE = f"{NODES}/Actions/Allocate"
ASSEMBLE = f"{NODE}/Actions/ComposedNode.Assemble"
RESET = f"{NODE}/Actions/ComposedNode.Reset"
FORCE = f"{NODE}/Actions/ComposedNode.ForceDelete"


def shown(**changed):
    return edge.Reply(document=edge.node(**changed))


class Case(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.edge = edge.Edge().start()
        self.addCleanup(self.edge.stop)
        self.edge.documents(
            {
                ROOT: edge.root(),
                NODES: edge.nodes(NODE),
                NODE: edge.node(),
            }
        )
        self.progress = conformance.Recorder()
        self.driver = self.make()

    def make(self, **changed):
        driver = redfishv1.RedfishV1Driver(self.edge.connection(**changed))
        self.addCleanup(driver.close)
        return driver
