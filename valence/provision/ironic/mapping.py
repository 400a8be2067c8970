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

"""What is Valence's, in Ironic's words."""

import re
import typing
import uuid

from valence.drivers.base import Bmc
from valence.provision import base

#: The part of a node's, or a port's, ``extra`` that is Valence's.
OURS = "valence"

#: Hardware type → the prefix that its keys of driver_info have.
_PREFIXES = {
    "idrac": "redfish",
    "intel-ipmi": "ipmi",
    "ipmi": "ipmi",
    "redfish": "redfish",
}
#: What may be said of a BMC without that prefix.
_SHORT = {
    "ipmi": (
        "address",
        "cipher_suite",
        "password",
        "port",
        "priv_level",
        "protocol_version",
        "terminal_port",
        "username",
    ),
    "redfish": (
        "address",
        "auth_type",
        "password",
        "system_id",
        "username",
        "verify_ca",
    ),
}
#: Where nothing tells what drives a node, it has a BMC of the usual kind.
_USUAL = "ipmi"

#: Names of Ironic's own, at places where it takes the name of a node.
_RESERVED = frozenset(
    {"detail", "maintenance", "management", "ports", "states", "validate"}
)
_MOST_NAME = 200

Document = dict[str, typing.Any]
Patch = list[Document]


def driver(wanted: base.Enrollment) -> str:
    """The hardware type."""
    if wanted.driver:
        return wanted.driver
    return wanted.bmc.protocol if wanted.bmc else _USUAL


def driver_info(wanted: base.Enrollment) -> Document:
    """How Ironic reaches the BMC: what is known, and what was given.

    What is known is of no use where the request names another BMC.
    """
    kind = driver(wanted)
    prefix = _PREFIXES.get(kind)
    given: Document = {}
    for key, value in wanted.driver_info.items():
        short = prefix is not None and key in _SHORT[prefix]
        given[f"{prefix}_{key}" if short else key] = value
    bmc = wanted.bmc
    if (
        bmc is None
        or not prefix == bmc.protocol == "redfish"
        or "redfish_address" in given
    ):
        return given
    return _known(bmc) | given


def _known(bmc: Bmc) -> Document:
    known = {
        "redfish_address": bmc.address,
        "redfish_system_id": bmc.system_uri,
        "redfish_username": bmc.username,
        "redfish_password": bmc.password,
        "redfish_verify_ca": bmc.verify,
        # As the driver of the pod manager does.
        "redfish_auth_type": "basic" if bmc.username else None,
    }
    return {key: value for key, value in known.items() if value is not None}


def names(wanted: base.Enrollment) -> tuple[str, str]:
    """The name of the node, and another where somebody has that one.

    Names are Ironic's to restrict, and unique there: RFC 3986's unreserved
    characters, and no uuid.
    """
    name = re.sub(r"[^A-Za-z0-9._~-]+", "-", wanted.name)[:_MOST_NAME]
    name = name.strip("-.") or "node"
    unique = f"{name}-{wanted.uuid[:8]}"
    try:
        uuid.UUID(name)
    except ValueError:
        return (unique if name in _RESERVED else name), unique
    return unique, unique


def properties(wanted: base.Enrollment, present: Document) -> Document:
    """The properties that the node is to have.

    :param present: the document of the node as it is, or an empty one. What
        others put there stays; what we put and is not wanted any more goes.
    """
    before = present.get("properties") or {}
    ours = _ours(present)
    kept = {k: v for k, v in before.items() if k not in ours["properties"]}
    shown = parse_capabilities(str(before.get("capabilities") or ""))
    for key in ours["capabilities"]:
        shown.pop(key, None)
    shown |= wanted.capabilities
    result = {**kept, **wanted.properties}
    result.pop("capabilities", None)
    if shown:
        result["capabilities"] = ",".join(
            f"{key}:{value}" for key, value in sorted(shown.items())
        )
    return result


def parse_capabilities(text: str) -> dict[str, str]:
    """``boot_mode:uefi,gpu:2``, as Ironic keeps them."""
    pairs = (item.partition(":") for item in text.split(",") if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def extra(wanted: base.Enrollment) -> Document:
    """What leads back, and what here is ours to change."""
    return {
        **wanted.extra,
        "properties": sorted(wanted.properties),
        "capabilities": sorted(wanted.capabilities),
        "traits": sorted(wanted.traits),
    }


def _ours(present: Document) -> Document:
    ours = (present.get("extra") or {}).get(OURS) or {}
    return {
        key: ours.get(key) or []
        for key in ("properties", "capabilities", "traits")
    }


def new(wanted: base.Enrollment, name: str) -> Document:
    """What a new node is made with.

    It is nobody's yet: who has a project may make nodes of that one only,
    and has to hand them on.
    """
    values = {
        "uuid": wanted.uuid,
        "name": name,
        "driver": driver(wanted),
        "driver_info": driver_info(wanted),
        "properties": properties(wanted, {}),
        "extra": {OURS: extra(wanted)},
        "resource_class": wanted.resource_class,
        "description": wanted.description,
        "lessee": wanted.project_id,
        **_interfaces(wanted),
    }
    return {key: value for key, value in values.items() if value is not None}


def changes(
    wanted: base.Enrollment, present: Document, *, reach: bool
) -> Patch:
    """What is to be changed of a node that is there.

    :param reach: with how to reach it; passwords are never shown, so what
        was given is always written
    """
    values: Document = {
        "resource_class": wanted.resource_class,
        "owner": wanted.project_id,
        "lessee": wanted.project_id,
        "description": wanted.description,
    }
    if reach:
        if wanted.driver or wanted.bmc:
            values["driver"] = driver(wanted)
        values |= _interfaces(wanted)
    patch = _difference("", present, values)
    # Key by key: others may be writing theirs.
    there = present.get("properties") or {}
    now = properties(wanted, present)
    patch += _difference("/properties", there, now)
    patch += [
        {"op": "remove", "path": f"/properties/{_pointer(key)}"}
        for key in there
        if key not in now
    ]
    patch += _difference(
        "/extra", present.get("extra") or {}, {OURS: extra(wanted)}
    )
    if reach:
        patch += _difference("/driver_info", {}, driver_info(wanted))
    return patch


def _difference(path: str, before: Document, values: Document) -> Patch:
    return [
        {"op": "add", "path": f"{path}/{_pointer(key)}", "value": value}
        for key, value in values.items()
        if value is not None and value != before.get(key)
    ]


def _interfaces(wanted: base.Enrollment) -> Document:
    return {f"{kind}_interface": v for kind, v in wanted.interfaces.items()}


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def traits(
    wanted: base.Enrollment, present: Document
) -> tuple[list[str], list[str]]:
    """(traits to add, traits of ours to remove)"""
    there = set(present.get("traits") or [])
    ours = set(_ours(present)["traits"])
    new = set(wanted.traits)
    return sorted(new - there), sorted((ours - new) & there)


def new_port(wanted: base.Enrollment, port: base.Port) -> Document:
    """What a new port is made with; its uuid is the same for each try."""
    address = port.address.lower()
    values = {
        "uuid": str(uuid.uuid5(uuid.UUID(wanted.uuid), address)),
        "node_uuid": wanted.uuid,
        "address": address,
        "physical_network": port.physical_network,
        "extra": {OURS: {"node": wanted.uuid}},
    }
    return {key: value for key, value in values.items() if value is not None}


def is_ours(wanted: base.Enrollment, port: Document) -> bool:
    ours = (port.get("extra") or {}).get(OURS) or {}
    return bool(ours.get("node") == wanted.uuid)


def secrets(wanted: base.Enrollment) -> list[str]:
    """What no message may quote, longest first."""
    found = {
        str(value)
        for key, value in driver_info(wanted).items()
        if isinstance(value, str | int)
        and not isinstance(value, bool)
        and re.search("pass|secret|key|token|credential|community", key)
    }
    # One of a letter or two would tear every word apart.
    return sorted((f for f in found if len(f) > 2), key=len, reverse=True)
