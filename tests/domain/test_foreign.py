"""What is read from the stores of other tools, and where it goes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import THEN, note

from recollect.domain.changes import Revision, Verb
from recollect.domain.foreign.filing import Filed, Filing, file_all
from recollect.domain.foreign.markdown import claude_note, serena_note
from recollect.domain.foreign.mcp_memory import graph
from recollect.domain.foreign.notes import Found, FoundLink, FoundNote, Refused, SourceFile
from recollect.domain.foreign.revising import revised
from recollect.domain.memory import MAX_CONTENT_BYTES, Link, Memory
from recollect.errors import Conflict

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def source(path: str, content: str | bytes = "Text.\n") -> SourceFile:
    raw = content.encode() if isinstance(content, str) else content
    return SourceFile(path=path, origin=f"/x/{path}", content=raw, modified_at=THEN)


def found(name: str, content: str = "Text.", scope: str = "") -> FoundNote:
    return FoundNote(origin=name, scope=scope, name=name, content=content, occurred_at=THEN)


@pytest.mark.parametrize(
    ("path", "scope", "place"),
    [
        ("overview.md", None, ("app", "overview")),
        ("modules/front.end.md", None, ("app", "modules/front.end")),
        ("global/style/commits.md", None, ("", "style/commits")),
        ("globally.md", None, ("app", "globally")),
        ("overview.md", "work", ("work", "overview")),
        ("global/style.md", "work", ("work", "style")),
        ("global/style.md", "", ("", "style")),
        ("overview.md", "", ("", "overview")),
    ],
)
def test_a_serena_memory_goes_to_its_project_or_to_the_root(
    path: str, scope: str | None, place: tuple[str, str]
) -> None:
    memory = serena_note(source(path, "See mem:a/b.\n"), project="app", scope=scope)
    assert isinstance(memory, FoundNote)
    assert (memory.scope, memory.name) == place
    assert (memory.content, memory.occurred_at) == ("See mem:a/b.\n", THEN)


def test_a_claude_note_is_named_by_its_path() -> None:
    names = {
        "CLAUDE.md": "CLAUDE",
        "team/refunds.md": "team/refunds",
        "preferences.txt": "preferences.txt",
        "guide.xml": "guide.xml",
    }
    notes = [claude_note(source(path), scope="work") for path in names]
    assert [n.name for n in notes if isinstance(n, FoundNote)] == list(names.values())


def test_a_file_that_is_not_utf8_is_refused() -> None:
    assert claude_note(source("a.md", b"\xff\xfe"), scope="") == Refused(
        origin="/x/a.md", reason="it is not UTF-8"
    )


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    memory = claude_note(source("a.md", b"\xef\xbb\xbfText\r\n"), scope="")
    assert isinstance(memory, FoundNote)
    assert memory.content == "Text\r\n"


def graph_of(*items: object) -> list[Found]:
    lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
    return list(graph(source("memory.jsonl", "\n".join(lines)), scope="kg"))


ADA = {
    "type": "entity",
    "name": "Ada Lovelace",
    "entityType": "person",
    "observations": ["Wrote the notes", "Likes maths\nand looms"],
}


def test_an_entity_becomes_a_note_with_a_line_for_each_observation() -> None:
    (ada,) = graph_of(ADA, "")
    assert ada == FoundNote(
        origin="Ada Lovelace",
        scope="kg",
        name="Ada Lovelace",
        content="# Ada Lovelace\n\n- Wrote the notes\n- Likes maths\n  and looms\n",
        occurred_at=THEN,
        tags=("person",),
    )


def test_a_byte_order_mark_before_a_graph_does_no_harm() -> None:
    assert graph_of("\ufeff" + json.dumps(ADA)) == graph_of(ADA)


def test_an_entity_without_observations_is_its_name() -> None:
    (engine,) = graph_of({"type": "entity", "name": "Engine", "entityType": ""})
    assert isinstance(engine, FoundNote)
    assert (engine.content, engine.tags) == ("# Engine\n", ())


def test_a_relation_becomes_a_link() -> None:
    (link,) = graph_of({"type": "relation", "from": "Ada", "to": "Engine", "relationType": "runs"})
    assert link == FoundLink(
        origin="Ada runs Engine", scope="kg", from_name="Ada", to_name="Engine", type="runs"
    )


@pytest.mark.parametrize(
    "line",
    [
        "no json", "[]", "null", "{}", "[" * 100_000, '{"type": "entity", "name": " "}',
        '{"type": "entity", "name": "\\ud800", "observations": []}',
        {"type": "entity", "name": 5}, {"type": "entity", "name": "x", "observations": "y"},
        {"type": "entity", "name": "x", "observations": ["y", 5]}, {"type": "other"},
        {"type": "relation", "from": "x", "to": "y"},
    ],
    ids=range(12),
)  # fmt: skip
def test_a_wrong_line_of_a_graph_is_refused_and_the_rest_is_read(line: object) -> None:
    refused, ada = graph_of(line, ADA)
    assert isinstance(refused, Refused)
    assert isinstance(ada, FoundNote)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)))
def test_every_observation_is_one_item(observations: list[str]) -> None:
    (entity,) = graph_of(ADA | {"observations": observations})
    assert isinstance(entity, FoundNote)
    lines = entity.content.split("\n")
    assert sum(line.startswith("- ") for line in lines) == len(observations)


def filed(*items: Found) -> Filing:
    return file_all("tool", items, NOW)


def memories_of(filing: Filing) -> list[Memory]:
    return [item.record for item in filing.filed if isinstance(item.record, Memory)]


def test_a_filed_note_tells_where_it_comes_from() -> None:
    (memory,) = memories_of(filed(found("My notes", scope="My project")))
    assert (memory.scope, memory.name, memory.source) == ("My-project", "My-notes", "tool")
    assert memory.metadata == {"imported_name": "My notes", "imported_scope": "My project"}
    assert (memory.occurred_at, memory.created_at, memory.updated_at) == (THEN, NOW, NOW)


def test_a_note_whose_name_fits_has_no_metadata() -> None:
    (memory,) = memories_of(filed(found("db/choice", scope="acme")))
    assert memory.metadata == {}


def test_the_same_note_gets_the_same_id_and_no_other_does() -> None:
    places = [("", "a"), ("", "b"), ("s", "a")]
    ids = {
        (tool, scope, name): memories_of(file_all(tool, [found(name, scope=scope)], NOW))[0].id
        for tool in ("one", "two")
        for scope, name in places
    }
    assert len(set(ids.values())) == 6
    later = file_all("one", [found("a", "Other text")], NOW + timedelta(days=1))
    assert memories_of(later)[0].id == ids["one", "", "a"]
    assert ids["one", "", "a"] == "cf3f1621-2ce5-5d72-8bbe-0111a8bd0cbb"


def test_of_two_notes_with_one_name_the_one_that_bore_it_is_filed() -> None:
    filing = filed(found("a b"), found("a!b"), found("a-b"), found("a b", scope="s"))
    assert [item.origin for item in filing.filed] == ["a-b", "a b"]
    assert [refused.origin for refused in filing.refused] == ["a b", "a!b"]
    assert "a-b" in filing.refused[0].reason


def test_links_join_what_is_filed_and_others_are_refused() -> None:
    relation = {"origin": "r", "scope": "", "type": "knows"}
    filing = filed(
        FoundLink(from_name="a b", to_name="c", **relation),
        FoundLink(from_name="a b", to_name="nobody", **relation),
        found("a b"),
        found("c"),
    )
    ids = {memory.name: memory.id for memory in memories_of(filing)}
    link = Link(from_id=ids["a-b"], to_id=ids["c"], type="knows")
    assert filing.filed[-1] == Filed(origin="r", record=link)
    assert len(filing.refused) == 1


@pytest.mark.parametrize("content", ["", " \n", "x" * (MAX_CONTENT_BYTES + 1)])
def test_what_no_note_can_hold_is_refused(content: str) -> None:
    filing = filed(found("a", content), found("b"))
    assert [refused.origin for refused in filing.refused] == ["a"]
    assert [item.origin for item in filing.filed] == ["b"]


def history(*steps: tuple[Verb, Memory | None]) -> list[Revision]:
    return [
        Revision(revision=number, recorded_at=THEN, actor="x", verb=verb, memory=memory)
        for number, (verb, memory) in enumerate(steps, start=1)
    ]


OLD, NEW, OURS = (note(text, name="n", id="n") for text in ("Old.", "New.", "Ours."))


def test_what_is_new_starts_its_revisions_here() -> None:
    assert revised(note(name="n", id="n", revision=7), []) == note(name="n", id="n", revision=1)


def test_what_says_the_same_is_stored_already_whatever_its_dates() -> None:
    later = note("Old.", name="n", id="n", occurred_at=NOW, updated_at=NOW)
    assert revised(later, history(("adopt", OLD))) is None
    assert revised(later, history(("adopt", NEW), ("edit", OLD))) is None
    assert revised(later, history(("import", OLD))) is None


def test_what_changed_in_the_source_becomes_the_next_revision() -> None:
    stored = note("Old.", name="n", id="n", created_at=THEN - timedelta(days=1))
    memory = revised(NEW, history(("adopt", OURS), ("adopt", stored)))
    assert memory is not None
    assert (memory.content, memory.revision) == ("New.", 3)
    assert memory.created_at == stored.created_at


@pytest.mark.parametrize(
    "steps",
    [
        [("adopt", OLD), ("edit", OURS)],
        [("adopt", OLD), ("remember", OURS)],
        [("adopt", OLD), ("move", note("New.", name="m", id="n"))],
        [("adopt", NEW), ("edit", OURS)],
        [("adopt", OLD), ("forget", None)],
        [("adopt", NEW), ("forget", None)],
        [("import", OLD)],
    ],
    ids=str,
)
def test_what_was_changed_or_forgotten_here_is_never_overwritten(
    steps: list[tuple[Verb, Memory | None]],
) -> None:
    with pytest.raises(Conflict):
        revised(NEW, history(*steps))
