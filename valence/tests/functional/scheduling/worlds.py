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

"""Random worlds and requests, and worlds written into the database."""

import itertools
import typing
import uuid

from hypothesis import strategies as st
import sqlalchemy as sa

from valence import objects
from valence import states
from valence.db import accounts
from valence.db import engine
from valence.db import models
from valence.db import operations
from valence.db import recount
from valence.tests.functional.scheduling.oracle import Device
from valence.tests.functional.scheduling.oracle import PodManager
from valence.tests.functional.scheduling.oracle import Pool
from valence.tests.functional.scheduling.oracle import Properties
from valence.tests.functional.scheduling.oracle import Rack
from valence.tests.functional.scheduling.oracle import Stock
from valence.tests.functional.scheduling.oracle import System
from valence.tests.functional.scheduling.oracle import World

Draw = typing.Callable[[typing.Any], typing.Any]

#: Words that a database may take for one another.
PLACES = ("rack", "Rack", "rack_x", "rack%x", "rack\\x")
MODELS = ("A", "a", "A_", "A%")
VENDORS = ("Intel", "intel")
TYPES = ("SSD", "ssd", "GPU")
TRAITS = ("CUSTOM_A", "CUSTOM_B", "CUSTOM_" + "T" * 248)
CLASSES = ("DISK_GB", "CUSTOM_" + "C" * 248)
KEYS = ("memory", "processor", "pci_device", "rack")
#: What is not asked for by that name.
OTHER_KEYS = ("Memory", "pciXdevice", "rac%", "rac")
MEMORY = (1024, 2048, 4096)
CORES = (8, 16)
CAPACITIES = (100, 200)


def _rarely(value: st.SearchStrategy, other: typing.Any) -> st.SearchStrategy:
    return st.sampled_from((0, 1, 2, 3)).flatmap(
        lambda n: value if n == 3 else st.just(other)
    )


def _or_none(values: typing.Sequence[typing.Any]) -> st.SearchStrategy:
    return st.sampled_from((*values, None))


class _Ids:
    """Makes uuids, the same each time."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        return str(uuid.UUID(int=next(self._numbers) << 64 | 1 << 63))


@st.composite
def worlds(draw: Draw) -> World:
    """A few pod managers and pools of all sorts."""
    new = _Ids()
    pods = [
        _podm(draw, new, number) for number in range(draw(st.integers(1, 4)))
    ]
    pools = [
        Pool(
            new(),
            draw(st.sampled_from([None, *(podm.uuid for podm in pods)])),
            draw(
                st.dictionaries(
                    st.sampled_from(CLASSES), _stocks(), max_size=2
                )
            ),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return World(pods, pools)


@st.composite
def crates(draw: Draw) -> World:
    """Pod managers that serve all but for the devices that they have."""
    new = _Ids()
    pods = []
    for number in range(draw(st.integers(1, 2))):
        podm = PodManager(
            uuid=new(),
            name=f"pod-{number}",
            status="Online",
            maintenance=False,
            location=None,
            keys=list(KEYS),
            traits=set(),
        )
        podm.racks = [Rack(new(), str(index), None) for index in range(2)]
        racks = [rack.uuid for rack in podm.racks]
        podm.systems = [
            System(new(), draw(_or_none(racks)), None, None, None, "free")
            for _ in range(draw(st.integers(1, 2)))
        ]
        podm.devices = [
            Device(
                new(),
                "SSD",
                draw(_or_none(VENDORS)),
                draw(_or_none(MODELS[:2])),
                draw(_or_none(CAPACITIES)),
                draw(_or_none(racks)),
                draw(_or_none(("1", "2"))),
                "OK",
                "free",
            )
            for _ in range(draw(st.integers(2, 5)))
        ]
        pods.append(podm)
    return World(pods, [])


@st.composite
def _stocks(draw: Draw) -> Stock:
    stock = Stock(
        total=draw(st.sampled_from((0, 4, 10))),
        reserved=draw(st.sampled_from((0, 0, 2))),
        min_unit=draw(st.sampled_from((1, 1, 3))),
        max_unit=draw(st.sampled_from((4, 100))),
        step_size=draw(st.sampled_from((1, 1, 2, 3))),
        allocation_ratio=draw(st.sampled_from((1.0, 1.5, 0.3))),
    )
    # More than there is, too: it may have shrunk.
    stock.used = draw(st.sampled_from((0, 0, 3, 12)))
    return stock


def _podm(
    draw: Draw, new: typing.Callable[[], str], number: int
) -> PodManager:
    podm = PodManager(
        uuid=new(),
        name=f"pod-{number}",
        status=draw(
            _rarely(st.sampled_from(states.POD_MANAGER.states), "Online")
        ),
        maintenance=draw(_rarely(st.booleans(), False)),
        location=draw(_or_none(PLACES)),
        keys=[
            *draw(
                _rarely(
                    st.lists(st.sampled_from(KEYS), unique=True), list(KEYS)
                )
            ),
            *draw(
                st.lists(st.sampled_from(OTHER_KEYS), unique=True, max_size=2)
            ),
        ],
        traits=draw(st.sets(st.sampled_from(TRAITS))),
    )
    podm.racks = [
        Rack(new(), str(index), draw(_or_none(PLACES + ("1",))))
        for index in range(draw(st.integers(0, 3)))
    ]
    racks = [rack.uuid for rack in podm.racks]
    podm.systems = [
        System(
            new(),
            draw(_or_none(racks)),
            draw(_or_none(MEMORY)),
            draw(_or_none(CORES)),
            draw(_or_none(MODELS)),
            draw(_rarely(st.sampled_from(("ours", "foreign")), "free")),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    podm.devices = [
        Device(
            new(),
            draw(st.sampled_from(TYPES)),
            draw(_or_none(VENDORS)),
            draw(_or_none(MODELS)),
            draw(_or_none(CAPACITIES)),
            draw(_or_none(racks)),
            draw(_or_none(("1", "2"))),
            draw(
                _rarely(st.sampled_from(("Warning", "Critical", None)), "OK")
            ),
            draw(
                _rarely(st.sampled_from(("ours", "foreign", "gone")), "free")
            ),
        )
        for _ in range(draw(st.integers(0, 5)))
    ]
    return podm


@st.composite
def requests(draw: Draw) -> Properties:
    """The properties of a flavor."""
    found: Properties = {}

    def asked(key: str, **values: st.SearchStrategy) -> None:
        said = {
            name: value
            for name, strategy in values.items()
            if (value := draw(_rarely(strategy, None))) is not None
        }
        if said:
            found[key] = said

    asked("memory", capacity_mib=st.sampled_from(MEMORY))
    asked(
        "processor",
        total_cores=st.sampled_from(CORES),
        model=st.sampled_from(MODELS),
    )
    asked(
        "placement",
        rack=st.sampled_from((*PLACES, "0", "1", "2")),
        location=st.sampled_from(PLACES),
        same_rack=st.booleans(),
        same_pool=st.booleans(),
    )
    traits = draw(
        _rarely(st.lists(st.sampled_from(TRAITS), unique=True, min_size=1), [])
    )
    if traits:
        half = draw(st.integers(0, len(traits)))
        found["traits"] = {
            name: part
            for name, part in (
                ("required", traits[:half]),
                ("forbidden", traits[half:]),
            )
            if part
        }
    amounts = draw(
        _rarely(
            st.dictionaries(
                st.sampled_from(CLASSES), st.integers(1, 6), min_size=1
            ),
            {},
        )
    )
    if amounts:
        found["resources"] = amounts
    if draw(st.booleans()):
        found["pci_device"] = draw(_devices(TYPES))
    return found


@st.composite
def requests_for_devices(draw: Draw) -> Properties:
    """Of one type, so that one device is of several kinds."""
    found: Properties = {"pci_device": draw(_devices(TYPES[:1]))}
    placement = draw(
        _rarely(
            st.sampled_from(
                (
                    {"same_rack": True},
                    {"same_pool": True},
                    {"same_rack": True, "same_pool": True},
                    {"rack": "1"},
                )
            ),
            {},
        )
    )
    return {**found, **({"placement": placement} if placement else {})}


@st.composite
def _devices(draw: Draw, types: tuple[str, ...]) -> Properties:
    if draw(_rarely(st.just(True), False)):
        kinds = st.lists(st.sampled_from(types), min_size=1, max_size=3)
        return {"type": draw(kinds)}
    found = []
    for _ in range(draw(st.integers(1, 3))):
        one = {"type": draw(st.sampled_from(types))}
        for name, values in (
            ("vendor", VENDORS),
            ("model", MODELS[:2]),
            ("capacity_gib", CAPACITIES),
        ):
            if (value := draw(_or_none(values))) is not None:
                one[name] = value
        if draw(_rarely(st.just(True), False)):
            one["count"] = 2
        found.append(one)
    return {"devices": found}


def plain(
    number: int, memory_mib: int = 1024, **values: typing.Any
) -> PodManager:
    """One with a free system, that serves all."""
    return PodManager(
        **{
            "uuid": f"{number:08}-0000-4000-8000-000000000000",
            "name": f"pod-{number}",
            "status": "Online",
            "maintenance": False,
            "location": None,
            "keys": list(KEYS),
            "traits": set(),
            "systems": [
                System(
                    f"{number:08}-0000-4000-8000-000000000001",
                    None,
                    memory_mib,
                    8,
                    "A",
                    "free",
                )
            ],
            **values,
        }
    )


# -- the database -------------------------------------------------------------


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
