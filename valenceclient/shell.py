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

"""The commands without ``openstack``: starts faster, and asks for no cloud.

Without any option it speaks with the service that ``valence-standalone`` is,
on this machine. All that keystoneauth can log in by is there as well.
"""

import argparse
import importlib.metadata
import os
import sys
import typing

from cliff import app
from cliff import commandmanager
from keystoneauth1 import loading

from valenceclient import client
from valenceclient.osc import plugin

#: Where valence-standalone listens.
STANDALONE = "http://127.0.0.1:8181"


class _Clients:
    """What commands find their client by, as in ``openstack``."""

    composition: client.Client


class Shell(app.App):
    NAME = "valence"

    def __init__(self, argv: typing.Sequence[str] = ()) -> None:
        self._argv = list(argv)
        self.client_manager = _Clients()
        super().__init__(
            description="Composable hardware at the command line",
            version=importlib.metadata.version("python-valenceclient"),
            command_manager=commandmanager.CommandManager(
                "openstack.composition.v1"
            ),
            deferred_help=True,
        )

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, typing.Any] | None = None,
    ) -> argparse.ArgumentParser:
        parser = super().build_option_parser(
            description, version, argparse_kwargs
        )
        loading.register_session_argparse_arguments(parser)
        loading.register_auth_argparse_arguments(
            parser, self._argv, default="none"
        )
        for name, said in (
            ("region-name", "Region of the service, in the catalog"),
            ("interface", "Kind of endpoint: public, internal or admin"),
            (
                "endpoint-override",
                "Where the service is; the catalog is not asked",
            ),
        ):
            variable = "OS_" + name.upper().replace("-", "_")
            parser.add_argument(
                f"--os-{name}",
                metavar=f"<{name}>",
                default=os.environ.get(variable),
                help=f"{said} (Env: {variable})",
            )
        return plugin.build_option_parser(parser)

    def configure_logging(self) -> None:
        # cliff's own default would tell of every request.
        self.options.verbose_level -= not self.options.debug
        super().configure_logging()
        self.options.verbose_level += not self.options.debug

    def initialize_app(self, argv: list[str]) -> None:
        options = self.options
        version = options.os_composition_api_version
        if not plugin.check_api_version(version):
            self.parser.error(
                "argument --os-composition-api-version: 1 or 1.N is wanted, "
                f"not '{version}'"
            )
        if options.os_auth_type == "none" and not options.os_endpoint:
            options.os_endpoint = STANDALONE
        session = loading.load_session_from_argparse_arguments(
            options, auth=loading.load_auth_from_argparse_arguments(options)
        )
        self.client_manager.composition = client.Client(
            session,
            microversion=version if "." in version else None,
            region_name=options.os_region_name,
            interface=options.os_interface or "public",
            endpoint_override=options.os_endpoint_override,
        )


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    return Shell(argv).run(argv)
