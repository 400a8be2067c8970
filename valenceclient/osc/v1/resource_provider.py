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

"""composition resource provider"""

import argparse
import typing

from valenceclient.osc import base
from valenceclient.osc import texts

NOUN = "resource provider"
COLLECTION = "resource_providers"


class CreateResourceProvider(base.ShowOne):
    """Make a pool; pod managers and nodes are providers by themselves"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the pool")
        parser.add_argument(
            "--uuid", metavar="<uuid>", help="UUID of what it stands for"
        )
        parser.add_argument(
            "--pod-manager",
            metavar="<pod-manager>",
            dest="podm_id",
            help="Pod manager (name or uuid) whose nodes it serves; the nodes "
            "of all otherwise",
        )
        base.add_description(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        fields = ("name", "uuid", "podm_id", "description")
        created = self.client.resource_providers.create(
            **base.given(parsed_args, fields)
        )
        return base.row(created)


class ListResourceProvider(base.List):
    """List resource providers: who has something to give"""

    collection = COLLECTION
    columns = ("uuid", "name", "kind", "podm_id", "generation")
    long = ("description", "created_at")
    filters = ("name", "kind", "podm_id")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--resource",
            metavar="<class>=<amount>",
            action="append",
            type=texts.pair,
            help="Only those that can give so much; repeat for more",
        )
        parser.add_argument(
            "--required",
            metavar="<trait>",
            action="append",
            help="Only those with this trait, or, with ! before it, without; "
            "repeat for more",
        )
        return parser

    def query(self, parsed_args: argparse.Namespace) -> dict[str, typing.Any]:
        query = super().query(parsed_args)
        if parsed_args.resource:
            query["resources"] = ",".join(
                f"{name}:{amount}" for name, amount in parsed_args.resource
            )
        if parsed_args.required:
            query["required"] = ",".join(parsed_args.required)
        return query


class ShowResourceProvider(base.Show):
    """Show a resource provider"""

    collection = COLLECTION
    noun = NOUN


class SetResourceProvider(base.Set):
    """Change what a pool is called"""

    collection = COLLECTION
    noun = NOUN
    fields = ("name", "description")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="New name")
        base.add_description(parser)
        return parser


class UnsetResourceProvider(base.Unset):
    """Empty fields of a pool"""

    collection = COLLECTION
    noun = NOUN
    fields = ("description",)


class DeleteResourceProvider(base.Delete):
    """Delete pools; refused while a node holds something of one"""

    collection = COLLECTION
    noun = NOUN


class ListTrait(base.Named, base.Lister):
    """List the traits of a resource provider"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        return _listed(
            self.client.resource_providers.traits(parsed_args.ident)
        )


class SetTrait(base.Named, base.Lister):
    """Replace the traits of a pool or a pod manager"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "trait",
            metavar="<trait>",
            nargs="*",
            help="Trait, such as CUSTOM_QUIET; without any, all go",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        return _listed(
            self.client.resource_providers.set_traits(
                parsed_args.ident, parsed_args.trait
            )
        )


def _listed(found: base.Document) -> base.Rows:
    return base.rows(({"trait": name} for name in found["traits"]), ("trait",))
