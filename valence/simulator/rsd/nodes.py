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

"""What a pod shows of its composed nodes.

Sources: Intel RSD PODM API 2.1.3 (335455-002), 2.3.2 (337204-003) and 2.5
(613320-001), "Composed Node Collection" and "Composed Node"; for 1.2.1 the
tag of that name of the repository intel/intelRSD.
"""

import collections.abc
import typing

from valence.simulator.rsd import attachment
from valence.simulator.rsd import documents
from valence.simulator.rsd import hardware
from valence.simulator.rsd import routes

Json = dict[str, typing.Any]
BASE = hardware.BASE


@routes.route("GET", "/Nodes")
def node_list(asked: routes.Asked) -> Json:
    spelling = (
        "ComposedNodesCollection"
        if "allocate-key" in asked.pod.spec.quirks
        else "ComposedNodeCollection"
    )
    return documents.collection(
        asked,
        "ComposedNode",
        f"{BASE}/Nodes",
        [node.uri for node in asked.pod.nodes],
        Actions={
            f"#{spelling}.Allocate": {
                "target": f"{BASE}/Nodes/Actions/Allocate"
            }
        },
    )


@routes.route("GET", "/Nodes/{node_id}")
def node(asked: routes.Asked, node_id: str) -> Json:
    found = asked.pod.node(node_id)
    dialect, system = asked.pod.dialect, found.system
    remote = [v.uri for v in asked.pod.storage.of_node(node_id)]
    pooled = asked.pod.pool.of_node(node_id)
    drives = documents.links(device.uri for device in pooled if device.disk)
    held: Json = {
        "ComputerSystem": documents.link(system.uri) if system else None,
        "Processors": _parts(system.processors if system else [])
        + documents.links(device.uri for device in pooled if not device.disk),
        "Memory": _parts(system.memory if system else []),
        "EthernetInterfaces": _parts(system.interfaces if system else []),
        "ManagedBy": [documents.link(f"{BASE}/Managers/1")],
    }
    if dialect.links_storage:
        local = [f"{system.uri}/Storage/1"] if system else []
        held["Storage"] = (
            documents.links(local) + drives + documents.links(remote)
        )
    else:
        held["LocalDrives"] = _parts(system.drives if system else []) + drives
        held["RemoteDrives"] = documents.links(remote)
    actions = documents.reset_action(asked, found.uri, "ComposedNode")
    actions["#ComposedNode.Assemble"] = {
        "target": f"{found.uri}/Actions/ComposedNode.Assemble"
    }
    actions |= attachment.actions(asked, found)
    content: Json = {}
    if dialect.force_delete:
        actions["#ComposedNode.ForceDelete"] = {
            "target": f"{found.uri}/Actions/ComposedNode.ForceDelete"
        }
        content = found.settings | {
            "Oem": {"Intel_RackScale": {"TaggedValues": found.tags}}
        }
    sound = found.state != "Failed"
    return documents.document(
        asked,
        "ComposedNode",
        found.uri,
        found.name,
        version="1.1.0",
        Description=found.description,
        UUID=found.uuid,
        PowerState=found.power,
        ComposedNodeState=found.state,
        Status=documents.status(
            system.health if system and sound else "Critical"
        ),
        Processors={
            "Count": len(system.processors) if system else 0,
            "Model": system.profile.model if system else None,
            "Status": documents.status(),
        },
        Memory={
            "TotalSystemMemoryGiB": system.memory_mib / 1024 if system else 0,
            "Status": documents.status(),
        },
        Boot=documents.boot_of(asked, system.boot) if system else {},
        Links=held,
        Actions=actions,
        **content,
    )


def _parts(
    parts: collections.abc.Sequence[hardware.Part],
) -> list[dict[str, str]]:
    return documents.links(part.uri for part in parts)
