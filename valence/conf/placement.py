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

"""Options of the mirror into OpenStack Placement."""

from oslo_config import cfg

from valence.conf import keystone

GROUP = "placement"

OPTS: list[cfg.Opt] = [
    cfg.BoolOpt(
        "enabled",
        default=False,
        help="Mirror providers, inventories, traits and allocations into "
        "OpenStack Placement.",
    ),
    cfg.FloatOpt(
        "interval",
        default=120,
        min=0.1,
        help="Seconds between two looks at all that is mirrored, each of "
        "which repairs what differs. What an operation changed is mirrored "
        "when it has ended.",
    ),
    cfg.StrOpt(
        "managed_trait",
        default="CUSTOM_VALENCE_MANAGED",
        regex=r"^CUSTOM_[A-Z0-9_]{1,248}$",
        help="Trait that tells which providers in Placement are kept, and "
        "deleted, by this Valence. Where two Valences share one Placement, "
        "each has a trait of its own.",
    ),
    *keystone.options("placement"),
]
