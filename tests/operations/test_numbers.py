"""Small decimal numbers."""

import pytest
from anyio import create_task_group

from recollect.domain.changes import PutRecord
from recollect.domain.memory import RegistryRecord
from recollect.errors import AlreadyExists
from recollect.operations.context import Context, store
from recollect.operations.numbers import numbered

pytestmark = pytest.mark.anyio


async def take(context: Context, taken: list[str]) -> None:
    async def attempt(number: str, counter: PutRecord) -> str:
        record = RegistryRecord(type="thing", id=number, content={}, updated_at=context.now())
        await store(context, counter, PutRecord(record=record, expected_revision=0))
        return number

    taken.append(await numbered(context, "thing", attempt))


async def test_numbers_are_counted_from_one(context: Context) -> None:
    taken: list[str] = []
    for _ in range(3):
        await take(context, taken)

    assert taken == ["1", "2", "3"]


async def test_many_at_once_each_get_their_own(context: Context) -> None:
    taken: list[str] = []
    async with create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(take, context, taken)

    assert sorted(map(int, taken)) == list(range(1, 21))
    assert len(await context.records.registry("default", "thing")) == 20


async def test_an_attempt_that_fails_takes_no_number(context: Context) -> None:
    async def attempt(_: str, __: PutRecord) -> str:
        raise AlreadyExists("another thing has this name")

    await take(context, taken := [])
    with pytest.raises(AlreadyExists, match="another thing"):
        await numbered(context, "thing", attempt)
    await take(context, taken)

    assert taken == ["1", "2"]
