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

"""Hardware that fails at each step: nothing lost, everything explained."""

import testscenarios

from valence.simulator import PodSpec
from valence.tests import base
from valence.tests.fixtures import processes
from valence.tests.fixtures.environment import Environment
from valence.tests.fixtures.environment import Pods

#: Seconds after which an answer comes that is not waited for any more.
LATE = 4.0


def load_tests(loader, tests, pattern):  # type: ignore[no-untyped-def]
    """What is tested on 2.1 is tested on the other dialects too."""
    for cases in (ComposeFaults, ComposeLostAnswers, ReleaseFaults):
        for dialect in ("1.2.1", "2.3", "2.5"):
            name = f"{cases.__name__}_{dialect.replace('.', '_')}"
            case = type(name, (cases,), {"dialect": dialect})
            case.__module__ = __name__
            tests.addTests(loader.loadTestsFromTestCase(case))
    return testscenarios.load_tests_apply_scenarios(loader, tests, pattern)


class FaultCase(base.SharedTestCase):
    """A pod manager with two systems."""

    dialect = "2.1"

    @classmethod
    def make_environment(cls) -> Environment:
        return Environment(PodSpec(dialect=cls.dialect, systems=2))

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.env.register()

    def setUp(self) -> None:
        super().setUp()
        (self.pod,) = self.env.pods
        self.patient()
        self.addCleanup(self._clear)

    def patient(self) -> None:
        """As long as nothing is wrong, nobody waits for a limit."""
        self.limits(timeout=60.0, state_timeout=60.0, settle_time=0.6)

    def limits(self, **limits: float) -> None:
        self.conf.set("pod_manager", **limits)
        # Drivers are made with the limits of their time.
        self.env.conductor._connections.close()

    def _clear(self) -> None:
        self.pod.faults.clear()
        self.patient()
        for node in self.env.api.get("/v1/nodes").json:
            self.env.api.delete(f"/v1/nodes/{node['uuid']}", wait=60)

    def fault(self, point: str, **effect: object) -> None:
        if effect.get("state") == "never":
            self.limits(state_timeout=0.6)
        if "delay" in effect:
            # What is done after all is looked for until it is there.
            self.limits(timeout=LATE / 2, settle_time=60.0)
        self.pod.faults.add(point=point, **effect)


class ComposeFaults(FaultCase):
    #: what is done wrong, and a word of the reason given
    scenarios = [
        (name, {"point": point, "effect": effect, "reason": reason})
        for name, point, effect, reason in (
            (
                "allocate refused",
                "allocate",
                {"status": 409},
                "refused",
            ),
            ("allocate bad", "allocate", {"status": 400}, "refused"),
            ("allocate 500", "allocate", {"status": 500}, "500"),
            ("allocate 401", "allocate", {"status": 401}, "credentials"),
            ("allocate cut before", "allocate", {"cut": "before"}, ""),
            ("allocate cut after", "allocate", {"cut": "after"}, ""),
            (
                "allocate timed out",
                "allocate",
                {"delay": LATE},
                "not answer",
            ),
            ("allocate html", "allocate", {"body": "html"}, ""),
            ("allocate failed", "allocate", {"state": "failed"}, "Failed"),
            ("allocate never", "allocate", {"state": "never"}, "within"),
            ("assemble 500", "assemble", {"status": 500}, "500"),
            ("assemble cut before", "assemble", {"cut": "before"}, ""),
            ("assemble failed", "assemble", {"state": "failed"}, "Failed"),
            ("assemble never", "assemble", {"state": "never"}, "within"),
        )
    ]

    def test_fault(self) -> None:
        self.fault(self.point, **self.effect)
        asked = self.env.api.post("/v1/nodes", {"name": "one"})
        operation = self.env.api.ended(asked)
        node = self.env.api.get("/v1/nodes/one").json
        if operation["state"] == "succeeded":
            # Allowed only where the node is there all the same.
            self.assertEqual("composed", node["provision_state"])
            self.assertEqual(1, len(self.pod.nodes))
            self.assertIn("html", self.effect.values())
            self.env.api.ended(self.env.api.delete("/v1/nodes/one"))
            self.assertEqual(2, len(self.pod.free_systems()))
            return
        self.assertEqual("failed", operation["state"], operation)
        self.assertEqual("compose_failed", node["provision_state"], node)
        self.assertIn(self.reason, node["last_error"])
        self.assertEqual(node["last_error"], operation["last_error"])
        self.assertIn("failed", [s["state"] for s in operation["steps"]])
        self.assertNotIn("running", [s["state"] for s in operation["steps"]])
        self.assertIsNone(node["index"])
        self.assertIsNone(node["operation_id"])
        self.assertEqual([], self.pod.nodes)
        self.assertEqual(2, len(self.pod.free_systems()))
        self.assertEqual([], self.env.api.get("/v1/systems?state=in_use").json)

        self.patient()
        gone = self.env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        again = self.env.api.post("/v1/nodes", {"name": "one"}, wait=60)
        self.assertEqual(200, again.status, again)


class ComposeLostAnswers(FaultCase):
    """An answer that is lost after the act costs nothing but time."""

    def test_assemble_cut_after(self) -> None:
        self.fault("assemble", cut="after")
        asked = self.env.api.post("/v1/nodes", {"name": "one"})
        operation = self.env.api.ended(asked)
        node = self.env.api.get("/v1/nodes/one").json
        agreed = {
            "succeeded": ("composed", 1),
            "failed": ("compose_failed", 0),
        }
        self.assertEqual(
            agreed[operation["state"]],
            (node["provision_state"], len(self.pod.nodes)),
        )

    def test_revert_that_fails_leaves_an_error_to_delete(self) -> None:
        self.fault("assemble", status=500)
        self.fault("delete", status=500, times=None)
        asked = self.env.api.post("/v1/nodes", {"name": "one"})
        operation = self.env.api.ended(asked)
        self.assertEqual("failed", operation["state"])
        node = self.env.api.get("/v1/nodes/one").json
        if not self.pod.nodes:  # the dialect offers another way to delete
            self.assertEqual("compose_failed", node["provision_state"])
            return
        self.assertEqual("error", node["provision_state"])
        self.assertIn("hardware back failed", node["last_error"])
        self.pod.faults.clear()
        gone = self.env.api.delete("/v1/nodes/one", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assertEqual([], self.pod.nodes)


class ReleaseFaults(FaultCase):
    scenarios = [
        (name, {"effect": effect})
        for name, effect in (
            ("500", {"status": 500, "times": None}),
            ("503", {"status": 503, "times": None}),
            ("cut before", {"cut": "before", "times": None}),
            ("cut after", {"cut": "after"}),
            ("timed out", {"delay": LATE}),
            ("401", {"status": 401}),
        )
    ]

    def test_fault(self) -> None:
        self.env.compose(name="one")
        self.fault("delete", **self.effect)
        if self.dialect == "2.5" and "times" in self.effect:
            self.pod.faults.add(path="ForceDelete", **self.effect)
        operation = self.env.api.ended(self.env.api.delete("/v1/nodes/one"))
        if operation["state"] == "failed":
            node = self.env.api.get("/v1/nodes/one").json
            self.assertEqual("error", node["provision_state"])
            self.assertTrue(node["last_error"])
            self.pod.faults.clear()
            self.patient()
            gone = self.env.api.delete("/v1/nodes/one", wait=60)
            self.assertEqual(204, gone.status, gone)
        else:
            self.assertIn(next(iter(self.effect)), ("cut", "delay"), operation)
        self.assertEqual(404, self.env.api.get("/v1/nodes/one").status)
        self.assertEqual([], self.pod.nodes)
        self.assertEqual(2, len(self.pod.free_systems()))


class TestPowerFaults(FaultCase):
    def test_reset_that_fails_leaves_the_node_composed(self) -> None:
        self.env.compose(name="one")
        self.fault("reset", status=500)
        failed = self.env.api.post(
            "/v1/nodes/one/action", {"Reset": {"Type": "On"}}, wait=60
        )
        self.assertEqual(502, failed.status, failed)
        node = self.env.api.get("/v1/nodes/one").json
        self.assertEqual("composed", node["provision_state"])
        self.assertTrue(node["last_error"])
        done = self.env.api.post(
            "/v1/nodes/one/action", {"Reset": {"Type": "On"}}, wait=60
        )
        self.assertEqual(204, done.status, done)
        self.assertIsNone(self.env.api.get("/v1/nodes/one").json["last_error"])

    def test_power_that_never_comes(self) -> None:
        self.env.compose(name="one")
        self.fault("reset", state="never")
        failed = self.env.api.post(
            "/v1/nodes/one/action", {"Reset": {"Type": "On"}}, wait=60
        )
        self.assertEqual(504, failed.status, failed)
        self.assertEqual(
            "composed",
            self.env.api.get("/v1/nodes/one").json["provision_state"],
        )


class TestPodManagerFaults(FaultCase):
    def _sync(self) -> tuple[dict[str, object], dict[str, object]]:
        answer = self.env.api.post("/v1/pod_managers/pod-0/sync")
        operation = self.env.api.ended(answer)
        return operation, self.env.api.get("/v1/pod_managers/pod-0").json

    def test_wrong_password_is_an_error(self) -> None:
        patch = [
            {
                "op": "replace",
                "path": "/authentication/0/auth_items/password",
                "value": "wrong-one",
            }
        ]
        answer = self.env.api.patch("/v1/pod_managers/pod-0", patch, wait=60)
        self.assertEqual(200, answer.status, answer)
        self.assertEqual("Error", answer.json["status"])
        self.assertIn("credentials", answer.json["status_reason"])
        refused = self.env.api.post(
            "/v1/nodes", {"name": "n", "podm_id": "pod-0"}
        )
        self.assertEqual(409, refused.status)
        refused = self.env.api.post("/v1/nodes", {"name": "n"}, wait=60)
        self.assertIn("pod-0: it is Error: ", refused.error["detail"])
        self.assertIn("credentials", refused.error["detail"])
        self.env.api.delete("/v1/nodes/n", wait=60)
        patch[0]["value"] = "admin"
        answer = self.env.api.patch("/v1/pod_managers/pod-0", patch, wait=60)
        self.assertEqual("Online", answer.json["status"])
        self.env.compose(name="n", podm_id="pod-0")

    def test_silent_pod_keeps_its_inventory(self) -> None:
        self.pod.faults.add(cut="before", times=None)
        operation, podm = self._sync()
        self.assertEqual("failed", operation["state"])
        self.assertEqual("Offline", podm["status"])
        self.assertTrue(podm["status_reason"])
        self.assertEqual(2, len(self.env.api.get("/v1/systems").json))
        self.pod.faults.clear()
        operation, podm = self._sync()
        self.assertEqual("succeeded", operation["state"])
        self.assertEqual("Online", podm["status"])
        self.assertIsNone(podm["status_reason"])

    def test_next_pod_manager_is_tried(self) -> None:
        """A pod that refuses is passed by; the refusals are all told."""
        (other,) = self.useFixture(Pods(PodSpec(systems=2))).pods
        answer = self.env.api.post(
            "/v1/pod_managers",
            {
                "name": "pod-1",
                "url": other.url,
                "authentication": [
                    {
                        "type": "basic",
                        "auth_items": {
                            "username": "admin",
                            "password": "admin",
                        },
                    }
                ],
            },
            wait=60,
        )
        self.assertEqual("Online", answer.json["status"])
        self.addCleanup(self.env.api.delete, "/v1/pod_managers/pod-1")
        self.addCleanup(self._clear)
        self.fault("allocate", status=500)
        node = self.env.compose(name="one")
        self.assertEqual(answer.json["uuid"], node["podm_id"])
        self.assertEqual([], self.pod.nodes)
        self.fault("allocate", status=409)
        other.faults.add(point="allocate", status=500)
        refused = self.env.api.post("/v1/nodes", {"name": "two"}, wait=60)
        self.assertEqual(409, refused.status, refused)
        self.assertIn("pod-0: ", refused.error["detail"])
        self.assertIn("pod-1: ", refused.error["detail"])

    def test_cancelled_compose_is_given_back(self) -> None:
        self.fault("assemble", state="never")
        self.patient()
        asked = self.env.api.post("/v1/nodes", {"name": "one"})
        uuid = asked.json["operation_id"]
        processes.poll(lambda: self.pod.nodes, "allocated")
        answer = self.env.api.post(f"/v1/operations/{uuid}/cancel")
        self.assertEqual(202, answer.status, answer)
        operation = self.env.api.ended(asked)
        self.assertEqual("cancelled", operation["state"], operation)
        node = self.env.api.get("/v1/nodes/one").json
        self.assertEqual("compose_failed", node["provision_state"])
        self.assertEqual([], self.pod.nodes)
        answer = self.env.api.post(f"/v1/operations/{uuid}/cancel")
        self.assertEqual(202, answer.status)
