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

"""Placement is away, slow, busy or in a bad temper."""

import logging
import time

from valence.tests.functional import mirrored  # isort: skip
import fixtures

from valence.simulator import PodSpec
from valence.tests.functional.mirrored import told

AWAY = "Nothing is mirrored into Placement for the present"
BACK = "Mirroring into Placement again"


class OutageCase(mirrored.MirrorCase):
    pods = (PodSpec(systems=30, devices=4),)
    conductor = False

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger("valence.placement", logging.INFO)
        )

    def told(self, words: str) -> None:
        mirrored.poll(lambda: words in self.log.output, words)


class TestAway(OutageCase):
    """However it is away."""

    def test_from_the_start(self) -> None:
        before = mirrored.in_placement(self.placement)
        self.proxy.on("*", "", times=None).cut()
        self.env.start_conductor()
        self.env.register()
        self.env.compose(name="one")
        self.told(AWAY)
        self.assertEqual(before, mirrored.in_placement(self.placement))
        self.proxy.heal()
        self.assert_mirrored()
        self.told(BACK)

    def test_for_each_reason(self) -> None:
        self.conf.set("placement", timeout=3)
        self.env.start_conductor()
        self.env.register()
        self.assert_mirrored()
        for number, (what, *arguments) in enumerate(
            (
                ("cut",),
                ("hang",),
                ("answer", 500),
                ("answer", 503, "<html>"),
                ("answer", 401, "who?"),
                ("answer", 403),
                ("answer", 200, "<html>"),  # something else
                ("answer", 404, "<html>"),  # it is elsewhere
                ("answer", 406),  # it is too old
            )
        ):
            before = mirrored.in_placement(self.placement)
            fault = self.proxy.on("*", "", times=None)
            getattr(fault, what)(*arguments)
            self.env.compose(name=f"node-{number}")
            self.told(AWAY)
            self.assertEqual(before, mirrored.in_placement(self.placement))
            asked = len(self.proxy.seen())
            mirrored.poll(
                lambda asked=asked: len(self.proxy.seen()) > asked + 1,
                "it is tried again",
            )
            self.proxy.heal()
            self.assert_mirrored()
            self.told(BACK)
            self.assertEqual(1, self.log.output.count(AWAY), self.log.output)
            self.assertNotIn("Traceback", self.log.output)
            self.log.reset_output()


class TestMiddle(OutageCase):
    def test_composes_are_not_delayed(self) -> None:
        self.conf.set("placement", timeout=600)
        self.env.start_conductor()
        self.env.register()
        self.assert_mirrored()
        fault = self.proxy.on("*", "", times=None).hang()
        for number in range(6):
            self.env.compose(name=f"node-{number}")
        # Somebody waits for Placement, and still does: none of the composes.
        fault.wait()
        self.assertNotIn(AWAY, self.log.output)
        self.proxy.heal()
        state = self.assert_mirrored()
        self.assertEqual(6, len(state["consumers"]))

    def test_a_conductor_stops_while_placement_hangs(self) -> None:
        self.conf.set("placement", timeout=600)
        self.env.start_conductor()
        self.env.register()
        self.assert_mirrored()
        held = self.proxy.on("*", "", times=None).hang()
        self.env.compose(name="one")
        held.wait()
        began = time.monotonic()
        self.env.stop_conductor()
        self.assertLess(time.monotonic() - began, 60)
        self.proxy.heal()
        self.env.start_conductor()
        self.assert_mirrored()

    def test_placement_is_ended_and_started(self) -> None:
        self.env.start_conductor()
        self.env.register()
        self.placement.stop()
        try:
            self.env.compose(name="one")
            self.told(AWAY)
        finally:
            self.placement.start()
        self.assert_mirrored()
        self.told(BACK)

    def test_answers_get_lost(self) -> None:
        """Each write in its turn is done, and nobody hears of it."""
        lost = [
            self.proxy.on(method, "", nth=number).cut(after=True)
            for number in range(1, 8)
            for method in ("POST", "PUT")
        ]
        self.env.start_conductor()
        podm = self.env.register()["uuid"]
        self.pool("pool", podm, CUSTOM_LICENSE=told(5))
        self.env.compose(
            name="one", properties={"resources": {"CUSTOM_LICENSE": 1}}
        )
        node = self.env.compose(name="two")["uuid"]
        self.assert_mirrored()
        lost += [
            self.proxy.on(method, "").cut(after=True)
            for method in ("POST", "DELETE")
        ]
        gone = self.api.delete(f"/v1/nodes/{node}", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_mirrored()
        for fault in lost:
            fault.wait(0)  # or nothing was tested

    def test_one_thing_fails(self) -> None:
        podms = [
            self.pool(f"pool-{number}", CUSTOM_LICENSE=told(5)).uuid
            for number in range(3)
        ]
        path = f"/resource_providers/{podms[0]}/inventories"
        self.proxy.on("PUT", path, times=None).answer(500)
        self.env.start_conductor()
        self.told("does not take")
        self.wait_for(set(podms))
        for uuid_ in podms[1:]:
            found = self.placement.request(
                "GET", f"/resource_providers/{uuid_}/inventories"
            )
            self.assertEqual({"CUSTOM_LICENSE"}, set(found["inventories"]))
        tried = len(self.proxy.seen("PUT", path))
        mirrored.poll(
            lambda: len(self.proxy.seen("PUT", path)) > tried + 3, "retried"
        )
        self.assertEqual(1, self.log.output.count("does not take"))
        self.assertNotIn(AWAY, self.log.output)
        self.proxy.heal()
        self.assert_mirrored()
        self.told("has taken")


class TestConflicts(OutageCase):
    CONFLICT = {
        "errors": [
            {
                "status": 409,
                "code": "placement.concurrent_update",
                "detail": "Somebody was faster.",
            }
        ]
    }

    def test_a_few(self) -> None:
        self.env.start_conductor()
        self.env.register()
        self.assert_mirrored()
        for method in ("PUT", "POST"):
            self.proxy.on(method, "", times=2).answer(409, self.CONFLICT)
        self.env.compose(name="one")
        self.assert_mirrored()
        self.assertNotIn("does not take", self.log.output)

    def test_a_storm(self) -> None:
        self.env.start_conductor()
        self.env.register()
        self.assert_mirrored()
        for method in ("PUT", "POST"):
            fault = self.proxy.on(method, "", times=None)
            fault.answer(409, self.CONFLICT)
        began = len(self.proxy.seen())
        self.env.compose(name="one")
        self.told("does not take")
        # Bounded: it is given up until the next look.
        self.assertLess(len(self.proxy.seen()) - began, 200)
        self.proxy.heal()
        self.assert_mirrored()
        self.assertEqual(1, self.log.output.count("does not take"))

    def test_somebody_writes_all_the_time(self) -> None:
        """Between what we read and what we write, each time."""
        self.env.start_conductor()
        podm = self.env.register()["uuid"]
        self.assert_mirrored()
        fault = self.proxy.on(
            "PUT", f"{podm}/(traits|inventories)", times=3
        ).hang()
        path = f"/resource_providers/{podm}"
        self.placement.request(
            "PUT",
            f"{path}/traits",
            {
                "traits": [mirrored.MARK],
                "resource_provider_generation": self.placement.request(
                    "GET", path
                )["generation"],
            },
        )
        fault.wait()
        found = self.placement.request("GET", f"{path}/inventories")
        found["inventories"]["VCPU"] = {"total": 3}
        self.placement.request("PUT", f"{path}/inventories", found)
        fault.release()
        self.assert_mirrored()
