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
"""Random steps and faults, after which the rows equal the hardware.

Users compose, attach, detach and release, somebody walks along the racks and
plugs, unplugs, switches and breaks things, and requests fail or lose their
answers. When that has ended, one sync has to make everything true.
"""

import collections
import typing

import hypothesis
from hypothesis import stateful
from hypothesis import strategies as st
import sqlalchemy as sa

from valence.db import engine
from valence.db import models
from valence.simulator import EemSpec
from valence.simulator import PodSpec
from valence.tests import base  # noqa: F401 (chooses the threads)
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Configuration
from valence.tests.fixtures.environment import Environment
from valence.tests.functional import books
from valence.tests.functional import usages

WAIT = 60
#: What is asked of the hardware when something is done with it.
POINTS = (
    ("allocate", "assemble", "delete", "attach", "detach"),
    ("group_set", "group_delete"),
)
EFFECTS: tuple[dict[str, typing.Any], ...] = (
    {"status": 500},
    {"cut": "before"},
    {"cut": "after"},
)
#: What can happen on the hardware side: to what, and which values.
CHANGES: tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...] = (
    (
        ("devices", "health", ("OK", "Warning", "Critical")),
        ("systems", "health", ("OK", "Warning", "Critical")),
        ("systems", "power", ("On", "Off")),
    ),
    (
        ("devices", "power", ("on", "off")),
        ("devices", "link", ("up", "down")),
        ("devices", "notification", ("up", "down")),
        ("servers", "power", ("on", "off")),
        ("devices", "group_id", ("4093",)),
    ),
)
FREE_POOL = "4093"

#: The number of a thing; which one that is depends on how many there are.
WHICH = st.integers(0, 11)
PODS = st.integers(0, 1)
#: Mostly somebody waits, so that the steps come one after the other.
PATIENCE = st.sampled_from((True, True, True, False))

Row = dict[str, typing.Any]


class Machine(usages.Usages, stateful.RuleBasedStateMachine):
    """An RSD pod and an ExpEther Manager, and all that happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.conf = Configuration()
        self.conf.setUp()
        self.conf.set("pod_manager", settle_time=0.05)
        self.env = Environment(
            PodSpec(dialect="2.5", systems=3, devices=4),
            EemSpec(servers=3, devices=4, kinds=("SSD", "NIC")),
        )
        self.env.setUp()
        self.pod, self.eem = self.env.pods
        self.podms = [
            self.env.register(0)["uuid"],
            self.env.register(1, driver="expether")["uuid"],
        ]
        self.pulled: list[list[str]] = [[], []]
        self.under_way: list[Answer] = []
        self.composed = 0
        #: (pod manager, URI) → uuid of its device.
        self.uuids: dict[tuple[str, str], str] = {}
        self._remember()

    def teardown(self) -> None:
        try:
            self._settle()
            self._check()
            self._give_all_back()
        finally:
            self.env.cleanUp()
            self.conf.cleanUp()

    # -- what users do --

    @stateful.initialize()
    def begin(self) -> None:
        """With a node on each, so that there is something to attach to."""
        for which, kind in enumerate(("NVMe", "SSD")):
            self.compose(which, [kind], True)

    @stateful.rule(
        which=st.integers(0, 2),
        types=st.lists(st.sampled_from(("SSD", "NVMe", "NIC")), max_size=2),
        patient=PATIENCE,
    )
    def compose(self, which: int, types: list[str], patient: bool) -> None:
        """On one of the pod managers, or on whichever can serve."""
        self.composed += 1
        body: Row = {"name": f"node-{self.composed}"}
        if which < len(self.podms):
            body["podm_id"] = self.podms[which]
        if types:
            body["properties"] = {"pci_device": {"type": types}}
        self._ask("POST", "/v1/nodes", body, patient)

    @stateful.rule(node=WHICH, device=WHICH, patient=PATIENCE)
    def attach(self, node: int, device: int, patient: bool) -> None:
        self._move("attach", node, device, patient)

    @stateful.rule(node=WHICH, device=WHICH, patient=PATIENCE)
    def attach_again(self, node: int, device: int, patient: bool) -> None:
        """Attaching is what it is all about."""
        self._move("attach", node, device, patient)

    @stateful.rule(device=WHICH, patient=PATIENCE)
    def detach(self, device: int, patient: bool) -> None:
        """From the node that has it; or, where none does, from the first."""
        devices = self.env.api.get("/v1/devices").json
        held = [one for one in devices if one["node_uuid"]] or devices
        if not held:
            return
        one = held[device % len(held)]
        holder = one["node_uuid"]
        if holder is None:
            self._move("detach", 0, device, patient)
            return
        self._ask(
            "POST",
            f"/v1/nodes/{holder}/action",
            {"detach": {"uuid": one["uuid"]}},
            patient,
        )

    @stateful.rule(node=WHICH, patient=PATIENCE)
    def release(self, node: int, patient: bool) -> None:
        nodes = self.env.api.get("/v1/nodes").json
        if nodes:
            found = nodes[node % len(nodes)]
            self._ask("DELETE", f"/v1/nodes/{found['uuid']}", None, patient)

    @stateful.rule(which=PODS, patient=PATIENCE)
    def sync(self, which: int, patient: bool) -> None:
        path = f"/v1/pod_managers/{self.podms[which]}/sync"
        self._ask("POST", path, None, patient)

    # -- what happens on the hardware side --

    @stateful.rule(which=PODS, device=WHICH)
    def unplug(self, which: int, device: int) -> None:
        ids = self._device_ids(which)
        if len(ids) > 2:
            chosen = ids[device % len(ids)]
            self.env.pods[which].remove("devices", chosen)
            self.pulled[which].append(chosen)

    @stateful.rule(which=PODS, new=st.booleans())
    def plug(self, which: int, new: bool) -> None:
        """What was pulled out before, or something new."""
        pod = self.env.pods[which]
        if self.pulled[which]:
            pod.add("devices", {"id": self.pulled[which].pop(0)})
        elif new and len(self._device_ids(which)) < 6:
            pod.add("devices", {})

    @stateful.rule(which=PODS, thing=WHICH, change=WHICH, value=WHICH)
    def change(self, which: int, thing: int, change: int, value: int) -> None:
        pod, changes = self.env.pods[which], CHANGES[which]
        kind, name, values = changes[change % len(changes)]
        things = pod.describe()[kind]
        if things:
            pod.change(
                kind,
                things[thing % len(things)]["id"],
                {name: values[value % len(values)]},
            )

    @stateful.rule(
        which=PODS, point=WHICH, effect=st.sampled_from(EFFECTS), times=WHICH
    )
    def fault(self, which: int, point: int, effect: Row, times: int) -> None:
        points = POINTS[which]
        self.env.pods[which].faults.add(
            point=points[point % len(points)], times=1 + times % 2, **effect
        )

    # -- how it is done --

    def _device_ids(self, which: int) -> list[str]:
        found = self.env.pods[which].describe()["devices"]
        return [one["id"] for one in found]

    def _move(self, verb: str, node: int, device: int, patient: bool) -> None:
        """A device of the node's own pod manager, and now and then another."""
        nodes = self.env.api.get("/v1/nodes?provision_state=composed").json
        if not nodes:
            return
        found = nodes[node % len(nodes)]
        query = f"?podm_id={found['podm_id']}" if device % 6 else ""
        devices = self.env.api.get(f"/v1/devices{query}").json
        if devices:
            self._ask(
                "POST",
                f"/v1/nodes/{found['uuid']}/action",
                {verb: {"uuid": devices[device % len(devices)]["uuid"]}},
                patient,
            )

    def _ask(self, method: str, path: str, body: object, wait: bool) -> None:
        answer = self.env.api.request(
            method, path, body, wait=WAIT if wait else None
        )
        assert "An unexpected error" not in answer.text, answer
        if answer.status == 202:
            assert not wait, f"after {WAIT} s: {answer}"
            self.under_way.append(answer)

    def _settle(self) -> None:
        """Let everything end; then the one sync, without faults."""
        for answer in self.under_way:
            self.env.api.ended(answer)
        for pod in self.env.pods:
            pod.faults.clear()
        self._sync_all()

    def _sync_all(self) -> None:
        answer = self.env.api.post("/v1/devices/sync", {}, wait=WAIT)
        outcomes = [one["status"] for one in answer.json]
        assert outcomes == ["SUCCESS"] * 2, answer

    # -- what has to be true --

    def _check(self) -> None:
        nodes = self.env.api.get("/v1/nodes").json
        for node in nodes:
            assert node["provision_state"] in (
                "composed",
                "compose_failed",
                "error",
            ), node
            assert node["operation_id"] is None, node
        self._remember()
        self._check_nodes(nodes)
        self._check_rsd(nodes)
        self._check_eem(nodes)
        self.check_usage(nodes)
        assert books.counted() == [], books.counted()

    @stateful.invariant()
    def books_add_up(self) -> None:
        """Whatever is under way."""
        assert books.added_up() == [], books.added_up()

    def _check_nodes(self, nodes: list[Row]) -> None:
        """No node without hardware, and none on the hardware without a row."""
        by_index = {
            node["index"]: node
            for node in nodes
            if node["podm_id"] == self.podms[0] and node["index"]
        }
        for held in self.pod.nodes:
            node = by_index.pop(held.id, None)
            if node is not None:
                assert node["uuid"] in held.description, (node, held)
                assert node["provision_state"] in ("composed", "error"), node
                continue
            # Where it could not be given back the row stays, to try again.
            (node,) = [n for n in nodes if n["uuid"] in held.description]
            assert node["provision_state"] == "error", node
        lost = [
            n for n in by_index.values() if n["provision_state"] != "error"
        ]
        assert not lost, lost
        for node in nodes:
            if node["provision_state"] == "composed":
                assert node["index"], node
            if node["provision_state"] == "compose_failed":
                assert node["index"] is None, node

    def _check_rsd(self, nodes: list[Row]) -> None:
        owners = self._owners(0, nodes)
        expected = {
            unit.uri: (
                "allocated" if unit.node else "free",
                unit.node,
                owners.get(unit.node),
                unit.health,
            )
            for unit in self.pod.pool
        }
        self._compare_devices(0, expected, "health")
        used = {
            node.system.uri: owners.get(node.id) for node in self.pod.nodes
        }
        self._compare_systems(
            0, {one.uri: used.get(one.uri) for one in self.pod.systems}, used
        )
        shown = {
            one["resource_uri"]: (one["health"], one["power_state"])
            for one in self._rows("systems", 0)
        }
        there = {one.uri: (one.health, one.power) for one in self.pod.systems}
        assert shown == there, (shown, there)

    def _check_eem(self, nodes: list[Row]) -> None:
        owners = self._owners(1, nodes)
        groups = collections.Counter(
            one.group_id for one in self.eem.servers if one.group_id != "4094"
        )
        assert set(groups.values()) <= {1}, "a device that two servers share"
        servers = {one.group_id: one.id for one in self.eem.servers}
        expected = {}
        for unit in self.eem.devices:
            holder = servers.get(unit.group_id)
            if unit.group_id != FREE_POOL:
                assert holder is not None, f"{unit.id} is lost"
            if unit.notification == "up":
                expected[f"devices/{unit.id}"] = (
                    "free" if unit.group_id == FREE_POOL else "allocated",
                    holder,
                    owners.get(holder),
                    unit.group_id,
                )
        self._compare_devices(1, expected, "pooled_group_id")
        used = {f"devices/{index}": owner for index, owner in owners.items()}
        held = {servers.get(one.group_id) for one in self.eem.devices}
        in_use = set(used) | {f"devices/{index}" for index in held if index}
        self._compare_systems(
            1,
            {
                f"devices/{one.id}": used.get(f"devices/{one.id}")
                for one in self.eem.servers
            },
            in_use,
        )

    def _owners(self, which: int, nodes: list[Row]) -> dict[str, str]:
        """Index of a node → its uuid."""
        return {
            node["index"]: node["uuid"]
            for node in nodes
            if node["podm_id"] == self.podms[which] and node["index"]
        }

    def _rows(self, noun: str, which: int) -> list[Row]:
        path = f"/v1/{noun}?podm_id={self.podms[which]}"
        return self.env.api.get(path).json

    def _compare_devices(
        self, which: int, expected: dict[str, tuple], also: str
    ) -> None:
        rows = self._rows("devices", which)
        names = ("state", "node_id", "node_uuid", also)
        shown = {
            one["resource_uri"]: tuple(one[name] for name in names)
            for one in rows
        }
        assert len(shown) == len(rows), f"a device has two rows: {rows}"
        assert shown == expected, f"rows {shown}\nhardware {expected}"

    def _compare_systems(
        self,
        which: int,
        expected: dict[str, str | None],
        in_use: typing.Container[str],
    ) -> None:
        shown = {
            one["resource_uri"]: (one["state"], one["node_id"])
            for one in self._rows("systems", which)
        }
        there = {
            uri: ("in_use" if uri in in_use else "free", owner)
            for uri, owner in expected.items()
        }
        assert shown == there, f"rows {shown}\nhardware {there}"

    def _remember(self) -> None:
        """A device keeps its uuid, whatever becomes of it."""
        columns = models.DEVICES.c
        with engine.reading() as connection:
            rows = connection.execute(
                sa.select(
                    columns.podm_id,
                    columns.resource_uri,
                    columns.uuid,
                    columns.operation_id,
                )
            ).all()
        seen = {(row.podm_id, row.resource_uri): row.uuid for row in rows}
        assert len(seen) == len(rows), "a device has two rows"
        for key, uuid in self.uuids.items():
            assert seen.get(key) == uuid, f"{key}: {uuid}, {seen.get(key)}"
        self.uuids = seen

    def _give_all_back(self) -> None:
        """All that Valence took is free again when every node is gone."""
        foreign = {
            one["uuid"]
            for one in self.env.api.get("/v1/devices?state=allocated").json
            if one["node_uuid"] is None
        }
        for node in self.env.api.get("/v1/nodes").json:
            gone = self.env.api.delete(f"/v1/nodes/{node['uuid']}", wait=WAIT)
            assert gone.status == 204, (node, gone)
        self._sync_all()
        assert self.pod.nodes == []
        assert [one.id for one in self.pod.pool if one.node] == []
        left = self.env.api.get("/v1/devices?state=allocated").json
        assert {one["uuid"] for one in left} == foreign, (left, foreign)
        self._check()


RandomSteps = Machine.TestCase
RandomSteps.settings = hypothesis.settings(
    # 500 steps; to start and stop everything takes longer than many of them.
    max_examples=5,
    stateful_step_count=100,
    # To shrink what failed takes minutes; ask for it where it is needed.
    phases=(hypothesis.Phase.generate,),
    suppress_health_check=tuple(hypothesis.HealthCheck),
)
