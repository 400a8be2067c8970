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

"""How a pod manager is chosen for a node."""

from oslo_config import cfg
from oslo_config import types

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        "filters",
        default=[
            "online",
            "maintenance",
            "keys",
            "location",
            "traits",
            "capacity",
            "pools",
            "system",
            "devices",
        ],
        help="What turns pod managers down, in the order in which a refusal "
        "names them: entry points of valence.scheduler.filter. A node that "
        "is composed where a filter was switched off may be refused by the "
        "hardware instead.",
    ),
    cfg.ListOpt(
        "weighers",
        default=["leftovers", "spread"],
        help="What puts those that are left in order, the best first: entry "
        "points of valence.scheduler.weigher. Without any, one is chosen at "
        "random.",
    ),
    cfg.Opt(
        "weigher_multipliers",
        type=types.Dict(value_type=types.Float()),
        default={},
        help="How much a weigher counts against the others, such as "
        "leftovers:2.0,spread:0.5; 1.0 where nothing is said.",
    ),
    cfg.IntOpt(
        "max_tries",
        default=5,
        min=1,
        help="Pod managers that are tried for one node, where hardware "
        "refuses it.",
    ),
]
