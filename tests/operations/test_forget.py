"""Forgetting and erasing."""

import pytest
from pydantic import ValidationError

from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.errors import NotFound, RevisionConflict
from recollect.operations import (
    Browse,
    Context,
    EraseOne,
    ForgetOne,
    ForgetScope,
    History,
    Ingest,
    Message,
    Read,
    Recall,
    Remember,
    browse,
    erase,
    forget,
    forget_scope,
    history,
    ingest,
    read,
    recall,
    remember,
)
from recollect.operations.conversations import EraseMany, erase_many

pytestmark = pytest.mark.anyio


async def test_a_forgotten_memory_is_never_recalled(context: Context) -> None:
    note = await remember(context, Remember(content="Tea at four.", name="tea"))
    other = await remember(context, Remember(content="Tea at five.", name="other"))

    assert (await forget(context, ForgetOne(name="tea"))).forgotten == 1

    hits = (await recall(context, Recall(query="tea at four"))).results
    assert [hit.memory.id for hit in hits] == [other.id]
    assert [m.id for m in (await browse(context, Browse())).memories] == [other.id]
    for reference in (Read(id=note.id), Read(name="tea")):
        with pytest.raises(NotFound):
            await read(context, reference)
    with pytest.raises(NotFound):
        await forget(context, ForgetOne(id=note.id))


async def test_forgetting_at_another_revision_is_refused(context: Context) -> None:
    note = await remember(context, Remember(content="Tea at four."))
    with pytest.raises(RevisionConflict):
        await forget(context, ForgetOne(id=note.id, expected_revision=2))

    assert (await read(context, Read(id=note.id))).revision == 1


async def test_a_name_can_be_used_again_after_forgetting(context: Context) -> None:
    first = await remember(context, Remember(content="Tea.", name="drink"))
    await forget(context, ForgetOne(id=first.id))
    second = await remember(context, Remember(content="Tea.", name="drink", if_absent=True))

    assert second.id != first.id
    assert (second.replaced, second.revision) == (False, 1)


async def _fill(context: Context) -> None:
    for scope in ("", "a", "a/b", "ab"):
        await remember(context, Remember(content=f"Tea in {scope or 'root'}.", scope=scope))
        message = Message(content="Tea?", producer="Ann")
        await ingest(context, Ingest(scope=scope, messages=(message,)))


@pytest.mark.parametrize(
    ("look", "kinds", "left"),
    [
        (Look.EXACT, (), {"": 2, "a/b": 2, "ab": 2}),
        (Look.SUBTREE, (), {"": 2, "ab": 2}),
        (Look.SUBTREE, (Kind.EPISODE,), {"": 2, "a": 1, "a/b": 1, "ab": 2}),
    ],
)
async def test_a_scope_is_forgotten_as_far_as_was_asked(
    context: Context, look: Look, kinds: tuple[Kind, ...], left: dict[str, int]
) -> None:
    await _fill(context)
    request = ForgetScope.model_validate(
        {"scope": "a", "look": look, "kinds": kinds, "confirm": True}
    )

    forgotten = (await forget_scope(context, request)).forgotten

    scopes = [m.scope for m in (await browse(context, Browse(look=Look.ALL))).memories]
    assert {scope: scopes.count(scope) for scope in scopes} == left
    assert forgotten == 8 - sum(left.values())


async def test_forgetting_an_empty_scope_forgets_nothing(context: Context) -> None:
    assert (await forget_scope(context, ForgetScope(scope="a", confirm=True))).forgotten == 0


@pytest.mark.parametrize("wrong", [{}, {"confirm": False}, {"confirm": True, "look": "all"}])
def test_forgetting_a_scope_must_be_confirmed_and_is_never_everything(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        ForgetScope.model_validate({"scope": "a"} | wrong)


@pytest.mark.parametrize("forgotten_before", [True, False])
async def test_erasing_leaves_no_history(context: Context, *, forgotten_before: bool) -> None:
    note = await remember(context, Remember(content="Tea.", name="drink"))
    await remember(context, Remember(content="Coffee.", name="drink"))
    if forgotten_before:
        await forget(context, ForgetOne(id=note.id))

    erased = await erase(context, EraseOne(id=note.id))

    assert (erased.id, erased.revisions) == (note.id, 3 if forgotten_before else 2)
    assert (await recall(context, Recall(query="coffee tea"))).results == []
    for attempt in (
        history(context, History(id=note.id)),
        erase(context, EraseOne(id=note.id)),
        read(context, Read(id=note.id)),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_what_is_erased_together_goes_in_the_order_asked(context: Context) -> None:
    messages = tuple(Message(content=f"Message {n}.", producer="Ann") for n in range(5))
    asked = tuple(reversed((await ingest(context, Ingest(messages=messages))).ids))
    before = await context.log.last_seq(context.tenant)

    request = EraseMany(scopes=("",), kind=Kind.EPISODE, ids=asked)
    assert (await erase_many(context, request)).ids == list(asked)

    lines = await context.log.entries(context.tenant, before, 100)
    assert [line.record_id for line in lines] == list(asked)
