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
"""Conductors that die while they are at work in Ironic.

One that dies has all points of an operation at work at once, each for a node
of its own.
"""

from valence.tests.functional import with_ironic  # isort: skip
import typing

from valence import objects
from valence.tests.fixtures import environment
from valence.tests.fixtures import processes
from valence.tests.fixtures.proxy import Fault
from valence.tests.functional import deployed

NODE = "/v1/nodes/[0-9a-f-]{36}$"
#: For all that is at work at once.
PATIENCE = 120


class Point(typing.NamedTuple):
    """Where an operation is when it dies."""

    method: str
    path: str
    nth: int  #: of the requests that look alike
    step: str  #: that is then under way
    after: bool  #: Ironic has acted, and its answer is lost


def points(*requests: tuple[str, str, str, int, str]) -> dict[str, Point]:
    """Before Ironic acts, and when it has."""
    return {
        f"{when}-{name}": Point(*request, when == "after")
        for name, *request in requests
        for when in ("before", "after")
    }


ENROLLING = points(
    ("look-before", "GET", NODE, 1, "look in ironic"),
    ("look-for-the-node", "GET", NODE, 2, "enroll in ironic"),
    ("make-the-node", "POST", "/v1/nodes$", 1, "enroll in ironic"),
    ("make-a-port", "POST", "/v1/ports$", 1, "create port"),
    ("add-a-trait", "PUT", "/traits/", 1, "add trait"),
    ("manage", "PUT", "/states/provision$", 1, "manage"),
    ("provide", "PUT", "/states/provision$", 2, "provide"),
)
LEAVING = points(
    ("look", "GET", NODE, 1, "take out of ironic"),
    ("delete", "DELETE", NODE, 1, "take out of ironic"),
)
ENROLL = {
    "driver": "fake-hardware",
    "target": "available",
    "traits": ["CUSTOM_FAST"],
}


class IronicCrashCase(with_ironic.DeployedCase):
    """Operations are held, each at a point, and who does them all dies.

    :ivar nodes: name of a point → uuid of the node that is held there
    :ivar operations: name of a point → uuid of what is done to that node
    """

    # Whoever carries on waits for what may still be on its way.
    settings: typing.ClassVar = {"settle_time": 5, "timeout": 60}
    points: typing.ClassVar[dict[str, Point]]

    def setUp(self) -> None:
        super().setUp()
        self.nodes: dict[str, str] = {}
        self.operations: dict[str, str] = {}
        self.held: dict[str, Fault] = {}
        self.hardware = self.pod(systems=len(self.points), profiles=("D",))
        self.podm_id = self.register(self.hardware)
        # Before anybody waits for what is under way.
        self.addCleanup(self.proxy.heal)

    # -- what is asked for ---------------------------------------------------

    def compose_all(
        self, prepare: typing.Callable[[str], None], **fields: object
    ) -> None:
        """Ask for all nodes.

        :param prepare: is told of each, before anything is made of it
        """
        gate = deployed.Gate(
            self.hardware, "POST", "Allocate$", len(self.points)
        )
        for name in self.points:
            answer = self.api.post(
                "/v1/nodes",
                {"name": name, "podm_id": self.podm_id, **fields},
            )
            self.nodes[name] = answer.json["uuid"]
            self._asked(name, answer)
            prepare(name)
        gate.open()

    def ask(self, method: str, path: str, body: object = None) -> None:
        """Ask for the same thing to be done to all nodes."""
        for name, node_id in self.nodes.items():
            self._asked(
                name,
                self.api.request(method, f"/v1/nodes/{node_id}{path}", body),
            )

    def _asked(self, name: str, answer: environment.Answer) -> None:
        self.assertEqual(202, answer.status, answer)
        self.operations[name] = deployed.operation_of(answer)

    def hold(self, name: str, later: int = 0) -> None:
        """Hold what is done to a node at its point.

        :param later: requests to look that come before
        """
        point = self.points[name]
        self.held[name] = self.proxy.on(
            point.method,
            point.path,
            nth=point.nth + (later if point.method == "GET" else 0),
            about=self.nodes[name],
        ).hang(after=point.after)

    def hold_all(self) -> None:
        for name in self.nodes:
            self.hold(name)

    # -- what happens --------------------------------------------------------

    def wait_until_held(self) -> None:
        for held in self.held.values():
            held.wait(PATIENCE)
        steps = {
            name: self._operation(name).steps[-1]["name"] for name in self.held
        }
        for name, step in steps.items():
            self.assertIn(self.points[name].step, step, steps)
        hosts = {self._operation(name).conductor for name in self.held}
        self.assertEqual(1, len(hosts), "they are not all in one hand")

    def strike(self) -> None:
        """Kill who does it all, and see others carry on."""
        self.wait_until_held()
        seen = len(self.proxy.exchanges)
        self.carry_on(self.operations[next(iter(self.held))])
        missed = set(self.nodes)

        def look() -> bool:
            """Let go of what is held of each that was looked at.

            What was on its way arrives only then, and at once: later than
            settle_time, a verb would change what is done.
            """
            for name in sorted(missed):
                if any(
                    exchange.is_about(self.nodes[name])
                    for exchange in self.proxy.exchanges[seen:]
                ):
                    self.held[name].release()
                    missed.remove(name)
            return not missed

        processes.poll(look, "somebody looks at each", PATIENCE)
        self.proxy.heal()

    def cancel_and_strike(self) -> None:
        """Whoever takes it up goes back, and finds what there is."""
        self.wait_until_held()
        for operation_id in self.operations.values():
            path = f"/v1/operations/{operation_id}/cancel"
            cancelled = self.api.post(path, {})
            self.assertEqual(202, cancelled.status, cancelled)
        self.carry_on(self.operations[next(iter(self.held))])
        self.proxy.heal()

    # -- what came of it -----------------------------------------------------

    def _operation(self, name: str) -> objects.Operation:
        return objects.Operation.get(self.context, self.operations[name])

    def assert_each(self, state: str, struck: bool = False) -> None:
        """All operations end, and so.

        :param struck: who began them is not who ended them
        """
        ended = {
            name: self.ended(operation_id, PATIENCE)
            for name, operation_id in self.operations.items()
        }
        self.assertEqual(
            dict.fromkeys(self.points, (state, None)),
            {name: (one.state, one.secrets) for name, one in ended.items()},
            {name: one.last_error for name, one in ended.items()},
        )
        if struck:
            attempts = {name: one.attempts for name, one in ended.items()}
            self.assertTrue(min(attempts.values()) >= 2, attempts)

    def assert_nodes(self, state: str, manager: str) -> None:
        rows = {
            node.name: (node.provision_state, node.managed_by)
            for node in objects.Node.find(self.context)
        }
        self.assertEqual(dict.fromkeys(self.points, (state, manager)), rows)

    def assert_all_in_ironic(self) -> None:
        """Each is there, once, and whole."""
        self.assertEqual(sorted(self.nodes.values()), self.in_ironic())
        self.assertEqual(len(self.nodes), len(self.in_ironic("ports")))
        for name, node_id in self.nodes.items():
            shown = self.ironic.request("GET", f"/v1/nodes/{node_id}")
            ports = self.ironic.request("GET", f"/v1/ports?node={node_id}")
            self.assertEqual(
                ("available", ["CUSTOM_FAST"], 1),
                (
                    shown["provision_state"],
                    shown["traits"],
                    len(ports["ports"]),
                ),
                name,
            )

    def release_all(self) -> None:
        self.ask("DELETE", "")
        self.assert_each("succeeded")
        self.assert_nothing_left(self.hardware, self.podm_id)


class Enrolling(IronicCrashCase):
    points = ENROLLING

    def test_carried_on(self) -> None:
        self.compose_all(self.hold, enroll=ENROLL)
        self.strike()
        self.assert_each("succeeded", struck=True)
        self.assert_nodes("enrolled", "ironic")
        self.assert_all_in_ironic()
        self.assertEqual(len(self.points), len(self.hardware.nodes))
        self.release_all()

    def test_cancelled_and_killed(self) -> None:
        self.compose_all(self.hold, enroll=ENROLL)
        self.cancel_and_strike()
        self.assert_each("cancelled", struck=True)
        self.assert_nodes("compose_failed", "valence")
        self.assert_nothing_left(self.hardware, self.podm_id)


class Registering(IronicCrashCase):
    """Nodes that stood composed before."""

    points = ENROLLING

    def register_all(self) -> None:
        self.compose_all(lambda name: None)
        self.assert_each("succeeded")
        self.hold_all()
        self.ask("POST", "/register", ENROLL)

    def test_carried_on(self) -> None:
        self.register_all()
        self.strike()
        self.assert_each("succeeded", struck=True)
        self.assert_nodes("enrolled", "ironic")
        self.assert_all_in_ironic()
        self.release_all()

    def test_cancelled_and_killed(self) -> None:
        self.register_all()
        self.cancel_and_strike()
        self.assert_each("cancelled", struck=True)
        self.assert_nodes("composed", "valence")
        self.assertEqual([], self.in_ironic())
        self.release_all()


class Leaving(IronicCrashCase):
    points = LEAVING

    def enrolled(self) -> None:
        self.compose_all(lambda name: None, enroll=ENROLL)
        self.assert_each("succeeded")
        self.hold_all()

    def test_release(self) -> None:
        self.enrolled()
        self.ask("DELETE", "")
        self.strike()
        self.assert_each("succeeded", struck=True)
        self.assertEqual([], objects.Node.find(self.context))
        self.assert_nothing_left(self.hardware, self.podm_id)

    def test_unregister(self) -> None:
        self.enrolled()
        self.ask("POST", "/unregister", {})
        self.strike()
        self.assert_each("succeeded", struck=True)
        self.assert_nodes("composed", "valence")
        self.assertEqual([], self.in_ironic())
        self.release_all()

    def test_on_the_way_back(self) -> None:
        """Killed while it takes out what it had put there."""

        def prepare(name: str) -> None:
            self.proxy.on("POST", "/v1/ports$", about=self.nodes[name]).answer(
                400, "{}"
            )
            self.hold(name, later=2)

        self.compose_all(prepare, enroll=ENROLL)
        self.strike()
        self.assert_each("failed", struck=True)
        self.assertEqual(
            {"provisioner.bad_request"},
            {self._operation(name).error_code for name in self.points},
        )
        self.assert_nodes("compose_failed", "valence")
        self.assert_nothing_left(self.hardware, self.podm_id)


class WithSecond(deployed.WithSecond):
    """Another one carries on, which was not there before."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self._start_all)
        self.second = self.deployment.conductors[1]
        self.second.kill()

    def _start_all(self) -> None:
        for conductor in self.deployment.conductors:
            if not conductor.is_started:
                conductor.start()

    def carry_on(self, operation_id: str) -> None:
        self.second.start()
        super().carry_on(operation_id)


class TestEnrollingRestart(deployed.WithRestart, Enrolling):
    pass


class TestEnrollingSecond(WithSecond, Enrolling):
    pass


class TestRegistering(WithSecond, Registering):
    pass


class TestLeavingRestart(deployed.WithRestart, Leaving):
    pass


class TestLeavingSecond(WithSecond, Leaving):
    pass


del IronicCrashCase, Enrolling, Registering, Leaving, WithSecond
