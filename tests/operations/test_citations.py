"""What becomes of facts and summaries when the messages they rest on go."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.examples import MINUTE, THEN, batch
from tests.operations.fakes import FakeClock
from tests.operations.test_facts import corrected, learned, said
from tests.operations.test_rights import limited

from recollect.domain.changes import PutLink, PutRecord
from recollect.domain.memory import Kind, Link, RegistryRecord
from recollect.errors import NotFound
from recollect.operations import (
    Context,
    EraseOne,
    ForgetOne,
    ForgetScope,
    History,
    MemoryView,
    Read,
    Recall,
    Remember,
    erase,
    forget,
    forget_scope,
    history,
    read,
    recall,
    remember,
)
from recollect.operations.citations import consequences
from recollect.operations.conversations import (
    CreateProject,
    DeleteProject,
    EraseMany,
    create_project,
    delete_project,
    erase_many,
)
from recollect.ports import RecordStore

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
Removal = Callable[[Context, str], Awaitable[object]]


async def erase_several(context: Context, memory_id: str) -> None:
    for kind in (Kind.NOTE, Kind.EPISODE):
        request = EraseMany(scopes=("chat",), kind=kind, ids=(memory_id,))
        await erase_many(context, request)


REMOVALS: dict[str, Removal] = {
    "erase_many": erase_several,
    "forget": lambda c, i: forget(c, ForgetOne(id=i)),
    "erase": lambda c, i: erase(c, EraseOne(id=i)),
    "forget_scope": lambda c, _: forget_scope(c, ForgetScope(scope="chat", confirm=True)),
}
every_removal = pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)


async def fact(context: Context, fact_id: str) -> MemoryView:
    return await read(context, Read(id=fact_id))


@every_removal
async def test_a_fact_ends_with_the_last_message_that_supports_it(
    context: Context, clock: FakeClock, remove: Removal
) -> None:
    [message] = await said(context, "I live in Rome.", scope="chat")
    stored = await learned(context, citations=(message,), valid_from=THEN - DAY)
    clock.pass_by(MINUTE)

    await remove(context, message)

    closed = await fact(context, stored.id)
    assert (closed.revision, closed.content) == (2, "Ann lives in Rome.")
    assert (closed.valid_from, closed.valid_to) == (THEN - DAY, THEN + MINUTE)
    assert await read(context, Read(id=stored.id)) == closed
    assert (await recall(context, Recall(query="Rome"))).results == []
    assert len((await recall(context, Recall(query="Rome", valid_at=THEN))).results) == 1
    assert (await history(context, History(id=stored.id))).revisions[-1].verb == "correct"


async def test_a_fact_with_one_message_left_stays_open(context: Context) -> None:
    gone, left = await said(context, "Rome.", "Yes, Rome.")
    stored = await learned(context, citations=(gone, left))
    await forget(context, ForgetOne(id=gone))

    found = await read(context, Read(id=stored.id))
    assert (found.revision, found.valid_to, found.citations) == (1, None, [left])

    await forget(context, ForgetOne(id=left))
    assert (await fact(context, stored.id)).valid_to == THEN


@every_removal
async def test_facts_that_cite_nothing_that_goes_stay_as_they_are(
    context: Context, remove: Removal
) -> None:
    [message] = await said(context, "Rome.", scope="chat")
    [other] = await said(context, "Oslo.")
    facts = [await learned(context), await learned(context, citations=(other,))]
    related = Link(from_id=facts[0].id, to_id=message, type="related")
    await context.records.commit("default", batch(PutLink(link=related)))

    await remove(context, message)

    assert [(await fact(context, f.id)).revision for f in facts] == [1, 1]


async def test_a_fact_is_never_closed_before_it_begins(context: Context) -> None:
    [message] = await said(context, "Next week I move.")
    stored = await learned(context, citations=(message,), valid_from=THEN + DAY)
    await forget(context, ForgetOne(id=message))

    closed = await fact(context, stored.id)
    assert (closed.valid_from, closed.valid_to) == (THEN + DAY, THEN + DAY)
    await corrected(context, stored.id, tag="Address")
    assert (await fact(context, stored.id)).tag == "Address"


async def test_a_fact_that_has_ended_keeps_its_end_and_a_later_end_is_brought_forward(
    context: Context,
) -> None:
    [message] = await said(context, "Until tomorrow.")
    ended = await learned(context, citations=(message,), valid_to=THEN - DAY)
    ending = await learned(context, citations=(message,), valid_to=THEN + DAY)
    await forget(context, ForgetOne(id=message))

    assert (await fact(context, ended.id)).valid_to == THEN - DAY
    assert (await fact(context, ended.id)).revision == 1
    assert (await fact(context, ending.id)).valid_to == THEN


async def test_facts_that_go_along_are_not_closed_first(context: Context) -> None:
    messages = await said(context, "Rome.", "Oslo.", scope="chat")
    inside = await learned(context, scope="chat", citations=messages)
    outside = await learned(context, citations=messages)

    gone = await forget_scope(context, ForgetScope(scope="chat", confirm=True))

    assert set(gone.ids) == {*messages, inside.id}
    verbs = [r.verb for r in (await history(context, History(id=inside.id))).revisions]
    assert verbs == ["learn", "forget"]
    assert (await fact(context, outside.id)).valid_to == THEN


async def test_facts_out_of_reach_are_closed_all_the_same(context: Context) -> None:
    [message] = await said(context, "Rome.", scope="team")
    stored = await learned(context, scope="org", citations=(message,))
    await forget(limited(context), ForgetOne(id=message))

    assert (await fact(context, stored.id)).valid_to == THEN


async def summarised(context: Context, *keys: str) -> None:
    """Store a summary under each of these keys."""
    records = (
        RegistryRecord(type="summary", id=key, content={"text": "x"}, updated_at=THEN)
        for key in keys
    )
    changes = (PutRecord(record=record, expected_revision=0) for record in records)
    await context.records.commit("default", batch(*changes))


async def summaries(context: Context) -> set[str]:
    return {record.id for record in await context.records.registry("default", "summary")}


@every_removal
async def test_the_summary_of_the_session_goes_with_a_message(
    context: Context, remove: Removal
) -> None:
    [message] = await said(context, "Rome.", scope="chat")
    await summarised(context, "chat|", "chat|other", "|", "chat/deep|")

    await remove(context, message)

    assert await summaries(context) == {"chat|other", "|", "chat/deep|"}


@every_removal
async def test_with_a_note_nothing_else_changes(context: Context, remove: Removal) -> None:
    note = (await remember(context, Remember(content="Rome.", scope="chat"))).id
    await learned(context)
    await summarised(context, "chat|")
    seq = await context.log.last_seq("default")

    await remove(context, note)

    assert await context.log.last_seq("default") == seq + 1
    assert await summaries(context) == {"chat|"}


async def test_many_messages_are_looked_through(context: Context) -> None:
    messages = [i for _ in range(3) for i in await said(context, *["Rome."] * 700, scope="chat")]
    stored = [await learned(context, citations=(messages[n],)) for n in (0, 1000, 2099)]
    await forget_scope(context, ForgetScope(scope="chat", confirm=True))

    assert [(await fact(context, f.id)).valid_to for f in stored] == [THEN] * 3


class Interrupting:
    """A record store in which somebody else acts between a look at the links and the commit."""

    def __init__(self, records: RecordStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._records = records
        self._meanwhile: list[Callable[[], Awaitable[object]]] = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def links_to(self, tenant: str, ids: Sequence[str]) -> list[Link]:
        """Look, then let the other act, once."""
        links = await self._records.links_to(tenant, ids)
        while self._meanwhile:
            await self._meanwhile.pop()()
        return links


@every_removal
@pytest.mark.parametrize("first", [True, False])
async def test_a_fact_that_is_learned_meanwhile_is_closed_too(
    context: Context, remove: Removal, *, first: bool
) -> None:
    if not first:
        await learned(context)
    [message] = await said(context, "Rome.", scope="chat")
    late: list[str] = []

    async def learn_it() -> None:
        late.append((await learned(context, citations=(message,))).id)

    records: Any = Interrupting(context.records, learn_it)
    await remove(replace(context, records=records), message)

    assert (await fact(context, late[0])).valid_to == THEN


@every_removal
async def test_a_fact_that_finds_other_support_meanwhile_stays_open(
    context: Context, remove: Removal
) -> None:
    [message] = await said(context, "Rome.", scope="chat")
    [other] = await said(context, "Yes, Rome.")
    stored = await learned(context, citations=(message,))

    async def support_it() -> None:
        await corrected(context, stored.id, citations=(other,))

    records: Any = Interrupting(context.records, support_it)
    await remove(replace(context, records=records), message)

    assert (await fact(context, stored.id)).valid_to is None


async def test_the_summary_is_made_anew(context: Context) -> None:
    ids = await said(context, "Rome.", "Oslo.", scope="chat")
    messages = await context.records.get("default", ids)

    jobs = (await consequences(context, messages)).jobs

    assert [(job.queue, job.dedupe_key) for job in jobs] == [("summarise", "chat|")]


async def test_facts_of_the_organisation_end_with_the_project_that_supports_them(
    context: Context,
) -> None:
    project = {"org": "acme", "project": "app"}
    await create_project(context, CreateProject.model_validate(project))
    [inside] = await said(context, "Rome.", scope="acme/app")
    [outside] = await said(context, "Rome.", scope="acme/web")
    closed = await learned(context, scope="acme", citations=(inside,))
    open_ = await learned(context, scope="acme", citations=(inside, outside))
    gone = await learned(context, scope="acme/app", citations=(inside, outside))
    await delete_project(context, DeleteProject.model_validate(project))

    assert (await fact(context, closed.id)).valid_to == THEN
    assert (await fact(context, open_.id)).valid_to is None
    with pytest.raises(NotFound):
        await fact(context, gone.id)


async def test_nothing_follows_from_nothing(context: Context) -> None:
    assert await consequences(context, []) == ((), ())
