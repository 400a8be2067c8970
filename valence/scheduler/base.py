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

"""The contract of filters and weighers.

Both are made once, without arguments, before a conductor is at work, and are
asked from several threads at once. What they say in SQL is about
``POD_MANAGERS``, one row of which is one pod manager, and about what it has
of each class that is asked for, see :func:`inventory`. It is kept, and used
again for requests that are alike: it may depend on nothing but the request.
"""

import abc
import collections.abc
import dataclasses
import functools
import typing

import sqlalchemy as sa

from valence.db import models
from valence.objects.requirements import Requirements

#: What was read of one pod manager: uuid, name, and what the filters and
#: weighers asked for in ``columns``.
Row = sa.RowMapping
#: Label → expression. A label begins with the name of the plug-in.
Columns = dict[str, sa.ColumnElement[typing.Any]]


def inventory(asked: Requirements, name: str) -> sa.FromClause:
    """A pod manager's own inventory of a class, in the pod manager's row.

    All of it is null where there is none.

    :param name: of the classes in ``asked.amounts``
    """
    return _inventory(list(asked.amounts).index(name))


# Called by their place, so that requests that differ by class alone are one
# statement to the database's driver and to SQLAlchemy.
@functools.cache
def _inventory(place: int) -> sa.FromClause:
    return models.INVENTORIES.alias(f"inventory_{place}")


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """Why one pod manager cannot serve a request.

    :ivar text: as a sentence about it, without its name
    :ivar needed: what was asked for, by what it is
    :ivar free: what of that there is
    """

    text: str
    needed: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    free: dict[str, typing.Any] = dataclasses.field(default_factory=dict)


class Filter:
    """Turns pod managers down.

    A filter overrides :meth:`condition`, where the database can tell, or
    :meth:`passes`, where it cannot; and :meth:`explain`.

    :cvar covers: filters whose conditions need not be asked where this one
        has a condition: it lets nothing pass that they turn down
    """

    covers: typing.ClassVar[tuple[type["Filter"], ...]] = ()

    def condition(self, asked: Requirements) -> sa.ColumnElement[bool] | None:
        """Of the pod managers that can serve; None: of all."""
        return None

    def ranges(
        self, asked: Requirements
    ) -> collections.abc.Sequence[sa.GenerativeSelect]:
        """Ways to find all that pass without a look at all that do not.

        Each reads some neighbours in an index, and answers with their pod
        managers' uuids in its one column. Others than those that pass, and
        the same ones several times, may be among them.
        """
        return ()

    def columns(self, asked: Requirements) -> Columns:
        """What :meth:`passes` and :meth:`explain` have to know."""
        return {}

    def passes(self, row: Row, asked: Requirements) -> bool:
        """Whether one that meets the condition can serve."""
        return True

    def explain(self, row: Row, asked: Requirements) -> Reason:
        """Say why one was turned down."""
        return Reason("it does not suit")


class Weigher(abc.ABC):
    """Says how well pod managers serve a request."""

    def columns(self, asked: Requirements) -> Columns:
        """What :meth:`weigh` has to know."""
        return {}

    @abc.abstractmethod
    def weigh(self, row: Row, asked: Requirements) -> float:
        """The more, the better; on whatever scale.

        The weights of all that pass are brought to 0 … 1, the worst and the
        best of them, before they are multiplied and added up.
        """
