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

"""What a pod shows of the storage that is not in its systems.

Sources: Intel RSD PODM API 2.1.3 (335455-002), "Service" and "Logical Drive";
2.3.2 (337204-003), "Storage Service" and "Volume"; for 1.2.1 the tag of that
name of the repository intel/intelRSD.
"""

import typing

from valence.simulator.rsd import dialects
from valence.simulator.rsd import documents
from valence.simulator.rsd import hardware
from valence.simulator.rsd import refusals
from valence.simulator.rsd import routes

Json = dict[str, typing.Any]
BASE = hardware.BASE


def _logical(dialect: dialects.Dialect) -> bool:
    return dialect.storage == "Services"


def _swordfish(dialect: dialects.Dialect) -> bool:
    return dialect.storage == "StorageServices"


def _services(asked: routes.Asked) -> Json:
    kind = asked.pod.dialect.storage
    return documents.collection(
        asked,
        kind.removesuffix("s"),
        f"{BASE}/{kind}",
        [asked.pod.storage.uri],
    )


def _service(asked: routes.Asked, *within: str) -> Json:
    uri = asked.pod.storage.uri
    held: Json = {name: documents.link(f"{uri}/{name}") for name in within}
    return documents.document(
        asked,
        asked.pod.dialect.storage.removesuffix("s"),
        uri,
        "Remote Storage",
        Status=documents.status(),
        **held,
    )


def _volumes(asked: routes.Asked, kind: str) -> Json:
    held = asked.pod.storage
    uris = [volume.uri for volume in held.volumes.values()]
    return documents.collection(asked, kind, held.shelf, uris)


def _volume(asked: routes.Asked, number: str) -> hardware.Volume:
    found = asked.pod.storage.volumes.get(number)
    if found is None:
        raise refusals.Refusal("InvalidEndpoint")
    return found


@routes.route("GET", "/Services", _logical)
def service_list(asked: routes.Asked) -> Json:
    return _services(asked)


@routes.route("GET", "/Services/1", _logical)
def service(asked: routes.Asked) -> Json:
    return _service(asked, "LogicalDrives", "Drives", "RemoteTargets")


@routes.route("GET", "/Services/1/LogicalDrives", _logical)
def logical_drive_list(asked: routes.Asked) -> Json:
    return _volumes(asked, "LogicalDrive")


@routes.route("GET", "/Services/1/LogicalDrives/{volume_id}", _logical)
def logical_drive(asked: routes.Asked, volume_id: str) -> Json:
    found = _volume(asked, volume_id)
    return documents.document(
        asked,
        "LogicalDrive",
        found.uri,
        f"Logical Drive {found.id}",
        Type="LVM",
        Mode="LV",
        Protected=found.lasting,
        Snapshot=found.master is not None,
        CapacityGiB=found.gib,
        Image="simulated" if found.lasting else None,
        Bootable=True,
        Status=documents.status(),
        Links={"LogicalDrives": [], "PhysicalDrives": [], "Targets": []},
    )


@routes.route("GET", "/Services/1/{name}", _logical)
def service_part(asked: routes.Asked, name: str) -> Json:
    kinds = {"Drives": "PhysicalDrive", "RemoteTargets": "RemoteTarget"}
    return _empty(asked, kinds, name)


@routes.route("GET", "/StorageServices", _swordfish)
def storage_service_list(asked: routes.Asked) -> Json:
    return _services(asked)


@routes.route("GET", "/StorageServices/1", _swordfish)
def storage_service(asked: routes.Asked) -> Json:
    return _service(
        asked, "Volumes", "StoragePools", "Endpoints", "EndpointGroups",
        "Drives",
    )  # fmt: skip


@routes.route("GET", "/StorageServices/1/Volumes", _swordfish)
def volume_list(asked: routes.Asked) -> Json:
    return _volumes(asked, "Volume")


@routes.route("GET", "/StorageServices/1/Volumes/{volume_id}", _swordfish)
def volume(asked: routes.Asked, volume_id: str) -> Json:
    found = _volume(asked, volume_id)
    return documents.document(
        asked,
        "Volume",
        found.uri,
        f"Volume {found.id}",
        CapacityBytes=int(found.gib * 2**30),
        AccessCapabilities=["Read", "Write"],
        Status=documents.status(),
        Oem={
            "Intel_RackScale": {
                "Bootable": True,
                "Image": "simulated" if found.lasting else None,
            }
        },
    )


@routes.route("GET", "/StorageServices/1/{name}", _swordfish)
def storage_service_part(asked: routes.Asked, name: str) -> Json:
    kinds = {
        "StoragePools": "StoragePool",
        "Endpoints": "Endpoint",
        "EndpointGroups": "EndpointGroup",
        "Drives": "Drive",
    }
    return _empty(asked, kinds, name)


def _empty(asked: routes.Asked, kinds: dict[str, str], name: str) -> Json:
    if name not in kinds:
        raise refusals.Refusal("InvalidEndpoint")
    uri = f"{asked.pod.storage.uri}/{name}"
    return documents.collection(asked, kinds[name], uri, [])
