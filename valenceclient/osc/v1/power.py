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

"""composed node: power and boot"""

import argparse
import typing

from valenceclient.osc import base

if typing.TYPE_CHECKING:
    from valenceclient import http

NOUN = "node"


class _Reset(base.Each):
    """Switches nodes."""

    noun = NOUN
    #: Redfish's ResetType
    reset_type: typing.ClassVar[str]
    #: … with an option, and the option with its help.
    other: typing.ClassVar[tuple[str, str, str] | None] = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        if self.other is not None:
            option, _, said = self.other
            parser.add_argument(
                option, dest="other", action="store_true", help=said
            )
        return parser

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        wanted = self.reset_type
        if self.other is not None and parsed_args.other:
            wanted = self.other[1]
        return self.client.nodes.reset(ident, wanted)


class PowerOnNode(_Reset):
    """Switch nodes on"""

    reset_type = "On"
    other = ("--force", "ForceOn", "Even where they do not want to")


class PowerOffNode(_Reset):
    """Switch nodes off, at once"""

    reset_type = "ForceOff"
    other = ("--soft", "GracefulShutdown", "Have the operating system do it")


class RebootNode(_Reset):
    """Start nodes again, at once"""

    reset_type = "ForceRestart"
    other = ("--soft", "GracefulRestart", "Have the operating system do it")


class InjectNmiNode(_Reset):
    """Interrupt nodes, so that their operating system dumps its memory"""

    reset_type = "Nmi"


#: Redfish's BootSource, as the API takes it.
BOOT_DEVICES = (
    "Pxe",
    "Floppy",
    "Cd",
    "Usb",
    "Hdd",
    "BiosSetup",
    "Utilities",
    "Diags",
    "UefiShell",
    "UefiTarget",
    "SDCard",
    "UefiHttp",
    "RemoteDrive",
)


def _boot_device(text: str) -> str:
    known = {name.lower(): name for name in BOOT_DEVICES}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(
            f"one of {', '.join(BOOT_DEVICES)} is wanted, not '{text}'"
        )
    return known[text.lower()]


class SetBootDeviceNode(base.Named):
    """Have a node boot from elsewhere, at its next start"""

    noun = NOUN

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "target",
            metavar="<device>",
            type=_boot_device,
            help=f"One of {', '.join(BOOT_DEVICES)}",
        )
        parser.add_argument(
            "--persistent",
            action="store_true",
            help="At every start from now on",
        )
        parser.add_argument(
            "--mode", choices=("UEFI", "Legacy"), help="Kind of boot"
        )
        base.add_wait(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        asked = self.client.nodes.boot(
            parsed_args.ident,
            parsed_args.target,
            "Continuous" if parsed_args.persistent else "Once",
            parsed_args.mode,
        )
        self.follow(asked.operation, parsed_args)


class UnsetBootDeviceNode(base.Each):
    """Have nodes boot from where they do by themselves"""

    noun = NOUN

    def act(
        self, ident: str, parsed_args: argparse.Namespace
    ) -> "http.Document":
        return self.client.nodes.boot(ident, "None", "Disabled")
