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

"""Every option of Valence; one file for each group."""

import sys

from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log

from valence.conf import api
from valence.conf import auth
from valence.conf import conductor
from valence.conf import ironic
from valence.conf import placement
from valence.conf import pod_manager
from valence.conf import scheduler
from valence.conf import secrets
from valence.version import VERSION

CONF = cfg.CONF

#: None is [DEFAULT].
GROUPS: dict[str | None, list[cfg.Opt]] = {
    None: auth.OPTS,
    "api": api.OPTS,
    "conductor": conductor.OPTS,
    ironic.GROUP: ironic.OPTS,
    placement.GROUP: placement.OPTS,
    "pod_manager": pod_manager.OPTS,
    "scheduler": scheduler.OPTS,
    "secrets": secrets.OPTS,
}

for _group, _opts in GROUPS.items():
    CONF.register_opts(_opts, group=_group)
log.register_options(CONF)
# One for each of the threads, by default, of the API.
db_options.set_defaults(CONF, max_pool_size=16)
api.set_defaults()


def setup(argv: list[str] | None = None, name: str | None = None) -> None:
    """Read the command line and the configuration files, and start logging.

    :param argv: arguments without the program; None: those of this process
    :param name: of the program, for its configuration file and usage
    """
    log.set_defaults(
        default_log_levels=[
            *log.get_default_log_levels(),
            # Their INFO lines say nothing to an operator of Valence.
            "alembic=WARNING",
            "sushy=WARNING",
            # Steps note what fails; it would add a traceback to each.
            "taskflow=CRITICAL",
            "automaton=WARNING",
            "cotyledon=WARNING",
            "oslo_service=WARNING",
            # A client that asks for HTML is told so, and is no error.
            "pecan.core=CRITICAL",
        ]
    )
    try:
        CONF(
            sys.argv[1:] if argv is None else argv,
            project="valence",
            prog=name,
            version=VERSION,
        )
        for group, opts in GROUPS.items():
            for opt in opts:
                (CONF[group] if group else CONF)[
                    opt.dest
                ]  # said to be wrong here, or in use
    except (cfg.Error, ValueError) as e:
        # A traceback would tell an operator nothing more.
        sys.exit(f"{name}: {e}")
    log.setup(CONF, "valence")
