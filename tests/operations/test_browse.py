"""Lists, page by page."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.examples import MINUTE, THEN
from tests.operations.fakes import FakeClock
from tests.strategies import json_values

from recollect.errors import InvalidCursor, InvalidFilter, RecollectError
from recollect.operations import (
    Browse,
    Context,
    ForgetOne,
    Ingest,
    MemoryView,
    Message,
    Remember,
    browse,
    forget,
    ingest,
    remember,
)

pytestmark = pytest.mark.anyio


def asked(**fields: object) -> Browse:
    return Browse.model_validate(fields)


async def pages(context: Context, **fields: object) -> AsyncIterator[list[MemoryView]]:
    cursor: str | None = None
    while True:
        page = await browse(context, asked(cursor=cursor, **fields))
        yield page.memories
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


async def fill(context: Context) -> None:
    for scope in ("", "a", "a/b", "b"):
        for name in ("x", "y"):
            tags = ("t", scope or "root") if name == "x" else ()
            note = Remember(
                content=f"{scope} {name}", scope=scope, name=name, tags=tags, metadata={"n": 1}
            )
            await remember(context, note)
        messages = tuple(
            Message(content=f"{scope} {i}", producer="Ann", occurred_at=THEN + i * MINUTE)
            for i in range(3)
        )
        await ingest(context, Ingest(scope=scope, messages=messages))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 19, 20, 1000])
async def test_pages_of_any_size_join_to_the_same_list(context: Context, limit: int) -> None:
    await fill(context)
    whole = (await browse(context, asked(look="all", limit=1000))).memories

    joined = [memories async for memories in pages(context, look="all", limit=limit)]

    assert [memory for page in joined for memory in page] == whole
    assert len(joined) == -(-20 // limit)
    assert len(whole) == 20


async def test_every_page_tells_how_many_there_are_in_all(context: Context) -> None:
    await fill(context)
    first = await browse(context, asked(look="all", limit=3))
    second = await browse(context, asked(look="all", limit=5, cursor=first.next_cursor))

    assert (first.count, second.count) == (20, 20)
    assert len(second.memories) == 5


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 5), ({"look": "all"}, 20), ({"scope": "a"}, 5),
        ({"scope": "a", "look": "subtree"}, 10), ({"look": "all", "filter": " "}, 20),
        ({"scope": "a", "look": "subtree+global"}, 15), ({"look": "all", "kinds": ["note"]}, 8),
        ({"look": "all", "kinds": ["note", "fact"]}, 8), ({"look": "all", "name": "x"}, 4),
        ({"look": "all", "tags": ["t"]}, 4), ({"look": "all", "tags": ["t", "a"]}, 1),
        ({"look": "all", "filter": "m.n = 1 AND name = 'y'"}, 4),
        ({"look": "all", "filter": "occurred_at > date('2026-01-01T09:31Z')"}, 8),
        ({"scope": "nothing"}, 0),
    ],
)  # fmt: skip
async def test_a_list_holds_what_was_asked_for(
    context: Context, fields: dict[str, object], count: int
) -> None:
    await fill(context)

    page = await browse(context, asked(**fields, limit=100))

    assert (page.count, len(page.memories), page.next_cursor) == (count, count, None)


async def test_what_changes_between_pages_does_not_upset_them(context: Context) -> None:
    await fill(context)
    first = await browse(context, asked(look="all", limit=10))
    for memory in (first.memories[-1], first.memories[0]):
        await forget(context, ForgetOne(id=memory.id))
    await remember(context, Remember(content="new", name="new"))
    again = [memories async for memories in pages(context, look="all", limit=4)]
    second = await browse(context, asked(look="all", limit=100, cursor=first.next_cursor))

    assert len(second.memories) == 10
    assert not {m.id for m in first.memories} & {m.id for m in second.memories}
    assert sum(map(len, again)) == 19


async def test_an_expired_memory_neither_shows_nor_breaks_a_cursor(
    context: Context, clock: FakeClock
) -> None:
    for name in "abc":
        expires_at = THEN + MINUTE if name == "a" else None
        await remember(context, Remember(content=name, name=name, expires_at=expires_at))
    first = await browse(context, asked(limit=1))
    clock.pass_by(timedelta(days=1))
    second = await browse(context, asked(limit=5, cursor=first.next_cursor))

    assert [m.name for m in first.memories] == ["a"]
    assert [m.name for m in second.memories] == ["b", "c"]
    assert second.count == 2


async def test_a_cursor_of_another_query_is_refused(context: Context) -> None:
    await fill(context)
    cursor = (await browse(context, asked(look="all", limit=1))).next_cursor

    for other in ({}, {"look": "all", "tags": ["t"]}, {"look": "all", "filter": "m.n = 1"}):
        with pytest.raises(InvalidCursor) as refused:
            await browse(context, asked(cursor=cursor, **other))
        assert refused.value.code == "invalid_cursor"


async def test_a_wrong_filter_is_refused(context: Context) -> None:
    with pytest.raises(InvalidFilter) as refused:
        await browse(context, asked(filter="m.n = = 1"))

    assert refused.value.code == "invalid_filter"


@pytest.mark.parametrize("fields", [{"limit": 0}, {"limit": 1001}, {"look": "far"}, {"scope": "/"}])
def test_a_wrong_question_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        asked(**fields)


over_one_context = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def packed(fields: object) -> str:
    return "c1_" + base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


@over_one_context
@given(cursor=st.text(min_size=1) | json_values.map(packed) | st.binary(min_size=1).map(repr))
async def test_garbage_is_no_cursor(context: Context, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await browse(context, asked(cursor=cursor))


_odd = (
    json_values
    | st.sampled_from([float("inf"), float("nan"), 10**30, "\ud800", "0001-01-01T00:00:00+01:00"])
    | st.sampled_from(["2026-01-01", "9999-12-31T23:59:59-01:00", "", "x\0y", [], {}])
)


@over_one_context
@given(place=st.integers(1, 5), odd=_odd)
async def test_a_forged_cursor_is_refused_or_is_just_another_place(
    context: Context, place: int, odd: object
) -> None:
    if not await context.log.last_seq(context.tenant):
        await fill(context)
    cursor = (await browse(context, asked(limit=1))).next_cursor or ""
    body = cursor.removeprefix("c1_")
    fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    fields[place] = odd

    try:
        page = await browse(context, asked(cursor=packed(fields)))
    except RecollectError as error:
        code = error.code
    else:
        code = "invalid_cursor" if page.count == 5 else "wrong"

    assert code == "invalid_cursor"
