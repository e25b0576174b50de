"""What is found by words in a store of so many memories that each way to search is taken."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recollect.adapters.sqlite.database import migrate
from recollect.adapters.sqlite.home import open_home
from recollect.adapters.sqlite.text import FEW, SqliteTextIndex, match_expression, matching
from recollect.adapters.sqlite.words import LENGTH_BITS, Tokenizer, insert_texts
from recollect.domain.filters import parse
from recollect.domain.scopes import EVERYWHERE, ScopeSet
from recollect.domain.searchable import spaced
from recollect.domain.selection import Selection

pytestmark = pytest.mark.anyio

MANY = 8 * FEW

# One in 100 in `few`, one in 8 in `some`, the others in `most`; each word at a rate of its own, so
# that the texts' scores differ.
_MEMORIES = f"""
with recursive n (key) as (select 1 union all select key + 1 from n where key < {MANY})
insert into memory (key, id, scope, kind, content, tags, metadata, occurred_at, created_at,
    updated_at, revision, name)
select key, printf('%06d', key * 7919 % {MANY}),
    case when key % 100 = 0 then 'few' when key % 8 = 1 then 'some' else 'most' end,
    'note', 'tea' || iif(key % 13 = 0, ' green', '') || iif(key % 41 = 0, ' garden', '')
    || iif(key % 57 = 0, ' pot pot', ''), '[]', '{{}}', 0, 0, 0, 1, 'n' || key
from n
"""  # noqa: S608  (these are our own numbers)
_EVERYTHING = Selection(scopes=EVERYWHERE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    anyio.run(_fill, folder)
    return folder


async def _fill(folder: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute(_MEMORIES)
        rows = connection.execute("select key, content from memory").fetchall()
        insert_texts(connection, rows)

    async with open_home(folder) as home:
        await (await home.database("default")).write(fill)


def scope_of(key: int) -> str:
    return "few" if key % 100 == 0 else "some" if key % 8 == 1 else "most"


SCOPES = {f"{key * 7919 % MANY:06d}": scope_of(key) for key in range(1, MANY + 1)}


@pytest.mark.parametrize("scopes", [["few"], ["some"], ["most"], ["few", "some"]])
async def test_what_is_selected_is_found_as_among_all(folder: Path, scopes: list[str]) -> None:
    kept = " OR ".join(f"scope = '{scope}'" for scope in scopes)
    selections = [
        Selection(scopes=ScopeSet.listed(scopes)),
        Selection(scopes=EVERYWHERE, filter=parse(kept)),
    ]
    async with open_home(folder) as home:
        index = SqliteTextIndex(home)
        everything = await index.search("default", _EVERYTHING, "green garden pot", MANY)
        for selection in selections:
            found = await index.search("default", selection, "green garden pot", 30)

            best = [hit for hit in everything if SCOPES[hit.id] in scopes][:30]
            assert [hit.id for hit in found] == [hit.id for hit in best]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in best])


WORDS = ["tea", "teas", "green", "pot", "中", "国", "Ünder", "twenty-one"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join), max_size=12)


@given(texts=texts, asked=st.sets(st.sampled_from(["tea", "green", "中 国", "twenty one", "no"])))
def test_scores_are_those_of_the_index_itself(texts: list[str], asked: set[str]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        connection.executemany(
            "insert into memory (key, id, scope, kind, content, tags, metadata, occurred_at, "
            "created_at, updated_at, revision, name) "
            "values (?1, ?1, '', 'note', '', '[]', '{}', 0, 0, 0, 1, ?1)",
            [(key,) for key in range(len(texts))],
        )
        insert_texts(connection, [(key, spaced(text)) for key, text in enumerate(texts)])

        keys, scores = matching(connection, Tokenizer().terms(sorted(asked)))

        expected = connection.execute(
            f"select rowid >> {LENGTH_BITS}, -bm25(text_index) from text_index "  # noqa: S608
            "where text_index match ? order by rowid",
            [match_expression(sorted(asked)) or '""'],
        ).fetchall()
        assert keys.tolist() == [key for key, _ in expected]
        assert scores.tolist() == pytest.approx([score for _, score in expected], rel=1e-9)
