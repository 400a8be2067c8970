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

"""The secrets in the database as a whole: looking through, encrypting anew.

All of it may be done while the service runs. A row is written only if its
secrets are still those that were read; whoever writes one meanwhile does it
under the key that is the primary one then.
"""

import collections
import collections.abc
import dataclasses
import json
import typing

from oslo_config import cfg
import sqlalchemy as sa

from valence import exception
from valence import keys
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects import base
from valence.objects import fields as f

CONF = cfg.CONF

#: Rows that are read, and written, at once.
BATCH = 100
#: Times that all rows are looked through while others write them.
LOOKS = 20
#: Owners of secrets that a message names.
MOST_NAMED = 5

#: Where secrets are kept.
FIELDS = [
    (cls, name, field)
    for cls in models.TABLES
    for name, field in cls.fields.items()
    if isinstance(field, f.Secret)
]


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    cls: type[base.Resource]
    field: f.Secret
    column: sa.Column[typing.Any]
    id: int
    owner: str  #: 'pod manager rack-7'
    kept: str  #: as it stands in the database

    def document(self) -> typing.Any:
        return f.sealed(json.loads(self.kept))


@dataclasses.dataclass(slots=True)
class Survey:
    """What the secrets in the database are encrypted with.

    :ivar keys: fingerprint → how many
    :ivar plain: how many are not encrypted
    :ivar owners: fingerprint → who has them, the first few
    :ivar damaged: owners of secrets whose key is there and does not fit
    """

    keys: collections.Counter[str]
    plain: int
    owners: dict[str, list[str]]
    damaged: list[str]


def opened(obj: base.Resource, name: str) -> typing.Any:
    """A field of an object, with its secrets as they are.

    :raises: SecretUnreadable, KeysUnusable
    """
    try:
        return obj.fields[name].opened(getattr(obj, name), keys.decrypt)
    except keys.Unreadable as e:
        raise exception.SecretUnreadable(
            what=name, noun=obj.NOUN, ident=obj.label, reason=str(e)
        ) from None


def survey(decrypting: bool = False) -> Survey:
    """Look at all secrets.

    :param decrypting: see whether each can be decrypted, too
    :raises: KeysUnusable where it is to see that
    """
    known = keys.current() if decrypting else None
    found = Survey(collections.Counter(), 0, {}, [])
    for row in (row for batch in _batches() for row in batch):
        for secret in _secrets(row):
            if not isinstance(secret, f.Sealed):
                found.plain += 1
                continue
            key = secret["key"]
            found.keys[key] += 1
            owners = found.owners.setdefault(key, [])
            if row.owner not in owners and len(owners) < MOST_NAMED:
                owners.append(row.owner)
            if known and key in known.fingerprints:
                try:
                    known.decrypt(secret)
                except keys.Unreadable:
                    found.damaged.append(row.owner)
    return found


def check() -> Survey:
    """See that the key of each secret is there.

    :raises: KeysUnusable, which names those that are missing
    """
    known = keys.current()
    found = survey()
    for key, count in found.keys.items():
        if key not in known.fingerprints:
            raise exception.KeysUnusable(
                reason=f"the key {key} is missing, and {count} secrets were "
                f"encrypted with it (those of {', '.join(found.owners[key])}"
                f"{', …' if count > MOST_NAMED else ''}). Restore it from "
                "another host or a backup; where it is lost for good, see "
                "'valence-secrets forget'."
            )
    return found


def encrypt(most: int | None = None) -> int:
    """Encrypt, with the primary key, what is plain or has another key.

    What cannot be decrypted is left as it is.

    :param most: rows to write at the most
    :returns: how many rows were written
    :raises: KeysUnusable
    """

    def wanted(secret: typing.Any) -> bool:
        if not isinstance(secret, f.Sealed):
            return True
        try:
            return keys.renew(secret) is not secret
        except keys.Unreadable:
            return False

    # Writing it encrypts it, see valence.db.models.SecretDocument.
    return _rewrite(wanted, lambda secret: secret, most)


class StillNeeded(Exception):
    """Secrets need old keys, or none was encrypted; its text says which."""


def retire(wait: typing.Callable[[], None]) -> list[str]:
    """Delete old keys that no secret needs.

    :param wait: called before the second look: what was being written when
        the keys were rotated has to have ended when it returns
    :returns: the fingerprints of those that were deleted
    :raises: StillNeeded, KeysUnusable
    """
    old = {key.fingerprint: key.number for key in keys.current().old}
    if old:
        _see_that_unneeded(old)
        wait()
        _see_that_unneeded(old)
        keys.remove(CONF.secrets.key_repository, old.values())
    return list(old)


def _see_that_unneeded(old: collections.abc.Iterable[str]) -> None:
    found = survey()
    still = [
        f"{found.keys[key]} secrets have the key {key}"
        for key in old
        if found.keys[key]
    ]
    if found.plain:
        still.append(f"{found.plain} are not encrypted")
    if still:
        raise StillNeeded(", ".join(still))


def forget(fingerprint: str) -> int:
    """Drop the secrets that were encrypted with a key that is lost.

    :returns: how many rows were written
    """

    def wanted(secret: typing.Any) -> bool:
        return isinstance(secret, f.Sealed) and secret["key"] == fingerprint

    return _rewrite(wanted, lambda secret: None)


def scrub() -> None:
    """Overwrite what SQLite keeps of rows as they were before.

    Other databases do so by themselves, in their own time.
    """
    writer = engine.writer_engine()
    if writer.dialect.name == "sqlite":
        connection = writer.raw_connection()
        try:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


def _batches() -> collections.abc.Iterator[list[_Row]]:
    for cls, name, field in FIELDS:
        last = 0
        while rows := _read(cls, name, field, last):
            yield rows
            last = rows[-1].id


def _read(
    cls: type[base.Resource], name: str, field: f.Secret, after: int
) -> list[_Row]:
    table = models.TABLES[cls]
    called = table.c.name if "name" in table.c else table.c.uuid
    kept = _as_text(table.c[name])
    with engine.reading() as connection:
        rows = connection.execute(
            sa.select(table.c.id, called, kept)
            # JSON's null is what most operations have.
            .where(table.c.id > after, kept != "null")
            .order_by(table.c.id)
            .limit(BATCH)
        ).all()
    return [
        _Row(cls, field, table.c[name], id, f"{cls.NOUN} {label}", kept)
        for id, label, kept in rows
    ]


def _as_text(column: sa.Column[typing.Any]) -> sa.ColumnElement[str]:
    return sa.type_coerce(column, sa.Text())


def _secrets(row: _Row) -> list[typing.Any]:
    found: list[typing.Any] = []
    row.field.changed(row.document(), lambda _, secret: found.append(secret))
    return found


def _rewrite(
    wanted: typing.Callable[[typing.Any], bool],
    change: typing.Callable[[typing.Any], typing.Any],
    most: int | None = None,
) -> int:
    written = 0
    for _ in range(LOOKS):
        # What somebody wrote between reading and writing is left alone, and
        # may be as old as what it replaced. So until nothing is found.
        clean = True
        for batch in _batches():
            rows = [row for row in batch if any(map(wanted, _secrets(row)))]
            if most is not None:
                rows = rows[: most - written]
            if rows:
                clean = False
                written += _write(rows, wanted, change)
        if clean:
            break
    return written


@api.retried
def _write(
    rows: list[_Row],
    wanted: typing.Callable[[typing.Any], bool],
    change: typing.Callable[[typing.Any], typing.Any],
) -> int:
    """One transaction; leaves rows alone that somebody wrote meanwhile."""
    written = 0
    with engine.writing() as connection:
        for row in rows:
            document = row.field.changed(
                row.document(),
                lambda _, secret: change(secret) if wanted(secret) else secret,
            )
            table = row.column.table
            written += connection.execute(
                sa.update(table)
                .where(
                    table.c.id == row.id,
                    _as_text(row.column) == row.kept,
                )
                .values({row.column.name: document})
            ).rowcount
    return written
