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

"""Give the hardware of a node back."""

from taskflow.patterns import linear_flow

from valence.conductor.flows import base
from valence.conductor.flows import compose
from valence.conductor.flows import enroll
from valence.conductor.run import Run
from valence.db import devices


class ReleaseNode(base.Step):
    """Nothing to undo: what is half given back is given back again."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("give hardware back")
        if node.podm_id and run.operation.arguments["holds"]:
            devices.take_back(run.operation, node)
            if node.composed:
                compose.give_back(run, node.podm_id)
            else:
                # An adopted node keeps what it came with.
                for device in devices.taken_by(run.operation):
                    compose.detach(run, node, device)
        run.systems = []


def build(run: Run) -> linear_flow.Flow:
    return base.flow(run, enroll.UnenrollNodeTask(run), ReleaseNode(run))
