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

"""composition operation"""

import argparse
import typing

from valenceclient.osc import base

if typing.TYPE_CHECKING:
    from valenceclient import http

NOUN = "operation"
#: Column → percent.
QUANTILES = {"p50": 50, "p90": 90, "p99": 99}


class ListOperation(base.List):
    """List operations: what was asked for, and how it went"""

    collection = "operations"
    columns = ("uuid", "kind", "target_name", "state", "progress")
    long = (
        "podm_id",
        "created_at",
        "started_at",
        "ended_at",
        "conductor",
        "last_error",
    )
    filters = (
        "kind",
        "state",
        "target_type",
        "target_id",
        "podm_id",
        "project_id",
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--node",
            metavar="<node>",
            help="Only those on this node (name or uuid)",
        )
        return parser

    def query(self, parsed_args: argparse.Namespace) -> dict[str, typing.Any]:
        query = super().query(parsed_args)
        if parsed_args.node is not None:
            query["target_type"] = "node"
            query["target_id"] = self.client.nodes.uuid_of(parsed_args.node)
        return query


class ShowOperation(base.Show):
    """Show an operation: its steps, and why it failed if it did"""

    collection = "operations"
    noun = NOUN


class ListOperationStats(base.Lister):
    """Show how long operations of each kind take

    In seconds: p90 is what 90 percent of them took at the most.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--kind",
            metavar="<kind>",
            help="Only those of this kind, such as compose",
        )
        parser.add_argument(
            "--state",
            metavar="<state>",
            help="Only those that ended so: succeeded, failed or cancelled",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        found = self.client.operations.stats(
            kind=parsed_args.kind, state=parsed_args.state
        )
        columns = ("kind", "state", "count", "mean", *QUANTILES)
        return base.rows(map(summary, found), columns)


def summary(stats: "http.Document") -> "http.Document":
    """Say the same in a few numbers of seconds, too.

    Only the bucket of a quantile is known, and told by its upper bound.
    """
    count, buckets = stats["count"], stats["buckets"]

    def bound(percent: int) -> int | str:
        for bucket in buckets[:-1]:
            if bucket["count"] * 100 >= percent * count:
                return typing.cast(int, bucket["up_to"])
        return f"> {buckets[-2]['up_to']}"

    quantiles = {name: bound(percent) for name, percent in QUANTILES.items()}
    stats.update(mean=round(stats["seconds"] / count, 1), **quantiles)
    return stats


class WaitOperation(base.Named):
    """Follow an operation until it has ended, step by step"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--wait-timeout",
            metavar="<seconds>",
            type=base.positive,
            help="Follow no longer than this; the operation goes on",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.wait(parsed_args.ident)


class CancelOperation(base.Each):
    """Have operations stop, and give back what they took"""

    noun = NOUN
    waits = False

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        return self.client.operations.cancel(ident)
