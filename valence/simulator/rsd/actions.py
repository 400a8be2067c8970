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

"""What can be done to a pod through its service.

Sources: Intel RSD PODM API 2.1.3 (335455-002), 2.3.2 (337204-003) and 2.5
(613320-001), "Composed Node Collection" and "Composed Node"; for 1.2.1 the
tag of that name of the repository intel/intelRSD; sessions and events as in
Redfish (DSP0266).
"""

import typing
import uuid

import webob

from valence.simulator.rsd import allocation
from valence.simulator.rsd import composition
from valence.simulator.rsd import documents
from valence.simulator.rsd import hardware
from valence.simulator.rsd import inventory
from valence.simulator.rsd import nodes
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Key = allocation.Key


@routes.route("POST", "/Nodes/Actions/Allocate")
def allocate(asked: routes.Asked) -> routes.Answer:
    pod = asked.pod
    wanted = _payload(asked, allocation.REQUEST)
    system = allocation.choose(
        wanted, pod.free_systems(), pod.storage, pod.chassis
    )
    node = pod.new_node(wanted, system)
    node.allocate(pod.spec.allocate_seconds, asked.outcome)
    return _created(asked, node.uri, nodes.node(asked, node.id))


@routes.route("POST", "/Nodes/{node_id}/Actions/ComposedNode.Assemble")
def assemble(asked: routes.Asked, node_id: str) -> routes.Answer:
    node = asked.pod.node(node_id)
    _payload(asked, {})
    node.assemble(asked.pod.spec.assemble_seconds, asked.outcome)
    return None


@routes.route("POST", "/Nodes/{node_id}/Actions/ComposedNode.Reset")
def reset(asked: routes.Asked, node_id: str) -> routes.Answer:
    node = asked.pod.node(node_id)
    reset_type = _reset_type(asked)
    node.reset(reset_type, asked.pod.spec.power_seconds, asked.outcome)
    return None


@routes.route("PATCH", "/Nodes/{node_id}")
def boot(asked: routes.Asked, node_id: str) -> routes.Answer:
    pod = asked.pod
    node = pod.node(node_id)
    form = {"Boot": _boot_form(asked)}
    if pod.dialect.force_delete:
        form |= {key: Key(bool) for key in node.settings}
        form["Oem"] = Key(
            {"Intel_RackScale": Key({"TaggedValues": Key(dict)})}
        )
    wanted = _payload(asked, form)
    if not wanted:
        raise refusals.invalid("There is nothing to change.")
    _set_boot(node.system, wanted)
    node.settings |= {
        key: wanted[key]
        for key in node.settings
        if wanted.get(key) is not None
    }
    node.tags |= composition.tags_of(wanted.get("Oem") or {})
    return nodes.node(asked, node_id) if _shows(asked) else None


@routes.route("DELETE", "/Nodes/{node_id}")
def delete(asked: routes.Asked, node_id: str) -> routes.Answer:
    asked.pod.delete_node(asked.pod.node(node_id))
    return None


@routes.route(
    "POST",
    "/Nodes/{node_id}/Actions/ComposedNode.ForceDelete",
    lambda dialect: dialect.force_delete,
)
def force_delete(asked: routes.Asked, node_id: str) -> routes.Answer:
    asked.pod.delete_node(asked.pod.node(node_id))
    return None


@routes.route("POST", "/Systems/{system_id}/Actions/ComputerSystem.Reset")
def system_reset(asked: routes.Asked, system_id: str) -> routes.Answer:
    system = asked.pod.system(system_id)
    seconds = asked.pod.spec.power_seconds
    composition.reset(system, _reset_type(asked), seconds, asked.outcome)
    return None


@routes.route("PATCH", "/Systems/{system_id}")
def system_boot(asked: routes.Asked, system_id: str) -> routes.Answer:
    system = asked.pod.system(system_id)
    wanted = _payload(asked, {"Boot": _boot_form(asked)})
    if not wanted:
        raise refusals.invalid("There is nothing to change.")
    _set_boot(system, wanted)
    return inventory.system(asked, system_id) if _shows(asked) else None


@routes.route(
    "POST", "/SessionService/Sessions", lambda dialect: dialect.services
)
def log_in(asked: routes.Asked) -> routes.Answer:
    pod = asked.pod
    given = _payload(
        asked, {"UserName": Key(str), "Password": Key(str), "Oem": Key(None)}
    )
    if (given.get("UserName"), given.get("Password")) != (
        pod.spec.username,
        pod.spec.password,
    ):
        raise refusals.Refusal("Unauthorized")
    token = uuid.uuid4().hex
    session = pod.new_id()
    pod.sessions[session] = token
    document = documents.session(asked, session)
    response = _created(asked, document["@odata.id"], document)
    response.content_type = "application/json"
    response.json_body = document
    response.headers["X-Auth-Token"] = token
    return response


@routes.route(
    "DELETE",
    "/SessionService/Sessions/{session_id}",
    lambda dialect: dialect.services,
)
def log_out(asked: routes.Asked, session_id: str) -> routes.Answer:
    documents.session(asked, session_id)
    del asked.pod.sessions[session_id]
    return None


@routes.route(
    "POST", "/EventService/Subscriptions", lambda dialect: dialect.services
)
def subscribe(asked: routes.Asked) -> routes.Answer:
    wanted = _payload(
        asked,
        {
            "Name": Key(str),
            "Destination": Key(str),
            "EventTypes": Key([str]),
            "Context": Key(str),
            "Protocol": Key({"Redfish"}),
            "OriginResources": Key([{"@odata.id": Key(str)}]),
        },
    )
    if not wanted.get("Destination"):
        raise refusals.invalid("Destination is missing")
    number = asked.pod.new_id()
    asked.pod.subscriptions[number] = wanted
    document = documents.subscription(asked, number)
    return _created(asked, document["@odata.id"], document)


@routes.route(
    "DELETE",
    "/EventService/Subscriptions/{subscription_id}",
    lambda dialect: dialect.services,
)
def unsubscribe(asked: routes.Asked, subscription_id: str) -> routes.Answer:
    documents.subscription(asked, subscription_id)
    del asked.pod.subscriptions[subscription_id]
    return None


def _payload(
    asked: routes.Asked, form: dict[str, Key]
) -> dict[str, typing.Any]:
    return allocation.payload(asked.request.body, form, asked.pod.dialect)


def _reset_type(asked: routes.Asked) -> str:
    form = {"ResetType": Key(set(composition.RESETS))}
    reset_type: str | None = _payload(asked, form).get("ResetType")
    if reset_type is None:
        raise refusals.invalid("ResetType: is missing")
    return reset_type


def _boot_form(asked: routes.Asked) -> Key:
    dialect = asked.pod.dialect
    form = {
        "BootSourceOverrideEnabled": Key(set(composition.BOOT_ENABLED)),
        "BootSourceOverrideTarget": Key(set(dialect.boot_targets)),
    }
    if dialect.boot_mode:
        form["BootSourceOverrideMode"] = Key(set(composition.BOOT_MODES))
    return Key(form)


def _set_boot(
    system: hardware.System | None, wanted: dict[str, typing.Any]
) -> None:
    boot = {
        key: value
        for key, value in (wanted.get("Boot") or {}).items()
        if value is not None
    }
    if boot and system is None:
        raise refusals.conflict(
            "There is no Computer System related with requested Node."
        )
    if system is not None:
        system.boot.update(boot)


def _shows(asked: routes.Asked) -> bool:
    return asked.pod.dialect.patch_shows_node


def _created(
    asked: routes.Asked, uri: str, document: dict[str, typing.Any]
) -> webob.Response:
    if "no-location" in asked.pod.spec.quirks:
        return webob.Response(json_body=document, status=201)
    response = webob.Response(status=201)
    del response.content_type
    response.headers["Location"] = (
        asked.request.host_url + uri
        if asked.pod.dialect.absolute_location
        else uri
    )
    return response
