"""How the Postgres adapter takes the endings off words, with many questions at once."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from anyio import Event, create_task_group
from tests.postgres import lent_database

from recollect.adapters.postgres.database import Cursor, Database, Place
from recollect.adapters.postgres.home import open_database
from recollect.adapters.postgres.words import Stemmer

pytestmark = pytest.mark.anyio

MANY = [(f"w{number}",) for number in range(100_001)]
"""More words than are remembered."""


class Slow:
    """A cursor that waits before it is answered."""

    def __init__(self, cursor: Cursor) -> None:
        self.asked, self.answered = Event(), Event()
        self._cursor = cursor

    async def execute(self, *statement: Any) -> None:
        self.asked.set()
        await self.answered.wait()
        await self._cursor.execute(*statement)

    async def fetchall(self) -> list[Any]:
        return await self._cursor.fetchall()


@pytest.fixture
async def database() -> AsyncGenerator[Database]:
    with lent_database() as lent:
        async with open_database(Place(url=lent.url)) as opened:
            yield opened


async def test_words_are_known_to_the_end_while_another_question_makes_room(
    database: Database,
) -> None:
    stemmer = Stemmer()
    found: list[str] = []

    async def ask(cursor: Cursor) -> None:
        slow = Slow(cursor)

        async def question() -> None:
            found.extend(await stemmer.stemmed(cast("Cursor", slow), [("singing",), ("birds",)]))

        assert await stemmer.stemmed(cursor, [("singing",)]) == ["sing"]
        async with create_task_group() as tasks:
            tasks.start_soon(question)
            await slow.asked.wait()
            await stemmer.stemmed(cursor, MANY)
            slow.answered.set()

    await database.read("default", ask)
    assert found == ["sing", "bird"]
