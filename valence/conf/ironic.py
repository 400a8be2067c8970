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

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "ironic"

#: What of keystoneauth's options of a service is heeded.
_ADAPTER = (
    "service_type",
    "valid_interfaces",
    "region_name",
    "endpoint_override",
    "connect_retries",
    "connect_retry_delay",
    "status_code_retries",
    "status_code_retry_delay",
)

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
    *loading.get_session_conf_options(),
    *(
        opt
        for opt in loading.get_adapter_conf_options(include_deprecated=False)
        if opt.dest in _ADAPTER
    ),
    *loading.get_auth_common_conf_options(),
]

cfg.set_defaults(
    OPTS,
    timeout=30,
    service_type="baremetal",
    valid_interfaces=["internal", "public"],
    connect_retries=3,
    connect_retry_delay=2.0,
    status_code_retries=30,
    status_code_retry_delay=2.0,
)

#: Ways to log in that are shown in the sample of the configuration.
_SHOWN = ("none", "http_basic", "password", "v3applicationcredential")


def samples() -> list[cfg.Opt]:
    """All options, with those of the usual ways to log in."""
    shown = {opt.dest: opt for opt in OPTS}
    for name in _SHOWN:
        for opt in loading.get_auth_plugin_conf_options(name):
            shown.setdefault(opt.dest, opt)
    return list(shown.values())
