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

"""valence-dbsync: makes and upgrades the database schema."""

import sys
import typing

from oslo_config import cfg

from valence import conf
from valence import exception
from valence.db import engine
from valence.db import migration
from valence.db import secrets

CONF = cfg.CONF


def _upgrade() -> None:
    migration.upgrade(CONF.command.revision)
    print(f"The schema is at {migration.current()}.")


def _migrate_data() -> int:
    if _is_behind():
        return 2
    most = CONF.command.max_count
    done = secrets.encrypt(most)
    print(f"encrypt secrets: {done} rows")
    if done:
        secrets.scrub()
    return 1 if most is not None and done >= most else 0


def _is_behind() -> bool:
    if (problem := migration.problem()) is not None:
        print(problem, file=sys.stderr)
    return problem is not None


def _version() -> None:
    print(migration.current() or "empty")


def _history() -> None:
    current = migration.current()
    for revision, what in migration.history():
        mark = "  <- the database" if revision == current else ""
        print(f"{revision}  {what}{mark}")


def _revision() -> int:
    if _is_behind():
        return 2
    migration.generate(CONF.command.message)
    return 0


def _commands(subparsers: typing.Any) -> None:
    subparsers.required = True
    upgrade = subparsers.add_parser(
        "upgrade", help="bring the schema up to date; may be run again"
    )
    upgrade.add_argument(
        "--revision", default="head", help="stop at this revision"
    )
    upgrade.set_defaults(func=_upgrade)
    data = subparsers.add_parser(
        "online_data_migrations",
        help="change rows to what this release writes, while the service "
        "runs; may be run again",
    )
    data.add_argument(
        "--max-count",
        type=int,
        help="write so many rows at the most; the status is 1 where there may "
        "be more",
    )
    data.set_defaults(func=_migrate_data)
    subparsers.add_parser(
        "version", help="print the revision of the database"
    ).set_defaults(func=_version)
    subparsers.add_parser("history", help="list all revisions").set_defaults(
        func=_history
    )
    revision = subparsers.add_parser(
        "revision",
        help="for developers: write a revision that makes the database, which "
        "has to be up to date, what the code says",
    )
    revision.add_argument("message", help="what it does")
    revision.set_defaults(func=_revision)


def main() -> int:
    CONF.register_cli_opt(
        cfg.SubCommandOpt(
            "command",
            title="Commands",
            handler=_commands,
        )
    )
    conf.setup(name="valence-dbsync")
    if not CONF.database.connection:
        print("Set [database]connection first.", file=sys.stderr)
        return 1
    try:
        return CONF.command.func() or 0
    except (exception.KeysUnusable, migration.Unknown) as e:
        print(e, file=sys.stderr)
        return 1
    except engine.UNREACHABLE as e:
        print(engine.unreachable(e), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
