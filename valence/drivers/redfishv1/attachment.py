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


"""Giving a pooled device to a node, and taking it back."""

import contextlib
import typing

from valence import exception
from valence.drivers import base
from valence.drivers.redfishv1 import devices as rsd_devices
from valence.drivers.redfishv1 import exchange
from valence.drivers.redfishv1 import nodes as rsd_nodes
from valence.drivers.redfishv1 import pod as rsd_pod
from valence.drivers.redfishv1 import resources

#: What a pod manager answers when it will not; a failure (HTTP 500) is one
#: as well in 2.1 and 2.2.
_REFUSALS = (
    exception.HardwareConflict,
    exception.HardwareBadRequest,
    exception.HardwareNotFound,
    exception.BackendError,
)


class Attachment:
    """Attaches and detaches, in the words of each release."""

    def __init__(self, pod: rsd_pod.Pod, devices: rsd_devices.Devices) -> None:
        self._pod = pod
        self._devices = devices

    def _action(self, node: resources.Node, verb: str) -> exchange.Exchange:
        found = exchange.of(node, verb)
        if found is None:
            raise exception.HardwareNotSupported(
                reason=f"node {node.index} does not offer to "
                f"{verb.lower()} devices"
            )
        return found

    def _since_2_1(self) -> None:
        if self._pod.root().dialect < (2, 0):
            raise exception.HardwareNotSupported(
                reason="devices can be attached and detached from release "
                "2.1 of the pod manager on"
            )

    # -- attach --------------------------------------------------------------

    def attach(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device:
        """See RedfishV1Driver.attach_device."""
        self._since_2_1()
        node = self._pod.find(node_index)
        item = self._devices.read(device_index)
        path = item.path
        if exchange.holds(node, path):
            return self._devices.show(item, node.index)
        action = self._action(node, "Attach")
        info = exchange.info(self._pod.connector, action)
        offered = info.values if info is not None else action.values
        reachable = offered is None or path in node.paths(offered)
        if not reachable:
            self._refuse_taken(path)
            # The pod manager says best why else it is not offered.
        body: dict[str, typing.Any] = {"Resource": {"@odata.id": path}}
        protocol = info.protocol(item.protocol) if info is not None else None
        if protocol is not None:
            body["Protocol"] = protocol
        progress.step("attach")
        self._devices.forget()
        try:
            self._pod.connector.post(action.target, data=body)
        except _REFUSALS as error:
            self._judge(error, node, path, looked=not reachable)
        with rsd_nodes.acted():
            progress.step("wait for the device")
            self._see(node, path, progress, attached=True)
            return self._devices.show(self._devices.read(path), node.index)

    def _judge(
        self,
        refusal: exception.HardwareError,
        node: resources.Node,
        path: str,
        *,
        looked: bool,
    ) -> None:
        """Say what a refusal means; return where it is attached after all.

        2.1 and 2.2 answer 409, or 500 "EntityOperation exception." for a
        drive that the node cannot reach as well as for a switch that fails:
        in the first case the node does not offer the drive. From 2.3 on all
        refusals are 400 (intelRSD, AttachEndpointActionServiceImpl and
        AttachResourceActionService).

        :param looked: whether another node was looked for just before
        :raises: HardwareError
        """
        if not _refused(refusal):
            raise refusal
        node = self._pod.read(node.path)
        if exchange.holds(node, path):
            return
        if not looked:
            self._refuse_taken(path)
        if isinstance(refusal, exception.HardwareNotFound):
            raise exception.HardwareNotFound(noun="device", ident=path)
        if isinstance(refusal, exception.BackendError):
            action = exchange.of(node, "Attach")
            inline = action.values if action is not None else None
            if inline is None or path in node.paths(inline):
                raise refusal
        raise _conflict(refusal)

    def _refuse_taken(self, path: str) -> None:
        """:raises: HardwareConflict where another node has the device"""
        user = self._devices.user(path)
        if user is not None:
            raise exception.HardwareConflict(
                reason=f"device {path} is attached to node {user}"
            )

    # -- detach --------------------------------------------------------------

    def detach(
        self, node_index: str, device_index: str, progress: base.Progress
    ) -> base.Device | None:
        """See RedfishV1Driver.detach_device."""
        self._since_2_1()
        try:
            item = self._devices.read(device_index)
        except exception.HardwareNotFound:
            return None
        path = item.path
        try:
            node = self._pod.find(node_index)
        except exception.HardwareNotFound:
            return self._devices.show(item, self._devices.user(path))
        if not exchange.holds(node, path):
            return self._devices.show(item, self._devices.user(path))
        action = self._action(node, "Detach")
        _warn(item, progress)
        progress.step("detach")
        self._devices.forget()
        try:
            self._pod.connector.post(
                action.target, data={"Resource": {"@odata.id": path}}
            )
        except _REFUSALS as error:
            if not _refused(error):
                raise
            if self._still(node, path):
                failed = isinstance(error, exception.BackendError)
                raise (error if failed else _conflict(error)) from None
        with rsd_nodes.acted():
            progress.step("wait for the device")
            with contextlib.suppress(exception.HardwareNotFound):
                self._see(node, path, progress, attached=False)
            try:
                return self._devices.show(self._devices.read(path), None)
            except exception.HardwareNotFound:
                return None

    def _still(self, node: resources.Node, path: str) -> bool:
        try:
            return exchange.holds(self._pod.read(node.path), path)
        except exception.HardwareNotFound:
            return False  # gone, and the device with it

    # -- both ----------------------------------------------------------------

    def _see(
        self,
        node: resources.Node,
        path: str,
        progress: base.Progress,
        *,
        attached: bool,
    ) -> None:
        """Look at the node until it has the device, or has it no more."""
        words = ("attached to", "detached from")
        wanted, state = words if attached else reversed(words)
        self._pod.wait(
            node.path,
            f"{wanted} node {node.index}",
            lambda node: exchange.holds(node, path) is attached,
            progress,
            fails=False,  # a failed node gives its devices back, too
            what=f"Device {path}",
            state=lambda node: state,
        )


def _warn(item: rsd_devices.Item, progress: base.Progress) -> None:
    """Say what becomes of the data (335455-002, "Drive", EraseOnDetach)."""
    if item.erase_on_detach is None:
        return
    if item.erase_on_detach:
        text = (
            "is erased as it is detached: what is on it is lost, and it "
            "takes as long as the drive needs for that."
        )
    else:
        text = (
            "is not erased as it is detached: what is on it can be read by "
            "whoever is given it next. An operator can set EraseOnDetach of "
            "the drive on the pod manager."
        )
    # What is warned of is read by whoever has the node: no URI.
    progress.warn(f"Device {item.name or item.kind or 'unknown'} {text}")


def _refused(error: exception.HardwareError) -> bool:
    """Whether it is an answer to what was asked; 503 and the like are not."""
    return (
        not isinstance(error, exception.BackendError)
        or error.values.get("http_status") == 500
    )


def _conflict(refusal: exception.HardwareError) -> exception.HardwareError:
    """A refusal of any release as the conflict that it is."""
    if isinstance(refusal, exception.HardwareNotFound):
        return exception.HardwareConflict(
            reason="it does not find the device any more"
        )
    return exception.HardwareConflict(reason=refusal.values["reason"])
