"""What there is of a project, and what it takes to delete it."""

from dataclasses import dataclass

from recollect.domain.changes import Change, DropRecord, Erase, Expect
from recollect.domain.memory import Kind, Memory, RegistryRecord
from recollect.domain.scopes import Look
from recollect.operations.citations import consequences
from recollect.operations.context import Context
from recollect.operations.registry import CATEGORY, CATEGORY_TAG, SET, with_owner
from recollect.operations.selecting import of_kinds
from recollect.operations.summaries import SUMMARY

_KINDS = (Kind.EPISODE, Kind.FACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """All that goes with a project.

    Attributes:
        changes: Delete it, provided that the project's record is as it was found, and whatever
            rests on its episodes: else they fail with one of `CHANGED_MEANWHILE`.
    """

    changes: tuple[Change, ...]
    episodes: int
    facts: int


async def remains(context: Context, project: RegistryRecord) -> Remains:
    """What there is of exactly this project: nothing of its organisation's, and no notes.

    The organisation's facts that cite nothing but its episodes are closed.
    """
    scope = project.id
    memories = await _memories(context, scope)
    forgotten = sorted(await context.records.forgotten(context.tenant, scope, _KINDS))
    episodes = [memory for memory in memories if memory.kind is Kind.EPISODE]
    expected = Expect(type=project.type, id=project.id, revision=project.revision)
    return Remains(
        changes=(
            expected,
            *(await consequences(context, memories)).changes,
            *(Erase(id=memory_id) for memory_id in (*(m.id for m in memories), *forgotten)),
            *await _records(context, scope),
            DropRecord(type=project.type, id=project.id),
        ),
        episodes=len(episodes),
        facts=len(memories) - len(episodes),
    )


async def _memories(context: Context, scope: str) -> list[Memory]:
    selection = context.selection(scope, Look.EXACT, of_kinds(_KINDS))
    count = await context.records.count(context.tenant, selection)
    return await context.records.browse(context.tenant, selection, None, count)


async def _records(context: Context, scope: str) -> list[DropRecord]:
    """What drops the records of the scope: categories, their tags, sets and summaries."""
    categories = await with_owner(context, CATEGORY, "scope", scope)
    ids = [category.id for category in categories]
    tags = await with_owner(context, CATEGORY_TAG, "category_id", *ids)
    named = [
        record
        for record_type in (SET, SUMMARY)
        for record in await context.records.registry(context.tenant, record_type)
        if record.id.startswith(f"{scope}|")
    ]
    return [DropRecord(type=r.type, id=r.id) for r in (*categories, *tags, *named)]
