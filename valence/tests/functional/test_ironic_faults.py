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
"""Ironic fails at any request: nothing twice, nothing left over."""

from valence.tests.functional import with_ironic  # isort: skip
import json
import typing

import testscenarios

from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures.proxy import Fault

NODE = "/v1/nodes/[0-9a-f-]{36}$"
LOCKED = {
    "error_message": json.dumps(
        {
            "faultstring": "Node x is locked by host y, please retry after "
            "the current operation is completed."
        }
    )
}

#: What is asked when a node is enrolled and made available: method, path and
#: which of those that look alike.
ENROLLING = {
    "look before": ("GET", NODE, 1),
    "look for the node": ("GET", NODE, 2),
    "make the node": ("POST", "/v1/nodes$", 1),
    "look for ports": ("GET", r"/v1/ports/?\?", 1),
    "make a port": ("POST", "/v1/ports$", 1),
    "add a trait": ("PUT", "/traits/", 1),
    "validate": ("GET", "/validate$", 1),
    "look before manage": ("GET", NODE, 3),
    "manage": ("PUT", "/states/provision$", 1),
    "look after manage": ("GET", NODE, 4),
    "provide": ("PUT", "/states/provision$", 2),
    "look after provide": ("GET", NODE, 6),
}
LEAVING = {
    "look": ("GET", NODE, 1),
    "delete": ("DELETE", NODE, 1),
}
AGAIN = {
    "look before": ("GET", NODE, 1),
    "ports before": ("GET", r"/v1/ports/?\?", 1),
    "look for the node": ("GET", NODE, 2),
    "look for ports": ("GET", r"/v1/ports/?\?", 2),
    "drop a trait": ("DELETE", "/traits/", 1),
    "look before the change": ("GET", NODE, 3),
    "change": ("PATCH", NODE, 1),
}

Strike = typing.Callable[[Fault], Fault]

#: What may happen to a request, before Ironic acts, or after it has.
FAULTS: dict[str, Strike] = {
    "500": lambda fault: fault.answer(500),
    "503": lambda fault: fault.answer(503),
    "locked": lambda fault: fault.answer(409, LOCKED),
    "cut": lambda fault: fault.cut(),
    "no answer": lambda fault: fault.hang(),
    "500 after": lambda fault: fault.answer(500, after=True),
    "cut after": lambda fault: fault.cut(after=True),
    "no answer after": lambda fault: fault.hang(after=True),
    "nonsense": lambda fault: fault.answer(200, "<html>"),
    "an empty object": lambda fault: fault.answer(200, {}),
}
PASSING = [
    name for name in FAULTS if name not in ("nonsense", "an empty object")
]

ENROLL = {
    "driver": "fake-hardware",
    "target": "available",
    "traits": ["CUSTOM_FAST"],
}


def each(
    requests: dict[str, tuple[str, str, int]],
    faults: typing.Iterable[str] = FAULTS,
) -> list[tuple[str, dict[str, typing.Any]]]:
    return [
        (f"{name}: {request}", {"request": requests[request], "fault": name})
        for request in requests
        for name in faults
    ]


class FaultCase(testscenarios.WithScenarios, with_ironic.IronicCase):
    specs = (PodSpec(dialect="2.1", systems=4),)
    settings = {"timeout": 3}

    request: tuple[str, str, int]
    fault: str
    struck: Fault | None = None

    def strike(self, times: int | None = 1) -> None:
        """Have the scenario's fault happen."""
        method, path, nth = self.request
        self.struck = FAULTS[self.fault](
            self.proxy.on(method, path, nth=nth, times=times)
        )

    def ask(self) -> environment.Answer:
        """Compose a node, enroll it and make it available."""
        answer = self.api.post(
            "/v1/nodes", {"name": "web-1", "enroll": ENROLL}
        )
        self.assertEqual(202, answer.status, answer)
        return answer

    def ended(self, answer: environment.Answer) -> dict[str, typing.Any]:
        """What came of it, when Ironic is well again."""
        operation = self.api.ended(answer, 60)
        self.proxy.heal()
        if self.struck is not None:
            self.struck.wait(0)  # or nothing was tested
        return operation

    def assert_one(self) -> None:
        """There is one node, in Ironic, on the pod and here."""
        row = self.row()
        self.assertEqual("enrolled", row.provision_state)
        self.assertEqual("available", row.provisioner_state)
        self.assertEqual([row.uuid], self.env.node_ids())
        self.assertEqual(1, len(self.env.ports()))
        self.assertEqual(1, len(self.env.pods[0].nodes))
        shown = self.env.in_ironic(row.uuid)
        self.assertEqual("available", shown["provision_state"])
        self.assertEqual(["CUSTOM_FAST"], shown["traits"])

    def give_back(self) -> None:
        gone = self.api.delete("/v1/nodes/web-1", wait=60)
        self.assertEqual(204, gone.status, gone)
        self.assert_as_before()


class TestOnce(FaultCase):
    """What passes is got over, and done once."""

    scenarios = each(ENROLLING, PASSING)

    def test_enroll(self) -> None:
        self.strike()
        operation = self.ended(self.ask())
        self.assertEqual("succeeded", operation["state"], operation)
        self.assert_one()
        self.give_back()


class TestNonsense(FaultCase):
    """An answer that makes no sense: done, or nothing is left of it.

    But for a trait: that it was added is answered with nothing anyway.
    """

    scenarios = each(
        {k: v for k, v in ENROLLING.items() if k != "add a trait"},
        ["nonsense", "an empty object"],
    )

    def test_enroll(self) -> None:
        self.strike()
        operation = self.ended(self.ask())
        if operation["state"] == "succeeded":
            self.assert_one()
        else:
            self.assertEqual("compose_failed", self.row().provision_state)
            self.assert_as_before()
            self.assertNotIn("unexpected error", operation["last_error"])
        self.give_back()


class TestForGood(FaultCase):
    """What lasts makes it fail, with a reason, and everything goes back.

    Where it cannot, since Ironic does not say what it has, the node says so,
    and goes back as soon as Ironic does.
    """

    scenarios = each(ENROLLING, ["500", "cut", "locked", "cut after"])

    def test_enroll(self) -> None:
        self.strike(times=None)
        operation = self.ended(self.ask())
        if operation["state"] == "succeeded":
            # The answers were lost, and it looked what had become of it; or
            # what is missing is but the answer whether all is well.
            if "/validate" in self.request[1]:
                self.assertIn("not known", operation["warnings"][0])
            else:
                self.assertEqual("cut after", self.fault)
            self.assert_one()
        else:
            self.assertEqual("failed", operation["state"], operation)
            self.assertIn("Ironic", operation["last_error"])
            if self.row().provision_state == "compose_failed":
                self.assert_as_before()
            else:
                self.assertEqual("error", self.row().provision_state)
                self.assertEqual("ironic", self.row().managed_by)
                self.assertEqual(1, len(self.env.pods[0].nodes))
        self.give_back()


class TestLeaving(FaultCase):
    scenarios = each(LEAVING)

    def test_release(self) -> None:
        self.ended(self.ask())
        self.strike()
        self.ended_well(self.api.delete("/v1/nodes/web-1"))
        self.assert_as_before()

    def test_unregister(self) -> None:
        self.ended(self.ask())
        self.strike()
        self.ended_well(self.api.post("/v1/nodes/web-1/unregister"))
        self.assertEqual([], self.env.node_ids())
        self.assertEqual("composed", self.row().provision_state)
        self.assertEqual("valence", self.row().managed_by)
        self.give_back()

    def ended_well(self, answer: environment.Answer) -> None:
        operation = self.ended(answer)
        self.assertEqual("succeeded", operation["state"], operation)


class TestAgain(FaultCase):
    """A node that is enrolled is enrolled once more, with other traits."""

    scenarios = each(
        AGAIN, ["500", "locked", "cut", "cut after", "no answer after"]
    )

    def test_register(self) -> None:
        self.ended(self.ask())
        self.strike()
        operation = self.ended(
            self.api.post("/v1/nodes/web-1/register", {"traits": []})
        )
        self.assertEqual("succeeded", operation["state"], operation)
        row = self.row()
        self.assertEqual([row.uuid], self.env.node_ids())
        self.assertEqual([], self.env.in_ironic(row.uuid)["traits"])
        self.assertEqual(1, len(self.env.ports()))
        self.give_back()


del FaultCase
