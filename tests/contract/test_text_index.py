"""What every text index promises."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import ALL, TENANT, batch, episode, fact, note, put, storing

from recollect.app.wiring import Store
from recollect.domain.changes import Forget
from recollect.domain.filters import parse
from recollect.domain.memory import Memory, Note
from recollect.domain.scopes import Look, ScopeSet
from recollect.domain.selection import Selection
from recollect.ports import ScoredOutline

pytestmark = pytest.mark.anyio


async def search(
    store: Store, query: str, selection: Selection = ALL, limit: int = 10
) -> list[ScoredOutline]:
    return await store.text.search(TENANT, selection, query, limit)


async def found(store: Store, query: str, selection: Selection = ALL, limit: int = 10) -> set[str]:
    return {hit.id for hit in await search(store, query, selection, limit)}


async def keep(store: Store, *memories: Memory) -> list[str]:
    await store.records.commit(TENANT, storing(*memories))
    return [memory.id for memory in memories]


@pytest.mark.parametrize("query", ["paint", "painted", "painting", "PAINTING", "a paint"])
async def test_english_words_are_found_in_all_their_forms(store: Store, query: str) -> None:
    forms = ["He will paint it.", "She painted a lake.", "Painting is fun.", "He PAINTS."]
    ids = await keep(store, *map(note, forms), note("A pint of milk."))

    assert await found(store, query) == set(ids[:4])


async def test_the_best_match_comes_first_and_scores_are_positive(store: Store) -> None:
    weak = note("Tea was on a long list of many other things that we once had to buy.", name="a")
    strong = note("Green tea, black tea.", name="b")
    other = note("Coffee.", name="c")
    await keep(store, weak, strong, other)

    hits = await search(store, "tea")

    assert [hit.id for hit in hits] == [strong.id, weak.id]
    assert hits[0].score > hits[1].score > 0


async def test_a_rare_word_counts_more_than_a_common_one(store: Store) -> None:
    common = [note("Tea today.", name=f"n{i}") for i in range(5)]
    rare = note("Oolong today.", name="n6")
    await keep(store, *common, rare)

    assert (await search(store, "tea oolong"))[0].id == rare.id


async def test_hits_of_the_same_score_are_ordered_by_id(store: Store) -> None:
    same = [note("Tea.", name="same", scope=f"s{i}", id=i) for i in "zbmax"]
    await keep(store, *same)

    assert [hit.id for hit in await search(store, "tea")] == ["a", "b", "m", "x", "z"]
    assert [hit.id for hit in await search(store, "tea", limit=2)] == ["a", "b"]


async def test_the_name_tags_and_speaker_are_searched_too(store: Store) -> None:
    ids = await keep(
        store,
        note("x", name="db/choice-of-engine"),
        note("x", tags=("décision", "two words")),
        episode("x", producer="Annabel"),
        fact("x"),
    )

    assert await found(store, "engine") == {ids[0]}
    assert await found(store, "words") == {ids[1]}
    assert await found(store, "Annabel?") == {ids[2]}
    assert await found(store, "what taste") == {ids[3]}


CHARACTERS = [
    '"', "'", '"tea"', '"tea', "tea*", "*", "^tea", "tea AND coffee", "tea OR", "NOT tea", "NEAR",
    "NEAR(tea coffee, 2)", "(tea", "tea)", "()", "text:tea", "text : tea", "-tea", "+tea", "{tea}",
    "tea:", ":", "- text: tea", "'; drop table memory; --", "%", "_", "__", "tea_time", "\\",
    "\x01", "tea\x1f\x7f", "tea\u200b", "\u0301", "?", "…", "🍵", " ", "\n", ";", "--", "/*",
    "tea*coffee", "\ufeff", "ﬃ", "a\u0300", "२", "Ⅷ", "İ", "ß", "\U0001d400", "ᄀᄁ", "\ue000",
    "\ufffe", "OR " * 99,
]  # fmt: skip


@pytest.mark.parametrize("query", CHARACTERS)
async def test_no_character_of_a_query_is_syntax(store: Store, query: str) -> None:
    ids = await keep(store, note("Tea at four."), note("Coffee near the lake.", name="c"))

    hits = await found(store, query)

    assert hits <= set(ids)
    if "tea" in query.split():
        assert ids[0] in hits


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
    | st.text("\"'*^()+-:{} ANDORNEARtea_", max_size=30)
)
async def test_any_text_is_a_query(store: Store, query: str) -> None:
    if not await store.records.last_seq(TENANT):
        await keep(store, note("Tea near the lake."))

    hits = await search(store, query)

    assert all(hit.score > 0 for hit in hits)


@pytest.mark.parametrize("query", ["", " ", "?!", "\"'*", "- (", "🍵", "___"])
async def test_a_query_without_any_word_finds_nothing(store: Store, query: str) -> None:
    await keep(store, note("Tea 🍵 at four? ___ -"))

    assert await search(store, query) == []


async def test_a_query_of_only_stop_words_still_finds(store: Store) -> None:
    [who, _] = await keep(store, note("The Who played."), note("Tea."))

    assert await found(store, "the who") == {who}


async def test_stop_words_do_not_find_when_there_are_others(store: Store) -> None:
    [_, tea] = await keep(store, note("What is it?"), note("Tea."))

    assert await found(store, "what is tea") == {tea}


async def test_a_query_of_a_hundred_thousand_characters_is_answered(store: Store) -> None:
    [tea] = await keep(store, note("Tea."))

    assert await found(store, "tea " * 25_000) == {tea}
    assert await found(store, "x" * 100_000) == set()
    assert await found(store, "tea " + " ".join(f"word{i}" for i in range(11_000))) == {tea}
    assert await found(store, "'\"" * 50_000) == set()


LAKE, SAKURA, SEOUL = "东京大学的湖", "さくらを見る。カタカナ", "서울에서 만나요"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("东京", LAKE), ("湖", LAKE), ("大学", LAKE), ("东", LAKE), ("东京大学", LAKE),
        ("さくら", SAKURA), ("見", SAKURA), ("カナ", SAKURA), ("見る", SAKURA),
        ("서울", SEOUL), ("만나", SEOUL), ("요", SEOUL), ("울", SEOUL),
    ],
)  # fmt: skip
async def test_chinese_japanese_and_korean_words_are_found_by_their_characters(
    store: Store, query: str, expected: str
) -> None:
    texts = [LAKE, SAKURA, SEOUL, "Lake Tokyo"]
    ids = await keep(store, *map(note, texts))

    assert await found(store, query) == {ids[texts.index(expected)]}


async def test_characters_that_are_no_neighbours_are_no_word(store: Store) -> None:
    await keep(store, note(LAKE))

    assert await found(store, "京东") == set()
    assert await found(store, "东学") == set()


async def test_scripts_may_be_mixed(store: Store) -> None:
    [mixed] = await keep(store, note("我用PostgreSQL数据库v2"))

    for query in ("postgresql", "数据", "用PostgreSQL数", "v2"):
        assert await found(store, query) == {mixed}


WORDS = [
    "été", "e\u0301te\u0301", "İstanbul", "Straße", "ΣΊΣΥΦΟΣ", "йод", "и\u0306од", "naïve", "Ωmega",
    "x2", "Übung", "שלום", "مرحبا", "ångström", "don't", "C3PO", "user_id", "2026-01-01", "a.b.c",
    "Łódź",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
async def test_a_word_is_found_by_itself_in_any_script(store: Store, word: str) -> None:
    [known, _] = await keep(store, note(f"So {word} it was."), note("Else."))

    assert await found(store, word) == {known}


NARROW: Sequence[tuple[str, Selection]] = [
    ("a scope", Selection(scopes=ScopeSet.of("rare", Look.EXACT))),
    ("a filter", Selection(scopes=ALL.scopes, filter=parse("m.rare = TRUE"))),
    ("both", Selection(scopes=ScopeSet.of("rare", Look.SUBTREE), filter=parse("kind = note"))),
]


@pytest.mark.parametrize("selection", [s for _, s in NARROW], ids=[name for name, _ in NARROW])
async def test_the_selection_applies_before_the_limit(store: Store, selection: Selection) -> None:
    crowd = [note("Tea tea tea.", name=f"n{i}", scope="crowd") for i in range(300)]
    rare = note("Once, long ago, there was some tea.", scope="rare", metadata={"rare": True})
    await keep(store, *crowd, rare)

    assert [hit.id for hit in await search(store, "tea", selection, 2)] == [rare.id]


async def test_at_most_the_limit_is_found(store: Store) -> None:
    await keep(store, *(note("Tea.", name=f"n{i}") for i in range(5)))

    assert len(await search(store, "tea", ALL, 3)) == 3


async def test_changes_are_seen_at_once(store: Store) -> None:
    memory = note("Tea.", name="drink", tags=("hot",))
    await keep(store, memory)
    second = replace(memory, content="Coffee.", tags=("cold",), revision=2)
    await store.records.commit(TENANT, batch(put(second, 1)))

    assert await found(store, "tea hot") == set()
    assert await found(store, "coffee") == await found(store, "cold") == {memory.id}

    third = replace(second, detail=Note(name="beverage"), scope="work", revision=3)
    await store.records.commit(TENANT, batch(put(third, 2)))

    assert await found(store, "drink") == set()
    assert await found(store, "beverage") == {memory.id}
    assert await found(store, "coffee", Selection(scopes=ScopeSet.listed([""]))) == set()

    await store.records.commit(TENANT, batch(Forget(id=memory.id)))

    assert await found(store, "coffee beverage cold") == set()


async def test_a_few_of_one_kind_are_found_among_many_of_another(store: Store) -> None:
    ids = await keep(store, fact("Tea."), fact("Tea, green tea."), fact("Milk."))
    await keep(store, *(episode("Tea.", position=n) for n in range(50)))

    facts = replace(ALL, filter=parse("kind IN ('fact')"))

    assert await found(store, "tea", facts) == set(ids[:2])
    assert len(await search(store, "tea", facts, limit=1)) == 1
