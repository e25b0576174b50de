"""In a large store a word that nearly all memories hold costs no more than it tells."""

from collections.abc import AsyncGenerator

import pytest

from recollect.adapters.sqlite.text import MOST_MATCHES
from recollect.app.wiring import open_context
from recollect.domain.scopes import Look
from recollect.operations import Context, Ingest, ingest
from recollect.settings import HashingSettings, load

pytestmark = pytest.mark.anyio

COUNT = MOST_MATCHES + 1000
BATCH = 1000
RARE = 300
HERON = "The heron stands in the river"
FEW = ["Ann saw a crane", "Ann saw a stork", "Ann saw a goose"]


@pytest.fixture(scope="module")
async def context(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Context]:
    settings = load(data_dir=tmp_path_factory.mktemp("data"), embedder=HashingSettings())
    async with open_context(settings) as (context, _):  # without a model: words alone
        texts = [f"Turn {number}" for number in range(COUNT)]
        texts[::RARE] = [HERON] * len(texts[::RARE])
        for start in range(0, COUNT, BATCH):
            await _say(context, "", texts[start : start + BATCH])
        await _say(context, "few", FEW)
        yield context


async def test_what_holds_only_a_common_word_is_not_found_beside_rare_ones(
    context: Context,
) -> None:
    assert await _found(context, "", "What did Ann say of the heron?") == [HERON] * (
        COUNT // RARE + 1
    )


async def test_a_common_word_alone_still_finds(context: Context) -> None:
    assert len(await _found(context, "", "Ann")) == 100


async def test_when_rare_words_find_little_the_common_ones_help(context: Context) -> None:
    assert sorted(await _found(context, "few", "What did Ann say of the heron?")) == sorted(FEW)


async def _say(context: Context, scope: str, texts: list[str]) -> None:
    messages = [{"content": text, "producer": "Ann"} for text in texts]
    await ingest(context, Ingest.model_validate({"scope": scope, "messages": messages}))


async def _found(context: Context, scope: str, query: str) -> list[str]:
    hits = await context.text.search(
        context.tenant, context.selection(scope, Look.EXACT), query, 100
    )
    found = await context.records.get(context.tenant, [hit.id for hit in hits])
    return [memory.content for memory in found]
