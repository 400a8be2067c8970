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

"""What ``/healthcheck`` looks at, as backends of oslo.middleware.

They tell apart what a load balancer acts on from what an operator reads: an
API process without its database answers nobody, and is unhealthy. While the
message bus is away it takes requests as ever, and conductors find them by
themselves; unless it has its objects over that bus.
"""

import threading
import typing

from oslo_config import cfg
from oslo_log import log
import oslo_messaging
from oslo_middleware.healthcheck import pluginbase
import sqlalchemy as sa

from valence import rpc
from valence.db import engine

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: Seconds that a look may take; more is no answer.
PATIENCE = 3.0
#: Nobody listens there: the broker takes the message and drops it.
TOPIC = "valence-health"


class _Look:
    """One look at a time, in a thread: what hangs must not pile up."""

    def __init__(self, look: typing.Callable[[], None]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._under_way: threading.Thread | None = None
        self._error: str | None = None

    def __call__(self) -> str | None:
        """What is wrong, or None."""
        with self._lock:
            thread = self._under_way
            if thread is None or not thread.is_alive():
                thread = threading.Thread(target=self._run, daemon=True)
                self._under_way = thread
                self._error = "it does not answer"
                thread.start()
        thread.join(PATIENCE)
        return self._error

    def _run(self) -> None:
        try:
            self._look()
        except Exception as e:
            LOG.warning("A look at what Valence needs: %s", type(e).__name__)
            self._error = "it cannot be reached"
        else:
            self._error = None


class DatabaseBackend(pluginbase.HealthcheckBaseExtension):
    """Whether this process reaches the database, if it has one."""

    def __init__(self, *args: typing.Any) -> None:
        super().__init__(*args)
        self._look = _Look(self._read)

    @staticmethod
    def _read() -> None:
        with engine.reading() as connection:
            connection.execute(sa.text("SELECT 1"))

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        if CONF.api.object_backend == "conductor":
            return _result("database", True, None, "not used")
        error = self._look()
        return _result("database", error is None, error)


class MessagingBackend(pluginbase.HealthcheckBaseExtension):
    """Whether this process reaches the message bus."""

    def __init__(self, *args: typing.Any) -> None:
        super().__init__(*args)
        self._look = _Look(self._send)

    @staticmethod
    def _send() -> None:
        target = oslo_messaging.Target(topic=TOPIC)
        client = oslo_messaging.get_rpc_client(
            rpc.transport(), target, retry=0
        )
        client.cast({}, "nothing")

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        if rpc.is_memory():
            return _result("messaging", True, None, "not used")
        error = self._look()
        needed = CONF.api.object_backend == "conductor"
        return _result("messaging", error is None or not needed, error)


def _result(
    what: str, available: bool, error: str | None, well: str = "OK"
) -> pluginbase.HealthcheckResult:
    return pluginbase.HealthcheckResult(
        available=available, reason=f"{what}: {error or well}"
    )
