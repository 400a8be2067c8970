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

"""Pooled devices, and when to sync a pod manager.

Revision ID: 0002
Revises: 0001
"""

from alembic import op
import sqlalchemy as sa

import valence.db.models

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INITIAL = {
    "warnings": "[]",
    "sync_failures": 0,
    "hardware_nodes": "[]",
    "requirement_keys": "[]",
}

NEW_COLUMNS = [
    ("operations", sa.Column("warnings", valence.db.models.Document())),
    (
        "pod_managers",
        sa.Column("next_sync_at", valence.db.models.UtcDateTime()),
    ),
    ("pod_managers", sa.Column("sync_failures", sa.BigInteger())),
    (
        "pod_managers",
        sa.Column("hardware_nodes", valence.db.models.Document()),
    ),
    (
        "pod_managers",
        sa.Column("requirement_keys", valence.db.models.Document()),
    ),
]


def upgrade() -> None:
    op.create_table(
        "devices",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("podm_id", sa.String(length=36), nullable=False),
        sa.Column("index", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.String(length=255), nullable=True),
        sa.Column("node_uuid", sa.String(length=36), nullable=True),
        sa.Column("pooled_group_id", sa.String(length=255), nullable=True),
        sa.Column("resource_uri", sa.String(length=512), nullable=False),
        sa.Column("health", sa.String(length=32), nullable=True),
        sa.Column("power_state", sa.String(length=32), nullable=True),
        sa.Column("properties", valence.db.models.Document(), nullable=False),
        sa.Column("extra", valence.db.models.Document(), nullable=False),
        sa.Column("attached_here", sa.Boolean(), nullable=False),
        sa.Column(
            "deleted_at", valence.db.models.UtcDateTime(), nullable=True
        ),
        sa.Column("operation_id", sa.String(length=36), nullable=True),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column(
            "created_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column(
            "updated_at", valence.db.models.UtcDateTime(), nullable=False
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node_uuid"],
            ["nodes.uuid"],
            name=op.f("fk_devices_node_uuid"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["podm_id"],
            ["pod_managers.uuid"],
            name=op.f("fk_devices_podm_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint(
            "podm_id", "index", name=op.f("uq_devices_podm_id_index")
        ),
        sa.UniqueConstraint("uuid", name=op.f("uq_devices_uuid")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_devices_created_at", ["created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_index", ["index", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_node_id", ["node_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_node_uuid",
            ["node_uuid", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_devices_podm_id", ["podm_id", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_pooled_group_id",
            ["pooled_group_id", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_devices_resource_uri",
            ["resource_uri", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_devices_state", ["state", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_devices_type", ["type", "created_at", "id"], unique=False
        )

    # Added empty, filled, and then held to: MySQL gives TEXT no default.
    for table, column in NEW_COLUMNS:
        op.add_column(table, column)
        if column.name in INITIAL:
            op.execute(
                sa.table(table, sa.column(column.name))
                .update()
                .values({column.name: INITIAL[column.name]})
            )
            with op.batch_alter_table(table) as batch_op:
                batch_op.alter_column(
                    column.name,
                    existing_type=column.type,
                    nullable=False,
                )
