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

"""Making and upgrading the schema, with alembic."""

import pathlib

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import alembic.util
import os_resource_classes

from valence.db import accounts
from valence.db import engine

_HERE = pathlib.Path(__file__).parent


class Unknown(Exception):
    """A revision that this release does not have; its text says so."""


def _config() -> alembic.config.Config:
    config = alembic.config.Config(_HERE / "alembic.ini")
    config.set_main_option("script_location", str(_HERE / "alembic"))
    return config


def upgrade(revision: str = "head") -> None:
    """Bring the schema to a revision; data stays. May be run again.

    :raises: Unknown where the database, or who asks, names a revision that
        is none of this release's
    """
    _check_known(current())
    with engine.writer_engine().connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        try:
            alembic.command.upgrade(config, revision)
        except alembic.util.CommandError:
            raise Unknown(
                f"There is no way up to the revision '{revision}'; see: "
                "valence-dbsync history"
            ) from None
    if current() == head():
        with engine.writing() as connection:
            # Those that a release of OpenStack's list has brought.
            accounts.ensure_classes(connection, os_resource_classes.STANDARDS)


def current() -> str | None:
    """The revision that the database is at; None: it is empty."""
    with engine.reading() as connection:
        return alembic.migration.MigrationContext.configure(
            connection
        ).get_current_revision()


def problem() -> str | None:
    """What keeps this release from using the database, if anything does."""
    found = current()
    if found == head():
        return None
    try:
        _check_known(found)
    except Unknown as e:
        return str(e)
    return (
        f"The database schema is at {found or 'nothing'}; this release needs "
        f"{head()}. Run: valence-dbsync upgrade"
    )


def _check_known(found: str | None) -> None:
    if found is not None and found not in dict(history()):
        raise Unknown(
            f"The database schema is at {found}, which this release does not "
            "know: a newer one has made it. Nothing was changed. Run that "
            "release, or restore the backup that was made before its upgrade."
        )


def head() -> str | None:
    """The revision that this code needs."""
    return alembic.script.ScriptDirectory.from_config(
        _config()
    ).get_current_head()


def history() -> list[tuple[str, str]]:
    """All revisions with what they do, oldest first."""
    script = alembic.script.ScriptDirectory.from_config(_config())
    return [(s.revision, s.doc) for s in script.walk_revisions()][::-1]


def generate(message: str) -> None:
    """Write a new revision that makes the database like the models."""
    with engine.writer_engine().connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        alembic.command.revision(config, message=message, autogenerate=True)
