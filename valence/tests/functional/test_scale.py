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
"""Many devices, many pod managers, many callers."""

import collections
import collections.abc
import concurrent.futures
import contextlib
import datetime
import re
import typing

import sqlalchemy as sa

from valence.db import engine
from valence.simulator import EemSpec
from valence.tests import base
from valence.tests.fixtures.environment import Environment

DEVICES = 2000
PAGE = 1000
#: Rows that one statement writes at least, where there are as many.
CHUNK = 250
CALLERS = 50

_WRITES = re.compile(
    r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+[\"`]?(\w+)", re.IGNORECASE
)
_INVENTORY = re.compile(
    r"(?:FROM|INTO|UPDATE)\s+(?:devices|systems|racks|nodes)\b"
)


@contextlib.contextmanager
def statements() -> collections.abc.Iterator[list[str]]:
    """Collects what is executed; a bulk statement counts as one."""
    seen: list[str] = []

    def note(
        connection: sa.Connection,
        cursor: object,
        statement: str,
        parameters: object,
        context: object,
        executemany: bool,
    ) -> None:
        seen.append(statement)

    engines = {engine.writer_engine(), engine.reader_engine()}
    for one in engines:
        sa.event.listen(one, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for one in engines:
            sa.event.remove(one, "before_cursor_execute", note)


def written(seen: list[str]) -> collections.Counter[str]:
    """How often each table was written to."""
    found = (_WRITES.match(statement) for statement in seen)
    return collections.Counter(match[1] for match in found if match)


class TestManyDevices(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            Environment(
                EemSpec(servers=50, devices=DEVICES),
                EemSpec(),
                conductor=False,
            )
        )

    def list_all(self, podm: str) -> list[dict[str, typing.Any]]:
        """By pages, as clients do."""
        path = f"/v1/devices?podm_id={podm}&limit={PAGE}"
        found: list[dict[str, typing.Any]] = []
        while page := self.env.api.get(
            path + (f"&marker={found[-1]['uuid']}" if found else "")
        ).json:
            found += page
        return found

    def sync(self, podm: str) -> list[str]:
        """The statements of one sync that are about the inventory."""
        with statements() as seen:
            answer = self.env.api.post(
                f"/v1/pod_managers/{podm}/sync", wait=60
            )
            self.assertEqual(200, answer.status, answer)
        return [s for s in seen if _INVENTORY.search(s)]

    def test_new_pod_manager(self) -> None:
        (eem, _) = self.env.pods
        asked = self.env.register(0, driver="expether", wait=False)
        self.assertEqual("Connecting", asked["status"])
        # The answer waited for no hardware: there is nobody yet to ask it.
        self.assertEqual([], eem.calls)
        self.env.start_conductor()
        operation = self.env.api.ended(self.env.api.answers[-1])
        self.assertEqual("succeeded", operation["state"], operation)

        found = self.list_all(asked["uuid"])
        self.assertEqual(DEVICES, len(found))
        self.assertEqual(
            {f"devices/{unit.id}": unit.mac for unit in eem.devices},
            {
                one["resource_uri"]: one["properties"]["mac_address"]
                for one in found
            },
        )
        self.assertEqual(DEVICES, len({one["uuid"] for one in found}))
        types = collections.Counter(one["type"] for one in found)
        self.assertEqual(
            collections.Counter(unit.kind for unit in eem.devices), types
        )

    def test_unchanged_sync_writes_nothing(self) -> None:
        self.env.start_conductor()
        podm = self.env.register(0, driver="expether")["uuid"]
        before = self.list_all(podm)
        writes = written(self.sync(podm))
        for table in ("devices", "systems", "racks", "nodes"):
            self.assertEqual(0, writes[table], writes)
        self.assertEqual(before, self.list_all(podm))

    def test_statements_do_not_grow_with_devices(self) -> None:
        """But for those that write many rows, by the chunk."""
        self.env.start_conductor()
        counts = []
        for number, eem in enumerate(self.env.pods):
            podm = self.env.register(number, driver="expether")["uuid"]
            chunks = 1 + len(eem.devices) // CHUNK
            unchanged = self.sync(podm)
            self.assertEqual(0, written(unchanged)["devices"])
            for unit in eem.devices:
                eem.change("devices", unit.id, {"power": "off"})
            changed = self.sync(podm)
            self.assertIn(written(changed)["devices"], range(1, chunks + 1))
            rows = self.list_all(podm)
            self.assertEqual({"Off"}, {one["power_state"] for one in rows})
            for unit in eem.devices:
                eem.remove("devices", unit.id)
            gone = self.sync(podm)
            self.assertIn(written(gone)["devices"], range(1, chunks + 1))
            self.assertEqual([], self.list_all(podm))
            counts.append(
                [
                    len(seen) - written(seen)["devices"]
                    for seen in (unchanged, changed, gone)
                ]
            )
        self.assertEqual(*counts)


class TestManyPodManagers(base.TestCase):
    """20 pod managers of 500 devices; two of them do not answer."""

    PODS = 20
    EACH = 500
    TIMEOUT = 15.0
    AWAY = (4, 13)

    def test_the_others_are_true(self) -> None:
        spec = EemSpec(servers=2, devices=self.EACH)
        env = self.useFixture(Environment(*[spec] * self.PODS))
        self.conf.set("pod_manager", timeout=self.TIMEOUT)
        for number in range(self.PODS):
            env.register(number, driver="expether", wait=False)
        for answer in list(env.api.answers):
            self.assertEqual("succeeded", env.api.ended(answer)["state"])
        for number, eem in enumerate(env.pods):
            eem.remove("devices", eem.devices[0].id)
            if number in self.AWAY:
                eem.faults.add(delay=600, times=None)

        answer = env.api.post("/v1/devices/sync", {}, wait=60)
        self.assertEqual(200, answer.status, answer)
        outcomes = {one["name"]: one for one in answer.json}
        self.assertEqual(self.PODS, len(outcomes))
        times = []
        for number, eem in enumerate(env.pods):
            away = number in self.AWAY
            outcome = outcomes[f"pod-{number}"]
            podm = env.api.get(f"/v1/pod_managers/pod-{number}").json
            rows = env.api.get(
                f"/v1/devices?podm_id={podm['uuid']}&limit={PAGE}"
            ).json
            if away:
                self.assertEqual("FAILED", outcome["status"], outcome)
                self.assertIn("no answer within", outcome["reason"])
                self.assertEqual("Offline", podm["status"])
                self.assertIn("no answer within", podm["status_reason"])
                self.assertEqual(self.EACH, len(rows))
            else:
                self.assertEqual("SUCCESS", outcome["status"], outcome)
                self.assertEqual("Online", podm["status"])
                self.assertEqual(
                    {f"devices/{unit.id}" for unit in eem.devices},
                    {one["resource_uri"] for one in rows},
                )
            operation = env.api.get(
                f"/v1/operations/{outcome['operation_id']}"
            ).json
            times.append(
                (
                    away,
                    *(
                        datetime.datetime.fromisoformat(operation[name])
                        for name in ("started_at", "ended_at")
                    ),
                )
            )
        # Nobody waited for one that does not answer, nor they for each other.
        given_up = min(ended for away, _, ended in times if away)
        for _, started, _ in times:
            self.assertLess(started, given_up)


class TestManyCallers(base.TestCase):
    def test_one_device_for_many_nodes(self) -> None:
        env = self.useFixture(Environment(EemSpec(servers=CALLERS, devices=3)))
        env.register(driver="expether")
        (eem,) = env.pods
        asked = [
            env.api.post("/v1/nodes", {"name": f"node-{number}"})
            for number in range(CALLERS)
        ]
        for answer in asked:
            self.assertEqual("succeeded", env.api.ended(answer)["state"])
        nodes = env.api.get("/v1/nodes").json
        self.assertEqual(CALLERS, len({node["index"] for node in nodes}))
        wanted = env.api.get("/v1/devices").json[0]

        def attach(node: dict[str, typing.Any]) -> typing.Any:
            return env.api.post(
                f"/v1/nodes/{node['uuid']}/action",
                {"attach": {"uuid": wanted["uuid"]}},
            )

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(attach, nodes))
        statuses = collections.Counter(answer.status for answer in answers)
        self.assertEqual({202: 1, 409: CALLERS - 1}, statuses)
        (winner,) = (
            node
            for node, answer in zip(nodes, answers, strict=True)
            if answer.status == 202
        )
        for answer in answers:
            if answer.status == 202:
                operation = env.api.ended(answer)
                self.assertEqual("succeeded", operation["state"], operation)
            else:
                self.assertIn(winner["uuid"], answer.error["detail"])
        held = env.api.get(f"/v1/devices/{wanted['uuid']}").json
        self.assertEqual("allocated", held["state"])
        self.assertEqual(winner["uuid"], held["node_uuid"])
        self.assertEqual(winner["index"], held["node_id"])
        (unit,) = (one for one in eem.devices if one.board is not None)
        self.assertEqual(held["resource_uri"], f"devices/{unit.id}")
        self.assertEqual(winner["index"], unit.board.id)
        self.assertEqual(2, len(eem.free_devices()))
