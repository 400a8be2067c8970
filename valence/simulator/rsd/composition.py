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

"""Composed nodes and their life.

Sources: Intel RSD PODM API 2.1.3 (335455-002), "Composed Node", actions
Assemble and Reset, and ComposedNodeState; for 1.2.1 the tag of that name of
the repository intel/intelRSD.
"""

import typing
import uuid

from valence.simulator import clock as clocks
from valence.simulator.rsd import dialects
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals

#: Reset types, and the power state that each leads to.
RESETS = {
    "On": "On",
    "ForceOff": "Off",
    "GracefulShutdown": "Off",
    "GracefulRestart": "On",
    "ForceRestart": "On",
}
STATES = ("Allocating", "Allocated", "Assembling", "Assembled", "Failed")
BOOT_ENABLED = ("Disabled", "Once", "Continuous")
BOOT_MODES = ("Legacy", "UEFI")


class Node:
    """A node that has been composed on one system."""

    def __init__(
        self,
        node_id: str,
        request: dict[str, typing.Any],
        system: hardware.System,
        dialect: dialects.Dialect,
        clock: clocks.Clock,
    ) -> None:
        self.id = node_id
        self.uri = f"{hardware.BASE}/Nodes/{node_id}"
        self.name: str = request.get("Name") or "Composed Node"
        self.description: str | None = request.get("Description")
        self.uuid = str(uuid.uuid4())
        #: None once the system was pulled out of the pod.
        self.system: hardware.System | None = system
        security = request.get("Security") or {}
        #: What PATCH can set besides Boot.
        self.settings: dict[str, typing.Any] = {
            key: bool(security.get(key))
            for key in (
                "ClearTPMOnDelete",
                "ClearOptaneDCPersistentMemoryOnDelete",
            )
        }
        oem = request.get("Oem")
        self.tags = tags_of(oem) if isinstance(oem, dict) else {}
        self._dialect = dialect
        self._state = clocks.Eventual(clock, "Allocating")

    @property
    def state(self) -> str:
        """Its ComposedNodeState."""
        state = self._state.value
        if state == "Assembled" and self._dialect.power_is_state:
            return f"Powered{self.power}"
        return state

    @property
    def assembled(self) -> bool:
        return self._state.value == "Assembled"

    @property
    def power(self) -> str:
        return self.system.power if self.system else "Off"

    def be(self, state: str) -> None:
        """Be in a state at once, whatever was under way."""
        self._state.set(state)

    def allocate(self, seconds: float, outcome: str | None) -> None:
        self._arrive("Allocated", seconds, outcome)

    def assemble(self, seconds: float, outcome: str | None) -> None:
        """Begin to assemble: Allocated, Assembling, then Assembled."""
        if self._state.value != "Allocated":
            raise refusals.conflict(
                "Composed Node should be allocated in order to invoke "
                f"assembly on it; it is {self.state}."
            )
        self._state.set("Assembling")
        self._arrive("Assembled", seconds, outcome)

    def reset(
        self, reset_type: str, seconds: float, outcome: str | None
    ) -> None:
        if self.system is None:
            raise refusals.conflict(
                "There is no Computer System related with requested Node."
            )
        if self._state.value not in ("Assembled", "Failed"):
            raise refusals.conflict(
                "Composed Node should be assembled in order to invoke this "
                "action on it."
            )
        if outcome == "failed":
            self._state.set("Failed")
        else:
            reset(self.system, reset_type, seconds, outcome)

    def _arrive(self, state: str, seconds: float, outcome: str | None) -> None:
        self._state.become(
            "Failed" if outcome == "failed" else state,
            clocks.NEVER if outcome == "never" else seconds,
        )


def reset(
    system: hardware.System,
    reset_type: str,
    seconds: float,
    outcome: str | None,
) -> None:
    """Change a system's power state, in a while."""
    system.power_state.become(
        RESETS[reset_type], clocks.NEVER if outcome else seconds
    )


def tags_of(oem: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """The TaggedValues (2.5) in an Oem object."""
    vendor = oem.get("Intel_RackScale")
    tags = vendor.get("TaggedValues") if isinstance(vendor, dict) else None
    return dict(tags) if isinstance(tags, dict) else {}
