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

"""pooled device"""

import argparse
import typing

from valenceclient import exceptions
from valenceclient.osc import base
from valenceclient.osc import explain

if typing.TYPE_CHECKING:
    from valenceclient import http


class ListDevice(base.List):
    """List pooled devices: what can be attached to nodes"""

    collection = "devices"
    columns = ("uuid", "type", "name", "state", "node_uuid", "health")
    long = (
        "podm_id",
        "rack_id",
        "pooled_group_id",
        "node_id",
        "vendor",
        "model",
        "capacity_gib",
        "power_state",
        "resource_uri",
    )
    filters = (
        "type",
        "state",
        "podm_id",
        "node_uuid",
        "node_id",
        "pooled_group_id",
        "rack_id",
        "vendor",
        "model",
        "resource_uri",
    )


class ShowDevice(base.Show):
    """Show a pooled device"""

    collection = "devices"
    noun = "device"


class ListDeviceStats(base.Lister):
    """Show how many pooled devices of each kind there are, and are free"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--pod-manager",
            metavar="<pod-manager>",
            help="Only those of this pod manager (name or uuid)",
        )
        parser.add_argument(
            "--type",
            metavar="<type>",
            help="Only those of this type; storage is all kinds of storage",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        podm_id = parsed_args.pod_manager
        if podm_id is not None:
            podm_id = self.client.pod_managers.uuid_of(podm_id)
        found = self.client.devices.stats(
            podm_id=podm_id, type=parsed_args.type
        )
        columns = (
            "pod_manager",
            "resource_class",
            "vendor",
            "model",
            "total",
            "free",
            "allocated",
        )
        return base.rows(found, columns)


class RefreshDevice(base.Lister):
    """Read the devices of one pod manager, or of all, again"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "pod_manager",
            metavar="<pod-manager>",
            nargs="?",
            help="Pod manager (name or uuid); all where none is named",
        )
        base.add_wait(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        return super().run(parsed_args) or int(self._failed)

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        found = self.client.devices.sync(parsed_args.pod_manager)
        if parsed_args.wait:
            for one in found:
                one["status"], one["reason"] = self._outcome(
                    one["operation_id"]
                )
        self._failed = any(one["status"] == "FAILED" for one in found)
        columns = ("name", "status", "reason", "operation_id")
        return base.rows(found, columns)

    def _outcome(self, operation: str) -> tuple[str, str | None]:
        """Status and reason, in the words of the API."""
        try:
            self.wait(operation)
        except exceptions.OperationFailed as e:
            return "FAILED", str(e)
        except exceptions.StillRunning as e:
            return "PENDING", str(e)
        return "SUCCESS", None


class _Move(base.Command):
    """Moves devices, one after the other: a node does one thing at a time."""

    verb: typing.ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "node", metavar="<node>", help="Node (name or uuid)"
        )
        parser.add_argument(
            "device", metavar="<device>", nargs="*", help="Device (uuid)"
        )
        parser.add_argument(
            "--type",
            metavar="<type>",
            help=f"{self.verb.capitalize()} any device of this type",
        )
        parser.add_argument(
            "--count",
            metavar="<number>",
            type=base.positive,
            help="So many of the type; 1 by default",
        )
        base.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        if bool(parsed_args.device) == bool(parsed_args.type):
            raise explain.Failed(
                f"What to {self.verb} is named by uuid, or by --type."
            )
        if parsed_args.count and not parsed_args.type:
            raise explain.Failed("--count needs --type.")
        wanted = parsed_args.device or [None] * (parsed_args.count or 1)
        for number, device in enumerate(wanted):
            try:
                operation = self.move(parsed_args, device).operation
                if operation is None:
                    continue  # it is where it is wanted
                if number < len(wanted) - 1:
                    self.wait(operation)
                else:
                    self.follow(operation, parsed_args)
            except (exceptions.ClientError, explain.Failed) as e:
                if not number:
                    raise
                raise explain.Failed(
                    f"{explain.error(e)}\n{number} of {len(wanted)} were "
                    f"{self.verb}ed before, and stay so."
                ) from e

    def move(
        self, parsed_args: argparse.Namespace, device: str | None
    ) -> "http.Document":
        """Ask for it.

        :param device: its uuid; None: one of the type
        """
        raise NotImplementedError


class AttachDevice(_Move):
    """Attach pooled devices to a node, by uuid or by type"""

    verb = "attach"

    def move(
        self, parsed_args: argparse.Namespace, device: str | None
    ) -> "http.Document":
        nodes = self.client.nodes
        if device is None:
            return nodes.attach_any(parsed_args.node, parsed_args.type)
        return nodes.attach(parsed_args.node, device)


class DetachDevice(_Move):
    """Take pooled devices back from a node, by uuid or by type"""

    verb = "detach"

    def move(
        self, parsed_args: argparse.Namespace, device: str | None
    ) -> "http.Document":
        if device is None:
            device = self._one_of(parsed_args.node, parsed_args.type)
        return self.client.nodes.detach(parsed_args.node, device)

    def _one_of(self, node: str, device_type: str) -> str:
        """A device of a type that a node has."""
        found = self.client.devices.list(
            node_uuid=self.client.nodes.uuid_of(node),
            type=device_type,
            state="allocated",
            fields=["uuid"],
            limit=1,
        )
        for device in found:
            return str(device["uuid"])
        raise explain.Failed(
            f"Node {node} has no device of type {device_type}."
        )
