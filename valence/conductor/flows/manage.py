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

"""Adopt a node that stands composed on the hardware already."""

from taskflow.patterns import linear_flow

from valence import exception
from valence.conductor.flows import base
from valence.conductor.flows import compose
from valence.conductor.run import Run


class AdoptNode(base.Step):
    """Reads only, so there is nothing to undo."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("read node")
        found = run.driver(node.podm_id).get_node(node.index)
        if not found.usable:
            raise exception.HardwareConflict(
                reason=f"node {node.index} is {found.state}; only a node "
                "that is composed can be managed"
            )
        run.values.update(compose.node_values(found))
        run.systems = found.system_uris


def build(run: Run) -> linear_flow.Flow:
    return base.flow(run, AdoptNode(run), compose.ReadAssets(run))
