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
"""The nodes that provisioners drive, as a look at all of them needs them."""

import datetime
import typing

import sqlalchemy as sa

from valence import states
from valence.db import api
from valence.db import engine
from valence.db import models
from valence.objects.node import VALENCE

NODES = models.NODES


class Enrolled(typing.NamedTuple):
    """A node that is enrolled, and that no operation is in charge of."""

    uuid: str
    name: str
    revision: int
    updated_at: datetime.datetime
    provisioner_state: str | None
    enrollment: dict[str, typing.Any] | None

    @property
    def stale(self) -> int:
        """How often the provisioner was told of a change, in vain."""
        return int((self.enrollment or {}).get("stale") or 0)


def find(provisioner: str) -> list[Enrolled]:
    """All nodes that are enrolled in a provisioner and at rest."""
    query = sa.select(*(NODES.c[name] for name in Enrolled._fields)).where(
        NODES.c.managed_by == provisioner,
        NODES.c.provision_state == states.ENROLLED,
        NODES.c.operation_id.is_(None),
    )
    with engine.reading() as connection:
        return [Enrolled(*row) for row in connection.execute(query)]


def _as_read(row: Enrolled) -> sa.ColumnElement[bool]:
    """Whoever wrote it since knows better than a look that began before."""
    return sa.and_(
        NODES.c.uuid == row.uuid,
        NODES.c.revision == row.revision,
        NODES.c.operation_id.is_(None),
    )


@api.retried
def note_states(seen: list[tuple[Enrolled, str]]) -> None:
    """Write what the provisioner says the state of each is."""
    if not seen:
        return
    with engine.writing() as connection:
        connection.execute(
            sa.update(NODES)
            .where(
                NODES.c.uuid == sa.bindparam("b_uuid"),
                NODES.c.revision == sa.bindparam("b_revision"),
                NODES.c.operation_id.is_(None),
            )
            .values(
                provisioner_state=sa.bindparam("b_state"),
                updated_at=api.now(),
                revision=NODES.c.revision + 1,
            ),
            [
                {
                    "b_uuid": row.uuid,
                    "b_revision": row.revision,
                    "b_state": state[:64],
                }
                for row, state in seen
            ],
        )


@api.retried
def lost(row: Enrolled, why: str) -> bool:
    """Have Valence drive a node again that its provisioner does not have.

    :returns: False where somebody has it in hand, and so knows better
    """
    with engine.writing() as connection:
        return bool(
            connection.execute(
                sa.update(NODES)
                .where(
                    _as_read(row), NODES.c.provision_state == states.ENROLLED
                )
                .values(
                    provision_state=states.NODE.target(
                        states.ENROLLED, "lost"
                    ),
                    managed_by=VALENCE,
                    provisioner_state=None,
                    enrollment=None,
                    last_error=why,
                    public_error=why,
                    updated_at=api.now(),
                    revision=NODES.c.revision + 1,
                )
            ).rowcount
        )
