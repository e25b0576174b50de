"""Checking and rebuilding what is derived from the records."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Literal

from recollect.adapters.postgres.database import Cursor, Database
from recollect.adapters.postgres.loading import hold_tenant
from recollect.adapters.postgres.postings import add
from recollect.adapters.postgres.rows import BY_KEY, KeyedMemory, keyed_memories, text_key
from recollect.adapters.postgres.vectors import kept_vectors
from recollect.adapters.postgres.words import Stemmer, Terms
from recollect.domain.passages import vectors_problem
from recollect.domain.searchable import passage_source, searchable_text
from recollect.errors import InvalidRequest
from recollect.ports import Fault

_PAGE = 500
# All terms of a memory as one short text: they lie ordered by term, not by memory.
_POSTINGS = """
select memory_key, md5(string_agg(term || ':' || occurrences || ':' || words, ' ' order by term))
from posting where tenant = %s group by memory_key
"""
_COUNTS_ARE_WRONG = """
select exists (
    select 1 from (select term, memories from term where tenant = %(tenant)s) kept
    full join (
        select term, count(*) as memories from posting where tenant = %(tenant)s group by term
    ) found using (term)
    where kept.memories is distinct from found.memories
) or exists (
    select 1 from tenant where name = %(tenant)s
    and texts <> (select count(*) from memory where tenant = %(tenant)s)
)
"""
_DROP_WRONG = """
with wrong as (
    update memory set embedded_by = null where tenant = %s and id = any(%s) returning key
)
delete from passage using wrong where tenant = %s and memory_key = wrong.key
"""
_ORPHANS = """
select distinct v.memory_key from passage v where v.tenant = %(tenant)s
and not exists (select 1 from memory m where m.tenant = v.tenant and m.key = v.memory_key)
"""


class PostgresMaintenance:
    """Maintenance of one tenant's rows."""

    def __init__(self, database: Database, stemmer: Stemmer) -> None:
        self._database = database
        self._stemmer = stemmer

    async def check(self, tenant: str, *, repair: bool) -> list[Fault]:
        checked = _Checked(tenant, self._stemmer)
        if repair:
            return await self._database.write(tenant, checked.repair)
        return await self._database.read(tenant, checked.faults)

    async def rebuild(self, tenant: str) -> int:
        return await self._database.write(tenant, _Checked(tenant, self._stemmer).rebuild)

    async def backup(self, tenant: str, target: str) -> int:
        del tenant, target
        raise InvalidRequest(
            "a PostgreSQL database is backed up with PostgreSQL's own tools, such as pg_dump; "
            "`recollect export` writes the memories to a file"
        )

    async def ping(self, tenant: str) -> None:
        async def work(cursor: Cursor) -> None:
            await cursor.execute("select 1 from tenant where name = %s for update", [tenant])

        await self._database.write(tenant, work)


class _Checked:
    """A tenant whose projections are compared with its records."""

    def __init__(self, tenant: str, stemmer: Stemmer) -> None:
        self._tenant = tenant
        self._stemmer = stemmer

    async def faults(self, cursor: Cursor) -> list[Fault]:
        """Every difference, found page by page so that a large store fits in memory."""
        found = [fault async for fault in self._memory_faults(cursor)]
        await cursor.execute(_ORPHANS, {"tenant": self._tenant})
        for (key,) in await cursor.fetchall():
            found.append(_fault("vectors", f"#{key}", "belongs to no memory"))
        await cursor.execute(_COUNTS_ARE_WRONG, {"tenant": self._tenant})
        if (row := await cursor.fetchone()) and row[0]:
            found.append(_fault("text", "", "the counts of terms are wrong"))
        return found

    async def repair(self, cursor: Cursor) -> list[Fault]:
        """Find every difference and make the projections true again."""
        await hold_tenant(cursor, self._tenant)
        faults = await self.faults(cursor)
        if any(fault.projection == "text" for fault in faults):
            await self._rebuild_text(cursor)
        await cursor.execute(
            "delete from passage v where v.tenant = %s and not exists "
            "(select 1 from memory m where m.tenant = v.tenant and m.key = v.memory_key)",
            [self._tenant],
        )
        wrong = [fault.memory_id for fault in faults if fault.projection == "vectors"]
        await cursor.execute(_DROP_WRONG, [self._tenant, wrong, self._tenant])
        return [replace(fault, repaired=True) for fault in faults]

    async def rebuild(self, cursor: Cursor) -> int:
        """Make the text index anew and drop all vectors; returns how many memories there are."""
        await hold_tenant(cursor, self._tenant)
        await self._rebuild_text(cursor)
        await cursor.execute("delete from passage where tenant = %s", [self._tenant])
        await cursor.execute(
            "update memory set embedded_by = null where tenant = %s", [self._tenant]
        )
        return cursor.rowcount

    async def _rebuild_text(self, cursor: Cursor) -> None:
        for table in ("posting", "term"):
            await cursor.execute(
                f"delete from {table} where tenant = %s".encode(),  # noqa: S608
                [self._tenant],
            )
        await cursor.execute(
            "update tenant set texts = 0, words = 0 where name = %s", [self._tenant]
        )
        async for page in self._pages(cursor):
            texts = [searchable_text(memory) for _, _, memory in page]
            terms = await self._stemmer.terms(cursor, texts)
            keyed = [(key, found) for (key, _, _), found in zip(page, terms, strict=True)]
            await add(cursor, self._tenant, keyed)

    async def _pages(self, cursor: Cursor) -> AsyncGenerator[list[KeyedMemory]]:
        last = 0
        while page := await keyed_memories(cursor, BY_KEY, [self._tenant, last, _PAGE]):
            last = page[-1].key
            yield page

    async def _memory_faults(self, cursor: Cursor) -> AsyncGenerator[Fault]:
        await cursor.execute(_POSTINGS, [self._tenant])
        digests: dict[int, str] = dict(await cursor.fetchall())
        async for page in self._pages(cursor):
            texts = [searchable_text(memory) for _, _, memory in page]
            terms = await self._stemmer.terms(cursor, texts)
            vectors = await kept_vectors(cursor, self._tenant, [row.key for row in page])
            for (key, embedded_by, memory), found in zip(page, terms, strict=True):
                digested = digests.pop(key, None)
                if digested != _digested(found):
                    problem = "is missing" if digested is None else "differs from the record"
                    yield _fault("text", memory.id, problem)
                kept = vectors.get(key, [])
                if wrong := vectors_problem(kept, embedded_by, passage_source(memory)):
                    yield _fault("vectors", memory.id, wrong)
        for key in digests:
            yield _fault("text", f"#{key}", "belongs to no memory")


def _digested(found: Terms) -> str | None:
    """The text that `_POSTINGS` makes of the same terms."""
    parts = [f"{term}:{count}:{found.words}" for term, count in sorted(found.counts.items())]
    return text_key(" ".join(parts)) if parts else None


def _fault(projection: Literal["text", "vectors"], memory_id: str, problem: str) -> Fault:
    return Fault(projection=projection, memory_id=memory_id, problem=problem, repaired=False)
