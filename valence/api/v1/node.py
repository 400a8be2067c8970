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

"""/v1/nodes"""

import functools
import typing
import uuid

import webob
from wsme import types as wtypes

from valence import exception
from valence import objects
from valence import rpcapi
from valence import states
from valence.api import enrollment
from valence.api import requirements
from valence.api import resource
from valence.api import types
from valence.api import work
from valence.api.call import Call
from valence.api.v1 import device
from valence.api.v1 import pod_manager
from valence.objects import requirements as needed
from valence.objects.node import IRONIC
from valence.objects.node import VALENCE

_IDENT = wtypes.StringType(min_length=1, max_length=255)

#: What it is asked for by may be named by uuid or by name.
NEW = types.of_object(
    objects.Node,
    podm_id=_IDENT,
    flavor_id=_IDENT,
    more={
        "dry_run": wtypes.wsattr(bool),
        # As registering: an administrator's.
        "enroll": types.of_hardware(wtypes.wsattr(types.JsonType())),
    },
)
CHANGED = types.of_object(objects.Node)


class Adoption(wtypes.Base):
    podm_id = wtypes.wsattr(_IDENT, mandatory=True)
    node_index = wtypes.wsattr(_IDENT, mandatory=True)
    name = wtypes.wsattr(types.NameType(min_length=1, max_length=255))
    description = wtypes.wsattr(wtypes.StringType(max_length=1024))
    project_id = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=64))


class Reset(wtypes.Base):
    Type = wtypes.wsattr(
        wtypes.Enum(
            str,
            # Redfish ComputerSystem, ResetType
            "On",
            "ForceOff",
            "GracefulShutdown",
            "GracefulRestart",
            "ForceRestart",
            "Nmi",
            "ForceOn",
            "PushPowerButton",
        ),
        mandatory=True,
    )


class Boot(wtypes.Base):
    Target = wtypes.wsattr(
        wtypes.Enum(
            str,
            # Redfish ComputerSystem, BootSource
            "None",
            "Pxe",
            "Floppy",
            "Cd",
            "Usb",
            "Hdd",
            "BiosSetup",
            "Utilities",
            "Diags",
            "UefiShell",
            "UefiTarget",
            "SDCard",
            "UefiHttp",
            "RemoteDrive",
        ),
        mandatory=True,
    )
    Enabled = wtypes.wsattr(wtypes.Enum(str, "Disabled", "Once", "Continuous"))
    Mode = wtypes.wsattr(wtypes.Enum(str, "Legacy", "UEFI"))


class Moved(wtypes.Base):
    """The device, under any of the names that clients use for its uuid."""

    resource_id = wtypes.wsattr(_IDENT)
    device_id = wtypes.wsattr(_IDENT)
    uuid = wtypes.wsattr(_IDENT)


class Parting(wtypes.Base):
    """How to leave Ironic; by force where there is no Ironic any more."""

    force = wtypes.wsattr(bool)


class Attached(Moved):
    """A device, or the type that any free one has to have."""

    type = wtypes.wsattr(wtypes.StringType(min_length=1, max_length=64))


#: What can be done with a node, and how it is read.
ACTIONS: dict[str, typing.Any] = {
    "Reset": Reset,
    "Boot": Boot,
    "attach": Attached,
    "detach": Moved,
}

find = functools.partial(resource.find, cls=objects.Node)
show = functools.partial(resource.show, cls=objects.Node)


def compose(call: Call) -> webob.Response:
    """By flavor, by properties, or any free system."""
    call.query()
    values = call.read(NEW)
    asked = _enrollment(values.get("enroll"))
    flavor, properties = None, {}
    if values.get("flavor_id") and values.get("properties") is not None:
        raise exception.InvalidField(
            field="properties",
            reason="it cannot be given together with flavor_id.",
        )
    if values.get("flavor_id"):
        flavor = resource.referred(call, objects.Flavor, "flavor_id", values)
        properties = flavor.properties
    elif values.get("properties") is not None:
        properties = requirements.read(
            values["properties"], call.context.sees_hardware
        )
    podm = None
    if values.get("podm_id"):
        podm = _podm_to_use(call, values)
        if podm.maintenance:
            raise exception.Conflict(
                f"Pod manager {podm.label} is in maintenance: no node is "
                "composed on it."
            )
        for key in sorted(needed.of(properties).keys):
            if key not in podm.requirement_keys:
                raise exception.InvalidField(
                    field=f"properties.{key}",
                    reason=f"pod manager {podm.label} composes by "
                    f"{' and '.join(podm.requirement_keys) or 'nothing'} "
                    "only.",
                )
    if values.get("dry_run"):
        return _plan(call, properties, podm)
    node = _new(
        call,
        name=values.get("name"),
        description=values.get("description"),
        podm_id=podm.uuid if podm else None,
        flavor_id=flavor.uuid if flavor else None,
        properties=properties,
        provision_state=states.COMPOSING,
        composed=True,
        resource_class=flavor.resource_class if flavor else None,
        traits=flavor.traits if flavor else [],
    )
    arguments: dict[str, typing.Any] = {"podm_id": node.podm_id}
    if asked is not None:
        _take_over(node, asked)
        arguments["enroll"] = asked.document
    return work.submit(
        call,
        "compose",
        node,
        podm_id=node.podm_id,
        arguments=arguments,
        provisioner=IRONIC if asked is not None else None,
        secrets=asked.secrets if asked is not None else None,
    )


def _enrollment(value: typing.Any) -> enrollment.Asked | None:
    """What ``enroll`` asks for: true, or how; None where it does not."""
    if value is None or value is False:
        return None
    return enrollment.read({} if value is True else value, "enroll")


def _take_over(node: objects.Node, asked: enrollment.Asked) -> None:
    """Note on the node what the request says of it."""
    if asked.resource_class is not None:
        node.resource_class = asked.resource_class
    if asked.traits is not None:
        node.traits = asked.traits


def _plan(
    call: Call,
    properties: dict[str, typing.Any],
    podm: objects.PodManager | None,
) -> webob.Response:
    """What would be chosen, and why; nothing is taken."""
    plan = rpcapi.plan(call.context, properties, podm.uuid if podm else None)
    if not plan["candidates"]:
        raise exception.NoPodManager(plan["refusals"])
    if not call.context.sees_hardware:
        field = objects.Operation.fields["refusals"]
        plan = {"refusals": field.shown(plan["refusals"], False)}
    return call.answer(plan)


def manage(call: Call) -> webob.Response:
    """Adopt a node that stands composed on the hardware already."""
    call.query()
    values = call.read(Adoption)
    podm = _podm_to_use(call, values)
    node = _new(
        call,
        name=values.get("name") or _as_name(values["node_index"]),
        description=values.get("description"),
        podm_id=podm.uuid,
        index=values["node_index"],
        properties={},
        provision_state=states.MANAGING,
        composed=False,
        traits=[],
        project_id=values.get("project_id") or call.context.project_id,
    )
    return work.submit(call, "manage", node, podm_id=podm.uuid)


def patch(call: Call) -> webob.Response:
    operations = resource.read_patch(call)

    def change() -> objects.Node:
        node = resource.get(call, objects.Node)
        values = resource.patched(call, node, operations, CHANGED)
        return resource.saved(node, values)

    return call.answer(work.document(call, resource.until_unchanged(change)))


def release(call: Call) -> webob.Response:
    """Give its hardware back, and forget it."""
    call.query()
    call.no_body()
    node = resource.get(call, objects.Node)
    # A compose that failed has given back everything before it said so:
    # such a node can go even while its pod manager is away.
    holds = node.provision_state != states.COMPOSE_FAILED
    return work.submit(
        call,
        "release",
        node,
        "release",
        podm_id=node.podm_id,
        arguments={"holds": holds},
        provisioner=_provisioner_of(node),
    )


def _provisioner_of(node: objects.Node) -> str | None:
    return None if node.managed_by == VALENCE else node.managed_by


def register(call: Call) -> webob.Response:
    """Enroll it in Ironic; what the pod manager knows need not be said."""
    call.query()
    asked = enrollment.read(call.json() if call.has_body else {})
    node = resource.get(call, objects.Node)
    _take_over(node, asked)
    # What was said before and is not said again still holds.
    before = {
        name: value
        for name, value in (node.enrollment or {}).items()
        if name != "stale"
    }
    return work.submit(
        call,
        "enroll",
        node,
        "enroll",
        podm_id=node.podm_id,
        arguments={"enroll": {**before, **asked.document}},
        provisioner=IRONIC,
        secrets=asked.secrets,
    )


def unregister(call: Call) -> webob.Response:
    """Take it out of Ironic; it stays composed."""
    call.query()
    asked = types.read(Parting, call.json()) if call.has_body else {}
    node = resource.get(call, objects.Node)
    return work.submit(
        call,
        "unenroll",
        node,
        "unenroll",
        podm_id=node.podm_id,
        arguments={"force": bool(asked.get("force"))},
        provisioner=_provisioner_of(node),
    )


def action(call: Call) -> webob.Response:
    """Exactly one of Reset, Boot, attach and detach."""
    call.query()
    body = call.json()
    if not isinstance(body, dict) or len(body) != 1:
        raise exception.InvalidField(
            field="body",
            reason=f"exactly one of {', '.join(ACTIONS)} is wanted.",
        )
    (name,) = body
    if name not in ACTIONS:
        raise exception.UnknownField(
            field=name[:255], known=", ".join(ACTIONS)
        )
    asked = types.read(ACTIONS[name], body[name], name)
    if name in ("attach", "detach"):
        return _move(call, name, asked)
    if name == "Reset":
        kind, arguments = "reset", {"type": asked["Type"]}
    else:
        kind = "boot"
        arguments = {
            "target": asked["Target"],
            "enabled": asked.get("Enabled") or "Once",
            "mode": asked.get("Mode"),
        }
    node = resource.get(call, objects.Node)
    if node.managed_by != VALENCE:
        raise exception.ManagedElsewhere(
            ident=node.label, owner=node.managed_by
        )
    return work.submit(
        call,
        kind,
        node,
        "switch",
        podm_id=node.podm_id,
        arguments=arguments,
    )


def _move(
    call: Call, kind: str, asked: dict[str, typing.Any]
) -> webob.Response:
    """Attach a device, or detach it; 204 where there is nothing to do."""
    named = [ident for ident in asked.values() if ident is not None]
    if len(named) != 1:
        words = "resource_id, device_id and uuid"
        if kind == "attach":
            words = "type, " + words
        raise exception.InvalidField(
            field=kind, reason=f"exactly one of {words} is wanted."
        )
    by_type = asked.get("type") is not None

    def move() -> webob.Response:
        node = resource.get(call, objects.Node)
        found = (
            device.any_free(call, node, named[0])
            if by_type
            else objects.Device.get(call.context, named[0])
        )
        if device.nothing_to_do(kind, node, found):
            return call.answer(status=204)
        device.check(call, kind, node, found)
        if kind == "attach":
            found.node_uuid = node.uuid
            found.node_id = node.index
            found.attached_here = True
        try:
            return work.submit(
                call,
                kind,
                node,
                "operate",
                podm_id=node.podm_id,
                device=found,
            )
        except (exception.Busy, exception.WrongState) as e:
            if by_type and e.values["noun"] == found.NOUN:
                # Somebody was faster; there may be another.
                raise exception.Changed(**e.values) from None
            # Of many callers one won: tell the others who has the device.
            found = objects.Device.get(call.context, found.uuid)
            if not device.nothing_to_do(kind, node, found):
                device.check(call, kind, node, found)
            raise

    return resource.until_unchanged(move)


def assets(call: Call) -> webob.Response:
    """What the node is made of, as read when it was composed."""
    call.query()
    return call.answer(_assets(call))


def storages(call: Call) -> webob.Response:
    """Its drives, local and remote."""
    call.query()
    kinds = ("local_drives", "remote_drives", "storage")
    found = _assets(call)
    return call.answer(
        [{"kind": kind, **item} for kind in kinds for item in found[kind]]
    )


ASSET_KINDS = (
    "systems",
    "processors",
    "memory",
    "ethernet_interfaces",
    "local_drives",
    "remote_drives",
    "storage",
)


def _assets(call: Call) -> dict[str, typing.Any]:
    node = resource.get(call, objects.Node)
    found = {kind: (node.assets or {}).get(kind, []) for kind in ASSET_KINDS}
    if not call.context.sees_hardware:
        for items in found.values():
            for item in items:
                item.pop("resource_uri", None)
    return found


def _new(call: Call, **values: typing.Any) -> objects.Node:
    node_id = str(uuid.uuid4())
    return objects.Node(
        call.context,
        uuid=node_id,
        managed_by="valence",
        boot={},
        systems=[],
        processors={},
        user_id=call.context.user_id,
        **{
            "project_id": call.context.project_id,
            **values,
            "name": values["name"] or f"node-{node_id[:8]}",
        },
    )


def _as_name(index: str) -> str:
    """An index that can be no name is left to stand in the index alone."""
    try:
        return types.scalar(
            types.NameType(min_length=1, max_length=255), index, "node_index"
        )
    except exception.InvalidField:
        return f"node-{uuid.uuid4().hex[:8]}"


def _podm_to_use(
    call: Call, values: dict[str, typing.Any]
) -> objects.PodManager:
    # Who may name one is told whether it is there.
    podm = resource.referred(
        call,
        objects.PodManager,
        "podm_id",
        values,
        context=call.context.elevated(),
    )
    pod_manager.refuse_unless_online(podm)
    return podm
