"""Selections as SQL conditions over `memory m`."""

from collections.abc import Sequence
from typing import Any

from recollect.adapters.postgres.bulk import array
from recollect.adapters.postgres.database import Cursor
from recollect.adapters.postgres.filters import compile_filter
from recollect.domain.filters import And, Comparison, Filter, In, RecordField
from recollect.domain.scopes import ScopeSet
from recollect.domain.selection import Position, Selection

FEW = 5_000
"""So many memories are listed in a millisecond or two, and all compared in ten."""

_INDEXED = (RecordField("scope"), RecordField("occurred_at"))

EVERYWHERE = "true"
"""The condition that is true of every row."""

PLACE = "m.scope, coalesce(m.name, ''), m.occurred_at, coalesce(m.position, 0), m.id"
"""The order of lists, as `Position` has it."""


def compile_selection(tenant: str, selection: Selection) -> tuple[str, list[Any]]:
    """The condition and its values; the tenant is part of it."""
    condition, values = compile_scopes(selection.scopes)
    condition, values = f"m.tenant = %s and {condition}", [tenant, *values]
    if selection.filter is not None:
        matches, more = compile_filter(selection.filter)
        condition, values = f"{condition} and ({matches})", [*values, *more]
    return condition, values


def compile_chosen(tenant: str, selection: Selection, ids: Sequence[str]) -> tuple[str, list[Any]]:
    """The selected ones of these ids, as the rest of a statement `select ... from memory m`."""
    condition, values = compile_selection(tenant, selection)
    return f"where m.id = any(%s::text[]) and {condition}", [array(ids), *values]


async def are_few(cursor: Cursor, tenant: str, selection: Selection, most: int = FEW) -> bool:
    """Whether so many memories at most fulfil what indexes know of it; counts no further.

    They know scopes, kinds and times.
    """
    condition, values = compile_scopes(selection.scopes)
    if len(selection.kinds) == 1:
        # Written out: an index of one kind is only taken when it is seen which one is meant.
        condition += "".join(f" and m.kind = '{kind}'" for kind in selection.kinds)
    for part in _parts(selection.filter):
        if isinstance(part, Comparison | In) and part.field in _INDEXED:
            matches, more = compile_filter(part)
            condition, values = f"{condition} and {matches}", [*values, *more]
    if condition == EVERYWHERE:
        return False
    await cursor.execute(
        "select count(*) from (select 1 from memory m "  # noqa: S608
        f"where m.tenant = %s and {condition} limit %s) counted".encode(),
        [tenant, *values, most + 1],
    )
    row = await cursor.fetchone()
    return row is not None and row[0] <= most


def _parts(condition: Filter | None) -> Sequence[Filter]:
    """What has to be true all together."""
    match condition:
        case None:
            return ()
        case And(parts):
            return [inner for part in parts for inner in _parts(part)]
        case _:
            return (condition,)


def compile_scopes(scopes: ScopeSet) -> tuple[str, list[Any]]:
    """The condition that `m.scope` is covered; ranges, so that an index serves it."""
    if scopes.is_everything:
        return EVERYWHERE, []
    conditions = ["m.scope = any(%s)"] if scopes.exact else []
    values: list[Any] = [sorted(scopes.exact)] if scopes.exact else []
    for root in sorted(scopes.subtrees):
        conditions.append("m.scope = %s or (m.scope >= %s and m.scope < %s)")
        values += [root, root + "/", root + "0"]  # '0' is the character behind '/'
    return f"({' or '.join(conditions) or 'false'})", values


def compile_place(after: Position) -> list[Any]:
    """The values that a row of PLACE compares with.

    A forged place may hold NUL, which PostgreSQL does not take and no stored text holds.
    """
    scope, name, memory_id = (
        text.replace("\0", "\x01") for text in (after.scope, after.name, after.id)
    )
    return [scope, name, after.occurred_at, after.place, memory_id]
