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

"""valence-secrets: keys of the secrets in the database, and their rotation."""

import datetime
import os
import sys
import time
import typing

from oslo_config import cfg
from oslo_db import exception as db_exc

from valence import conf
from valence import exception
from valence import keys
from valence.db import engine
from valence.db import secrets

CONF = cfg.CONF

#: Seconds in which what was being written when the keys were rotated ends; a
#: write waits no longer than this for others, on any database.
SETTLE = 60


def _setup() -> int:
    directory = CONF.secrets.key_repository
    if keys.set_up(directory):
        print(f"The first keys are in {directory}. Copy it to all hosts.")
    else:
        print(f"There are keys in {directory} already; nothing was changed.")
    return 0


def _rotate() -> int:
    before = keys.current().primary
    now = keys.rotate(CONF.secrets.key_repository)
    if now.primary.fingerprint == before.fingerprint:
        print(
            "A staged key was missing and is there now; no key has changed "
            "its place. Copy the keys to all hosts, then rotate."
        )
        return 0
    print(
        f"{now.primary.fingerprint} encrypts from now on. Copy the keys to "
        "all hosts, then run: valence-secrets migrate"
    )
    return 0


def _migrate() -> int:
    written = secrets.encrypt()
    print(f"{written} rows were encrypted with {_primary()}.")
    return _said_of_unreadable(secrets.survey(decrypting=True))


def _retire() -> int:
    wait = CONF.command.wait

    def waiting() -> None:
        print(f"Nothing needs the old keys. Looking again in {wait} s …")
        sys.stdout.flush()
        time.sleep(wait)

    try:
        retired = secrets.retire(waiting)
    except secrets.StillNeeded as e:
        print(
            f"Nothing was deleted: {e}. Run 'valence-secrets migrate'. If "
            "this comes again, a host has other keys than this one.",
            file=sys.stderr,
        )
        return 1
    if not retired:
        print("There is no old key.")
        return 0
    print(
        f"Deleted: {', '.join(retired)}. Delete them on the other hosts, too."
    )
    return 0


def _show() -> int:
    found = secrets.survey(decrypting=True)
    row = "{:>6}  {:<8}  {:<8}  {:<16}  {:>7}"
    print(row.format("number", "key", "role", "made", "secrets"))
    known = keys.current()
    for key in known.all:
        role = "old"
        if key is known.primary:
            role = "primary"
        elif key is known.staged:
            role = "staged"
        made = os.stat(
            os.path.join(CONF.secrets.key_repository, str(key.number))
        ).st_mtime
        when = datetime.datetime.fromtimestamp(made, datetime.UTC)
        count = found.keys[key.fingerprint]
        print(
            row.format(
                key.number,
                key.fingerprint,
                role,
                f"{when:%Y-%m-%d %H:%M}",
                count,
            )
        )
    if found.plain:
        print(f"{found.plain} secrets are not encrypted.")
    return _said_of_unreadable(found)


def _forget() -> int:
    fingerprint = CONF.command.key
    if fingerprint in keys.current().fingerprints:
        print(
            f"The key {fingerprint} is there, so nothing was dropped.",
            file=sys.stderr,
        )
        return 1
    owners = secrets.survey().owners.get(fingerprint)
    if not owners:
        print(f"No secret has the key {fingerprint}.", file=sys.stderr)
        return 1
    written = secrets.forget(fingerprint)
    print(f"The secrets of {written} rows were dropped; set them anew:")
    for owner in owners:
        print(f"  {owner}")
    if written > len(owners):
        print("  …")
    return 0


def _said_of_unreadable(found: secrets.Survey) -> int:
    """Tell what cannot be decrypted; 1 where there is such."""
    known = keys.current().fingerprints
    missing = {key: n for key, n in found.keys.items() if key not in known}
    for key, count in missing.items():
        print(
            f"{count} secrets have the key {key}, which is missing: those of "
            f"{', '.join(found.owners[key])}"
            f"{', …' if count > secrets.MOST_NAMED else ''}.",
            file=sys.stderr,
        )
    for owner in found.damaged:
        print(f"A secret of {owner} is damaged.", file=sys.stderr)
    return 1 if missing or found.damaged else 0


def _primary() -> str:
    return keys.current().primary.fingerprint


def _commands(subparsers: typing.Any) -> None:
    subparsers.required = True
    for name, function, text in (
        ("setup", _setup, "make the first keys, where there are none"),
        ("rotate", _rotate, "have the staged key encrypt, and stage another"),
        (
            "migrate",
            _migrate,
            "encrypt all secrets in the database with the primary key; the "
            "service may run",
        ),
        (
            "retire",
            _retire,
            "delete the old keys, once no secret needs them any more",
        ),
        ("show", _show, "list the keys, and what is encrypted with them"),
        (
            "forget",
            _forget,
            "drop the secrets that were encrypted with a key that is lost for "
            "good, so that others can be set",
        ),
    ):
        parser = subparsers.add_parser(name, help=text, description=text)
        parser.set_defaults(func=function)
        if name == "retire":
            parser.add_argument(
                "--wait",
                type=int,
                default=SETTLE,
                metavar="SECONDS",
                help="time that is left to writes that are under way "
                "(default: %(default)s)",
            )
        if name == "forget":
            parser.add_argument("key", help="as 'show' and messages name it")


def main() -> int:
    CONF.register_cli_opt(
        cfg.SubCommandOpt("command", title="Commands", handler=_commands)
    )
    conf.setup(name="valence-secrets")
    needs_database = CONF.command.func not in (_setup, _rotate)
    if needs_database and not CONF.database.connection:
        print("Set [database]connection first.", file=sys.stderr)
        return 1
    try:
        return int(CONF.command.func())
    except exception.KeysUnusable as e:
        print(e, file=sys.stderr)
    except (db_exc.DBError, *engine.UNREACHABLE) as e:
        print(
            f"{engine.unreachable(e)} Was 'valence-dbsync upgrade' run?",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    sys.exit(main())
