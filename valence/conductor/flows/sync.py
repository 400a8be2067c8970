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

"""Reach a pod manager and make its inventory true."""

import dataclasses
import typing

from taskflow.patterns import linear_flow

from valence import exception
from valence import states
from valence.conductor.flows import base
from valence.conductor.run import Run
from valence.db import api as db
from valence.db import inventory


def _row(value: typing.Any) -> dict[str, typing.Any]:
    row = dataclasses.asdict(value)
    del row["index"]
    return row


class Connect(base.Step):
    """Whatever the outcome, the pod manager's status tells it."""

    def do(self) -> None:
        run, podm = self.run, self.run.target
        run.step("connect")
        with noting_status(run):
            info = run.driver(podm.uuid).get_info()
        run.values.update(
            version=info.version, capabilities=sorted(info.capabilities)
        )


class ReadInventory(base.Step):
    """What was known before stays where this fails."""

    def do(self) -> None:
        run, podm = self.run, self.run.target
        driver = run.driver(podm.uuid)
        with noting_status(run):
            run.step("read racks")
            racks = driver.list_racks()
            run.step("read systems")
            systems = driver.list_systems()
        run.step("write inventory")
        rows: inventory.Reported = {r.index: _row(r) for r in racks}
        for row in rows.values():
            row["systems"] = row.pop("system_indexes")
        inventory.replace(podm.uuid, rows, {s.index: _row(s) for s in systems})
        run.values.update(
            status=states.POD_MANAGER.outcome("answers"),
            status_reason=None,
            synced_at=db.now(),
        )


class noting_status:
    """Where hardware fails, note what that says of the pod manager."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        if not isinstance(error, exception.HardwareError):
            return
        silent = isinstance(
            error, exception.Unreachable | exception.HardwareTimeout
        )
        self.run.values.update(
            status=states.POD_MANAGER.outcome(
                "silent" if silent else "refuses"
            ),
            status_reason=str(error)[:2048],
        )


def build(run: Run) -> linear_flow.Flow:
    return base.flow(run, Connect(run), ReadInventory(run))
