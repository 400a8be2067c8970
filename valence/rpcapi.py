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

"""What other processes say to conductors."""

import queue
import threading
import typing

from oslo_log import log
import oslo_messaging
from oslo_versionedobjects import base as ovo_base

from valence import exception
from valence import rpc
from valence.context import RequestContext

LOG = log.getLogger(__name__)


class Nudger:
    """Tells some conductor that an operation is waiting.

    The row of the operation is the truth and this only saves waiting for
    the next sweep. So it never holds up a request, least of all while the
    broker is away: one thread sends, and what it cannot send is dropped.
    """

    def __init__(self, backlog: int = 1000) -> None:
        self._queue: queue.Queue[tuple[RequestContext, str]] = queue.Queue(
            backlog
        )
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, context: RequestContext, operation_id: str) -> None:
        with self._lock:
            # Started by the first use: threads do not survive a fork.
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._send, name="nudger", daemon=True
                )
                self._thread.start()
        try:
            self._queue.put_nowait((context, operation_id))
        except queue.Full:
            LOG.warning(
                "The message bus is too slow: operation %s waits for the "
                "conductors' next sweep.",
                operation_id,
            )

    def _send(self) -> None:
        while True:
            context, operation_id = self._queue.get()
            try:
                rpc.client(retry=0).cast(
                    context, "run_operation", uuid=operation_id
                )
            except Exception as e:
                LOG.warning(
                    "Operation %s waits for the conductors' next sweep: the "
                    "message bus does not take messages (%s).",
                    operation_id,
                    type(e).__name__,
                )


def plan(
    context: RequestContext,
    properties: dict[str, typing.Any],
    podm_id: str | None,
) -> dict[str, typing.Any]:
    """Ask a conductor which pod manager a node would be composed on.

    :returns: what valence.scheduler.select.plan says
    :raises: Unavailable
    """
    return typing.cast(
        dict[str, typing.Any],
        _call(context, "plan", properties=properties, podm_id=podm_id),
    )


def _call(
    context: RequestContext, method: str, **kwargs: typing.Any
) -> typing.Any:
    try:
        return rpc.client(timeout=30).call(context, method, **kwargs)
    except oslo_messaging.MessagingTimeout:
        raise exception.Unavailable(
            "No conductor answers; try again later."
        ) from None


class ObjectAPI(ovo_base.VersionedObjectIndirectionAPI):
    """Has conductors read and write objects for this process."""

    def object_action(
        self,
        context: RequestContext,
        objinst: ovo_base.VersionedObject,
        objmethod: str,
        args: typing.Any,
        kwargs: typing.Any,
    ) -> typing.Any:
        return _call(
            context,
            "object_action",
            objinst=objinst,
            objmethod=objmethod,
            args=args,
            kwargs=kwargs,
        )

    def object_class_action_versions(
        self,
        context: RequestContext,
        objname: str,
        objmethod: str,
        object_versions: dict[str, str],
        args: typing.Any,
        kwargs: typing.Any,
    ) -> typing.Any:
        return _call(
            context,
            "object_class_action_versions",
            objname=objname,
            objmethod=objmethod,
            object_versions=object_versions,
            args=args,
            kwargs=kwargs,
        )

    def object_backport_versions(
        self,
        context: RequestContext,
        objinst: ovo_base.VersionedObject,
        object_versions: dict[str, str],
    ) -> typing.Any:
        return _call(
            context,
            "object_backport_versions",
            objinst=objinst,
            object_versions=object_versions,
        )
