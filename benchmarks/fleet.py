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

"""Pod managers to choose from: rows of Valence's tables, and of Placement's.

Each has systems of four sizes and devices of nine types, which makes ten
inventories, and can serve what the benchmark asks for until it is made
unable to. The same number is always the same pod manager.
"""

import collections
import collections.abc
import typing
import uuid

import sqlalchemy as sa

from valence import states
from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.objects import resource_class
from valence.objects import resource_provider
from valence.objects import system

Row = dict[str, typing.Any]

MEMORY_MIB = (65_536, 131_072, 262_144, 524_288)
CORES = (16, 32, 64, 128)
#: Type → number of devices.
DEVICES = {
    **dict.fromkeys(("GPU", "NIC"), 4),
    **dict.fromkeys(("CXL", "DPU", "FPGA", "HDD", "NVMe", "SSD", "TPU"), 1),
}
CLASSES = {
    resource_class.SYSTEM: len(MEMORY_MIB),
    **{resource_class.of_device(kind): n for kind, n in DEVICES.items()},
}
#: One in so many stands in two racks, where what a system can reach is not
#: all that there is.
IN_TWO_RACKS = 4

#: What is asked for.
PROPERTIES: dict[str, dict[str, typing.Any]] = {
    "memory": {"capacity_mib": 100_000},
    "processor": {"total_cores": 24},
    "pci_device": {"type": ["GPU", "GPU", "NIC"]},
}
#: The same to Placement, which counts, and knows no size of a system.
AMOUNTS = {
    resource_class.SYSTEM: 1,
    resource_class.of_device("GPU"): 2,
    resource_class.of_device("NIC"): 1,
}

#: Ways in which a pod manager cannot serve.
UNABLE = ("offline", "full", "without", "small")
#: The type that those have none left of, or none at all but another.
SCARCE, LACKING = "GPU", "VPU"
#: How much less memory the systems of those have that are small.
SMALLER = 16

#: Rows in one statement, or fewer.
BATCH = 250


def name_of(number: int) -> str:
    return f"pod-{number}"


def uuid_of(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name_of(number)))


def fill(first: int, last: int) -> None:
    """Make the pod managers of these numbers, without the last."""
    for numbers in _batches(range(first, last)):
        rows: dict[sa.Table, list[Row]] = collections.defaultdict(list)
        for number in numbers:
            for table, some in _pod_manager(number).items():
                rows[table] += some
        with engine.writing() as connection:
            accounts.ensure_classes(
                connection, {*CLASSES, resource_class.of_device(LACKING)}
            )
            for table, some in rows.items():
                connection.execute(sa.insert(table), some)
    gather_statistics(engine.writer_engine())


def _batches(
    numbers: collections.abc.Sequence[int],
) -> collections.abc.Iterator[collections.abc.Sequence[int]]:
    for begin in range(0, len(numbers), BATCH):
        yield numbers[begin : begin + BATCH]


def _pod_manager(number: int) -> dict[sa.Table, list[Row]]:
    new, podm = accounts.new_row, uuid_of(number)
    itself = new() | {"uuid": podm, "name": name_of(number)}
    racks = [
        new(
            podm_id=podm,
            index=str(index),
            name=f"rack-{index}",
            resource_uri=f"/redfish/v1/Chassis/{index}",
            systems=[],
            extra={},
        )
        for index in range(1 if number % IN_TWO_RACKS else 2)
    ]
    types = {resource_class.of_device(kind): kind for kind in DEVICES}
    return {
        models.POD_MANAGERS: [
            itself
            | {
                "url": f"http://192.0.2.1/{number}",
                "driver": "redfishv1",
                "authentication": [],
                "verify_ca": True,
                "maintenance": False,
                "status": states.ONLINE,
                "capabilities": ["attach", "compose", "racks"],
                "requirement_keys": ["memory", "pci_device", "processor"],
                "sync_failures": 0,
                "hardware_nodes": [],
            }
        ],
        models.PROVIDERS: [
            itself
            | {
                "kind": resource_provider.POD_MANAGER,
                "podm_id": podm,
                "generation": 0,
            }
        ],
        models.INVENTORIES: [
            new(
                provider_id=podm,
                resource_class=name,
                total=total,
                reserved=0,
                min_unit=1,
                max_unit=total,
                step_size=1,
                allocation_ratio=1.0,
                used=0,
                free=total,
                # As a recount would have it.
                device_type=types.get(name) if len(racks) == 1 else None,
            )
            for name, total in CLASSES.items()
        ],
        models.RACKS: racks,
        models.SYSTEMS: [
            new(
                podm_id=podm,
                index=str(index),
                resource_uri=f"/redfish/v1/Systems/{index}",
                state=system.FREE,
                rack_id=racks[index % len(racks)]["uuid"],
                cpu_cores=CORES[index],
                # Not all alike, so that there is something to weigh.
                memory_mib=memory + 1024 * (number % 7),
                mac_addresses=[],
                extra={},
            )
            for index, memory in enumerate(MEMORY_MIB)
        ],
        models.DEVICES: [
            new(
                podm_id=podm,
                index=f"{kind}-{index}",
                type=kind,
                state=states.FREE,
                resource_uri=f"/redfish/v1/Devices/{kind}-{index}",
                rack_id=racks[index % len(racks)]["uuid"],
                health="OK",
                properties={},
                extra={},
                attached_here=False,
            )
            for kind, total in DEVICES.items()
            for index in range(total)
        ],
    }


def disable(why: str, first: int, last: int) -> None:
    """Make these pod managers unable to serve, in one of UNABLE's ways."""
    _change(_changes(why, True), first, last)


def enable(why: str, first: int, last: int) -> None:
    """Undo that."""
    _change(_changes(why, False), first, last)


def _change(
    changes: list[tuple[sa.Update, sa.Column[typing.Any]]],
    first: int,
    last: int,
) -> None:
    for numbers in _batches(range(first, last)):
        with engine.writing() as connection:
            for statement, column in changes:
                connection.execute(
                    statement.where(column.in_(map(uuid_of, numbers)))
                )
    gather_statistics(engine.writer_engine())


def _changes(
    why: str, unable: bool
) -> list[tuple[sa.Update, sa.Column[typing.Any]]]:
    """Statements, each with the column that names the pod manager."""
    p, i = models.POD_MANAGERS, models.INVENTORIES
    s, d = models.SYSTEMS, models.DEVICES
    kind, other = (SCARCE, LACKING) if unable else (LACKING, SCARCE)
    name, another = map(resource_class.of_device, (kind, other))
    if why == "offline":
        status = states.OFFLINE if unable else states.ONLINE
        return [(sa.update(p).values(status=status), p.c.uuid)]
    if why == "small":
        memory = s.c.memory_mib
        changed = memory // SMALLER if unable else memory * SMALLER
        return [(sa.update(s).values(memory_mib=changed), s.c.podm_id)]
    if why == "without":
        inventory = sa.update(i).where(i.c.resource_class == name)
        return [
            (inventory.values(resource_class=another), i.c.provider_id),
            (
                sa.update(d).where(d.c.type == kind).values(type=other),
                d.c.podm_id,
            ),
        ]
    # Full: others than Valence hold all.
    inventory = sa.update(i).where(
        i.c.resource_class == resource_class.of_device(SCARCE)
    )
    held = i.c.total if unable else 0
    state = states.ALLOCATED if unable else states.FREE
    return [
        (
            inventory.values(reserved=held, free=i.c.total - held),
            i.c.provider_id,
        ),
        (
            sa.update(d).where(d.c.type == SCARCE).values(state=state),
            d.c.podm_id,
        ),
    ]


def fill_placement(bind: sa.Engine, first: int, last: int) -> None:
    """Make them providers of Placement, with the same inventories.

    The resource classes have to be there. It takes Placement's own API ten
    times as long.
    """
    metadata = sa.MetaData()
    providers, inventories, classes = (
        sa.Table(name, metadata, autoload_with=bind)
        for name in ("resource_providers", "inventories", "resource_classes")
    )
    with bind.begin() as connection:
        rows = connection.execute(sa.select(classes.c.name, classes.c.id))
        ids = {name: class_id for name, class_id in rows.all()}
        connection.execute(
            sa.insert(providers),
            [
                {
                    "id": number + 1,
                    "uuid": uuid_of(number),
                    "name": name_of(number),
                    "generation": 0,
                    "root_provider_id": number + 1,
                }
                for number in range(first, last)
            ],
        )
        connection.execute(
            sa.insert(inventories),
            [
                {
                    "resource_provider_id": number + 1,
                    "resource_class_id": ids[name],
                    "total": total,
                    "reserved": 0,
                    "min_unit": 1,
                    "max_unit": total,
                    "step_size": 1,
                    "allocation_ratio": 1.0,
                }
                for number in range(first, last)
                for name, total in CLASSES.items()
            ],
        )
    gather_statistics(bind)


def gather_statistics(of: sa.Engine) -> None:
    """What the servers do of their own accord, but some time after so many
    rows were written."""
    words = {"mysql": "ANALYZE TABLE", "postgresql": "VACUUM ANALYZE"}
    if of.dialect.name in words:
        with of.connect() as connection:
            connection = connection.execution_options(
                isolation_level="AUTOCOMMIT"
            )
            for table in sa.inspect(of).get_table_names():
                connection.exec_driver_sql(f"{words[of.dialect.name]} {table}")
