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

"""Pooled resources given to a node while it lives, and taken back.

Sources: Intel RSD PODM API 2.1.3 (335455-002) and 2.2 (336857-001), actions
AttachEndpoint and DetachEndpoint; 2.3.2 (337204-003) and 2.5 (613320-001),
actions AttachResource and DetachResource; the words of refusals are those of
the repository intel/intelRSD, tags 2.1 to 2.5.
"""

import collections.abc
import typing

from valence.simulator.rsd import allocation
from valence.simulator.rsd import composition
from valence.simulator.rsd import documents
from valence.simulator.rsd import hardware
from valence.simulator.rsd import pool
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Key = allocation.Key
#: Of a volume that can be attached; one over iSCSI is given at allocation.
PROTOCOL = "NVMeOverFabrics"
_REFERENCE = Key({"@odata.id": Key(str)})
_ATTACH = {
    "Resource": _REFERENCE,
    "CapacityGiB": Key(float, until="2.2"),
    "Protocol": Key({"NVMe", PROTOCOL, "FPGAoverFabrics", "OEM"}, "2.3"),
}
Thing: typing.TypeAlias = pool.Device | hardware.Volume


def actions(
    asked: routes.Asked, node: composition.Node
) -> dict[str, typing.Any]:
    """The two actions as the node shows them in this dialect."""
    dialect = asked.pod.dialect
    shown = {}
    for verb, values in (("Attach", _free), ("Detach", _held)):
        if dialect.attach is None:
            continue
        name = f"{verb}{dialect.attach}"
        action: dict[str, typing.Any] = {
            "target": f"{node.uri}/Actions/ComposedNode.{name}"
        }
        if dialect.attach == "Endpoint":
            action["Resource@Redfish.AllowableValues"] = documents.links(
                thing.uri for thing in values(asked, node)
            )
        else:
            info = f"{node.uri}/Actions/{name}ActionInfo"
            action["@Redfish.ActionInfo"] = (
                info if dialect.plain_action_info else documents.link(info)
            )
        shown[f"#ComposedNode.{name}"] = action
    return shown


@routes.route(
    "GET",
    "/Nodes/{node_id}/Actions/{verb}ResourceActionInfo",
    lambda dialect: dialect.attach == "Resource",
)
def action_info(asked: routes.Asked, node_id: str, verb: str) -> routes.Answer:
    node = asked.pod.node(node_id)
    values = {"Attach": _free, "Detach": _held}.get(verb)
    if values is None:
        raise refusals.Refusal("InvalidEndpoint")
    things = values(asked, node)
    uris = [thing.uri for thing in things]
    if verb == "Attach":
        uris += [
            thing.endpoint
            for thing in things
            if isinstance(thing, pool.Device)
        ]
    parameters = [_parameter("Resource", documents.links(uris))]
    if verb == "Attach":
        protocols = sorted({_protocol(thing) for thing in things})
        parameters.append(_parameter("Protocol", protocols))
    return documents.document(
        asked,
        "ActionInfo",
        f"{node.uri}/Actions/{verb}ResourceActionInfo",
        f"{verb} Resource ActionInfo",
        Parameters=parameters,
        Oem={},
    )


def _parameter(name: str, values: list[typing.Any]) -> dict[str, typing.Any]:
    resource = name == "Resource"
    return {
        "Name": name,
        "Required": resource,
        "DataType": "Object" if resource else "String",
        "ObjectDataType": "#Resource.Resource" if resource else None,
        "AllowableValues": values,
    }


@routes.route(
    "POST",
    "/Nodes/{node_id}/Actions/ComposedNode.AttachEndpoint",
    lambda dialect: dialect.attach == "Endpoint",
)
@routes.route(
    "POST",
    "/Nodes/{node_id}/Actions/ComposedNode.AttachResource",
    lambda dialect: dialect.attach == "Resource",
)
def attach(asked: routes.Asked, node_id: str) -> routes.Answer:
    node = asked.pod.node(node_id)
    dialect = asked.pod.dialect
    wanted = allocation.payload(asked.request.body, _ATTACH, dialect)
    uri = (wanted.get("Resource") or {}).get("@odata.id")
    capacity = wanted.get("CapacityGiB")
    if dialect.attach == "Endpoint":
        if uri is None and capacity is None:
            raise refusals.invalid(
                "CapacityGiB or Resource need to be specified"
            )
        if uri is not None and capacity is not None:
            raise refusals.invalid(
                "CapacityGiB and Resource can not be specified at the same "
                "time"
            )
    elif uri is None:
        raise refusals.invalid("Resource needs to be specified")
    _require_assembled(node)
    thing = (
        _smallest(asked, node, capacity or 0)
        if uri is None
        else _find(asked, uri)
    )
    _require_free(asked, node, thing)
    _require_success(asked, "attach")
    if asked.outcome is None:
        if isinstance(thing, pool.Device):
            thing.attach(node.id)
        else:
            thing.node, thing.lasting = node.id, True
    return None


@routes.route(
    "POST",
    "/Nodes/{node_id}/Actions/ComposedNode.DetachEndpoint",
    lambda dialect: dialect.attach == "Endpoint",
)
@routes.route(
    "POST",
    "/Nodes/{node_id}/Actions/ComposedNode.DetachResource",
    lambda dialect: dialect.attach == "Resource",
)
def detach(asked: routes.Asked, node_id: str) -> routes.Answer:
    node = asked.pod.node(node_id)
    form = {"Resource": _REFERENCE}
    wanted = allocation.payload(asked.request.body, form, asked.pod.dialect)
    uri = (wanted.get("Resource") or {}).get("@odata.id")
    if uri is None:
        raise refusals.invalid("Resource needs to be specified")
    _require_assembled(node)
    thing = _find(asked, uri)
    if thing.node != node.id:
        if asked.pod.dialect.attach == "Endpoint":
            raise refusals.conflict("Drive is not attached to this Node.")
        raise refusals.invalid(
            f"Provided {_kind(thing)} is not attached to this Node."
        )
    _require_success(asked, "detach")
    if asked.outcome is None:
        if isinstance(thing, pool.Device):
            thing.detach()
        else:
            thing.node, thing.lasting = None, True
    return None


def _kind(thing: Thing) -> str:
    if isinstance(thing, hardware.Volume):
        return "volume"
    return "fpga processor" if thing.disk is None else "drive"


def _protocol(thing: Thing) -> str:
    return PROTOCOL if isinstance(thing, hardware.Volume) else "NVMe"


def _free(asked: routes.Asked, node: composition.Node) -> list[Thing]:
    found: list[Thing] = [*asked.pod.pool.candidates(node.system)]
    if asked.pod.dialect.attach == "Resource":
        found += [
            volume
            for volume in asked.pod.storage.volumes.values()
            if volume.node is None and volume.protocol == PROTOCOL
        ]
    return found


def _held(asked: routes.Asked, node: composition.Node) -> list[Thing]:
    found: list[Thing] = [*asked.pod.pool.of_node(node.id)]
    if asked.pod.dialect.attach == "Resource":
        found += [
            volume
            for volume in asked.pod.storage.of_node(node.id)
            if volume.protocol == PROTOCOL
        ]
    return found


def _find(asked: routes.Asked, uri: str) -> Thing:
    """What a payload names, with or without the host before it."""
    uri = hardware.BASE + uri.partition(hardware.BASE)[2]
    device = asked.pod.pool.find(uri)
    if device is not None:
        return device
    if asked.pod.dialect.attach == "Resource":
        for volume in asked.pod.storage.volumes.values():
            if volume.uri == uri:
                return volume
    raise refusals.Refusal("InvalidEndpoint")


def _smallest(
    asked: routes.Asked, node: composition.Node, gib: float
) -> pool.Device:
    fitting: collections.abc.Iterable[pool.Device] = [
        device
        for device in asked.pod.pool.candidates(node.system)
        if device.disk is not None and device.disk.gib >= gib
    ]
    found = min(
        fitting, key=lambda one: one.disk.gib if one.disk else 0, default=None
    )
    if found is None:
        raise refusals.conflict("Matched 0 PCIeDrives to attach.")
    return found


def _require_assembled(node: composition.Node) -> None:
    if not node.assembled and node.state != "Failed":
        raise refusals.conflict(
            "Composed Node should be assembled in order to invoke this "
            "action on it."
        )


def _require_free(
    asked: routes.Asked, node: composition.Node, thing: Thing
) -> None:
    if thing in _free(asked, node):
        return
    if asked.pod.dialect.attach == "Endpoint":
        raise refusals.operation_failed(
            "PCIeDrive cannot be attached to this Node."
        )
    kind, reasons = _kind(thing), []
    if kind != "volume":
        # Whichever reason a pooled device has, it is among no system's
        # achievable ones.
        name = "Processor" if kind == "fpga processor" else "Drive"
        reasons = [f"Selected {name} is not achievable for this node!"]
    if thing.node is not None:
        reasons.append(
            f"All endpoints attached to selected {kind} are in use."
        )
    raise refusals.invalid(
        *reasons or ["Selected Volume is not achievable for this node!"]
    )


def _require_success(asked: routes.Asked, verb: str) -> None:
    if asked.outcome == "failed":
        raise refusals.Refusal.at(verb, 500)
