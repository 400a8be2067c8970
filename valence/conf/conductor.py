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

"""Options of the conductor."""

import socket

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "host",
        default=socket.gethostname(),
        sample_default="localhost",
        help="Name of this conductor; each conductor has its own, and keeps "
        "it over a restart.",
    ),
    cfg.IntOpt(
        "workers",
        default=64,
        min=1,
        help="Operations that one conductor carries out at once. Further "
        "ones stay pending in the database until a worker is free.",
    ),
    cfg.IntOpt(
        "workers_per_pod_manager",
        default=16,
        min=1,
        help="Of these, the most on one pod manager, so that a slow one "
        "cannot take all workers.",
    ),
    cfg.IntOpt(
        "heartbeat_interval",
        default=10,
        min=1,
        help="Seconds between two signs of life of a conductor.",
    ),
    cfg.IntOpt(
        "heartbeat_timeout",
        default=60,
        min=2,
        help="Seconds without a sign of life after which a conductor is "
        "taken for dead and others carry on its operations.",
    ),
    cfg.FloatOpt(
        "rescue_interval",
        default=10,
        min=0.1,
        help="Seconds between two looks for operations that stand pending "
        "or belonged to a dead conductor.",
    ),
    cfg.IntOpt(
        "drain_timeout",
        default=30,
        min=0,
        help="Seconds that a conductor which is told to stop gives its "
        "operations to end; it then hands them on.",
    ),
    cfg.IntOpt(
        "operation_retention_days",
        default=30,
        min=1,
        help="Days that an ended operation is kept.",
    ),
    cfg.IntOpt(
        "max_attempts",
        default=10,
        min=1,
        help="Times that an operation is taken up (after a conductor died "
        "or stopped) before it is given up and the noun is left in error.",
    ),
]
