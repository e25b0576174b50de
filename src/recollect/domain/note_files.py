"""Notes as Markdown files: frontmatter between two lines `---`, a blank line, the body.

The format is memory-mcp's. No reader of it keeps line breaks at the head of a body, so none are
written: a caller that wants back what it gave removes them itself. A file whose first line ends
with CR and LF is read as if all its lines ended with LF alone, as they do once it is written anew.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from recollect.domain.frontmatter import (
    Block,
    read_mapping,
    read_text,
    read_texts,
    split,
    written_mapping,
    written_text,
    written_texts,
)
from recollect.domain.note_paths import check_identity, identities
from recollect.domain.scopes import ROOT
from recollect.errors import InvalidRequest, UnreadableNote

_OPENING = "---\n"
_OPENING_OF_WINDOWS = "---\r\n"
_CLOSING = "\n---\n"
_FIELDS = ("id", "name", "tags", "scope", "created_at", "updated_at", "source")
_OPTIONAL = frozenset({"source"})
_ROOT_TYPES = frozenset({"Root", "Global"})
_PATH_TYPES = frozenset({"Path", "Project"})
_LIKE_FRONTMATTER = re.compile(r"---[ \t]*(?:\r?\n|\r|\Z)")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_MINUTE = 60  # seconds, the leap second apart


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFile:
    """What the file of a note says.

    Attributes:
        id: Any text; of notes that were written by a program a UUID.
        scope: `''` is the root.
        created_at: RFC 3339, to the nanosecond, spelled as it is stored.
        updated_at: Like `created_at`.
        body: Begins with no line break.
        extra: Entries of the frontmatter with other keys, as they stand there, by key; each ends
            with a line break.
    """

    id: str
    name: str
    tags: tuple[str, ...] = ()
    scope: str = ROOT
    created_at: str
    updated_at: str
    source: str | None = None
    body: str
    extra: Mapping[str, str] = field(default_factory=dict[str, str])


def parse(data: bytes) -> NoteFile:
    """The note that the file holds.

    Raises:
        UnreadableNote: It holds none; the message says why, without any of its text.
    """
    blocks, _, body = _divided(data)
    return _note(blocks, body)


def has_frontmatter(data: bytes) -> bool:
    """Whether the file begins as those of notes do; others may be plain Markdown."""
    return data.startswith((_OPENING.encode(), _OPENING_OF_WINDOWS.encode()))


def render(note: NoteFile) -> bytes:
    """The file of a new note: fields in the format's order, then those of others."""
    entries = "".join(_entries(note).values())
    return f"{_OPENING}{entries}---\n\n{_body(note)}".encode()


def rewrite(old: bytes, note: NoteFile) -> bytes:
    """The old file with the entries and the body replaced that are different in the note.

    All else keeps its bytes: comments, order, entries of others, spelling.

    Raises:
        UnreadableNote: The old file holds no note.
    """
    blocks, gap, body = _divided(old)
    before, after = _entries(_note(blocks, body)), _entries(note)
    kept = [
        block.text
        if block.key is None or after.get(block.key) == before.get(block.key)
        else after.get(block.key, "")
        for block in blocks
    ]
    keys = {block.key for block in blocks}
    added = [text for key, text in after.items() if key not in keys]
    if not body and _body(note):
        gap = gap or "\n"
    return f"{_OPENING}{''.join(kept + added)}---\n{gap}{_body(note)}".encode()


def adopt(path: str, data: bytes, now: str, new_id: str) -> NoteFile:
    """The note that a person means by plain Markdown at this path, filed by the path.

    Raises:
        UnreadableNote: It begins like a note with frontmatter, is not UTF-8, or its path is that of
            no note.
    """
    text = _decoded(data).removeprefix("\ufeff")
    if _LIKE_FRONTMATTER.match(text):
        raise UnreadableNote("it begins with `---` but is no note; mend its frontmatter")
    if not identities(path):
        raise UnreadableNote("its path names no note; rename it")
    scope, name = identities(path)[0]
    return NoteFile(
        id=new_id, name=name, scope=scope, created_at=now, updated_at=now, body=text.lstrip("\n")
    )


def nanoseconds(time: str) -> int:
    """Nanoseconds since 1970 in UTC, to compare stored times by; finer digits are cut off.

    Raises:
        ValueError: The text is no time by RFC 3339.
    """
    match = _TIME.fullmatch(time)
    if match is None or int(match[3]) > _LONGEST_MINUTE:
        raise ValueError("not a time by RFC 3339")
    date, minute, second, fraction, offset = match.groups(default="")
    since = datetime.fromisoformat(f"{date}T{minute}{offset.upper()}") - _EPOCH
    seconds = since // timedelta(seconds=1) + int(second)
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0"))


def instant(time: str) -> datetime:
    """The stored time in UTC, cut to microseconds.

    Raises:
        ValueError: The text is no time by RFC 3339, or none between the years 1 and 9999.
    """
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds(time) // 1000)
    except OverflowError as error:
        raise ValueError("not a time between the years 1 and 9999") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UnreadableNote("it is not UTF-8") from None  # the cause holds the text


def _divided(data: bytes) -> tuple[Sequence[Block], str, str]:
    """The frontmatter, the line breaks behind it, and the body."""
    text = _decoded(data)
    if text.startswith(_OPENING_OF_WINDOWS):  # from an editor or a git that writes such line breaks
        text = text.replace("\r\n", "\n")
    if not text.startswith(_OPENING):
        raise UnreadableNote("its first line is not `---`")
    end = text.find(_CLOSING)
    if end < 0:
        raise UnreadableNote("no line `---` ends its frontmatter")
    behind = text[end + len(_CLOSING) :]
    body = behind.lstrip("\n")
    gap = behind[: len(behind) - len(body)]
    return split(text[len(_OPENING) : end + 1]), gap, body


def _note(blocks: Sequence[Block], body: str) -> NoteFile:
    entries = {block.key: block for block in blocks if block.key is not None}
    missing = [key for key in _FIELDS if key not in entries and key not in _OPTIONAL]
    if missing:
        raise UnreadableNote(f"its frontmatter lacks {', '.join(missing)}")
    source = read_text(entries["source"]) if "source" in entries else None
    note = NoteFile(
        id=read_text(entries["id"]).text,
        name=read_text(entries["name"]).text,
        tags=read_texts(entries["tags"]),
        scope=_read_scope(entries["scope"]),
        created_at=_read_time(entries["created_at"]),
        updated_at=_read_time(entries["updated_at"]),
        source=None if source is None or source.is_null else source.text,
        body=body,
        extra={key: block.text for key, block in entries.items() if key not in _FIELDS},
    )
    try:
        check_identity(note.scope, note.name)
    except InvalidRequest as error:
        raise UnreadableNote(f"it has a name or a scope that is not allowed: {error}") from error
    return note


def _read_scope(block: Block) -> str:
    texts = read_mapping(block)
    if texts.get("type") in _ROOT_TYPES:
        return ROOT
    if texts.get("type") in _PATH_TYPES and texts.get("name"):
        return texts["name"]
    raise UnreadableNote("its scope is neither `type: Root` nor `type: Path` with a name")


def _read_time(block: Block) -> str:
    time = read_text(block).text
    try:
        instant(time)
    except ValueError:
        raise UnreadableNote(f"its {block.key} is no time by RFC 3339") from None
    return time


def _entries(note: NoteFile) -> dict[str, str]:
    """The entry of each field that the note has, by key, in the format's order."""
    place = {"type": "Path", "name": note.scope} if note.scope else {"type": "Root"}
    source = {} if note.source is None else {"source": written_text("source", note.source)}
    return {
        "id": written_text("id", note.id),
        "name": written_text("name", note.name),
        "tags": written_texts("tags", note.tags),
        "scope": written_mapping("scope", place),
        "created_at": f"created_at: {note.created_at}\n",
        "updated_at": f"updated_at: {note.updated_at}\n",
        **source,
        **note.extra,
    }


def _body(note: NoteFile) -> str:
    return note.body.lstrip("\n")
