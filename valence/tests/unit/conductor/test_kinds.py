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

"""Every kind of operation can begin and end, and every state has an exit."""

from valence import objects
from valence import states
from valence.conductor import flows
from valence.tests import base


class TestKinds(base.TestCase):
    def test_each_kind_has_a_flow(self) -> None:
        self.assertEqual(set(objects.operation.KINDS), set(flows.KINDS))

    def test_each_outcome_is_a_transition(self) -> None:
        """Whatever state a node is in while a kind runs, it can end."""
        while_running = [
            ("compose", states.COMPOSING),
            ("compose", states.ENROLLING),
            ("manage", states.MANAGING),
            ("release", states.RELEASING),
            ("reset", states.COMPOSED),
            ("boot", states.COMPOSED),
            ("attach", states.COMPOSED),
            ("attach", states.ENROLLED),
            ("detach", states.COMPOSED),
            ("detach", states.ENROLLED),
            ("enroll", states.ENROLLING),
            ("enroll", states.ENROLLED),
            ("unenroll", states.UNENROLLING),
            ("follow_up", states.ENROLLED),
        ]
        for name, state in while_running:
            kind = flows.KINDS[name]
            for event in (kind.done, kind.failed, kind.stuck):
                self.assertIsInstance(
                    states.NODE.target(state, event), str, (name, event)
                )

    def test_machines_are_sound(self) -> None:
        for machine in (states.NODE, states.POD_MANAGER, states.OPERATION):
            automaton = machine.finite_machine()
            self.assertEqual(set(machine.states), set(automaton.states))
            for state in set(machine.states) - set(machine.final):
                self.assertTrue(
                    [t for t in machine.transitions if t[0] == state],
                    f"{state} has no exit",
                )

    def test_states_that_never_end_can_be_released(self) -> None:
        """Nothing stays stuck: a node at rest can always be given back."""
        busy = {
            states.COMPOSING,
            states.MANAGING,
            states.ENROLLING,
            states.UNENROLLING,
            states.RELEASING,
        }
        at_rest = set(states.NODE.states) - busy - {states.GONE}
        self.assertEqual(at_rest, set(states.NODE.sources("release")))
