"""Tools that keep a note as a Markdown file whose path is its name: Serena, Claude."""

from recollect.domain.foreign.notes import Found, FoundNote, Refused, SourceFile

SERENA_SUFFIXES = (".md",)
CLAUDE_SUFFIXES = (".md", ".txt", ".xml")
"""What Claude's memory tool writes."""

_GLOBAL = "global/"


def serena_note(file: SourceFile, *, project: str, scope: str | None) -> Found:
    """The note in a file of Serena's folder `memories`.

    Args:
        file: Its path is that below `memories`.
        project: Whose memories these are; the scope of what does not lie in `global`.
        scope: The scope to use instead, for both.
    """
    name = file.path.removesuffix(".md")
    if name.startswith(_GLOBAL):
        return _note(file, name.removeprefix(_GLOBAL), "" if scope is None else scope)
    return _note(file, name, project if scope is None else scope)


def claude_note(file: SourceFile, *, scope: str) -> Found:
    """The note in a file of Claude's memory folder, or in a `CLAUDE.md`."""
    return _note(file, file.path.removesuffix(".md"), scope)


def _note(file: SourceFile, name: str, scope: str) -> Found:
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Refused(origin=file.origin, reason="it is not UTF-8")
    return FoundNote(
        origin=file.origin,
        scope=scope,
        name=name,
        content=text,
        occurred_at=file.modified_at,
    )
