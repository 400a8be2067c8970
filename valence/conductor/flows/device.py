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

"""Attach a pooled device to a node that lives, or take it back."""

from taskflow.patterns import linear_flow

from valence import exception
from valence.conductor.flows import base
from valence.conductor.flows import compose
from valence.conductor.flows import enroll
from valence.conductor.run import Run
from valence.db import devices


class AttachDevice(base.Step):
    """The device was taken, for this node, when it was asked for."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        for device in devices.taken_by(run.operation):
            compose.attach(run, node, device)

    def undo(self) -> None:
        run, node = self.run, self.run.target
        never_sent = (
            isinstance(run.error, exception.Unreachable)
            and not run.error.maybe_done
        )
        refused = never_sent or isinstance(
            run.error,
            exception.HardwareConflict
            | exception.HardwareBadRequest
            | exception.HardwareNotSupported
            | exception.HardwareNotFound,
        )
        if refused and not run.resumed:
            return  # plainly not attached
        for device in devices.taken_by(run.operation):
            compose.detach(run, node, device)


class DetachDevice(base.Step):
    """Nothing to undo: what could not be taken back stays with the node."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        for device in devices.taken_by(run.operation):
            compose.detach(run, node, device)


def attach(run: Run) -> linear_flow.Flow:
    return _followed(run, AttachDevice(run))


def detach(run: Run) -> linear_flow.Flow:
    return _followed(run, DetachDevice(run))


def _followed(run: Run, step: base.Step) -> linear_flow.Flow:
    return base.flow(
        run, step, compose.ReadAssets(run), enroll.TellProvisioner(run)
    )
