"""Changing and moving memories, and their history."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.examples import MINUTE, THEN
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.errors import AlreadyExists, InvalidRequest, NotFound, RevisionConflict
from recollect.operations import (
    Context,
    Edit,
    ForgetOne,
    History,
    Ingest,
    Message,
    Move,
    Read,
    Recall,
    Remember,
    edit,
    forget,
    history,
    ingest,
    move,
    read,
    recall,
    remember,
)

pytestmark = pytest.mark.anyio

FULL = Remember(
    content="Tea at four.",
    name="drink",
    tags=("hot",),
    metadata={"n": 1},
    source="Ann",
    importance=0.5,
    expires_at=THEN + timedelta(days=9),
)


async def test_an_edit_changes_what_it_names_and_nothing_else(
    context: Context, clock: FakeClock
) -> None:
    before = await read(context, Read(id=(await remember(context, FULL)).id))
    clock.pass_by(MINUTE)
    changed = await edit(context, Edit(id=before.id, content="Tea at five."))

    after = await read(context, Read(id=before.id))

    assert after == before.model_copy(
        update={"content": "Tea at five.", "revision": 2, "updated_at": THEN + MINUTE}
    )
    assert (changed.id, changed.revision, changed.name) == (before.id, 2, "drink")


async def test_null_clears_what_can_be_empty_and_leaves_the_rest(context: Context) -> None:
    await remember(context, FULL)
    await edit(context, Edit(name="drink", source=None, importance=None, expires_at=None))
    cleared = await read(context, Read(name="drink"))

    assert (cleared.source, cleared.importance, cleared.expires_at) == (None, None, None)
    assert (cleared.tags, cleared.metadata) == (["hot"], {"n": 1})

    await edit(context, Edit(name="drink", tags=(), metadata={}, content=None))
    cleared = await read(context, Read(name="drink"))

    assert (cleared.tags, cleared.metadata, cleared.content) == ([], {}, "Tea at four.")


@pytest.mark.parametrize("fields", [{}, {"content": None}, {"tags": None, "metadata": None}])
def test_an_edit_must_change_something(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Edit.model_validate({"id": "1"} | fields)


@pytest.mark.parametrize("reference", [{}, {"id": "1", "name": "a"}, {"scope": "a"}])
def test_a_reference_names_a_memory_in_one_way(reference: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Edit.model_validate({"content": "x"} | reference)


async def test_an_edit_at_another_revision_is_refused(context: Context) -> None:
    await remember(context, FULL)
    with pytest.raises(RevisionConflict):
        await edit(context, Edit(name="drink", content="x", expected_revision=2))
    await edit(context, Edit(name="drink", content="x", expected_revision=1))
    with pytest.raises(NotFound):
        await edit(context, Edit(name="other", content="x"))

    assert (await read(context, Read(name="drink"))).revision == 2


async def test_only_another_text_is_embedded_again(
    context: Context, embedder: FakeEmbedder
) -> None:
    note = await remember(context, FULL)
    assert len(embedder.documents) == 1

    await edit(context, Edit(id=note.id, tags=("cold",), metadata={"n": 2}, source="Bo"))
    assert len(embedder.documents) == 1

    await edit(context, Edit(id=note.id, content="Coffee at five."))
    assert embedder.documents[1:] == ["drink: Coffee at five."]


async def test_the_new_text_is_recalled_at_once_and_the_old_one_is_not(context: Context) -> None:
    note = await remember(context, FULL)
    await remember(context, Remember(content="The cat sleeps all day.", name="cat"))
    await edit(context, Edit(id=note.id, content="Oolong, please."))

    best = (await recall(context, Recall(query="oolong please"))).results[0]

    assert best.memory.id == note.id
    assert best.matched.text == "Oolong, please."
    old = await recall(context, Recall(query="four"))
    assert not any("lexical" in hit.arms for hit in old.results)


async def test_messages_can_be_edited_too(context: Context) -> None:
    message = Message(content="Tee at four?", producer="Ann")
    [said] = (await ingest(context, Ingest(messages=(message,)))).ids
    await edit(context, Edit(id=said, content="Tea at four?"))

    changed = await read(context, Read(id=said))
    assert (changed.content, changed.producer, changed.position) == ("Tea at four?", "Ann", 0)


async def test_a_moved_note_keeps_its_id_and_history(
    context: Context, embedder: FakeEmbedder, clock: FakeClock
) -> None:
    note = await remember(context, FULL)
    clock.pass_by(MINUTE)
    moved = await move(context, Move(name="drink", to_scope="work/late"))

    assert (moved.id, moved.scope, moved.name, moved.revision) == (note.id, "work/late", "drink", 2)
    assert len(embedder.documents) == 1
    found = await read(context, Read(scope="work/late", name="drink"))
    assert (found.id, found.created_at, found.content) == (note.id, THEN, "Tea at four.")
    with pytest.raises(NotFound):
        await read(context, Read(name="drink"))
    revisions = (await history(context, History(id=note.id))).revisions
    assert [(r.verb, r.memory and r.memory.scope) for r in revisions] == [
        ("remember", ""),
        ("move", "work/late"),
    ]


async def test_a_moved_note_is_recalled_where_it_is_now(context: Context) -> None:
    note = await remember(context, FULL)
    assert (await recall(context, Recall(query="tea"))).results
    await move(context, Move(id=note.id, to_scope="work"))

    assert (await recall(context, Recall(query="tea"))).results == []
    [hit] = (await recall(context, Recall(query="tea", scope="work"))).results
    assert set(hit.arms) == {"dense", "lexical"}


async def test_a_note_is_renamed_in_place(context: Context) -> None:
    note = await remember(context, FULL)
    await move(context, Move(name="drink", to_scope="", new_name="beverage"))

    assert (await read(context, Read(name="beverage"))).id == note.id
    [hit] = (await recall(context, Recall(query="beverage"))).results
    assert "lexical" in hit.arms


async def test_a_move_onto_another_note_or_onto_itself_is_refused(context: Context) -> None:
    await remember(context, FULL)
    await remember(context, Remember(content="x", name="drink", scope="work"))
    with pytest.raises(AlreadyExists):
        await move(context, Move(name="drink", to_scope="work"))
    with pytest.raises(InvalidRequest):
        await move(context, Move(name="drink", to_scope=""))
    with pytest.raises(RevisionConflict):
        await move(context, Move(name="drink", to_scope="a", expected_revision=7))

    assert (await read(context, Read(name="drink"))).revision == 1


async def test_only_notes_can_be_moved(context: Context) -> None:
    [said] = (await ingest(context, Ingest(messages=(Message(content="Hi.", producer="Ann"),)))).ids

    with pytest.raises(InvalidRequest):
        await move(context, Move(id=said, to_scope="work"))


async def test_the_history_tells_every_revision_of_a_forgotten_memory_too(
    context: Context, clock: FakeClock
) -> None:
    note = await remember(context, FULL)
    clock.pass_by(MINUTE)
    await edit(context, Edit(id=note.id, content="Coffee."))
    clock.pass_by(MINUTE)
    await forget(context, ForgetOne(id=note.id))

    revisions = (await history(context, History(id=note.id))).revisions

    assert [(r.revision, r.verb, r.recorded_at, r.actor) for r in revisions] == [
        (1, "remember", THEN, "local"),
        (2, "edit", THEN + MINUTE, "local"),
        (3, "forget", THEN + 2 * MINUTE, "local"),
    ]
    assert [r.memory and r.memory.content for r in revisions] == ["Tea at four.", "Coffee.", None]
    with pytest.raises(NotFound):
        await history(context, History(id="nobody"))
