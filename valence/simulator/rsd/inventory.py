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

"""What a pod shows of its hardware: racks, systems and parts.

Sources: Intel RSD PODM API 2.1.3 (335455-002), "Chassis", "Computer System"
and its parts; for 1.2.1 the tag of that name of the repository
intel/intelRSD.
"""

import typing

from valence.simulator.rsd import dialects
from valence.simulator.rsd import documents
from valence.simulator.rsd import fabrics
from valence.simulator.rsd import hardware
from valence.simulator.rsd import pool
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Json = dict[str, typing.Any]
BASE = hardware.BASE
POD = "Pod1"


def _modern(dialect: dialects.Dialect) -> bool:
    return dialect.since("2.1")


def _old(dialect: dialects.Dialect) -> bool:
    return not dialect.since("2.1")


P = typing.TypeVar("P", bound=hardware.Part)


def _part(parts: list[P], part_id: str) -> P:
    for part in parts:
        if part.id == part_id:
            return part
    raise refusals.Refusal("InvalidEndpoint")


# Chassis: the pod holds racks, racks hold drawers, drawers hold systems.


@routes.route("GET", "/Chassis")
def chassis_list(asked: routes.Asked) -> Json:
    uri = f"{BASE}/Chassis"
    return documents.collection(
        asked, "Chassis", uri, [f"{uri}/{one}" for one in asked.pod.chassis()]
    )


@routes.route("GET", "/Chassis/{chassis_id}")
def chassis(asked: routes.Asked, chassis_id: str) -> Json:
    pod, uri = asked.pod, f"{BASE}/Chassis"
    contains: list[str] = []
    systems: list[hardware.System] = []
    pooled: list[pool.Device] = []
    parent = None
    if chassis_id == POD:
        kind, contains = "Pod", list(pod.racks)
    elif chassis_id in pod.racks:
        kind, parent = "Rack", POD
        contains = pod.drawers(chassis_id) + pod.enclosures(chassis_id)
        if "drawers-only" not in pod.spec.quirks:
            systems = [s for s in pod.systems if s.rack == chassis_id]
    elif pooled := [one for one in pod.pool if one.chassis == chassis_id]:
        kind, parent = "Enclosure", pooled[0].rack
    else:
        kind = "Drawer"
        systems = [s for s in pod.systems if s.drawer == chassis_id]
        if not systems:
            raise refusals.Refusal("InvalidEndpoint")
        parent = systems[0].rack
    held: Json = {
        "Contains": documents.links(f"{uri}/{one}" for one in contains),
        "ComputerSystems": documents.links(one.uri for one in systems),
        "ManagedBy": [documents.link(f"{BASE}/Managers/1")],
    }
    if parent is not None:
        held["ContainedBy"] = documents.link(f"{uri}/{parent}")
    if kind == "Drawer" and pod.dialect.since("2.1"):
        held["Drives"] = documents.links(
            drive.uri for one in systems for drive in one.drives
        )
    if kind == "Enclosure":
        held["Drives"] = documents.links(one.uri for one in pooled if one.disk)
        fpgas = [one.uri for one in pooled if not one.disk]
        if fpgas:
            held["Processors"] = documents.links(fpgas)
    return documents.document(
        asked,
        "Chassis",
        f"{uri}/{chassis_id}",
        chassis_id,
        ChassisType=kind,
        Manufacturer="Valence",
        Model=f"Simulated {kind}",
        SerialNumber=f"{pod.name.upper()}-{chassis_id.upper()}",
        Status=documents.status(),
        Links=held,
        Oem={
            "Intel_RackScale": {
                "Location": {"Id": chassis_id, "ParentId": parent}
            }
        },
    )


@routes.route("GET", "/Chassis/{chassis_id}/Drives/{drive_id}", _modern)
def chassis_drive(asked: routes.Asked, chassis_id: str, drive_id: str) -> Json:
    for system in asked.pod.systems:
        if system.drawer == chassis_id:
            for drive in system.drives:
                if drive.id == drive_id:
                    return _drive(asked, drive)
    uri = f"{BASE}/Chassis/{chassis_id}/Drives/{drive_id}"
    device = asked.pod.pool.find(uri)
    if device is None:
        raise refusals.Refusal("InvalidEndpoint")
    return fabrics.drive(asked, device)


def _drive(asked: routes.Asked, drive: hardware.Drive) -> Json:
    disk = drive.disk
    content: Json = {
        "Status": documents.status(),
        "Manufacturer": disk.vendor,
        "Model": disk.model or f"Simulated {disk.type}",
        "SerialNumber": drive.serial,
        "RPM" if not _modern(asked.pod.dialect) else "RotationSpeedRPM": (
            disk.rpm or None
        ),
    }
    if _modern(asked.pod.dialect):
        content |= {
            "MediaType": disk.type,
            "Protocol": disk.interface,
            "CapacityBytes": disk.gib * 2**30,
        }
    else:
        content |= {
            "Type": disk.type,
            "Interface": disk.interface,
            "CapacityGiB": disk.gib,
        }
    return documents.document(
        asked, "Drive", drive.uri, f"{disk.gib} GiB {disk.type}", **content
    )


# Systems and what is in them.


@routes.route("GET", "/Systems")
def system_list(asked: routes.Asked) -> Json:
    held = [system.uri for system in asked.pod.systems]
    return documents.collection(
        asked, "ComputerSystem", f"{BASE}/Systems", held
    )


@routes.route("GET", "/Systems/{system_id}")
def system(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    dialect = asked.pod.dialect
    drives = "Storage" if dialect.since("2.1") else "Adapters"
    within = {
        name: documents.link(f"{found.uri}/{name}")
        for name in (
            "Processors",
            dialect.memory_collection,
            "EthernetInterfaces",
            drives,
        )
    }
    return documents.document(
        asked,
        "ComputerSystem",
        found.uri,
        f"System {found.id}",
        version="1.1.0",
        SystemType="Physical",
        Manufacturer="Valence",
        Model=f"Simulated {found.profile.brand}",
        SerialNumber=found.serial,
        UUID=found.uuid,
        PowerState=found.power,
        BiosVersion="1.0.0",
        Status=documents.status(found.health),
        Boot=documents.boot_of(asked, found.boot),
        ProcessorSummary={
            "Count": len(found.processors),
            "Model": found.profile.model,
            "Status": documents.status(),
        },
        MemorySummary={
            "TotalSystemMemoryGiB": found.memory_mib / 1024,
            "Status": documents.status(),
        },
        **within,
        Links={
            "Chassis": documents.links([f"{BASE}/Chassis/{found.drawer}"]),
            "ManagedBy": [documents.link(f"{BASE}/Managers/1")],
        },
        Actions=documents.reset_action(asked, found.uri, "ComputerSystem"),
    )


@routes.route("GET", "/Systems/{system_id}/Processors")
def processor_list(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    return documents.collection(
        asked,
        "Processor",
        f"{found.uri}/Processors",
        [processor.uri for processor in found.processors],
    )


@routes.route("GET", "/Systems/{system_id}/Processors/{part_id}")
def processor(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    found = _part(asked.pod.system(system_id).processors, part_id)
    return documents.document(
        asked,
        "Processor",
        found.uri,
        f"Processor {found.id}",
        Socket=f"CPU {found.id}",
        ProcessorType="CPU",
        ProcessorArchitecture="x86",
        InstructionSet="x86-64",
        Manufacturer="Intel(R) Corporation",
        Model=found.model,
        MaxSpeedMHz=found.mhz,
        TotalCores=found.cores,
        TotalThreads=found.cores * 2,
        Status=documents.status(),
        Oem={"Intel_RackScale": {"Brand": found.brand, "Capabilities": []}},
    )


def _modules(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    return documents.collection(
        asked,
        asked.pod.dialect.memory_collection,
        f"{found.uri}/{asked.pod.dialect.memory_collection}",
        [module.uri for module in found.memory],
    )


def _module(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    found = _part(asked.pod.system(system_id).memory, part_id)
    dialect = asked.pod.dialect
    return documents.document(
        asked,
        dialect.memory_collection,
        found.uri,
        f"DIMM {found.id}",
        **{dialect.memory_type: found.type},
        MemoryType="DRAM",
        CapacityMiB=found.mib,
        OperatingSpeedMHz=found.mhz,
        DataWidthBits=64,
        Manufacturer="Valence",
        DeviceLocator=f"DIMM_{found.id}",
        Status=documents.status(),
    )


@routes.route("GET", "/Systems/{system_id}/Memory", _modern)
def memory_list(asked: routes.Asked, system_id: str) -> Json:
    return _modules(asked, system_id)


@routes.route("GET", "/Systems/{system_id}/Memory/{part_id}", _modern)
def memory_module(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    return _module(asked, system_id, part_id)


@routes.route("GET", "/Systems/{system_id}/DimmConfig", _old)
def dimm_list(asked: routes.Asked, system_id: str) -> Json:
    return _modules(asked, system_id)


@routes.route("GET", "/Systems/{system_id}/DimmConfig/{part_id}", _old)
def dimm(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    return _module(asked, system_id, part_id)


@routes.route("GET", "/Systems/{system_id}/EthernetInterfaces")
def interface_list(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    return documents.collection(
        asked,
        "EthernetInterface",
        f"{found.uri}/EthernetInterfaces",
        [interface.uri for interface in found.interfaces],
    )


@routes.route("GET", "/Systems/{system_id}/EthernetInterfaces/{part_id}")
def interface(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    found = _part(asked.pod.system(system_id).interfaces, part_id)
    return documents.document(
        asked,
        "EthernetInterface",
        found.uri,
        f"Ethernet Interface {found.id}",
        MACAddress=found.mac,
        PermanentMACAddress=found.mac,
        SpeedMbps=found.mbps,
        FullDuplex=True,
        LinkStatus="LinkUp",
        Status=documents.status(),
    )


@routes.route("GET", "/Systems/{system_id}/Storage", _modern)
def storage_list(asked: routes.Asked, system_id: str) -> Json:
    uri = f"{asked.pod.system(system_id).uri}/Storage"
    return documents.collection(asked, "Storage", uri, [f"{uri}/1"])


@routes.route("GET", "/Systems/{system_id}/Storage/1", _modern)
def storage(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    return documents.document(
        asked,
        "Storage",
        f"{found.uri}/Storage/1",
        "Local Storage",
        Status=documents.status(),
        Drives=documents.links(drive.uri for drive in found.drives),
    )


@routes.route("GET", "/Systems/{system_id}/Adapters", _old)
def adapter_list(asked: routes.Asked, system_id: str) -> Json:
    uri = f"{asked.pod.system(system_id).uri}/Adapters"
    return documents.collection(asked, "StorageAdapter", uri, [f"{uri}/1"])


@routes.route("GET", "/Systems/{system_id}/Adapters/1", _old)
def adapter(asked: routes.Asked, system_id: str) -> Json:
    uri = f"{asked.pod.system(system_id).uri}/Adapters/1"
    return documents.document(
        asked,
        "StorageAdapter",
        uri,
        "Storage Adapter",
        Status=documents.status(),
        Devices=documents.link(f"{uri}/Devices"),
    )


@routes.route("GET", "/Systems/{system_id}/Adapters/1/Devices", _old)
def adapter_drive_list(asked: routes.Asked, system_id: str) -> Json:
    found = asked.pod.system(system_id)
    return documents.collection(
        asked,
        "Device",
        f"{found.uri}/Adapters/1/Devices",
        [drive.uri for drive in found.drives],
    )


@routes.route("GET", "/Systems/{system_id}/Adapters/1/Devices/{part_id}", _old)
def adapter_drive(asked: routes.Asked, system_id: str, part_id: str) -> Json:
    return _drive(asked, _part(asked.pod.system(system_id).drives, part_id))
