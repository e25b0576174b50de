"""The PostgreSQL server that is measured, and the databases on it."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tests.postgres import local_server

GIVEN: Final = "RECOLLECT_BENCH_POSTGRES_URL"
"""The variable that names another server to measure, as an administrator."""

ROLE: Final = "recollect_bench"
SETTINGS: Final = {
    "shared_buffers": "4GB",
    "effective_cache_size": "8GB",
    "maintenance_work_mem": "3GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "max_connections": "100",
}
REPORTED: Final = (*SETTINGS, "huge_pages_status")
"""What the figures depend on; the last one is the machine's, and PostgreSQL 17 tells it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A server that runs.

    Attributes:
        admin: Its address as an administrator.
        process: Its first process; None for one that somebody else started.
    """

    admin: str = field(repr=False)
    process: psutil.Process | None
    password: str = field(repr=False)

    def memory_mb(self) -> float | None:
        """Memory of all its processes, what they share counted once; None if it cannot be told."""
        if self.process is None:
            return None
        every = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in every) / 1e6

    def settings(self) -> Mapping[str, str]:
        """Those of its settings that the figures depend on, as it words them."""
        names = ["server_version", *REPORTED]
        each = (
            "select name, coalesce(current_setting(name, true), 'unknown') "
            "from unnest(%s::text[]) as name"
        )
        with closing(self.connect()) as connection:
            return dict(connection.execute(each, [names]).fetchall())

    def connect(self, database: str | None = None) -> "psycopg.Connection[Any]":
        """A connection of the administrator, which row-level security does not bind."""
        url = make_conninfo(self.admin, **({"dbname": database} if database else {}))
        return psycopg.connect(url, autocommit=True)

    def variables(self, database: str) -> dict[str, str]:
        """The settings with which Recollect uses a database, as its owner."""
        url = make_conninfo(self.admin, dbname=database, user=ROLE, password=self.password)
        return {
            "RECOLLECT_STORE__KIND": "postgres",
            "RECOLLECT_STORE__URL": url,
            # Else each server that starts would first write every note to a new folder.
            "RECOLLECT_GIT__MIRROR": "false",
        }

    def create(self, database: str, template: str | None = None) -> None:
        """Create a database with pgvector, or copy another one that nobody uses."""
        statement = sql.SQL("create database {} template {} encoding 'UTF8' owner {}").format(
            sql.Identifier(database), sql.Identifier(template or "template0"), sql.Identifier(ROLE)
        )
        with closing(self.connect()) as connection:
            connection.execute(statement)
        with closing(self.connect(database)) as connection:
            connection.execute("create extension if not exists vector")

    def drop(self, database: str) -> None:
        """Drop a database if it is there."""
        statement = sql.SQL("drop database if exists {} with (force)")
        with closing(self.connect()) as connection:
            connection.execute(statement.format(sql.Identifier(database)))

    def mark(self, database: str, figures: Mapping[str, object]) -> None:
        """Note on a database that it is filled, and what that took."""
        statement = sql.SQL("comment on database {} is {}").format(
            sql.Identifier(database), sql.Literal(json.dumps(figures))
        )
        with closing(self.connect()) as connection:
            connection.execute(statement)

    def marked(self, database: str) -> dict[str, Any] | None:
        """What was noted on a database; an empty note if nothing was, None without a database."""
        with closing(self.connect()) as connection:
            row = connection.execute(
                "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
                [database],
            ).fetchone()
        return None if row is None else json.loads(row[0] or "{}")


@contextmanager
def postgres(folder: Path) -> Generator[PostgresServer]:
    """The server at the address that is given, or one from a wheel that keeps its data here."""
    password = token_hex(16)
    if given := os.environ.get(GIVEN):  # noqa: TID251  (not of the product)
        server = PostgresServer(admin=given, process=None, password=password)
        _prepare(server)
        yield server
        return
    local = local_server(folder, **SETTINGS)
    try:
        assert local.process is not None  # noqa: S101
        process = psutil.Process(local.process.pid)
        server = PostgresServer(admin=local.url, process=process, password=password)
        _prepare(server)
        yield server
    finally:
        local.stop()


def _prepare(server: PostgresServer) -> None:
    """Have the role whose password is this run's."""
    with closing(server.connect()) as connection:
        known = connection.execute("select 1 from pg_roles where rolname = %s", [ROLE]).fetchone()
        connection.execute(
            sql.SQL("{} role {} login nosuperuser nobypassrls password {}").format(
                sql.SQL("alter" if known else "create"),
                sql.Identifier(ROLE),
                sql.Literal(server.password),
            )
        )
