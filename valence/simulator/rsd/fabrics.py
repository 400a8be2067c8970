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

"""What a pod shows of its pooled devices and of the fabric they stand on.

Sources: Intel RSD PODM API 2.1.3 (335455-002) and 2.5 (613320-001), "Drive",
"Processor", "Fabric", "Switch", "Zone" and "Endpoint".
"""

import typing

from valence.simulator.rsd import documents
from valence.simulator.rsd import hardware
from valence.simulator.rsd import pool
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Json = dict[str, typing.Any]
FABRIC = pool.FABRIC


def drive(asked: routes.Asked, device: pool.Device) -> Json:
    disk = device.disk
    if disk is None:
        raise refusals.Refusal("InvalidEndpoint")
    return documents.document(
        asked,
        "Drive",
        device.uri,
        device.model,
        Manufacturer=device.vendor,
        Model=device.model,
        SerialNumber=device.serial,
        MediaType=disk.type,
        Protocol=disk.interface,
        CapacityBytes=disk.gib * 2**30,
        RotationSpeedRPM=None,
        Status=documents.status(device.health),
        Links=_links(device),
        Oem={
            "Intel_RackScale": {
                "EraseOnDetach": device.erase_on_detach,
                "DriveErased": device.erased,
            }
        },
    )


@routes.route(
    "GET",
    "/Chassis/{chassis_id}/Processors/{device_id}",
    lambda dialect: dialect.attach_fpga,
)
def fpga(asked: routes.Asked, chassis_id: str, device_id: str) -> Json:
    uri = f"{hardware.BASE}/Chassis/{chassis_id}/Processors/{device_id}"
    device = asked.pod.pool.find(uri)
    if device is None:
        raise refusals.Refusal("InvalidEndpoint")
    return documents.document(
        asked,
        "Processor",
        uri,
        device.model,
        ProcessorType="FPGA",
        Manufacturer=device.vendor,
        Model=device.model,
        Status=documents.status(device.health),
        Links=_links(device),
        Oem={
            "Intel_RackScale": {
                "SerialNumber": device.serial,
                "FPGA": {"Type": "Discrete", "Erased": device.erased},
            }
        },
    )


def _links(device: pool.Device) -> Json:
    chassis = f"{hardware.BASE}/Chassis/{device.chassis}"
    return {
        "Chassis": documents.link(chassis),
        "Endpoints": documents.links([device.endpoint]),
    }


@routes.route("GET", "/Fabrics", lambda dialect: dialect.fabrics)
def fabric_list(asked: routes.Asked) -> Json:
    held = [FABRIC] if list(asked.pod.pool) else []
    uri = f"{hardware.BASE}/Fabrics"
    return documents.collection(asked, "Fabric", uri, held)


@routes.route("GET", "/Fabrics/PCIe", lambda dialect: dialect.fabrics)
def fabric(asked: routes.Asked) -> Json:
    within: Json = {
        name: documents.link(f"{FABRIC}/{name}")
        for name in ("Zones", "Endpoints", "Switches")
    }
    return documents.document(
        asked,
        "Fabric",
        FABRIC,
        "PCIe Fabric",
        FabricType="PCIe",
        Status=documents.status(),
        **within,
    )


@routes.route("GET", "/Fabrics/PCIe/Switches", lambda d: d.fabrics)
def fabric_switch_list(asked: routes.Asked) -> Json:
    uri = f"{FABRIC}/Switches"
    racks = dict.fromkeys(device.rack for device in asked.pod.pool)
    held = [f"{uri}/{rack}" for rack in racks]
    return documents.collection(asked, "Switch", uri, held)


@routes.route("GET", "/Fabrics/PCIe/Switches/{rack}", lambda d: d.fabrics)
def fabric_switch(asked: routes.Asked, rack: str) -> Json:
    enclosures = asked.pod.enclosures(rack)
    if not enclosures:
        raise refusals.Refusal("InvalidEndpoint")
    chassis = [f"{hardware.BASE}/Chassis/{one}" for one in enclosures]
    return documents.document(
        asked,
        "Switch",
        f"{FABRIC}/Switches/{rack}",
        f"PCIe Switch of {rack}",
        SwitchType="PCIe",
        Status=documents.status(),
        Links={"Chassis": documents.links(chassis)},
    )


@routes.route("GET", "/Fabrics/PCIe/Endpoints", lambda d: d.fabrics)
def endpoint_list(asked: routes.Asked) -> Json:
    held = [_initiator(system) for system in asked.pod.systems]
    held += [device.endpoint for device in asked.pod.pool]
    return documents.collection(asked, "Endpoint", f"{FABRIC}/Endpoints", held)


@routes.route("GET", "/Fabrics/PCIe/Endpoints/{number}", lambda d: d.fabrics)
def endpoint(asked: routes.Asked, number: str) -> Json:
    uri = f"{FABRIC}/Endpoints/{number}"
    device = asked.pod.pool.find(uri)
    if device is not None:
        kind = "Processor" if device.disk is None else "Drive"
        return _endpoint(asked, uri, "Target", kind, device.uri)
    for system in asked.pod.systems:
        if uri == _initiator(system):
            return _endpoint(
                asked, uri, "Initiator", "RootComplex", system.uri
            )
    raise refusals.Refusal("InvalidEndpoint")


def _endpoint(
    asked: routes.Asked, uri: str, role: str, kind: str, entity: str
) -> Json:
    return documents.document(
        asked,
        "Endpoint",
        uri,
        f"PCIe {role}",
        EndpointProtocol="PCIe",
        ConnectedEntities=[
            {
                "EntityRole": role,
                "EntityType": kind,
                "EntityLink": documents.link(entity),
            }
        ],
        Status=documents.status(),
    )


@routes.route("GET", "/Fabrics/PCIe/Zones", lambda d: d.fabrics)
def zone_list(asked: routes.Asked) -> Json:
    uri = f"{FABRIC}/Zones"
    held = [f"{uri}/{system.id}" for system in asked.pod.systems]
    return documents.collection(asked, "Zone", uri, held)


@routes.route("GET", "/Fabrics/PCIe/Zones/{number}", lambda d: d.fabrics)
def zone(asked: routes.Asked, number: str) -> Json:
    """A system and what is attached to the node on it."""
    system = asked.pod.system(number)
    held = [_initiator(system)]
    for node in asked.pod.nodes:
        if node.system is system:
            held += [one.endpoint for one in asked.pod.pool.of_node(node.id)]
    return documents.document(
        asked,
        "Zone",
        f"{FABRIC}/Zones/{number}",
        f"PCIe Zone of System {number}",
        Status=documents.status(),
        Links={"Endpoints": documents.links(held)},
    )


def _initiator(system: hardware.System) -> str:
    return f"{FABRIC}/Endpoints/S{system.id}"
