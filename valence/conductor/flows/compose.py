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

"""Compose a node; give everything back where that fails."""

import time
import typing

from oslo_config import cfg
from oslo_log import log
from taskflow.patterns import linear_flow
import taskflow.retry

from valence import exception
from valence import objects
from valence.conductor.flows import base
from valence.conductor.run import Run
from valence.db import claims
from valence.db import devices
from valence.drivers import base as drivers
from valence.objects import requirements
from valence.scheduler import select

CONF = cfg.CONF
LOG = log.getLogger(__name__)


def node_values(node: drivers.HardwareNode) -> dict[str, typing.Any]:
    """What a row holds of a node on the hardware."""
    return {
        "index": node.index,
        "resource_uri": node.resource_uri,
        "power_state": node.power_state,
        "boot": node.boot,
        "systems": node.system_uris,
        "processors": node.processors,
        "memory_mib": node.memory_mib,
        "hardware_uuid": node.hardware_uuid,
    }


class NextPodManager(taskflow.retry.Retry):
    """Where one pod manager refuses, try the next that might serve."""

    def __init__(self, run: Run) -> None:
        super().__init__(name="NextPodManager")
        self.run = run

    def execute(self, history: typing.Any) -> None:
        self.run.next_candidate = False

    def on_failure(self, history: typing.Any) -> str:
        run = self.run
        if (
            isinstance(run.error, exception.HardwareError)
            and not run.abandoned
            and not run.operation.arguments.get("podm_id")
        ):
            if len(run.tried) < CONF.scheduler.max_tries and self._more():
                run.next_candidate = True
                return taskflow.retry.RETRY
            run.error = no_pod_manager(run)
        return taskflow.retry.REVERT

    def _more(self) -> bool:
        """Whether there may be another to try.

        What an earlier attempt chose among, and what pools could give if
        this node held nothing of theirs, is known only when all is given
        back: then it is chosen again, or said why not.
        """
        run = self.run
        return (
            run.candidates is None
            or bool(run.candidates)
            or bool(requirements.of(run.target.properties).resources)
        )


def untried(
    run: Run, asked: requirements.Requirements
) -> list[select.Candidate]:
    return [c for c in select.select(asked) if c.uuid not in run.tried]


def no_pod_manager(run: Run) -> exception.NoPodManager:
    """Why each pod manager did not serve: those that were tried first."""
    asked = requirements.of(
        run.target.properties, run.operation.arguments.get("podm_id")
    )
    # Of one that was tried, what came of it says more than the numbers; of
    # one that was lost to others, what is left there.
    tried = {u: r for u, r in run.refusals.items() if u in run.tried}
    now = {r.podm_id: r for r in select.explain(asked)}
    found = tried | now | run.refusals | now | tried
    return exception.NoPodManager([one.document() for one in found.values()])


class ChoosePodManager(base.Step):
    """Find the best pod manager, and take what the node is to be made of.

    It is booked, and written on the node, before hardware is touched.
    """

    #: Times that a choice is made anew because others were faster.
    ANEW = 3

    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("choose pod manager")
        run.error = None
        # An attempt that died may have left hardware on the one that it had
        # chosen: that is the one to look at, never another's place.
        named = run.operation.arguments.get("podm_id") or (
            node.podm_id if run.resumed else None
        )
        asked = requirements.of(node.properties, named)
        if run.resumed and node.podm_id and self._take_up():
            return
        if run.candidates is None:
            run.candidates = untried(run, asked)
        for _ in range(self.ANEW):
            if not run.candidates:
                break
            while run.candidates:
                run.candidate = run.candidates.pop(0)
                run.step(
                    f"try pod manager {run.candidate.name}",
                    public="try pod manager",
                )
                if self._claim(asked):
                    run.tried.add(run.candidate.uuid)
                    return
            run.candidates = untried(run, asked)
        raise no_pod_manager(run)

    def _claim(self, asked: requirements.Requirements) -> bool:
        run = self.run
        assert run.candidate is not None  # noqa: S101 - for mypy
        places = select.places(run.candidate.uuid, asked)
        for run.place in places:
            try:
                if not claims.claim(
                    run.operation,
                    run.target,
                    run.candidate.uuid,
                    asked,
                    run.place,
                ):
                    run.abandon("is not in charge any more")
                return True
            except claims.Lost as e:
                run.refused(str(e))
        if not places:
            run.refused("somebody else was faster")
        return False

    def _take_up(self) -> bool:
        """Whether an earlier attempt claimed, which it did wholly or not."""
        run, node = self.run, self.run.target
        if not claims.holds(node):
            return False
        podm = objects.PodManager.get(run.context, node.podm_id)
        run.candidate = select.Candidate(podm.uuid, podm.name)
        run.step(f"try pod manager {podm.name}", public="try pod manager")
        run.tried.add(podm.uuid)
        run.place = claims.Place(
            **(run.operation.arguments.get("place") or {})
        )
        return True

    def undo(self) -> None:
        run, node = self.run, self.run.target
        if run.resumed and run.systems is None and node.podm_id:
            # An earlier attempt may have got further than this one, which
            # then has no ComposeNodeTask to go back through.
            give_all_back(run, node.podm_id)
        named = run.operation.arguments.get("podm_id")
        if not claims.let_go(run.operation, node, named):
            run.abandon("is not in charge any more")


class ComposeNodeTask(base.Step):
    """Have the pod manager compose the node; the other half releases it.

    :ivar clean: nothing can have been made on the hardware
    """

    clean = False

    def do(self) -> None:
        run, node = self.run, self.run.target
        self.clean = not run.resumed
        driver = run.driver(node.podm_id)
        tried: set[str] = set()
        while True:
            if driver.composes_on_named_system and node.index is None:
                claim_system(run, node, tried)
            try:
                composed = self._compose(driver)
                break
            except exception.HardwareConflict:
                if not (driver.composes_on_named_system and self.clean):
                    raise
                # Somebody took it since the inventory was read.
                tried.add(node.index)
                run.save_target(index=None, resource_uri=None, systems=[])
        run.step("record")
        run.save_target(
            index=composed.index, resource_uri=composed.resource_uri
        )
        run.values.update(node_values(composed))
        run.systems = composed.system_uris

    def _compose(self, driver: drivers.Driver) -> drivers.HardwareNode:
        run, node = self.run, self.run.target
        named = driver.composes_on_named_system
        self.begun = len(run.operation.steps)
        self.clean = False
        try:
            if run.unanswered and not named:
                # Were it asked for again at once, there could be two.
                find_node(run, driver)
                run.unanswered = False
            return driver.compose_node(
                node.uuid,
                node.name,
                node.description,
                requirements.for_driver(node.properties, run.place.rack_index),
                run,
                resume=run.resumed,
                system=node.index if named else None,
            )
        except exception.HardwareError as e:
            self.clean = not run.resumed and self._made_nothing(e)
            run.unanswered = e.status >= 500
            run.refused(str(e))
            raise

    def _made_nothing(self, error: exception.HardwareError) -> bool:
        """Whether the first request of all was plainly not carried out."""
        begun = len(self.run.operation.steps) - self.begun
        if begun != 1:
            return begun == 0
        if isinstance(error, exception.Unreachable):
            return not error.maybe_done
        return isinstance(
            error,
            exception.AuthFailure
            | exception.HardwareConflict
            | exception.HardwareBadRequest
            | exception.HardwareNotSupported,
        )

    def undo(self) -> None:
        run, node = self.run, self.run.target
        run.values.clear()
        run.systems = None
        if self.clean or not node.podm_id:
            if node.index is not None:
                run.save_target(index=None, resource_uri=None, systems=[])
            return
        give_all_back(run, node.podm_id)


def claim_system(run: Run, node: typing.Any, tried: set[str]) -> None:
    """Write on the node which free system it is composed on.

    No two nodes of a pod manager have the same index: the database says
    which of those who chose the same system has it.
    """
    run.step("choose system")
    for index, resource_uri in claims.free_systems(node.podm_id):
        if index in tried:
            continue
        try:
            run.save_target(
                index=index, resource_uri=resource_uri, systems=[resource_uri]
            )
        except exception.Duplicate:
            continue
        return
    raise exception.HardwareConflict("It has no free system.")


class AttachDevices(base.Step):
    """Attach what was reserved; giving the node back detaches it again."""

    def do(self) -> None:
        run, node = self.run, self.run.target
        for device in devices.taken_by(run.operation):
            try:
                attach(run, node, device)
            except exception.HardwareError as e:
                run.refused(str(e))
                raise


def attach(run: Run, node: typing.Any, device: objects.Device) -> None:
    """Have the pod manager attach one device."""
    run.step(f"attach {device.type} {device.label}")
    try:
        seen = run.driver(node.podm_id).attach_device(
            node.index, device.index, run
        )
    except exception.HardwareNotFound as e:
        # Not what the request named: that is here, and the hardware changed.
        raise exception.HardwareConflict(e.detail) from None
    devices.note(run.operation, device, moved(seen))


def detach(run: Run, node: typing.Any, device: objects.Device) -> None:
    """Have the pod manager take one device back."""
    run.step(f"detach {device.type} {device.label}")
    seen = run.driver(node.podm_id).detach_device(
        node.index, device.index, run
    )
    if seen is not None:
        devices.note(run.operation, device, moved(seen))


def moved(device: drivers.Device) -> dict[str, typing.Any]:
    """What may have changed of a device by moving it."""
    return {
        "pooled_group_id": device.pooled_group_id,
        "health": device.health,
        "power_state": device.power_state,
    }


def give_all_back(run: Run, podm_id: str) -> None:
    """Give the hardware back, and see that no row claims it any more."""
    run.step("give hardware back")
    give_back(run, podm_id)
    if run.target.index is not None:
        run.save_target(index=None, resource_uri=None, systems=[])
    run.systems = []


def give_back(run: Run, podm_id: str) -> None:
    """Delete what a node holds on the hardware, wherever its making ended."""
    if run.leave_first is not None:
        run.leave_first()
    driver = run.driver(podm_id)
    index = run.target.index
    if index is None:
        found = find_node(run, driver)
        if found is None:
            return
        index = found.index
        run.save_target(index=index, resource_uri=found.resource_uri)
    elif not driver.composes_on_named_system and not still_ours(run, driver):
        return
    for device in devices.held_by(run.operation, run.target):
        detach(run, run.target, device)
    if driver.composes_on_named_system and run.operation.kind == "compose":
        # The system was there before; what else it has is somebody else's,
        # who came first though the inventory did not know it yet.
        return
    driver.delete_node(index, run)


def still_ours(run: Run, driver: drivers.Driver) -> bool:
    """Whether what has the node's index is the node.

    Pod managers use an index again: what was deleted there by hand may have
    made room for a node of somebody else's.
    """
    node = run.target
    try:
        found = driver.get_node(node.index)
    except exception.HardwareNotFound:
        return False
    if found.tag is not None:
        return found.tag == node.uuid
    known = None not in (node.hardware_uuid, found.hardware_uuid)
    return not known or bool(node.hardware_uuid == found.hardware_uuid)


def find_node(run: Run, driver: drivers.Driver) -> drivers.HardwareNode | None:
    """Look for what was made for a node.

    A request that got no answer may still be on its way: look again for a
    while before believing that it made nothing.
    """
    until = time.monotonic() + (
        CONF.pod_manager.settle_time if run.unanswered else 0
    )
    while True:
        found = driver.find_node(run.target.uuid)
        if found is not None or time.monotonic() >= until:
            return found
        run.pause(CONF.pod_manager.poll_interval)


class ReadAssets(base.Step):
    """Keep what the node is made of, so that showing it asks nobody.

    Nothing that follows a success may fail it: what cannot be read is warned
    of.
    """

    def do(self) -> None:
        run, node = self.run, self.run.target
        run.step("read assets")
        driver = run.driver(node.podm_id)
        try:
            run.values["assets"] = driver.get_assets(
                run.values.get("index") or node.index
            )
        except exception.HardwareError as e:
            # No reason to give a good node back.
            # A warning is for whoever has the node; why is not.
            run.warn("What the node is made of could not be read.")
            LOG.warning(
                "The assets of node %s cannot be read: %s", node.uuid, e
            )


def build(run: Run, *then: base.Step) -> linear_flow.Flow:
    """Compose a node.

    :param then: what is done with the node that stands composed
    """
    return base.flow(
        run,
        linear_flow.Flow("place", retry=NextPodManager(run)).add(
            ChoosePodManager(run),
            ComposeNodeTask(run),
            AttachDevices(run),
        ),
        ReadAssets(run),
        *then,
    )
