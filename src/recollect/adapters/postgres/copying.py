"""A tenant's rows in the database as neutral ones, out of it and into it."""

from collections.abc import Sequence

from recollect.adapters.postgres.database import Cursor as DatabaseCursor
from recollect.adapters.postgres.database import Database
from recollect.adapters.postgres.half_vector import unpacked
from recollect.adapters.postgres.postings import add
from recollect.adapters.postgres.rows import BY_KEY, INSERT, keyed_memories, to_row
from recollect.adapters.postgres.vectors import insert_vectors, kept_vectors
from recollect.adapters.postgres.words import Stemmer
from recollect.domain.searchable import searchable_text
from recollect.errors import AlreadyExists
from recollect.ports.copying import Cursor, KeptMemory, Progress, Row, Table, going_on

_MADE_OF_MEMORIES = ("passage", "posting", "term")
# Numbers are drawn up to the greatest that was copied; nobody else's are given out twice.
_DRAW = """
select count(nextval(%(sequence)s)) from generate_series(
    coalesce(pg_sequence_last_value(%(sequence)s), 0) + 1,
    (select coalesce(max({column}), 0) from {table} where tenant = %(tenant)s)
)
"""
_NUMBERED = (
    ("memory_key", Table.MEMORY),
    ("job_id_seq", Table.JOB),
    ("recall_key_seq", Table.RECALL),
)
_FINISH = """
update tenant set copying = null,
seq = (select coalesce(max(seq), 0) from log where log.tenant = tenant.name)
where name = %s
"""


class PostgresCopies:
    """A CopySource of a database, and a CopyTarget if that may receive copies."""

    def __init__(self, database: Database, stemmer: Stemmer) -> None:
        self._database = database
        self._stemmer = stemmer

    async def tenants(self) -> list[str]:
        return await self._database.tenants()

    async def count(self, tenant: str, table: Table) -> int:
        count = f"select count(*) from {table} where tenant = %s"  # noqa: S608
        return (await self._database.rows(tenant, count, [tenant]))[0][0]

    async def rows(self, tenant: str, table: Table, after: Cursor, limit: int) -> list[Row]:
        if table is Table.MEMORY:
            return await self._database.read(tenant, lambda c: _memories(c, tenant, after, limit))
        key = ", ".join(table.key)
        columns = ", ".join(
            f"{name}::text" if kind == "json" else name for name, kind in table.columns.items()
        )
        behind = f"and ({key}) > ({_marks(after)})" if after else ""
        return await self._database.rows(
            tenant,
            f"select {columns} from {table} where tenant = %s {behind} order by {key} limit %s",  # noqa: S608
            [tenant, *after, limit],
        )

    async def progress(self, tenant: str) -> Progress | None:
        return await self._database.write(tenant, lambda c: _progress(c, tenant))

    async def unfinished(self) -> list[str]:
        return await self._database.tenants("copying is not null")

    async def begin(self, tenant: str, origin: str) -> None:
        async def work(cursor: DatabaseCursor) -> None:
            await cursor.execute(
                "insert into tenant (name) values (%s) on conflict do nothing", [tenant]
            )
            begun = await _progress(cursor, tenant)
            await cursor.execute("select 1 from log where tenant = %s limit 1", [tenant])
            if begun or await cursor.fetchone():
                raise AlreadyExists("the store holds memories already")
            for table in Table:
                await _empty(cursor, tenant, table)
            await _note(cursor, tenant, Progress(origin=origin))

        await self._database.write(tenant, work)

    async def write(self, tenant: str, table: Table, after: Cursor, rows: Sequence[Row]) -> None:
        async def work(cursor: DatabaseCursor) -> None:
            moved = going_on(await _progress(cursor, tenant)).moved(table, after, rows)
            if table is Table.MEMORY:
                memories = [row for row in rows if isinstance(row, KeptMemory)]
                await _insert_memories(cursor, tenant, memories, self._stemmer)
            else:
                await _insert(cursor, tenant, table, rows)
            await _note(cursor, tenant, moved)

        await self._database.write(tenant, work)

    async def clear(self, tenant: str, table: Table) -> None:
        async def work(cursor: DatabaseCursor) -> None:
            progress = going_on(await _progress(cursor, tenant))
            await _note(cursor, tenant, progress.to(table, ()))
            await _empty(cursor, tenant, table)

        await self._database.write(tenant, work)

    async def abandon(self, tenant: str) -> None:
        async def work(cursor: DatabaseCursor) -> None:
            going_on(await _progress(cursor, tenant))
            for table in Table:
                await _empty(cursor, tenant, table)
            await cursor.execute("update tenant set copying = null where name = %s", [tenant])

        await self._database.write(tenant, work)

    async def finish(self, tenant: str) -> None:
        async def work(cursor: DatabaseCursor) -> None:
            going_on(await _progress(cursor, tenant))
            for sequence, table in _NUMBERED:
                draw = _DRAW.format(table=table, column=table.key[0])
                await cursor.execute(draw.encode(), {"sequence": sequence, "tenant": tenant})
            await cursor.execute(_FINISH, [tenant])
            # So that the first questions are planned with what the tables hold.
            await cursor.execute(f"analyze {', '.join((*Table, *_MADE_OF_MEMORIES))}".encode())

        await self._database.write(tenant, work)


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))


async def _progress(cursor: DatabaseCursor, tenant: str) -> Progress | None:
    """The progress; nobody else moves it before the commit."""
    await cursor.execute("select copying from tenant where name = %s for update", [tenant])
    row = await cursor.fetchone()
    return Progress.from_json(row[0]) if row and row[0] is not None else None


async def _note(cursor: DatabaseCursor, tenant: str, progress: Progress) -> None:
    await cursor.execute(
        "update tenant set copying = %s where name = %s", [progress.to_json(), tenant]
    )


async def _empty(cursor: DatabaseCursor, tenant: str, table: Table) -> None:
    for emptied in (table, *(_MADE_OF_MEMORIES if table is Table.MEMORY else ())):
        delete = f"delete from {emptied} where tenant = %s"  # noqa: S608
        await cursor.execute(delete.encode(), [tenant])
    if table is Table.MEMORY:
        await cursor.execute("update tenant set texts = 0, words = 0 where name = %s", [tenant])


async def _insert(cursor: DatabaseCursor, tenant: str, table: Table, rows: Sequence[Row]) -> None:
    columns = ["tenant", *table.columns]
    insert = (
        f"insert into {table} ({', '.join(columns)}) overriding system value "  # noqa: S608
        f"values ({_marks(columns)})"
    )
    await cursor.executemany(insert.encode(), [(tenant, *row) for row in rows])


async def _memories(cursor: DatabaseCursor, tenant: str, after: Cursor, limit: int) -> list[Row]:
    page = await keyed_memories(cursor, BY_KEY, [tenant, int(after[0]) if after else 0, limit])
    if not page:
        return []
    vectors = await kept_vectors(cursor, tenant, [row.key for row in page])
    return [
        KeptMemory.of(key, memory, embedded_by, vectors.get(key, []), unpacked)
        for key, embedded_by, memory in page
    ]


async def _insert_memories(
    cursor: DatabaseCursor, tenant: str, rows: Sequence[KeptMemory], stemmer: Stemmer
) -> None:
    stored = [(row.key, row.embedded_by, *to_row(row.memory)) for row in rows]
    await INSERT.run(cursor, tenant, stored)
    made = [(row.key, row.memory, row.embedded) for row in rows if row.embedded]
    await insert_vectors(cursor, tenant, made)
    terms = await stemmer.terms(cursor, [searchable_text(row.memory) for row in rows])
    keyed = [(row.key, found) for row, found in zip(rows, terms, strict=True)]
    await add(cursor, tenant, keyed)
