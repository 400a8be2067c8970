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

"""Many callers at once, at pools and what nodes hold of them."""

import collections
import concurrent.futures
import random
import threading
import typing
import uuid

from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.tests import base
from valence.tests.fixtures import services
from valence.tests.fixtures.environment import Answer
from valence.tests.fixtures.environment import Environment
from valence.tests.functional import books
from valence.tests.functional.scheduling import kept

CALLERS = 16

Call = typing.Callable[[int], Answer]


class _Providers:
    """On one kind of database."""

    kind: typing.ClassVar[str]

    @classmethod
    def make_environment(cls) -> Environment:
        cls.database = services.Database(cls.kind)
        cls.database.setUp()
        cls.addClassCleanup(cls.database.cleanUp)
        return Environment(url=cls.database.url, conductor=False)

    def setUp(self) -> None:
        super().setUp()
        self.name = f"CUSTOM_{uuid.uuid4().hex.upper()}"
        self.done(201, "POST", "/v1/resource_classes", {"name": self.name})
        self.addCleanup(self.check_books)

    def check_books(self) -> None:
        self.assertEqual([], books.added_up())

    def done(
        self, status: int, method: str, path: str, body: typing.Any = None
    ) -> typing.Any:
        answer = self.env.api.request(method, path, body)
        self.assertEqual(status, answer.status, answer)
        return answer.json if answer.text else None

    def pool(self, total: int | None = None, **told: typing.Any) -> str:
        """Make a pool that has something; returns its uuid."""
        pool = self.done(201, "POST", "/v1/resource_providers", {"name": "p"})
        if total is not None:
            self.done(
                200,
                "PUT",
                f"/v1/resource_providers/{pool['uuid']}/inventories",
                self.has(0, total=total, **told),
            )
        return pool["uuid"]

    def has(self, generation: int, **told: typing.Any) -> typing.Any:
        return {
            "resource_provider_generation": generation,
            "inventories": {self.name: told} if told else {},
        }

    def nodes(self, count: int) -> list[str]:
        """Composed nodes, as far as their rows tell."""
        return [kept.composed(self.env.context).uuid for _ in range(count)]

    def hold(self, node: str, **amounts: int) -> Answer:
        """What a node is to hold: pool, with _ for -, → amount."""
        wanted = {
            pool.replace("_", "-"): {"resources": {self.name: amount}}
            for pool, amount in amounts.items()
            if amount
        }
        return self.env.api.request(
            "PUT", f"/v1/allocations/{node}", {"allocations": wanted}
        )

    def usage(self, pool: str) -> int:
        path = f"/v1/resource_providers/{pool}/usages"
        return self.done(200, "GET", path)["usages"][self.name]

    def at_once(self, *calls: Call, times: int = CALLERS) -> list[Answer]:
        """Each of many callers makes one of the calls, all at once."""
        barrier = threading.Barrier(times)

        def call(number: int) -> Answer:
            barrier.wait()
            return calls[number % len(calls)](number)

        with concurrent.futures.ThreadPoolExecutor(times) as executor:
            return list(executor.map(call, range(times)))

    def counted(
        self, answers: list[Answer], *wanted: int
    ) -> collections.Counter[int]:
        """How many got which status; none but these."""
        counts = collections.Counter(answer.status for answer in answers)
        wrong = [str(a) for a in answers if a.status not in wanted]
        self.assertEqual([], wrong[:3], counts)
        return counts

    def test_no_more_is_given_than_there_is(self) -> None:
        pool = self.pool(10)
        key = pool.replace("-", "_")
        nodes = self.nodes(CALLERS)
        answers = self.at_once(lambda n: self.hold(nodes[n], **{key: 1}))
        counts = self.counted(answers, 204, 409)
        self.assertEqual(10, counts[204])
        self.assertEqual(10, self.usage(pool))
        for answer in answers:
            if answer.status == 409:
                self.assertEqual("provider.not_enough", answer.error["code"])

    def test_one_node_and_many_callers(self) -> None:
        """The last one wins; all of what it wanted, and nothing else."""
        pool = self.pool(100)
        key = pool.replace("-", "_")
        (node,) = self.nodes(1)
        answers = self.at_once(lambda n: self.hold(node, **{key: n + 1}))
        self.counted(answers, 204)
        held = self.done(200, "GET", f"/v1/allocations/{node}")
        amount = held["allocations"][pool]["resources"][self.name]
        self.assertEqual(amount, self.usage(pool))

    def test_from_one_pool_to_the_other_and_back(self) -> None:
        """Who goes one way is not in the way of who goes the other."""
        keys = [self.pool(40).replace("-", "_") for _ in range(2)]
        nodes = self.nodes(CALLERS)

        def wander(number: int) -> Answer:
            chance = random.Random(number)
            for _ in range(10):
                chance.shuffle(keys_of := list(keys))
                answer = self.hold(
                    nodes[number],
                    **{key: chance.randrange(0, 8) for key in keys_of},
                )
                if answer.status not in (204, 409):
                    break
            return answer

        self.counted(self.at_once(wander), 204, 409)
        self.check_books()

    def test_who_read_before_comes_late(self) -> None:
        """Of many who change what a pool has, one does."""
        pool = self.pool(1)
        path = f"/v1/resource_providers/{pool}"
        answers = self.at_once(
            lambda n: self.env.api.request(
                "PUT", f"{path}/inventories", self.has(1, total=n + 1)
            ),
            lambda n: self.env.api.request(
                "PUT",
                f"{path}/traits",
                {"resource_provider_generation": 1, "traits": ["CUSTOM_A"]},
            ),
        )
        counts = self.counted(answers, 200, 409)
        self.assertEqual(1, counts[200])
        self.assertEqual(2, self.done(200, "GET", path)["generation"])

    def test_taken_while_the_owner_takes_it_away(self) -> None:
        for _ in range(5):
            pool = self.pool(CALLERS)
            key = pool.replace("-", "_")
            nodes = self.nodes(CALLERS)
            path = f"/v1/resource_providers/{pool}/inventories"
            answers = self.at_once(
                lambda n, k=key, of=nodes: self.hold(of[n], **{k: 1}),
                lambda n, p=path: self.env.api.request("PUT", p, self.has(1)),
            )
            self.counted(answers, 200, 204, 409)
            self.check_books()

    def test_taken_while_the_pool_goes(self) -> None:
        for _ in range(5):
            pool = self.pool(CALLERS)
            key = pool.replace("-", "_")
            nodes = self.nodes(CALLERS)
            path = f"/v1/resource_providers/{pool}"
            answers = self.at_once(
                lambda n, k=key, of=nodes: self.hold(of[n], **{k: 1}),
                lambda n, p=path: self.env.api.delete(p),
            )
            self.counted(answers, 204, 404, 409)
            gone = self.env.api.get(path).status == 404
            taken = [a for a in answers[::2] if a.status == 204]
            self.assertEqual(gone, not taken)

    def test_had_while_the_class_goes(self) -> None:
        for _ in range(5):
            pools = [self.pool() for _ in range(CALLERS)]
            path = "/v1/resource_classes"
            self.env.api.post(path, {"name": self.name})
            answers = self.at_once(
                lambda n, of=pools: self.env.api.request(
                    "PUT",
                    f"/v1/resource_providers/{of[n]}/inventories",
                    self.has(0, total=1),
                ),
                lambda n, p=path: self.env.api.delete(f"{p}/{self.name}"),
            )
            self.counted(answers, 200, 204, 400, 404, 409)
            gone = self.env.api.get(f"{path}/{self.name}").status == 404
            had = [a for a in answers[::2] if a.status == 200]
            self.assertEqual(gone, not had)
            for pool in pools:
                self.done(204, "DELETE", f"/v1/resource_providers/{pool}")

    def test_a_class_stays_between_the_look_and_the_write(self) -> None:
        pool = self.pool()
        path = f"/v1/resource_classes/{self.name}"
        answers: list[Answer] = []
        deleting = threading.Thread(
            target=lambda: answers.append(self.env.api.delete(path))
        )

        def delete_it(*execution: typing.Any) -> None:
            if execution[2].startswith("INSERT INTO inventories"):
                deleting.start()
                deleting.join(0.5)

        one = engine.writer_engine()
        sa.event.listen(one, "before_cursor_execute", delete_it)
        try:
            self.done(
                200,
                "PUT",
                f"/v1/resource_providers/{pool}/inventories",
                self.has(0, total=1),
            )
        finally:
            sa.event.remove(one, "before_cursor_execute", delete_it)
        deleting.join()
        self.counted(answers, 409)

    def test_a_class_that_a_sync_needs_is_there(self) -> None:
        """However often somebody deletes it meanwhile."""
        pools = [self.pool() for _ in range(CALLERS)]
        path = f"/v1/resource_classes/{self.name}"

        def count(number: int) -> Answer:
            with engine.writing() as connection:
                accounts.ensure_classes(connection, [self.name])
                connection.execute(
                    sa.insert(models.INVENTORIES).values(
                        accounts.new_row(
                            provider_id=pools[number],
                            resource_class=self.name,
                            total=1,
                            reserved=0,
                            min_unit=1,
                            max_unit=1,
                            step_size=1,
                            allocation_ratio=1.0,
                            used=0,
                            free=1,
                        )
                    )
                )
            return self.env.api.get(path)

        def retried(number: int) -> Answer:
            for _ in range(20):
                try:
                    return count(number)
                except db_exc.DBDeadlock:
                    pass  # as recount does
            return count(number)

        answers = self.at_once(retried, lambda n: self.env.api.delete(path))
        self.counted(answers[::2], 200)
        self.counted(answers[1::2], 204, 404, 409)


class TestOnSQLite(_Providers, base.SharedTestCase):
    kind = "sqlite"


class TestOnMariaDB(_Providers, base.SharedTestCase):
    kind = "mysql"


class TestOnPostgreSQL(_Providers, base.SharedTestCase):
    kind = "postgresql"
