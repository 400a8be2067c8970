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

"""resource providers

Revision ID: 0003
Revises: 0002
"""

from alembic import op
import sqlalchemy as sa

import valence.db.models

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resource_classes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column(
            "created_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column(
            "updated_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_classes")),
        sa.UniqueConstraint("name", name=op.f("uq_resource_classes_name")),
        sa.UniqueConstraint("uuid", name=op.f("uq_resource_classes_uuid")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("resource_classes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_resource_classes_created_at",
            ["created_at", "id"],
            unique=False,
        )

    op.create_table(
        "resource_providers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("podm_id", sa.String(length=36), nullable=True),
        sa.Column("description", sa.String(length=1024), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column(
            "created_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column(
            "updated_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["podm_id"],
            ["pod_managers.uuid"],
            name=op.f("fk_resource_providers_podm_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_providers")),
        sa.UniqueConstraint("uuid", name=op.f("uq_resource_providers_uuid")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("resource_providers", schema=None) as batch_op:
        batch_op.create_index(
            "ix_resource_providers_created_at",
            ["created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_resource_providers_kind",
            ["kind", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_resource_providers_name",
            ["name", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_resource_providers_podm_id",
            ["podm_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "allocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("consumer_id", sa.String(length=36), nullable=False),
        sa.Column("provider_id", sa.String(length=36), nullable=False),
        sa.Column("resource_class", sa.String(length=255), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column(
            "created_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column(
            "updated_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["nodes.uuid"],
            name=op.f("fk_allocations_consumer_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["resource_providers.uuid"],
            name=op.f("fk_allocations_provider_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sa.UniqueConstraint(
            "consumer_id",
            "provider_id",
            "resource_class",
            name=op.f("uq_allocations_consumer_id_provider_id_resource_class"),
        ),
        sa.UniqueConstraint("uuid", name=op.f("uq_allocations_uuid")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("allocations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_allocations_consumer_id",
            ["consumer_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_allocations_created_at", ["created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_allocations_provider_id",
            ["provider_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "inventories",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("provider_id", sa.String(length=36), nullable=False),
        sa.Column("resource_class", sa.String(length=255), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("min_unit", sa.BigInteger(), nullable=False),
        sa.Column("max_unit", sa.BigInteger(), nullable=False),
        sa.Column("step_size", sa.BigInteger(), nullable=False),
        sa.Column("allocation_ratio", sa.Double(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("free", sa.BigInteger(), nullable=False),
        sa.Column("device_type", sa.String(length=64), nullable=True),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column(
            "created_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column(
            "updated_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["resource_providers.uuid"],
            name=op.f("fk_inventories_provider_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_class"],
            ["resource_classes.name"],
            name=op.f("fk_inventories_resource_class"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventories")),
        sa.UniqueConstraint(
            "provider_id",
            "resource_class",
            name=op.f("uq_inventories_provider_id_resource_class"),
        ),
        sa.UniqueConstraint("uuid", name=op.f("uq_inventories_uuid")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("inventories", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inventories_created_at", ["created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_inventories_free",
            ["resource_class", "free", "provider_id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_inventories_provider_id",
            ["provider_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_inventories_resource_class",
            ["resource_class", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "traits",
        sa.Column("provider_id", sa.String(length=36), nullable=False),
        sa.Column("trait", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["resource_providers.uuid"],
            name=op.f("fk_traits_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "provider_id", "trait", name=op.f("pk_traits")
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("traits", schema=None) as batch_op:
        batch_op.create_index(
            "ix_traits_trait", ["trait", "provider_id"], unique=False
        )

    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("rack_id", sa.String(length=36), nullable=True)
        )
        batch_op.add_column(
            sa.Column("vendor", sa.String(length=255), nullable=True)
        )
        batch_op.add_column(
            sa.Column("model", sa.String(length=255), nullable=True)
        )
        batch_op.add_column(
            sa.Column("capacity_gib", sa.BigInteger(), nullable=True)
        )
        batch_op.create_index(
            "ix_devices_model", ["model", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_pool",
            [
                "podm_id",
                "deleted_at",
                "state",
                "type",
                "rack_id",
                "operation_id",
                "health",
            ],
            unique=False,
        )
        batch_op.create_index(
            "ix_devices_operation_id", ["operation_id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_rack_id", ["rack_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_vendor", ["vendor", "created_at", "id"], unique=False
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_devices_rack_id"),
            "racks",
            ["rack_id"],
            ["uuid"],
            ondelete="SET NULL",
        )

    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("refusals", valence.db.models.Document(), nullable=True)
        )
    # Added empty, filled, and then held to: MySQL gives TEXT no default.
    op.execute(
        sa.table("operations", sa.column("refusals"))
        .update()
        .values(refusals="[]")
    )
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.alter_column(
            "refusals",
            existing_type=valence.db.models.Document(),
            nullable=False,
        )

    with op.batch_alter_table("systems", schema=None) as batch_op:
        batch_op.create_index(
            "ix_systems_fit",
            ["podm_id", "state", "memory_mib", "cpu_cores", "rack_id"],
            unique=False,
        )
