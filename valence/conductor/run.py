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

"""One operation in the hands of this conductor."""

import contextlib
import threading
import time
import typing

from oslo_config import cfg
from oslo_log import log

from valence import exception
from valence import objects
from valence import states
from valence.conductor import connections
from valence.conductor.provisioners import Provisioners
from valence.db import api as db
from valence.db import claims
from valence.db import operations
from valence.drivers import base
from valence.provision import base as provision
from valence.scheduler import select
from valence.scheduler.base import Reason

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: Seconds between two looks, in a long wait, whether to cancel.
CANCEL_INTERVAL = 1.0


class Abandoned(Exception):
    """Stop at once and touch nothing: another conductor will carry on."""


class Cancelled(exception.ValenceError):
    status = 409
    code = "operation.cancelled"
    title = "Cancelled"
    message = "The operation was cancelled."


class Run:
    """Knows the operation, what it works on, and writes down each step.

    It is the :class:`valence.drivers.base.Progress` of the drivers' calls.

    :ivar values: what will be written to the target when the operation ends
    :ivar systems: URIs of the systems that the node is on afterwards; None
        leaves the inventory as it is
    :ivar error: what made the flow fail
    :ivar undo_error: what made the way back fail
    :ivar stuck: hardware could not be given back
    :ivar reverting: the flow is on its way back
    :ivar abandoned: see :class:`Abandoned`
    :ivar unanswered: a request to make a node may still be on its way
    :ivar leave_first: takes the node out of its provisioner, where an
        earlier attempt may have put it; called before hardware goes back
    :ivar candidates: pod managers still to be tried; None: not looked yet
    :ivar candidate: the pod manager that is tried
    :ivar next_candidate: the flow goes back only to try the next one
    :ivar place: where on it
    :ivar tried: uuids of the pod managers that were tried
    :ivar refusals: uuid of a pod manager → why it did not serve
    """

    def __init__(
        self,
        operation: objects.Operation,
        target: typing.Any,
        pool: connections.Connections,
        handing_on: threading.Event,
        expected_steps: int,
        provisioners: Provisioners,
        elsewhere: typing.Callable[
            [objects.Operation], contextlib.AbstractContextManager[bool]
        ],
    ) -> None:
        self.operation = operation
        self.context = operation._context
        self.target = target
        self.values: dict[str, typing.Any] = {}
        self.systems: list[str] | None = None
        self.error: exception.ValenceError | None = None
        self.undo_error: exception.ValenceError | None = None
        self.stuck = False
        self.reverting = operation.state == states.REVERTING
        self.abandoned = False
        # So may that of an earlier attempt, which began more than one step.
        self.unanswered = self.reverting or (
            self.resumed and len(operation.steps) > 1
        )
        self.leave_first: typing.Callable[[], None] | None = None
        self.candidates: list[select.Candidate] | None = None
        self.candidate: select.Candidate | None = None
        self.place = claims.ANYWHERE
        self.tried: set[str] = set()
        self.next_candidate = False
        self.refusals: dict[str, select.Refusal] = {}
        self._pool = pool
        self._provisioners = provisioners
        self._elsewhere = elsewhere
        self._handing_on = handing_on
        self._expected_steps = expected_steps
        self._looked_at = time.monotonic()

    @property
    def resumed(self) -> bool:
        """Whether an earlier attempt may have left something behind."""
        return self.operation.attempts > 1

    def driver(self, podm_id: str) -> base.Driver:
        """The driver of a pod manager, as its row is now.

        :raises: NotFound
        """
        podm = objects.PodManager.get(self.context, podm_id)
        return self._pool.get(podm)

    def provisioner(self, name: str) -> provision.Provisioner:
        """:raises: ProvisionerNotConfigured"""
        return self._provisioners.get(name)

    def elsewhere(self) -> contextlib.AbstractContextManager[bool]:
        """While it waits for a provisioner, others do the hardware's work.

        :returns: tells whether it counts as away, or too many are
        """
        return self._elsewhere(self.operation)

    # -- the Progress of drivers --

    def step(self, name: str, public: str | None = None) -> None:
        """Begin a step; the one before it has succeeded.

        :param public: its name for those who may not know of the hardware
        """
        steps = self._ended("succeeded")
        steps.append(
            {
                "name": name,
                "state": "running",
                "started_at": db.now().isoformat(),
                "ended_at": None,
                **({"public": public} if public else {}),
            }
        )
        self.operation.steps = steps
        done = len(steps) - 1
        self.operation.progress = min(
            99, 100 * done // max(self._expected_steps, done + 1)
        )
        self._record()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than this conductor may."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._handing_on.wait(min(left, CANCEL_INTERVAL)):
                break
            self._look()
        if self._handing_on.is_set():
            self.abandon("is handed on: this conductor stops")

    def warn(self, message: str) -> None:
        """Put on the operation what its user has to know."""
        if message not in self.operation.warnings:
            self.operation.warnings = [*self.operation.warnings, message]

    # -- for the flow --

    def missed(self, reason: str) -> None:
        """Note why the current step failed, where the flow goes on."""
        self.operation.steps = self._ended("failed", reason)

    def refused(self, reason: str) -> None:
        """Note why the pod manager that is tried does not serve."""
        self.missed(reason)
        one = self.candidate
        if one is not None:
            self.refusals[one.uuid] = select.Refusal(
                one.uuid, one.name, None, Reason(reason)
            )

    def failed(self, error: Exception) -> None:
        """Note why the current step failed."""
        if not isinstance(error, exception.ValenceError):
            LOG.error(
                "Operation %s failed for a reason that is a fault of ours.",
                self.operation.uuid,
                exc_info=error,
            )
            error = exception.ValenceError(
                "An unexpected error occurred; the log of conductor "
                f"{CONF.conductor.host} tells more about operation "
                f"{self.operation.uuid}.",
                public=exception.ValenceError.message,
            )
        if self.error is None:
            self.error = error
        else:
            self.undo_error = error
        self.operation.steps = self._ended("failed", str(error))

    def revert(self) -> None:
        """Turn back; from here on cancelling is pointless."""
        self.reverting = True
        self.operation.state = states.REVERTING
        self.note_error()
        self._record()

    def note_error(self) -> None:
        """Put the reason on the operation."""
        if self.error is not None:
            self.operation.last_error = str(self.error)[:4096]
            self.operation.public_error = self.error.told(False)[:4096]
            self.operation.error_code = self.error.code
            self.operation.error_status = self.error.status
            if isinstance(self.error, exception.NoPodManager):
                self.operation.refusals = self.error.refusals

    def end_steps(self) -> None:
        self.operation.steps = self._ended("succeeded")

    def save_target(self, **values: typing.Any) -> None:
        """Write to the target at once what must not be forgotten."""
        values = db.clip(type(self.target), values)
        if not operations.save_target(self.operation, self.target, values):
            self.abandon("is not in charge any more")

    # -- inside --

    def _ended(
        self, state: str, message: str | None = None
    ) -> list[dict[str, typing.Any]]:
        steps = [dict(step) for step in self.operation.steps]
        for step in steps:
            if step["state"] == "running":
                step["state"] = state
                step["ended_at"] = db.now().isoformat()
                if message:
                    step["message"] = message
        return steps

    def _record(self) -> None:
        if not operations.record(self.operation):
            self.abandon("belongs to another conductor now")
        if self._handing_on.is_set():
            self.abandon("is handed on: this conductor stops")
        self._raise_if_cancelled(self.operation.cancel_requested)

    def _look(self) -> None:
        if time.monotonic() - self._looked_at < CANCEL_INTERVAL:
            return
        self._looked_at = time.monotonic()
        cancel = operations.is_cancelled(self.operation)
        if cancel is None:
            self.abandon("belongs to another conductor now")
        self._raise_if_cancelled(bool(cancel))

    def _raise_if_cancelled(self, cancel: bool) -> None:
        cancellable = objects.operation.KINDS[self.operation.kind]
        if cancel and cancellable and not self.reverting:
            raise Cancelled()

    def abandon(self, why: str) -> typing.NoReturn:
        self.abandoned = True
        LOG.info("Operation %s %s.", self.operation.uuid, why)
        raise Abandoned(why)
