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

"""What has to hold before a service starts.

A service that fails after the fork would be started again for ever; so
whatever can be known to be wrong is said before, once, with what to do.
"""

import contextlib
import sys
import typing

from oslo_config import cfg
from oslo_db import exception as db_exc

from valence import exception
from valence import placement
from valence.db import engine
from valence.db import migration
from valence.db import secrets
from valence.scheduler import select

CONF = cfg.CONF


def database_is_current() -> None:
    """Exit with a reason unless the schema is that of this code."""
    if not CONF.database.connection:
        sys.exit("No database is configured: set [database]connection.")
    with _database_answers():
        problem = migration.problem()
    if problem is not None:
        sys.exit(problem)
    # The children of the fork make connections of their own.
    engine.dispose()


def upgrade_database() -> None:
    """Bring the schema up to date, or exit with a reason."""
    with _database_answers():
        try:
            migration.upgrade()
        except migration.Unknown as e:
            sys.exit(str(e))


@contextlib.contextmanager
def _database_answers() -> typing.Iterator[None]:
    try:
        yield
    except (db_exc.DBError, *engine.UNREACHABLE) as e:
        sys.exit(engine.unreachable(e))


def secrets_can_be_read() -> None:
    """Exit with a reason where keys are missing."""
    try:
        secrets.check()
    except exception.KeysUnusable as e:
        sys.exit(str(e))
    engine.dispose()


def placement_is_named() -> None:
    """Exit with a reason where nobody can say how Placement is reached.

    Whether it answers is another matter: nothing waits for it.
    """
    if CONF.placement.enabled:
        try:
            placement.Client()
        except placement.Misconfigured as e:
            sys.exit(f"[placement] is enabled, but cannot be used: {e}")


def scheduler_is_complete() -> None:
    """Exit with a reason where a filter or a weigher cannot be had."""
    try:
        select.check()
    except select.PluginError as e:
        sys.exit(f"{e} See [scheduler]filters and [scheduler]weighers.")
