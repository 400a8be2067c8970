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

"""How long operations take.

Revision ID: 0007
Revises: 0006
"""

from alembic import op
import sqlalchemy as sa

import valence.db.models

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operation_durations",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column(
            "above", sa.BigInteger(), autoincrement=False, nullable=False
        ),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "kind", "state", "above", name="pk_operation_durations"
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.add_column("operations", sa.Column("duration", sa.Double()))
    time = valence.db.models.UtcDateTime()
    operations = sa.table(
        "operations",
        sa.column("id", sa.BigInteger()),
        sa.column("created_at", time),
        sa.column("ended_at", time),
        sa.column("duration", sa.Double()),
    )
    connection = op.get_bind()
    ended = connection.execute(
        sa.select(
            operations.c.id, operations.c.created_at, operations.c.ended_at
        ).where(operations.c.ended_at.is_not(None))
    ).all()
    if ended:
        connection.execute(
            sa.update(operations)
            .where(operations.c.id == sa.bindparam("row"))
            .values(duration=sa.bindparam("took")),
            [
                {
                    "row": row.id,
                    "took": round(
                        (row.ended_at - row.created_at).total_seconds(), 3
                    ),
                }
                for row in ended
            ],
        )
