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

"""Engines and transactions, on SQLite, MariaDB and PostgreSQL."""

import contextlib
import threading
import typing

from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import enginefacade
from oslo_db.sqlalchemy import exc_filters
import sqlalchemy as sa

from valence import exception

CONF = cfg.CONF

_lock = threading.Lock()
_engines: tuple[sa.Engine, sa.Engine] | None = None


#: There is none at [database]connection, or that is no URL of one.
UNREACHABLE = (
    db_exc.DBConnectionError,
    db_exc.DBNonExistentDatabase,
    sa.exc.ArgumentError,
    ModuleNotFoundError,
)


def unreachable(error: Exception) -> str:
    """What to tell who starts a program and has no database.

    The database's own words name the user, and no password.
    """
    cause = getattr(error, "inner_exception", None) or error
    words = getattr(cause, "orig", cause).args
    why = " ".join(str(words[-1]).split()) if words else type(error).__name__
    return (
        f"The database cannot be reached ({why}): check "
        "[database]connection and that the server runs."
    )


def _sqlite(begin: str) -> sa.Engine:
    """An engine on a file, whose transactions begin as ``begin`` says.

    oslo.db opens and closes the file for each transaction; closing the last
    connection moves the log into the database and syncs the disk.
    """
    engine = sa.create_engine(
        CONF.database.connection,
        poolclass=sa.pool.QueuePool,
        pool_size=16,
        max_overflow=-1,
    )
    exc_filters.register_engine(engine)

    @sa.event.listens_for(engine, "connect")
    def _connect(dbapi_connection: typing.Any, _record: object) -> None:
        dbapi_connection.isolation_level = None  # BEGIN is said below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=30000",
            "foreign_keys=ON",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _both() -> tuple[sa.Engine, sa.Engine]:
    """The engines that write and that read."""
    global _engines
    with _lock:
        if _engines is None:
            url = sa.make_url(CONF.database.connection)
            if url.get_backend_name() == "sqlite":
                # A transaction that reads and then writes fails with
                # "database is locked" when another one wrote in between;
                # busy_timeout does not help it. Asking for the write lock at
                # the start makes writers queue; readers must not.
                _engines = _sqlite("BEGIN IMMEDIATE"), _sqlite("BEGIN")
            else:
                facade = enginefacade.transaction_context()
                facade.configure(thread_checkin=False)
                _engines = (
                    facade.writer.get_engine(),
                    facade.reader.get_engine(),
                )
                if url.get_backend_name() == "postgresql":
                    for engine in set(_engines):
                        sa.event.listen(engine, "connect", _interpret)
                        engine.dispose()  # it has connected once already
            for engine in _engines:
                # An error is logged: without the secrets being written.
                engine.hide_parameters = True
        return _engines


def _interpret(dbapi_connection: typing.Any, _record: object) -> None:
    """Have PostgreSQL carry statements out without compiling them.

    It compiles what it takes for costly, and guesses wildly where tables have
    just been filled: seconds, for what takes milliseconds.
    """
    dbapi_connection.autocommit = True  # or a rollback took it back
    with dbapi_connection.cursor() as cursor:
        cursor.execute("SET jit = off")
    dbapi_connection.autocommit = False


def dispose() -> None:
    """Close all connections; the next use reads the configuration anew."""
    global _engines
    with _lock:
        for engine in set(_engines or ()):
            engine.dispose()
        _engines = None


@contextlib.contextmanager
def _failures() -> typing.Iterator[None]:
    """Name the failures that oslo.db hands on as they are.

    Such is a PostgreSQL server that is not there: it has to be told from a
    fault of ours by whoever knows to wait for the database. And what a type
    of column raises is none of the database's.
    """
    try:
        yield
    except sa.exc.OperationalError as e:
        raise db_exc.DBConnectionError(e) from e
    except db_exc.DBError as e:
        ours = getattr(e.inner_exception, "orig", e.inner_exception)
        if isinstance(ours, exception.ValenceError):
            raise ours from None
        raise


def writer_engine() -> sa.Engine:
    with _failures():
        return _both()[0]


def reader_engine() -> sa.Engine:
    with _failures():
        return _both()[1]


@contextlib.contextmanager
def writing() -> typing.Iterator[sa.Connection]:
    """A transaction that may write: committed at the end, or nothing."""
    with _failures(), writer_engine().begin() as connection:
        yield connection


@contextlib.contextmanager
def reading() -> typing.Iterator[sa.Connection]:
    """A consistent look."""
    # Closing it rolls back; a commit would be one more round trip.
    with _failures(), reader_engine().connect() as connection:
        yield connection
