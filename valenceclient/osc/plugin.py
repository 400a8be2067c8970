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

"""What ``openstack`` asks of a plug-in.

It is imported whenever ``openstack`` starts, whatever is run: nothing that
takes time to import stands above a function.
"""

import argparse
import os
import re
import typing

if typing.TYPE_CHECKING:
    from valenceclient import client

API_NAME = "composition"
API_VERSION_OPTION = "os_composition_api_version"
#: The newest that both sides know.
DEFAULT_API_VERSION = "1"
API_VERSIONS = ("1",)


def check_api_version(version: str) -> bool:
    """Whether a version may be asked for; the service knows its minors."""
    return re.fullmatch(r"1(\.[0-9]+)?", version) is not None


def make_client(instance: typing.Any) -> "client.Client":
    """The client that commands use as ``client_manager.composition``."""
    from valenceclient import client

    version = instance._api_version[API_NAME]
    return client.Client(
        instance.session,
        microversion=version if "." in version else None,
        region_name=instance.region_name,
        interface=instance.interface,
        endpoint_override=instance.get_endpoint_for_service_type(
            API_NAME,
            region_name=instance.region_name,
            interface=instance.interface,
        ),
    )


def build_option_parser(
    parser: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    parser.add_argument(
        "--os-composition-api-version",
        metavar="<composition-api-version>",
        default=os.environ.get("OS_COMPOSITION_API_VERSION")
        or DEFAULT_API_VERSION,
        help="Version of the composition API, 1 or 1.N; 1, the default, is "
        "the newest that both sides know (Env: OS_COMPOSITION_API_VERSION)",
    )
    return parser
