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
"""A conductor dies just before, or just after, each write that books
something, is told to an operation or moves a device: nothing is counted twice,
and nothing stays held by nobody."""

import collections
import pkgutil
import typing

import fixtures
import sqlalchemy as sa
import testscenarios
import testtools.content

from valence.tests import base  # isort: skip - chooses the threads
from valence.db import engine
from valence.db import models
from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.functional import books
from valence.tests.functional import deployed

#: What a conductor writes on its way, except for the steps.
WRITES = (
    "valence.db.claims.claim",
    "valence.db.claims.let_go",
    "valence.db.devices.note",
    "valence.db.devices.take_back",
    "valence.db.operations.finish",
    "valence.db.operations.save_target",
    "valence.db.recount.recount",
)
ASKED = {
    "pci_device": {"type": ["NVMe"]},
    "resources": {"DISK_GB": 2},
}
HOLDS = {"CUSTOM_SYSTEM": 1, "CUSTOM_NVME": 1, "DISK_GB": 2}


class Died(BaseException):
    """As if somebody had pulled the plug: nothing of ours handles it."""


class Death(fixtures.Fixture):
    """Comes at a write, once.

    :param moment: which write, from 0, and whether before it; None: never
    :ivar writes: those that were begun
    """

    def __init__(self, moment: tuple[int, bool] | None = None) -> None:
        super().__init__()
        self._moment = moment
        self.writes: list[str] = []

    def _setUp(self) -> None:
        for name in WRITES:
            write = self._mortal(name, pkgutil.resolve_name(name))
            self.useFixture(fixtures.MonkeyPatch(name, write))

    def _mortal(
        self, name: str, write: typing.Callable[..., typing.Any]
    ) -> typing.Callable[..., typing.Any]:
        def mortal(*args: typing.Any, **more: typing.Any) -> typing.Any:
            number = len(self.writes)
            self.writes.append(name)
            if self._moment == (number, True):
                raise Died
            result = write(*args, **more)
            if self._moment == (number, False):
                raise Died
            return result

        return mortal


class TestDying(
    testscenarios.WithScenarios, deployed.Agreement, base.TestCase
):
    scenarios = [
        (name, {"story": name})
        for name in ("composed", "second", "refused", "released")
    ]

    def setUp(self) -> None:
        super().setUp()
        self.conf.set("conductor", rescue_interval=0.1)
        self.conf.set("pod_manager", poll_interval=0.01, settle_time=0.05)
        # The first is preferred: the other has a node already.
        self.conf.set("scheduler", weighers=["spread"])
        self.env = self.useFixture(
            environment.Environment(
                PodSpec(dialect="2.1", systems=2, devices=2),
                PodSpec(dialect="2.1", systems=2, devices=2),
            )
        )
        self.context = self.env.context
        self.podms = [self.env.register(n)["uuid"] for n in range(2)]
        self.env.compose(name="neighbour", podm_id=self.podms[1])
        pool = self.ask(
            201, "POST", "/v1/resource_providers", {"name": "disks"}
        )
        self.ask(
            200,
            "PUT",
            f"/v1/resource_providers/{pool['uuid']}/inventories",
            {
                "resource_provider_generation": 0,
                "inventories": {"DISK_GB": {"total": 2}},
            },
        )

    def ask(
        self, status: int, method: str, path: str, body: typing.Any = None
    ) -> typing.Any:
        answer = self.env.api.request(method, path, body, wait=60)
        self.assertEqual(status, answer.status, answer)
        return answer.json if answer.text else None

    # -- the stories --

    def tell(self, death: Death | None) -> None:
        """Let something happen while death is about, then look.

        :param death: None: somebody looks on
        """
        death = death or Death()
        with death:
            getattr(self, f"_{self.story}")()
        self.assertEqual([], books.added_up())
        self.ask(200, "POST", "/v1/devices/sync", {})
        self.assertEqual([], books.added_up())
        self.assertEqual([], books.counted())
        for pod, podm_id in zip(self.env.pods, self.podms, strict=True):
            self.assert_agreement(pod, podm_id)

    def _node(self) -> str:
        return self.env.api.post(
            "/v1/nodes", {"name": "one", "properties": ASKED}
        )

    def _composed(self, on: int = 0) -> None:
        operation = self.env.api.ended(self._node())
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertIn(operation["attempts"], (1, 2))
        self.assertEqual(HOLDS, self.held())
        node = self.env.api.get("/v1/nodes/one").json
        self.assertEqual(self.podms[on], node["podm_id"])
        self.assertEqual(1, self.attached(on))

    def _second(self) -> None:
        """The one that is tried first refuses."""
        self.env.pods[0].faults.add(point="allocate", status=400, times=None)
        self._composed(on=1)

    def _refused(self) -> None:
        """Both refuse, when much of it is made already."""
        for pod in self.env.pods:
            pod.faults.add(point="attach", status=400, times=None)
        operation = self.env.api.ended(self._node())
        self.assertEqual("failed", operation["state"], operation)
        self.assertEqual("node.no_pod_manager", operation["error_code"])
        self.assertEqual({}, self.held())
        self.assertEqual([0, 0], [self.attached(n) for n in range(2)])
        self.assertEqual([0, 1], [len(pod.nodes) for pod in self.env.pods])

    def _released(self) -> None:
        answer = self.env.api.delete("/v1/nodes/one")
        operation = self.env.api.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertEqual({}, self.held())
        self.assertEqual([], self.env.pods[0].nodes)

    def held(self) -> dict[str, int]:
        """What the books say that the node holds, of whomever."""
        a, n = models.ALLOCATIONS.c, models.NODES.c
        found: collections.Counter[str] = collections.Counter()
        with engine.reading() as connection:
            for row in connection.execute(
                sa.select(a.resource_class, a.used)
                .join_from(models.ALLOCATIONS, models.NODES)
                .where(n.name == "one")
            ):
                found[row.resource_class] += row.used
        return dict(found)

    def attached(self, number: int) -> int:
        return sum(
            unit.node is not None for unit in self.env.pods[number].pool
        )

    def clean(self) -> None:
        """Make it as it was before."""
        for pod in self.env.pods:
            pod.faults.clear()
        if self.story == "released":
            self._composed()
        elif self.env.api.get("/v1/nodes/one").status == 200:
            self.ask(204, "DELETE", "/v1/nodes/one")
            self.assertEqual({}, self.held())

    def wait_until_idle(self) -> None:
        """Who has said what came of an operation counts anew after that."""
        operations = self.env.conductor._operations
        processes.poll(lambda: not operations._running, "nothing goes on")

    def test_dying(self) -> None:
        alive = Death()
        if self.story == "released":
            self._composed()
        self.wait_until_idle()
        self.tell(alive)
        writes = list(alive.writes)
        self.assertGreater(len(writes), 2)
        for number, write in enumerate(writes):
            for before in True, False:
                self.clean()
                self.wait_until_idle()
                death = Death((number, before))
                when = "before" if before else "after"
                self.addDetail(
                    "moment",
                    testtools.content.text_content(
                        f"{when} write {number}, {write}, of {writes}"
                    ),
                )
                self.tell(death)
                self.assertEqual(write, death.writes[number])
