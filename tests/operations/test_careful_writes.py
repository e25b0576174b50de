"""Writes that meet others halfway: retries, names that are taken, expired notes, bad lines."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError
from tests.examples import MINUTE, THEN, fact, note
from tests.operations.fakes import FakeClock
from tests.operations.test_transfer import bring, line_of

from recollect.domain.names import check_name
from recollect.errors import AlreadyExists, IdempotencyMismatch, NotFound
from recollect.operations import (
    Browse,
    Context,
    Edit,
    EraseOne,
    ForgetOne,
    ForgetScope,
    History,
    Move,
    Read,
    Recall,
    Remember,
    browse,
    edit,
    erase,
    forget,
    forget_scope,
    history,
    move,
    read,
    remember,
)

pytestmark = pytest.mark.anyio


class Meddled:
    """Records where somebody does something just before the first call of a method."""

    def __init__(self, records, method, meddle):
        self._records, self._method, self._meddle = records, method, meddle

    def __getattr__(self, name):
        real = getattr(self._records, name)
        if name != self._method or self._meddle is None:
            return real

        async def meddled(*args, **kw):
            meddle, self._meddle = self._meddle, None
            if meddle:
                await meddle()
            return await real(*args, **kw)

        return meddled


def meddled(context: Context, method: str, meddle: Callable[[], Awaitable[object]]) -> Context:
    return replace(context, records=Meddled(context.records, method, meddle))


async def test_what_was_forgotten_by_name_can_be_erased_by_its_id(context: Context) -> None:
    n = await remember(context, Remember(content="a", name="a"))
    gone = await forget(context, ForgetOne(name="a"))
    assert gone.ids == [n.id]
    await erase(context, EraseOne(id=gone.ids[0]))


async def test_a_note_moved_out_meanwhile_is_not_forgotten(context: Context) -> None:
    n = await remember(context, Remember(content="a", name="a", scope="s"))
    m = await remember(context, Remember(content="b", name="b", scope="s"))
    other = meddled(context, "commit", lambda: move(context, Move(id=n.id, to_scope="t")))
    assert (await forget_scope(other, ForgetScope(scope="s", confirm=True))).ids == [m.id]
    assert (await read(context, Read(id=n.id))).scope == "t"


@pytest.mark.parametrize("content", ["...", "x" * 500, "\U00020000" * 99, "ß" * 300])
async def test_a_made_name_that_is_taken_gets_a_hash(context: Context, content: str) -> None:
    first = await remember(context, Remember(content=content))
    second = await remember(context, Remember(content=content + "!"))
    again = await remember(context, Remember(content=content + "!"))
    assert again.id == second.id
    assert again.replaced
    assert first.id != second.id
    assert check_name(second.name)
    await edit(context, Edit(id=second.id, content="other"))
    third = await remember(context, Remember(content=content + "!"))
    assert third.id not in (first.id, second.id)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Recall, {"query": "a\ud800"}),
        (Remember, {"content": "a\ud800"}),
        (Remember, {"content": "a", "tags": ("\ud800",)}),
        (Remember, {"content": "a", "source": "\ud800"}),
        (Remember, {"content": "a", "metadata": {"\ud800": 1}}),
        (Browse, {"filter": "\ud800"}),
        (Read, {"id": "\ud800"}),
        (Read, {"name": "a\ud800"}),
        (Read, {"name": "a", "scope": "\ud800"}),
    ],
)
def test_half_a_surrogate_pair_is_refused_everywhere(model, fields) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(fields)


async def test_queries_bound_their_tags_and_kinds(context: Context) -> None:
    for model in (Browse, Recall):
        base = {"query": "a"} if model is Recall else {}
        model.model_validate(base | {"tags": [str(i) for i in range(100)]})
        with pytest.raises(ValidationError):
            model.model_validate(base | {"tags": [str(i) for i in range(101)]})
        asked = model.model_validate(base | {"kinds": ["note", "fact", "note"] * 999})
        assert asked.kinds == ("note", "fact")
    assert (await browse(context, Browse(tags=tuple(str(i) for i in range(100))))).count == 0


async def test_clearing_a_field_is_another_request_than_leaving_it_out(context: Context) -> None:
    n = await remember(context, Remember(content="a", source="s"))
    keyed = replace(context, idempotency_key="k")
    await edit(keyed, Edit(id=n.id, tags=("t",)))
    with pytest.raises(IdempotencyMismatch):
        await edit(keyed, Edit(id=n.id, tags=("t",), source=None))


@pytest.mark.parametrize("what", ["forget", "if_absent"])
async def test_a_retry_beside_its_first_try_gets_the_same_answer(
    context: Context, what: str
) -> None:
    keyed = replace(context, idempotency_key="k")
    if what == "forget":
        await remember(context, Remember(content="a", name="a"))
        op, request, method = forget, ForgetOne(name="a"), "named"
    else:
        op, request, method = remember, Remember(content="a", name="a", if_absent=True), "named"
    answers = []

    async def first():
        answers.append(await op(keyed, request))

    assert await op(meddled(keyed, method, first), request) == answers[0]
    with pytest.raises((NotFound, AlreadyExists)):
        await op(replace(context, idempotency_key="k2"), request)


async def test_a_move_survives_an_edit_in_between(context: Context) -> None:
    n = await remember(context, Remember(content="a", name="a"))
    other = meddled(context, "commit", lambda: edit(context, Edit(id=n.id, content="b")))
    assert (await move(other, Move(id=n.id, to_scope="t"))).revision == 3
    assert (await read(context, Read(id=n.id))).content == "b"


async def test_an_expired_note_does_not_hold_its_name(context: Context, clock: FakeClock) -> None:
    old = await remember(context, Remember(content="a", name="a", expires_at=THEN + MINUTE))
    clock.pass_by(MINUTE)
    with pytest.raises(NotFound):
        await remember(context, Remember(content="b", name="a", expected_revision=1))
    new = await remember(context, Remember(content="b", name="a", if_absent=True))
    assert (new.id, new.revision, new.replaced) == (old.id, 2, False)
    mover = await remember(context, Remember(content="m", name="m"))
    gone = await remember(context, Remember(content="c", name="c", expires_at=clock() + MINUTE))
    clock.pass_by(MINUTE)
    await move(context, Move(id=mover.id, to_scope="", new_name="c"))
    assert (await read(context, Read(name="c"))).id == mover.id
    assert (await history(context, History(id=gone.id))).revisions[-1].verb == "forget"


@pytest.mark.parametrize(
    "line",
    [
        line_of(note(), source="x" * 501),
        line_of(note(), external_id="a\0"),
        line_of(note(), id="a/b"),
        line_of(note(), tags=[str(i) for i in range(1001)]),
        line_of(fact(), category="x" * 501),
        line_of(fact(), tag="x" * 501),
        line_of(fact(), feature="x" * 501),
        line_of(note(), other=1),
        {"type": "link", "from_id": "good/x", "to_id": "good", "link_type": "x"},
    ],
)
async def test_a_line_that_requests_would_refuse_is_skipped(
    context: Context, line: dict[str, object]
) -> None:
    done = await bring(context, line_of(note(name="good", id="good")), line)
    assert [s.line for s in done.skipped] == [3]
    assert done.imported == 1


async def test_imported_tags_are_distinct(context: Context) -> None:
    await bring(context, line_of(note(id="n"), tags=["b", "a", "b"]))
    assert (await read(context, Read(id="n"))).tags == ["b", "a"]
