"""Notes as Markdown files."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.yaml_texts import EXTRA, bodies, notes, texts

from recollect.domain.note_files import (
    NoteFile,
    adopt,
    instant,
    nanoseconds,
    parse,
    render,
    rewrite,
)
from recollect.errors import UnreadableNote

NOW = "2026-07-19T22:04:28.123456789Z"
LATER = "2026-07-19T22:05:01.000000001Z"
FILE = """\
---
id: 0b8f3c1e-6f0a-4a55-9d0e-2f6b1c7d9a10
name: db/pool-timeout
tags:
- postgres
- incident
scope:
  type: Path
  name: acme/api
created_at: 2026-07-19T22:04:28.123456789Z
updated_at: 2026-07-19T22:05:01.000000001Z
source: pairing session
---

Body in Markdown…
"""
NOTE = NoteFile(
    id="0b8f3c1e-6f0a-4a55-9d0e-2f6b1c7d9a10",
    name="db/pool-timeout",
    tags=("postgres", "incident"),
    scope="acme/api",
    created_at=NOW,
    updated_at=LATER,
    source="pairing session",
    body="Body in Markdown…\n",
)
BY_HAND = """\
---
# kept by Ann
updated_at: "2026-07-20T00:05:01+02:00"
name: 'db/pool-timeout'   # as in the runbook

tags: [postgres, "it's", 2026-07-19,
  yes]
scope: {type: Project, name: acme/api}
aliases:
  - pool
  - {more: [a, b]}
# when
created_at: 2026-07-19 22:04:28Z
source: >-
  two
  lines
id: 007
---
Body
"""


def file_with(**entries: str | None) -> bytes:
    """A file whose entries are these texts of YAML, or not there if None."""
    usual = {
        "id": "a", "name": "tea", "tags": "[]", "scope": "{type: Root}", "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip
    all_entries: dict[str, str | None] = {**usual, **entries}
    lines = [f"{key}: {value}\n" for key, value in all_entries.items() if value is not None]
    return f"---\n{''.join(lines)}---\n\nTea.".encode()


def entries_of(data: bytes) -> str:
    return data.decode().removeprefix("---\n").partition("\n---\n")[0] + "\n"


def test_a_file_of_the_format_is_read_and_written_to_the_byte() -> None:
    assert parse(FILE.encode()) == NOTE
    assert render(NOTE) == FILE.encode()


def test_a_note_at_the_root_without_tags_and_source() -> None:
    note = NoteFile(id="a", name="tea", created_at=NOW, updated_at=NOW, body="")

    assert render(note).decode() == (
        f"---\nid: a\nname: tea\ntags: []\nscope:\n  type: Root\n"
        f"created_at: {NOW}\nupdated_at: {NOW}\n---\n\n"
    )
    assert parse(render(note)) == note


def test_texts_that_yaml_takes_for_something_else_are_quoted_and_times_are_not() -> None:
    tags = ("yes", "2026-07-19", "007", "1_000", "a b", "お茶", "🍵")
    written = render(replace(NOTE, tags=tags, source="null")).decode()

    assert "tags:\n- 'yes'\n- '2026-07-19'\n- '007'\n- '1_000'\n- a b\n- お茶\n- 🍵\n" in written
    assert "source: 'null'\n" in written
    assert f"created_at: {NOW}\n" in written


def test_a_source_of_several_lines_is_a_literal_block() -> None:
    written = render(replace(NOTE, source="one\n\n  two: # 2")).decode()

    assert "source: |-\n  one\n\n    two: # 2\n---\n" in written


@given(notes)
def test_a_note_written_is_read_as_it_was(note: NoteFile) -> None:
    assert parse(render(note)) == note


@given(notes)
def test_pyyaml_reads_what_is_written(note: NoteFile) -> None:
    own = yaml.load(entries_of(render(note)), yaml.BaseLoader)  # noqa: S506 - strings only

    scope = {"type": "Path", "name": note.scope} if note.scope else {"type": "Root"}
    expected = {
        "id": note.id, "name": note.name, "tags": list(note.tags), "scope": scope,
        "created_at": note.created_at, "updated_at": note.updated_at,
    } | ({} if note.source is None else {"source": note.source})  # fmt: skip
    assert {key: own[key] for key in own if key not in EXTRA} == expected


@given(bodies, st.integers(1, 3))
def test_line_breaks_at_the_head_of_a_body_are_not_kept(body: str, breaks: int) -> None:
    note = replace(NOTE, body="\n" * breaks + body)

    assert parse(render(note)).body == body
    assert parse(rewrite(FILE.encode(), note)).body == body


def test_what_a_person_wrote_is_read() -> None:
    note = parse(BY_HAND.encode())

    assert note == NoteFile(
        id="007",
        name="db/pool-timeout",
        tags=("postgres", "it's", "2026-07-19", "yes"),
        scope="acme/api",
        created_at="2026-07-19 22:04:28Z",
        updated_at="2026-07-20T00:05:01+02:00",
        source="two lines",
        body="Body\n",
        extra={"aliases": "aliases:\n  - pool\n  - {more: [a, b]}\n"},
    )


@pytest.mark.parametrize("word", ["", "~", "null", "Null", "NULL"])
def test_a_source_that_is_nothing_is_absent(word: str) -> None:
    assert parse(file_with(source=word)).source is None
    assert parse(file_with(source=f"'{word}'")).source == word


@pytest.mark.parametrize("scope", ["{type: Root}", "{type: Global}", "\n  type: Global"])
def test_both_spellings_of_the_root_are_read(scope: str) -> None:
    assert parse(file_with(scope=scope)).scope == ""


@pytest.mark.parametrize("scope", ["all", "global"])
def test_scopes_of_old_repositories_that_are_reserved_are_read(scope: str) -> None:
    assert parse(file_with(scope=f"{{type: Project, name: {scope}}}")).scope == scope


@pytest.mark.parametrize(
    "entries",
    [
        {"id": None}, {"name": None}, {"tags": None}, {"scope": None}, {"created_at": None},
        {"updated_at": None}, {"tags": "a"}, {"tags": "[[a]]"}, {"id": "[a]"}, {"id": "a\nid: b"},
        {"scope": "acme"}, {"scope": "{type: Path}"}, {"scope": "{type: Path, name: ''}"},
        {"scope": "{type: Team, name: a}"}, {"scope": "{type: Path, name: a:b}"},
        {"scope": "{type: Path, name: ../a}"}, {"scope": "{type: Path, name: /a}"},
        {"name": "../a"}, {"name": "a/b/c/d"}, {"name": ".git"}, {"name": ""}, {"name": "a b"},
        {"created_at": "yesterday"}, {"created_at": "2026-07-19"},
        {"updated_at": "2026-02-30T00:00:00Z"},
        {"updated_at": "2026-07-19T22:04:28"}, {"updated_at": "2026-07-19T22:04:61Z"},
        {"updated_at": "0001-01-01T00:00:00+01:00"}, {"updated_at": "9999-12-31T23:59:60Z"},
        {"created_at": "٢٠٢٦-07-19T22:04:28Z"}, {"source": "a: secret"}, {"source": "&a b"},
    ],
)  # fmt: skip
def test_a_file_against_the_rules_is_unreadable(entries: dict[str, str | None]) -> None:
    with pytest.raises(UnreadableNote) as refused:
        parse(file_with(**entries))

    assert refused.value.code == "unreadable_note"
    assert "secret" not in str(refused.value)


def test_the_lines_of_windows_are_read_and_written_as_ours():
    data = FILE.replace("\n", "\r\n").encode()

    assert parse(data) == parse(FILE.encode())
    assert rewrite(data, parse(data)) == FILE.encode()


def test_line_breaks_of_windows_in_the_body_alone_are_part_of_it():
    note = replace(parse(FILE.encode()), body="One.\r\nTwo.\r\n")

    assert parse(render(note)).body == note.body


@pytest.mark.parametrize(
    "data",
    [
        b"", b"Tea.", b"---", b"---\n", b"---\n---\n", b"\n" + FILE.encode(),
        b"\xef\xbb\xbf" + FILE.encode(), FILE.encode("utf-16"),
        FILE.encode().replace("…".encode(), b"\xff"),
        FILE.split("\n---\n", maxsplit=1)[0].encode() + b"\n---",
        FILE.replace("\n---\n", "\n--- \n").encode(), FILE.replace("name:", "\x01:", 1).encode(),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableNote):
        parse(data)


def test_the_first_closing_line_ends_the_frontmatter() -> None:
    note = replace(NOTE, body="one\n---\ntwo\n---\n")

    assert parse(render(note)) == note


@pytest.mark.parametrize("old", [FILE, BY_HAND])
def test_rewriting_what_did_not_change_gives_the_same_bytes(old: str) -> None:
    assert rewrite(old.encode(), parse(old.encode())) == old.encode()


@given(notes, st.sampled_from(["", "\n", "\n\n\n"]))
def test_rewriting_any_note_without_change_gives_the_same_bytes(note: NoteFile, gap: str) -> None:
    old = render(note).replace(b"\n---\n\n", f"\n---\n{gap}".encode(), 1)

    assert rewrite(old, parse(old)) == old


@given(notes, notes)
def test_a_rewritten_file_holds_the_new_note(old: NoteFile, new: NoteFile) -> None:
    assert parse(rewrite(render(old), new)) == new


@given(notes)
def test_a_rewritten_file_of_a_person_holds_the_new_note(new: NoteFile) -> None:
    assert parse(rewrite(BY_HAND.encode(), new)) == new


def test_only_what_changed_is_written_anew() -> None:
    note = replace(parse(BY_HAND.encode()), updated_at=LATER, body="New body")

    assert rewrite(BY_HAND.encode(), note).decode() == BY_HAND.replace(
        '"2026-07-20T00:05:01+02:00"', LATER
    ).replace("Body\n", "New body")


def test_a_moved_note_gets_the_present_spelling_of_scopes() -> None:
    note = replace(parse(BY_HAND.encode()), scope="acme/db")

    assert rewrite(BY_HAND.encode(), note).decode() == BY_HAND.replace(
        "scope: {type: Project, name: acme/api}", "scope:\n  type: Path\n  name: acme/db"
    )


def test_a_source_comes_last_and_goes_without_a_trace() -> None:
    bare = FILE.replace("source: pairing session\n", "")

    assert rewrite(bare.encode(), NOTE).decode() == FILE
    assert rewrite(FILE.encode(), replace(NOTE, source=None)).decode() == bare


def test_a_body_for_a_file_that_had_none_stands_behind_a_blank_line() -> None:
    empty = FILE.split("\n---\n", maxsplit=1)[0] + "\n---\n"

    assert rewrite(empty.encode(), NOTE).decode() == FILE


def test_entries_of_others_come_and_go_with_the_note() -> None:
    with_links = replace(NOTE, extra={"links": EXTRA["links"]})
    written = rewrite(FILE.encode(), with_links)

    assert parse(written) == with_links
    assert rewrite(written, NOTE) == FILE.encode()


def test_an_unreadable_file_is_not_rewritten() -> None:
    with pytest.raises(UnreadableNote):
        rewrite(b"Tea.", NOTE)


def test_plain_markdown_becomes_a_note_filed_by_its_path() -> None:
    note = adopt("projects/acme/api/tea.md", b"\n# Tea\nAt four.", NOW, "new")

    assert note == NoteFile(
        id="new", name="tea", scope="acme/api", created_at=NOW, updated_at=NOW,
        body="# Tea\nAt four.",
    )  # fmt: skip
    assert adopt("global/db/tea.md", b"\xef\xbb\xbfTea\r\n", NOW, "new").body == "Tea\r\n"
    assert adopt("global/db/tea.md", b"", NOW, "new").name == "db/tea"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("global/tea.md", b"---\nid: a\n---\n"), ("global/tea.md", b"---"),
        ("global/tea.md", b"---\r\nid: a\r\n"), ("global/tea.md", b"\xef\xbb\xbf---\nid: a\n"),
        ("global/tea.md", b"\xff"), ("projects/tea.md", b"Tea"), ("global/my tea.md", b"Tea"),
        ("global/.tea.md", b"Tea"), ("tea.md", b"Tea"), ("global/a/b/c/d.md", b"Tea"),
        ("projects/a:b/tea.md", b"Tea"),
    ],
)  # fmt: skip
def test_what_is_no_plain_markdown_at_a_note_s_path_is_not_adopted(path: str, data: bytes) -> None:
    with pytest.raises(UnreadableNote):
        adopt(path, data, NOW, "new")


@given(texts)
def test_what_is_adopted_is_kept_whole(text: str) -> None:
    if text.startswith(("---", "\ufeff")):
        return
    note = adopt("global/tea.md", text.encode(), NOW, "new")

    assert note.body == text.lstrip("\n")
    assert parse(render(note)) == note


def test_times_are_compared_to_the_nanosecond_whatever_their_spelling() -> None:
    in_order = [
        "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z", "2026-07-19T22:04:28.1Z",
        "2026-07-20t00:04:28.123456788+02:00", "2026-07-19 22:04:28.123456789z",
        "2026-07-19T22:04:60Z",
    ]  # fmt: skip
    assert sorted(in_order, key=nanoseconds) == in_order
    assert nanoseconds("1970-01-01T01:00:00.000000002+01:00") == 2
    assert nanoseconds("2026-07-19T22:04:60Z") == nanoseconds("2026-07-19T22:05:00Z")
    assert nanoseconds(f"{NOW[:-1]}99Z") == nanoseconds(NOW)


def test_an_instant_is_cut_to_microseconds() -> None:
    assert instant(NOW) == datetime(2026, 7, 19, 22, 4, 28, 123_456, tzinfo=UTC)
    assert instant("1969-12-31T23:59:59.9999999Z") == datetime(
        1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC
    )


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_of_a_written_time_is_that_time(moment: datetime) -> None:
    assert instant(moment.isoformat()) == moment
