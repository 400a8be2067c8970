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

"""The store: objects in, objects out, in constant numbers of statements."""

import contextlib
import datetime
import functools
import typing
import uuid as uuidlib

from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence import exception
from valence import objects
from valence.context import RequestContext
from valence.db import engine
from valence.db import models
from valence.db import tenancy
from valence.objects import base

T = typing.TypeVar("T", bound=base.Resource)
P = typing.ParamSpec("P")
R = typing.TypeVar("R")
Values = dict[str, typing.Any]


def retried(function: typing.Callable[P, R]) -> typing.Callable[P, R]:
    """Run a whole transaction again when the database broke a deadlock."""
    return functools.wraps(function)(
        oslo_db_api.wrap_db_retry(
            max_retries=8,
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
        field = next(
            columns[-1]
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint)
            and (columns := constraint.columns.keys())
            and (
                str(constraint.name) in violated
                or all(f"{table.name}.{name}" in violated for name in columns)
            )
        )
        raise exception.Duplicate(noun=obj.NOUN, field=field) from None
    except db_exc.DBReferenceError:
        raise exception.Conflict(
            f"What the {obj.NOUN} refers to is gone: its pod manager was "
            "deleted meanwhile."
        ) from None


class Database:
    """Keeps objects in the database (see valence.objects.base.Store)."""

    def get(self, context: RequestContext, cls: type[T], ident: str) -> T:
        table = models.TABLES[cls]
        uuid = canonical_uuid(ident)
        if uuid is not None:
            where = [table.c.uuid == uuid]
        elif "name" in cls.fields and cls.fields["name"].filterable:
            where = tenancy.called(context, cls, ident)
        else:
            raise exception.NotFound(noun=cls.NOUN, ident=ident)
        query = select(cls, cls.fields).where(
            *where, *tenancy.within_reach(context, cls)
        )
        most = 2
        if cls.OWNER is base.Owner.PUBLIC:
            # The own one comes before the public one of that name.
            query, most = query.order_by(table.c.project_id.desc()), 1
        with engine.reading() as connection:
            rows = connection.execute(query.limit(most)).all()
        if not rows:
            raise exception.NotFound(noun=cls.NOUN, ident=ident)
        if len(rows) > 1:
            raise exception.Ambiguous(noun=cls.NOUN, ident=ident)
        return hydrate(context, cls, cls.fields, rows)[0]

    def find(
        self,
        context: RequestContext,
        cls: type[T],
        filters: Values | None = None,
        limit: int | None = None,
        marker: str | None = None,
        sort_key: str = "created_at",
        sort_dir: str = "asc",
        fields: list[str] | None = None,
    ) -> list[T]:
        table = models.TABLES[cls]
        names = fields or cls.fields
        reach = tenancy.within_reach(context, cls)
        query = select(cls, names).where(*reach)
        for name, value in (filters or {}).items():
            column = table.c[name]
            query = query.where(
                column.in_(value)
                if isinstance(value, list | tuple)
                else column == value
            )
        key = table.c[sort_key]
        # As the indexes have it: see valence.db.models.table.
        place = list(dict.fromkeys((key, table.c.created_at, table.c.id)))
        with engine.reading() as connection:
            if marker is not None:
                mark = connection.execute(
                    sa.select(*place).where(table.c.uuid == marker, *reach)
                ).first()
                if mark is None:
                    raise exception.InvalidMarker(marker=marker, noun=cls.NOUN)
                values = [
                    sa.literal(value, column.type)
                    for value, column in zip(mark, place, strict=True)
                ]
                here, there = sa.tuple_(*place), sa.tuple_(*values)
                # MariaDB finds the place by the first comparison, the
                # others by the second.
                query = query.where(
                    *(key >= values[0], here > there)
                    if sort_dir == "asc"
                    else (key <= values[0], here < there)
                )
            order = sa.asc if sort_dir == "asc" else sa.desc
            query = query.order_by(*map(order, place)).limit(limit)
            rows = connection.execute(query).all()
        return hydrate(context, cls, names, rows)

    @retried
    def create(self, context: RequestContext, obj: base.Resource) -> None:
        with writing(obj) as connection:
            values = insert(connection, obj)
            self._remember(connection, context, obj.uuid, None)
        apply(obj, values)

    @retried
    def save(self, context: RequestContext, obj: base.Resource) -> None:
        table = models.TABLES[type(obj)]
        with writing(obj) as connection:
            values = update(
                connection,
                obj,
                {name: getattr(obj, name) for name in obj.obj_what_changed()},
                table.c.revision == obj.revision,
            )
            if values is None:
                raise self._why_not(connection, obj)
        apply(obj, values)

    @retried
    def destroy(self, context: RequestContext, obj: base.Resource) -> None:
        table = models.TABLES[type(obj)]
        try:
            with engine.writing() as connection:
                done = connection.execute(
                    sa.delete(table).where(table.c.uuid == obj.uuid)
                )
        except db_exc.DBReferenceError:
            raise exception.InUse(
                noun=obj.NOUN, ident=obj.label, users=self._nodes_on(obj.uuid)
            ) from None
        if not done.rowcount:
            raise exception.NotFound(noun=obj.NOUN, ident=obj.uuid)

    @retried
    def submit(
        self,
        context: RequestContext,
        obj: typing.Any,
        operation: objects.Operation,
        event: str | None,
        device: objects.Device | None = None,
    ) -> None:
        obj.operation_id = operation.uuid
        taken: Values = {}
        with writing(obj) as connection:
            if device is not None:
                device.operation_id = operation.uuid
                taken = self._take(
                    connection, device, operation.kind, operation.kind
                )
            if event is None:
                values = insert(connection, obj)
            else:
                values = self._take(connection, obj, event, operation.kind)
            asked = insert(connection, operation)
            self._remember(connection, context, obj.uuid, operation.uuid)
        apply(obj, values)
        apply(operation, asked)
        if device is not None:
            apply(device, taken)

    def _take(
        self, connection: sa.Connection, obj: typing.Any, event: str, kind: str
    ) -> Values:
        """Put the operation in charge, if the state allows the event."""
        table = models.TABLES[type(obj)]
        name, machine = obj.STATE
        values = {n: getattr(obj, n) for n in obj.obj_what_changed()}
        state = getattr(obj, name)
        if state in machine.sources(event):
            values[name] = machine.target(state, event)
            taken = update(
                connection,
                obj,
                values,
                table.c.operation_id.is_(None),
                table.c[name] == state,
                table.c.revision == obj.revision,
            )
            if taken is not None:
                return taken
        raise self._why_not(connection, obj, event, kind)

    @staticmethod
    def _remember(
        connection: sa.Connection,
        context: RequestContext,
        resource_id: str,
        operation_id: str | None,
    ) -> None:
        if context.idempotency_key is not None:
            insert(
                connection,
                objects.IdempotencyKey(
                    uuid=str(uuidlib.uuid4()),
                    project_id=context.project_id or "",
                    key=context.idempotency_key,
                    fingerprint=context.idempotency_fingerprint,
                    resource_id=resource_id,
                    operation_id=operation_id,
                ),
            )

    @staticmethod
    def _why_not(
        connection: sa.Connection,
        obj: typing.Any,
        event: str | None = None,
        kind: str | None = None,
    ) -> exception.ValenceError:
        """Say what kept a conditional update from matching."""
        table = models.TABLES[type(obj)]
        row = (
            connection.execute(
                sa.select(table).where(table.c.uuid == obj.uuid)
            )
            .mappings()
            .first()
        )
        if row is None:
            return exception.NotFound(noun=obj.NOUN, ident=obj.uuid)
        if event is None:
            return exception.Changed(noun=obj.NOUN, ident=obj.label)
        if row["operation_id"]:
            return exception.Busy(
                noun=obj.NOUN, ident=obj.label, operation=row["operation_id"]
            )
        name, machine = obj.STATE
        wanted = machine.sources(event)
        if row[name] in wanted:
            return exception.Changed(noun=obj.NOUN, ident=obj.label)
        return exception.WrongState(
            noun=obj.NOUN,
            ident=obj.label,
            state=row[name],
            action=kind,
            wanted=" or ".join(f"'{s}'" for s in wanted),
        )

    @staticmethod
    def _nodes_on(podm_id: str) -> str:
        """Name the first nodes that keep a pod manager from going."""
        nodes = models.NODES
        with engine.reading() as connection:
            names = (
                connection.execute(
                    sa.select(nodes.c.name)
                    .where(nodes.c.podm_id == podm_id)
                    .order_by(nodes.c.id)
                    .limit(11)
                )
                .scalars()
                .all()
            )
        shown = ", ".join(f"'{name}'" for name in names[:10])
        return f"node {shown}" + (" and others" if len(names) > 10 else "")
