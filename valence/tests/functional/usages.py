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
"""What pod managers show of their use, beside a recount of the hardware."""

import collections
import typing

Row = dict[str, typing.Any]


def recounted(
    systems: dict[str, str | None],
    total: int,
    devices: list[tuple[str, str | None, str | None, str | None]],
) -> Row:
    """The usage of a pod manager, counted on the hardware.

    :param systems: in use → the node of ours that is on it
    :param total: of systems
    :param devices: (type, health, hardware that has it, node of ours)
    """
    on = collections.Counter(systems.values())
    by_type: dict[str, Row] = {}
    resources: dict[str, Row] = {
        "CUSTOM_SYSTEM": {
            "total": total,
            "reserved": on[None],
            "used": len(systems) - on[None],
            "free": total - len(systems),
        }
    }
    for kind, health, holder, owner in devices:
        shown = by_type.setdefault(
            kind, {"total": 0, "free": 0, "allocated": 0}
        )
        shown["total"] += 1
        shown["allocated" if holder else "free"] += 1
        numbers = resources.setdefault(
            f"CUSTOM_{kind.upper()}",
            {"total": 0, "reserved": 0, "used": 0, "free": 0},
        )
        numbers["total"] += 1
        if owner is not None:
            numbers["used"] += 1
        elif holder or health == "Critical":
            numbers["reserved"] += 1
        else:
            numbers["free"] += 1
    summed: collections.Counter[str] = collections.Counter()
    for shown in by_type.values():
        summed.update(shown)
    return {
        "systems": on,
        "devices": {
            **{name: summed[name] for name in ("total", "free", "allocated")},
            "by_type": by_type,
        },
        "resources": resources,
    }


class Usages:
    """Of the pods of valence.tests.functional.test_random_steps."""

    def check_usage(self, nodes: list[Row]) -> None:
        """What pod managers show is what a recount of the hardware gives."""
        owners = {
            held.id: node["uuid"]
            for held in self.pod.nodes
            for node in nodes
            if node["uuid"] in held.description
        }
        found = recounted(
            {node.system.uri: owners.get(node.id) for node in self.pod.nodes},
            len(self.pod.systems),
            [
                (unit.type, unit.health, unit.node, owners.get(unit.node))
                for unit in self.pod.pool
            ],
        )
        self._compare_usage(0, nodes, found)
        owners = self._owners(1, nodes)
        servers = {
            one.group_id: one.id
            for one in self.eem.servers
            if one.group_id != "4094"
        }
        devices = []
        used: dict[str, str | None] = dict(owners)
        for unit in self.eem.devices:
            holder = servers.get(unit.group_id)
            if holder is not None:
                used.setdefault(holder, None)
            if unit.notification == "up":
                devices.append((unit.kind, None, holder, owners.get(holder)))
        found = recounted(used, len(self.eem.servers), devices)
        self._compare_usage(1, nodes, found)

    def _compare_usage(
        self, which: int, nodes: list[Row], expected: Row
    ) -> None:
        podm_id = self.podms[which]
        usage = self.env.api.get(f"/v1/pod_managers/{podm_id}").json["usage"]
        mine = [node for node in nodes if node["podm_id"] == podm_id]
        states = collections.Counter(node["provision_state"] for node in mine)
        assert usage["nodes"] == states, (usage, states)
        assert usage["devices"] == expected["devices"], (usage, expected)
        # What could not be given back is left to the node until it is, also
        # where the hardware does not have it any more.
        resources = expected["resources"]
        for node in mine:
            if node["provision_state"] == "error":
                held = self._held(node["uuid"], podm_id)
                more = held - expected["systems"][node["uuid"]]
                assert more in (0, 1), (node, held)
                resources["CUSTOM_SYSTEM"]["used"] += more
                resources["CUSTOM_SYSTEM"]["free"] -= more
        # A class that there was something of stays.
        shown = {
            name: numbers
            for name, numbers in usage["resources"].items()
            if any(numbers.values())
        }
        assert shown == resources, (usage, expected)
        self._compare_stats(podm_id)

    def _compare_stats(self, podm_id: str) -> None:
        """The stats of devices are what counting the devices gives."""
        counted: dict[tuple[str | None, ...], Row] = {}
        for one in self.env.api.get(f"/v1/devices?podm_id={podm_id}").json:
            key = f"CUSTOM_{one['type'].upper()}", one["vendor"], one["model"]
            numbers = counted.setdefault(
                key, {"total": 0, "free": 0, "allocated": 0}
            )
            numbers["total"] += 1
            free = one["state"] == "free"
            numbers["free" if free else "allocated"] += 1
        stats = self.env.api.get(f"/v1/devices/stats?podm_id={podm_id}").json
        shown = {
            (one["resource_class"], one["vendor"], one["model"]): {
                name: one[name] for name in ("total", "free", "allocated")
            }
            for one in stats
        }
        assert len(shown) == len(stats), stats
        assert shown == counted, (shown, counted)

    def _held(self, node: str, podm_id: str) -> int:
        held = self.env.api.get(f"/v1/allocations/{node}").json["allocations"]
        resources = held.get(podm_id, {}).get("resources", {})
        return resources.get("CUSTOM_SYSTEM", 0)
