"""Notes merged by content."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.yaml_texts import extras

from recollect.domain.merge import NoteMerge, conflict_name, merge_notes
from recollect.domain.names import check_name
from recollect.domain.note_files import NoteFile, parse, render
from recollect.domain.note_paths import check_portable

BASE = NoteFile(
    id="base",
    name="tea",
    tags=("drink", "hot"),
    created_at="2026-07-19T10:00:00Z",
    updated_at="2026-07-19T10:00:00Z",
    source="Ann",
    body="# Tea\n\nAt four.\n\nWith milk.\n",
    extra={"pinned": "pinned: yes\n"},
)
SOON = "2026-07-19T10:00:00.000000001Z"
LATER = "2026-07-19T10:00:00.000000002Z"

some_times = st.sampled_from([BASE.updated_at, SOON, LATER, "2026-07-19T12:00:00+02:00"])
some_bodies = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=6).map(
    lambda lines: "\n".join(lines).lstrip("\n")
)
some_notes = st.builds(
    NoteFile,
    id=st.sampled_from(["1", "2"]),
    name=st.sampled_from(["a/b", "b"]),
    tags=st.lists(st.sampled_from(["x", "y", "z", "1"]), max_size=4).map(tuple),
    scope=st.sampled_from(["", "s"]),
    created_at=some_times,
    updated_at=some_times,
    source=st.none() | st.sampled_from(["", "Ann"]),
    body=some_bodies,
    extra=extras,
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[NoteFile | None, NoteFile | None, NoteFile | None]:
    """A note, if there was one, and what two sides made of it."""
    base = draw(st.none() | some_notes)
    return base, draw(_edits(base)), draw(_edits(base))


def _edits(base: NoteFile | None) -> st.SearchStrategy[NoteFile | None]:
    if base is None:
        return st.none() | some_notes
    partly = st.builds(
        _with_fields_of, st.just(base), some_notes, st.sets(st.sampled_from(_FIELDS))
    )
    return st.none() | partly | partly


_FIELDS = ("id", "name", "tags", "scope", "created_at", "updated_at", "source", "body", "extra")


def _with_fields_of(base: NoteFile, other: NoteFile, fields: set[str]) -> NoteFile:
    return replace(base, **{field: getattr(other, field) for field in fields})


def edited(**fields: object) -> NoteFile:
    return replace(BASE, **{"updated_at": SOON, **fields})  # pyright: ignore[reportArgumentType]


def both_ways(
    ours: NoteFile | None, theirs: NoteFile | None, base: NoteFile | None = BASE
) -> NoteMerge:
    merge = merge_notes(base, ours, theirs)
    assert merge_notes(base, theirs, ours) == merge
    return merge


def merged(ours: NoteFile, theirs: NoteFile, base: NoteFile | None = BASE) -> NoteFile:
    note = both_ways(ours, theirs, base).note
    assert note is not None
    return note


def lines(*notes: NoteFile | None) -> set[str]:
    return {line for note in notes if note for line in note.body.split("\n") if line}


@given(histories())
def test_the_sides_may_be_swapped(history: Sequence[NoteFile | None]) -> None:
    base, ours, theirs = history

    assert merge_notes(base, ours, theirs) == merge_notes(base, theirs, ours)


@given(histories())
def test_a_side_that_changed_nothing_takes_the_other(history: Sequence[NoteFile | None]) -> None:
    base, ours, _ = history

    assert merge_notes(base, ours, base).note == ours
    assert merge_notes(base, ours, base).loser is None


@given(histories())
def test_sides_that_did_the_same_agree(history: Sequence[NoteFile | None]) -> None:
    base, ours, _ = history

    assert merge_notes(base, ours, ours) == NoteMerge(note=ours)


@given(histories())
def test_no_line_that_a_side_added_is_lost(history: Sequence[NoteFile | None]) -> None:
    base, ours, theirs = history
    merge = merge_notes(base, ours, theirs)

    assert lines(ours, theirs) - lines(base) <= lines(merge.note, merge.loser)


@given(histories())
def test_clones_that_merge_apart_agree_without_another_conflict(
    history: Sequence[NoteFile | None],
) -> None:
    base, ours, theirs = history
    here, there = merge_notes(base, ours, theirs), merge_notes(base, theirs, ours)

    for common in (base, ours, theirs):
        assert merge_notes(common, here.note, there.note) == NoteMerge(note=here.note)


@given(histories())
def test_a_clone_that_merges_the_merge_takes_it(history: Sequence[NoteFile | None]) -> None:
    base, ours, theirs = history
    merge = merge_notes(base, ours, theirs)

    assert merge_notes(theirs, merge.note, theirs).note == merge.note


@given(histories())
def test_a_merged_note_can_be_written_and_read(history: Sequence[NoteFile | None]) -> None:
    merge = merge_notes(*history)

    for note in (merge.note, merge.loser):
        assert note is None or parse(render(note)) == note


def test_changes_to_body_and_fields_are_joined() -> None:
    ours = edited(body=BASE.body.replace("four", "five"), tags=("drink", "hot", "ours"))
    theirs = edited(
        body=BASE.body + "And sugar.\n", source="Bob", updated_at=LATER, tags=("theirs", "hot"),
        extra={**BASE.extra, "mood": "mood: good\n"},
    )  # fmt: skip

    assert merged(ours, theirs) == NoteFile(
        id="base", name="tea", tags=("hot", "theirs", "ours"), created_at=BASE.created_at,
        updated_at=LATER, source="Bob", body="# Tea\n\nAt five.\n\nWith milk.\nAnd sugar.\n",
        extra={"pinned": "pinned: yes\n", "mood": "mood: good\n"},
    )  # fmt: skip


def test_of_a_field_that_both_changed_the_newer_counts_to_the_nanosecond() -> None:
    ours, theirs = edited(source="ours"), edited(source="theirs", updated_at=LATER)

    assert merged(ours, theirs).source == "theirs"
    assert merged(replace(ours, updated_at="2026-07-19T12:00:00.1+02:00"), theirs).source == "ours"


def test_a_field_that_one_side_changed_is_kept_however_old_the_change() -> None:
    ours, theirs = edited(source=None, scope="home"), edited(name="chai", updated_at=LATER)
    note = merged(ours, edited(updated_at=LATER))

    assert (note.source, note.scope, note.updated_at) == (None, "home", LATER)
    assert merged(ours, theirs).name == "chai"


def test_entries_of_others_are_merged_one_by_one() -> None:
    ours = edited(extra={"pinned": "pinned: no\n", "a": "a: 1\n", "both": "both: 1\n"})
    theirs = edited(extra={"both": "both: 2\n"}, updated_at=LATER)

    assert merged(ours, theirs).extra == {"a": "a: 1\n", "both": "both: 2\n"}


def test_bodies_that_contradict_each_other_leave_the_newer_and_give_the_older() -> None:
    ours = edited(body="# Tea\n\nAt five.\n\nWith milk.\n", tags=("ours",))
    theirs = edited(body="# Tea\n\nAt six.\n\nWith milk.\n", updated_at=LATER)
    merge = both_ways(ours, theirs)

    assert merge.loser == ours
    assert merge.note == replace(theirs, tags=("ours",))


def test_equal_times_are_told_apart_by_bytes() -> None:
    merge = both_ways(edited(body="one"), edited(body="two"))

    assert merge.note
    assert merge.loser
    assert {merge.note.body, merge.loser.body} == {"one", "two"}


def test_notes_made_apart_keep_the_first_identity_and_the_newer_body() -> None:
    ours = edited(id="first", body="one", source=None, tags=("a", "b"), extra={})
    theirs = edited(
        id="second", body="two", created_at=SOON, updated_at=LATER, tags=("b", "c"), source=None
    )
    merge = both_ways(ours, replace(theirs, source=None), base=None)

    assert merge.loser == ours
    assert merge.note == replace(
        theirs, id="first", created_at=ours.created_at, tags=("b", "c", "a")
    )
    assert merged(replace(ours, source="Ann"), theirs, base=None).source == "Ann"
    assert both_ways(ours, replace(theirs, body="one"), base=None).loser is None
    assert both_ways(ours, replace(theirs, body=""), base=None).loser is None
    assert merged(ours, replace(theirs, body=""), base=None).body == "one"


def test_notes_made_apart_are_not_joined_line_by_line() -> None:
    ours, theirs = edited(body="one\n", id="a"), edited(body="x\n\ntwo", id="b")

    assert both_ways(ours, theirs, base=None).loser is not None


def test_a_merged_body_begins_with_no_line_break() -> None:
    base = replace(BASE, body="a\n")
    ours, theirs = edited(body=""), edited(body="a\n\nc")

    assert merged(ours, theirs, base).body == "c"


def test_a_note_that_one_side_deletes_is_gone_unless_the_other_edited_it() -> None:
    assert both_ways(None, BASE) == NoteMerge(note=None)
    assert both_ways(None, None) == NoteMerge(note=None)
    assert both_ways(None, edited(source="x")) == NoteMerge(
        note=edited(source="x"), deletion_undone=True
    )
    assert both_ways(None, BASE, base=None) == NoteMerge(note=BASE)
    assert both_ways(None, None, base=None) == NoteMerge(note=None)


@pytest.mark.parametrize(
    "name",
    [
        "tea",
        "a/b/c",
        "x" * 240,
        "é" * 120,
        "お" * 80,
        f"{'a' * 238}/b",
        f"a/{'b' * 230}/c",
        f"{'a' * 218}/{'b' * 20}",
    ],
)
def test_a_conflict_has_a_name_that_can_be_filed(name: str) -> None:
    told = conflict_name(name, edited(body="one"))

    assert check_name(told) == told
    assert told.startswith(name[:60])
    assert told == conflict_name(name, edited(body="one", id="else"))
    assert told != conflict_name(name, edited(body="two"))
    check_portable("", told)


def test_a_conflict_is_named_after_its_note() -> None:
    assert conflict_name("db/tea", edited(body="one")) == "db/tea.conflict-7692c3ad"
