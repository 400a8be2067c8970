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
"""/v1/devices, and what an attach or a detach has to hold to"""

import functools
import random
import time
import typing

import webob
from wsme import types as wtypes

from valence import exception
from valence import objects
from valence import states
from valence.api import resource
from valence.api import types
from valence.api import wait
from valence.api import work
from valence.api.call import Call
from valence.api.v1 import pod_manager

#: Words for several types.
TYPES: dict[str, tuple[str, ...]] = {"storage": objects.device.STORAGE_TYPES}
_GROUPS: resource.Groups = {"type": TYPES}

#: Of so many free devices one is taken, whichever: so that many who ask at
#: once seldom want the same.
CHOICE = 32

#: A device that disappeared is shown by its uuid, and not listed.
find = functools.partial(
    resource.find,
    cls=objects.Device,
    always={"deleted_at": None},
    groups=_GROUPS,
)
show = functools.partial(resource.show, cls=objects.Device)


def stats(call: Call) -> webob.Response:
    """How many of each kind there are, and how many are free."""
    filters = {
        name: objects.Device.fields[name] for name in ("podm_id", "type")
    }
    asked = resource.filtered(call.query(*filters), filters, _GROUPS)
    return call.answer(objects.Device.stats(call.context, asked))


class Which(wtypes.Base):
    podm_id = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=255))


def nothing_to_do(
    kind: str, node: objects.Node, device: objects.Device
) -> bool:
    """Whether the device is already where it is wanted."""
    if kind == "detach":
        return device.state == states.FREE
    return device.state == states.ALLOCATED and device.node_uuid == node.uuid


def any_free(call: Call, node: objects.Node, kind: str) -> objects.Device:
    """Some free device for a node; who asks need not see the pool.

    :param kind: the type that is wanted
    :raises: Conflict
    """
    found = objects.Device.find(
        call.context.elevated(),
        {
            "filters": {
                "podm_id": node.podm_id,
                "type": TYPES.get(kind, kind),
                "state": states.FREE,
                "deleted_at": None,
            },
            "limit": CHOICE,
        },
    )
    if not found:
        raise exception.NoFreeDevice(kind=kind, node=node.label)
    return random.choice(found)  # noqa: S311


def check(
    call: Call, kind: str, node: objects.Node, device: objects.Device
) -> None:
    """See that a device may be moved.

    :raises: Conflict, naming who holds it
    """
    if device.podm_id != node.podm_id:
        raise exception.Conflict(
            f"Device {device.uuid} stands on another pod manager than node "
            f"{node.label}."
        )
    wanted = states.NODE.sources("operate")
    if node.provision_state not in wanted:
        raise exception.WrongState(
            noun=node.NOUN,
            ident=node.label,
            state=node.provision_state,
            action=kind,
            wanted=" or ".join(f"'{state}'" for state in wanted),
        )
    if kind == "attach":
        if device.deleted_at is not None:
            raise exception.Conflict(
                f"Device {device.uuid} has disappeared from its pod manager."
            )
        if device.state != states.FREE:
            raise exception.DeviceTaken(
                device=device.uuid, holder=_holder(call, device)
            )
    elif device.node_uuid != node.uuid or device.state != states.ALLOCATED:
        raise exception.DeviceTaken(
            device=device.uuid, holder=_holder(call, device)
        )
    podm = objects.PodManager.get(call.context.elevated(), device.podm_id)
    pod_manager.refuse_unless_online(podm)
    if "attach" not in podm.capabilities:
        raise exception.HardwareNotSupported(
            reason=f"{podm.label} cannot {kind} devices"
        )


def _holder(call: Call, device: objects.Device) -> str:
    """Who has it, in words."""
    if device.node_uuid is None:
        return f"a node that is not known here ({device.node_id})"
    nodes = objects.Node.find(
        call.context,
        {"filters": {"uuid": device.node_uuid}, "fields": ["uuid", "name"]},
    )
    name = nodes[0].name if nodes else device.node_uuid
    doing = "" if device.state == states.ALLOCATED else f", {device.state}"
    return f"node '{name}' ({device.node_uuid}{doing})"


#: State of an operation → what a refresh says of its pod manager.
STATUS = {
    states.SUCCEEDED: "SUCCESS",
    states.FAILED: "FAILED",
    states.CANCELLED: "FAILED",
}


def sync(call: Call) -> webob.Response:
    """Read the devices of one pod manager, or of all, again.

    One operation for each, with an outcome of its own; where one is being
    read already, that one counts.
    """
    call.query()
    # A key stands for one operation, and here are several. A retry finds what
    # is being read, or reads again: nothing is done twice by that.
    call.context.idempotency_key = None
    asked = types.read(Which, call.json()) if call.has_body else {}
    if asked.get("podm_id"):
        pods = [objects.PodManager.get(call.context, asked["podm_id"])]
    else:
        pods = objects.PodManager.find(call.context)
    asked_for = [(podm, _operation_on(call, podm)) for podm in pods]
    pairs = [(podm, one) for podm, one in asked_for if one is not None]
    until = time.monotonic() + (call.wait or 0)
    outcomes = []
    for podm, operation in pairs:
        if call.wait:
            left = max(0.0, until - time.monotonic())
            operation = wait.until_ended(call.context, operation, left)
        outcomes.append(_outcome(podm, operation))
    ended = all(item["status"] != "PENDING" for item in outcomes)
    response = call.answer(outcomes, 200 if ended else 202)
    if ended and call.wait:
        response.headers["Preference-Applied"] = f"wait={call.wait}"
    return response


def _operation_on(
    call: Call, podm: objects.PodManager
) -> objects.Operation | None:
    """Ask for a sync, or find the operation that is in charge already.

    :returns: None where the pod manager was deleted meanwhile
    """
    for _ in range(5):
        try:
            return work.ask(call, "sync", podm, "look", podm_id=podm.uuid)
        except exception.NotFound:
            return None
        except exception.Conflict as e:
            refusal = e
        try:
            podm = objects.PodManager.get(call.context, podm.uuid)
        except exception.NotFound:
            return None
        if podm.operation_id is not None:
            return objects.Operation.get(call.context, podm.operation_id)
        # What was in charge ended just now: ask again.
    raise refusal


def _outcome(
    podm: objects.PodManager, operation: objects.Operation
) -> dict[str, typing.Any]:
    return {
        "podm_id": podm.uuid,
        "name": podm.name,
        "operation_id": operation.uuid,
        "status": STATUS.get(operation.state, "PENDING"),
        "reason": operation.last_error,
    }
