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


"""The documents of a pod manager that Valence reads, as sushy resources.

sushy's own System and Chassis are not used: they answer in sushy's
enumerations, where ours have to keep the hardware's words, know no
ProcessorSummary, and fail as a whole on one attribute of the wrong type. One
odd machine must not hide the other thousand, so a field here is None where
its value makes no sense.
"""

import math
import re
import typing

from sushy.resources import base

from valence.drivers import transport
from valence.drivers.redfishv1 import connector as rsd_connector
from valence.drivers.redfishv1 import errors

Document = dict[str, typing.Any]

#: A collection in more pages than this is one that never ends.
MAX_PAGES = 1000
#: More members than any pod has; each costs a call.
MAX_MEMBERS = 20_000


# -- fields ------------------------------------------------------------------


def text(value: object) -> str:
    """Text, also where a service sends a number ("Id": 1)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return str(value).strip()[: transport.MAX_TEXT]


def amount(value: object) -> float:
    """A finite number, also where a service sends text ("Count": "2")."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    found = float(value)
    if not math.isfinite(found):
        raise ValueError
    return found


def number(value: object) -> int:
    """A whole number, that a database can keep."""
    found = int(amount(value))
    if abs(found) >= 2**63:
        raise OverflowError
    return found


def gib(value: object) -> int:
    """An amount in GiB, fractions included, as MiB."""
    return number(amount(value) * 1024)


def capacity_gib(
    gibibytes: float | None, number_of_bytes: float | None
) -> float | None:
    """A capacity in GiB, whichever way it is given."""
    if gibibytes is None and number_of_bytes is not None:
        gibibytes = number_of_bytes / 1024**3
    return gibibytes


def rounded(gibibytes: float | None) -> float | None:
    """A capacity as it is shown."""
    if gibibytes is None:
        return None
    whole = gibibytes == int(gibibytes)
    return int(gibibytes) if whole else round(gibibytes, 2)


def mac(value: object) -> str:
    return text(value).lower().replace("-", ":")


def mapping(value: object) -> Document:
    if not isinstance(value, dict):
        raise TypeError
    return value


def link(value: object) -> str:
    """A link, given as {"@odata.id": link} or as text."""
    if isinstance(value, dict):
        value = value.get("@odata.id")
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def links(value: object) -> list[str]:
    """Links, given as a list or as a single one."""
    found = []
    for item in value if isinstance(value, list) else [value]:
        try:
            found.append(link(item))
        except TypeError:
            continue
    return found


class Value(base.Field):
    """One attribute; None where it is missing or makes no sense."""

    def __init__(
        self,
        *path: str,
        kind: typing.Callable[[typing.Any], typing.Any] = text,
    ) -> None:
        super().__init__(list(path), adapter=kind)

    if typing.TYPE_CHECKING:
        # What sushy makes of a class's field on its instances.
        def __get__(self, instance: object, owner: type) -> typing.Any: ...

    def _load(
        self, body: object, resource: object, nested_in: object = None
    ) -> typing.Any:
        for key in self._path:
            if not isinstance(body, dict):
                return None
            body = body.get(key)
        if body is None:
            return None
        try:
            return self._adapter(body)
        except (TypeError, ValueError, OverflowError):
            return None


class _Reader(base.AbstractDataReader):
    """sushy's JsonDataReader, without its copy of broken bodies in the log."""

    def get_data(self) -> base.FieldData:
        answer = self._conn.get(self._path)
        return base.FieldData(
            answer.status_code, answer.headers, answer.json()
        )


# -- resources ---------------------------------------------------------------


class Resource(base.ResourceBase):
    """Any document; constructing one reads it."""

    # sushy's fields of these names fail on what is not an object.
    _oem_vendors = Value("Oem", kind=list)
    links = Value("Links", kind=mapping)
    # A node's description is the user's; bodies are not for the log.
    _log_resource_body = False

    name = Value("Name")
    odata_type = Value("@odata.type")
    health = Value("Status", "Health")
    health_rollup = Value("Status", "HealthRollup")
    status_state = Value("Status", "State")

    def __init__(self, connector: rsd_connector.Connector, path: str) -> None:
        super().__init__(connector, path, reader=_Reader())

    @property
    def index(self) -> str:
        """What Valence calls it: the last part of its path.

        Not ``Id``, so that a list of links is a list of indexes and need not
        be read for it; an RSD pod manager makes the one from the other.
        """
        return index_of(self.path)

    def paths(self, found: list[str] | None) -> list[str]:
        """Paths of links found in this document."""
        return list(
            dict.fromkeys(self._conn.path_of(item) for item in found or ())
        )

    def action(self, suffix: str) -> Document | None:
        """The action whose name ends in ``suffix``.

        Services disagree about what comes before (hardware reference: the
        collection's Allocate), and put actions of vendors under Oem.
        """
        actions = self.json.get("Actions")
        if isinstance(actions, dict):
            for key, action in actions.items():
                if key.endswith(suffix) and isinstance(action, dict):
                    return action
        return None

    def target(self, suffix: str) -> str | None:
        """Where to POST the action."""
        action = self.action(suffix)
        if action is None or not isinstance(action.get("target"), str):
            return None
        path: str = self._conn.path_of(action["target"])
        return path


def index_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def allowed(document: Document, parameter: str) -> list[str]:
    """The values that ``parameter`` may have; [] where nothing is said.

    Intel RSD PODM 1.2.1 says ``ResetType@DMTF.AllowableValues``, 2.1 and later
    (335455-002, "ComposedNode.Reset") ``ResetType@Redfish.AllowableValues``.
    """
    for vocabulary in ("Redfish", "DMTF"):
        values = document.get(f"{parameter}@{vocabulary}.AllowableValues")
        if isinstance(values, list):
            return [value for value in values if isinstance(value, str)]
    return []


class ServiceRoot(Resource):
    """The service root (Intel RSD PODM API 2.1.3, 335455-002, same name)."""

    uuid = Value("UUID")
    redfish = Value("RedfishVersion")
    systems = Value("Systems", kind=link)
    chassis = Value("Chassis", kind=link)
    _nodes = Value("Nodes", kind=link)

    def _oem(self) -> typing.Iterator[Document]:
        """What vendors add; the key is Intel_RackScale, or it varies (1.2)."""
        oem = self.json.get("Oem")
        if isinstance(oem, dict):
            yield from (v for v in oem.values() if isinstance(v, dict))

    @property
    def nodes(self) -> str | None:
        """The collection of composed nodes.

        At the top in 1.2.1 and 2.1, under Oem from 2.2 (336857-001).
        """
        if self._nodes:
            return typing.cast(str, self._nodes)
        for vendor in self._oem():
            try:
                return link(vendor.get("Nodes"))
            except TypeError:
                continue
        return None

    @property
    def version(self) -> str | None:
        """The version of the RSD API."""
        for vendor in self._oem():
            version = vendor.get("ApiVersion")
            if isinstance(version, str) and version:
                return version
        return None

    @property
    def dialect(self) -> tuple[int, int]:
        """(major, minor) of the RSD API; 2.1.3 calls itself "2.0.0".

        Where no version is to be found the least is taken for granted that
        the place of Nodes allows.
        """
        found = re.match(r"v?(\d+)\.(\d+)", self.version or "")
        if found:
            return int(found[1]), int(found[2])
        return (1, 2) if self._nodes else (2, 2)


class Page(Resource):
    """One page of a collection."""

    _top = Value("Members", kind=links)
    _linked = Value("Links", "Members", kind=links)
    _next = Value("Members@odata.nextLink", kind=link)

    @property
    def members(self) -> list[str]:
        return self.paths(self._linked if self._top is None else self._top)

    @property
    def next(self) -> str | None:
        return self._conn.path_of(self._next) if self._next else None


def collection(
    connector: rsd_connector.Connector, path: str
) -> tuple[Page, list[str]]:
    """The first page of a collection, and the paths of all its members.

    sushy's ResourceCollectionBase reads the first page alone, and no Members
    under Links. Cost: one call a page; RSD sends one page.
    """
    first = page = Page(connector, path)
    members = dict.fromkeys(page.members)
    seen = {path}
    while (
        page.next
        and page.next not in seen
        and len(seen) < MAX_PAGES
        and len(members) <= MAX_MEMBERS
    ):
        seen.add(page.next)
        page = Page(connector, page.next)
        members.update(dict.fromkeys(page.members))
    if page.next and page.next not in seen:
        raise errors.malformed(f"the list at {path} never ends")
    if len(members) > MAX_MEMBERS:
        raise errors.malformed(
            f"the list at {path} has more than {MAX_MEMBERS} members"
        )
    return first, list(members)


class Node(Resource):
    """A composed node (ComposedNode_v1.xml; 335455-002, "Composed Node")."""

    description = Value("Description")
    uuid = Value("UUID")
    state = Value("ComposedNodeState")
    _power_state = Value("PowerState")
    processor_count = Value("Processors", "Count", kind=number)
    processor_model = Value("Processors", "Model")
    memory_mib = Value("Memory", "TotalSystemMemoryGiB", kind=gib)
    boot = Value("Boot", kind=mapping)
    boot_enabled = Value("Boot", "BootSourceOverrideEnabled")
    boot_target = Value("Boot", "BootSourceOverrideTarget")
    boot_mode = Value("Boot", "BootSourceOverrideMode")
    _system = Value("Links", "ComputerSystem", kind=links)

    @property
    def systems(self) -> list[str]:
        return self.paths(self._system)

    @property
    def power_state(self) -> str | None:
        if self._power_state is None and (self.state or "").startswith(
            "Powered"
        ):
            # 1.2.1 tells it by the node's state as well.
            return self.state[len("Powered") :]
        return typing.cast("str | None", self._power_state)


class System(Resource):
    """A computer (Redfish ComputerSystem, DSP8010)."""

    uuid = Value("UUID")
    system_type = Value("SystemType")
    power_state = Value("PowerState")
    manufacturer = Value("Manufacturer")
    model = Value("Model")
    serial_number = Value("SerialNumber")
    asset_tag = Value("AssetTag")
    bios_version = Value("BiosVersion")
    cpu_count = Value("ProcessorSummary", "Count", kind=number)
    cpu_model = Value("ProcessorSummary", "Model")
    cpu_cores = Value("ProcessorSummary", "CoreCount", kind=number)
    memory_mib = Value("MemorySummary", "TotalSystemMemoryGiB", kind=gib)
    processors = Value("Processors", kind=link)
    memory = Value("Memory", kind=link)
    _chassis = Value("Links", "Chassis", kind=links)

    @property
    def chassis(self) -> list[str]:
        return self.paths(self._chassis)


class Chassis(Resource):
    """A rack, or what stands in one (Redfish Chassis, DSP8010)."""

    chassis_type = Value("ChassisType")
    manufacturer = Value("Manufacturer")
    model = Value("Model")
    serial_number = Value("SerialNumber")
    asset_tag = Value("AssetTag")
    _contains = Value("Links", "Contains", kind=links)
    _contained_by = Value("Links", "ContainedBy", kind=links)
    _systems = Value("Links", "ComputerSystems", kind=links)
    _drives = Value("Links", "Drives", kind=links)
    _processors = Value("Links", "Processors", kind=links)

    @property
    def devices(self) -> list[str]:
        """What stands in it and may be a pooled device."""
        return self.paths([*(self._drives or ()), *(self._processors or ())])

    @property
    def contains(self) -> list[str]:
        return self.paths(self._contains)

    @property
    def contained_by(self) -> list[str]:
        return self.paths(self._contained_by)

    @property
    def systems(self) -> list[str]:
        return self.paths(self._systems)

    def _location(self, key: str) -> str | None:
        oem = self.json.get("Oem")
        for vendor in oem.values() if isinstance(oem, dict) else ():
            if not isinstance(vendor, dict):
                continue
            location = vendor.get("Location")
            if isinstance(location, dict) and location.get(key):
                try:
                    return text(location[key])
                except TypeError:
                    continue
        return None

    @property
    def location(self) -> str | None:
        """Oem.Intel_RackScale.Location.Id (335455-002, "Chassis")."""
        return self._location("Id")

    @property
    def parent_location(self) -> str | None:
        return self._location("ParentId")
