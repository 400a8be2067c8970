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

"""Power and boot source of a node."""

from taskflow.patterns import linear_flow

from valence.conductor.flows import base
from valence.conductor.run import Run


class ResetNode(base.Step):
    """The power of before is not restored: nobody asked for that."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("reset")
        seen = run.driver(node.podm_id).reset_node(
            node.index, run.operation.arguments["type"], run
        )
        run.values["power_state"] = seen.power_state


class SetBootSource(base.Step):
    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("set boot source")
        seen = run.driver(node.podm_id).set_boot_source(
            node.index, **run.operation.arguments
        )
        run.values["boot"] = seen.boot


def reset(run: Run) -> linear_flow.Flow:
    return base.flow(run, ResetNode(run))


def boot(run: Run) -> linear_flow.Flow:
    return base.flow(run, SetBootSource(run))
