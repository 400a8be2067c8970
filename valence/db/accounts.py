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

"""What there is to give, and who holds it: every write keeps both true.

An inventory counts what is held of it (``used``) and what is left
(``free``), and is only ever changed by a statement that adds or subtracts;
the one that takes says in its WHERE that there has to be enough. So two
callers never get the same unit, on any database, and nobody waits longer
than for one such statement.

What a pod manager has follows from the rows of its systems and devices: each
transaction that moves a device or places a node books that as well, and
:func:`recount`, after each sync, makes the books equal to the rows, whatever
was pulled, plugged or lost meanwhile.
"""

import math
import typing
import uuid as uuidlib

from oslo_db import exception as db_exc
import sqlalchemy as sa

from valence.db import api
from valence.db import models
from valence.objects import inventory

PROVIDERS = models.PROVIDERS
INVENTORIES = models.INVENTORIES
ALLOCATIONS = models.ALLOCATIONS
TRAITS = models.TRAITS

#: What the owner of an inventory says of it.
TOLD = inventory.TOLD

#: provider → resource class → amount
Amounts = dict[str, dict[str, int]]


def capacity(told: typing.Mapping[str, typing.Any]) -> int:
    """How much of an inventory can be held, as Placement counts it."""
    return math.floor(
        (told["total"] - told["reserved"]) * told["allocation_ratio"]
    )


def enough(
    name: typing.Any,
    amount: typing.Any,
    had: int = 0,
    of: sa.FromClause = INVENTORIES,
) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on an inventory that can give this much of a class.

    :param name: of the class; it and the amount may be parameters
    :param had: of the amount, what who asks holds already
    :param of: the inventories, by another name
    """
    i = of.c
    if not had:
        there = i.free >= amount
    elif amount > had:
        there = i.free >= amount - had
    else:  # who wants no more than before gets it, also of what has shrunk
        there = sa.true()
    return (
        i.resource_class == name,
        there,
        i.min_unit <= amount,
        i.max_unit >= amount,
        amount % i.step_size == 0,
    )


# -- taking and giving back ---------------------------------------------------

# These statements are kept: making one takes longer than carrying it out.
_NAME: sa.BindParameter[str] = sa.bindparam("name")
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger())


def _booking(*there: sa.ColumnElement[bool]) -> sa.Update:
    i = INVENTORIES.c
    return (
        sa.update(INVENTORIES)
        # Found by what is free, the row would be locked after that index; who
        # changes the row locks them the other way around.
        .with_hint(
            "FORCE INDEX (uq_inventories_provider_id_resource_class)",
            dialect_name="mysql",
        )
        .where(i.provider_id == sa.bindparam("provider"), *there)
        .values(used=i.used + _AMOUNT, free=i.free - _AMOUNT)
    )


_TAKE = _booking(*enough(_NAME, _AMOUNT))
_BOOK = _booking(INVENTORIES.c.resource_class == _NAME)
_HELD = sa.select(
    ALLOCATIONS.c.provider_id,
    ALLOCATIONS.c.resource_class,
    ALLOCATIONS.c.used,
).where(ALLOCATIONS.c.consumer_id == sa.bindparam("consumer"))


def take(
    connection: sa.Connection,
    consumer_id: str,
    wanted: Amounts,
    *,
    force: bool = False,
    fresh: bool = False,
) -> tuple[str, str] | None:
    """Book what a node takes; the caller rolls back where it cannot.

    :param force: the rows say that it is there, whatever the books say
    :param fresh: it holds nothing yet
    :returns: None, or the (provider, class) of which there is not enough
    """
    # Always in the same order, all inventories before any allocation: two
    # transactions that want the same cannot wait for each other.
    parts = sorted(
        (provider, name, amount)
        for provider, amounts in wanted.items()
        for name, amount in amounts.items()
    )
    for provider, name, amount in parts:
        done = connection.execute(
            _BOOK if force else _TAKE,
            {"provider": provider, "name": name, "amount": amount},
        )
        if not (done.rowcount or force):
            return provider, name
    have = {} if fresh else held(connection, consumer_id)
    new = []
    for provider, name, amount in parts:
        if (provider, name) in have:
            connection.execute(
                _on(consumer_id, provider, name).values(
                    used=ALLOCATIONS.c.used + amount
                )
            )
        else:
            new.append(_row(consumer_id, provider, name, amount))
    if new:
        connection.execute(sa.insert(ALLOCATIONS), new)
    return None


def give(
    connection: sa.Connection, consumer_id: str, given: Amounts | None = None
) -> None:
    """Book what a node gives back.

    :param given: None: all that it holds
    :raises: DBDeadlock, so that the transaction is run again
    """
    holding = held(connection, consumer_id)
    if given is None:
        given = {}
        for (provider, name), used in holding.items():
            given.setdefault(provider, {})[name] = used
    for provider, amounts in sorted(given.items()):
        for name, amount in sorted(amounts.items()):
            amount = min(amount, holding.get((provider, name), 0))
            if not amount:
                continue
            connection.execute(
                _BOOK, {"provider": provider, "name": name, "amount": -amount}
            )
            here = (
                *_is(consumer_id, provider, name),
                ALLOCATIONS.c.used == holding[provider, name],
            )
            left = holding[provider, name] - amount
            done = connection.execute(
                sa.update(ALLOCATIONS).where(*here).values(used=left)
                if left
                else sa.delete(ALLOCATIONS).where(*here)
            )
            if not done.rowcount:
                # A recount came in between; run again, this waits for it.
                raise db_exc.DBDeadlock()


def change(
    connection: sa.Connection,
    consumer_id: str,
    before: dict[tuple[str, str], int],
    after: dict[tuple[str, str], int],
) -> tuple[str, str] | None:
    """Book that a node holds the one in place of the other.

    The caller rolls back where it cannot, and sees to it that nobody else
    changes what the node holds meanwhile.

    :param before: (provider, resource class) → amount, as it is
    :param after: as it is to be
    :returns: None, or the (provider, class) of which there is not enough
    """
    keys = [
        key
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]
    i = INVENTORIES.c
    for provider, name in keys:
        had = before.get((provider, name), 0)
        wanted = after.get((provider, name), 0)
        more = wanted - had
        there = (
            enough(name, wanted, had)
            if wanted
            else (i.resource_class == name,)
        )
        done = connection.execute(
            sa.update(INVENTORIES)
            .where(i.provider_id == provider, *there)
            .values(used=i.used + more, free=i.free - more)
        )
        if not done.rowcount:
            return provider, name
    for key in keys:
        here = _is(consumer_id, *key)
        if key not in after:
            connection.execute(sa.delete(ALLOCATIONS).where(*here))
        elif key in before:
            connection.execute(
                _on(consumer_id, *key).values(
                    used=after[key], updated_at=api.now()
                )
            )
    new = [
        _row(consumer_id, *key, after[key])
        for key in keys
        if key not in before
    ]
    if new:
        connection.execute(sa.insert(ALLOCATIONS), new)
    return None


def held(
    connection: sa.Connection, consumer_id: str
) -> dict[tuple[str, str], int]:
    """What a node holds: (provider, resource class) → amount."""
    return {
        (row.provider_id, row.resource_class): row.used
        for row in connection.execute(_HELD, {"consumer": consumer_id})
    }


def _is(
    consumer_id: str, provider: str, name: str
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        ALLOCATIONS.c.consumer_id == consumer_id,
        ALLOCATIONS.c.provider_id == provider,
        ALLOCATIONS.c.resource_class == name,
    )


def _on(consumer_id: str, provider: str, name: str) -> sa.Update:
    return sa.update(ALLOCATIONS).where(*_is(consumer_id, provider, name))


def new_row(**values: typing.Any) -> api.Values:
    """A row of an object that is made behind the scenes."""
    when = api.now()
    return {
        "uuid": str(uuidlib.uuid4()),
        "created_at": when,
        "updated_at": when,
        "revision": 0,
        **values,
    }


def _row(consumer_id: str, provider: str, name: str, used: int) -> api.Values:
    return new_row(
        consumer_id=consumer_id,
        provider_id=provider,
        resource_class=name,
        used=used,
    )


def ensure_classes(
    connection: sa.Connection, names: typing.Iterable[str]
) -> None:
    """Make the resource classes that are not there yet.

    All are there until the transaction ends: nobody deletes one meanwhile.

    :raises: DBDeadlock, so that the transaction is run again
    """
    classes = models.RESOURCE_CLASSES
    wanted = set(names)
    if not wanted:
        return
    known = connection.execute(
        sa.select(classes.c.name)
        .where(classes.c.name.in_(wanted))
        .with_for_update(read=True)
    ).scalars()
    try:
        for name in sorted(wanted - set(known)):
            connection.execute(sa.insert(classes).values(new_row(name=name)))
    except db_exc.DBDuplicateEntry as e:
        raise db_exc.DBDeadlock(e) from None  # another one was faster
