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
"""Looks at what has become of nodes in the provisioner that drives them.

Of all conductors that are alive, the hash ring names one. What it finds has
either an operation of its own, or is a write that any later one forbids; so a
second conductor that looks all the same changes nothing.
"""

import datetime

from oslo_config import cfg
from oslo_log import log

from valence import context
from valence import exception
from valence import objects
from valence.conductor import polling
from valence.conductor.operations import Operations
from valence.conductor.provisioners import Provisioners
from valence.db import api as db
from valence.db import enrolled
from valence.objects.node import IRONIC

CONF = cfg.CONF
LOG = log.getLogger(__name__)

#: So many nodes do not all go at once by chance: either somebody changed what
#: Valence may see, or it looks at another Ironic.
SUSPICIOUS = 5
#: Intervals after which what failed is asked for again.
PATIENCE = 10


def follow(
    host: str, operations: Operations, provisioners: Provisioners
) -> None:
    """See what Ironic says of the nodes that are enrolled there.

    One statement, one request for each page of Ironic's nodes, and one more
    statement or operation for each node that something has become of.
    """
    if not CONF.ironic.follow_interval or not polling.share(host, [IRONIC]):
        return
    rows = enrolled.find(IRONIC)
    if not rows:
        return
    ironic = provisioners.get(IRONIC)
    try:
        seen = ironic.list_nodes([row.uuid for row in rows])
    except exception.ProvisionerError as e:
        LOG.warning("What became of nodes in Ironic is not known: %s", e)
        return
    _let_go([row for row in rows if row.uuid not in seen], len(rows))
    changed = []
    for row in rows:
        if row.uuid not in seen:
            continue
        now = seen[row.uuid]
        due = row.updated_at < db.now() - datetime.timedelta(
            seconds=PATIENCE * CONF.ironic.follow_interval
        )
        is_new = now.state != row.provisioner_state
        if (
            now.deploy_failed
            and CONF.ironic.release_on_deploy_failure
            and (is_new or due)
        ):
            LOG.warning(
                "Releasing node %s, whose deployment failed: %s",
                row.name,
                now.reason,
            )
            _begin(row, "release", "release", operations, state=now.state)
        elif row.stale and (row.stale == 1 or due):
            _begin(row, "follow_up", "operate", operations, state=now.state)
        elif is_new:
            changed.append((row, now.state))
    enrolled.note_states(changed)


def _let_go(missing: list[enrolled.Enrolled], known: int) -> None:
    """Correct who drives the nodes that Ironic does not have any more."""
    if len(missing) == known >= SUSPICIOUS:
        LOG.error(
            "Ironic shows none of the %d nodes that are enrolled there. Is "
            "[ironic] what it was, and may its user still see them? Nothing "
            "is changed; a node that is really gone can be unregistered.",
            known,
        )
        return
    for row in missing:
        why = (
            "Ironic does not have the node any more: somebody deleted it "
            "there. Valence drives it again."
        )
        if enrolled.lost(row, why):
            LOG.warning("Node %s: %s", row.name, why)


def _begin(
    row: enrolled.Enrolled,
    kind: str,
    event: str,
    operations: Operations,
    state: str,
) -> None:
    """Ask for an operation, unless somebody was faster."""
    request = context.system_context()
    try:
        node = objects.Node.get(request, row.uuid)
        node.provisioner_state = state
        operation = objects.Operation.asking(
            request,
            kind,
            node,
            node.podm_id,
            {"holds": True} if kind == "release" else None,
            provisioner=IRONIC,
        )
        node.submit(operation, event)
    except (exception.NotFound, exception.Conflict) as e:
        LOG.debug("Not asking for %s of node %s now: %s", kind, row.name, e)
        return
    operations.nudge(operation.uuid)
