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


"""The driver for Intel RSD pod managers, releases 1.2 to 2.5."""

import contextlib
import logging
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import assets
from valence.drivers.redfishv1 import attachment
from valence.drivers.redfishv1 import devices
from valence.drivers.redfishv1 import errors
from valence.drivers.redfishv1 import inventory
from valence.drivers.redfishv1 import nodes as rsd_nodes
from valence.drivers.redfishv1 import pod as rsd_pod
from valence.drivers.redfishv1 import requirements as rsd_requirements
from valence.drivers.redfishv1 import resources

LOG = logging.getLogger(__name__)

#: The power state that a reset ends in; those not here show none.
_LEADS_TO = {
    "On": "On",
    "ForceOn": "On",
    "ForceOff": "Off",
    "GracefulShutdown": "Off",
    "ForceRestart": "On",
    "GracefulRestart": "On",
}
#: Resets that ask for a change even of what is on.
_RESTARTS = frozenset({"ForceRestart", "GracefulRestart"})
_OPPOSITE = {"On": "Off", "Off": "On"}


class RedfishV1Driver(base.Driver):
    """One Intel RSD pod manager.

    Sources: Intel RSD PODM API 2.1.3 (335455-002), 2.2 (336857-001), 2.3.2
    (337204-003) and 2.5 (613320-001); for 1.2.1 the source intelRSD 1.2.1.

    Each method's docstring says what it costs in calls to the hardware. Not
    counted there: the service root, read once in a driver's life and again
    by ``get_info``, and the list of nodes that a method taking an index reads
    (one call) when it does not know yet where that node stands.
    """

    #: pci_device is attached once the node is composed.
    requirement_keys = rsd_requirements.KEYS | {"pci_device"}
    reset_types = frozenset({*_LEADS_TO, "PushPowerButton", "Nmi"})

    def __init__(self, connection: base.Connection) -> None:
        super().__init__(connection)
        self._pod = rsd_pod.Pod(connection)
        self._connector = self._pod.connector
        self._workers = self._pod.workers
        self._inventory = inventory.Inventory(self._connector, self._workers)
        self._devices = devices.Devices(self._pod, self._inventory)
        self._attachment = attachment.Attachment(self._pod, self._devices)

    def close(self) -> None:
        """Cost: 1 where there is a session to log out of."""
        self._pod.close()

    # -- the pod manager -----------------------------------------------------

    def get_info(self) -> base.PodManagerInfo:
        """Cost: 2, the service root and the list of nodes.

        The root alone would not do: Redfish serves it without credentials
        (DSP0266, "Service root"), so it says nothing about the password.
        """
        root, page = self._pod.enter()
        capabilities = {"power", "boot"}
        if page.target("Collection.Allocate"):
            capabilities.add("compose")
        if root.chassis:
            capabilities.add("racks")
        if root.dialect >= (2, 0):
            capabilities.add("attach")
        return base.PodManagerInfo(
            name=root.name,
            version=root.version or root.redfish,
            uuid=root.uuid,
            capabilities=frozenset(capabilities),
        )

    # -- inventory -----------------------------------------------------------

    def list_systems(
        self, nodes: list[base.HardwareNode] | None = None
    ) -> list[base.System]:
        """Cost for N systems: 1 + N, and the nodes unless they are given.

        The first time in a driver's life: for each system also its
        processors (1 + sockets), because no summary has the cores; and all
        chassis (1 + each), unless list_racks has read them. MAC addresses
        are left out: they would take 1 + interfaces for each system, and
        get_assets has them where they are needed.
        """
        root = self._pod.root()
        if root.systems is None:
            return []
        if nodes is None:
            nodes = self.list_nodes()
        return self._inventory.systems(
            self._connector.path_of(root.systems),
            self._connector.path_of(root.chassis) if root.chassis else None,
            {uri for node in nodes for uri in node.system_uris},
        )

    def list_racks(self) -> list[base.Rack]:
        """Cost: 1 and each chassis; only itself tells what it is."""
        root = self._pod.root()
        if root.chassis is None:
            return []
        _, racks = self._inventory.chassis(
            self._connector.path_of(root.chassis)
        )
        return racks

    def get_assets(self, index: str) -> dict[str, list[dict[str, typing.Any]]]:
        """Cost: 1 and each thing that the node is made of."""
        return assets.of_node(
            self._connector, self._workers, self._pod.find(index)
        )

    def get_bmc(self, system_uris: list[str]) -> base.Bmc | None:
        """The pod manager itself, which is a Redfish service. Cost: none.

        (335455-002, "Computer System": ComputerSystem.Reset and Boot.)
        """
        if len(system_uris) != 1:
            return None
        verify = self.connection.verify
        connector = self._connector
        usual = connector.root_path == "/redfish/v1"
        return base.Bmc(
            protocol="redfish",
            address=connector.origin + ("" if usual else connector.root_path),
            system_uri=connector.path_of(system_uris[0]),
            username=self.connection.username,
            password=self.connection.password,
            verify=bool(verify),
            own_ca=isinstance(verify, str),
        )

    # -- pooled devices ------------------------------------------------------

    def list_devices(
        self, nodes: list[base.HardwareNode] | None = None
    ) -> list[base.Device]:
        """What stands in pooled chassis, what nodes offer and what they have.

        A device's index is its path: an RSD pod manager makes the ids of
        drives unique in a chassis only. Its group is the chassis, and its
        rack the one that the chassis stands in.

        Cost: none before release 2.1, which pools nothing. Else 1 and each
        chassis, each device, and the nodes unless they are given as
        list_nodes has just returned them. From 2.3 on 1 more for each node,
        the ActionInfo of AttachResource, and a second, that of DetachResource,
        for a node that links drives which may be its system's own.
        """
        return self._devices.find_all(nodes)

    def attach_device(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device:
        """POST AttachEndpoint or AttachResource, and look.

        (335455-002, "ComposedNode.AttachEndpoint"; 337204-003,
        "ComposedNode.AttachResource".)

        Cost: 2, the node and the device, where the node has it already. Else
        the POST, from 2.3 on the ActionInfo, a look at the node at each poll,
        one at least, and at the device again. A device that the node does not
        offer and one that is refused cost the list of nodes and each of them,
        to tell which has it.
        """
        return self._attachment.attach(node_index, device_index, progress)

    def detach_device(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device | None:
        """POST DetachEndpoint or DetachResource, and look.

        (335455-002, "ComposedNode.DetachEndpoint"; 337204-003,
        "ComposedNode.DetachResource".) A drive with EraseOnDetach is wiped
        on the way, and the progress tells of it.

        Cost: 1 for a device that is gone. Else 4, the device, the node, the
        POST and the device again, and a look at the node at each poll, one
        at least. Where the node does not have it: 2, the list of nodes and
        each of them, to tell which has.
        """
        return self._attachment.detach(node_index, device_index, progress)

    # -- nodes ---------------------------------------------------------------

    def list_nodes(self) -> list[base.HardwareNode]:
        """Cost: 1 and each node."""
        _, paths = self._pod.members()
        nodes = self._pod.read_each(paths)
        self._devices.remember(nodes)
        return [rsd_nodes.to_hardware_node(node) for node in nodes]

    def get_node(self, index: str) -> base.HardwareNode:
        """Cost: 1."""
        return rsd_nodes.to_hardware_node(self._pod.find(index))

    def find_node(self, tag: str) -> base.HardwareNode | None:
        """Cost: 1 and each node; RSD has no search."""
        _, paths = self._pod.members()
        found = self._pod.tagged(tag, paths)
        return None if found is None else rsd_nodes.to_hardware_node(found)

    # -- compose -------------------------------------------------------------

    def compose_node(
        self,
        tag: str,
        name: str,
        description: str | None,
        requirements: dict[str, dict[str, typing.Any]],
        progress: base.Progress,
        *,
        resume: bool = True,
        system: str | None = None,
    ) -> base.HardwareNode:
        """Allocate, wait, Assemble, wait (335455-002, "Composed Node").

        Cost: 3 (list, Allocate, Assemble) and a look at each poll, of which
        there are two at least. ``resume`` adds a look at each node there is.
        A rack costs 1 where no list was read before that has it, and 1 and
        each chassis where the pod manager refuses the request as a bad one.
        """
        root = self._pod.root()
        body = rsd_requirements.body(root.dialect, requirements)
        page, paths = self._pod.members()
        node = self._pod.tagged(tag, paths) if resume else None
        if node is not None and node.state in rsd_nodes.USABLE:
            return rsd_nodes.to_hardware_node(node)
        if node is not None:
            path = node.path
        else:
            target = page.target("Collection.Allocate")
            if target is None:
                raise exception.HardwareNotSupported(
                    reason="it does not offer to allocate nodes"
                )
            progress.step("allocate")
            body["Name"] = name
            body["Description"] = rsd_nodes.describe(tag, description)
            rack = requirements.get("rack", {}).get("index")
            if rack is None:
                path = self._allocate(tag, target, body)
            else:
                path = self._allocate_in(rack, tag, target, body)
        with rsd_nodes.acted():
            progress.step("wait for allocation")
            node = self._pod.wait(
                path,
                rsd_nodes.ALLOCATED,
                lambda node: node.state in rsd_nodes.ALLOCATED_OR_LATER,
                progress,
            )
            if rsd_nodes.tag_of(node) != tag:
                LOG.warning(
                    "The pod manager at %s did not keep the description of "
                    "node %s; a second try will not find it.",
                    self._connector.origin,
                    node.index,
                )
            if node.state in rsd_nodes.USABLE:
                return rsd_nodes.to_hardware_node(node)
            if node.state == rsd_nodes.ALLOCATED:
                progress.step("assemble")
                self._assemble(node)
            progress.step("wait for assembly")
            return rsd_nodes.to_hardware_node(
                self._pod.wait(
                    path,
                    "Assembled",
                    lambda node: node.state in rsd_nodes.USABLE,
                    progress,
                )
            )

    def _allocate_in(
        self, rack: str, tag: str, target: str, body: rsd_requirements.Body
    ) -> str:
        """Allocate in a rack.

        One that is gone, or in which no system stands any more, is a bad
        request to a pod manager (intelRSD, ComputerSystemCollector). To us it
        has nothing that fits.
        """
        link = self._pod.root().chassis
        if link is None:
            raise exception.HardwareNotSupported(
                reason="a node in a certain rack; it tells of no racks"
            )
        collection = self._connector.path_of(link)
        chassis = self._inventory.rack_path(collection, rack)
        if chassis is None:
            raise exception.HardwareConflict(reason=f"it has no rack {rack}")
        rsd_requirements.stand_in(body, chassis)
        try:
            return self._allocate(tag, target, body)
        except (exception.HardwareBadRequest, exception.HardwareNotFound):
            _, racks = self._inventory.chassis(collection)
            standing = {one.index: one.system_indexes for one in racks}
            if standing.get(rack):
                raise
            raise exception.HardwareConflict(
                reason=f"no system stands in rack {rack}"
                if rack in standing
                else f"it has no rack {rack}"
            ) from None

    def _allocate(
        self, tag: str, target: str, body: rsd_requirements.Body
    ) -> str:
        """POST to Allocate and return the path of the new node.

        (335455-002, "Composed node allocation": 201 and Location, absolute
        up to 2.3, relative from 2.4.)
        """
        answer = self._connector.post(target, data=body)
        link = answer.headers.get("Location")
        if not link:
            with contextlib.suppress(exception.BackendError):
                link = answer.json().get("@odata.id")
        with rsd_nodes.acted():
            if link:
                path: str = self._connector.path_of(link)
                self._pod.learn(path)
                return path
            _, paths = self._pod.members()
            node = self._pod.tagged(tag, paths)
        if node is None:
            raise errors.malformed(
                "it accepted the allocation and names no node"
            )
        return typing.cast(str, node.path)

    def _assemble(self, node: resources.Node) -> None:
        """POST to Assemble (335455-002, "ComposedNode.Assemble").

        204 says that it began, so the caller looks at the state. So it does
        after a 409 for a node that turns out to be under way.
        """
        target = node.target("ComposedNode.Assemble")
        if target is None:
            raise exception.HardwareNotSupported(
                reason=f"node {node.index} does not offer to be assembled"
            )
        try:
            self._connector.post(target, data={})
        except exception.HardwareConflict:
            if self._pod.read(node.path).state not in rsd_nodes.ASSEMBLING:
                raise

    # -- delete --------------------------------------------------------------

    def delete_node(self, index: str, progress: base.Progress) -> None:
        """DELETE and look until it is gone (335455-002, "Composed Node").

        Cost: 1 and a look at each poll, one at least. The pod manager takes
        the pooled devices from the node itself, and erases those with
        EraseOnDetach (intelRSD, NodeDisassembler).

        ComposedNode.ForceDelete (2.5, 613320-001) is not used. It goes on
        after every step of the disassembly that fails, so that a drive may
        come back to the pool with the last tenant's data on it, or a system
        with its power on: that is for an operator to decide, and the error
        tells of it.
        """
        try:
            path = self._pod.path(index)
            progress.step("delete")
            self._connector.delete(path)
        except exception.HardwareNotFound:
            self._pod.forget(index)
            return
        except exception.BackendError as error:
            if error.values.get("http_status") != 500:
                raise
            raise self._with_hint(path, error) from None
        with (
            rsd_nodes.acted(),
            contextlib.suppress(exception.HardwareNotFound),
        ):
            # Also Failed goes away, hence fails=False.
            self._pod.wait(
                path, "deleted", lambda node: False, progress, fails=False
            )
        self._pod.forget(index)

    def _with_hint(
        self, path: str, error: exception.BackendError
    ) -> exception.BackendError:
        """Tell of ForceDelete where the node offers it."""
        try:
            forced = self._pod.read(path).target("ComposedNode.ForceDelete")
        except exception.HardwareError:
            return error
        if forced is None:
            return error
        return exception.BackendError(
            f"{error.detail} An operator may force it with a POST to {forced} "
            "on the pod manager, which skips the steps that fail, such as "
            "erasing drives.",
            **error.values,
        )

    # -- power and boot ------------------------------------------------------

    def reset_node(
        self, index: str, reset_type: str, progress: base.Progress
    ) -> base.HardwareNode:
        """POST to Reset (335455-002, "ComposedNode.Reset") and look.

        Cost: 1 where nothing is to be done, else 2 and a look at each poll.
        Nobody can see an Nmi arrive: it returns after the first look.
        """
        node = self._pod.find(index)
        action = node.action("ComposedNode.Reset")
        target = node.target("ComposedNode.Reset")
        if action is None or target is None:
            raise exception.HardwareNotSupported(
                reason=f"node {index} does not offer to be reset"
            )
        values = resources.allowed(action, "ResetType")
        if reset_type not in (values or self.reset_types):
            raise exception.HardwareNotSupported(
                reason=f"reset '{reset_type}' of node {index}; it takes "
                f"{', '.join(values or sorted(self.reset_types))}"
            )
        wanted = _LEADS_TO.get(reset_type)
        if reset_type == "PushPowerButton":
            wanted = _OPPOSITE.get(node.power_state or "")
        elif (
            wanted is not None
            and node.power_state == wanted
            and reset_type not in _RESTARTS
        ):
            return rsd_nodes.to_hardware_node(node)
        self._connector.post(target, data={"ResetType": reset_type})
        with rsd_nodes.acted():
            return rsd_nodes.to_hardware_node(
                self._pod.wait(
                    node.path,
                    f"powered {wanted}",
                    lambda node: wanted in (None, node.power_state),
                    progress,
                    fails=False,  # a failed node can be switched off
                    state=lambda node: node.power_state,
                )
            )

    def set_boot_source(
        self,
        index: str,
        target: str,
        enabled: str = "Once",
        mode: str | None = None,
    ) -> base.HardwareNode:
        """PATCH the boot override (335455-002, "Composed Node", Boot).

        Cost: 3, a look before and one after. 1.2.1 answers 204 and has no
        BootSourceOverrideMode; later releases answer 200.
        """
        node = self._pod.find(index)
        if mode is not None and node.boot_mode is None:
            if self._pod.root().dialect < (2, 0):
                raise exception.HardwareNotSupported(
                    reason="a boot mode needs release 2.1 of the pod manager"
                )
        override = rsd_nodes.boot_override(node, target, enabled, mode)
        self._connector.patch(node.path, data={"Boot": override})
        with rsd_nodes.acted():
            return rsd_nodes.to_hardware_node(self._pod.read(node.path))
