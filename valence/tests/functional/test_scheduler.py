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
"""The scheduler in the service as a whole: books, draining, deletion."""

import concurrent.futures
import itertools
import pkgutil
import typing

from valence.tests.functional import deployed  # isort: skip
import fixtures
import sqlalchemy as sa

from valence.db import engine
from valence.db import migration
from valence.db import models
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment
from valence.tests.fixtures import services
from valence.tests.functional import books
from valence.tests.functional.test_concurrency import at_once

Answer = environment.Answer
Environment = environment.Environment


class Case(base.TestCase):
    kind = "sqlite"

    def environment(self, *specs: environment.Spec) -> Environment:
        url = None
        if self.kind != "sqlite":
            url = self.useFixture(services.Database(self.kind)).url
        env = self.useFixture(Environment(*specs, url=url))
        self.addCleanup(self.check_books)
        return env

    def check_books(self) -> None:
        """They agree with themselves, and with the rows."""
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())


class TestWhileANodeIsMade(Case):
    def test_synced(self) -> None:
        """What the hardware holds for it already is not held by others."""
        env = self.environment(PodSpec(systems=2))
        podm = env.register()
        path = f"/v1/pod_managers/{podm['uuid']}"
        gate = deployed.Gate(env.pods[0], "POST", "Assemble$")
        first = env.api.post("/v1/nodes", {"name": "first"})
        gate.wait()
        self.assertEqual(1, len(env.pods[0].nodes))
        synced = env.api.post(f"{path}/sync", wait=60)
        self.assertEqual(200, synced.status, synced)
        self.assertEqual(
            {"total": 2, "reserved": 0, "used": 1, "free": 1},
            env.api.get(path).json["usage"]["resources"]["CUSTOM_SYSTEM"],
        )
        env.compose(name="second")
        gate.open()
        self.assertEqual("succeeded", env.api.ended(first)["state"])
        self.check_books()
        for name in ("first", "second"):
            gone = env.api.delete(f"/v1/nodes/{name}", wait=60)
            self.assertEqual(204, gone.status, gone)


class TestNewWords(Case):
    """A class and a trait that nobody has thought of, without a migration."""

    def test_license_in_a_quiet_room(self) -> None:
        env = self.environment(PodSpec(systems=3), PodSpec(systems=3))
        pods = [env.register(number)["uuid"] for number in range(2)]
        schema = migration.current()

        def ask(
            method: str, path: str, body: typing.Any, status: int
        ) -> typing.Any:
            answer = env.api.request(method, path, body, wait=60)
            self.assertEqual(status, answer.status, answer)
            return answer.json if answer.text else None

        ask("POST", "/v1/resource_classes", {"name": "CUSTOM_LICENSE"}, 201)
        providers = "/v1/resource_providers"
        pool = ask("POST", providers, {"name": "licenses"}, 201)["uuid"]
        has = {"CUSTOM_LICENSE": {"total": 5, "step_size": 2}}
        body = {"resource_provider_generation": 0, "inventories": has}
        ask("PUT", f"{providers}/{pool}/inventories", body, 200)
        quiet = ask("GET", f"{providers}/{pods[1]}", None, 200)
        body = {
            "resource_provider_generation": quiet["generation"],
            "traits": ["CUSTOM_QUIET"],
        }
        ask("PUT", f"{providers}/{pods[1]}/traits", body, 200)
        ask("POST", f"/v1/pod_managers/{pods[1]}/sync", None, 200)

        wanted = {
            "traits": {"required": ["CUSTOM_QUIET"]},
            "resources": {"CUSTOM_LICENSE": 2},
        }
        flavor = {"name": "quiet", "properties": wanted}
        ask("POST", "/v1/flavors", flavor, 201)
        body = {"flavor_id": "quiet"}
        made = [ask("POST", "/v1/nodes", body, 200) for _ in range(2)]
        self.assertEqual({pods[1]}, {node["podm_id"] for node in made})
        refused = env.api.post("/v1/nodes", body, wait=60)
        self.assertEqual(409, refused.status, refused)
        nearest, other = refused.error["refusals"]
        self.assertEqual(
            (pods[1], "pools", {"CUSTOM_LICENSE": 2}, {"CUSTOM_LICENSE": 1}),
            tuple(nearest[k] for k in ("podm_id", "filter", "needed", "free")),
        )
        self.assertEqual(
            (pods[0], "traits", "it lacks CUSTOM_QUIET"),
            tuple(other[k] for k in ("podm_id", "filter", "reason")),
        )
        loud = {"traits": {"forbidden": ["CUSTOM_QUIET"]}}
        loud = ask("POST", "/v1/nodes", {"properties": loud}, 200)
        self.assertEqual(pods[0], loud["podm_id"])
        ask("DELETE", f"/v1/nodes/{made[0]['uuid']}", None, 204)
        self.assertEqual(
            {"CUSTOM_LICENSE": 2},
            ask("GET", f"{providers}/{pool}/usages", None, 200)["usages"],
        )
        ask("POST", "/v1/nodes", body, 200)
        self.assertEqual(schema, migration.current())


#: When it leaves: while a node is asked for, when it was chosen, and when it
#: was locked by the claim.
MOMENTS = {
    "any": None,
    "chosen": "valence.scheduler.select.places",
    "locked": "valence.db.claims._book",
}


class Races(Case):
    """What is asked for at the same time as a pod manager leaves."""

    def race(
        self,
        env: Environment,
        moment: str,
        leaving: typing.Callable[[], Answer],
        **node: str,
    ) -> tuple[Answer, Answer]:
        def compose() -> Answer:
            return env.api.post("/v1/nodes", node, wait=60)

        if MOMENTS[moment] is None:
            left, composed = at_once(leaving, compose)
        else:
            left, composed = self.interrupted(moment, leaving, compose)
        self.assertIn(composed.status, (200, 404, 409), composed)
        self.check_books()
        self.assertEqual(composed.status == 200, bool(env.pods[0].nodes))
        if composed.status == 200:
            path = f"/v1/nodes/{composed.json['uuid']}"
            gone = env.api.delete(path, wait=60)
            self.assertEqual(204, gone.status, gone)
        for row in env.api.get("/v1/nodes").json:
            # It has given back all that it had, before it said so.
            self.assertEqual("compose_failed", row["provision_state"])
            gone = env.api.delete(f"/v1/nodes/{row['uuid']}", wait=60)
            self.assertEqual(204, gone.status, gone)
        self.assertEqual([], env.pods[0].nodes)
        return left, composed

    def interrupted(
        self,
        moment: str,
        leaving: typing.Callable[[], Answer],
        compose: typing.Callable[[], Answer],
    ) -> tuple[Answer, Answer]:
        """Leave at a moment of the compose, which waits for that a bit."""
        name = MOMENTS[moment]
        original = pkgutil.resolve_name(name)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            left: list[concurrent.futures.Future[Answer]] = []

            def interrupt(*args: typing.Any) -> typing.Any:
                if not left:
                    left.append(pool.submit(leaving))
                    # At all others it waits, in its turn, for the compose.
                    seconds = 120 if moment == "chosen" else 0.5
                    concurrent.futures.wait(left, seconds)
                    self.assertEqual(moment == "chosen", left[0].done())
                return original(*args)

            with fixtures.MonkeyPatch(name, interrupt):
                composed = compose()
            return left[0].result(), composed

    def test_drained(self) -> None:
        """It is composed wholly, or not at all; and then none is."""
        env = self.environment(PodSpec(systems=2))
        uuid = env.register()["uuid"]
        path = f"/v1/pod_managers/{uuid}"

        def drain(value: bool = True) -> Answer:
            patch = {"op": "replace", "path": "/maintenance", "value": value}
            return env.api.patch(path, [patch])

        for moment, named in itertools.product(
            MOMENTS, ({}, {"podm_id": uuid})
        ):
            drained, composed = self.race(env, moment, drain, **named)
            if moment != "any":
                wanted = {"chosen": 409, "locked": 200}[moment]
                self.assertEqual(wanted, composed.status, composed)
            self.assertEqual(200, drained.status, drained)
            for named in {}, {"podm_id": uuid}:
                refused = env.api.post("/v1/nodes", named, wait=60)
                self.assertEqual(409, refused.status, refused)
                self.assertIn("in maintenance", refused.error["detail"])
            for row in env.api.get("/v1/nodes").json:
                gone = env.api.delete(f"/v1/nodes/{row['uuid']}", wait=60)
                self.assertEqual(204, gone.status, gone)
            self.assertEqual(200, drain(False).status)

    def test_deleted(self) -> None:
        """One of the two is refused; nobody is left behind."""
        env = self.environment(PodSpec(systems=2))
        for number, moment in enumerate([*MOMENTS] * 2):
            uuid = env.register(name=f"pod-{number}")["uuid"]
            path = f"/v1/pod_managers/{uuid}"
            pool = {"name": "its own", "podm_id": uuid}
            pool = env.api.post("/v1/resource_providers", pool)
            self.assertEqual(201, pool.status, pool)
            named = {"podm_id": uuid} if number < len(MOMENTS) else {}
            deleted, composed = self.race(
                env, moment, lambda p=path: env.api.delete(p), **named
            )
            self.assertIn(deleted.status, (204, 409), deleted)
            self.assertNotEqual(deleted.status == 204, composed.status == 200)
            if moment == "locked":
                self.assertEqual(409, deleted.status, deleted)
            if deleted.status == 409:
                self.assertEqual(204, env.api.delete(path).status)
            with engine.reading() as connection:
                for table in (
                    models.PROVIDERS,
                    models.INVENTORIES,
                    models.ALLOCATIONS,
                    models.TRAITS,
                    models.SYSTEMS,
                    models.DEVICES,
                ):
                    rows = connection.execute(sa.select(table)).all()
                    self.assertEqual([], rows, table.name)


class TestRacesOnSQLite(Races):
    kind = "sqlite"


class TestRacesOnMariaDB(Races):
    kind = "mysql"


class TestRacesOnPostgreSQL(Races):
    kind = "postgresql"


del Races, Case  # only what they are made into is a test
