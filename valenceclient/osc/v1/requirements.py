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

"""The options that say what a node has to have."""

import argparse
import typing

from valenceclient.osc import base
from valenceclient.osc import texts

Properties = dict[str, typing.Any]

#: Option → where it stands in the properties.
_SIMPLE = {
    "memory": ("memory", "capacity_mib"),
    "memory_type": ("memory", "type"),
    "cores": ("processor", "total_cores"),
    "processor": ("processor", "model"),
    "rack": ("placement", "rack"),
    "location": ("placement", "location"),
    "same_rack": ("placement", "same_rack"),
    "same_pool": ("placement", "same_pool"),
    "trait": ("traits", "required"),
    "forbidden_trait": ("traits", "forbidden"),
}


def add(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "requirements", "what a node has to have at least"
    )
    group.add_argument(
        "--memory", metavar="<MiB>", type=base.positive, help="Memory"
    )
    group.add_argument(
        "--memory-type", metavar="<type>", help="Kind of memory, such as DDR4"
    )
    group.add_argument(
        "--cores",
        metavar="<number>",
        type=base.positive,
        help="Processor cores, of all sockets",
    )
    group.add_argument(
        "--processor", metavar="<model>", help="Model of the processor"
    )
    group.add_argument(
        "--device",
        metavar="<type>|type=<type>[,count=<n>][,vendor=<v>][,model=<m>]"
        "[,capacity_gib=<n>]",
        action="append",
        type=_device,
        help="A pooled device, such as GPU; repeat for more",
    )
    group.add_argument(
        "--remote-storage",
        metavar="capacity_gib=<n>[,protocol=<p>][,iscsi_address=<iqn>]",
        type=texts.pairs,
        help="A volume of remote storage",
    )
    group.add_argument("--rack", metavar="<rack>", help="Rack to compose in")
    group.add_argument(
        "--location",
        metavar="<location>",
        help="Location of the pod manager",
    )
    group.add_argument(
        "--same-rack",
        action="store_true",
        default=None,
        help="Devices stand in the rack of the node",
    )
    group.add_argument(
        "--same-pool",
        action="store_true",
        default=None,
        help="All devices stand in one pool",
    )
    group.add_argument(
        "--trait",
        metavar="<trait>",
        action="append",
        help="Trait that the pod manager has; repeat for more",
    )
    group.add_argument(
        "--forbidden-trait",
        metavar="<trait>",
        action="append",
        help="Trait that the pod manager does not have; repeat for more",
    )
    group.add_argument(
        "--resource",
        metavar="<class>=<amount>",
        action="append",
        type=texts.pair,
        help="What is taken from pools that operators keep; repeat for more",
    )
    group.add_argument(
        "--properties",
        metavar="<JSON>",
        type=texts.json_object,
        help="All of this as JSON, or @<file>; the options above go before",
    )


def read(parsed_args: argparse.Namespace) -> Properties:
    """The properties that the options ask for; empty where none does."""
    found: Properties = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in (parsed_args.properties or {}).items()
    }
    for name, (group, key) in _SIMPLE.items():
        value = getattr(parsed_args, name)
        if value is not None:
            found.setdefault(group, {})[key] = value
    if parsed_args.device:
        found["pci_device"] = {"devices": parsed_args.device}
    if parsed_args.remote_storage:
        found["remote_storage"] = parsed_args.remote_storage
    if parsed_args.resource:
        found["resources"] = dict(parsed_args.resource)
    return found


def _device(text: str) -> dict[str, str]:
    return texts.pairs(text) if "=" in text else {"type": text}
