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
"""What many clients at once may not do to each other."""

import concurrent.futures
import threading
import typing

from valence import objects
from valence import states
from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import environment

REPLACE = "replace"


def at_once(
    *calls: typing.Callable[[], environment.Answer],
) -> list[environment.Answer]:
    """Make all calls at the same time, each in a thread of its own."""
    barrier = threading.Barrier(len(calls))

    def call(one: typing.Callable[[], environment.Answer]) -> typing.Any:
        barrier.wait()
        return one()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def statuses(answers: list[environment.Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


class TestConcurrency(base.TestCase):
    def test_no_change_is_lost(self) -> None:
        env = self.useFixture(environment.Environment(conductor=False))
        env.api.post(
            "/v1/flavors",
            {"name": "small", "properties": {"pci_device": {"type": ["SSD"]}}},
        )

        def add() -> environment.Answer:
            return env.api.patch(
                "/v1/flavors/small",
                [
                    {
                        "op": "add",
                        "path": "/properties/pci_device/type/-",
                        "value": "SSD",
                    }
                ],
            )

        answers = at_once(*[add] * 100)
        self.assertEqual([200] * 100, statuses(answers))
        flavor = env.api.get("/v1/flavors/small").json
        self.assertEqual(
            ["SSD"] * 101, flavor["properties"]["pci_device"]["type"]
        )
        self.assertEqual(
            100, objects.Flavor.get(env.context, "small").revision
        )

    def test_changes_of_different_fields_do_not_meet(self) -> None:
        env = self.useFixture(environment.Environment(conductor=False))
        env.api.post(
            "/v1/pod_managers", {"name": "p", "url": "http://pod.example"}
        )
        uuid = env.api.get("/v1/pod_managers/p").json["uuid"]
        values = {
            "name": "q",
            "description": "d",
            "location": "l",
            "maintenance": True,
        }
        answers = at_once(
            *(
                lambda n=name, v=value: env.api.patch(
                    f"/v1/pod_managers/{uuid}",
                    [{"op": REPLACE, "path": f"/{n}", "value": v}],
                )
                for name, value in values.items()
                for _ in range(25)
            )
        )
        self.assertEqual([200] * 100, statuses(answers))
        podm = env.api.get("/v1/pod_managers/q").json
        self.assertEqual(values, {name: podm[name] for name in values})

    def test_one_of_two_names(self) -> None:
        env = self.useFixture(environment.Environment(conductor=False))
        for path, body in (
            ("/v1/flavors", {"properties": {}}),
            ("/v1/pod_managers", {"url": "http://pod.example"}),
        ):
            answers = at_once(
                *[lambda p=path, b=body: env.api.post(p, {**b, "name": "a"})]
                * 2
            )
            self.assertIn(statuses(answers), ([201, 409], [202, 409]))
            self.assertEqual(1, len(env.api.get(path).json))

    def test_one_release_wins(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=2)))
        env.register()
        env.compose(name="one")
        answers = at_once(*[lambda: env.api.delete("/v1/nodes/one")] * 20)
        self.assertEqual(1, statuses(answers).count(202), answers)
        for answer in answers:
            self.assertIn(answer.status, (202, 404, 409))
            if answer.status == 202:
                self.assertEqual("succeeded", env.api.ended(answer)["state"])
        self.assertEqual(404, env.api.get("/v1/nodes/one").status)
        self.assertEqual(2, len(env.pods[0].free_systems()))
        operations = env.api.get("/v1/operations?kind=release").json
        self.assertEqual(1, len(operations))

    def test_one_action_at_a_time(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=1)))
        env.register()
        env.compose(name="one")
        env.stop_conductor()
        answers = at_once(
            *[
                lambda: env.api.post(
                    "/v1/nodes/one/action", {"Reset": {"Type": "On"}}
                )
            ]
            * 20
        )
        self.assertEqual([202] + [409] * 19, statuses(answers))
        (won,) = (a.json["uuid"] for a in answers if a.status == 202)
        for answer in answers:
            if answer.status == 409:
                self.assertEqual("resource.busy", answer.error["code"])
                self.assertIn(won, answer.error["detail"])

    def test_compose_while_the_pod_manager_is_deleted(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=2)))
        for attempt in range(6):
            podm = env.register(name=f"pod-{attempt}")
            deleted, composed = at_once(
                lambda u=podm["uuid"]: env.api.delete(f"/v1/pod_managers/{u}"),
                lambda u=podm["uuid"]: env.api.post(
                    "/v1/nodes", {"podm_id": u}
                ),
            )
            self.assertIn(deleted.status, (204, 409))
            if deleted.status == 204:
                # The one it names was there, or is not any more.
                self.assertIn(composed.status, (404, 409), composed)
                self.assertEqual([], env.api.get("/v1/nodes").json)
                self.assertEqual([], env.api.get("/v1/systems").json)
            else:
                self.assertEqual(202, composed.status, composed)
                self.assertEqual("succeeded", env.api.ended(composed)["state"])
                gone = env.api.delete(
                    f"/v1/nodes/{composed.json['uuid']}", wait=60
                )
                self.assertEqual(204, gone.status, gone)
                gone = env.api.delete(f"/v1/pod_managers/{podm['uuid']}")
                self.assertEqual(204, gone.status, gone)
            self.assertEqual([], env.pods[0].nodes)


class TestIdempotency(base.TestCase):
    def test_many_retries_compose_one_node(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=4)))
        env.register()
        answers = at_once(
            *[
                lambda: env.api.post(
                    "/v1/nodes", {"name": "one"}, Idempotency_Key="k"
                )
            ]
            * 20
        )
        self.assertEqual([202] * 20, statuses(answers))
        self.assertEqual(1, len({a.json["uuid"] for a in answers}))
        self.assertEqual(1, len({a.headers["Location"] for a in answers}))
        self.assertEqual("succeeded", env.api.ended(answers[0])["state"])
        self.assertEqual(1, len(env.api.get("/v1/nodes").json))
        self.assertEqual(1, len(env.pods[0].nodes))

    def test_many_retries_of_what_has_a_unique_name(self) -> None:
        env = self.useFixture(environment.Environment(conductor=False))
        for path, status, body in (
            ("/v1/flavors", 201, {"properties": {}}),
            ("/v1/pod_managers", 202, {"url": "http://pod.example"}),
        ):
            answers = at_once(
                *[
                    lambda p=path, b=body: env.api.post(
                        p, {**b, "name": "a"}, Idempotency_Key=p
                    )
                ]
                * 20
            )
            self.assertEqual([status] * 20, statuses(answers))
            self.assertEqual(1, len({a.json["uuid"] for a in answers}))

    def test_many_retries_of_an_action(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=1)))
        env.register()
        env.compose(name="one")
        env.stop_conductor()
        answers = at_once(
            *[
                lambda: env.api.post(
                    "/v1/nodes/one/action",
                    {"Reset": {"Type": "On"}},
                    Idempotency_Key="k",
                )
            ]
            * 20
        )
        self.assertEqual([202] * 20, statuses(answers))
        self.assertEqual(1, len({a.json["uuid"] for a in answers}))

    def test_retry_after_the_process_died_before_it_answered(self) -> None:
        env = self.useFixture(environment.Environment(PodSpec(systems=2)))
        env.register()
        requests = [
            ("/v1/nodes", {"name": "one"}, {}),
            ("/v1/nodes", {"name": "two"}, {"wait": 30}),
            ("/v1/flavors", {"name": "small", "properties": {}}, {}),
            ("/v1/resource_classes", {"name": "CUSTOM_THING"}, {}),
            ("/v1/resource_providers", {"name": "pool"}, {}),
            ("/v1/pod_managers/pod-0/sync", None, {"wait": 30}),
        ]
        for number, (path, body, more) in enumerate(requests):
            key = f"key-{number}"
            first = env.api.post(path, body, Idempotency_Key=key, **more)
            if first.status == 202:
                env.api.ended(first)
            self._forget_answers(env)
            again = env.api.post(path, body, Idempotency_Key=key, **more)
            self.assertEqual(first.status, again.status, again)
            self.assertEqual(first.json["uuid"], again.json["uuid"])
            self.assertEqual(
                first.headers["Location"], again.headers["Location"]
            )
            other = env.api.post(
                path, {"name": "three"}, Idempotency_Key=key, **more
            )
            self.assertEqual(422, other.status, other)
        self.assertEqual(2, len(env.api.get("/v1/nodes").json))
        self.assertEqual(2, len(env.pods[0].nodes))

    def test_retry_of_what_failed(self) -> None:
        env = self.useFixture(environment.Environment())
        answers = [
            env.api.post("/v1/nodes", {}, wait=60, Idempotency_Key="k")
            for _ in range(2)
        ]
        self.assertEqual([409, 409], statuses(answers))
        self.assertEqual(
            answers[0].headers["Location"], answers[1].headers["Location"]
        )
        (node,) = env.api.get("/v1/nodes").json
        self.assertEqual(states.COMPOSE_FAILED, node["provision_state"])

    def test_retry_of_a_cancel(self) -> None:
        env = self.useFixture(environment.Environment(conductor=False))
        asked = env.api.post("/v1/nodes", {})
        path = asked.headers["Location"] + "/cancel"
        first = env.api.post(path, Idempotency_Key="k")
        env.start_conductor()
        self.assertEqual("cancelled", env.api.ended(first)["state"])
        again = env.api.post(path, Idempotency_Key="k")
        self.assertEqual(202, again.status, again)

    def _forget_answers(self, env: environment.Environment) -> None:
        for known in objects.IdempotencyKey.find(env.context):
            if known.answer is not None:
                known.answer = None
                known.save()
