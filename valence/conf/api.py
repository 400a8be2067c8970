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

"""Options of the REST API."""

from oslo_config import cfg
from oslo_middleware import basic_auth
from oslo_middleware import cors
from oslo_middleware.healthcheck import opts as healthcheck_opts

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        "host",
        default="127.0.0.1",
        help="Address that valence-api and valence-standalone listen on. "
        "Not used under an external WSGI server.",
    ),
    cfg.PortOpt(
        "port",
        default=8181,
        help="Port that valence-api and valence-standalone listen on.",
    ),
    cfg.BoolOpt(
        "allow_remote_noauth",
        default=False,
        help="Where auth_strategy is noauth, serve other machines too, and "
        "listen on any address: everybody who reaches it is the "
        "administrator.",
    ),
    cfg.IntOpt(
        "threads",
        default=16,
        min=2,
        help="Threads of valence-api and valence-standalone that serve "
        "requests.",
    ),
    cfg.IntOpt(
        "workers",
        default=1,
        min=1,
        help="Processes of valence-api. valence-standalone is always one.",
    ),
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=1,
        help="The most rows in one answer, and the number where a request "
        "names no limit.",
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1024,
        help="The largest request body, in bytes; a larger one is refused "
        "with 413.",
    ),
    cfg.IntOpt(
        "max_wait",
        default=60,
        min=0,
        help="The longest time, in seconds, that a request with 'Prefer: "
        "wait' is held.",
    ),
    cfg.IntOpt(
        "max_waiting",
        default=8,
        min=0,
        help="Requests with 'Prefer: wait' that one process holds at once; "
        "others are answered with 202 as if they had not asked. Keep it "
        "below the number of threads that serve requests.",
    ),
    cfg.StrOpt(
        "object_backend",
        default="database",
        choices=[
            ("database", "the API process reads and writes the database"),
            (
                "conductor",
                "the API process holds no database credentials; conductors "
                "read and write for it, over the message bus",
            ),
        ],
        help="Where the API process keeps its objects.",
    ),
]


def set_defaults() -> None:
    """Defaults of ours for options of the libraries."""
    cfg.CONF.register_opts(cors.OPTS, group="cors")
    cfg.set_defaults(
        basic_auth.OPTS, http_basic_auth_user_file="/etc/valence/htpasswd"
    )
    cfg.set_defaults(
        healthcheck_opts.HEALTHCHECK_OPTS,
        backends=["valence_database", "valence_messaging"],
    )
    cors.set_defaults(
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Content-Type",
            "Idempotency-Key",
            "OpenStack-API-Version",
            "Prefer",
            "X-Auth-Token",
            "X-OpenStack-Request-ID",
        ],
        expose_headers=[
            "Link",
            "Location",
            "OpenStack-API-Version",
            "Preference-Applied",
            "X-OpenStack-Request-ID",
        ],
    )
