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

"""What a request finds: a condition of the statement that reads.

What lies out of its reach is not read and then left out, but never found: one
statement, whether a thing is another project's or is not there at all.
"""

import sqlalchemy as sa

from valence.context import RequestContext
from valence.db import models
from valence.objects import base
from valence.objects.flavor import EVERYBODYS


def within_reach(
    context: RequestContext, cls: type[base.Resource]
) -> list[sa.ColumnElement[bool]]:
    """Conditions on the table of a class, for a request."""
    if context.all_projects:
        return []
    if context.project_id is None:
        return [sa.false()]
    table = models.TABLES[cls]
    match cls.OWNER:
        case base.Owner.PROJECT:
            return [table.c.project_id == context.project_id]
        case base.Owner.PUBLIC:
            return [table.c.project_id.in_([EVERYBODYS, context.project_id])]
        case base.Owner.NODE:
            own = sa.select(models.NODES.c.uuid).where(
                models.NODES.c.project_id == context.project_id
            )
            return [table.c.node_uuid.in_(own)]
    return [sa.false()]


def called(
    context: RequestContext, cls: type[base.Resource], name: str
) -> list[sa.ColumnElement[bool]]:
    """Conditions for what a request means by a name.

    Of what may be public it means its own project's or the public one,
    however far it reaches: what other projects choose for a name must not
    get in its way.
    """
    table = models.TABLES[cls]
    where = [table.c.name == name]
    if cls.OWNER is base.Owner.PUBLIC:
        mine = [EVERYBODYS, context.project_id or EVERYBODYS]
        where.append(table.c.project_id.in_(mine))
    return where
