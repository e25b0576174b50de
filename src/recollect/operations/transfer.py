"""Export every record as JSON Lines, and import such lines again."""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import Batch, Change, Embedded, NewJob, Put, PutLink, PutRecord
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.domain.selection import Position, Selection
from recollect.domain.serialisation import memory_to_json
from recollect.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    RecollectError,
)
from recollect.operations.context import Context
from recollect.operations.embedding import embed_now
from recollect.operations.lines import (
    FORMAT,
    as_line,
    check_format,
    link_to_json,
    parse_line,
    record_to_json,
)
from recollect.operations.request import Result

PAGE = 200


class Skipped(Result):
    """A line that was not imported, and why."""

    line: int
    reason: str


class Imported(Result):
    """What an import did. `unchanged` lines were there already."""

    imported: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = Field(default_factory=list[Skipped])


async def export(context: Context) -> AsyncGenerator[str]:
    """Give every record the principal sees as lines of JSON, the format's name first.

    Memories come in the order of lists, each page from its own snapshot; then links, then
    registry records.
    """
    context.principal.require(Right.READ, ())
    yield as_line(FORMAT)
    selection = Selection(scopes=context.principal.scopes)
    after: Position | None = None
    while page := await context.records.browse(context.tenant, selection, after, PAGE):
        for memory in page:
            yield as_line({"type": "memory"} | memory_to_json(memory))
        after = Position.of(page[-1])
    after = None
    while page := await context.records.browse(context.tenant, selection, after, PAGE):
        for link in await _links(context, [memory.id for memory in page]):
            yield as_line(link_to_json(link))
        after = Position.of(page[-1])
    if context.principal.scopes.is_everything:
        for record in await context.records.registry(context.tenant, ""):
            yield as_line(record_to_json(record))


async def _links(context: Context, ids: list[str]) -> list[Link]:
    """The links from these memories to others that the principal sees."""
    links = await context.records.links(context.tenant, ids)
    ends = await context.records.get(context.tenant, [link.to_id for link in links])
    seen = {memory.id for memory in ends if context.principal.scopes.covers(memory.scope)}
    return [link for link in links if link.to_id in seen]


async def import_lines(context: Context, lines: AsyncIterable[str]) -> Imported:
    """Store what an export gave, ids, dates and revisions as they are.

    Importing the same lines twice changes nothing. A line that contradicts what is stored is
    skipped and reported; the lines around it are stored. So is a memory with a field that its
    kind does not have; what else a link or a registry record holds is left out.

    Raises:
        InvalidRequest: The first line does not name our format; nothing was stored.
    """
    context.principal.require(Right.WRITE, ())
    importing = _Importing(context)
    begun = False
    number = 0
    async for line in lines:
        number += 1
        if not line.strip():
            continue
        if begun:
            await importing.add(number, line)
        else:
            check_format(line)
            begun = True
    await importing.flush()
    if not begun:
        raise InvalidRequest("there is nothing to import: the first line must name the format")
    return Imported(
        imported=importing.imported,
        unchanged=importing.unchanged,
        skipped=sorted(importing.skipped, key=lambda skipped: skipped.line),
    )


@dataclass(frozen=True, slots=True)
class _Item:
    number: int
    record: Memory | Link | RegistryRecord


class _Importing:
    """Takes lines one by one and stores them in portions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reaches_everything = context.principal.scopes.is_everything
        self._waiting: list[_Item] = []
        self.imported = 0
        self.unchanged = 0
        self.skipped: list[Skipped] = []

    async def add(self, number: int, line: str) -> None:
        """Take a line; a wrong one is noted."""
        try:
            record = parse_line(line)
            if isinstance(record, Memory):
                self._context.principal.require(Right.WRITE, (record.scope,))
            elif isinstance(record, RegistryRecord) and not self._reaches_everything:
                raise Denied("this credential does not reach records that belong to no scope")
        except RecollectError as error:
            self._skip(number, error)
            return
        self._waiting.append(_Item(number, record))
        if len(self._waiting) >= PAGE:
            await self.flush()

    async def flush(self) -> None:
        """Store what waits: all at once, or one by one if something is contradictory."""
        items, self._waiting = self._waiting, []
        changed = [item for item in items if await self._is_new(item)]
        self.unchanged += len(items) - len(changed)
        try:
            await self._store(changed)
        except (Conflict, NotFound):
            for item in changed:
                await self._store_alone(item)

    async def _store_alone(self, item: _Item) -> None:
        try:
            if await self._is_new(item):
                await self._store([item])
            else:  # a line before it said the same
                self.unchanged += 1
        except (Conflict, NotFound) as error:
            self._skip(item.number, error)

    async def _store(self, items: list[_Item]) -> None:
        if not items:
            return
        context = self._context
        memories = [item.record for item in items if isinstance(item.record, Memory)]
        embedded: tuple[Embedded, ...] = ()
        jobs: tuple[NewJob, ...] = ()
        if memories:
            embedding = await embed_now(context, memories)
            embedded, jobs = embedding.embedded, embedding.jobs
        batch = Batch(
            at=context.now(),
            actor=context.principal.name,
            origin=context.origin,
            changes=tuple([await self._change(item.record) for item in items]),
            embedded=embedded,
            jobs=jobs,
        )
        await context.records.commit(context.tenant, batch)
        self.imported += len(items)

    async def _is_new(self, item: _Item) -> bool:
        """Whether storing the record would change anything."""
        context = self._context
        match item.record:
            case Memory() as memory:
                found = await context.records.get(context.tenant, [memory.id])
                return not found or _differs(memory, found[0])
            case Link() as link:
                return link not in await context.records.links(context.tenant, [link.from_id])
            case RegistryRecord() as record:
                stored = await context.records.registry(context.tenant, record.type)
                return all(s.id != record.id or _differs(record, s) for s in stored)

    async def _change(self, record: Memory | Link | RegistryRecord) -> Change:
        context = self._context
        match record:
            case Memory() as memory:
                found = await self._found([memory.id])
                expected = _expected(memory.id, found[0] if found else None, memory)
                return Put(memory=memory, expected_revision=expected, verb="import")
            case Link() as link:
                await self._found([link.from_id, link.to_id])
                return PutLink(link=link)
            case RegistryRecord():
                stored = await context.records.registry(context.tenant, record.type)
                found = next((s for s in stored if s.id == record.id), None)
                expected = _expected(record.id, found, record)
                return PutRecord(record=record, expected_revision=expected)

    async def _found(self, ids: list[str]) -> list[Memory]:
        """The memories with these ids that are stored; NotFound if one is out of reach."""
        found = await self._context.records.get(self._context.tenant, ids)
        for memory in found:
            if not self._context.principal.scopes.covers(memory.scope):
                raise NotFound(memory.id)
        return found

    def _skip(self, number: int, error: RecollectError) -> None:
        self.skipped.append(Skipped(line=number, reason=str(error)))


_Revised: TypeAlias = Memory | RegistryRecord


def _differs(given: _Revised, stored: _Revised) -> bool:
    """Whether the given revision is newer than the stored one, or another one of its number."""
    return given.revision > stored.revision or (
        given.revision == stored.revision and given != stored
    )


def _expected(reference: str, stored: _Revised | None, given: _Revised) -> int:
    """The revision that the given one follows; raises AlreadyExists where they contradict."""
    if stored is None:
        return 0
    if stored.revision >= given.revision:
        raise AlreadyExists(f"{reference} is stored with other fields at this revision")
    return stored.revision
