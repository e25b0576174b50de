"""Export every record as JSON Lines, and import such lines again."""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field

from recollect.domain.access import Right
from recollect.domain.changes import KeepRevision, Put
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.domain.selection import Position, Selection
from recollect.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    RecollectError,
)
from recollect.operations.context import Context, store
from recollect.operations.embedding import Embedding, embed_now
from recollect.operations.lines import (
    FORMAT,
    Current,
    Foreign,
    Record,
    as_line,
    check_format,
    link_line,
    memory_line,
    parse_line,
    past_line,
    record_line,
)
from recollect.operations.planning import Plan, Step
from recollect.operations.request import Result

PAGE = 200

ORIGIN = "import"
"""The origin of every change that an import makes; its actor may be somebody of elsewhere."""


class Skipped(Result):
    """A line that was not imported, and why."""

    line: int
    reason: str


class Planned(Result):
    """A line that would be imported, and whether it replaces something."""

    line: int
    change: Literal["new", "changed"]


class Imported(Result):
    """What an import did, or would do. `unchanged` lines were there already."""

    imported: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = Field(default_factory=list[Skipped])
    planned: list[Planned] = Field(default_factory=list[Planned])
    """Of a dry run, the lines that would be imported."""


async def export(context: Context) -> AsyncGenerator[str]:
    """Give every record the principal sees as lines of JSON, the format's name first.

    Memories come in the order of lists, each page from its own snapshot; then links, then
    registry records, then the past: what memories were before, and what was forgotten.
    """
    context.principal.require(Right.READ, ())
    yield as_line(FORMAT)
    for part in (_memories, _links, _registry, _past):
        async for fields in part(context):
            yield as_line(fields)


async def _memories(context: Context) -> AsyncGenerator[dict[str, Any]]:
    async for page in _pages(context):
        recorded = await context.records.recorded(context.tenant, [memory.id for memory in page])
        for memory in page:
            yield memory_line(memory, recorded.get(memory.id))


async def _links(context: Context) -> AsyncGenerator[dict[str, Any]]:
    async for page in _pages(context):
        for link in await _links_from(context, [memory.id for memory in page]):
            yield link_line(link)


async def _registry(context: Context) -> AsyncGenerator[dict[str, Any]]:
    if context.principal.scopes.is_everything:
        for record in await context.records.registry(context.tenant, ""):
            yield record_line(record)


async def _past(context: Context) -> AsyncGenerator[dict[str, Any]]:
    after: tuple[str, int] | None = None
    while page := await context.records.past(context.tenant, after, PAGE):
        for kept in page:
            if context.principal.scopes.covers(_scope(kept)):
                yield past_line(kept)
        after = (page[-1].memory_id, page[-1].revision.revision)


async def _pages(context: Context) -> AsyncGenerator[list[Memory]]:
    """The memories that the principal sees, in the order of lists."""
    selection = Selection(scopes=context.principal.scopes)
    after: Position | None = None
    while page := await context.records.browse(context.tenant, selection, after, PAGE):
        yield page
        after = Position.of(page[-1])


def _scope(kept: KeepRevision) -> str:
    """Where the memory was at this revision, or before it was forgotten."""
    if kept.revision.memory is not None:
        return kept.revision.memory.scope
    return kept.before.scope if kept.before else ""


async def _links_from(context: Context, ids: list[str]) -> list[Link]:
    """The links from these memories to others that the principal sees."""
    links = await context.records.links(context.tenant, ids)
    ends = await context.records.get(context.tenant, [link.to_id for link in links])
    seen = {memory.id for memory in ends if context.principal.scopes.covers(memory.scope)}
    return [link for link in links if link.to_id in seen]


async def import_lines(
    context: Context, lines: AsyncIterable[str], *, dry_run: bool = False
) -> Imported:
    """Store what an export gave, ids, dates, revisions and their authors as they are.

    Importing the same lines twice changes nothing. A line that contradicts what is stored is
    skipped and reported; the lines around it are stored. So is a memory with a field that its
    kind does not have; what else a link or a registry record holds is left out.

    A memory of another tool (a line of the type `foreign`) gets a revision of ours whenever the
    tool has changed it; one that was changed or forgotten here meanwhile is skipped.

    Args:
        context: Who imports, and where to.
        lines: The format's name, then a record each.
        dry_run: Tell what would be done, and store nothing.

    Raises:
        InvalidRequest: The first line does not name our format; nothing was stored.
    """
    context.principal.require(Right.WRITE, ())
    importing = _Importing(replace(context, origin=ORIGIN), dry_run=dry_run)
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
    await importing.await_files()
    if not begun:
        raise InvalidRequest("there is nothing to import: the first line must name the format")
    return importing.result()


@dataclass(frozen=True, slots=True)
class _Item:
    number: int
    record: Record

    @property
    def key(self) -> tuple[str, ...]:
        """What the record is known by."""
        match self.record:
            case Foreign(memory=memory) | Current(memory=memory):
                return (memory.id,)
            case KeepRevision(memory_id=memory_id, revision=revision):
                return (memory_id, str(revision.revision), "", "past")
            case Link(from_id=from_id, to_id=to_id, type=link_type):
                return (from_id, to_id, link_type)
            case RegistryRecord(type=record_type, id=record_id):
                return (record_type, record_id)


class _Importing:
    """Takes lines one by one and stores them in portions, or only plans to."""

    def __init__(self, context: Context, *, dry_run: bool) -> None:
        self._context = context
        self._reaches_everything = context.principal.scopes.is_everything
        self._dry_run = dry_run
        self._plan = Plan(context)
        self._waiting: dict[tuple[str, ...], _Item] = {}
        self._adopted: set[str] = set()
        self._last_seq = 0
        self._imported = 0
        self._unchanged = 0
        self._skipped: list[Skipped] = []
        self._planned: list[Planned] = []

    def result(self) -> Imported:
        """What was done so far."""
        return Imported(
            imported=self._imported,
            unchanged=self._unchanged,
            skipped=sorted(self._skipped, key=lambda skipped: skipped.line),
            planned=self._planned,
        )

    async def add(self, number: int, line: str) -> None:
        """Take a line; a wrong one is noted."""
        try:
            item = _Item(number, parse_line(line))
            self._require_reach(item.record)
            self._require_once(item.record)
        except RecollectError as error:
            self._skip(number, error)
            return
        if len(self._waiting) >= PAGE or item.key in self._waiting:
            await self.flush()
        self._waiting[item.key] = item

    def _require_reach(self, record: Record) -> None:
        match record:
            case Link():
                return  # its ends are looked at when it is stored
            case RegistryRecord():
                if not self._reaches_everything:
                    raise Denied("this credential does not reach records that belong to no scope")
            case KeepRevision():
                self._context.principal.require(Right.WRITE, (_scope(record),))
            case Foreign(memory=memory) | Current(memory=memory):
                self._context.principal.require(Right.WRITE, (memory.scope,))

    def _require_once(self, record: Record) -> None:
        """Refuse a second state of another tool's memory: it is not known which is the newer."""
        if isinstance(record, Foreign):
            if record.memory.id in self._adopted:
                raise AlreadyExists(f"{record.memory.id} comes twice")
            self._adopted.add(record.memory.id)

    async def flush(self) -> None:
        """Store what waits: all at once, or one by one if something is contradictory."""
        items, self._waiting = list(self._waiting.values()), {}
        steps = [(item, step) for item in items if (step := await self._step(item))]
        if self._dry_run:
            self._note(steps)
            return
        self._plan.clear()
        try:
            await self._store([step for _, step in steps])
        except (Conflict, NotFound):
            # Somebody else wrote in between: look again.
            for item, _ in steps:
                await self._store_alone(item)

    async def await_files(self) -> None:
        """Let the mirror write what came in, as long as for a write."""
        if self._context.mirror is not None and self._last_seq:
            await self._context.mirror.reached(self._context.tenant, self._last_seq)

    async def _step(self, item: _Item) -> Step | None:
        try:
            step = await self._plan.step(item.record)
        except (Conflict, NotFound) as error:
            self._skip(item.number, error)
            return None
        self._unchanged += step is None
        return step

    async def _store_alone(self, item: _Item) -> None:
        self._plan.clear()
        step = await self._step(item)
        try:
            await self._store([step] if step else [])
        except (Conflict, NotFound) as error:
            self._skip(item.number, error)

    async def _store(self, steps: list[Step]) -> None:
        if not steps:
            return
        context = self._context
        changes = tuple(step.change for step in steps)
        memories = [change.memory for change in changes if isinstance(change, Put)]
        embedding = await embed_now(context, memories) if memories else Embedding((), (), ())
        receipt = await store(context, *changes, embedded=embedding.embedded, jobs=embedding.jobs)
        self._last_seq = receipt.entries[-1].seq
        self._imported += len(steps)

    def _note(self, steps: list[tuple[_Item, Step]]) -> None:
        self._imported += len(steps)
        self._planned += [
            Planned(line=item.number, change="changed" if step.replaces else "new")
            for item, step in steps
        ]

    def _skip(self, number: int, error: RecollectError) -> None:
        self._skipped.append(Skipped(line=number, reason=str(error)))
