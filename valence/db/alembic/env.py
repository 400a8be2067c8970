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

"""How alembic reaches the database: always through our own engine."""

from alembic import context

from valence.db import engine
from valence.db import models


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        with engine.writer_engine().connect() as connection:
            migrate(connection)
    else:
        migrate(connection)


def migrate(connection):
    context.configure(
        connection=connection,
        target_metadata=models.metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
