"""Finding memories."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.examples import MINUTE, THEN, batch, fact, note, put
from tests.operations.fakes import FakeClock, FakeEmbedder

from recollect.domain.memory import Memory
from recollect.domain.selection import Selection
from recollect.errors import InvalidFilter, StoreUnavailable
from recollect.operations import (
    Browse,
    Context,
    Edit,
    Ingest,
    Message,
    Recall,
    Recalled,
    Remember,
    browse,
    edit,
    ingest,
    recall,
    remember,
    work,
)
from recollect.ports import Outline, ScoredOutline, TextIndex

pytestmark = pytest.mark.anyio

TALK = ["Hello Bo!", "Tea at four?", "Yes, green tea.", "Fine, bring cake.", "See you."]


async def ask(context: Context, query: str, **fields: object) -> Recalled:
    return await recall(context, Recall.model_validate({"query": query} | fields))


async def texts(context: Context, query: str, **fields: object) -> list[str]:
    return [hit.memory.content for hit in (await ask(context, query, **fields)).results]


async def talk(context: Context, scope: str = "", session: str = "s") -> list[str]:
    messages = tuple(
        Message(content=text, producer="AB"[i % 2], occurred_at=THEN + i * MINUTE)
        for i, text in enumerate(TALK)
    )
    return (await ingest(context, Ingest(scope=scope, session=session, messages=messages))).ids


async def test_what_was_acknowledged_is_recalled_at_once_with_its_reasons(
    context: Context,
) -> None:
    stored = await remember(context, Remember(content="Ann drinks green tea.", name="tea"))
    await remember(context, Remember(content="The cat sleeps.", name="cat"))

    answer = await ask(context, "What does Ann drink?")

    best = answer.results[0]
    assert best.memory.id == stored.id
    assert best.matched.text == "Ann drinks green tea."
    assert (best.matched.start, best.matched.end, best.matched.heading) == (0, 21, "")
    assert (best.arms["dense"].rank, best.arms["lexical"].rank) == (1, 1)
    assert 0 <= best.score <= 1
    assert (answer.degraded, answer.candidates) == ([], 2)
    assert answer.recall_id.startswith("r_")
    assert best.features is None


async def test_hits_come_best_first(context: Context) -> None:
    await talk(context)

    scores = [hit.score for hit in (await ask(context, "green tea at four")).results]

    assert scores == sorted(scores, reverse=True)
    assert len(scores) == len(TALK)


async def test_there_is_nothing_to_find_in_an_empty_store(context: Context) -> None:
    answer = await ask(context, "tea", look="all")

    assert (answer.results, answer.degraded, answer.candidates) == ([], [], 0)


async def fill(context: Context) -> None:
    await remember(context, Remember(content="tea root", name="a", tags=("x",), metadata={"n": 1}))
    await remember(context, Remember(content="tea work", name="b", scope="work", tags=("x", "y")))
    await remember(context, Remember(content="tea late", name="c", scope="work/late"))
    message = Message(content="tea said", producer="Ann", occurred_at=THEN - timedelta(days=30))
    await ingest(context, Ingest(scope="work", messages=(message,)))
    await context.records.commit("default", batch(put(fact("tea fact", scope="work"))))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"tea root"}),
        ({"scope": "work"}, {"tea work", "tea said", "tea fact"}),
        ({"scope": "work", "look": "subtree"}, {"tea work", "tea said", "tea fact", "tea late"}),
        ({"scope": "work/late", "look": "subtree+global"}, {"tea root", "tea late"}),
        ({"look": "all", "kinds": ["note"]}, {"tea root", "tea work", "tea late"}),
        ({"look": "all", "kinds": ["episode", "fact"]}, {"tea said", "tea fact"}),
        ({"look": "all", "tags": ["x"]}, {"tea root", "tea work"}),
        ({"look": "all", "tags": ["x", "y"]}, {"tea work"}),
        ({"look": "all", "filter": "m.n = 1 OR name = 'c'"}, {"tea root", "tea late"}),
        ({"look": "all", "occurred_before": THEN}, {"tea said"}),
        ({"look": "all", "occurred_after": THEN, "kinds": ["episode"]}, set()),
        (
            {"look": "all", "occurred_after": THEN - timedelta(days=30), "kinds": ["episode"]},
            {"tea said"},
        ),
        ({"scope": "nothing"}, set()),
    ],
)
async def test_only_what_was_asked_for_is_recalled(
    context: Context, fields: dict[str, object], expected: set[str]
) -> None:
    await fill(context)

    assert set(await texts(context, "tea", **fields)) == expected


async def test_a_filter_applies_before_the_limit(context: Context) -> None:
    messages = tuple(Message(content="tea tea", producer="Ann") for _ in range(300))
    await ingest(context, Ingest(messages=messages))
    await remember(context, Remember(content="A long story in which tea is named", name="x"))

    assert len(await texts(context, "tea", kinds=["note"], limit=1)) == 1


async def test_the_limit_holds(context: Context) -> None:
    await talk(context)

    assert len(await texts(context, "tea", limit=2)) == 2


async def test_a_long_hit_does_not_hide_short_ones_from_a_budget(context: Context) -> None:
    await remember(context, Remember(content="heron " * 2000, name="long"))
    await remember(context, Remember(content="A heron and the logo.", name="short"))

    answer = await ask(context, "heron", max_tokens=1000)

    assert [hit.memory.name for hit in answer.results] == ["short"]


@pytest.mark.parametrize("max_tokens", [60, 100, 200, 333, 1000, 100_000])
async def test_the_whole_answer_stays_within_its_token_budget(
    context: Context, max_tokens: int
) -> None:
    await talk(context)
    fields = {"before": 1, "after": 1, "explain": True}

    answer = await ask(context, "tea 🍵", max_tokens=max_tokens, **fields)
    everything = await ask(context, "tea 🍵", **fields)

    assert math.ceil(len(answer.model_dump_json().encode()) / 4) <= max_tokens
    kept = [hit.memory.id for hit in answer.results]
    assert kept == [hit.memory.id for hit in everything.results if hit.memory.id in kept]
    if max_tokens == 100_000:
        assert len(kept) == len(TALK)


async def around(context: Context, query: str, **fields: object) -> list[list[str]]:
    """The texts around each hit of the session `s`."""
    answer = await ask(context, query, filter="session = 's'", **fields)
    return [[neighbour.content for neighbour in hit.neighbours] for hit in answer.results]


async def test_a_hit_comes_with_its_neighbours_in_the_conversation(context: Context) -> None:
    await talk(context)
    await talk(context, session="other")

    assert await around(context, "green tea", limit=1) == [[]]
    assert await around(context, "green tea", limit=1, before=1, after=2) == [
        [TALK[1], TALK[3], TALK[4]]
    ]
    assert await around(context, "green tea", limit=1, expand=1) == [[TALK[1], TALK[3]]]
    assert await around(context, "green tea", limit=1, expand=1, before=9) == [
        [TALK[0], TALK[1], TALK[3]]
    ]


@pytest.mark.parametrize("limit", range(1, 6))
async def test_no_memory_is_given_twice_in_an_answer(context: Context, limit: int) -> None:
    await talk(context)

    hits = (await ask(context, "green tea at four", expand=5, limit=limit)).results

    best = [hit.memory.content for hit in hits]
    near = [neighbour.content for hit in hits for neighbour in hit.neighbours]
    assert len(best) == limit
    assert sorted([*best, *near]) == sorted(TALK)
    assert near == [text for text in TALK if text not in best]


async def test_what_was_left_out_for_want_of_room_hides_no_neighbour(context: Context) -> None:
    said = ["tea " * 400, "Yes.", "tea"]
    messages = tuple(Message(content=text, producer="A") for text in said)
    await ingest(context, Ingest(messages=messages))

    answer = await ask(context, "tea", before=1, after=1, limit=2, max_tokens=600)

    assert [hit.memory.content for hit in answer.results] == ["tea"]
    assert [neighbour.content for neighbour in answer.results[0].neighbours] == ["Yes."]


async def test_a_filter_holds_for_neighbours_too(context: Context) -> None:
    messages = tuple(
        Message(content=f"{user} likes tea, {i}", producer=user)
        for i in range(3)
        for user in ("Ann", "Ben")
    )
    await ingest(context, Ingest(messages=messages))

    answer = await ask(context, "tea", filter="producer = 'Ann'", expand=9, limit=1)

    [hit] = answer.results
    assert {hit.memory.producer, *(near.producer for near in hit.neighbours)} == {"Ann"}
    assert len(hit.neighbours) == 2


async def test_messages_of_the_same_moment_stay_in_the_order_in_which_they_came(
    context: Context,
) -> None:
    texts = [f"word{i}" for i in range(15)]
    messages = tuple(Message(content=text, producer="A", occurred_at=THEN) for text in texts)
    await ingest(context, Ingest(session="s", messages=messages[:10]))
    await ingest(context, Ingest(session="s", messages=messages[10:]))

    assert await around(context, "word7", limit=1, expand=20) == [texts[:7] + texts[8:]]


async def test_an_expired_memory_is_neither_hit_nor_neighbour(
    context: Context, clock: FakeClock
) -> None:
    ids = await talk(context)
    await edit(context, Edit(id=ids[1], expires_at=THEN + MINUTE))
    assert TALK[1] in await texts(context, "tea")
    clock.pass_by(MINUTE)

    answer = await ask(context, "tea", before=5, after=5)

    shown = [m.content for hit in answer.results for m in (hit.memory, *hit.neighbours)]
    assert TALK[1] not in shown
    assert TALK[2] in shown


async def test_the_features_behind_a_score_are_given_when_asked_for(context: Context) -> None:
    await talk(context)

    for hit in (await ask(context, "tea", explain=True)).results:
        assert hit.features
        assert all(math.isfinite(value) for value in hit.features.values())


async def test_facts_are_recalled_when_they_were_true(context: Context, clock: FakeClock) -> None:
    then, day = THEN, timedelta(days=1)
    await context.records.commit(
        "default",
        batch(
            put(fact("tea always")),
            put(fact("tea once", valid_to=then)),
            put(fact("tea now", valid_from=then)),
            put(fact("tea later", valid_from=then + day, valid_to=then + 2 * day)),
        ),
    )

    assert set(await texts(context, "tea")) == {"tea always", "tea now"}
    assert set(await texts(context, "tea", valid_at=then - day)) == {"tea always", "tea once"}
    assert "tea later" in await texts(context, "tea", valid_at=then + day)
    clock.pass_by(2 * day)
    assert set(await texts(context, "tea")) == {"tea always", "tea now"}


QUERIES = [
    "t", "?", " ", "\n", '"', "'", "the", "what is it", '"""', "NEAR(", "a OR b AND NOT c", "*",
    "(((", "东京", "花", "さくら", "서울", "🍵", "\u0301", "x" * 100_000, "tea " * 25_000, "\ud7ff",
    "' or 1=1 --",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_any_query_is_answered(context: Context, embedder: FakeEmbedder, query: str) -> None:
    await talk(context)
    await remember(context, Remember(content="我们去东京大学看樱花 さくら 서울에서", name="日本"))

    with_model = await ask(context, query, explain=True)
    embedder.problem = "no model"
    without_model = await ask(context, query, explain=True)

    assert with_model.degraded == []
    assert without_model.degraded == ["dense"]
    for hit in (*with_model.results, *without_model.results):
        assert 0 <= hit.score <= 1
        matched = hit.matched
        assert matched.text == hit.memory.content[matched.start : matched.end]


@pytest.mark.parametrize("query", ["东京", "花", "さくら", "서울"])
async def test_words_of_one_or_two_characters_are_recalled_by_their_text(
    context: Context, query: str
) -> None:
    await talk(context)
    await remember(context, Remember(content="我们去东京大学看樱花 さくら 서울에서", name="x"))

    best = (await ask(context, query)).results[0]

    assert best.memory.name == "x"
    assert best.arms["lexical"].rank == 1


@pytest.mark.parametrize(
    "wrong",
    [{"query": ""}, {"query": "x" * 100_001}, {"query": "a\0"}, {"limit": 0}, {"limit": 1001},
     {"before": -1}, {"max_tokens": 0}, {"look": "near"}, {"occurred_after": "soon"}],
)  # fmt: skip
def test_a_wrong_question_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Recall.model_validate({"query": "tea"} | wrong)


async def test_a_wrong_filter_is_refused(context: Context) -> None:
    with pytest.raises(InvalidFilter):
        await ask(context, "tea", filter="tea")


def long_note(sections: int) -> str:
    filler = "Nothing of interest happened on that day at all. " * 20
    parts = [f"## Day {i}\n\n{filler}" for i in range(sections)]
    return "# Diary\n\n" + "\n\n".join(parts) + "\n\nThe zebra escaped from the zoo."


@pytest.mark.parametrize("with_model", [True, False])
async def test_the_last_line_of_a_long_note_is_what_matched(
    context: Context, embedder: FakeEmbedder, *, with_model: bool
) -> None:
    embedder.problem = None if with_model else "no model"
    await remember(context, Remember(content=long_note(6), name="diary"))
    await remember(context, Remember(content="Elephants live in Africa.", name="elephants"))

    best = (await ask(context, "which zebra escaped")).results[0]

    assert best.memory.name == "diary"
    assert "The zebra escaped from the zoo." in best.matched.text
    assert best.matched.text == best.memory.content[best.matched.start : best.matched.end]
    assert best.matched.start > 4000
    assert best.matched.heading == "Diary > Day 5"


async def test_a_very_long_note_is_embedded_to_its_end_in_the_background(
    context: Context, embedder: FakeEmbedder
) -> None:
    await remember(context, Remember(content=long_note(30), name="diary"))
    assert len(embedder.documents) == 8
    assert await work(context)

    best = (await ask(context, "which zebra escaped")).results[0]

    assert "The zebra escaped from the zoo." in best.matched.text
    assert (await context.records.counts("default", "hashing-64/markdown-1/words")).waiting == 0


class StaleTextIndex(TextIndex):
    """An index that lags behind: it gives what should not be seen any more."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._memories = memories

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        del tenant, selection, query
        return [ScoredOutline(Outline.of(memory), 1.0) for memory in self._memories][:limit]


async def test_what_a_lagging_index_brings_is_checked_against_the_records(
    context: Context,
) -> None:
    here, hidden = note("tea here"), note("tea hidden", scope="hidden")
    expired = note("tea expired", expires_at=THEN)
    changes = (put(here), put(hidden), put(expired))
    await context.records.commit("default", batch(*changes))
    index = StaleTextIndex([here, hidden, expired, note("tea forgotten")])

    assert await texts(replace(context, text=index), "tea") == ["tea here"]


class BrokenTextIndex(TextIndex):
    """An index whose store is out of reach."""

    async def search(
        self, tenant: str, selection: Selection, query: str, limit: int
    ) -> list[ScoredOutline]:
        del tenant, selection, query, limit
        raise StoreUnavailable("the disk is gone")


async def test_a_store_out_of_reach_is_reported_as_itself(context: Context) -> None:
    with pytest.raises(StoreUnavailable):
        await ask(replace(context, text=BrokenTextIndex()), "tea")


async def test_scopes_can_be_listed(context: Context) -> None:
    for scope in ("", "a", "a/b", "c"):
        await remember(context, Remember(content="The kettle is blue.", scope=scope, name="kettle"))

    found = await ask(context, "kettle", scopes=("a", "c"), look="all")
    listed = await browse(context, Browse(scopes=("a/b", "c")))

    assert sorted(hit.memory.scope for hit in found.results) == ["a", "c"]
    assert [memory.scope for memory in listed.memories] == ["a/b", "c"]


async def test_a_blank_message_can_be_found_by_who_said_it(context: Context) -> None:
    blank = Message(content=" ", producer="Marguerite")
    await ingest(context, Ingest(messages=(blank,)))

    [found] = (await recall(context, Recall(query="Marguerite"))).results

    assert (found.memory.content, found.matched.text) == (" ", " ")
