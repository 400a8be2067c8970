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

"""The tables, derived from the fields of the objects.

What is written here is only what storage alone knows: the surrogate key,
what refers to what, and the tables behind the scenes.
"""

import datetime
import typing

from oslo_db.sqlalchemy import types as oslo_types
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from valence import keys
from valence import objects
from valence.objects import base
from valence.objects import fields as f

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator):
    """Aware datetimes, kept as naive UTC with microseconds."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> typing.Any:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        if value is None:
            return None
        return value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        return None if value is None else value.replace(tzinfo=datetime.UTC)


class Document(oslo_types.JsonEncodedType):
    """JSON, up to 16 MiB on MariaDB."""

    cache_ok = True

    def __init__(self) -> None:
        super().__init__(mysql_as_medium=True)


class SecretDocument(Document):
    """JSON whose secrets are encrypted when it is written, by the primary key.

    They are not decrypted when it is read: who needs them does that.
    """

    cache_ok = True

    def __init__(self, field: f.Secret) -> None:
        super().__init__()
        self.field = field

    def process_bind_param(
        self, value: typing.Any, dialect: sa.Dialect
    ) -> str | None:
        kept = self.field.encrypted(value, keys.encrypt, _renew)
        return typing.cast(
            "str | None", super().process_bind_param(kept, dialect)
        )

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> typing.Any:
        return f.sealed(super().process_result_value(value, dialect))


def _renew(secret: keys.Encrypted) -> keys.Encrypted:
    """Whoever read the row may have done so before it was encrypted anew."""
    try:
        return keys.renew(secret)
    except keys.Unreadable:
        return secret  # nobody but who has the key can do anything about it


def _type(field: typing.Any) -> sa.types.TypeEngine[typing.Any]:
    match field:
        case f.Secret():
            return SecretDocument(field)
        case f.Json():
            return Document()
        case f.String() if (field.length or 0) > 1024:
            return sa.Text()
        case f.String() | f.Uuid() | f.Enum():
            return sa.String(field.length)
        case f.Integer():
            return sa.BigInteger()
        case f.Float():
            return sa.Double()
        case f.Boolean():
            return sa.Boolean()
        case f.DateTime():
            return UtcDateTime()
    raise TypeError(f"No column type for {field!r}")


def table(
    cls: type[base.Resource],
    *constraints: sa.schema.SchemaItem,
    references: dict[str, tuple[str, str]] | None = None,
) -> sa.Table:
    """The table of an object class.

    :param constraints: more of them
    :param references: field → (column that it refers to, ON DELETE)
    """
    columns: list[sa.schema.SchemaItem] = [
        # Orders rows as they came; BIGINT would not autoincrement on SQLite.
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        )
    ]
    indexes: list[sa.Index] = []
    for name, field in cls.fields.items():
        if field.computed:
            continue
        target = (references or {}).get(name)
        columns.append(
            sa.Column(
                name,
                _type(field),
                *(
                    [sa.ForeignKey(target[0], ondelete=target[1])]
                    if target
                    else []
                ),
                nullable=field.nullable,
                unique=field.unique or None,
            )
        )
        if field.filterable and not field.unique:
            # Those with one value stand in the order that they are listed
            # in, so a page of them is read without looking at the others.
            order = dict.fromkeys((name, "created_at", "id"))
            indexes.append(sa.Index(f"ix_{cls.COLLECTION}_{name}", *order))
    return sa.Table(
        cls.COLLECTION,
        metadata,
        *columns,
        *indexes,
        *constraints,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        # Names that differ in case only are different names everywhere.
        mysql_collate="utf8mb4_bin",
    )


TABLES: dict[type[base.Resource], sa.Table] = {
    objects.PodManager: table(
        objects.PodManager,
        sa.Index("ix_pod_managers_location", "location"),
    ),
    objects.Rack: table(
        objects.Rack,
        sa.UniqueConstraint("podm_id", "index"),
        references={"podm_id": ("pod_managers.uuid", "CASCADE")},
    ),
    objects.Node: table(
        objects.Node,
        # Adopting one node twice ends here.
        sa.UniqueConstraint("podm_id", "index"),
        # A pod manager cannot go while a node lives on it.
        references={"podm_id": ("pod_managers.uuid", "RESTRICT")},
    ),
    objects.System: table(
        objects.System,
        sa.UniqueConstraint("podm_id", "index"),
        # What the scheduler asks of each pod manager.
        sa.Index(
            "ix_systems_fit",
            *("podm_id", "state", "memory_mib", "cpu_cores", "rack_id"),
        ),
        # Find who has one that is large enough, where few have.
        sa.Index("ix_systems_memory", "state", "memory_mib", "podm_id"),
        sa.Index("ix_systems_cores", "state", "cpu_cores", "podm_id"),
        references={
            "podm_id": ("pod_managers.uuid", "CASCADE"),
            "node_id": ("nodes.uuid", "SET NULL"),
            "rack_id": ("racks.uuid", "SET NULL"),
        },
    ),
    objects.Device: table(
        objects.Device,
        sa.UniqueConstraint("podm_id", "index"),
        # Counted by it, without a look at the rows.
        sa.Index(
            "ix_devices_pool",
            *("podm_id", "deleted_at", "state", "type", "rack_id"),
            *("operation_id", "health"),
        ),
        sa.Index("ix_devices_operation_id", "operation_id"),
        references={
            "podm_id": ("pod_managers.uuid", "CASCADE"),
            "node_uuid": ("nodes.uuid", "SET NULL"),
            "rack_id": ("racks.uuid", "SET NULL"),
        },
    ),
    objects.ResourceClass: table(objects.ResourceClass),
    objects.ResourceProvider: table(
        objects.ResourceProvider,
        references={"podm_id": ("pod_managers.uuid", "CASCADE")},
    ),
    objects.Inventory: table(
        objects.Inventory,
        sa.UniqueConstraint("provider_id", "resource_class"),
        # Finds who has enough without a look at who has not.
        sa.Index(
            "ix_inventories_free", "resource_class", "free", "provider_id"
        ),
        references={
            "provider_id": ("resource_providers.uuid", "CASCADE"),
            "resource_class": ("resource_classes.name", "RESTRICT"),
        },
    ),
    objects.Allocation: table(
        objects.Allocation,
        sa.UniqueConstraint("consumer_id", "provider_id", "resource_class"),
        # Neither can go while something is held.
        references={
            "consumer_id": ("nodes.uuid", "RESTRICT"),
            "provider_id": ("resource_providers.uuid", "RESTRICT"),
        },
    ),
    objects.Flavor: table(
        objects.Flavor,
        sa.UniqueConstraint("project_id", "name"),
    ),
    objects.Operation: table(
        objects.Operation,
        sa.Index("ix_operations_state_conductor", "state", "conductor"),
        sa.Index("ix_operations_ended_at", "ended_at"),
    ),
    objects.IdempotencyKey: table(
        objects.IdempotencyKey,
        sa.UniqueConstraint("project_id", "key"),
    ),
}

POD_MANAGERS = TABLES[objects.PodManager]
RACKS = TABLES[objects.Rack]
SYSTEMS = TABLES[objects.System]
DEVICES = TABLES[objects.Device]
RESOURCE_CLASSES = TABLES[objects.ResourceClass]
PROVIDERS = TABLES[objects.ResourceProvider]
INVENTORIES = TABLES[objects.Inventory]
ALLOCATIONS = TABLES[objects.Allocation]
FLAVORS = TABLES[objects.Flavor]
NODES = TABLES[objects.Node]
OPERATIONS = TABLES[objects.Operation]
IDEMPOTENCY_KEYS = TABLES[objects.IdempotencyKey]

#: What providers are or can do, beside having resources.
TRAITS = sa.Table(
    "traits",
    metadata,
    sa.Column(
        "provider_id",
        sa.String(36),
        sa.ForeignKey("resource_providers.uuid", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("trait", sa.String(255), primary_key=True),
    sa.Index("ix_traits_trait", "trait", "provider_id"),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)

#: How long operations took: a histogram for each kind and final state, which
#: outlives them. What took more than the bound below and no more than the next
#: is counted in one row.
DURATIONS = sa.Table(
    "operation_durations",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(32), primary_key=True),
    sa.Column("above", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger(), nullable=False),
    sa.Column("seconds", sa.Double(), nullable=False),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)

#: The conductors that are, or were, alive.
CONDUCTORS = sa.Table(
    "conductors",
    metadata,
    sa.Column("host", sa.String(255), primary_key=True),
    sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
)
