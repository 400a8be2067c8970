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


"""What the API reference says of that which is no field of an object."""

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
    "resource_class_ident": (
        "path",
        "string",
        True,
        "UUID or name of a resource class.",
    ),
    "resource_provider_ident": (
        "path",
        "string",
        True,
        "UUID of a resource provider, or its name where only one has that "
        "name.",
    ),
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
    "node_enroll": (
        "body",
        "object",
        False,
        "Enroll it in Ironic when it is composed, in the same operation: what "
        "``register`` takes; ``{}`` for all that is known of it. For "
        "administrators.",
    ),
    "node_enroll_driver": (
        "body",
        "string",
        False,
        "Ironic's driver; without it ``redfish`` where the pod manager has a "
        "BMC of it, otherwise ``ipmi``.",
    ),
    "node_enroll_driver_info": (
        "body",
        "object",
        False,
        "What Ironic has to know to drive it, over what is known of it. "
        "``address``, ``username``, ``password`` and the like become those "
        "of the driver, such as ``ipmi_address``. Never shown, and forgotten "
        "here when the operation has ended.",
    ),
    "node_enroll_interfaces": (
        "body",
        "object",
        False,
        "Interface of Ironic, such as ``boot`` or ``network``, and which to "
        "use.",
    ),
    "node_enroll_properties": (
        "body",
        "object",
        False,
        "Properties over those that are known: cpus, memory_mb, local_gb, "
        "cpu_arch, capabilities.",
    ),
    "node_enroll_resource_class": (
        "body",
        "string",
        False,
        "The class that Ironic offers it as; without it its flavor's.",
    ),
    "node_enroll_traits": (
        "body",
        "array",
        False,
        "Traits; without them its flavor's.",
    ),
    "node_enroll_ports": (
        "body",
        "array",
        False,
        "Ports: ``address``, a MAC address, and ``physical_network``. "
        "Without them those that the pod manager tells.",
    ),
    "node_enroll_physical_network": (
        "body",
        "string",
        False,
        "Physical network of the ports that name none.",
    ),
    "node_enroll_target": (
        "body",
        "string",
        False,
        "How far Ironic is to bring it: ``enroll``, ``manageable`` or "
        "``available``; without it what ``[ironic]target`` says.",
    ),
    "node_unregister_force": (
        "body",
        "boolean",
        False,
        "Do not ask Ironic: for where there is no Ironic any more.",
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
    "allocations": (
        "body",
        "object",
        True,
        "By the UUID of the provider: its ``generation``, and ``resources``, "
        "how much of each resource class the node holds of it.",
    ),
    "allocations_project_id": (
        "body",
        "string",
        True,
        "Project that the node belongs to. May be null.",
    ),
    "allocations_request": (
        "body",
        "object",
        True,
        "By the UUID of a pool: ``resources``, how much of each resource "
        "class the node is to hold of it. What it holds of pools that are "
        "not named is given back.",
    ),
    "allocations_user_id": (
        "body",
        "string",
        True,
        "User who made the node. May be null.",
    ),
    "inventories": (
        "body",
        "object",
        True,
        "By resource class, of at most 256: what there is of it, as follows.",
    ),
    "node_dry_run": (
        "body",
        "boolean",
        False,
        "Do nothing, and tell which pod manager the node would be composed "
        "on, and why.",
    ),
    "node_plan_candidates": (
        "body",
        "array",
        True,
        "Each pod manager that can serve the request, the best first: "
        "``podm_id``, ``pod_manager``, its name, ``score``, and "
        "``weights``, what each weigher adds to that.",
    ),
    "node_plan_pod_manager": (
        "body",
        "string",
        True,
        "Name of the pod manager that would be tried first.",
    ),
    "node_plan_podm_id": (
        "body",
        "string",
        True,
        "UUID of the pod manager that would be tried first.",
    ),
    "node_plan_refusals": (
        "body",
        "array",
        True,
        "Each pod manager that cannot serve it, the nearest first: "
        "``podm_id``, ``pod_manager``, its name, ``filter``, the first that "
        "turned it down, the ``reason``, and, where it is a matter of "
        "numbers, what is ``needed`` and what of that is ``free``.",
    ),
    "resource_provider_generation": (
        "body",
        "integer",
        True,
        "Counts the changes of what the provider has and is.",
    ),
    "resource_provider_generation_request": (
        "body",
        "integer",
        True,
        "That which was read with what is replaced. Where the provider has "
        "changed since, the request is answered 409.",
    ),
    "resource_provider_required_query": (
        "query",
        "string",
        False,
        "Only those with all of these traits and none of those with ``!`` "
        "before it, such as ``CUSTOM_QUIET,!CUSTOM_OLD``.",
    ),
    "resource_provider_resources_query": (
        "query",
        "string",
        False,
        "Only those that could give this much of each class now, such as "
        "``PGPU:2,CUSTOM_LICENSE:1``.",
    ),
    "resource_provider_uuid_request": (
        "body",
        "string",
        False,
        "UUID of what the pool stands for, where that has one.",
    ),
    "traits": (
        "body",
        "array",
        True,
        "Standard traits of OpenStack, or ``CUSTOM_`` and capitals, digits "
        "and underscores; at most 1024.",
    ),
    "usages": (
        "body",
        "object",
        True,
        "By resource class: how much is held.",
    ),
}
