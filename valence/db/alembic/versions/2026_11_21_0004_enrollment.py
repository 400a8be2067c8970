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
"""Add enrollment in provisioners

Revision ID: 0004
Revises: 0003
"""

from alembic import op
import sqlalchemy as sa

import valence.db.models

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Document = valence.db.models.Document

NEW_COLUMNS = [
    ("flavors", sa.Column("resource_class", sa.String(length=80))),
    ("nodes", sa.Column("provisioner_state", sa.String(length=64))),
    ("nodes", sa.Column("resource_class", sa.String(length=80))),
    ("nodes", sa.Column("enrollment", Document())),
    ("operations", sa.Column("provisioner", sa.String(length=64))),
    ("operations", sa.Column("secrets", Document())),
]


def upgrade() -> None:
    for table, column in NEW_COLUMNS:
        op.add_column(table, column)
    # Added empty, filled, and then held to: MySQL gives TEXT no default.
    for table in ("flavors", "nodes"):
        op.add_column(table, sa.Column("traits", Document()))
        op.execute(
            sa.table(table, sa.column("traits")).update().values(traits="[]")
        )
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(
                "traits", existing_type=Document(), nullable=False
            )
