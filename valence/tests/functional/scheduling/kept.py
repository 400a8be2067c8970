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

"""Worlds in the database."""

import typing
import uuid

import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.db import operations
from valence.db import recount
from valence.tests.functional.scheduling.oracle import PodManager
from valence.tests.functional.scheduling.oracle import Pool
from valence.tests.functional.scheduling.oracle import Properties
from valence.tests.functional.scheduling.oracle import World
from valence.tests.functional.scheduling.worlds import CLASSES


def clear() -> None:
    with engine.writing() as connection:
        for table in reversed(models.metadata.sorted_tables):
            connection.execute(sa.delete(table))


class _Writer:
    """Collects rows, and writes those of a table together."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, typing.Any]]] = {}

    def add(self, table: sa.Table, **values: typing.Any) -> None:
        self._rows.setdefault(table.name, []).append(
            accounts.new_row(**values)
        )

    def write(self) -> None:
        with engine.writing() as connection:
            for table in models.metadata.sorted_tables:
                if rows := self._rows.get(table.name):
                    connection.execute(sa.insert(table), rows)


def write(world: World) -> None:
    """Keep a world in an empty database."""
    with engine.writing() as connection:
        accounts.ensure_classes(connection, CLASSES)
    rows = _Writer()
    for podm in world.pods:
        _add_pod_manager(rows, podm)
    rows.write()
    for podm in world.pods:
        recount.recount(podm.uuid)
    rows = _Writer()
    holder = str(uuid.UUID(int=1))
    _add_node(rows, holder, None)
    for pool in world.pools:
        _add_pool(rows, pool, holder)
    rows.write()
    traits = [
        {"provider_id": podm.uuid, "trait": trait}
        for podm in world.pods
        for trait in podm.traits
    ]
    if traits:
        with engine.writing() as connection:
            connection.execute(sa.insert(models.TRAITS), traits)


def _add_node(rows: _Writer, uuid_: str, podm_id: str | None) -> None:
    rows.add(
        models.NODES,
        uuid=uuid_,
        name=uuid_,
        podm_id=podm_id,
        properties={},
        provision_state=states.COMPOSED,
        composed=True,
        managed_by="valence",
        boot={},
        systems=[],
        processors={},
    )


def _add_pod_manager(rows: _Writer, podm: PodManager) -> None:
    rows.add(
        models.POD_MANAGERS,
        uuid=podm.uuid,
        name=podm.name,
        url=f"https://{podm.name}",
        driver="redfishv1",
        authentication=[],
        verify_ca=True,
        location=podm.location,
        maintenance=podm.maintenance,
        status=podm.status,
        capabilities=[],
        requirement_keys=podm.keys,
        sync_failures=0,
        hardware_nodes=[],
    )
    node = podm.uuid[:-1] + "1"
    _add_node(rows, node, podm.uuid)
    for rack in podm.racks:
        rows.add(
            models.RACKS,
            uuid=rack.uuid,
            podm_id=podm.uuid,
            index=rack.index,
            name=rack.name,
            resource_uri=rack.index,
            systems=[],
            extra={},
        )
    for system in podm.systems:
        rows.add(
            models.SYSTEMS,
            uuid=system.uuid,
            podm_id=podm.uuid,
            index=system.uuid,
            resource_uri=system.uuid,
            rack_id=system.rack,
            memory_mib=system.memory_mib,
            cpu_cores=system.cores,
            cpu_model=system.model,
            state="free" if system.state == "free" else "in_use",
            node_id=node if system.state == "ours" else None,
            mac_addresses=[],
            extra={},
        )
    for device in podm.devices:
        rows.add(
            models.DEVICES,
            uuid=device.uuid,
            podm_id=podm.uuid,
            index=device.uuid,
            resource_uri=device.uuid,
            type=device.type,
            vendor=device.vendor,
            model=device.model,
            capacity_gib=device.capacity_gib,
            rack_id=device.rack,
            pooled_group_id=device.pool,
            health=device.health,
            state=states.ALLOCATED
            if device.state in ("ours", "foreign")
            else states.FREE,
            node_uuid=node if device.state == "ours" else None,
            deleted_at=accounts.api.now() if device.state == "gone" else None,
            properties={},
            extra={},
            attached_here=device.state == "ours",
        )


def _add_pool(rows: _Writer, pool: Pool, holder: str) -> None:
    rows.add(
        models.PROVIDERS,
        uuid=pool.uuid,
        name=pool.uuid,
        kind="pool",
        podm_id=pool.podm_id,
        generation=0,
    )
    for name, stock in pool.stocks.items():
        rows.add(
            models.INVENTORIES,
            provider_id=pool.uuid,
            resource_class=name,
            free=stock.free,
            **vars(stock),
        )
        if stock.used:
            rows.add(
                models.ALLOCATIONS,
                consumer_id=holder,
                provider_id=pool.uuid,
                resource_class=name,
                used=stock.used,
            )


def composing(
    context: typing.Any, properties: Properties, podm_id: str | None
) -> tuple[objects.Operation, objects.Node]:
    """A node that a conductor has begun to compose."""
    node = objects.Node(
        context,
        uuid=str(uuid.uuid4()),
        name="new",
        podm_id=podm_id,
        properties=properties,
        provision_state=states.COMPOSING,
        composed=True,
        managed_by="valence",
        boot={},
        systems=[],
        processors={},
    )
    asked = objects.Operation.asking(
        context, "compose", node, podm_id, {"podm_id": podm_id}
    )
    node.submit(asked)
    operation = operations.claim(asked.uuid, "conductor")
    assert operation is not None
    return operation, node
