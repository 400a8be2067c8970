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

"""composed node"""

import argparse
import typing

from valenceclient.osc import base
from valenceclient.osc import explain
from valenceclient.osc import texts
from valenceclient.osc.v1 import requirements

if typing.TYPE_CHECKING:
    from valenceclient import http

NOUN = "node"
COLLECTION = "nodes"


class CreateNode(base.ShowOne):
    """Compose a node, by flavor, by requirements, or of any free system"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "name", metavar="<name>", nargs="?", help="Name of the node"
        )
        parser.add_argument(
            "--flavor",
            metavar="<flavor>",
            dest="flavor_id",
            help="Flavor (name or uuid), instead of requirements",
        )
        parser.add_argument(
            "--pod-manager",
            metavar="<pod-manager>",
            dest="podm_id",
            help="Pod manager (name or uuid); one that can serve is chosen "
            "otherwise",
        )
        base.add_description(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Compose nothing; show which pod manager would be chosen, "
            "and why the others cannot serve",
        )
        base.add_wait(parser)
        requirements.add(parser)
        enroll = parser.add_mutually_exclusive_group()
        enroll.add_argument(
            "--enroll",
            action="store_true",
            help="Enroll it in Ironic once it is composed",
        )
        enroll.add_argument(
            "--enrollment",
            metavar="<JSON>",
            type=texts.json_object,
            help="As --enroll, with what register takes, as JSON or @<file>",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        fields = ("name", "flavor_id", "podm_id", "description")
        asked: dict[str, typing.Any] = base.given(parsed_args, fields)
        properties = requirements.read(parsed_args)
        if properties:
            asked["properties"] = properties
        if parsed_args.enroll or parsed_args.enrollment is not None:
            asked["enroll"] = parsed_args.enrollment or True
        if parsed_args.dry_run:
            return self._shown(self.client.nodes.create(**asked, dry_run=True))
        composed = self.client.nodes.create(**asked)
        return self.outcome(composed, COLLECTION, parsed_args)

    def _shown(self, plan: "http.Document") -> base.Row:
        shown = {
            name: _Plan(value) if isinstance(value, list) else value
            for name, value in plan.items()
        }
        return list(shown), list(shown.values())


class _Plan(explain.Value):
    """The pod managers of a plan, each on a line."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{one.get('pod_manager') or one.get('filter')}: "
            + (
                f"score {one['score']:.3f}"
                if "score" in one
                else one.get("reason") or explain.human(one.get("needed"))
            )
            for one in self._value
        )


class ManageNode(base.ShowOne):
    """Adopt a node that stands composed on a pod manager already"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "podm_id",
            metavar="<pod-manager>",
            help="Pod manager (name or uuid)",
        )
        parser.add_argument(
            "node_index",
            metavar="<index>",
            help="Identifier of the node on the pod manager",
        )
        parser.add_argument(
            "--name", metavar="<name>", help="Name; its index by default"
        )
        base.add_project(parser, "Project that it is for; your own otherwise")
        base.add_description(parser)
        base.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        fields = (
            "podm_id",
            "node_index",
            "name",
            "description",
            "project_id",
        )
        asked = base.given(parsed_args, fields)
        if "project_id" in asked:
            asked["project_id"] = self.project(asked["project_id"])
        adopted = self.client.nodes.manage(**asked)
        return self.outcome(adopted, COLLECTION, parsed_args)


class ListNode(base.List):
    """List composed nodes"""

    collection = COLLECTION
    columns = (
        "uuid",
        "name",
        "provision_state",
        "power_state",
        "memory_mib",
        "managed_by",
    )
    long = (
        "provisioner_state",
        "podm_id",
        "flavor_id",
        "index",
        "processors",
        "composed",
        "project_id",
        "created_at",
        "last_error",
    )
    filters = (
        "name",
        "podm_id",
        "flavor_id",
        "provision_state",
        "managed_by",
        "composed",
        "index",
        "project_id",
    )


class ShowNode(base.Show):
    """Show a composed node"""

    collection = COLLECTION
    noun = NOUN


class SetNode(base.Set):
    """Change what a node is called; its hardware is not touched"""

    collection = COLLECTION
    noun = NOUN
    fields = ("name", "description")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="New name")
        base.add_description(parser)
        return parser


class UnsetNode(base.Unset):
    """Empty fields of a node"""

    collection = COLLECTION
    noun = NOUN
    fields = ("description",)


class DeleteNode(base.Delete):
    """Release nodes: all of their hardware is given back"""

    collection = COLLECTION
    noun = NOUN
    waits = True


class RegisterNode(base.Named, base.ShowOne):
    """Enroll a node in Ironic, which drives it from then on

    What the pod manager knows need not be said. To register it again creates
    what is missing in Ironic, and nothing else.
    """

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--driver", metavar="<driver>", help="Driver of Ironic"
        )
        parser.add_argument(
            "--driver-info",
            metavar="<key>=<value>",
            action="append",
            type=texts.pair,
            help="What the driver has to know; repeat for more",
        )
        parser.add_argument(
            "--driver-info-file",
            metavar="<file>",
            type=lambda path: texts.json_object(f"@{path}"),
            help="The same as JSON: others do not see the passwords in it",
        )
        parser.add_argument(
            "--driver-interface",
            metavar="<kind>=<interface>",
            action="append",
            type=texts.pair,
            help="Interface of Ironic, such as boot=ipxe; repeat for more",
        )
        parser.add_argument(
            "--property",
            metavar="<key>=<value>",
            action="append",
            type=texts.pair,
            help="Property in Ironic; repeat for more",
        )
        parser.add_argument(
            "--resource-class",
            metavar="<class>",
            help="Class that Ironic offers it as",
        )
        parser.add_argument(
            "--trait",
            metavar="<trait>",
            action="append",
            dest="traits",
            help="Trait that it has in Ironic; repeat for more",
        )
        parser.add_argument(
            "--port",
            metavar="<MAC>[,physical_network=<network>]",
            action="append",
            dest="ports",
            type=_port,
            help="Network interface; repeat for more",
        )
        parser.add_argument(
            "--physical-network",
            metavar="<network>",
            help="Network that its interfaces are in",
        )
        parser.add_argument(
            "--target",
            choices=("enroll", "manageable", "available"),
            help="How far Ironic brings it",
        )
        base.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        fields = (
            "driver",
            "resource_class",
            "traits",
            "ports",
            "physical_network",
            "target",
        )
        asked: dict[str, typing.Any] = base.given(parsed_args, fields)
        driver_info = {
            **(parsed_args.driver_info_file or {}),
            **dict(parsed_args.driver_info or ()),
        }
        for name, value in (
            ("driver_info", driver_info),
            ("interfaces", dict(parsed_args.driver_interface or ())),
            ("properties", dict(parsed_args.property or ())),
        ):
            if value:
                asked[name] = value
        enrolled = self.client.nodes.register(parsed_args.ident, **asked)
        return self.outcome(enrolled, COLLECTION, parsed_args)


def _port(text: str) -> dict[str, str]:
    address, comma, more = text.partition(",")
    return {"address": address, **(texts.pairs(more) if comma else {})}


class UnregisterNode(base.Each):
    """Take nodes out of Ironic; they stay composed"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--force",
            action="store_true",
            help="Where there is no Ironic any more",
        )
        return parser

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        return self.client.nodes.unregister(ident, parsed_args.force)


class ListNodeAsset(base.Named, base.Lister):
    """List what a node is made of"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        return _parts(
            {"kind": kind, **item}
            for kind, items in self.assets(parsed_args.ident).items()
            for item in items
        )

    def assets(self, ident: str) -> dict[str, list[dict[str, typing.Any]]]:
        return self.client.nodes.assets(ident)


class ListNodeStorage(base.Named, base.Lister):
    """List the drives of a node, local and remote"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        return _parts(self.client.nodes.storages(parsed_args.ident))


def _parts(items: typing.Iterable[dict[str, typing.Any]]) -> base.Rows:
    """Things of several kinds: what they share, and the rest of each."""
    columns = ("kind", "name", "health", "details")
    apart = (*columns, "resource_uri")
    return base.rows(
        (
            {
                **item,
                "details": {k: v for k, v in item.items() if k not in apart},
            }
            for item in items
        ),
        columns,
    )
