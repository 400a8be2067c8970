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

"""Every state and every transition, in one place.

Each table is a list of (state, event, next state). The database applies a
transition as a conditional UPDATE on the states that an event may start
from, so two callers can never both make it.
"""

import typing

from automaton import machines

COMPOSING = "composing"
COMPOSED = "composed"
COMPOSE_FAILED = "compose_failed"
MANAGING = "managing"
ENROLLING = "enrolling"
ENROLLED = "enrolled"
UNENROLLING = "unenrolling"
RELEASING = "releasing"
ERROR = "error"

CONNECTING = "Connecting"
ONLINE = "Online"
OFFLINE = "Offline"
REFUSED = "Error"

PENDING = "pending"
RUNNING = "running"
REVERTING = "reverting"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"


FREE = "free"
ATTACHING = "attaching"
ALLOCATED = "allocated"
DETACHING = "detaching"


class Machine:
    """One life cycle."""

    def __init__(
        self,
        start: tuple[str, ...],
        final: tuple[str, ...],
        transitions: list[tuple[str, str, str]],
    ) -> None:
        self.start = start
        self.final = final
        self.transitions = transitions
        self.states = tuple(
            dict.fromkeys(
                [*start, *(s for a, _, b in transitions for s in (a, b))]
            )
        )

    def sources(self, event: str) -> tuple[str, ...]:
        """The states that ``event`` may happen in."""
        return tuple(a for a, e, _ in self.transitions if e == event)

    def target(self, state: str, event: str) -> str:
        """The state that ``event`` leads to from ``state``.

        :raises: KeyError where the event cannot happen
        """
        for source, name, target in self.transitions:
            if (source, name) == (state, event):
                return target
        raise KeyError((state, event))

    def outcome(self, event: str) -> str:
        """The one state that ``event`` leads to, from wherever it starts."""
        (target,) = {b for _, e, b in self.transitions if e == event}
        return target

    def finite_machine(self) -> machines.FiniteMachine:
        """The same life cycle as automaton's machine: checked, drawable."""
        machine = machines.FiniteMachine()
        for state in self.states:
            machine.add_state(state, terminal=state in self.final)
        for source, event, target in self.transitions:
            machine.add_transition(source, target, event)
        machine.default_start_state = self.start[0]
        machine.freeze()
        return machine


GONE = "(gone)"

#: provision_state of a node. ``(gone)`` is no state: the row is deleted.
NODE: typing.Final = Machine(
    start=(COMPOSING, MANAGING),
    final=(GONE,),
    transitions=[
        (COMPOSING, "compose_done", COMPOSED),
        (COMPOSING, "compose_failed", COMPOSE_FAILED),
        (COMPOSING, "stuck", ERROR),
        (MANAGING, "manage_done", COMPOSED),
        (MANAGING, "manage_failed", GONE),
        (MANAGING, "stuck", ERROR),
        # Where Ironic drives it, its power is Ironic's: also where it has
        # come there since somebody looked.
        (COMPOSED, "switch", COMPOSED),
        (COMPOSED, "operate", COMPOSED),
        (COMPOSED, "operated", COMPOSED),
        (COMPOSED, "stuck", COMPOSED),
        (COMPOSED, "enroll", ENROLLING),
        (ENROLLING, "enroll_done", ENROLLED),
        (ENROLLING, "enroll_failed", COMPOSED),
        # Where it could not be taken out again the provisioner has it, as
        # far as anybody can tell, and it can be unenrolled.
        (ENROLLING, "enroll_stuck", ENROLLED),
        # Again: what is missing is added.
        (ENROLLED, "enroll", ENROLLED),
        (ENROLLED, "enroll_done", ENROLLED),
        (ENROLLED, "enroll_failed", ENROLLED),
        (ENROLLED, "enroll_stuck", ENROLLED),
        # As the second half of a compose.
        (COMPOSING, "composed", ENROLLING),
        (ENROLLING, "compose_done", ENROLLED),
        (ENROLLING, "compose_failed", COMPOSE_FAILED),
        (ENROLLING, "stuck", ERROR),
        (ENROLLED, "operate", ENROLLED),
        (ENROLLED, "operated", ENROLLED),
        (ENROLLED, "stuck", ENROLLED),
        (ENROLLED, "lost", COMPOSED),
        (ENROLLED, "unenroll", UNENROLLING),
        (UNENROLLING, "unenroll_done", COMPOSED),
        (UNENROLLING, "stuck", ENROLLED),
        # As the first half of a release.
        (ENROLLED, "release", UNENROLLING),
        (UNENROLLING, "left", RELEASING),
        (COMPOSED, "release", RELEASING),
        (COMPOSE_FAILED, "release", RELEASING),
        (ERROR, "release", RELEASING),
        (RELEASING, "release_done", GONE),
        (RELEASING, "stuck", ERROR),
    ],
)

#: state of a pooled device.
DEVICE: typing.Final = Machine(
    start=(FREE,),
    final=(),
    transitions=[
        (FREE, "attach", ATTACHING),
        (ATTACHING, "attached", ALLOCATED),
        (ATTACHING, "attach_failed", FREE),
        # Where it could not be taken back it is with the node, as far as
        # anybody can tell, and can be detached again.
        (ATTACHING, "stuck", ALLOCATED),
        (ALLOCATED, "detach", DETACHING),
        (DETACHING, "detached", FREE),
        (DETACHING, "stuck", ALLOCATED),
    ],
)

#: status of a pod manager.
POD_MANAGER: typing.Final = Machine(
    start=(CONNECTING,),
    final=(),
    transitions=[
        (state, event, target)
        for event, target in (
            ("reconnect", CONNECTING),
            ("answers", ONLINE),
            ("silent", OFFLINE),
            ("refuses", REFUSED),
        )
        for state in (CONNECTING, ONLINE, OFFLINE, REFUSED)
    ]
    + [
        (state, "look", state)
        for state in (CONNECTING, ONLINE, OFFLINE, REFUSED)
    ],
)

#: state of an operation.
OPERATION: typing.Final = Machine(
    start=(PENDING,),
    final=(SUCCEEDED, FAILED, CANCELLED),
    transitions=[
        (PENDING, "claim", RUNNING),
        (PENDING, "cancel", CANCELLED),
        (RUNNING, "succeed", SUCCEEDED),
        (RUNNING, "revert", REVERTING),
        (RUNNING, "fail", FAILED),
        (REVERTING, "fail", FAILED),
        (RUNNING, "cancel", CANCELLED),
        (REVERTING, "cancel", CANCELLED),
    ],
)
