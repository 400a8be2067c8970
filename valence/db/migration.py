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
import os_resource_classes

from valence.db import accounts
from valence.db import engine

_HERE = pathlib.Path(__file__).parent


def _config() -> alembic.config.Config:
    config = alembic.config.Config(_HERE / "alembic.ini")
    config.set_main_option("script_location", str(_HERE / "alembic"))
    return config


def upgrade(revision: str = "head") -> None:
    """Bring the schema to a revision; data stays. May be run again."""
    with engine.writer_engine().connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
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
