"""What could not be mirrored: kept until it changes, told to whoever may see it."""

from recollect.domain.note_paths import identities
from recollect.domain.scopes import ROOT
from recollect.operations.context import Context
from recollect.ports import Agreement, NoteRepository, SkippedFile


def skipped_files(context: Context) -> list[SkippedFile]:
    """What could not be mirrored when it was last tried, of the principal's scopes, by path."""
    if context.mirror is None:
        return []
    # An unreadable file in the place of a note is both.
    by_path = {skipped.path: skipped for skipped in context.mirror.skipped()}
    return [by_path[path] for path in sorted(by_path) if _is_visible(context, by_path[path])]


async def still_skipped(
    repository: NoteRepository, agreement: Agreement | None, head: str | None
) -> list[SkippedFile]:
    """The files that could not be taken in before, and are the same in the commit `head`."""
    if agreement is None or not agreement.skipped:
        return []
    files = [skipped for skipped in agreement.skipped if skipped.note_id is None]
    before, now = await repository.notes(agreement.commit), await repository.notes(head)
    return [s for s in files if s.path in now and before.get(s.path) == now[s.path]]


def notes_to_try_again(agreement: Agreement) -> set[str]:
    """Notes that had no file: what was in their way may be gone."""
    return {skipped.note_id for skipped in agreement.skipped if skipped.note_id is not None}


def _is_visible(context: Context, skipped: SkippedFile) -> bool:
    scopes = [scope for scope, _ in identities(skipped.path)] or [ROOT]
    return all(context.principal.scopes.covers(scope) for scope in scopes)
