"""Reading what a batch touches, while the tenant's row is held."""

from collections.abc import Sequence

from recollect.adapters.postgres.database import Cursor
from recollect.adapters.postgres.rows import session_key, text_key
from recollect.adapters.postgres.touched import Before, LinkKey, Stored, named_ids
from recollect.domain.changes import (
    UNPLACED,
    Change,
    DropLink,
    DropRecord,
    Erase,
    Expect,
    ExpectLinks,
    KeepRevision,
    Put,
    PutRecord,
)
from recollect.domain.flat import FIELDS, memory_of
from recollect.domain.memory import Episode, Kind, Memory
from recollect.domain.placing import unique_key
from recollect.ports.copying import unfinished

_MEMORIES = (
    f"select key, embedded_by, {', '.join(FIELDS)} from memory "  # noqa: S608
    "where tenant = %s and id = any(%s)"
)
_LAST_REVISIONS = """
select memory_id, max(revision) from revision where tenant = %s and memory_id = any(%s)
group by memory_id
"""
_KEPT = """
select memory_id, revision from revision
where tenant = %s and memory_id = any(%s) and revision = any(%s)
"""
_NOTES = """
select m.scope, m.name, m.id
from unnest(%s::text[], %s::text[]) as asked (scope, name)
join memory m on m.tenant = %s and m.kind = 'note' and m.scope = asked.scope and m.name = asked.name
"""
_EPISODES = """
select m.scope, m.session, m.external_id, m.id
from unnest(%s::text[], %s::text[]) as asked (session_key, external_key)
join memory m on m.tenant = %s and m.kind = 'episode'
and m.session_key = asked.session_key and m.external_key = asked.external_key
"""
_ENDS = """
select coalesce((
    select max(m.position) from memory m
    where m.tenant = %s and m.kind = 'episode' and m.session_key = asked.key and m.id <> all(%s)
), -1)
from unnest(%s::text[]) with ordinality as asked (key, place) order by asked.place
"""
_LINKS = """
select from_id, to_id, type from link
where tenant = %s and (from_id = any(%s) or to_id = any(%s))
"""
_REGISTRY = """
select r.type, r.id, r.revision from unnest(%s::text[], %s::text[]) as asked (type_key, id_key)
join registry r on r.tenant = %s and r.type_key = asked.type_key and r.id_key = asked.id_key
"""


async def hold_tenant(cursor: Cursor, tenant: str) -> int:
    """Hold the tenant's row until the commit; returns the number of the log's last line.

    Raises:
        StoreUnavailable: A copy of the tenant is not finished.
    """
    for _ in range(2):
        await cursor.execute("select seq, copying from tenant where name = %s for update", [tenant])
        if row := await cursor.fetchone():
            if row[1] is not None:
                raise unfinished()
            return row[0]
        await cursor.execute(
            "insert into tenant (name) values (%s) on conflict do nothing", [tenant]
        )
    return await hold_tenant(cursor, tenant)


async def load(cursor: Cursor, tenant: str, seq: int, changes: Sequence[Change]) -> Before:
    """Everything that is stored of what the changes name."""
    before = Before(seq=seq)
    ids = sorted(named_ids(changes))
    puts = [change.memory for change in changes if isinstance(change, Put)]
    if ids:
        await cursor.execute(_MEMORIES.encode(), [tenant, ids])
        for key, embedded_by, *row in await cursor.fetchall():
            memory = memory_of(row)
            before.memories[memory.id] = Stored(memory=memory, key=key, embedded_by=embedded_by)
    past = [change for change in changes if isinstance(change, KeepRevision)]
    erased = [change.id for change in changes if isinstance(change, Erase)]
    if revised := [*(m.id for m in puts), *(c.memory_id for c in past), *erased]:
        await cursor.execute(_LAST_REVISIONS, [tenant, revised])
        before.last_revisions = dict(await cursor.fetchall())
    if past:
        numbers = [change.revision.revision for change in past]
        await cursor.execute(_KEPT, [tenant, [change.memory_id for change in past], numbers])
        before.kept = set(await cursor.fetchall())
    await _load_holders(cursor, tenant, before, puts)
    await _load_ends(cursor, tenant, before, (puts, ids))
    await _load_links(cursor, tenant, before, changes)
    await _load_registry(cursor, tenant, before, changes)
    return before


async def _load_holders(
    cursor: Cursor, tenant: str, before: Before, puts: Sequence[Memory]
) -> None:
    """Who has the names and external ids that are to be put, or has those that are given back."""
    notes = {key for m in puts if m.kind is Kind.NOTE and (key := unique_key(m))}
    if notes:
        scopes, names = zip(*notes, strict=True)
        await cursor.execute(_NOTES, [list(scopes), list(names), tenant])
        before.holders |= {(scope, name): i for scope, name, i in await cursor.fetchall()}
    said = {key for m in puts if m.kind is Kind.EPISODE and (key := unique_key(m))}
    if said:
        sessions = [session_key(scope, session) for scope, session, _ in said]
        externals = [text_key(external_id) for *_, external_id in said]
        await cursor.execute(_EPISODES, [sessions, externals, tenant])
        before.holders |= {
            (scope, session, external_id): i
            for scope, session, external_id, i in await cursor.fetchall()
        }


async def _load_ends(
    cursor: Cursor, tenant: str, before: Before, named: tuple[Sequence[Memory], Sequence[str]]
) -> None:
    puts, ids = named
    sessions = {
        (memory.scope, memory.detail.session)
        for memory in puts
        if isinstance(memory.detail, Episode) and memory.detail.position == UNPLACED
    }
    if sessions:
        asked = sorted(sessions)
        keys = [session_key(*session) for session in asked]
        await cursor.execute(_ENDS, [tenant, ids, keys])
        ends = [end for (end,) in await cursor.fetchall()]
        before.ends = dict(zip(asked, ends, strict=True))


async def _load_links(
    cursor: Cursor, tenant: str, before: Before, changes: Sequence[Change]
) -> None:
    starts = [change.from_id for change in changes if isinstance(change, DropLink)]
    targets = [change.to_id for change in changes if isinstance(change, ExpectLinks)]
    if starts or targets:
        await cursor.execute(_LINKS, [tenant, starts, targets])
        found: list[LinkKey] = await cursor.fetchall()
        before.links = set(found)


async def _load_registry(
    cursor: Cursor, tenant: str, before: Before, changes: Sequence[Change]
) -> None:
    named = [
        change.record if isinstance(change, PutRecord) else change
        for change in changes
        if isinstance(change, PutRecord | DropRecord | Expect)
    ]
    if named:
        types, ids = [text_key(n.type) for n in named], [text_key(n.id) for n in named]
        await cursor.execute(_REGISTRY, [types, ids, tenant])
        before.registry = {(t, i): revision for t, i, revision in await cursor.fetchall()}
