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

"""Options of the connections to pod managers."""

import ipaddress

from oslo_config import cfg
from oslo_config import types


class _Network(types.ConfigType):
    """Such as 192.0.2.0/24."""

    def __init__(self) -> None:
        super().__init__(type_name="network")

    def __call__(
        self, value: object
    ) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        return ipaddress.ip_network(str(value))

    def _formatter(self, value: object) -> str:
        return str(value)


OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        "timeout",
        default=30,
        min=0.1,
        help="Seconds that one HTTP call to a pod manager may take.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=1,
        min=0.01,
        help="Seconds between two looks at a state that is awaited.",
    ),
    cfg.FloatOpt(
        "state_timeout",
        default=600,
        min=0.1,
        help="Seconds that a pod manager may take to change the state of a "
        "node (to allocate, assemble, power or free it).",
    ),
    cfg.FloatOpt(
        "settle_time",
        default=30,
        min=0,
        help="Seconds to go on looking for a node whose request got no "
        "answer, before it is taken for not made.",
    ),
    cfg.IntOpt(
        "sync_interval",
        default=600,
        min=0,
        help="Seconds between two looks at the whole inventory of a pod "
        "manager. One that fails is tried again sooner and then ever more "
        "seldom. 0: only when asked for.",
    ),
    cfg.ListOpt(
        "allowed_networks",
        default=[],
        item_type=_Network(),
        sample_default=["192.0.2.0/24", "2001:db8::/32"],
        help="Networks that pod managers may be in; where none is given they "
        "may be anywhere. The url of a pod manager is refused where its host "
        "has no address in them, and nothing is connected to outside of them, "
        "whatever the host's name stands for by then.",
    ),
]
