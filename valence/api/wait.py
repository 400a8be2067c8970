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

"""``Prefer: wait=SECONDS`` (RFC 7240): hold the answer until work ended."""

import re
import threading
import time

from oslo_config import cfg
import webob

from valence import exception
from valence import objects
from valence.context import RequestContext

CONF = cfg.CONF

_lock = threading.Lock()
_waiting = 0


def seconds_wanted(request: webob.Request) -> int | None:
    """What the client prefers, within [api]max_wait; None: not to wait.

    :raises: InvalidField
    """
    for preference in request.headers.get("Prefer", "").split(","):
        # Behind a semicolon come parameters; wait has none.
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() != "wait":
            continue
        value = value.strip().strip('"')
        if not re.fullmatch("[0-9]{1,9}", value):
            raise exception.InvalidField(
                field="Prefer", reason="wait=SECONDS, an integer, is wanted."
            )
        return min(int(value), CONF.api.max_wait)
    return None


def until_ended(
    context: RequestContext, operation: objects.Operation, seconds: float
) -> objects.Operation:
    """Look at an operation until it has ended or time is up.

    A process holds a limited number of requests: its threads serve those
    of others too. Beyond that the answer is that of time being up.
    """
    global _waiting
    with _lock:
        if _waiting >= CONF.api.max_waiting:
            return operation
        _waiting += 1
    try:
        until = time.monotonic() + seconds
        pause = 0.02
        while not operation.ended:
            left = until - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 0.5)
            operation = objects.Operation.get(context, operation.uuid)
        return operation
    finally:
        with _lock:
            _waiting -= 1
