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

"""composition allocation"""

import argparse
import typing

from valenceclient.osc import base
from valenceclient.osc import texts

if typing.TYPE_CHECKING:
    from valenceclient import http

NOUN = "node"


class ShowAllocation(base.Named, base.Lister):
    """Show whose resources a node holds, and how much"""

    noun = NOUN

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        found = self.client.allocations.get(parsed_args.ident)
        shown = [
            {"resource_provider": provider, **held}
            for provider, held in found["allocations"].items()
        ]
        columns = ("resource_provider", "generation", "resources")
        return base.rows(shown, columns)


class SetAllocation(base.Named):
    """Say what a node holds of pools: all of it is given, or nothing"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--allocation",
            metavar="<provider>:<class>=<amount>",
            action="append",
            required=True,
            type=_allocation,
            help="So much of a class of a pool (name or uuid); repeat for "
            "more. What is not named is given back",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        wanted: dict[str, dict[str, int]] = {}
        for provider, name, amount in parsed_args.allocation:
            ident = self.client.resource_providers.uuid_of(provider)
            wanted.setdefault(ident, {})[name] = amount
        self.client.allocations.set(parsed_args.ident, wanted)


def _allocation(text: str) -> tuple[str, str, int]:
    key, amount = texts.pair(text)
    provider, colon, name = key.rpartition(":")
    if not colon:
        raise argparse.ArgumentTypeError(
            f"PROVIDER:CLASS=AMOUNT is wanted, not '{text}'"
        )
    return provider, name, int(amount)


class DeleteAllocation(base.Each):
    """Have nodes give back what they hold of pools"""

    noun = NOUN
    waits = False

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        return self.client.allocations.delete(ident)
