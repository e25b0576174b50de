"""Selections as SQL conditions over `memory m`."""

from collections.abc import Sequence

from recollect.adapters.sqlite.filters import SqlValue, compile_filter
from recollect.adapters.sqlite.rows import dump, marks
from recollect.adapters.sqlite.times import to_micros
from recollect.domain.scopes import ScopeSet
from recollect.domain.selection import Position, Selection

EVERYWHERE = "1"
"""The condition that is true of every row."""


def compile_selection(selection: Selection) -> tuple[str, list[SqlValue]]:
    """The condition and its values."""
    condition, values = compile_scopes(selection.scopes)
    if selection.filter is not None:
        matches, more = compile_filter(selection.filter)
        condition, values = f"{condition} and ({matches})", [*values, *more]
    return condition, values


def compile_test(selection: Selection) -> tuple[str, list[SqlValue]]:
    """The same for rows that something else finds: no index serves it.

    Left to choose, SQLite goes through all that lies in a scope, 3 ms for 15,000, rather than look
    up a hundred ids.
    """
    condition, values = compile_selection(selection)
    return f"({condition}) is true", values


def compile_chosen(selection: Selection, ids: Sequence[str]) -> tuple[str, list[SqlValue]]:
    """The selected ones of these ids, as the rest of a statement `select ... from memory m`."""
    condition, values = compile_test(selection)
    where = f"where m.id in (select value from json_each(?)) and {condition}"  # noqa: S608
    return where, [dump(list(ids)), *values]


def compile_reach(selection: Selection) -> tuple[str, list[SqlValue]]:
    """Where the selected rows lie, and of which kind they are: a condition that indexes serve.

    Few facts among many messages are found by the index of facts alone.
    """
    condition, values = compile_scopes(selection.scopes)
    if len(selection.kinds) == 1:
        # Written out: SQLite takes the index of one kind only when it sees which one is meant.
        condition += "".join(f" and m.kind = '{kind}'" for kind in selection.kinds)
    return condition, values


def compile_scopes(scopes: ScopeSet) -> tuple[str, list[SqlValue]]:
    """The condition that `m.scope` is covered; ranges, so that an index serves it."""
    if scopes.is_everything:
        return EVERYWHERE, []
    # One list: a chain of ORs is as deep as it is long, and SQLite stops at 1000.
    conditions = [f"m.scope in ({marks(scopes.exact)})"] if scopes.exact else []
    values: list[SqlValue] = [*sorted(scopes.exact)]
    for root in sorted(scopes.subtrees):
        conditions.append("m.scope = ? or (m.scope >= ? and m.scope < ?)")
        values += [root, root + "/", root + "0"]  # '0' is the character behind '/'
    return f"({' or '.join(conditions) or '0'})", values


PLACE = "m.scope, coalesce(m.name, ''), m.occurred_at, coalesce(m.position, 0), m.id"
"""The order of lists, as `Position` has it."""


def compile_place(after: Position) -> list[SqlValue]:
    """The values that a row of PLACE compares with."""
    return [after.scope, after.name, to_micros(after.occurred_at), after.place, after.id]
