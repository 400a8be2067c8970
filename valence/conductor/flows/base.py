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

"""What the tasks of all flows have in common."""

import typing

from oslo_db import exception as db_exc
from taskflow.patterns import linear_flow
import taskflow.task

from valence.conductor.run import Abandoned
from valence.conductor.run import Run


class Step(taskflow.task.Task):
    """A task with its two halves, :meth:`do` and :meth:`undo`.

    Both may be called again, in another process, whatever became of the
    call before: they look before they act. That is all that resuming needs,
    so nothing passes through TaskFlow's storage; what a later step has to
    know stands on the rows.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(name=type(self).__name__)
        self.run = run

    def do(self) -> None:
        raise NotImplementedError

    def undo(self) -> None:
        """Nothing to give back."""

    def execute(self) -> None:
        if self.run.reverting:
            return  # resumed on the way back: only the second halves count
        self._guarded(self.do)

    def revert(self, **_kwargs: typing.Any) -> None:
        if self.run.abandoned:
            return
        if not (self.run.reverting or self.run.next_candidate):
            self._guarded(self.run.revert)
        try:
            self._guarded(self.undo)
        except Exception:
            self.run.stuck = not self.run.abandoned
            raise

    def _guarded(self, half: typing.Callable[[], None]) -> None:
        try:
            half()
        except Abandoned:
            raise
        except db_exc.DBError:
            # Nobody can say what the rows hold. Later, or elsewhere.
            self.run.abandoned = True
            raise
        except Exception as e:
            self.run.failed(e)
            raise


class _TurnBack(Step):
    """Sends a flow that was resumed on its way back, back."""

    def execute(self) -> None:
        if self.run.reverting:
            raise Reverting()


class Reverting(Exception):
    pass


def flow(run: Run, *parts: typing.Any) -> linear_flow.Flow:
    """A flow of steps, one after the other."""
    return linear_flow.Flow(run.operation.kind).add(*parts, _TurnBack(run))
