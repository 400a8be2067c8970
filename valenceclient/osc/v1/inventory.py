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

"""composition resource provider inventory, and what is used of it"""

import argparse
import typing

from valenceclient.osc import base
from valenceclient.osc import texts

NOUN = "resource provider"


def _listed(found: base.Document) -> base.Rows:
    inventories = [
        {"resource_class": name, **fields}
        for name, fields in found["inventories"].items()
    ]
    columns = (
        "resource_class",
        "total",
        "reserved",
        "min_unit",
        "max_unit",
        "step_size",
        "allocation_ratio",
    )
    return base.rows(inventories, columns)


class ListInventory(base.Named, base.Lister):
    """List what a resource provider has, by class"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        providers = self.client.resource_providers
        return _listed(providers.inventories(parsed_args.ident))


class SetInventory(base.Named, base.Lister):
    """Say all that a pool has; what is not named goes"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--resource",
            metavar="<class>[:<field>]=<value>",
            action="append",
            default=[],
            type=_resource,
            help="How much of a class it has, or what else holds for the "
            "class: reserved, min_unit, max_unit, step_size or "
            "allocation_ratio; repeat for more",
        )
        parser.add_argument(
            "--amend",
            action="store_true",
            help="Leave what is not named as it is",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        wanted: dict[str, dict[str, typing.Any]] = {}
        for name, field, value in parsed_args.resource:
            wanted.setdefault(name, {})[field] = value
        return _listed(
            self.client.resource_providers.set_inventories(
                parsed_args.ident, wanted, amend=parsed_args.amend
            )
        )


def _resource(text: str) -> tuple[str, str, float]:
    key, value = texts.pair(text)
    name, _, field = key.partition(":")
    number = float(value) if field == "allocation_ratio" else int(value)
    return name, field or "total", number


class ShowUsage(base.Named, base.ShowOne):
    """Show how much of what a resource provider has is used, by class"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        found = self.client.resource_providers.usages(parsed_args.ident)
        return base.row(found["usages"])
