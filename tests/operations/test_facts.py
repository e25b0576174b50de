"""Keeping facts, and saying what became of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from anyio import create_task_group
from pydantic import ValidationError
from tests.examples import MINUTE, THEN
from tests.operations.fakes import FakeClock, FakeEmbedder
from tests.operations.test_rights import limited

from recollect.errors import InvalidRequest, NotFound, RevisionConflict
from recollect.operations import (
    Browse,
    Context,
    Correct,
    Edit,
    ForgetOne,
    History,
    Ingest,
    Learn,
    Learned,
    Message,
    Read,
    Recall,
    Remember,
    browse,
    correct,
    edit,
    forget,
    history,
    ingest,
    learn,
    read,
    recall,
    remember,
)

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
ROME = {
    "content": "Ann lives in Rome.", "category": "profile", "tag": "Home", "feature": "city",
}  # fmt: skip


async def learned(context: Context, **fields: Any) -> Learned:
    """Store this fact, or Ann's home."""
    return await learn(context, Learn.model_validate(ROME | fields))


async def corrected(context: Context, fact_id: str, **fields: Any) -> None:
    """Correct a fact."""
    await correct(context, Correct.model_validate({"id": fact_id} | fields))


async def said(context: Context, *texts: str, scope: str = "") -> list[str]:
    """Store what Ann said and give the ids."""
    messages = tuple(Message(content=text, producer="Ann") for text in texts)
    return (await ingest(context, Ingest(scope=scope, messages=messages))).ids


async def test_a_fact_is_kept_as_it_was_told(context: Context) -> None:
    fields: dict[str, Any] = {
        "scope": "acme/app", "set_id": "user-1", "valid_from": THEN - DAY, "valid_to": THEN + DAY,
        "tags": ("a",), "metadata": {"n": 1}, "source": "Bo", "occurred_at": THEN - MINUTE,
        "importance": 0.5, "expires_at": THEN + DAY,
    }  # fmt: skip
    stored = await learned(context, **fields)

    fact = await read(context, Read(id=stored.id))

    shown = {name: getattr(fact, name) for name in ROME | fields}
    assert shown == ROME | fields | {"tags": ["a"]}
    assert (fact.revision, fact.created_at, fact.citations) == (1, THEN, [])
    assert (stored.external_id, fact.external_id) == ("1", "1")
    assert (stored.scope, stored.set_id) == ("acme/app", "user-1")


async def test_a_fact_can_be_recalled_at_once(context: Context) -> None:
    stored = await learned(context)

    [hit] = (await recall(context, Recall(query="Where does Ann live? Rome?"))).results

    assert hit.memory.id == stored.id
    assert set(hit.arms) == {"dense", "lexical"}


async def test_each_fact_has_its_own_number(context: Context) -> None:
    numbers: list[str] = []

    async def one() -> None:
        numbers.append((await learned(context)).external_id)

    async with create_task_group() as group:
        for _ in range(8):
            group.start_soon(one)

    assert sorted(numbers, key=int) == [str(n) for n in range(1, 9)]


async def test_a_fact_cites_the_messages_that_support_it(context: Context) -> None:
    first, second, _ = await said(context, "I moved to Rome.", "It is warm here.", "Bye.")

    stored = await learned(context, scope="other", citations=(second, first, second))

    assert (await read(context, Read(id=stored.id))).citations == [first, second]
    answer = await recall(context, Recall(query="Ann lives in Rome", scope="", look="all"))  # type: ignore[arg-type]
    assert "links" in {arm for hit in answer.results for arm in hit.arms}


async def test_only_messages_in_reach_can_be_cited(context: Context) -> None:
    [ours] = await said(context, "Ours.", scope="team")
    [secret] = await said(context, "Secret.", scope="secret")
    note = (await remember(context, Remember(content="Note.", scope="team"))).id
    team = limited(context)
    seq = await context.log.last_seq("default")

    for wrong in (secret, note, "nobody"):
        with pytest.raises(InvalidRequest, match=r"citations\.1"):
            await learned(team, scope="team", citations=(ours, wrong))
    assert await context.log.last_seq("default") == seq

    fact = await learned(team, scope="team", citations=(ours,))
    with pytest.raises(InvalidRequest):
        await corrected(team, fact.id, citations=(secret,))
    assert (await read(context, Read(id=fact.id))).revision == 1


async def test_what_a_fact_cites_out_of_reach_is_not_told(context: Context) -> None:
    [secret] = await said(context, "Secret.", scope="secret")
    [ours] = await said(context, "Ours.", scope="team")
    fact = await learned(context, scope="team", citations=(secret, ours))

    assert (await read(limited(context), Read(id=fact.id))).citations == [ours]


async def test_a_correction_is_true_from_now_on(
    context: Context, clock: FakeClock, embedder: FakeEmbedder
) -> None:
    fact = await learned(context, valid_from=THEN - DAY)
    clock.pass_by(DAY)
    await corrected(context, fact.id, content="Ann lives in Oslo.")

    now = await read(context, Read(id=fact.id))
    assert (now.content, now.revision) == ("Ann lives in Oslo.", 2)
    assert (now.valid_from, now.valid_to) == (THEN + DAY, None)
    assert (now.category, now.tag, now.feature) == ("profile", "Home", "city")
    assert (now.external_id, now.created_at, now.updated_at) == ("1", THEN, THEN + DAY)
    assert embedder.documents[-1] == "profile, Home, city: Ann lives in Oslo."
    [hit] = (await recall(context, Recall(query="Ann", valid_at=THEN))).results
    assert hit.memory.content == "Ann lives in Rome."


async def test_the_history_tells_what_was_true_when(context: Context, clock: FakeClock) -> None:
    fact = await learned(context)
    clock.pass_by(DAY)
    await corrected(context, fact.id, content="Ann lives in Olso.")
    await edit(context, Edit(id=fact.id, content="Ann lives in Oslo."))
    await corrected(context, fact.id, valid_to=THEN + DAY + MINUTE)

    revisions = (await history(context, History(id=fact.id))).revisions

    shown = [(r.verb, r.memory and (r.memory.valid_from, r.memory.valid_to)) for r in revisions]
    assert shown == [
        ("learn", (None, None)),
        ("correct", (THEN + DAY, None)),
        ("edit", (THEN + DAY, None)),
        ("correct", (THEN + DAY, THEN + DAY + MINUTE)),
    ]


async def test_a_change_may_lie_in_the_past(context: Context) -> None:
    fact = await learned(context)
    await corrected(context, fact.id, content="Ann lives in Oslo.", valid_from=THEN - DAY)

    for time, content in ((THEN - DAY, "Oslo"), (THEN - 2 * DAY, "Rome")):
        [hit] = (await recall(context, Recall(query="Ann", valid_at=time))).results
        assert content in hit.memory.content


async def test_what_is_left_out_of_a_correction_stays(context: Context) -> None:
    fact = await learned(context, valid_from=THEN - DAY, valid_to=THEN + DAY, metadata={"n": 1})
    before = await read(context, Read(id=fact.id))

    for change in ({"category": "c", "tag": "t"}, {"feature": "f"}, {"metadata": {"n": 2}}):
        await corrected(context, fact.id, **change)
    await corrected(context, fact.id, content=ROME["content"], tag=None)

    after = await read(context, Read(id=fact.id))
    filed = {"category": "c", "tag": "t", "feature": "f", "metadata": {"n": 2}}
    assert after == before.model_copy(update=filed | {"revision": 5})


async def test_an_ended_fact_is_open_again_when_the_end_is_taken_away(context: Context) -> None:
    fact = await learned(context)
    await corrected(context, fact.id, valid_to=THEN)
    assert (await recall(context, Recall(query="Rome"))).results == []

    await corrected(context, fact.id, valid_to=None)
    assert len((await recall(context, Recall(query="Rome"))).results) == 1


async def test_a_new_value_of_an_ended_fact_has_no_end(context: Context) -> None:
    fact = await learned(context, valid_to=THEN)
    await corrected(context, fact.id, content="Ann lives in Oslo.")

    assert (await read(context, Read(id=fact.id))).valid_to is None


async def test_citations_are_added_by_a_correction(context: Context) -> None:
    first, second = await said(context, "Rome!", "Rome, yes.")
    fact = await learned(context, citations=(first,))
    await corrected(context, fact.id, citations=(second, first))

    found = await read(context, Read(id=fact.id))
    assert (found.citations, found.revision, found.valid_from) == ([first, second], 2, None)


@pytest.mark.parametrize(
    ("valid_from", "valid_to"), [(THEN, THEN), (THEN, THEN - MINUTE), (THEN + DAY, THEN + MINUTE)]
)
async def test_a_fact_that_would_never_be_true_is_refused(
    context: Context, valid_from: datetime, valid_to: datetime
) -> None:
    with pytest.raises(InvalidRequest):
        await learned(context, valid_from=valid_from, valid_to=valid_to)
    fact = await learned(context)
    with pytest.raises(InvalidRequest):
        await corrected(context, fact.id, valid_from=valid_from, valid_to=valid_to)


async def test_what_is_true_now_is_not_hidden_by_what_comes_later(context: Context) -> None:
    fact = await learned(context)
    with pytest.raises(InvalidRequest):
        await corrected(context, fact.id, content="Ann lives in Oslo.", valid_from=THEN + DAY)

    later = await learned(context, valid_from=THEN + DAY)
    await corrected(context, later.id, content="Ann will live in Oslo.")
    assert (await read(context, Read(id=later.id))).valid_from == THEN + DAY


async def test_only_facts_are_corrected(context: Context) -> None:
    note = (await remember(context, Remember(content="Tea."))).id
    [message] = await said(context, "Tea.")

    for memory_id in (note, message):
        with pytest.raises(InvalidRequest):
            await corrected(context, memory_id, content="x")
    with pytest.raises(NotFound):
        await corrected(context, "nobody", content="x")


async def test_a_correction_of_another_revision_is_refused(context: Context) -> None:
    fact = await learned(context)
    with pytest.raises(RevisionConflict):
        await corrected(context, fact.id, content="x", expected_revision=2)

    await corrected(context, fact.id, content="x", expected_revision=1)


@pytest.mark.parametrize(
    "wrong", [{}, {"content": None}, {"content": " "}, {"category": ""}, {"expected_revision": 1}]
)
def test_a_correction_must_say_something(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Correct.model_validate({"id": "1"} | wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"category": ""}, {"feature": None}, {"content": ""}, {"citations": ["x"] * 1001},
     {"valid_from": "soon"}, {"set_id": "x" * 4001}],
)  # fmt: skip
def test_a_wrong_fact_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Learn.model_validate(ROME | wrong)


async def test_facts_are_listed_by_their_set_and_forgotten_as_all_memories(
    context: Context,
) -> None:
    long_id = "x" * 4000
    facts = [(await learned(context, set_id=set_id)).id for set_id in ("a", "b", long_id)]

    page = await browse(context, Browse(filter="set_id = 'b'"))
    assert [memory.id for memory in page.memories] == [facts[1]]
    await forget(context, ForgetOne(id=facts[1]))
    assert (await browse(context, Browse())).count == 2
