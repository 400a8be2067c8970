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

"""Claiming operations, carrying them out, handing them on."""

import collections
import contextlib
import logging
import threading
import typing

import futurist
from futurist import rejection
from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log
import taskflow.engines

from valence import exception
from valence import objects
from valence import states
from valence.conductor import flows
from valence.conductor.connections import Connections
from valence.conductor.provisioners import Provisioners
from valence.conductor.run import Cancelled
from valence.conductor.run import Run
from valence.db import operations as db
from valence.db import recount
from valence.db.api import clip

CONF = cfg.CONF
LOG = log.getLogger(__name__)


class Operations:
    """The worker pool of one conductor.

    Its queue is the database: a worker that has nothing to do ends, and one
    that has ended an operation takes the next that waits. What finds the
    pool full stays pending and is taken then.

    What waits for a provisioner is away: it counts neither as a worker nor
    against its pod manager, and is bounded by itself.

    :param changed: is told of each pod manager whose books an operation may
        have changed, when it has ended; returns at once
    """

    def __init__(
        self,
        host: str,
        connections: Connections,
        provisioners: Provisioners,
        changed: typing.Callable[[str], None],
    ) -> None:
        self._host = host
        self._connections = connections
        self._provisioners = provisioners
        self._changed = changed
        self._lock = threading.Condition()
        self._running: dict[str, objects.Operation] = {}
        self._away: set[str] = set()
        # Held while an operation is claimed, so that what bears our name in
        # the database and what runs are never seen apart.
        self._claiming = threading.Lock()
        self._draining = False
        self._handing_on = threading.Event()
        threads = CONF.conductor.workers + CONF.ironic.workers
        self._pool = futurist.ThreadPoolExecutor(
            max_workers=threads,
            check_and_reject=rejection.reject_when_reached(threads),
        )

    # -- what wakes it --

    def nudge(self, uuid: str) -> None:
        """Carry out an operation, if it is to be had and a worker is free."""
        with self._lock:
            if self._draining:
                return
            if self._free() <= 0:
                LOG.debug("All workers are busy: operation %s waits.", uuid)
                return
        try:
            self._pool.submit(self._work, uuid)
        except futurist.RejectedSubmission:
            LOG.debug("The worker pool is full: operation %s waits.", uuid)

    def sweep(self) -> None:
        """Take up what stands pending or was left by others."""
        self._let_go_of_orphans()
        with self._lock:
            free = self._free()
            if self._draining or free <= 0:
                return
        for uuid in db.waiting(free, self._busy()):
            self.nudge(uuid)

    def _free(self) -> int:
        """How many workers are; called with the lock."""
        return CONF.conductor.workers - len(self._running) + len(self._away)

    def drain(self, seconds: float) -> None:
        """Take up nothing more; let what runs end, then hand it on."""
        with self._claiming:
            self._draining = True
        with self._lock:
            self._lock.wait_for(lambda: not self._running, seconds)
            if self._running:
                LOG.info(
                    "Handing on %d operations that are not done after %d s.",
                    len(self._running),
                    seconds,
                )
            self._handing_on.set()
            # One HTTP call may still be under way.
            self._lock.wait_for(
                lambda: not self._running,
                max(CONF.pod_manager.timeout, CONF.ironic.timeout or 0),
            )
        self._let_go_of_orphans()
        self._pool.shutdown(wait=False)

    # -- a worker --

    def _work(self, uuid: str | None) -> None:
        while uuid is not None and not self._draining:
            try:
                self._claim_and_run(uuid)
                uuid = self._next()
            except db_exc.DBError:
                LOG.exception("The database failed; sweeping again later.")
                return
            except Exception:
                LOG.exception("Operation %s ended in a fault of ours.", uuid)
                return

    def _next(self) -> str | None:
        """An operation that waits and that there is room for."""
        with self._lock:
            if self._free() <= 0:
                return None
        return next(iter(db.waiting(1, self._busy())), None)

    def _busy(self) -> db.Busy:
        with self._lock:
            # As they are now: a compose chooses its pod manager on the way.
            pods = collections.Counter(
                operation.podm_id
                for uuid, operation in self._running.items()
                if operation.podm_id and uuid not in self._away
            )
            # A place is kept from the start for what will go there.
            there = collections.Counter(
                operation.provisioner
                for operation in self._running.values()
                if operation.provisioner
            )
        most = CONF.conductor.workers_per_pod_manager
        return db.Busy(
            [podm_id for podm_id, n in pods.items() if n >= most],
            [name for name, n in there.items() if n >= CONF.ironic.workers],
        )

    @contextlib.contextmanager
    def _elsewhere(
        self, operation: objects.Operation
    ) -> typing.Iterator[bool]:
        """Leave the work here to others, for as long as one is away."""
        with self._lock:
            room = (
                operation.provisioner is not None
                or len(self._away) < CONF.ironic.workers
            )
            if room:
                self._away.add(operation.uuid)
        try:
            if room and (uuid := self._next()):
                self.nudge(uuid)
            yield room
        finally:
            with self._lock:
                self._away.discard(operation.uuid)

    def _claim(self, uuid: str) -> objects.Operation | None:
        with self._claiming:
            with self._lock:
                # Several may have been told of the last free worker.
                if self._draining or self._free() <= 0:
                    return None
            operation = db.claim(uuid, self._host, self._busy())
            if operation is not None:
                with self._lock:
                    self._running[uuid] = operation
        return operation

    def _claim_and_run(self, uuid: str) -> None:
        operation = self._claim(uuid)
        if operation is None:
            return  # another conductor was faster, or its pod is busy
        try:
            operation._context.update_store()
            self._run(operation)
        finally:
            with self._lock:
                del self._running[uuid]
                self._lock.notify_all()

    def _let_go_of_orphans(self) -> None:
        """Free what is ours in the database and nobody's in fact.

        A worker may have failed, or the answer to a claim have been lost
        with the connection to the database.
        """
        with self._claiming:
            with self._lock:
                running = list(self._running)
            left = db.disown(self._host, running)
        if left:
            LOG.warning("Letting go of %d operations that nobody does.", left)

    # -- one operation --

    def _run(self, operation: objects.Operation) -> None:
        kind = flows.KINDS[operation.kind]
        LOG.info(
            "%s %s %s (operation %s, attempt %d)",
            operation.kind,
            operation.target_type,
            operation.target_name or operation.target_id,
            operation.uuid,
            operation.attempts,
        )
        try:
            target = objects.TARGETS[operation.target_type].get(
                operation._context, operation.target_id
            )
        except exception.NotFound as e:
            operation.state = states.CANCELLED
            operation.last_error = operation.public_error = str(e)
            db.finish(operation, None, {})
            return
        run = Run(
            operation,
            target,
            self._connections,
            self._handing_on,
            kind.steps,
            self._provisioners,
            self._elsewhere,
        )
        if operation.attempts > CONF.conductor.max_attempts:
            run.stuck = True
            run.failed(
                exception.Unavailable(
                    f"Given up after {operation.attempts - 1} attempts, none "
                    "of which came to an end."
                )
            )
        elif operation.cancel_requested and not run.resumed:
            run.failed(Cancelled())
        else:
            self._carry_out(run, kind)
        if run.abandoned:
            db.hand_on(operation)
            return
        self._finish(run, kind)

    @staticmethod
    def _carry_out(run: Run, kind: flows.Kind) -> None:
        try:
            taskflow.engines.run(kind.build(run))
        except Exception as e:
            # The steps have noted what failed; a failure that none of them
            # noted is TaskFlow's or ours.
            if not (run.error or run.abandoned or run.reverting):
                run.failed(e)

    def _finish(self, run: Run, kind: flows.Kind) -> None:
        operation, target = run.operation, run.target
        failed = run.error is not None or run.reverting
        values = dict(run.values)
        run.end_steps()
        if failed:
            run.note_error()
            cancelled = (
                operation.error_code == Cancelled.code and not run.stuck
            )
            operation.state = states.CANCELLED if cancelled else states.FAILED
            event = kind.stuck if run.stuck else kind.failed
        else:
            operation.state = states.SUCCEEDED
            operation.progress = 100
            event = kind.done
        if failed and run.stuck and run.undo_error:
            reason = (operation.last_error or "").rstrip(".")
            what = (
                "Taking the node out of Ironic"
                if isinstance(run.undo_error, exception.ProvisionerError)
                else "Giving the hardware back"
            )
            operation.last_error = (
                f"{reason}. {what} failed too: {run.undo_error}"
            )[:4096]
            operation.public_error = (
                f"{operation.public_error} {what} failed too."
            )[:4096]
        gone = False
        connecting = getattr(target, "status", None) == states.CONNECTING
        if failed and connecting and "status" not in values:
            values["status"] = states.POD_MANAGER.outcome("silent")
            values["status_reason"] = (operation.last_error or "")[:2048]
        if isinstance(target, objects.Node) and event:
            for name in ("last_error", "public_error"):
                values[name] = getattr(operation, name) if failed else None
            state = states.NODE.target(target.provision_state, event)
            gone = state == states.GONE
            values["provision_state"] = state
        values = clip(type(target), values)
        outcome = "stuck" if run.stuck else "failed" if failed else "done"
        if not db.finish(
            operation,
            target,
            values,
            outcome=outcome,
            gone=gone,
            system_uris=run.systems,
        ):
            LOG.info(
                "Operation %s belongs to another conductor now.",
                operation.uuid,
            )
            return
        if run.systems is not None and target.podm_id:
            # What the node came with, and which systems it is on, was not
            # known when it was booked.
            recount.recount(target.podm_id)
        for podm_id in {operation.podm_id, *run.tried}:
            if podm_id is not None:
                self._changed(podm_id)
        LOG.log(
            logging.WARNING if failed else logging.INFO,
            "%s %s %s: %s%s",
            operation.kind,
            operation.target_type,
            operation.target_name or operation.target_id,
            operation.state,
            f" ({operation.last_error})" if failed else "",
        )
