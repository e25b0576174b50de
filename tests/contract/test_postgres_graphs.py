"""What the Postgres adapter's graphs of vectors find, and when they are made."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np
import psycopg
import pytest
from anyio import Event, create_task_group, fail_after
from psycopg import sql
from tests.examples import ALL, TENANT, embedded, note, storing
from tests.postgres import TestDatabase, new_database

from recollect.adapters.postgres.database import Place
from recollect.adapters.postgres.home import open_database
from recollect.adapters.postgres.records import PostgresRecordStore
from recollect.adapters.postgres.vectors import PostgresVectorIndex
from recollect.adapters.postgres.words import Stemmer
from recollect.domain.filters import parse
from recollect.domain.memory import Memory
from recollect.domain.passages import FloatMatrix
from recollect.domain.selection import Selection

pytestmark = pytest.mark.anyio

COUNT, DIMENSIONS = 3000, 48
SMALL = 200
GRAPHS = "select indexname from pg_indexes where indexname like 'passage_near%' order by 1"
WALKS = """
select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes where indexrelname like 'passage_near%'
"""


def vectors(count: int, dimensions: int) -> FloatMatrix:
    dice = np.random.default_rng(3)
    centres = dice.standard_normal((40, dimensions))
    made = centres[dice.integers(0, 40, count)] + 0.7 * dice.standard_normal((count, dimensions))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Filled:
    """A database that holds many vectors of one model, and few of another length.

    Attributes:
        thorough: Takes it for so large that one round of a search is not enough.
    """

    database: TestDatabase
    index: PostgresVectorIndex
    thorough: PostgresVectorIndex
    memories: list[Memory]
    vectors: FloatMatrix

    def graphs(self) -> list[str]:
        with psycopg.connect(self.database.admin_url) as connection:
            return [name for (name,) in connection.execute(GRAPHS)]

    def walks(self) -> int:
        """How often a graph was searched, as far as the server knows by now."""
        with psycopg.connect(self.database.admin_url) as connection:
            row = connection.execute(WALKS).fetchone()
            assert row is not None
            return row[0]


@pytest.fixture(scope="module")
async def filled() -> AsyncGenerator[Filled]:
    database = new_database()
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        # So few are compared sooner than the graph is walked through.
        prefer = sql.SQL("alter database {} set enable_sort = off")
        connection.execute(prefer.format(sql.Identifier(connection.info.dbname)))
    made = vectors(COUNT, DIMENSIONS)
    async with open_database(Place(url=database.url)) as opened:
        records = PostgresRecordStore(opened, Stemmer())
        memories = [note("Tea.", metadata={"n": i % 100}) for i in range(COUNT)]
        for start in range(0, COUNT, 1000):
            page = slice(start, start + 1000)
            each = [embedded(m, [v]) for m, v in zip(memories[page], made[page], strict=True)]
            await records.commit(TENANT, storing(*memories[page], embedded=tuple(each)))
        others = [note() for _ in range(SMALL)]
        narrow = vectors(SMALL, 3)
        each = [embedded(m, [v], "narrow") for m, v in zip(others, narrow, strict=True)]
        await records.commit(TENANT, storing(*others, embedded=tuple(each)))
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            connection.execute("analyze")
        index = PostgresVectorIndex(opened, index_from=1000)
        thorough = PostgresVectorIndex(opened, large=SMALL)
        yield Filled(database, index, thorough, memories, made)
    database.drop()


async def recall_at_10(
    filled: Filled, index: PostgresVectorIndex, selection: Selection, kept: list[int]
) -> float:
    """Which part of the ten truly nearest are found, on the average of 30 questions."""
    questions = vectors(30, DIMENSIONS)[::-1]
    found = 0
    for question in questions:
        nearest = await index.search(TENANT, selection, "model-a", question, 10)
        assert len(nearest.hits) == 10
        scores = filled.vectors[kept] @ question
        best = {filled.memories[kept[i]].id for i in np.argsort(-scores)[:10]}
        found += len(best & {hit.id for hit in nearest.hits})
    return found / (10 * len(questions))


async def test_a_graph_is_made_once_there_are_passages_enough(filled: Filled) -> None:
    assert filled.graphs() == []

    await filled.index.warm(TENANT, "narrow")
    assert filled.graphs() == []

    async with create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(filled.index.warm, TENANT, "model-a")
    assert len(filled.graphs()) == 1
    await filled.index.warm(TENANT, "model-a")
    assert len(filled.graphs()) == 1


async def test_a_graph_of_other_parameters_stays_until_its_successor_is_made(
    filled: Filled,
) -> None:
    await filled.index.warm(TENANT, "model-a")
    [wanted] = filled.graphs()
    older = wanted.removesuffix("_m24_ef200")
    with psycopg.connect(filled.database.admin_url, autocommit=True) as connection:
        rename = sql.SQL("alter index {} rename to {}")
        connection.execute(rename.format(sql.Identifier(wanted), sql.Identifier(older)))
    made, told = Event(), list[float]()

    async def make() -> None:
        await filled.index.warm(TENANT, "model-a")
        made.set()

    async with create_task_group() as tasks:
        tasks.start_soon(make)
        while not made.is_set():
            share = await filled.index.indexed(TENANT, "model-a")
            if share is not None:
                told.append(share)
                assert filled.graphs() in ([older, wanted], [wanted])

    assert any(0 < share < 1 for share in told)
    assert told == sorted(told)
    assert await filled.index.indexed(TENANT, "model-a") is None
    assert filled.graphs() == [wanted]


async def test_a_search_through_the_graph_finds_the_nearest(filled: Filled) -> None:
    await filled.index.warm(TENANT, "model-a")

    assert await recall_at_10(filled, filled.index, ALL, list(range(COUNT))) >= 0.98
    assert await recall_at_10(filled, filled.thorough, ALL, list(range(COUNT))) >= 0.98
    # A session tells what it used about once a second, as it ends a transaction.
    with fail_after(20):
        while not filled.walks():
            await recall_at_10(filled, filled.index, ALL, list(range(COUNT)))


@pytest.mark.parametrize("share", ["m.n = 7", "m.n < 20"])
async def test_a_filtered_search_finds_as_many_and_the_right_ones(
    filled: Filled, share: str
) -> None:
    await filled.index.warm(TENANT, "model-a")
    most = 1 if "=" in share else 20
    kept = [i for i in range(COUNT) if (i % 100 == 7 if most == 1 else i % 100 < most)]
    selection = Selection(scopes=ALL.scopes, filter=parse(share))

    assert await recall_at_10(filled, filled.index, selection, kept) >= 0.98
    assert await recall_at_10(filled, filled.thorough, selection, kept) >= 0.98


async def test_vectors_of_another_length_are_searched_beside_the_graph(filled: Filled) -> None:
    question = vectors(SMALL, 3)[5]

    nearest = await filled.index.search(TENANT, ALL, "narrow", question, 1)

    assert nearest.hits[0].score == pytest.approx(1, abs=0.01)


async def test_a_graph_that_was_left_half_made_is_made_anew(filled: Filled) -> None:
    await filled.index.warm(TENANT, "model-a")
    [name] = filled.graphs()
    with psycopg.connect(filled.database.admin_url, autocommit=True) as connection:
        invalid = "update pg_index set indisvalid = false where indexrelid = to_regclass(%s)"
        connection.execute(invalid, [name])

        await filled.index.warm(TENANT, "model-a")

        valid = "select indisvalid from pg_index where indexrelid = to_regclass(%s)"
        assert connection.execute(valid, [name]).fetchone() == (True,)
