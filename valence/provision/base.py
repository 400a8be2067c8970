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

"""What a provisioner is.

A provisioner makes bare-metal servers of composed nodes, and drives them from
then on. It takes and returns the plain values below, knows no database, and
raises nothing but :class:`valence.exception.ProvisionerError` and its
subclasses (and whatever the caller's Progress raises, which it lets through
untouched).

Every method may be called again, by another process, after any failure: it
looks before it acts, and finds by the node's uuid what an earlier call left.
Calls may come from several threads at once.
"""

import abc
import dataclasses
import typing

from oslo_config import cfg

from valence.drivers.base import Bmc
from valence.drivers.base import Progress

#: How far a node can be brought, in order.
TARGETS = ("enroll", "manageable", "available")


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A network interface of a node."""

    address: str  #: its MAC address
    physical_network: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Enrollment:
    """A node, as a provisioner is to have it."""

    uuid: str  #: of the node; the provisioner's node has the same
    name: str
    description: str | None
    project_id: str | None
    #: The provisioner's driver; None: the one that suits the BMC.
    driver: str | None
    #: What the driver has to know; short names are made long.
    driver_info: dict[str, typing.Any] = dataclasses.field(repr=False)
    #: Where the pod manager tells it; driver_info goes before it.
    bmc: Bmc | None = dataclasses.field(repr=False)
    #: Kind of interface ('boot', 'network', …) → which to use.
    interfaces: dict[str, str]
    #: 'cpus', 'memory_mb', 'local_gb', 'cpu_arch' and others.
    properties: dict[str, typing.Any]
    capabilities: dict[str, str]
    resource_class: str | None
    traits: list[str]
    #: None: not known, so those that are there stay.
    ports: list[Port] | None
    #: What else leads back to here.
    extra: dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A node, as a provisioner has it."""

    state: str  #: the provisioner's own word
    #: The deployment of the node failed.
    deploy_failed: bool
    #: What the provisioner said of the last failure.
    reason: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Before:
    """What a provisioner had of a node before it was enrolled."""

    ports: list[str]  #: MAC addresses
    traits: list[str]


class Provisioner(abc.ABC):
    """One service. Constructing it does no I/O."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf

    @abc.abstractmethod
    def before(self, uuid: str, progress: Progress) -> Before | None:
        """What there is of a node; None where it is not there."""

    @abc.abstractmethod
    def enroll(self, wanted: Enrollment, progress: Progress) -> None:
        """Make what is missing, and change what differs.

        :raises: ProvisionerConflict (a port of another node has an address),
            ProvisionerBadRequest, and the others
        """

    @abc.abstractmethod
    def update(self, wanted: Enrollment, progress: Progress) -> None:
        """Change what differs, as :meth:`enroll`, of a node that is there.

        What tells how to reach it is left as it is.
        """

    @abc.abstractmethod
    def bring(self, uuid: str, target: str, progress: Progress) -> str:
        """Bring a node as far as ``target``, and return its state then.

        One that is further already is a success.

        :param target: of :data:`TARGETS`
        :raises: ProvisionerError with what the provisioner says,
            ProvisionerTimeout
        """

    @abc.abstractmethod
    def withdraw(
        self,
        uuid: str,
        before: Before | None,
        progress: Progress,
        *,
        unanswered: bool = False,
    ) -> None:
        """Take out what was put there since :meth:`before` was asked.

        :param unanswered: a request that puts it there may still be on its
            way
        """

    @abc.abstractmethod
    def leave(
        self, uuid: str, progress: Progress, *, tear_down: bool = False
    ) -> None:
        """Take a node out. One that is gone already is a success.

        :param tear_down: where its deployment failed, undo that first
        :raises: ProvisionerConflict where it is in use, or at work
        """

    @abc.abstractmethod
    def list_nodes(self, uuids: typing.Collection[str]) -> dict[str, Seen]:
        """Those of these nodes that are there; one request for each page."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the sockets; it is not used again."""
