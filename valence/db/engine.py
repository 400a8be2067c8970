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

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade

CONF = cfg.CONF

_lock = threading.Lock()
_facade: enginefacade._TransactionContextManager | None = None


def _sqlite_writer(engine: sa.Engine) -> None:
    # A transaction that reads and then writes fails with "database is
    # locked" when another one wrote in between; busy_timeout does not help
    # it. Asking for the write lock at the start makes writers queue.
    for listener in list(engine.dispatch.begin):
        if listener.__name__ == "_sqlite_emit_begin":  # oslo.db's plain BEGIN
            sa.event.remove(engine, "begin", listener)

    @sa.event.listens_for(engine, "begin")
    def _begin_immediate(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sqlite_pragmas(engine: sa.Engine) -> None:
    if engine.dialect.name != "sqlite":
        return

    @sa.event.listens_for(engine, "connect")
    def _connect(dbapi_connection: typing.Any, _record: object) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=30000",
            "foreign_keys=ON",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")


def _context_manager() -> enginefacade._TransactionContextManager:
    global _facade
    with _lock:
        if _facade is None:
            facade = enginefacade.transaction_context()
            url = sa.make_url(CONF.database.connection)
            sqlite = url.get_backend_name() == "sqlite"
            options: dict[str, typing.Any] = {"sqlite_fk": True}
            if sqlite:
                # Readers need an engine of their own: theirs must not take
                # the write lock.
                options["slave_connection"] = CONF.database.connection
                options["synchronous_reader"] = False
            facade.configure(**options)
            facade.append_on_engine_create(_sqlite_pragmas)
            if sqlite:
                _sqlite_writer(facade.writer.get_engine())
            _facade = facade
        return _facade


def dispose() -> None:
    """Close all connections; the next use reads the configuration anew."""
    global _facade
    with _lock:
        if _facade is not None:
            for engine in {
                _facade.writer.get_engine(),
                _facade.reader.get_engine(),
            }:
                engine.dispose()
            _facade = None


def writer_engine() -> sa.Engine:
    return _context_manager().writer.get_engine()


def reader_engine() -> sa.Engine:
    return _context_manager().reader.get_engine()


@contextlib.contextmanager
def writing() -> typing.Iterator[sa.Connection]:
    """A transaction that may write: committed at the end, or nothing."""
    with writer_engine().begin() as connection:
        yield connection


@contextlib.contextmanager
def reading() -> typing.Iterator[sa.Connection]:
    """A consistent look."""
    with reader_engine().begin() as connection:
        yield connection
