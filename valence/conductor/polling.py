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

"""Syncs pod managers when their time has come.

The hash ring shares pod managers out over the conductors that are alive, so
that each is looked at by one; an operation does the work, so that a second
one that looks all the same changes nothing.
"""

import datetime

from oslo_config import cfg
from oslo_log import log
from tooz import hashring

from valence import context
from valence import exception
from valence import objects
from valence.conductor.operations import Operations
from valence.db import api as db
from valence.db import operations as db_operations

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: More than the usual 32: with few conductors the shares are less uneven.
PARTITIONS = 256
#: Syncs that one look begins; the others are due at the next.
MOST_AT_ONCE = 50


def share(host: str, keys: list[str]) -> list[str]:
    """Of these, those that are this conductor's to look at."""
    timeout = datetime.timedelta(seconds=CONF.conductor.heartbeat_timeout)
    alive = db_operations.alive(db.now() - timeout)
    ring = hashring.HashRing(alive or [host], partitions=PARTITIONS)
    return [key for key in keys if host in ring.get_nodes(key.encode())]


def sync_due(host: str, operations: Operations) -> None:
    """Begin the syncs that are due and this conductor's."""
    if not CONF.pod_manager.sync_interval:
        return
    due = share(host, db_operations.due_for_sync())
    for podm_id in due[:MOST_AT_ONCE]:
        request = context.system_context()
        try:
            podm = objects.PodManager.get(request, podm_id)
            operation = objects.Operation.asking(
                request, "sync", podm, podm.uuid
            )
            podm.submit(operation, "look")
        except (exception.NotFound, exception.Conflict) as e:
            LOG.debug("Not syncing pod manager %s now: %s", podm_id, e)
            continue
        operations.nudge(operation.uuid)
