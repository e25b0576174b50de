"""The repository of memory-mcp: Markdown files whose frontmatter tells what they are."""

from recollect.domain.foreign.notes import Found, FoundNote, Refused, SourceFile
from recollect.domain.memory import JsonValue
from recollect.domain.note_files import instant, parse
from recollect.errors import UnreadableNote

IMPORTED_FRONTMATTER = "imported_frontmatter"
"""The key of the metadata that holds entries of the frontmatter that memory-mcp does not know."""


def repository_note(file: SourceFile, *, below: str) -> Found:
    """The note in a file of the repository; its frontmatter decides, not its path.

    Args:
        file: Any file of `global` or `projects`.
        below: The scope below which the note's own goes; `''` is the root.
    """
    try:
        note = parse(file.content)
    except UnreadableNote as error:
        return Refused(origin=file.origin, reason=str(error))
    metadata: dict[str, JsonValue] = {}
    if note.extra:
        metadata[IMPORTED_FRONTMATTER] = "".join(note.extra.values())
    created_at = instant(note.created_at)
    return FoundNote(
        origin=file.origin,
        scope="/".join(filter(None, (below, note.scope))),
        name=note.name,
        content=note.body,
        occurred_at=created_at,
        created_at=created_at,
        updated_at=instant(note.updated_at),
        tags=note.tags,
        id=note.id,
        source=note.source,
        metadata=metadata,
    )
