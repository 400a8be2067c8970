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


"""``valence.wsgi.api:application``, for uWSGI and other WSGI servers.

The server's own arguments are not ours: options come from configuration
files, found as oslo.config finds them or named by ``VALENCE_CONFIG_FILE``.

Importing this makes the application: uWSGI looks for it in the module's
dictionary, and asks no ``__getattr__``.
"""

import os
import sys
import typing

from oslo_db import exception as db_exc
from oslo_log import log

from valence import conf
from valence import exception
from valence import keys
from valence.api import auth
from valence.db import engine
from valence.db import secrets
from valence.wsgi import wiring

LOG = log.getLogger(__name__)


def _setup() -> typing.Any:
    named = os.environ.get("VALENCE_CONFIG_FILE", "")
    arguments = [
        word
        for path in named.split(":")
        if path
        for word in ("--config-file", path)
    ]
    conf.setup(arguments, name="valence-api")
    if (problem := auth.problem()) is not None:
        sys.exit(problem)
    if conf.CONF.api.object_backend == "database":
        _check_secrets()
    return wiring.wire()


def _check_secrets() -> None:
    try:
        keys.current()
        if conf.CONF.database.connection:
            secrets.check()
    except exception.KeysUnusable as e:
        sys.exit(str(e))
    except db_exc.DBError as e:
        # It may come; each request tells that it is away.
        LOG.warning("The database does not answer (%s).", type(e).__name__)
    # The children of a fork make connections of their own.
    engine.dispose()


application = _setup()
