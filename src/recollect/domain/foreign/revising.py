"""Importing the same memory of another tool again: what is new, and what was changed here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from recollect.domain.changes import Revision
from recollect.domain.memory import Memory
from recollect.errors import Conflict

_NEVER = datetime.min.replace(tzinfo=UTC)


def revised(given: Memory, history: Sequence[Revision]) -> Memory | None:
    """What to store of another tool's memory; None if it is stored already.

    What the tool said last is the newest revision with the verb `adopt`; whatever came after it
    was done here and is never overwritten. Dates say nothing: a copied file has a new one.

    Args:
        given: The memory as the tool has it now.
        history: All revisions with its id, oldest first.

    Raises:
        Conflict: It was changed or forgotten here since it was imported.
    """
    if not history:
        return replace(given, revision=1)
    newest = history[-1]
    if newest.memory is None:
        raise Conflict("it was forgotten here; erase it to import it again")
    if _says_the_same(given, newest.memory):
        return None
    if newest.verb == "adopt":
        created_at = newest.memory.created_at
        return replace(given, revision=newest.revision + 1, created_at=created_at)
    adopted = next((r.memory for r in reversed(history) if r.verb == "adopt"), None)
    if adopted is not None and _says_the_same(given, adopted):
        raise Conflict("it was changed here since it was imported; the source is as it was")
    raise Conflict("it was changed both here and in the source; bring the two together by hand")


def _says_the_same(one: Memory, other: Memory) -> bool:
    return _undated(one) == _undated(other)


def _undated(memory: Memory) -> Memory:
    return replace(memory, occurred_at=_NEVER, created_at=_NEVER, updated_at=_NEVER, revision=1)
