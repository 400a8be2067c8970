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

"""Random worlds and requests."""

import itertools
import typing
import uuid

from hypothesis import strategies as st

from valence import states
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
