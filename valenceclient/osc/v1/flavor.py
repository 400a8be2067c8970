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

"""composition flavor"""

import argparse

from valenceclient.osc import base
from valenceclient.osc.v1 import requirements

NOUN = "flavor"
COLLECTION = "flavors"


def _add_fields(parser: argparse.ArgumentParser) -> None:
    base.add_description(parser)
    parser.add_argument(
        "--resource-class",
        metavar="<class>",
        help="Class that Ironic offers its nodes as",
    )
    parser.add_argument(
        "--node-trait",
        metavar="<trait>",
        action="append",
        dest="traits",
        help="Trait that its nodes have in Ironic; repeat for more",
    )
    requirements.add(parser)


_FIELDS = ("description", "resource_class", "traits")


class CreateFlavor(base.ShowOne):
    """Make a flavor: a named set of requirements"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Unique name")
        base.add_project(
            parser,
            "Project that it is for; without, everybody, or who makes it for "
            "the own project alone, that one",
        )
        _add_fields(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        values = base.given(parsed_args, ("project_id", *_FIELDS))
        if "project_id" in values:
            values["project_id"] = self.project(values["project_id"])
        created = self.client.flavors.create(
            name=parsed_args.name,
            properties=requirements.read(parsed_args),
            **values,
        )
        return base.row(created)


class ListFlavor(base.List):
    """List flavors"""

    collection = COLLECTION
    columns = ("uuid", "name", "properties")
    long = (
        "description",
        "project_id",
        "resource_class",
        "traits",
        "created_at",
    )
    filters = ("name", "project_id")


class ShowFlavor(base.Show):
    """Show a flavor"""

    collection = COLLECTION
    noun = NOUN


class SetFlavor(base.Set):
    """Change a flavor; nodes keep what they were composed by"""

    collection = COLLECTION
    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="New name")
        _add_fields(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace) -> dict[str, object]:
        changes = base.given(parsed_args, ("name", *_FIELDS))
        wanted = requirements.read(parsed_args)
        if not wanted:
            return changes
        # Of what a flavor says already, only what is named changes.
        flavor = self.client.flavors.get(parsed_args.ident, ["properties"])
        for group, keys in wanted.items():
            if isinstance(keys, dict) and group in flavor["properties"]:
                for key, value in keys.items():
                    changes[f"properties/{group}/{key}"] = value
            else:
                changes[f"properties/{group}"] = keys
        return changes


class UnsetFlavor(base.Unset):
    """Have a flavor ask for less"""

    collection = COLLECTION
    noun = NOUN
    fields = ("description", "resource_class")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--node-traits", action="store_true", help="Drop all node traits"
        )
        parser.add_argument(
            "--property",
            metavar="<key>[.<key>]",
            action="append",
            default=[],
            help="Requirement that is dropped, such as memory or "
            "placement.rack; repeat for more",
        )
        return parser

    def changes(
        self, parsed_args: argparse.Namespace
    ) -> tuple[dict[str, object], list[str]]:
        values, removed = super().changes(parsed_args)
        if parsed_args.node_traits:
            values["traits"] = []
        removed += [
            f"properties/{name.replace('.', '/', 1)}"
            for name in parsed_args.property
        ]
        return values, removed


class DeleteFlavor(base.Delete):
    """Delete flavors; nodes keep what they were composed by"""

    collection = COLLECTION
    noun = NOUN
