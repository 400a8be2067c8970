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

"""Where a sync spends its time, seen from outside: see sync.py."""

import collections.abc
import contextlib
import functools
import gc
import time
import typing
from unittest import mock

import requests
import sqlalchemy as sa

from valence.conductor.flows import sync
from valence.db import engine
from valence.db import inventory

#: What the time of a sync is told apart into.
PARTS = ("hardware", "diff", "database", "rest", "gc")
#: What is asked of hardware.
CALLS = (
    "get_info",
    "list_racks",
    "list_nodes",
    "list_systems",
    "list_devices",
)

Wrapped = collections.abc.Callable[..., typing.Any]


class Meter:
    """Tells where a sync spends its time, by wrapping what it calls.

    What a call spends in another that is measured too counts there only.

    :ivar seconds: by the names of PARTS
    :ivar statements: on the tables of the inventory
    :ivar written: their rows
    :ivar inserts: (statement, parameters) as the database's driver gets them
    :ivar gets: (url, headers) of what was asked of hardware
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.statements = 0
        self.written = 0
        self.inserts: list[tuple[str, typing.Any]] = []
        self.gets: list[tuple[str, dict[str, str]]] = []
        self._stack = ["rest"]
        self._since = time.perf_counter()

    def _lap(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now

    @contextlib.contextmanager
    def part(self, name: str) -> typing.Iterator[None]:
        if name == "database" and self._stack[-1] != "diff":
            name = self._stack[-1]  # the operation's own rows
        self._lap()
        self._stack.append(name)
        try:
            yield
        finally:
            self._lap()
            self._stack.pop()

    def timed(self, name: str, function: Wrapped) -> Wrapped:
        @functools.wraps(function)
        def call(*args: typing.Any, **kwargs: typing.Any) -> typing.Any:
            with self.part(name):
                found = function(*args, **kwargs)
                if isinstance(found, sa.CursorResult) and found.returns_rows:
                    # Rows are made when they are asked for: ask for them.
                    found = found.freeze()()
                return found

        return call

    @contextlib.contextmanager
    def at_work(self, driver: type) -> typing.Iterator[None]:
        wraps: list[tuple[str, typing.Any, str]] = [
            *(("hardware", driver, name) for name in CALLS),
            ("diff", inventory, "seen"),
            ("diff", inventory, "replace"),
            ("diff", sync, "_rows"),
            ("database", sa.Connection, "execute"),
            ("database", sa.Connection, "exec_driver_sql"),
            ("database", sa.Engine, "connect"),
        ]
        for one in {engine.writer_engine(), engine.reader_engine()}:
            for name in ("do_commit", "do_rollback"):
                wraps.append(("database", one.dialect, name))
        listens = (
            (sa.Engine, "before_cursor_execute", self._statement),
            (sa.Engine, "after_cursor_execute", self._rows),
        )
        with contextlib.ExitStack() as stack:
            for part, owner, name in wraps:
                wrapped = self.timed(part, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, wrapped))
            stack.enter_context(self._listening())
            for listen in listens:
                sa.event.listen(*listen)
                stack.callback(sa.event.remove, *listen)
            gc.collect()  # what came before is not this sync's
            gc.callbacks.append(self._collecting)
            stack.callback(gc.callbacks.remove, self._collecting)
            self._since = time.perf_counter()
            yield

    def end(self) -> None:
        self._lap()

    def _collecting(self, phase: str, info: object) -> None:
        """Python looks for garbage in the middle of anything."""
        self._lap()
        if phase == "start":
            self._stack.append("gc")
        elif self._stack[-1] == "gc":
            self._stack.pop()

    @contextlib.contextmanager
    def _listening(self) -> typing.Iterator[None]:
        send = requests.adapters.HTTPAdapter.send

        def noting(
            adapter: typing.Any, request: typing.Any, **kwargs: typing.Any
        ) -> typing.Any:
            self.gets.append((request.url, dict(request.headers)))
            return send(adapter, request, **kwargs)

        with mock.patch.object(requests.adapters.HTTPAdapter, "send", noting):
            yield

    def _statement(
        self,
        connection: object,
        cursor: object,
        statement: str,
        parameters: typing.Any,
        execution: typing.Any,
        many: bool,
    ) -> None:
        if self._stack[-1] == "database" and execution.compiled is not None:
            self.statements += 1
            if execution.isinsert:
                self.inserts.append(
                    (statement, parameters if many else [parameters])
                )

    def _rows(
        self,
        connection: object,
        cursor: typing.Any,
        statement: str,
        parameters: object,
        execution: typing.Any,
        many: bool,
    ) -> None:
        if self._stack[-1] == "database" and (
            execution.isinsert or execution.isupdate or execution.isdelete
        ):
            self.written += cursor.rowcount
