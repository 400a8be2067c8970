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

"""What a hardware driver is.

A driver speaks to one pod manager. It takes and returns the plain values
below, knows neither database nor configuration, and raises nothing but
:class:`valence.exception.HardwareError` and its subclasses (and whatever the
caller's :class:`Progress` raises, which it lets through untouched).

Every method may be called again, by another process, after any failure:

* ``compose_node`` puts ``tag`` on the hardware and, called again with the same
  tag, takes up what an earlier call left instead of making a second node;
* ``delete_node`` of what is already gone is a success;
* on failure a driver leaves things as they are: the caller undoes them, with
  ``find_node(tag)`` and ``delete_node``.

Calls may come from several threads at once.
"""

import abc
import dataclasses
import typing

from valence import exception
from valence import networks


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one pod manager; all durations are seconds."""

    url: str
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    #: How to log in: 'basic' (HTTP Basic) or 'session' (Redfish sessions).
    authentication: str = "basic"
    #: True: system CAs; False: no verification; str: path of a CA bundle.
    verify: bool | str = True
    #: Where its address has to be; anywhere where there is none.
    allowed_networks: tuple[networks.Network, ...] = ()
    #: The most that one HTTP call may take.
    timeout: float = 30.0
    #: Between two looks at a state that is awaited.
    poll_interval: float = 1.0
    #: The most that one change of the hardware's state may take.
    state_timeout: float = 600.0


class Progress(typing.Protocol):
    """How a long call tells its caller where it is. Both may raise."""

    def step(self, name: str) -> None:
        """Say that the step ``name`` ("allocate") begins."""

    def pause(self, seconds: float) -> None:
        """Sleep between two looks at the hardware."""

    def warn(self, message: str) -> None:
        """Tell the user what to know or do, though nothing failed.

        Whoever has the node reads it: it names nothing that is not theirs.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class PodManagerInfo:
    """What a pod manager says of itself."""

    name: str | None
    version: str | None
    uuid: str | None
    #: Of 'compose', 'power', 'boot', 'racks', 'attach': what it can do.
    capabilities: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class System:
    """A computer that a node can be composed on."""

    index: str  #: its id on the pod manager
    name: str | None
    resource_uri: str
    hardware_uuid: str | None
    system_type: str | None  #: 'Physical', …
    power_state: str | None  #: 'On', 'Off', …
    health: str | None  #: 'OK', 'Warning', 'Critical'
    state: str  #: 'free' or 'in_use'
    cpu_count: int | None  #: sockets
    cpu_cores: int | None  #: cores of all sockets
    cpu_model: str | None
    memory_mib: int | None
    #: May be left empty where each would cost a call; see get_assets.
    mac_addresses: list[str]
    rack_index: str | None  #: the Rack that it stands in
    extra: dict[str, typing.Any]  #: what else is worth showing


@dataclasses.dataclass(frozen=True, slots=True)
class Rack:
    index: str
    name: str | None
    resource_uri: str
    location: str | None
    system_indexes: list[str]
    extra: dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class HardwareNode:
    """A composed node as the pod manager holds it."""

    index: str
    name: str | None
    resource_uri: str
    tag: str | None  #: what compose_node put there; None: not ours
    state: str  #: the pod manager's own word: 'Assembled', 'Failed', …
    usable: bool  #: composed and ready for power and boot
    power_state: str | None
    health: str | None
    #: {'enabled', 'target', 'mode'}, each None where unknown
    boot: dict[str, str | None]
    system_uris: list[str]
    hardware_uuid: str | None
    processors: dict[str, typing.Any]  #: {'count', 'model'}
    memory_mib: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Device:
    """A pooled device: one that can be attached to a node and taken back."""

    index: str  #: its id on the pod manager
    device_type: str  #: 'NIC', 'SSD', 'GPU', …; 'Unknown' where not told
    name: str | None
    resource_uri: str
    state: str  #: 'free' or 'allocated'
    node_index: str | None  #: the node that has it
    pooled_group_id: str | None  #: the fabric group it stands in
    health: str | None
    power_state: str | None
    #: what the device says of itself: model, serial, mac_address, …
    properties: dict[str, typing.Any]
    #: {'vendor_name', 'device_name'} and what else is worth showing
    extra: dict[str, typing.Any]
    vendor: str | None = None  #: who made it
    model: str | None = None  #: what its maker calls it
    #: of storage: its size, rounded down
    capacity_gib: int | None = None
    #: The Rack that it stands in; list_devices tells it, while attach_device
    #: and detach_device may not know it.
    rack_index: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Bmc:
    """What switches a node's power and boot source, and how to reach it."""

    protocol: str  #: 'redfish'
    address: str  #: url of the service, with its path where that is unusual
    system_uri: str  #: the path of the computer there
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    #: Whether its TLS certificate has to be trusted.
    verify: bool = True
    #: Trusted are certificates that only Valence knows.
    own_ca: bool = False


class Driver(abc.ABC):
    """One pod manager. Constructing one does no I/O."""

    #: Keys of requirements that a node can be composed by. What
    #: ``pci_device`` asks for is attached by attach_device and never reaches
    #: compose_node; ``rack`` needs 'racks' among the capabilities, too.
    requirement_keys: typing.ClassVar[frozenset[str]] = frozenset()
    #: Values that reset_node takes.
    reset_types: typing.ClassVar[frozenset[str]] = frozenset()
    #: The hardware has no place for a tag, so a system is named to
    #: compose_node, and index and resource_uri of the node are the system's.
    composes_on_named_system: typing.ClassVar[bool] = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @abc.abstractmethod
    def get_info(self) -> PodManagerInfo:
        """Reach the pod manager with the credentials and say what it is.

        :raises: AuthFailure, Unreachable, BackendError (not a pod manager)
        """

    @abc.abstractmethod
    def list_systems(
        self, nodes: list[HardwareNode] | None = None
    ) -> list[System]:
        """All systems, free and in use.

        :param nodes: what list_nodes has just returned, for drivers that
            would have to read it again to know which systems are in use
        """

    @abc.abstractmethod
    def list_racks(self) -> list[Rack]:
        """All racks; empty where the hardware knows none."""

    @abc.abstractmethod
    def list_nodes(self) -> list[HardwareNode]:
        """All composed nodes, those of others included."""

    @abc.abstractmethod
    def get_node(self, index: str) -> HardwareNode:
        """One composed node.

        :raises: HardwareNotFound
        """

    @abc.abstractmethod
    def find_node(self, tag: str) -> HardwareNode | None:
        """The node that an earlier ``compose_node(tag, …)`` made, if any."""

    @abc.abstractmethod
    def compose_node(
        self,
        tag: str,
        name: str,
        description: str | None,
        requirements: dict[str, dict[str, typing.Any]],
        progress: Progress,
        *,
        resume: bool = True,
        system: str | None = None,
    ) -> HardwareNode:
        """Compose a node and return when it is usable.

        :param tag: the node's uuid; put on the hardware, see find_node
        :param requirements: of ``processor`` {'model': str, 'total_cores':
            int}, ``memory`` {'type': str, 'capacity_mib': int},
            ``remote_storage``
            {'capacity_gib': int, 'protocol': 'iSCSI' | 'NVMeOverFabrics',
            'iscsi_address': str, 'master': {'type': 'Snapshot' | 'Clone',
            'address': str, 'resource': uri}}, ``rack`` {'index': str}, where
            the system has to stand; every key is optional and an empty dict
            takes any free system
        :param resume: look first for what an earlier call with this tag
            left; False, where there cannot have been one, spares the look
            at each node of the pod
        :param system: index of the system to compose on; for drivers with
            :attr:`composes_on_named_system`, None for others
        :raises: HardwareConflict (nothing free that fits),
            HardwareNotSupported (a requirement that it cannot serve),
            HardwareBadRequest, HardwareTimeout, and the others
        """

    @abc.abstractmethod
    def delete_node(self, index: str, progress: Progress) -> None:
        """Give the node's hardware back and return when it is free.

        Already gone is a success.

        :raises: HardwareConflict where the hardware will not let it go
        """

    @abc.abstractmethod
    def reset_node(
        self, index: str, reset_type: str, progress: Progress
    ) -> HardwareNode:
        """Change the power state and return once it is seen to have changed.

        A node that is in that state already is a success.

        :param reset_type: of :attr:`reset_types`
        :raises: HardwareNotSupported, HardwareNotFound, HardwareTimeout
        """

    @abc.abstractmethod
    def set_boot_source(
        self,
        index: str,
        target: str,
        enabled: str = "Once",
        mode: str | None = None,
    ) -> HardwareNode:
        """Set the boot source override and return the node as then read.

        :param target: 'Pxe', 'Hdd', 'None', …
        :param enabled: 'Disabled', 'Once' or 'Continuous'
        :param mode: 'Legacy', 'UEFI' or None to leave it
        :raises: HardwareNotSupported, HardwareBadRequest, HardwareNotFound
        """

    @abc.abstractmethod
    def get_assets(self, index: str) -> dict[str, list[dict[str, typing.Any]]]:
        """What the node is made of, by kind.

        :returns: lists of documents under 'systems', 'processors', 'memory',
            'ethernet_interfaces', 'local_drives', 'remote_drives' and
            'storage'; each document has 'resource_uri', 'name' and what
            the kind adds ('mac_address', 'capacity_mib', 'capacity_gib',
            'model', 'total_cores', 'protocol', …)
        """

    def get_bmc(self, system_uris: list[str]) -> Bmc | None:
        """What drives a node that is on these systems; asks no hardware.

        :returns: None where that is not known, such as where servers have
            BMCs of their own
        """
        return None

    def list_devices(
        self, nodes: list[HardwareNode] | None = None
    ) -> list[Device]:
        """All pooled devices, free and allocated; empty where none can be.

        :param nodes: what list_nodes has just returned
        """
        return []

    def attach_device(
        self, node_index: str, device_index: str, progress: Progress
    ) -> Device:
        """Give a device to a node and return when it is seen to be there.

        A device that the node has already is a success.

        :raises: HardwareConflict (another has it, or the node can hold no
            more), HardwareNotFound, HardwareNotSupported, HardwareTimeout
        """
        raise exception.HardwareNotSupported(
            reason="it cannot attach devices to a node"
        )

    def detach_device(
        self, node_index: str, device_index: str, progress: Progress
    ) -> Device | None:
        """Take a device from a node and return when it is seen to be free.

        A device that the node does not have is a success; None where the
        hardware does not know it any more.

        :raises: HardwareConflict, HardwareNotSupported, HardwareTimeout
        """
        raise exception.HardwareNotSupported(
            reason="it cannot detach devices from a node"
        )

    @abc.abstractmethod
    def close(self) -> None:
        """Log out and close the sockets; the driver is not used again."""
