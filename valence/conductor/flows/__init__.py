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

"""One flow for each kind of operation, and how each may end."""

import dataclasses
import typing

from taskflow.patterns import linear_flow

from valence.conductor.flows import device
from valence.conductor.flows import enroll
from valence.conductor.flows import manage
from valence.conductor.flows import power
from valence.conductor.flows import release
from valence.conductor.flows import sync
from valence.conductor.run import Run


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation.

    :ivar build: makes its flow
    :ivar steps: how many steps it takes where all goes well
    :ivar done: event on the target when it succeeded
    :ivar failed: event when it failed and was reverted
    :ivar stuck: event when it failed and could not be
    """

    build: typing.Callable[[Run], linear_flow.Flow]
    steps: int
    done: str | None
    failed: str | None
    stuck: str = "stuck"


KINDS = {
    # The flow itself says which status a pod manager has.
    "connect": Kind(sync.build, 6, None, None),
    "sync": Kind(sync.build, 6, None, None),
    "attach": Kind(device.attach, 3, "operated", "operated"),
    "detach": Kind(device.detach, 3, "operated", "operated"),
    "compose": Kind(enroll.composed, 8, "compose_done", "compose_failed"),
    "manage": Kind(manage.build, 2, "manage_done", "manage_failed"),
    "release": Kind(release.build, 2, "release_done", "stuck"),
    "enroll": Kind(
        enroll.enroll, 6, "enroll_done", "enroll_failed", "enroll_stuck"
    ),
    "unenroll": Kind(enroll.unenroll, 1, "unenroll_done", "stuck"),
    "follow_up": Kind(enroll.follow_up, 2, "operated", "operated"),
    "reset": Kind(power.reset, 1, "operated", "operated"),
    "boot": Kind(power.boot, 1, "operated", "operated"),
}
