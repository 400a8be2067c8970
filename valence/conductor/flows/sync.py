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
import datetime
import random
import typing

from oslo_config import cfg
from taskflow.patterns import linear_flow

from valence import exception
from valence import states
from valence.conductor.flows import base
from valence.conductor.run import Run
from valence.db import api as db
from valence.db import inventory
from valence.db import recount

CONF = cfg.CONF

#: Seconds after which a pod manager that failed is first tried again.
FIRST_RETRY = 30


def _rows(
    values: typing.Iterable[typing.Any], **renamed: str
) -> inventory.Reported:
    """What a driver returned, by index, under the names of the fields."""
    rows: inventory.Reported = {}
    names: dict[str, str] = {}
    for value in values:
        if not names:
            own = [field.name for field in dataclasses.fields(value)]
            names = {name: renamed.get(name, name) for name in own}
        # Not dataclasses.asdict(), which copies whatever is in it, too.
        row = {new: getattr(value, old) for old, new in names.items()}
        rows[row.pop("index")] = row
    return rows


class Connect(base.Step):
    """Whatever the outcome, the pod manager's status tells it."""

    def do(self) -> None:
        run, podm = self.run, self.run.target
        plan_next(run, failed=True)  # until it has succeeded
        recount.provide(podm.uuid)
        run.step("connect")
        with noting_status(run):
            driver = run.driver(podm.uuid)
            info = driver.get_info()
        keys = set(driver.requirement_keys)
        if "attach" not in info.capabilities:
            keys.discard("pci_device")
        if "racks" not in info.capabilities:
            keys.discard("rack")
        run.values.update(
            version=info.version,
            capabilities=sorted(info.capabilities),
            requirement_keys=sorted(keys),
        )


class ReadInventory(base.Step):
    """What was known before stays where this fails."""

    def do(self) -> None:
        run, podm = self.run, self.run.target
        driver = run.driver(podm.uuid)
        before = inventory.seen(podm.uuid)
        with noting_status(run):
            run.step("read racks")
            racks = driver.list_racks()
            run.step("read nodes")
            nodes = driver.list_nodes()
            run.step("read systems")
            systems = driver.list_systems(nodes)
            run.step("read devices")
            devices = driver.list_devices(nodes)
        run.step("write inventory")
        inventory.replace(
            podm.uuid,
            before,
            _rows(racks, system_indexes="systems"),
            _rows(systems),
            _rows(devices, device_type="type", node_index="node_id"),
            {
                node.index: {
                    "power_state": node.power_state,
                    "boot": node.boot,
                    "systems": node.system_uris,
                    "tag": node.tag,
                }
                for node in nodes
            },
        )
        recount.recount(podm.uuid)
        run.values.update(
            status=states.POD_MANAGER.outcome("answers"),
            status_reason=None,
            synced_at=db.now(),
            hardware_nodes=[
                {
                    "index": node.index,
                    "name": node.name,
                    "tag": node.tag,
                    "state": node.state,
                    "systems": node.system_uris,
                }
                for node in nodes
            ],
        )
        plan_next(run, failed=False)


def plan_next(run: Run, *, failed: bool) -> None:
    """Say when this pod manager is to be looked at again.

    Not all at the same time, and one that fails ever more seldom, down to
    once in the usual interval.
    """
    interval = float(CONF.pod_manager.sync_interval)
    failures = run.target.sync_failures + 1 if failed else 0
    if failures:
        interval = min(interval, FIRST_RETRY * 2.0 ** min(failures - 1, 20))
    jitter = random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, no secret
    run.values.update(
        sync_failures=failures,
        next_sync_at=db.now() + datetime.timedelta(seconds=interval * jitter)
        if interval
        else None,
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
