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


"""Directives that read the code, so that what they show cannot be outdated.

``.. state-machine:: NODE`` draws a machine of valence.states and lists its
transitions; ``.. error-codes::`` lists every error that the API answers.
"""

import re
import shutil
import typing

from docutils import nodes
from docutils import statemachine
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from valence import exception
from valence import states
import valence.cmd
import valence.conductor.run  # noqa: F401 - has one of the errors


class Generated(SphinxDirective):
    """Puts reStructuredText that was made from code where it stands."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        source = self.get_source_info()[0]
        lines = statemachine.StringList(self.lines(), source)
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


class StateMachine(Generated):
    required_arguments = 1

    def lines(self) -> list[str]:
        machine = getattr(states, self.arguments[0])
        # Refuses what could not be: states that nothing leads to, and so on.
        machine.finite_machine()
        drawing = _drawing(machine) if shutil.which("dot") else []
        return [*drawing, *_table("From", "Event", "To", machine.transitions)]


def _drawing(machine: states.Machine) -> list[str]:
    edges: dict[tuple[str, str], list[str]] = {}
    for source, event, target in machine.transitions:
        edges.setdefault((source, target), []).append(event)
    return [
        ".. graphviz::",
        "",
        "   digraph states {",
        "     node [shape=box, style=rounded];",
        *(f'     "{state}" [peripheries=2];' for state in machine.start),
        *(
            f'     "{source}" -> "{target}" [label="{", ".join(events)}"];'
            for (source, target), events in edges.items()
        ),
        "   }",
        "",
    ]


def _table(*columns: typing.Any) -> list[str]:
    *heads, rows = columns
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [heads, *([f"``{cell}``" for cell in row] for row in rows)]:
        lines += [
            f"   {'*' if not number else ' '} - {cell}"
            for number, cell in enumerate(row)
        ]
    return [*lines, ""]


class ErrorCodes(Generated):
    def lines(self) -> list[str]:
        rows = sorted(
            {(cls.code, cls.status, _meaning(cls)) for cls in _errors()}
        )
        return _table("Code", "Status", "Message", rows)


def _errors(
    cls: type[exception.ValenceError] = exception.ValenceError,
) -> typing.Iterator[type[exception.ValenceError]]:
    # One without a code of its own only bundles others.
    if "code" in vars(cls):
        yield cls
    for child in cls.__subclasses__():
        yield from _errors(child)


def _meaning(cls: type[exception.ValenceError]) -> str:
    text = cls.message if "message" in vars(cls) else cls.title
    return re.sub(r"%\((\w+)\)\w", r"<\1>", text)


def setup(app: Sphinx) -> dict[str, typing.Any]:
    app.add_directive("state-machine", StateMachine)
    app.add_directive("error-codes", ErrorCodes)
    return {"version": "1", "parallel_read_safe": True}
