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

"""Networks that an address may have to be in."""

import collections.abc
import ipaddress
import typing

Network: typing.TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_within(
    address: str, networks: collections.abc.Collection[Network]
) -> bool:
    """Whether an address is in one of the networks; True where none is given.

    An IPv4 address that is written as an IPv6 one is what it is.
    """
    if not networks:
        return True
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
