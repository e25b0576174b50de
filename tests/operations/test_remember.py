"""Storing and reading notes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.examples import MINUTE, THEN
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.domain.names import check_name
from recollect.errors import (
    AlreadyExists,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    RevisionConflict,
)
from recollect.operations import (
    Browse,
    Context,
    Edit,
    History,
    Read,
    Recall,
    Remember,
    browse,
    edit,
    history,
    read,
    recall,
    remember,
)

pytestmark = pytest.mark.anyio


async def test_a_note_is_read_by_its_id_and_by_its_name(context: Context) -> None:
    stored = await remember(
        context,
        Remember(
            content="# Tea\n\nAt four.",
            scope="acme/api",
            name="habits/tea",
            tags=("b", "a", "b"),
            metadata={"n": 1, "ü": [None]},
            source="https://example.org",
            external_id="x",
            occurred_at=THEN - timedelta(days=1),
            importance=0.5,
            expires_at=THEN + timedelta(days=1),
        ),
    )

    by_id = await read(context, Read(id=stored.id))
    by_name = await read(context, Read(scope="acme/api", name="habits/tea"))

    assert by_id == by_name
    assert (by_id.id, by_id.kind, by_id.name, by_id.scope) == (
        stored.id,
        "note",
        "habits/tea",
        "acme/api",
    )
    assert by_id.content == "# Tea\n\nAt four."
    assert by_id.tags == ["b", "a"]
    assert by_id.metadata == {"n": 1, "ü": [None]}
    assert (by_id.source, by_id.external_id, by_id.importance) == ("https://example.org", "x", 0.5)
    assert by_id.occurred_at == THEN - timedelta(days=1)
    assert by_id.created_at == by_id.updated_at == THEN
    assert by_id.expires_at == THEN + timedelta(days=1)
    assert (stored.revision, stored.replaced, stored.degraded) == (1, False, [])


async def test_a_note_of_the_same_name_is_replaced_and_stays_the_same_memory(
    context: Context, clock: FakeClock
) -> None:
    first = await remember(context, Remember(content="Tea.", name="drink", tags=("hot",)))
    clock.pass_by(MINUTE)
    second = await remember(context, Remember(content="Coffee.", name="drink"))

    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert (second.revision, second.replaced, second.updated_at) == (2, True, THEN + MINUTE)
    found = await read(context, Read(name="drink"))
    assert (found.content, found.tags, found.revision) == ("Coffee.", [], 2)
    assert found.occurred_at == THEN
    revisions = (await history(context, History(id=first.id))).revisions
    assert [r.memory.content for r in revisions if r.memory] == ["Tea.", "Coffee."]


async def test_the_same_name_in_another_scope_is_another_note(context: Context) -> None:
    one = await remember(context, Remember(content="Tea.", name="drink"))
    other = await remember(context, Remember(content="Tea.", name="drink", scope="work"))

    assert one.id != other.id
    assert not other.replaced


async def test_a_name_is_made_from_the_first_words_and_is_free(context: Context) -> None:
    first = await remember(context, Remember(content="Use Postgres, always!\n\nBecause."))
    again = await remember(context, Remember(content="Use Postgres, always!\n\nBecause."))
    other = await remember(context, Remember(content="Use Postgres, always!\n\nOr not."))
    third = await remember(context, Remember(content="Use Postgres, always!\n\nOr never."))

    assert first.name == "use-postgres-always-because"
    assert (again.id, again.replaced) == (first.id, True)
    assert [other.name, third.name] == [
        "use-postgres-always-or-not",
        "use-postgres-always-or-never",
    ]


@pytest.mark.parametrize(
    "content", ["...", "🍵", "İstanbul", "東京へ行く", "x" * 500, "ß" * 300, "\U00020000" * 99, "_"]
)
async def test_a_made_name_is_a_name_and_numbers_tell_texts_apart(
    context: Context, content: str
) -> None:
    texts = [content, content + "!", content + "?"]
    names = [(await remember(context, Remember(content=text))).name for text in texts]

    assert len(set(names)) == 3
    for name, text in zip(names, texts, strict=True):
        assert check_name(name) == name
        assert (await read(context, Read(name=name))).content == text


async def test_if_absent_leaves_what_is_there(context: Context) -> None:
    request = Remember(content="Tea.", name="drink", if_absent=True)
    await remember(context, request)
    with pytest.raises(AlreadyExists):
        await remember(context, request.model_copy(update={"content": "Coffee."}))

    assert (await read(context, Read(name="drink"))).content == "Tea."


async def test_a_note_is_replaced_at_the_expected_revision_only(context: Context) -> None:
    await remember(context, Remember(content="Tea.", name="drink"))
    with pytest.raises(RevisionConflict) as refused:
        await remember(context, Remember(content="x", name="drink", expected_revision=2))
    with pytest.raises(NotFound):
        await remember(context, Remember(content="x", name="other", expected_revision=1))
    stored = await remember(context, Remember(content="Milk.", name="drink", expected_revision=1))

    assert (refused.value.expected, refused.value.found) == (2, 1)
    assert stored.revision == 2


async def test_a_note_much_like_another_says_so(context: Context) -> None:
    text = "We decided to use Postgres with pgvector for production"
    known = await remember(context, Remember(content=text, name="db", scope="acme"))
    await remember(context, Remember(content=text, name="db", scope="other"))
    await remember(context, Remember(content="The cat sleeps.", name="cat", scope="acme"))

    stored = await remember(context, Remember(content=text + ".", name="db2", scope="acme"))

    assert [(s.id, s.name, s.scope) for s in stored.similar] == [(known.id, "db", "acme")]
    assert 0.82 <= stored.similar[0].score <= 1
    replaced = await remember(context, Remember(content=text, name="db", scope="other"))
    assert replaced.similar == []


async def test_an_expired_note_is_not_hinted_at(context: Context, clock: FakeClock) -> None:
    text = "We decided to use Postgres with pgvector for production"
    await remember(context, Remember(content=text, name="db", expires_at=THEN + MINUTE))
    clock.pass_by(MINUTE)

    assert (await remember(context, Remember(content=text, name="new"))).similar == []


@pytest.mark.parametrize("age", [timedelta(0), MINUTE])
async def test_what_no_answer_would_ever_hold_is_not_stored(
    context: Context, age: timedelta
) -> None:
    with pytest.raises(InvalidRequest):
        await remember(context, Remember(content="Tea.", name="tea", expires_at=THEN - age))
    note = await remember(context, Remember(content="Tea.", name="tea"))
    with pytest.raises(InvalidRequest):
        await edit(context, Edit(id=note.id, expires_at=THEN - age))

    assert (await read(context, Read(id=note.id))).revision == 1


async def test_an_expired_note_is_in_no_answer(context: Context, clock: FakeClock) -> None:
    note = await remember(context, Remember(content="Tea.", name="tea", expires_at=THEN + MINUTE))
    assert (await read(context, Read(id=note.id))).id == note.id
    clock.pass_by(MINUTE)

    for reference in (Read(id=note.id), Read(name="tea")):
        with pytest.raises(NotFound):
            await read(context, reference)
    assert (await browse(context, Browse())).memories == []
    assert (await browse(context, Browse())).count == 0
    assert (await recall(context, Recall(query="tea"))).results == []


@pytest.mark.parametrize("reference", [{"id": "nobody"}, {"name": "nobody"}])
async def test_an_unknown_note_is_not_found(context: Context, reference: dict[str, str]) -> None:
    with pytest.raises(NotFound) as refused:
        await read(context, Read.model_validate(reference))

    assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": ""}, {"content": " \n\t"}, {"content": "a\0b"}, {"content": "é" * 600_000},
        {"name": ""}, {"name": "a//b"}, {"name": "../x"}, {"name": "a/b/c/d"}, {"name": "é" * 200},
        {"scope": "a//b"}, {"scope": "all"}, {"scope": "/a"}, {"scope": "a/../b"}, {"tags": ("",)},
        {"tags": ("x" * 501,)}, {"metadata": {"n": 2**63}}, {"metadata": {"n": float("nan")}},
        {"metadata": {"a": "x" * 70_000}}, {"importance": 1.1}, {"importance": float("nan")},
        {"expected_revision": 0}, {"occurred_at": "yesterday"}, {"unknown": 1},
        {"occurred_at": "0001-01-01T00:00:00+01:00"},
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Remember.model_validate({"content": "Tea."} | wrong)


async def test_a_repeated_request_is_carried_out_once(context: Context, clock: FakeClock) -> None:
    keyed = replace(context, idempotency_key="k1")
    request = Remember(content="Tea.", name="drink")
    first = await remember(keyed, request)
    clock.pass_by(timedelta(hours=23))
    again = await remember(keyed, request)

    assert again == first
    assert (await read(context, Read(name="drink"))).revision == 1
    with pytest.raises(IdempotencyMismatch):
        await remember(keyed, Remember(content="Coffee.", name="drink"))


async def test_a_key_is_new_again_after_a_day(context: Context, clock: FakeClock) -> None:
    keyed = replace(context, idempotency_key="k1")
    await remember(keyed, Remember(content="Tea.", name="drink"))
    clock.pass_by(timedelta(hours=24, seconds=1))

    assert (await remember(keyed, Remember(content="Coffee.", name="drink"))).revision == 2


async def test_keys_of_different_principals_are_different_keys(context: Context) -> None:
    other = replace(
        context, idempotency_key="k", principal=replace(context.principal, name="other")
    )
    await remember(replace(context, idempotency_key="k"), Remember(content="Tea.", name="a"))
    await remember(other, Remember(content="Coffee.", name="b"))

    assert (await browse(context, Browse())).count == 2


async def test_without_a_model_a_note_is_stored_and_the_answer_says_what_is_missing(
    context: Context, embedder: FakeEmbedder
) -> None:
    embedder.problem = "no model"
    stored = await remember(context, Remember(content="Tea at four."))

    assert stored.degraded == ["dense"]
    answer = await recall(context, Recall(query="tea"))
    assert answer.degraded == ["dense"]
    assert [hit.memory.id for hit in answer.results] == [stored.id]
