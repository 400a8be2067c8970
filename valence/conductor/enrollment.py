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
"""What a provisioner is to know of a node: put together from the rows."""

import collections
import re
import typing

from valence import objects
from valence.drivers import base as drivers
from valence.provision import base

#: Redfish's InstructionSet → what the users of Ironic call it.
_ARCHITECTURES = {"x86-64": "x86_64", "ARM-A64": "aarch64"}
_BOOT_MODES = {"UEFI": "uefi", "Legacy": "bios"}
_MAC = re.compile("([0-9a-f]{2}:){5}[0-9a-f]{2}")

Document = dict[str, typing.Any]


def of(
    node: objects.Node,
    seen: Document,
    podm: objects.PodManager,
    bmc: drivers.Bmc | None,
    held: list[objects.Device],
    asked: Document,
    driver_info: Document | None = None,
) -> base.Enrollment:
    """A node as a provisioner is to have it.

    :param seen: values that go before those of the node's row, which is
        written when the operation ends
    :param held: devices of the pool that the node has
    :param asked: what the request said, see valence.api.enrollment
    """

    def value(name: str) -> typing.Any:
        return seen.get(name, getattr(node, name))

    assets = value("assets")
    return base.Enrollment(
        uuid=node.uuid,
        name=node.name,
        description=node.description,
        project_id=node.project_id,
        driver=asked.get("driver"),
        driver_info=driver_info or {},
        bmc=bmc,
        interfaces=asked.get("interfaces") or {},
        properties={
            **_properties(assets or {}, value("memory_mib")),
            **(asked.get("properties") or {}),
        },
        capabilities={
            **_capabilities(value("boot"), held),
            **(asked.get("capabilities") or {}),
        },
        resource_class=node.resource_class,
        traits=sorted({*node.traits, *map(trait_of, held)} - {None}),
        ports=_ports(assets, asked),
        extra={
            "node": node.uuid,
            "index": value("index"),
            "resource_uri": value("resource_uri"),
            "pod_manager": {"uuid": podm.uuid, "name": podm.name},
            "devices": [
                {"uuid": device.uuid, "type": device.type} for device in held
            ],
        },
    )


def trait_of(device: objects.Device) -> str | None:
    """CUSTOM_GPU for a GPU; None where nobody knows what it is."""
    if device.type == "Unknown":
        return None
    return "CUSTOM_" + re.sub("[^A-Z0-9]+", "_", device.type.upper())


def _properties(assets: Document, memory_mib: int | None) -> Document:
    """As Ironic's own inspection names them.

    ``cpus`` counts threads, as operating systems do; ``local_gb`` is the
    largest drive.
    """
    processors = [
        one
        for one in assets.get("processors", [])
        if one.get("processor_type") in (None, "CPU")
    ]
    cpus = sum(
        one.get("total_threads") or one.get("total_cores") or 0
        for one in processors
    )
    memory = memory_mib or sum(
        one.get("capacity_mib") or 0 for one in assets.get("memory", [])
    )
    drives = [
        one.get("capacity_gib") or 0
        for kind in ("local_drives", "remote_drives", "storage")
        for one in assets.get(kind, [])
    ]
    found = {
        "cpus": cpus,
        "memory_mb": memory,
        "local_gb": int(max(drives, default=0)),
        "cpu_arch": next(
            (
                _ARCHITECTURES[one["instruction_set"]]
                for one in processors
                if one.get("instruction_set") in _ARCHITECTURES
            ),
            None,
        ),
    }
    return {key: value for key, value in found.items() if value}


def _capabilities(
    boot: Document, held: list[objects.Device]
) -> dict[str, str]:
    found = {}
    mode = _BOOT_MODES.get((boot or {}).get("mode") or "")
    if mode:
        found["boot_mode"] = mode
    kinds = collections.Counter(device.type for device in held)
    for kind, count in kinds.items():
        word = re.sub("[^a-z0-9]+", "_", kind.lower())
        found[f"{word}_devices"] = str(count)
    return found


def _ports(assets: Document | None, asked: Document) -> list[base.Port] | None:
    """What the hardware tells, and what the request does."""
    named = {
        port["address"]: port.get("physical_network")
        for port in asked.get("ports") or []
    }
    if assets is None and not named:
        return None
    addresses = [
        (one.get("mac_address") or "").lower()
        for one in (assets or {}).get("ethernet_interfaces", [])
    ]
    network = asked.get("physical_network")
    return [
        base.Port(address, named.get(address) or network)
        for address in dict.fromkeys([*addresses, *named])
        if _MAC.fullmatch(address)
    ]
