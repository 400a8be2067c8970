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

"""Options of the connection to Ironic, and of what is done there."""

from oslo_config import cfg

from valence.conf import keystone

GROUP = "ironic"

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "target",
        default="enroll",
        choices=[
            ("enroll", "Ironic knows the node"),
            ("manageable", "it has proved that it can drive the node"),
            ("available", "it offers the node to its users"),
        ],
        help="How far a node is brought in Ironic, where the request does "
        "not say.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=2,
        min=0.01,
        help="Seconds between two looks at a state that is awaited.",
    ),
    cfg.FloatOpt(
        "state_timeout",
        default=3600,
        min=0.1,
        help="Seconds that Ironic may take to verify a node, to clean it or "
        "to tear its deployment down. Cleaning may have to erase disks.",
    ),
    cfg.FloatOpt(
        "settle_time",
        default=30,
        min=0,
        help="Seconds to go on looking for a node whose request got no "
        "answer, before it is taken for not made.",
    ),
    cfg.IntOpt(
        "workers",
        default=32,
        min=1,
        help="Operations with a part in Ironic that one conductor carries "
        "out at once. While they are at it they do not count as "
        "[conductor]workers, so that a slow Ironic delays nothing else.",
    ),
    cfg.IntOpt(
        "follow_interval",
        default=60,
        min=0,
        help="Seconds between two looks at what has become of the enrolled "
        "nodes in Ironic. 0: never.",
    ),
    cfg.BoolOpt(
        "release_on_deploy_failure",
        default=False,
        help="Whether a node whose deployment failed is taken out of Ironic "
        "and its hardware given back. Its deployment is torn down first.",
    ),
    *keystone.options(
        "baremetal",
        # Requests to Ironic heed none of these.
        without=(
            "service_name",
            "version",
            "min_version",
            "max_version",
            "retriable_status_codes",
        ),
    ),
]

cfg.set_defaults(
    OPTS,
    connect_retries=3,
    connect_retry_delay=2.0,
    status_code_retries=30,
    status_code_retry_delay=2.0,
)
