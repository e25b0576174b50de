"""The raw cost of what a recall is made of, measured without a server on the same store."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import anyio
import numpy as np

from benchmarks.timing import Spread, each
from benchmarks.vectors import best
from recollect.adapters.sqlite.matrix import PassageMatrix
from recollect.adapters.sqlite.text import asked_phrases, match_expression, telling_phrases
from recollect.app.wiring import open_context
from recollect.domain.passages import FloatMatrix
from recollect.operations.arms import OVER_FETCH
from recollect.operations.embedding import model_key
from recollect.settings import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Milliseconds; each part by itself, one after another, on one thread.

    Attributes:
        embed: Turning a question into a vector.
        scan: Scoring all vectors and taking the best.
        text: The bare full-text query as the product asks it, best `OVER_FETCH` by BM25.
        every_word: The same for every word of the question, names and dates included; no part of
            a recall in a large store.
    """

    embed: Spread
    scan: Spread
    text: Spread
    every_word: Spread

    @property
    def sum_of_medians(self) -> float:
        """What a recall would take that did one after another and nothing else."""
        return self.embed.p50 + self.scan.p50 + self.text.p50


def parts_of(data_dir: Path, asked: list[str]) -> Parts:
    """Measure the parts for these questions on the store in this folder."""
    vectors, embed, model = anyio.run(partial(_embedded, data_dir, asked))
    (file,) = data_dir.glob("tenants/*/recollect.db")
    with closing(sqlite3.connect(file)) as connection:
        matrix = PassageMatrix(model)
        matrix.refresh(connection)
        scan = each(lambda vector: best(matrix, vector), list(vectors))
        words = [asked_phrases(question) for question in asked]
        telling = [telling_phrases(connection, phrases) for phrases in words]
        text = each(partial(_search_text, connection), telling)
        every_word = each(partial(_search_text, connection), words)
    return Parts(embed=embed, scan=scan, text=text, every_word=every_word)


async def _embedded(data_dir: Path, asked: list[str]) -> tuple[FloatMatrix, Spread, str]:
    """The questions' vectors, how long each took, and the model's key."""
    async with open_context(load(data_dir=data_dir)) as (context, embedders):
        await embedders.embedder.load()
        taken: list[float] = []
        found: list[FloatMatrix] = []
        for question in asked:
            started = perf_counter()
            found.append(await context.embedder.embed([question], purpose="query"))
            taken.append((perf_counter() - started) * 1000)
        return np.concatenate(found), Spread.of(taken), model_key(context)


def _search_text(connection: sqlite3.Connection, phrases: Sequence[str]) -> None:
    connection.execute(
        "select rowid, rank from text_index where text_index match ? order by rank limit ?",
        [match_expression(phrases), OVER_FETCH],
    ).fetchall()
