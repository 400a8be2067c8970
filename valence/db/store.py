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

import typing
import uuid as uuidlib

from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence import exception
from valence import objects
from valence.context import RequestContext
from valence.db import accounts
from valence.db import api
from valence.db import counts
from valence.db import durations
from valence.db import engine
from valence.db import models
from valence.db import providers
from valence.db import tenancy
from valence.db.api import Values
from valence.db.api import apply
from valence.db.api import hydrate
from valence.db.api import insert
from valence.db.api import retried
from valence.db.api import select
from valence.db.api import update
from valence.db.api import writing
from valence.objects import base
from valence.objects import resource_class

T = typing.TypeVar("T", bound=base.Resource)

#: What is a resource provider itself, under its own name.
_PROVIDING = (objects.PodManager, objects.Node)


class Database(counts.Counts, durations.Durations, providers.Providers):
    """Keeps objects in the database (see valence.objects.base.Store)."""

    def get(self, context: RequestContext, cls: type[T], ident: str) -> T:
        table = models.TABLES[cls]
        uuid = api.canonical_uuid(ident)
        if uuid is not None:
            where = [table.c.uuid == uuid]
        elif "name" in cls.fields and cls.fields["name"].filterable:
            where = tenancy.called(context, cls, ident)
        else:
            raise exception.NotFound(noun=cls.NOUN, ident=ident)
        names = api.stored(cls)
        query = select(cls, names).where(
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
        return hydrate(context, cls, names, rows)[0]

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
        names = api.stored(cls, fields)
        reach = tenancy.within_reach(context, cls)
        query = select(cls, names).where(*reach)
        for name, value in (filters or {}).items():
            if name not in cls.fields:
                query = query.where(providers.FILTERS[name](value))
                continue
            query = query.where(api.matches(table.c[name], value))
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
        found = hydrate(context, cls, names, rows)
        if "usage" in (fields or ()):
            counted = self.usage(context, [obj.uuid for obj in found])
            for obj, usage in zip(found, counted, strict=True):
                apply(obj, {"usage": usage})
        return found

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
            if "name" in values and isinstance(obj, _PROVIDING):
                providers.rename(connection, obj.uuid, values["name"])
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
                noun=obj.NOUN, ident=obj.label, users=_users(obj)
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
                if operation.kind == "attach":
                    # Before the device, as a claim does.
                    name = resource_class.of_device(device.type)
                    accounts.take(
                        connection,
                        obj.uuid,
                        {device.podm_id: {name: 1}},
                        force=True,
                    )
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


def _users(obj: typing.Any) -> str:
    """Name what keeps something from going."""
    nodes, p = models.NODES.c, models.PROVIDERS.c
    with engine.reading() as connection:
        match obj:
            case objects.ResourceProvider():
                return providers.holders(
                    connection, models.ALLOCATIONS.c.provider_id == obj.uuid
                )
            case objects.ResourceClass():
                i = models.INVENTORIES.c
                having = sa.select(i.provider_id).where(
                    i.resource_class == obj.name
                )
                return providers.named(
                    objects.ResourceProvider.NOUN,
                    connection,
                    sa.select(p.name).where(p.uuid.in_(having)).order_by(p.id),
                )
        return providers.named(
            "node",
            connection,
            sa.select(nodes.name)
            .where(nodes.podm_id == obj.uuid)
            .order_by(nodes.id),
        )
