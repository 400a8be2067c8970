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

"""pod manager"""

import argparse
import getpass
import sys
import typing

from valenceclient.osc import base
from valenceclient.osc import explain
from valenceclient.osc import texts

if typing.TYPE_CHECKING:
    from valenceclient import http

NOUN = "pod manager"
COLLECTION = "pod_managers"


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--driver", metavar="<driver>", help="Driver that speaks its protocol"
    )
    parser.add_argument(
        "--authentication-type",
        choices=("basic", "session"),
        help="How to log in: by HTTP Basic authentication, the default, or "
        "by a session of Redfish",
    )
    parser.add_argument(
        "--username", metavar="<username>", help="User to log in as"
    )
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument(
        "--password",
        metavar="<password>",
        help="Password of the user; others on this machine may see it: the "
        "next two are safer",
    )
    secret.add_argument(
        "--password-prompt", action="store_true", help="Ask for the password"
    )
    secret.add_argument(
        "--password-file",
        metavar="<file>",
        type=texts.content,
        help="Read the password from this file; - is the standard input",
    )
    parser.add_argument(
        "--verify-ca",
        action=argparse.BooleanOptionalAction,
        help="Whether its TLS certificate has to be trusted; it has, by "
        "default",
    )
    parser.add_argument(
        "--ca-certificate",
        metavar="<file>",
        type=texts.content,
        help="PEM certificates to trust in place of the system's",
    )
    base.add_description(parser)
    parser.add_argument(
        "--location", metavar="<location>", help="Where it stands"
    )
    parser.add_argument(
        "--maintenance",
        action=argparse.BooleanOptionalAction,
        help="Compose no new nodes on it",
    )


_FIELDS = (
    "driver",
    "verify_ca",
    "ca_certificate",
    "description",
    "location",
    "maintenance",
)


def _password(parsed_args: argparse.Namespace) -> str | None:
    if parsed_args.password_file is not None:
        return str(parsed_args.password_file).rstrip("\r\n")
    if parsed_args.password_prompt:
        if not sys.stdin.isatty():
            raise explain.Failed("There is nobody to ask for the password.")
        return getpass.getpass("Password of the pod manager: ")
    return typing.cast(str | None, parsed_args.password)


def _authentication(
    parsed_args: argparse.Namespace, password: str
) -> list[dict[str, typing.Any]]:
    items = {"username": parsed_args.username, "password": password}
    kind = parsed_args.authentication_type or "basic"
    return [{"type": kind, "auth_items": items}]


class CreatePodManager(base.ShowOne):
    """Register a pod manager; it is connected to, and its inventory read"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Unique name")
        parser.add_argument(
            "--url",
            metavar="<url>",
            required=True,
            help="http or https URL of its REST API",
        )
        _add_fields(parser)
        base.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Row:
        values = {
            "name": parsed_args.name,
            "url": parsed_args.url,
            **base.given(parsed_args, _FIELDS),
        }
        if parsed_args.username is not None:
            password = _password(parsed_args)
            if password is None:
                raise explain.Failed(
                    "--username needs one of --password, --password-prompt "
                    "and --password-file."
                )
            values["authentication"] = _authentication(parsed_args, password)
        created = self.client.pod_managers.create(**values)
        return self.outcome(created, COLLECTION, parsed_args)


class ListPodManager(base.List):
    """List pod managers"""

    collection = COLLECTION
    columns = ("uuid", "name", "driver", "status", "maintenance")
    long = ("url", "location", "status_reason", "synced_at", "usage")
    filters = ("name", "driver", "status", "maintenance")


class ShowPodManager(base.Show):
    """Show a pod manager, and how much of it is used"""

    collection = COLLECTION
    noun = NOUN


class SetPodManager(base.Set):
    """Change a pod manager"""

    collection = COLLECTION
    noun = NOUN
    waits = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument(
            "--url", metavar="<url>", help="http or https URL of its REST API"
        )
        _add_fields(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace) -> dict[str, object]:
        changes = base.given(parsed_args, ("name", "url", *_FIELDS))
        password = _password(parsed_args)
        if parsed_args.username is not None and password is not None:
            changes["authentication"] = _authentication(parsed_args, password)
            return changes
        # What is not named stays.
        for path, value in (
            ("type", parsed_args.authentication_type),
            ("auth_items/username", parsed_args.username),
            ("auth_items/password", password),
        ):
            if value is not None:
                changes[f"authentication/0/{path}"] = value
        return changes


class UnsetPodManager(base.Unset):
    """Empty fields of a pod manager"""

    collection = COLLECTION
    noun = NOUN
    fields = ("ca_certificate", "description", "location")


class DeletePodManager(base.Delete):
    """Forget pod managers; refused while nodes live on one"""

    collection = COLLECTION
    noun = NOUN


class SyncPodManager(base.Each):
    """Read the inventory of pod managers again, now"""

    noun = NOUN

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        return self.client.pod_managers.sync(ident)


class AuditPodManager(base.Named, base.Lister):
    """Show what a pod manager holds, whose it is, and what is odd about it

    As of its last sync. What belongs to others is left alone.
    """

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--all",
            action="store_true",
            help="Show all nodes and devices, not the odd ones alone",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Rows:
        found = self.client.pod_managers.audit(parsed_args.ident)
        shown = [
            {
                "kind": kind.removesuffix("s"),
                # A node has an index, a device a uuid and a type.
                "ident": item.get("uuid") or item["index"],
                "name": item.get("name") or item.get("type"),
                "state": item["state"],
                "owner": item["owner"],
                "finding": item["finding"],
            }
            for kind in ("nodes", "devices")
            for item in found[kind]
            if parsed_args.all or item["finding"]
        ]
        columns = ("kind", "ident", "name", "state", "owner", "finding")
        return base.rows(shown, columns)
