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

"""Projects: whose a flavor is, and what a tenant reads of a failure.

Revision ID: 0005
Revises: 0004
"""

from alembic import op
import sqlalchemy as sa

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("nodes", "operations"):
        op.add_column(
            table, sa.Column("public_error", sa.Text(), nullable=True)
        )
    # What was there before there were projects is everybody's.
    op.add_column("flavors", sa.Column("project_id", sa.String(64)))
    op.execute(
        sa.table("flavors", sa.column("project_id"))
        .update()
        .values(project_id="")
    )
    with op.batch_alter_table("flavors") as batch_op:
        batch_op.alter_column(
            "project_id", existing_type=sa.String(64), nullable=False
        )
        batch_op.drop_constraint("uq_flavors_name", type_="unique")
        batch_op.create_unique_constraint(
            "uq_flavors_project_id_name", ["project_id", "name"]
        )
        batch_op.create_index(
            "ix_flavors_name", ["name", "created_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_flavors_project_id",
            ["project_id", "created_at", "id"],
            unique=False,
        )
