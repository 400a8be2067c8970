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


"""Write the parameters of the API reference, and the tables of them.

The text comes from the fields of the objects, and what is required from the
types that requests are read by. Only what is no field is written here.
"""

import pathlib
import sys
import typing

import valence.cmd  # noqa: F401 - chooses threads before others do

# isort: split
from wsme import types as wtypes
import yaml

from valence import objects
from valence.api import requirements
from valence.api import types
from valence.api.v1 import flavor
from valence.api.v1 import node
from valence.api.v1 import pod_manager
from valence.objects import base
from valence.objects import fields as f

SOURCE = pathlib.Path(__file__).parents[1] / "api-ref/source"

#: What has a page of its own, and the type that a new one is read by.
NOUNS: dict[type[base.Resource], typing.Any] = {
    objects.Device: None,
    objects.Flavor: flavor.NEW,
    objects.Node: node.NEW,
    objects.Operation: None,
    objects.PodManager: pod_manager.NEW,
    objects.Rack: None,
    objects.System: None,
}

#: Fields that all of them have.
COMMON = ("uuid", "created_at", "updated_at")

#: What is no field of an object: (in, type, required, description).
OTHERS: dict[str, tuple[str, str, bool, str]] = {
    "api_version": (
        "header",
        "string",
        False,
        "``composition 1.N`` or ``composition latest``; without it the "
        "request is answered as of 1.0.",
    ),
    "content_type_patch": (
        "header",
        "string",
        True,
        "``application/json-patch+json`` or ``application/json``.",
    ),
    "idempotency_key": (
        "header",
        "string",
        False,
        "1 to 255 printable characters of the client's choice. A retry with "
        "the same key returns the first answer and does nothing again, for "
        "one day.",
    ),
    "location_operation": (
        "header",
        "string",
        True,
        "URL of the operation.",
    ),
    "location_resource": ("header", "string", True, "URL of the new one."),
    "prefer": (
        "header",
        "string",
        False,
        "``wait=SECONDS``: hold the answer until the operation has ended, "
        "within ``[api]max_wait``.",
    ),
    "preference_applied": (
        "header",
        "string",
        False,
        "``wait=SECONDS`` where the answer was held and the operation ended "
        "in time.",
    ),
    "device_ident": ("path", "string", True, "UUID of a device."),
    "flavor_ident": ("path", "string", True, "UUID or name of a flavor."),
    "node_ident": (
        "path",
        "string",
        True,
        "UUID of a node, or its name where only one has that name.",
    ),
    "operation_ident": ("path", "string", True, "UUID of an operation."),
    "pod_manager_ident": (
        "path",
        "string",
        True,
        "UUID or name of a pod manager.",
    ),
    "rack_ident": ("path", "string", True, "UUID of a rack."),
    "system_ident": ("path", "string", True, "UUID of a system."),
    "fields": (
        "query",
        "string",
        False,
        "Names of the fields to show, with commas between them.",
    ),
    "limit": (
        "query",
        "integer",
        False,
        "The most to show, up to ``[api]max_limit``, which is also the "
        "default.",
    ),
    "marker": (
        "query",
        "string",
        False,
        "UUID of the last one of the page before.",
    ),
    "sort_dir": ("query", "string", False, "``asc`` (default) or ``desc``."),
    "sort_key": (
        "query",
        "string",
        False,
        "A field to sort by; ``created_at`` by default.",
    ),
    "assets": (
        "body",
        "array",
        True,
        "What the node has of this kind. Each has ``resource_uri``, ``name`` "
        "and what else the pod manager says of it.",
    ),
    "audit_devices": (
        "body",
        "array",
        True,
        "Each device: ``uuid``, ``type``, ``resource_uri``, ``state``, "
        "``node_id``, the index of the node that has it, the uuid of its "
        "``owner``, which is the node that has it, if that is known here, "
        "and the ``finding``: what is odd about it, or null.",
    ),
    "audit_findings": ("body", "integer", True, "How many are odd."),
    "audit_nodes": (
        "body",
        "array",
        True,
        "Each node that the pod manager holds, or should: ``index``, "
        "``name``, ``state``, the uuid of its ``owner``, which is the node "
        "of Valence that it is, if any, and the ``finding``: what is odd "
        "about it, or null.",
    ),
    "device_sync_name": ("body", "string", True, "Name of the pod manager."),
    "device_sync_operation_id": (
        "body",
        "string",
        True,
        "The operation that reads it. May be null, where another one had "
        "just ended.",
    ),
    "device_sync_podm_id": (
        "body",
        "string",
        True,
        "UUID of the pod manager.",
    ),
    "device_sync_podm_id_request": (
        "body",
        "string",
        False,
        "UUID or name of the pod manager to read; all are read without it.",
    ),
    "device_sync_reason": (
        "body",
        "string",
        True,
        "Why it failed. May be null.",
    ),
    "device_sync_status": (
        "body",
        "string",
        True,
        "``SUCCESS`` or ``FAILED`` where the operation has ended, "
        "``PENDING`` before that.",
    ),
    "links": ("body", "array", True, "Where it is found: ``self``."),
    "node_action_boot": (
        "body",
        "object",
        False,
        "Set what it boots from.",
    ),
    "node_action_attach": (
        "body",
        "object",
        False,
        "Give it a pooled device.",
    ),
    "node_action_detach": (
        "body",
        "object",
        False,
        "Take a pooled device back.",
    ),
    "node_action_device": (
        "body",
        "string",
        True,
        "UUID of the device. It may be called ``resource_id`` or ``uuid`` "
        "as well; exactly one of the three is given.",
    ),
    "node_action_device_type": (
        "body",
        "string",
        False,
        "In place of the UUID, the type of a device, such as ``NVMe``, or "
        "``storage`` for any kind of storage: a free one is taken. Who does "
        "not see the pool attaches in this way.",
    ),
    "node_action_reset": ("body", "object", False, "Change its power."),
    "node_boot_enabled": (
        "body",
        "string",
        False,
        "For the next boot, for all, or not at all: ``Once`` (default), "
        "``Continuous`` or ``Disabled``.",
    ),
    "node_boot_mode": (
        "body",
        "string",
        False,
        "``Legacy`` or ``UEFI``; as it is where this is not given.",
    ),
    "node_boot_target": (
        "body",
        "string",
        True,
        "What to boot from. One of " + "%s" + ". A pod manager "
        "may know fewer.",
    ),
    "node_index_request": (
        "body",
        "string",
        True,
        "Identifier of the node on the pod manager.",
    ),
    "node_project_id_manage": (
        "body",
        "string",
        False,
        "The project that it is given to; that of the token by default.",
    ),
    "node_podm_id_manage": (
        "body",
        "string",
        True,
        "UUID or name of the pod manager that the node stands on.",
    ),
    "node_reset_type": (
        "body",
        "string",
        True,
        "What to do. One of " + "%s" + ". A pod manager may know fewer.",
    ),
    "patch_op": (
        "body",
        "string",
        True,
        "``add``, ``remove``, ``replace``, ``move``, ``copy`` or ``test``.",
    ),
    "patch_path": (
        "body",
        "string",
        True,
        "JSON pointer to what is changed, such as ``/name``.",
    ),
    "patch_value": (
        "body",
        "any",
        False,
        "The value, for add, replace, test.",
    ),
    "storage_kind": (
        "body",
        "string",
        True,
        "``local_drives``, ``remote_drives`` or ``storage``.",
    ),
    "version_id": ("body", "string", True, "``v1``."),
    "version_max": ("body", "string", True, "Highest microversion."),
    "version_min": ("body", "string", True, "Lowest microversion."),
    "version_status": ("body", "string", True, "``CURRENT``."),
    "version_version": ("body", "string", True, "Highest microversion."),
}

#: Values that the descriptions above leave room for.
VALUES = {
    "node_boot_target": node.Boot.Target,
    "node_reset_type": node.Reset.Type,
}

#: What can be required of hardware.
REQUIREMENTS = {
    "memory": "What memory it needs.",
    "memory.type": "Type of its modules, such as ``DDR4``.",
    "memory.capacity_mib": "At least so much, in MiB.",
    "processor": "What processors it needs.",
    "processor.model": "The model, as the pod manager calls it.",
    "processor.total_cores": "At least so many cores.",
    "pci_device": "What pooled devices it needs.",
    "pci_device.type": "Types of the devices, one for each that it needs, "
    "such as ``NIC`` or ``SSD``; two of a type are named twice.",
    "pci_device.devices": "More of them, or in other words: a list of what "
    "is needed, with its number.",
    "pci_device.devices.type": "Type of the devices, such as ``GPU``.",
    "pci_device.devices.count": "How many of them; 1 where it is not said.",
    "pci_device.devices.vendor": "Who made them, as a device's ``vendor`` "
    "says it.",
    "pci_device.devices.model": "What its maker calls them, as a device's "
    "``model`` says it.",
    "pci_device.devices.capacity_gib": "Storage of at least so many GiB each.",
    "placement": "Where it is composed.",
    "placement.rack": "A system in this rack: uuid, name or index.",
    "placement.location": "On a pod manager with this ``location``.",
    "placement.same_rack": "Its devices stand in the rack of its system.",
    "placement.same_pool": "Its devices stand in one pool: they have the "
    "same ``pooled_group_id``.",
    "traits": "What the pod manager has to be, as a resource provider.",
    "traits.required": "Traits that it has to have.",
    "traits.forbidden": "Traits that it must not have.",
    "resources": "What it holds of pools that operators keep: the amount of "
    "each resource class.",
    "remote_storage": "A drive on the pod's storage, made for it.",
    "remote_storage.capacity_gib": "Its size in GiB.",
    "remote_storage.protocol": "How it is reached.",
    "remote_storage.iscsi_address": "Name of the iSCSI target to make.",
    "remote_storage.master": "What it is made from.",
    "remote_storage.master.type": "How it is made from that.",
    "remote_storage.master.address": "Address of the drive to take.",
    "remote_storage.master.resource": "URI of the drive to take.",
}


def parameters() -> dict[str, dict[str, typing.Any]]:
    """All parameters, in the order that os-api-ref wants."""
    found = {
        key: _entry(*facts[:3], _filled(key, facts[3]))
        for key, facts in OTHERS.items()
    }
    for cls, new in NOUNS.items():
        found |= _of_noun(cls, new)
    found |= _of_requirements(requirements.Properties)
    places = ("header", "path", "query", "body")
    return dict(
        sorted(
            found.items(),
            key=lambda item: (places.index(item[1]["in"]), item[0].lower()),
        )
    )


def _entry(
    place: str, kind: str, required: bool, description: str, since: int = 0
) -> dict[str, typing.Any]:
    entry = {
        "in": place,
        "type": kind,
        "required": required,
        "description": description,
    }
    if since:
        entry["min_version"] = f"1.{since}"
    return entry


def _filled(key: str, description: str) -> str:
    if key not in VALUES:
        return description
    return description % _words(VALUES[key].datatype.values)


def _words(values: typing.Iterable[str]) -> str:
    return ", ".join(f"``{value}``" for value in sorted(values))


def _of_noun(
    cls: type[base.Resource], new: typing.Any
) -> dict[str, dict[str, typing.Any]]:
    noun = cls.NOUN.replace(" ", "_")
    wanted = {a.name: a for a in wtypes.list_attributes(new)} if new else {}
    found = {}
    for name, field in cls.fields.items():
        if not field.visible:
            continue
        kind, text = _type(field), field.help
        if field.hardware:
            text += " For administrators only, by default."
        if isinstance(field, f.Enum):
            text += f" One of {_words(field.valid_values)}."
        key = name if name in COMMON else f"{noun}_{name}"
        shown = text + (" May be null." if field.nullable else "")
        found[key] = _entry("body", kind, True, shown, field.since)
        if field.filterable:
            found[f"{key}_query"] = _entry(
                "query", kind, False, f"Only those of this: {text}"
            )
        if field.writable and new:
            if field.length:
                text += f" At most {field.length} characters."
            found[f"{key}_request"] = _entry(
                "body", kind, wanted[name].mandatory, text, field.since
            )
    return found


def _type(field: typing.Any) -> str:
    match field:
        case f.Json():
            return "array" if field.form is list else "object"
        case f.Integer():
            return "integer"
        case f.Float():
            return "number"
        case f.Boolean():
            return "boolean"
    return "string"


def _of_requirements(
    datatype: typing.Any, above: str = ""
) -> dict[str, dict[str, typing.Any]]:
    found = {}
    for attribute in wtypes.list_attributes(datatype):
        path = above + attribute.name
        text, inner = REQUIREMENTS[path], attribute.datatype
        match inner:
            case wtypes.IntegerType():
                kind = "integer"
            case wtypes.ArrayType():
                kind = "array"
                if wtypes.iscomplex(inner.item_type):
                    found |= _of_requirements(inner.item_type, f"{path}.")
            case _ if inner is bool:
                kind = "boolean"
            case types.DocumentType():
                kind = "object"
            case wtypes.Enum():
                kind, text = "string", f"{text} {_words(inner.values)}."
            case wtypes.StringType():
                kind = "string"
            case _:
                kind = "object"
                found |= _of_requirements(inner, f"{path}.")
        found[f"properties.{path}"] = _entry(
            "body", kind, attribute.mandatory, text
        )
    return found


def tables() -> dict[str, list[tuple[str, str]]]:
    """What is shown where: file → (name, key of the parameter)."""
    known = parameters()
    found = {
        "properties": [(k, k) for k in known if k.startswith("properties.")]
    }
    for cls in NOUNS:
        noun = cls.NOUN.replace(" ", "_")
        keys = {
            name: name if name in COMMON else f"{noun}_{name}"
            for name, field in cls.fields.items()
            if field.visible
        }
        # As the API shows them: the uuid first.
        shown = sorted(keys, key=lambda name: name != "uuid")
        listed = [name for name in shown if not cls.fields[name].detail]
        links = ("links", "links")
        found[noun] = [*((n, keys[n]) for n in shown), links]
        found[f"{noun}_listed"] = [*((n, keys[n]) for n in listed), links]
        for kind in ("query", "request"):
            found[f"{noun}_{kind}"] = [
                (name, f"{key}_{kind}")
                for name, key in keys.items()
                if f"{key}_{kind}" in known
                and (kind == "query" or cls.fields[name].writable)
            ]
    return {name: rows for name, rows in found.items() if rows}


def render() -> dict[str, str]:
    """All files, by their path in the source of the API reference."""
    note = (
        "Written by tools/generate_api_ref.py (tox -e genapiref); change the\n"
        "{0} help of the objects' fields, or that tool.\n"
    )
    files = {
        f"tables/{name}.inc": f".. {note.format('  ')}\n"
        ".. rest_parameters:: parameters.yaml\n\n"
        + "".join(f"   - {shown}: {key}\n" for shown, key in rows)
        for name, rows in tables().items()
    }
    text = yaml.safe_dump(
        parameters(), sort_keys=False, width=76, allow_unicode=True
    )
    return {"parameters.yaml": f"# {note.format('#')}{text}", **files}


def main() -> int:
    for file in SOURCE.glob("tables/*"):
        file.unlink()
    SOURCE.joinpath("tables").mkdir(exist_ok=True)
    for name, text in render().items():
        (SOURCE / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
