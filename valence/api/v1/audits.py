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
"""What a pod manager holds against what is known of it."""

import typing

from valence import objects
from valence import states

FOREIGN = "belongs to nobody here; it is left alone"
LEFT = "bears the tag of a node that is not known here any more"
MISSING = "is known here and the pod manager does not have it"
LOST = "disappeared while a node holds it"


def document(
    podm: objects.PodManager,
    nodes: list[objects.Node],
    devices: list[objects.Device],
) -> dict[str, typing.Any]:
    """Every node and device with its owner and what is odd about it.

    :returns: ``nodes`` and ``devices``, and ``findings``, how many of them
        have one
    """
    shown = _nodes(podm, nodes)
    pooled = _devices(nodes, devices)
    return {
        "podm_id": podm.uuid,
        "synced_at": podm.synced_at.isoformat() if podm.synced_at else None,
        "findings": sum(bool(item["finding"]) for item in shown + pooled),
        "nodes": shown,
        "devices": pooled,
    }


def _nodes(
    podm: objects.PodManager, nodes: list[objects.Node]
) -> list[dict[str, typing.Any]]:
    by_index = {node.index: node for node in nodes if node.index}
    by_uuid = {node.uuid: node for node in nodes}
    shown = []
    for held in podm.hardware_nodes:
        owner = by_index.get(held["index"]) or by_uuid.get(held["tag"])
        finding = None
        if owner is None:
            finding = LEFT if held["tag"] else FOREIGN
        shown.append(
            {
                "index": held["index"],
                "name": held["name"],
                "state": held["state"],
                "owner": owner.uuid if owner else None,
                "finding": finding,
            }
        )
    held_indexes = {held["index"] for held in podm.hardware_nodes}
    for index, node in by_index.items():
        # What was composed since the last sync is no finding.
        since = podm.synced_at is None or node.updated_at > podm.synced_at
        if index not in held_indexes and not since:
            shown.append(
                {
                    "index": index,
                    "name": node.name,
                    "state": None,
                    "owner": node.uuid,
                    "finding": MISSING,
                }
            )
    return shown


def _devices(
    nodes: list[objects.Node], devices: list[objects.Device]
) -> list[dict[str, typing.Any]]:
    known = {node.uuid for node in nodes}
    shown = []
    for device in devices:
        owner = device.node_uuid if device.node_uuid in known else None
        finding = None
        if device.state != states.FREE:
            if device.deleted_at is not None:
                finding = LOST
            elif owner is None:
                finding = FOREIGN
        elif device.deleted_at is not None:
            continue
        shown.append(
            {
                "uuid": device.uuid,
                "type": device.type,
                "resource_uri": device.resource_uri,
                "state": device.state,
                "node_id": device.node_id,
                "owner": owner,
                "finding": finding,
            }
        )
    return shown
