"""The notes of memory-mcp's repository, and how its ids and scopes become ours."""

from datetime import UTC, datetime

import pytest
from tests.examples import THEN

from recollect.domain.foreign.filing import Filing, file_all
from recollect.domain.foreign.memory_mcp import repository_note
from recollect.domain.foreign.notes import FoundNote, Refused, SourceFile
from recollect.domain.memory import Memory

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ID = "0b8f3c1e-6f0a-4a55-9d0e-2f6b1c7d9a10"
FILE = """---
id: {id}
name: {name}
tags:
- postgres
- incident
scope:
  type: {scope}
created_at: 2026-07-19T22:04:28.123456789Z
updated_at: 2026-07-19T22:05:01.000000001Z
source: pairing session
{extra}---

The pool was too small.
"""
IN_ACME = "Path\n  name: acme/api"


def source(
    path: str = "projects/acme/api/db/pool.md",
    note_id: str = ID,
    scope: str = IN_ACME,
    name: str = "db/pool",
    extra: str = "",
) -> SourceFile:
    content = FILE.format(id=note_id, scope=scope, name=name, extra=extra).encode()
    return SourceFile(path=path, origin=path, content=content, modified_at=THEN)


def brought(*files: SourceFile, below: str = "") -> tuple[list[Memory], Filing]:
    filing = file_all("memory-mcp", [repository_note(file, below=below) for file in files], NOW)
    return [f.record for f in filing.filed if isinstance(f.record, Memory)], filing


def test_a_note_keeps_what_its_frontmatter_says() -> None:
    (memory,), _ = brought(source())
    assert (memory.id, memory.external_id) == (ID, None)
    assert (memory.scope, memory.name) == ("acme/api", "db/pool")
    assert (memory.tags, memory.source) == (("postgres", "incident"), "pairing session")
    assert memory.created_at == datetime(2026, 7, 19, 22, 4, 28, 123456, tzinfo=UTC)
    assert memory.updated_at == datetime(2026, 7, 19, 22, 5, 1, tzinfo=UTC)
    assert memory.occurred_at == memory.created_at
    assert (memory.content, memory.metadata) == ("The pool was too small.\n", {})


def test_entries_of_others_are_kept_as_metadata() -> None:
    (memory,), _ = brought(source(extra="owner: Ada\naliases:\n- a\n"))
    assert memory.metadata == {"imported_frontmatter": "owner: Ada\naliases:\n- a\n"}


def test_a_note_without_a_source_comes_from_the_tool() -> None:
    file = source()
    content = file.content.replace(b"source: pairing session\n", b"")
    bare = SourceFile(path="x.md", origin="x", content=content, modified_at=THEN)
    assert brought(bare)[0][0].source == "memory-mcp"


@pytest.mark.parametrize(
    ("scope", "below", "place"),
    [
        ("Root", "", ""),
        ("Global", "", ""),
        ("Root", "old", "old"),
        (IN_ACME, "old", "old/acme/api"),
        ("Project\n  name: acme", "", "acme"),
        ("Path\n  name: all", "", "all-scope"),
        ("Path\n  name: global", "", "global-scope"),
        ("Path\n  name: all", "old", "old/all"),
    ],
)
def test_a_scope_stays_or_goes_below_another(scope: str, below: str, place: str) -> None:
    (memory,), _ = brought(source(scope=scope), below=below)
    assert memory.scope == place
    assert ("imported_scope" in memory.metadata) is place.endswith("-scope")


def test_an_id_that_is_no_uuid_is_mapped_and_kept() -> None:
    (memory,), _ = brought(source(note_id="note-7"))
    assert memory.external_id == "note-7"
    assert memory.id == brought(source(note_id="note-7", name="moved"))[0][0].id
    assert brought(source(note_id=ID.upper()))[0][0].id == ID


def test_a_second_note_with_the_same_id_is_refused() -> None:
    memories, filing = brought(source(), source("global/copy.md", name="copy"))
    assert [memory.name for memory in memories] == ["db/pool"]
    assert [refused.origin for refused in filing.refused] == ["global/copy.md"]


def test_a_file_that_is_no_note_is_refused() -> None:
    plain = SourceFile(path="a.md", origin="a.md", content=b"# Plain\n", modified_at=THEN)
    assert isinstance(repository_note(plain, below=""), Refused)
    assert isinstance(repository_note(source(scope="Nowhere"), below=""), Refused)
    assert isinstance(repository_note(source(), below=""), FoundNote)
