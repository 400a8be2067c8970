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

"""How many statements a request costs, and that they use the indexes."""

import collections.abc
import contextlib
import datetime
import typing
import uuid

import sqlalchemy as sa

from valence import objects
from valence.db import engine
from valence.db import models
from valence.objects import base as objects_base
from valence.objects import fields as f
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Environment

NOUNS: tuple[type[objects_base.Resource], ...] = (
    objects.PodManager,
    objects.Rack,
    objects.System,
    objects.Flavor,
    objects.Node,
    objects.Operation,
    objects.ResourceClass,
    objects.ResourceProvider,
)

Statement = tuple[str, typing.Any]


class QueryTestCase(base.TestCase):
    """An API on a database of its own, and rows to ask for."""

    def setUp(self) -> None:
        super().setUp()
        self.env = self.useFixture(
            Environment(PodSpec(systems=1), conductor=False)
        )
        self.pod_manager = str(uuid.uuid4())
        self.fill(
            objects.PodManager,
            1,
            uuid=self.pod_manager,
            url=self.env.pods[0].url,
            status="Online",
        )

    def fill(
        self,
        cls: type[objects_base.Resource],
        count: int,
        **values: typing.Any,
    ) -> None:
        """Insert rows that differ in what has to be unique."""
        with engine.writing() as connection:
            connection.execute(
                sa.insert(models.TABLES[cls]),
                [
                    {
                        name: self._value(cls, name, field)
                        for name, field in cls.fields.items()
                    }
                    | values
                    for _ in range(count)
                ],
            )

    def _value(
        self, cls: type[objects_base.Resource], name: str, field: typing.Any
    ) -> typing.Any:
        if name == "podm_id":
            return self.pod_manager
        if field.nullable:
            return None
        match field:
            case f.Project():
                return objects.flavor.EVERYBODYS
            case f.Json():
                return field.form()
            case f.Enum():
                return next(iter(field.valid_values))
            case f.Integer():
                return 1
            case f.Boolean():
                return False
            case f.DateTime():
                return datetime.datetime.now(datetime.UTC)
        # A uuid is a fine name as well.
        return str(uuid.uuid4())[: field.length]

    def one(self, cls: type[objects_base.Resource]) -> str:
        """The path of some row."""
        path = f"/v1/{cls.COLLECTION}"
        (found,) = self.env.api.get(f"{path}?limit=1").json
        return f"{path}/{found['uuid']}"

    @contextlib.contextmanager
    def statements(self) -> collections.abc.Iterator[list[Statement]]:
        """Collects what is executed, but for the frame of transactions."""
        seen: list[Statement] = []

        def note(
            connection: sa.Connection,
            cursor: object,
            statement: str,
            parameters: object,
            context: object,
            executemany: bool,
        ) -> None:
            if not statement.startswith("BEGIN"):
                seen.append((statement, parameters))

        engines = {engine.writer_engine(), engine.reader_engine()}
        for one in engines:
            sa.event.listen(one, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for one in engines:
                sa.event.remove(one, "before_cursor_execute", note)

    def check(
        self,
        count: int,
        status: int,
        method: str,
        path: str,
        body: typing.Any = None,
        **headers: str,
    ) -> Answer:
        """Send a request; it has to cost exactly this many statements."""
        with self.statements() as seen:
            answer = self.env.api.request(method, path, body, None, **headers)
        self.assertEqual(status, answer.status, str(answer))
        shown = "\n".join(statement for statement, _ in seen)
        self.assertEqual(count, len(seen), f"{method} {path}:\n{shown}")
        return answer

    def plan(self, path: str) -> tuple[Answer, list[str]]:
        """What SQLite does for a request, for each step of each statement."""
        with self.statements() as seen:
            answer = self.env.api.get(path)
        self.assertEqual(200, answer.status, str(answer))
        with engine.reading() as connection:
            return answer, [
                row.detail
                for statement, parameters in seen
                for row in connection.exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}",
                    typing.cast(tuple[typing.Any, ...], parameters),
                )
            ]


class TestCounts(QueryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.flavor = str(uuid.uuid4())
        self.fill(objects.Flavor, 1, uuid=self.flavor, name="small")
        self.fill(
            objects.Node,
            1,
            name="one",
            provision_state="composed",
            managed_by="valence",
        )
        self.fill(objects.Operation, 1, kind="compose", state="pending")

    def test_lists_cost_the_same_whatever_their_length(self) -> None:
        for cls in NOUNS:
            path = f"/v1/{cls.COLLECTION}"
            here = len(self.env.api.get(path).json)
            # What pod managers are used for is counted for the whole page.
            cost = 2 if cls is objects.PodManager else 1
            for rows in (100, 1000):
                # The pod managers' urls are their own in every case.
                self.fill(cls, rows - here)
                here = rows
                answer = self.check(cost, 200, "GET", path)
                self.assertEqual(rows, len(answer.json))
                answer = self.check(cost, 200, "GET", f"{path}?limit=5")
                link = answer.headers["Link"]
                # The marker has to be found first.
                path_2 = link.partition("<")[2].partition(">")[0]
                answer = self.check(cost + 1, 200, "GET", path_2)
                self.assertEqual(5, len(answer.json))
        self.check(1, 200, "GET", "/v1/pod_managers?fields=name")

    def test_shows(self) -> None:
        self.fill(objects.Rack, 1)
        self.fill(objects.System, 1)
        self.fill(objects.ResourceProvider, 1)
        for cls in NOUNS:
            cost = 2 if cls is objects.PodManager else 1
            self.check(cost, 200, "GET", self.one(cls))
        self.check(1, 200, "GET", "/v1/nodes/one")
        self.check(1, 404, "GET", "/v1/nodes/two")
        self.check(1, 200, "GET", "/v1/nodes/one/assets")
        self.check(1, 200, "GET", "/v1/nodes/one/storages")

    def test_no_statement_where_no_resource_is_meant(self) -> None:
        for path in ("/", "/v1"):
            self.check(0, 200, "GET", path)
        self.check(0, 404, "GET", "/v1/what")
        self.check(0, 405, "PUT", "/v1/nodes")
        self.check(0, 400, "GET", "/v1/nodes?what=1")
        self.check(0, 400, "POST", "/v1/nodes", {"what": 1})

    def test_creates(self) -> None:
        self.check(
            1,
            201,
            "POST",
            "/v1/flavors",
            {"name": "big", "properties": {"memory": {"capacity_mib": 1}}},
        )
        # The pod manager, the operation that connects to it, and what it is
        # used for.
        self.check(
            3,
            202,
            "POST",
            "/v1/pod_managers",
            {
                "name": "another",
                "url": "http://127.0.0.1:1",
                "authentication": [
                    {
                        "type": "basic",
                        "auth_items": {"username": "u", "password": "p"},
                    }
                ],
            },
        )

    def test_patches(self) -> None:
        change = [{"op": "add", "path": "/description", "value": "new"}]
        for cls in (objects.PodManager, objects.Flavor, objects.Node):
            cost = 3 if cls is objects.PodManager else 2
            self.check(cost, 200, "PATCH", self.one(cls), change)
            # Nothing is written where nothing changes.
            self.check(cost - 1, 200, "PATCH", self.one(cls), change)
        # What is a resource provider as well gets its new name there, too.
        change = [{"op": "replace", "path": "/name", "value": "new"}]
        self.check(3, 200, "PATCH", "/v1/nodes/one", change)

    def test_deletes(self) -> None:
        self.check(2, 204, "DELETE", "/v1/flavors/small")
        # It is refused by the foreign key; then the nodes are named.
        path = f"/v1/pod_managers/{self.pod_manager}"
        self.check(3, 409, "DELETE", path)
        # Read; take, if it is free; ask.
        self.check(3, 202, "DELETE", "/v1/nodes/one")

    def test_compose_asks_the_database_a_little_and_no_hardware(self) -> None:
        # The node, and the operation that composes it.
        self.check(2, 202, "POST", "/v1/nodes", {"name": "two"})
        properties = {"memory": {"capacity_mib": 4096}}
        self.check(2, 202, "POST", "/v1/nodes", {"properties": properties})
        # What the request refers to is read, one statement each.
        body = {"flavor_id": "small"}
        self.check(3, 202, "POST", "/v1/nodes", body)
        body["podm_id"] = self.pod_manager
        self.check(4, 202, "POST", "/v1/nodes", body)
        # The key is looked for, kept with the rest, and told the answer.
        self.check(
            6, 202, "POST", "/v1/nodes", {"name": "3"}, Idempotency_Key="k"
        )
        self.check(
            1, 202, "POST", "/v1/nodes", {"name": "3"}, Idempotency_Key="k"
        )
        self.assertEqual([], self.env.pods[0].calls)

    def test_actions(self) -> None:
        # Read; take, if it is free; ask.
        self.check(
            3,
            202,
            "POST",
            "/v1/nodes/one/action",
            {"Reset": {"Type": "On"}},
        )
        # The second caller is told what is in the way.
        self.check(
            3,
            409,
            "POST",
            "/v1/nodes/one/action",
            {"Reset": {"Type": "On"}},
        )
        self.check(3, 202, "POST", self.one(objects.PodManager) + "/sync")
        self.check(2, 202, "POST", self.one(objects.Operation) + "/cancel")
        self.assertEqual([], self.env.pods[0].calls)


class TestProviders(QueryTestCase):
    """A pool, and a node that holds something of it."""

    def setUp(self) -> None:
        super().setUp()
        self.node = str(uuid.uuid4())
        self.fill(objects.Node, 1, uuid=self.node, provision_state="composed")
        self.env.api.post("/v1/resource_classes", {"name": "CUSTOM_THING"})
        made = self.env.api.post("/v1/resource_providers", {"name": "pool"})
        self.pool = made.json["uuid"]
        self.has(0, PGPU=100, CUSTOM_THING=100)

    path = "/v1/resource_providers/pool"

    def has(self, generation: int, **totals: int) -> dict[str, typing.Any]:
        """Say what the pool has."""
        body = {
            "resource_provider_generation": generation,
            "inventories": {n: {"total": t} for n, t in totals.items()},
        }
        answer = self.env.api.request("PUT", f"{self.path}/inventories", body)
        self.assertEqual(200, answer.status, answer)
        return body

    def holds(self, **amounts: int) -> dict[str, typing.Any]:
        return {
            "allocations": {self.pool: {"resources": amounts}}
            if amounts
            else {}
        }

    def test_classes(self) -> None:
        path = "/v1/resource_classes"
        self.check(1, 201, "POST", path, {"name": "CUSTOM_OTHER"})
        self.check(2, 204, "DELETE", f"{path}/CUSTOM_OTHER")
        # It is refused by the foreign key; then those who have it are named.
        self.check(3, 409, "DELETE", f"{path}/CUSTOM_THING")
        self.check(1, 409, "DELETE", f"{path}/PGPU")

    def test_pools(self) -> None:
        path = "/v1/resource_providers"
        self.check(1, 201, "POST", path, {"name": "a"})
        body = {"name": "b", "podm_id": self.pod_manager}
        self.check(2, 201, "POST", path, body)
        # Neither a pod manager nor a node has that uuid.
        body = {"name": "c", "uuid": str(uuid.uuid4())}
        self.check(3, 201, "POST", path, body)
        change = [{"op": "add", "path": "/description", "value": "new"}]
        self.check(2, 200, "PATCH", f"{path}/a", change)
        self.check(1, 200, "PATCH", f"{path}/a", change)
        self.check(2, 204, "DELETE", f"{path}/a")
        for part in ("inventories", "usages", "traits"):
            self.check(2, 200, "GET", f"{self.path}/{part}")

    def test_inventories(self) -> None:
        path = f"{self.path}/inventories"
        body = {"resource_provider_generation": 1, "inventories": {}}
        for name in ("PGPU", "CUSTOM_THING", "FPGA"):
            body["inventories"][name] = {"total": 7}
        # Find the pool; lock what it has; count its change; look at the
        # classes; write each.
        self.check(4 + 3, 200, "PUT", path, body)
        # Who comes late is told so by the third.
        self.check(3, 409, "PUT", path, body)
        traits = {"resource_provider_generation": 2, "traits": []}
        traits["traits"] = [f"CUSTOM_{n}" for n in range(30)]
        self.check(4, 200, "PUT", f"{self.path}/traits", traits)

    def test_allocations(self) -> None:
        path = f"/v1/allocations/{self.node}"
        self.check(2, 200, "GET", path)
        # Find the node; lock it; what it holds; of whom; take; write down.
        self.check(6, 204, "PUT", path, self.holds(PGPU=1))
        # Each class is one to take; the one that changes one to write down.
        body = self.holds(PGPU=2, CUSTOM_THING=1)
        self.check(4 + 2 + 2, 204, "PUT", path, body)
        # Nothing is written where nothing changes.
        self.check(4, 204, "PUT", path, body)
        # What is left is told.
        body = self.holds(PGPU=101, CUSTOM_THING=1)
        self.check(6, 409, "PUT", path, body)
        self.check(3, 409, "DELETE", self.path)
        self.check(4 + 2 + 2, 204, "DELETE", path)

    def test_who_has_it(self) -> None:
        self.fill(objects.ResourceProvider, 1000)
        query = "resources=PGPU:4,CUSTOM_THING:1&required=CUSTOM_A,!CUSTOM_B"
        path = f"/v1/resource_providers?{query}"
        self.check(1, 200, "GET", path)
        _, plan = self.plan(path)
        text = "\n".join(plan)
        self.assertNotIn("SCAN resource_providers", text)
        self.assertRegex(text, "SEARCH inventories USING .*resource_class=")
        self.assertRegex(text, "SEARCH traits USING .*trait=")

    def test_stats(self) -> None:
        for rows in (10, 1000):
            self.fill(objects.Device, rows, type="SSD", state="free")
            self.check(1, 200, "GET", "/v1/devices/stats")
        path = f"/v1/devices/stats?podm_id={self.pod_manager}&type=SSD"
        answer = self.check(1, 200, "GET", path)
        self.assertEqual([1010], [one["free"] for one in answer.json])
        _, plan = self.plan(path)
        self.assertNotIn("SCAN devices", "\n".join(plan))

    def test_metrics(self) -> None:
        for rows in (10, 1000):
            self.fill(objects.Operation, rows, state="pending")
            self.fill(objects.Node, rows)
            self.check(1, 200, "GET", "/v1/operations/stats")
            self.check(5, 200, "GET", "/metrics")
        _, plan = self.plan("/metrics")
        text = "\n".join(plan)
        # Those that have ended are many, and not looked at.
        self.assertRegex(text, "SEARCH operations USING .*state=")
        self.assertRegex(text, "SCAN nodes USING COVERING INDEX")
        self.assertRegex(text, "SCAN pod_managers USING COVERING INDEX")


class TestIndexes(QueryTestCase):
    def setUp(self) -> None:
        super().setUp()
        for cls in NOUNS:
            self.fill(cls, 20)

    def marked(self, cls: type[objects_base.Resource]) -> str:
        found = self.env.api.get(f"/v1/{cls.COLLECTION}?limit=5").json
        return f"limit=5&marker={found[-1]['uuid']}"

    def test_a_filter_finds_its_rows_in_order(self) -> None:
        for cls in NOUNS:
            # uuid alone: what pod managers are used for is counted.
            for name, field in _filters(cls):
                value = self._value(cls, name, field)
                if isinstance(field, f.DateTime):
                    value = "2026-01-01T00:00:00Z"
                elif value is None:
                    value = str(uuid.uuid4())
                query = f"/v1/{cls.COLLECTION}?fields=uuid&{name}={value}"
                _, plan = self.plan(query)
                (step,) = plan
                self.assertRegex(step, rf"^SEARCH \w+ USING INDEX .*{name}=\?")
                # The marker's row, then the page behind it.
                _, plan = self.plan(f"{query}&{self.marked(cls)}")
                self.assertEqual(2, len(plan), str(plan))
                self.assertRegex(plan[0], r"^SEARCH .*\(uuid=\?")
                self.assertRegex(plan[1], r"^SEARCH \w+ USING INDEX")

    def test_a_page_is_found_by_an_index(self) -> None:
        for cls in NOUNS:
            for key in [n for n, field in _filters(cls) if not field.nullable]:
                for direction, sign in (("asc", ">"), ("desc", "<")):
                    query = (
                        f"/v1/{cls.COLLECTION}?fields=uuid&sort_key={key}"
                        f"&sort_dir={direction}"
                    )
                    # In the order of the index, until the page is full.
                    _, plan = self.plan(f"{query}&limit=5")
                    (step,) = plan
                    self.assertRegex(step, r"^SCAN \w+ USING INDEX")
                    _, plan = self.plan(f"{query}&{self.marked(cls)}")
                    self.assertEqual(2, len(plan), str(plan))
                    self.assertRegex(plan[0], r"^SEARCH .*\(uuid=\?")
                    self.assertRegex(
                        plan[1],
                        rf"^SEARCH \w+ USING INDEX .*\b{key}{sign}\?",
                    )


def _filters(
    cls: type[objects_base.Resource],
) -> list[tuple[str, typing.Any]]:
    fields: dict[str, typing.Any] = cls.fields
    return [
        (name, field)
        for name, field in fields.items()
        if field.visible and field.filterable
    ]
