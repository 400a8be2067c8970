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

"""Reading and writing objects: what all of valence.db is made of."""

import contextlib
import datetime
import functools
import typing
import uuid as uuidlib

from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence import exception
from valence.context import RequestContext
from valence.db import engine
from valence.db import models
from valence.objects import base

T = typing.TypeVar("T", bound=base.Resource)
P = typing.ParamSpec("P")
R = typing.TypeVar("R")
Values = dict[str, typing.Any]


def retried(function: typing.Callable[P, R]) -> typing.Callable[P, R]:
    """Run a whole transaction again when the database broke a deadlock."""
    return functools.wraps(function)(
        oslo_db_api.wrap_db_retry(
            max_retries=20,
            retry_interval=0.05,
            inc_retry_interval=True,
            max_retry_interval=1,
            retry_on_deadlock=True,
        )(function)
    )


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def canonical_uuid(value: str) -> str | None:
    try:
        return str(uuidlib.UUID(value))
    except ValueError:
        return None


def hydrate(
    context: RequestContext | None,
    cls: type[T],
    names: typing.Collection[str],
    rows: typing.Iterable[sa.Row[typing.Any]],
) -> list[T]:
    """Make objects of rows that have these fields; others stay unset."""
    # The setters would coerce what the column types gave already: most of
    # the cost of a long list.
    slots = [f"_obj_{name}" for name in names]
    found = []
    for row in rows:
        obj = cls(context)
        vars(obj).update(zip(slots, row, strict=True))
        found.append(obj)
    return found


def matches(
    column: sa.ColumnElement[typing.Any], value: typing.Any
) -> sa.ColumnElement[bool]:
    """Condition of a filter: this value, or one of these."""
    if isinstance(value, list | tuple):
        return column.in_(value)
    return column == value


def stored(
    cls: type[base.Resource], names: typing.Iterable[str] | None = None
) -> list[str]:
    """Of these fields, or of all, those that have a column."""
    fields = cls.fields
    return [name for name in names or fields if not fields[name].computed]


def select(
    cls: type[base.Resource], names: typing.Iterable[str]
) -> sa.Select[typing.Any]:
    """Read these fields, in this order."""
    return _select(cls, tuple(names))  # type: ignore[arg-type]


# Making a statement takes as long as carrying it out.
@functools.lru_cache(256)
def _select(
    cls: type[base.Resource], names: tuple[str, ...]
) -> sa.Select[typing.Any]:
    columns = models.TABLES[cls].c
    return sa.select(*(columns[name] for name in names))


def clip(cls: type[base.Resource], values: Values) -> Values:
    """Make what hardware reported fit: whatever it says, it is kept."""

    def fitting(name: str, value: typing.Any) -> typing.Any:
        if not isinstance(value, str):
            return value
        # PostgreSQL takes no NUL; SQLite takes any length.
        return value.replace("\0", "")[: cls.fields[name].length]

    return {name: fitting(name, value) for name, value in values.items()}


def apply(obj: base.Resource, values: Values) -> None:
    """Bring an object up to what was written."""
    for name, value in values.items():
        setattr(obj, name, value)
    obj.obj_reset_changes()


def insert(connection: sa.Connection, obj: base.Resource) -> Values:
    """Write a new row; returns what ``obj`` lacks, for :func:`apply`."""
    when = now()
    given: Values = {}
    new: Values = {"created_at": when, "updated_at": when, "revision": 0}
    for name, field in obj.fields.items():
        if obj.obj_attr_is_set(name):
            given[name] = getattr(obj, name)
        elif field.nullable:
            new[name] = None
    # Beside the statement, not in it: SQLAlchemy then knows it by its table.
    connection.execute(sa.insert(models.TABLES[type(obj)]), {**given, **new})
    return new


def update(
    connection: sa.Connection,
    obj: base.Resource,
    values: Values,
    *conditions: sa.ColumnElement[bool],
) -> Values | None:
    """Write some columns if the conditions hold; None where they do not."""
    table = models.TABLES[type(obj)]
    values = {**values, "updated_at": now()}
    done = connection.execute(
        sa.update(table)
        .where(table.c.uuid == obj.uuid, *conditions)
        .values(**values, revision=table.c.revision + 1)
    )
    if not done.rowcount:
        return None
    return {**values, "revision": obj.revision + 1}


@contextlib.contextmanager
def writing(obj: base.Resource) -> typing.Iterator[sa.Connection]:
    """A transaction that writes ``obj``, its errors named for it."""
    try:
        with engine.writing() as connection:
            yield connection
    except db_exc.DBDuplicateEntry as e:
        # The databases' own words: oslo.db makes of a constraint's name what
        # is a column on some of them only, and its inner error quotes values.
        violated = str(getattr(e.inner_exception, "orig", None))
        if models.IDEMPOTENCY_KEYS.name in violated:
            raise exception.IdempotencyKeyTaken() from None
        table = models.TABLES[type(obj)]
        unique = {
            str(one.name): one.columns.keys()
            for one in table.constraints
            if isinstance(one, sa.UniqueConstraint)
        }
        field = next(
            (
                columns[-1]
                for name, columns in unique.items()
                if name in violated
                or all(f"{table.name}.{c}" in violated for c in columns)
            ),
            "index",
        )
        raise exception.Duplicate(noun=obj.NOUN, field=field) from None
    except db_exc.DBReferenceError:
        raise exception.Conflict(
            f"What the {obj.NOUN} refers to is gone: its pod manager was "
            "deleted meanwhile."
        ) from None
