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

"""Errors and values in words and tables."""

import typing

from cliff import columns

from valenceclient import exceptions

#: What a table of refusals shows, where it was told.
_REFUSAL = ("pod_manager", "filter", "reason", "needed", "free")


class Failed(Exception):
    """What a command ends with; its text is what is printed."""


def error(e: Exception) -> str:
    """What is to be said of an error, with the refusals as a table."""
    refusals = [
        refusal
        for refusal in getattr(e, "refusals", ())
        if any(map(refusal.get, _REFUSAL))
    ]
    if not refusals:
        return str(e)
    # The message names each of them, too; the table is easier to read.
    said = str(e)
    if all(refusal.get("reason") for refusal in refusals):
        name, _, _ = said.partition(f" {refusals[0].get('pod_manager')}:")
        said = name
    return f"{said}\n{refusal_table(refusals)}"


def refusal_table(refusals: list[exceptions.Refusal]) -> str:
    shown = [
        name
        for name in _REFUSAL
        if any(refusal.get(name) for refusal in refusals)
    ]
    return table(shown, ([r.get(name) for name in shown] for r in refusals))


def table(
    names: typing.Sequence[str],
    rows: typing.Iterable[typing.Sequence[typing.Any]],
) -> str:
    import prettytable

    drawn = prettytable.PrettyTable(list(names))
    drawn.align = "l"
    drawn.max_width["reason"] = 60
    for row in rows:
        drawn.add_row([human(value) for value in row])
    return str(drawn)


def human(value: typing.Any) -> str:
    """A value as a table shows it."""
    match value:
        case None:
            return ""
        case dict():
            return "\n".join(_lines(value))
        case list() if any(isinstance(item, dict | list) for item in value):
            return "\n".join("; ".join(human(i).split("\n")) for i in value)
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _lines(value: dict[str, typing.Any], path: str = "") -> list[str]:
    """``a.b: c=1, d=2``, a line for each object within an object."""
    parts = [
        f"{name}={_inline(item)}"
        for name, item in value.items()
        if not isinstance(item, dict)
    ]
    lines = [f"{path}: " * bool(path) + ", ".join(parts)] if parts else []
    for name, item in value.items():
        if isinstance(item, dict):
            lines += _lines(item, f"{path}.{name}" if path else name)
    return lines


def _inline(value: typing.Any) -> str:
    """A value within a line: objects of a list in parentheses."""
    if isinstance(value, list) and any(isinstance(i, dict) for i in value):
        return " ".join(
            f"({'; '.join(_lines(item))})"
            if isinstance(item, dict)
            else human(item)
            for item in value
        )
    return human(value)


class Value(columns.FormattableColumn[typing.Any]):
    """A value with parts: lines in a table, itself in JSON and YAML."""

    def human_readable(self) -> str:
        return human(self._value)


def cell(value: typing.Any) -> typing.Any:
    return Value(value) if isinstance(value, dict | list) else value
