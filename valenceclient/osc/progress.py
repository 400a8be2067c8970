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

"""An operation while it goes on: a bar on a terminal, lines in a pipe."""

import datetime
import shutil
import typing

from valenceclient import client
from valenceclient import exceptions
from valenceclient.osc import explain
from valenceclient.resources import ENDED
from valenceclient.resources import SUCCEEDED

_WIDTH = 30


class Watch:
    """Tells how operations go.

    :param stream: where to; what a command results in is not written there
    :param program: that the user has called
    """

    def __init__(
        self,
        valence: client.Client,
        stream: typing.TextIO,
        program: str,
        quiet: bool = False,
    ) -> None:
        self._client = valence
        self._stream = stream
        self._program = program
        self._quiet = quiet
        self._terminal = stream.isatty()

    def started(self, ident: str) -> None:
        """Say how to follow an operation that is not waited for."""
        self._say(
            f"Operation {ident} is under way; to follow it:\n"
            f"  {self._program} composition operation wait {ident}"
        )

    def until_ended(self, ident: str, timeout: float | None = None) -> None:
        """Follow an operation, step by step.

        :param timeout: seconds; None: as long as it takes
        :raises: OperationFailed, StillRunning
        """
        told: dict[int, str] = {}
        try:
            for operation in self._client.operations.follow(ident, timeout):
                self._clear()
                self._tell_steps(operation, told)
                self._draw(operation)
        except (KeyboardInterrupt, exceptions.ClientError) as e:
            self._clear()
            # What the service refuses to show, it will refuse again.
            if not isinstance(e, exceptions.ApiError) or e.status >= 500:
                self._goes_on(ident)
            raise
        self._clear()
        self._say(
            f"{title(operation)}: {operation['state']}{_took(operation)}"
        )
        for warning in operation.get("warnings") or ():
            self._stream.write(f"Warning: {explain.human(warning)}\n")
        if operation["state"] != SUCCEEDED:
            raise exceptions.OperationFailed(operation)

    def remains(self, operation: dict[str, typing.Any]) -> str:
        """How to remove what a failed operation has left, if anything.

        A node that could not be composed stays, to say why, until somebody
        deletes it. Here it may be long ago: the node itself is asked.
        """
        if operation["kind"] != "compose":
            return ""
        ident = operation["target_id"]
        try:
            node = self._client.nodes.get(ident, ("name", "provision_state"))
            if node["provision_state"] != "compose_failed":
                return ""
            name = node["name"]
        except exceptions.ClientError:
            return ""  # it is gone, or not shown; what matters is the failure
        # By uuid: another attempt may have left one of the same name.
        return (
            f"\nNode {name} remains, to say why. To remove it:\n"
            f"  {self._program} composed node delete {ident}"
        )

    def _goes_on(self, ident: str) -> None:
        self._stream.write(
            f"Operation {ident} goes on. To look at it again:\n"
            f"  {self._program} composition operation wait {ident}\n"
            "To have it stop, and give back what it took:\n"
            f"  {self._program} composition operation cancel {ident}\n"
        )

    def _tell_steps(
        self, operation: dict[str, typing.Any], told: dict[int, str]
    ) -> None:
        for number, step in enumerate(operation["steps"]):
            line = f"{step['name']}: {step['state']}{_took(step)}"
            # Why it failed in the end is said in the end.
            if step.get("message") not in (None, operation["last_error"]):
                line += f": {step['message']}"
            begun = step.get("ended_at") is None
            # On a terminal the bar says what is begun.
            if told.get(number) != line and not (begun and self._terminal):
                told[number] = line
                self._say(f"{title(operation)}: {line}")

    def _draw(self, operation: dict[str, typing.Any]) -> None:
        if not self._terminal or self._quiet:
            return
        if operation["state"] in ENDED:
            return
        percent = operation["progress"]
        done = _WIDTH * percent // 100
        step = operation["steps"][-1]["name"] if operation["steps"] else ""
        line = (
            f"[{'#' * done}{'.' * (_WIDTH - done)}] {percent:3} %  "
            f"{title(operation)}: {step or operation['state']}"
        )
        columns = shutil.get_terminal_size().columns
        self._stream.write(f"\r{line[: columns - 1]}\033[K")
        self._stream.flush()

    def _clear(self) -> None:
        if self._terminal and not self._quiet:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._stream.write(f"{text}\n")
            self._stream.flush()


def title(operation: dict[str, typing.Any]) -> str:
    """What is done, and to what."""
    target = operation.get("target_name") or operation["target_id"]
    return f"{operation['kind']} {target}"


def _took(what: dict[str, typing.Any]) -> str:
    """How long an operation or a step took, where it has ended."""
    begin, end = what.get("started_at"), what.get("ended_at")
    if begin is None or end is None:
        return ""
    took = datetime.datetime.fromisoformat(
        end
    ) - datetime.datetime.fromisoformat(begin)
    return f" ({took.total_seconds():.1f} s)"
