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
"""Ironic fails at any request: nothing twice, nothing left over.

Each request of an operation suffers at once, for a node of its own.
"""

from valence.tests.functional import with_ironic  # isort: skip
import json
import typing

import testscenarios

from valence.simulator import PodSpec
from valence.tests.fixtures import environment
from valence.tests.fixtures.proxy import Fault
from valence.tests.functional import deployed

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
    "look-before": ("GET", NODE, 1),
    "look-for-the-node": ("GET", NODE, 2),
    "make-the-node": ("POST", "/v1/nodes$", 1),
    "look-for-ports": ("GET", r"/v1/ports/?\?", 1),
    "make-a-port": ("POST", "/v1/ports$", 1),
    "add-a-trait": ("PUT", "/traits/", 1),
    "validate": ("GET", "/validate$", 1),
    "look-before-manage": ("GET", NODE, 3),
    "ask-to-manage": ("PUT", "/states/provision$", 1),
    "look-after-manage": ("GET", NODE, 4),
    "ask-to-provide": ("PUT", "/states/provision$", 2),
    "look-once-more": ("GET", NODE, 5),
}
LEAVING = {
    "look": ("GET", NODE, 1),
    "delete": ("DELETE", NODE, 1),
}
AGAIN = {
    "look-before": ("GET", NODE, 1),
    "ports-before": ("GET", r"/v1/ports/?\?", 1),
    "look-for-the-node": ("GET", NODE, 2),
    "look-for-ports": ("GET", r"/v1/ports/?\?", 2),
    "drop-a-trait": ("DELETE", "/traits/", 1),
    "look-before-the-change": ("GET", NODE, 3),
    "change": ("PATCH", NODE, 1),
}

Strike = typing.Callable[[Fault], Fault]

FAULTS: dict[str, Strike] = {
    "500": lambda fault: fault.answer(500),
    "locked": lambda fault: fault.answer(409, LOCKED),
    "cut": lambda fault: fault.cut(),
    "no answer": lambda fault: fault.hang(),
    "500 after": lambda fault: fault.answer(500, after=True),
    "cut after": lambda fault: fault.cut(after=True),
    "no answer after": lambda fault: fault.hang(after=True),
    "nonsense": lambda fault: fault.answer(200, "<html>"),
    "an empty object": lambda fault: fault.answer(200, {}),
}
NONSENSE = ("nonsense", "an empty object")
PASSING = [name for name in FAULTS if name not in NONSENSE]

#: Came these when all is done, Ironic would do as they say.
VERBS = ("ask-to-manage", "ask-to-provide")

ENROLL = {
    "driver": "fake-hardware",
    "target": "available",
    "traits": ["CUSTOM_FAST"],
}
#: For all that is at work at once.
PATIENCE = 120


def each(
    faults: typing.Iterable[str],
) -> list[tuple[str, dict[str, typing.Any]]]:
    return [(name, {"fault": name}) for name in faults]


class FaultCase(testscenarios.WithScenarios, with_ironic.IronicCase):
    """Nodes that are named after the request that fails.

    :ivar nodes: name → uuid
    :ivar asked_for: name → what was answered to the last request
    """

    specs = (
        PodSpec(
            dialect="2.1",
            systems=12,
            profiles=("D",),
            devices=12,
            disks=("PCIe-400",),
        ),
    )
    settings = {"timeout": 6}
    busy = True

    requests: typing.ClassVar[dict[str, tuple[str, str, int]]]
    fault: str

    def setUp(self) -> None:
        super().setUp()
        self.nodes: dict[str, str] = {}
        self.asked_for: dict[str, environment.Answer] = {}
        self.struck: dict[str, Fault] = {}

    def strike(self, name: str, times: int | None = 1) -> None:
        """Have the fault happen to a node's request."""
        method, path, nth = self.requests[name]
        fault = self.proxy.on(method, path, nth, times, self.nodes[name])
        if self.fault == "no answer" and name in VERBS:
            fault.hang(lost=True)
        else:
            FAULTS[self.fault](fault)
        self.struck[name] = fault

    def strike_all(self) -> None:
        for name in self.nodes:
            self.strike(name)

    def compose_all(
        self, prepare: typing.Callable[[str], None] = lambda name: None
    ) -> None:
        """Compose nodes, enroll them and make them available.

        :param prepare: is told of each, before anything is made of it
        """
        pod = self.env.pods[0]
        gate = deployed.Gate(pod, "POST", "Allocate$", len(self.requests))
        self.addCleanup(delattr, pod, "_act")  # others have the pod, too
        self.addCleanup(gate.open)
        for name in self.requests:
            answer = self.api.post(
                "/v1/nodes",
                {
                    "name": name,
                    "properties": {"pci_device": {"type": ["SSD"]}},
                    "enroll": ENROLL,
                },
            )
            self.assertEqual(202, answer.status, answer)
            self.nodes[name] = answer.json["uuid"]
            self.asked_for[name] = answer
            prepare(name)
        gate.open()

    def ask(self, method: str, path: str, body: object = None) -> None:
        """Ask for the same thing to be done to all nodes."""
        for name in self.nodes:
            self.asked_for[name] = self.api.request(
                method, f"/v1/nodes/{name}{path}", body
            )

    def ended(self) -> dict[str, dict[str, typing.Any]]:
        """What came of it, when Ironic is well again."""
        operations = {
            name: self.api.ended(answer, PATIENCE)
            for name, answer in self.asked_for.items()
        }
        self.proxy.heal()
        self.proxy.settle()
        for struck in self.struck.values():
            struck.wait(0)  # or nothing was tested
        self.struck = {}
        return operations

    def assert_succeeded(self) -> None:
        ended = self.ended()
        self.assertEqual(
            dict.fromkeys(self.requests, "succeeded"),
            {name: one["state"] for name, one in ended.items()},
            {name: one["last_error"] for name, one in ended.items()},
        )

    def assert_enrolled(self, names: list[str], *traits: str) -> None:
        """They are there once, in Ironic, on the pod and here; no other is."""
        uuids = sorted(self.nodes[name] for name in names)
        self.assertEqual(uuids, self.env.node_ids())
        self.assertEqual(len(names), len(self.env.ports()))
        for name in names:
            row = self.row(name)
            self.assertEqual("enrolled", row.provision_state, name)
            self.assertEqual("available", row.provisioner_state, name)
            self.assertEqual(1, len(self.env.ports(row.uuid)), name)
            shown = self.env.in_ironic(row.uuid)
            self.assertEqual("available", shown["provision_state"], name)
            self.assertEqual({"CUSTOM_SSD", *traits}, set(shown["traits"]))

    def assert_held(self, count: int) -> None:
        """So many nodes hold hardware, with a device each."""
        pod = self.env.pods[0]
        self.assertEqual(count, len(pod.nodes))
        self.assertEqual(12 - count, len(pod.free_devices()))

    def give_back(self) -> None:
        self.ask("DELETE", "")
        self.assert_succeeded()
        self.assert_as_before()


class TestOnce(FaultCase):
    """What passes is got over, and done once."""

    requests = ENROLLING
    scenarios = each(PASSING)

    def test_enroll(self) -> None:
        self.compose_all(self.strike)
        self.assert_succeeded()
        self.assert_enrolled(list(self.nodes), "CUSTOM_FAST")
        self.assert_held(len(self.nodes))
        self.give_back()


class TestNonsense(FaultCase):
    """An answer that makes no sense: done, or nothing is left of it.

    But for a trait: that it was added is answered with nothing anyway.
    """

    requests = {k: v for k, v in ENROLLING.items() if k != "add-a-trait"}
    scenarios = each(NONSENSE)

    def test_enroll(self) -> None:
        self.compose_all(self.strike)
        done = []
        for name, operation in self.ended().items():
            if operation["state"] == "succeeded":
                done.append(name)
            else:
                state = self.row(name).provision_state
                self.assertEqual("compose_failed", state, name)
                self.assertNotIn("unexpected error", operation["last_error"])
        self.assert_enrolled(done, "CUSTOM_FAST")
        self.assert_held(len(done))
        self.give_back()


class TestForGood(FaultCase):
    """What lasts makes it fail, with a reason, and everything goes back.

    Where it cannot, since Ironic does not say what it has, the node says so,
    and goes back as soon as Ironic does.
    """

    requests = ENROLLING
    scenarios = each(["500", "cut", "locked", "cut after"])

    def outcome(self, name: str) -> str:
        """What is to become of a node."""
        method, path, nth = self.requests[name]
        # What is missing is but the answer whether all is well; or the
        # answer was lost, and a look tells what had become of it.
        seen = method == "POST" and path == "/v1/nodes$" or method == "PUT"
        if name == "validate" or (
            self.fault == "cut after" and seen and "trait" not in name
        ):
            return "enrolled"
        # Ironic may have the node, and does not tell.
        if path == NODE and nth > 1:
            return "error"
        return "compose_failed"

    def test_enroll(self) -> None:
        self.compose_all(lambda name: self.strike(name, times=None))
        for name, operation in self.ended().items():
            succeeds = self.outcome(name) == "enrolled"
            state = "succeeded" if succeeds else "failed"
            self.assertEqual(state, operation["state"], operation)
            if not succeeds:
                self.assertIn("Ironic", operation["last_error"])
            if name == "validate":
                self.assertIn("not known", operation["warnings"][0])
        rows = {name: self.row(name) for name in self.nodes}
        outcomes = {name: self.outcome(name) for name in self.nodes}
        self.assertEqual(
            outcomes,
            {name: row.provision_state for name, row in rows.items()},
        )
        self.assertEqual(
            {
                name: "valence" if state == "compose_failed" else "ironic"
                for name, state in outcomes.items()
            },
            {name: row.managed_by for name, row in rows.items()},
        )
        # Those that Ironic did not tell of it has, but for the one that it
        # was not asked for yet.
        left = {
            name: state
            for name, state in outcomes.items()
            if state != "compose_failed"
        }
        self.assertEqual(
            {self.nodes[name] for name in left if name != "look-for-the-node"},
            set(self.env.node_ids()),
        )
        self.assert_held(len(left))
        self.give_back()


class TestLeaving(FaultCase):
    requests = LEAVING
    scenarios = each(FAULTS)

    def setUp(self) -> None:
        super().setUp()
        self.compose_all()
        self.assert_succeeded()
        self.strike_all()

    def test_release(self) -> None:
        self.ask("DELETE", "")
        self.assert_succeeded()
        self.assert_as_before()

    def test_unregister(self) -> None:
        self.ask("POST", "/unregister")
        self.assert_succeeded()
        self.assertEqual([], self.env.node_ids())
        for name in self.nodes:
            self.assertEqual("composed", self.row(name).provision_state)
            self.assertEqual("valence", self.row(name).managed_by)
        self.give_back()


class TestAgain(FaultCase):
    """A node that is enrolled is enrolled once more, with other traits."""

    requests = AGAIN
    scenarios = each(["500", "locked", "cut", "cut after", "no answer after"])

    def test_register(self) -> None:
        self.compose_all()
        self.assert_succeeded()
        self.strike_all()
        self.ask("POST", "/register", {"traits": []})
        self.assert_succeeded()
        self.assert_enrolled(list(self.nodes))
        self.give_back()


del FaultCase
