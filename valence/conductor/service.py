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

"""The conductor process: starts everything, and stops it in good order."""

import datetime
import functools
import threading
import typing

import futurist
from futurist import periodics
from oslo_config import cfg
from oslo_log import log
from oslo_service import service

from valence import objects
from valence import placement
from valence import rpc
from valence.conductor import following
from valence.conductor import polling
from valence.conductor.connections import Connections
from valence.conductor.manager import ObjectEndpoint
from valence.conductor.manager import OperationEndpoint
from valence.conductor.manager import SchedulerEndpoint
from valence.conductor.operations import Operations
from valence.conductor.provisioners import Provisioners
from valence.context import system_context
from valence.db import api as db
from valence.db import engine
from valence.db import operations as db_operations
from valence.db import recount
from valence.db import store
from valence.objects import base

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: Seconds that a conductor which starts waits for the message bus.
BUS_TIMEOUT = 5


class ConductorService(service.Service):
    """One conductor.

    Holds only names until :meth:`start`, which runs after the fork: threads
    and sockets do not survive one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stopped: threading.Event | None = None
        # SIGTERM may come while it starts, and is handled in a thread.
        self._starting = threading.Lock()

    def start(self) -> None:
        with self._starting:
            self._start()

    def _start(self) -> None:
        base.use_store(store.Database())
        self._host = CONF.conductor.host
        self._connections = Connections()
        self._provisioners = Provisioners()
        self._mirror = placement.Mirror(
            functools.partial(polling.share, self._host)
        )
        self._operations = Operations(
            self._host,
            self._connections,
            self._provisioners,
            self._mirror.changed,
        )
        left = db_operations.disown(self._host)
        if left:
            LOG.info("Taking up %d operations of an earlier life.", left)
        db_operations.beat(self._host)
        recount.provide_all()
        self._mirror.start()
        self._server = rpc.server(
            self._host,
            [
                OperationEndpoint(self._operations),
                ObjectEndpoint(),
                SchedulerEndpoint(),
            ],
        )
        self._periodics = periodics.PeriodicWorker(
            self._periodic_calls(),
            # One each, so that no sign of life waits for a slow sweep.
            executor_factory=lambda: futurist.ThreadPoolExecutor(
                max_workers=6
            ),
        )
        self._periodics_thread = threading.Thread(
            target=self._periodics.start, name="periodics", daemon=True
        )
        self._periodics_thread.start()
        # While the broker is away this waits for it; sweeping needs none.
        self._bus = threading.Thread(
            target=self._server.start, name="bus", daemon=True
        )
        self._bus.start()
        self._bus.join(BUS_TIMEOUT)
        if self._bus.is_alive():
            LOG.warning(
                "The message bus does not answer. Until it does, operations "
                "are taken up every %g s.",
                CONF.conductor.rescue_interval,
            )
        self._stopped = threading.Event()
        LOG.info("Conductor %s is at work.", self._host)

    def _hush(self) -> None:
        if not self._bus.is_alive():
            self._server.stop()
            self._server.wait()

    def stop(self, graceful: bool = True) -> None:
        """Drain: no new work, running work ends or is handed on."""
        with self._starting:
            if self._stopped is None or self._stopped.is_set():
                return
            self._stop(graceful)

    def _stop(self, graceful: bool) -> None:
        LOG.info("Conductor %s stops.", self._host)
        # What is still heard is not heeded; and where the broker went away,
        # this would wait until it is back.
        hush = threading.Thread(target=self._hush, daemon=True)
        hush.start()
        self._operations.drain(CONF.conductor.drain_timeout)
        self._periodics.stop()
        hush.join(BUS_TIMEOUT)
        self._periodics_thread.join(10)
        self._mirror.stop()
        self._connections.close()
        self._provisioners.close()
        db_operations.retire(self._host)
        rpc.cleanup()
        engine.dispose()
        super().stop(graceful)
        if self._stopped is not None:
            self._stopped.set()

    def wait(self) -> None:
        if self._stopped is not None:
            self._stopped.wait()

    # -- what is done again and again --

    def _periodic_calls(self) -> list[tuple[typing.Any, ...]]:
        return [
            (
                periodics.periodic(spacing, run_immediately=True)(
                    self._survive(call)
                ),
                (),
                {},
            )
            for call, spacing in (
                (self._beat, CONF.conductor.heartbeat_interval),
                (self._sweep, CONF.conductor.rescue_interval),
                (self._poll, CONF.conductor.rescue_interval),
                (self._follow, max(CONF.ironic.follow_interval, 1)),
                (self._part, CONF.conductor.rescue_interval),
                (self._purge, 3600),
            )
        ]

    @staticmethod
    def _survive(
        call: typing.Callable[[], None],
    ) -> typing.Callable[[], None]:
        """What fails once is tried again when its time comes."""

        def surviving() -> None:
            try:
                call()
            except Exception:
                LOG.exception("%s failed; trying again later.", call.__name__)

        surviving.__name__ = call.__name__
        return surviving

    def _beat(self) -> None:
        db_operations.beat(self._host)

    def _sweep(self) -> None:
        timeout = datetime.timedelta(seconds=CONF.conductor.heartbeat_timeout)
        rescued = db_operations.rescue(db.now() - timeout, self._host)
        if rescued:
            LOG.warning(
                "Carrying on %d operations of conductors that are silent.",
                rescued,
            )
        self._operations.sweep()

    def _poll(self) -> None:
        polling.sync_due(self._host, self._operations)

    def _follow(self) -> None:
        following.follow(self._host, self._operations, self._provisioners)

    def _purge(self) -> None:
        now = db.now()
        kept = datetime.timedelta(days=CONF.conductor.operation_retention_days)
        db_operations.purge(now - kept, now - datetime.timedelta(days=1))

    def _part(self) -> None:
        """Log out of pod managers that are gone."""
        known = self._connections.known()
        if not known:
            return
        found = objects.PodManager.find(
            system_context(), {"filters": {"uuid": known}, "fields": ["uuid"]}
        )
        for podm_id in set(known) - {podm.uuid for podm in found}:
            self._connections.drop(podm_id)
