"""Conversations to summarise."""

from datetime import timedelta

from tests.examples import THEN
from tests.operations.fakes import FakeClock

from recollect.domain.memory import Memory, RegistryRecord
from recollect.operations import Context, Ingest, Message, ingest, work
from recollect.operations.summaries import SUMMARY

SESSION = "monday"


async def talk(
    context: Context, count: int, *, start: int = 0, session: str = SESSION
) -> list[str]:
    """Store messages of a session, each a sentence of its own; gives their ids."""
    messages = tuple(
        Message(
            content=f"We sail to harbour number {i} with lamp {i}.",
            producer=("Ann", "Ben")[i % 2],
            occurred_at=THEN + timedelta(minutes=i),
        )
        for i in range(start, start + count)
    )
    return (await ingest(context, Ingest(session=session, messages=messages))).ids


async def settle(context: Context, clock: FakeClock) -> None:
    """Let time pass and do what is due, until nothing is."""
    clock.pass_by(timedelta(minutes=1))
    while await work(context):
        pass


async def summary_record(context: Context, session: str = SESSION) -> RegistryRecord | None:
    """The session's summary as it is stored."""
    found = await context.records.registered(context.tenant, SUMMARY, [f"|{session}"])
    return found[0] if found else None


async def messages_of(context: Context, session: str = SESSION) -> list[Memory]:
    """All messages of the session by position."""
    return await context.records.placed_after(context.tenant, "", session, -1, 10_000)
