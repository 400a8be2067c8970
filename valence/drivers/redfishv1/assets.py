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


"""What a composed node is made of (335455-002, "Composed Node", Links)."""

import typing

from sushy.resources import base

from valence.drivers.redfishv1 import connector as rsd_connector
from valence.drivers.redfishv1 import inventory
from valence.drivers.redfishv1 import resources
from valence.drivers.redfishv1.resources import Value

Document = dict[str, typing.Any]


class Asset(resources.Resource):
    """Something that a node is made of; its public fields are shown."""

    manufacturer = Value("Manufacturer")
    model = Value("Model")
    serial_number = Value("SerialNumber")

    def document(self) -> Document:
        shown: Document = {"resource_uri": self.path, "name": self.name}
        for attribute in dir(type(self)):
            if attribute.startswith("_") or attribute in _UNSHOWN:
                continue
            if isinstance(getattr(type(self), attribute), base.Field):
                value = getattr(self, attribute)
                if value is not None:
                    shown[attribute] = value
        return shown


_UNSHOWN = frozenset(
    {"links", "name", "odata_type", "health_rollup", "status_state"}
)


class _System(Asset):
    uuid = Value("UUID")
    power_state = Value("PowerState")
    cpu_count = Value("ProcessorSummary", "Count", kind=resources.number)
    cpu_model = Value("ProcessorSummary", "Model")
    memory_mib = Value(
        "MemorySummary", "TotalSystemMemoryGiB", kind=resources.gib
    )


class _Processor(Asset):
    processor_type = Value("ProcessorType")
    socket = Value("Socket")
    total_cores = Value("TotalCores", kind=resources.number)
    total_threads = Value("TotalThreads", kind=resources.number)
    max_speed_mhz = Value("MaxSpeedMHz", kind=resources.number)
    instruction_set = Value("InstructionSet")


class _Memory(Asset):
    capacity_mib = Value("CapacityMiB", kind=resources.number)
    _type = Value("MemoryDeviceType")
    _type_1_2 = Value("DimmDeviceType")
    speed_mhz = Value("OperatingSpeedMhz", kind=resources.number)
    locator = Value("DeviceLocator")

    def document(self) -> Document:
        shown = super().document()
        if self._type or self._type_1_2:
            shown["type"] = self._type or self._type_1_2
        return shown


class _Ethernet(Asset):
    mac_address = Value("MACAddress", kind=resources.mac)
    speed_mbps = Value("SpeedMbps", kind=resources.number)
    link_status = Value("LinkStatus")


class _Storage(Asset):
    """A drive, a volume or what else 2.4 links under Storage."""

    _capacity_gib = Value("CapacityGiB", kind=resources.amount)
    _capacity_bytes = Value("CapacityBytes", kind=resources.amount)
    media_type = Value("MediaType")
    _type = Value("Type")
    _interface = Value("Interface")
    _protocol = Value("Protocol")
    _drives = Value("Drives", kind=resources.links)
    rpm = Value("RPM", kind=resources.number)
    drive_type = Value("DriveType")

    @property
    def within(self) -> list[str]:
        """Links to the drives of a controller."""
        return list(self._drives or [])

    def document(self) -> Document:
        shown = super().document()
        capacity = resources.rounded(
            resources.capacity_gib(self._capacity_gib, self._capacity_bytes)
        )
        if capacity is not None:
            shown["capacity_gib"] = capacity
        if self._type:
            shown.setdefault("media_type", self._type)
        if self._interface or self._protocol:
            shown["protocol"] = self._interface or self._protocol
        return shown


#: Kind, the name under a node's Links, and what stands there. Releases up to
#: 2.3 tell local drives from remote ones; from 2.4 on there is Storage.
_KINDS: tuple[tuple[str, str, type[Asset]], ...] = (
    ("systems", "ComputerSystem", _System),
    ("processors", "Processors", _Processor),
    ("memory", "Memory", _Memory),
    ("ethernet_interfaces", "EthernetInterfaces", _Ethernet),
    ("local_drives", "LocalDrives", _Storage),
    ("remote_drives", "RemoteDrives", _Storage),
    ("storage", "Storage", _Storage),
)


def of_node(
    connector: rsd_connector.Connector,
    workers: inventory.Workers,
    node: resources.Node,
) -> dict[str, list[Document]]:
    """The documents that a node links to, by kind; one call for each.

    Of what 2.4 links under Storage, some has drives of its own.
    """

    def read(resource: type[Asset], paths: list[str]) -> list[typing.Any]:
        return inventory.read_all(workers, connector, resource, paths)

    assets: dict[str, list[typing.Any]] = {}
    for kind, name, resource in _KINDS:
        found = resources.links((node.links or {}).get(name) or [])
        assets[kind] = read(resource, node.paths(found))
    storage = assets["storage"]
    known = {one.path for one in storage}
    drives = node.paths([link for one in storage for link in one.within])
    storage += read(
        _Storage, [path for path in dict.fromkeys(drives) if path not in known]
    )
    return {
        kind: [asset.document() for asset in found]
        for kind, found in assets.items()
    }
