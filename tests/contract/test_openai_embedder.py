"""The embedder behind an API, against a host that really answers over HTTP."""

import logging
import traceback
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np
import pytest
from anyio import create_task_group
from pydantic import SecretStr
from starlette.responses import RedirectResponse
from tests import local_servers
from tests.local_servers import Front, served
from tests.model_hosts import KEY, Answer, Cut, ModelHost, Silence, garbage, refusal

from recollect.adapters.openai_compatible.api import Api, Endpoint
from recollect.adapters.openai_compatible.embedder import Limits, OpenAiEmbedder
from recollect.adapters.openai_compatible.tokens import ApproximateTokenCounter
from recollect.errors import EmbedderUnavailable

pytestmark = pytest.mark.anyio

TEXTS = ["A heron stands in the river.", "The train leaves at noon."]
LIMITS = Limits(texts=64, text_bytes=8191, seconds=20)
Open = Callable[..., AbstractAsyncContextManager[OpenAiEmbedder]]


class Time:
    """Passes only when told to."""

    now: float = 1000

    def clock(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def front() -> Generator[Front]:
    with local_servers.front() as listening:
        yield listening


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def opened(front: Front, time: Time) -> Open:
    """Opens an embedder of 48 numbers, asked once, over a host of models."""

    @asynccontextmanager
    async def open_over(
        host: ModelHost, limits: Limits = LIMITS, dimensions: int = 48, **changes: Any
    ) -> AsyncGenerator[OpenAiEmbedder]:
        front.app = host.app()
        usual = {"base_url": f"{front.url}/v1", "api_key": SecretStr(KEY), "max_retries": 0}
        endpoint = Endpoint(role="embedding model", model="org/some-model", **usual | changes)
        api = Api(endpoint, EmbedderUnavailable, clock=time.clock)
        try:
            yield OpenAiEmbedder(api, dimensions, limits)
        finally:
            await api.aclose()

    return open_over


async def ask(embedder: OpenAiEmbedder) -> None:
    await embedder.embed(TEXTS, purpose="query")


async def failure(embedder: OpenAiEmbedder) -> EmbedderUnavailable:
    with pytest.raises(EmbedderUnavailable) as raised:
        await ask(embedder)
    return raised.value


async def test_it_names_the_model_and_the_size_of_its_vectors(opened: Open) -> None:
    async with opened(ModelHost()) as embedder:
        assert embedder.model == "openai/org/some-model-48"
        assert embedder.dimensions == 48


async def test_it_sends_the_model_and_the_key(opened: Open) -> None:
    host = ModelHost()
    async with opened(host) as embedder:
        await ask(embedder)

    (asked,) = host.asked
    assert asked["authorization"] == f"Bearer {KEY}"
    assert (asked["model"], asked["input"]) == ("org/some-model", TEXTS)
    assert "dimensions" not in asked


async def test_without_a_key_openais_is_not_sent_to_another_host(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    host = ModelHost()
    async with opened(host, api_key=None) as embedder:
        await ask(embedder)

    assert KEY not in host.asked[0]["authorization"]


async def test_openai_itself_without_a_key_is_a_problem_from_the_start(opened: Open) -> None:
    async with opened(ModelHost(), base_url=None, api_key=None) as embedder:
        assert "api_key" in (embedder.problem or "")
        with pytest.raises(EmbedderUnavailable):
            await embedder.load()
        assert "api_key" in str(await failure(embedder))


async def test_loading_sends_nothing(opened: Open) -> None:
    host = ModelHost()
    async with opened(host) as embedder:
        await embedder.load()
    assert host.asked == []


async def test_texts_go_in_batches_of_bounded_number_and_size(opened: Open) -> None:
    host = ModelHost()
    limits = Limits(texts=40, text_bytes=30_000, seconds=20)
    async with opened(host, limits) as embedder:
        await embedder.embed([f"text {number}" for number in range(100)], purpose="document")
        assert [len(asked["input"]) for asked in host.asked] == [40, 40, 20]

        host.asked.clear()
        await embedder.embed(["x" * 30_000] * 10, purpose="document")
        assert [len(asked["input"]) for asked in host.asked] == [8, 2]


async def test_plain_numbers_are_taken_as_well(opened: Open) -> None:
    async with opened(ModelHost(plain=True)) as plain:
        numbers = await plain.embed(TEXTS, purpose="document")
    async with opened(ModelHost()) as packed:
        np.testing.assert_array_equal(numbers, await packed.embed(TEXTS, purpose="document"))


async def test_a_long_text_is_cut_between_characters(opened: Open) -> None:
    host = ModelHost()
    async with opened(host, Limits(texts=64, text_bytes=1000, seconds=20)) as embedder:
        await embedder.embed(["記憶" * 1000], purpose="document")
    assert host.asked[0]["input"] == ["記憶" * 166 + "記"]


async def test_a_text_that_the_host_finds_too_long_is_cut_further_and_no_other(
    opened: Open,
) -> None:
    host = ModelHost(longest=600)
    texts = [*TEXTS, "long " * 400, "short"]
    async with opened(host) as embedder:
        vectors = await embedder.embed(texts, purpose="document")
        cut, *others = await embedder.embed(["long", *TEXTS, "short"], purpose="document")
        assert embedder.problem is None

    np.testing.assert_allclose(vectors, [*others[:2], cut, others[2]], atol=0.01)


async def test_a_refused_text_is_a_failure_of_its_own_and_no_problem_of_the_model(
    opened: Open,
) -> None:
    host = ModelHost(longest=1)
    async with opened(host) as embedder:
        assert "400" in str(await failure(embedder))
        assert embedder.problem is None
    assert len(host.asked) < 5


async def test_vectors_are_shortened_by_a_model_that_can(opened: Open) -> None:
    host = ModelHost(dimensions=100)
    async with opened(host) as embedder:
        for _ in range(2):
            vectors = await embedder.embed(TEXTS, purpose="document")
            assert vectors.shape == (2, 48)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert [asked.get("dimensions") for asked in host.asked] == [None, 48, 48]


async def test_concurrent_first_calls_all_get_shortened_vectors(opened: Open) -> None:
    async with opened(ModelHost(dimensions=100)) as embedder, create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask, embedder)


@pytest.mark.parametrize(
    "host",
    [
        ModelHost(dimensions=100, shortens=False),
        ModelHost(dimensions=100, fixed=True),
        ModelHost(dimensions=7),
    ],
)
async def test_vectors_of_a_wrong_size_are_refused_and_the_right_one_told(
    opened: Open, host: ModelHost
) -> None:
    async with opened(host) as embedder:
        assert f"vectors of {host.dimensions} numbers" in str(await failure(embedder))


async def test_what_passes_is_asked_again_after_as_long_as_the_host_says(opened: Open) -> None:
    host = ModelHost([refusal(429), refusal(503), refusal(500)])
    async with opened(host, max_retries=3) as embedder:
        await ask(embedder)
        assert embedder.problem is None
    assert len(host.asked) == 4


async def test_a_cut_connection_is_asked_again(opened: Open) -> None:
    host = ModelHost([Cut()])
    async with opened(host, max_retries=1) as embedder:
        await ask(embedder)
    assert len(host.asked) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_it_is_not_asked_again_without_end(opened: Open, status: int) -> None:
    host = ModelHost([refusal(status)] * 9)
    async with opened(host, max_retries=2) as embedder:
        assert str(status) in str(await failure(embedder))
    assert len(host.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_what_is_the_callers_fault_is_not_repeated(opened: Open, status: int) -> None:
    host = ModelHost([refusal(status, "some_code")])
    async with opened(host, max_retries=2) as embedder:
        error = await failure(embedder)
        assert f"({status} some_code)" in str(error)
        assert embedder.problem == str(error)
    assert len(host.asked) == 1


async def test_a_host_that_keeps_silent_is_given_up(opened: Open) -> None:
    limits = Limits(texts=64, text_bytes=8191, seconds=0.2)
    async with opened(ModelHost([Silence()]), limits) as embedder:
        assert "0.2 s" in str(await failure(embedder))


async def test_a_long_pause_asked_for_is_not_waited_for_beyond_the_limit(opened: Open) -> None:
    host = ModelHost([refusal(429, retry_after="60")])
    limits = Limits(texts=64, text_bytes=8191, seconds=0.2)
    async with opened(host, limits, max_retries=2) as embedder:
        await failure(embedder)
    assert len(host.asked) == 1


async def test_a_host_that_is_not_there_is_told(opened: Open) -> None:
    with served(ModelHost().app()) as gone:
        pass
    async with opened(ModelHost(), base_url=f"{gone}/v1") as embedder:
        assert gone.removeprefix("http://") in str(await failure(embedder))


@pytest.mark.parametrize(
    "answer",
    [
        *garbage(),
        {"data": [{"index": 0, "embedding": [1.0] * 48}]},
        {"data": [{"index": 0, "embedding": [1.0] * 48}] * 2},
        {"data": [{"index": i, "embedding": [1.0] * (47 + i)} for i in range(2)]},
        {"data": [{"index": i, "embedding": []} for i in range(2)]},
        {"data": [{"index": i, "embedding": [0.0] * 48} for i in range(2)]},
        {"data": [{"index": i, "embedding": ["heron"] * 48} for i in range(2)]},
        {"data": [{"index": i, "embedding": [1e300] * 48} for i in range(2)]},
        {"data": [{"index": i, "embedding": [1e30] * 48} for i in range(2)]},
        {"data": [{"index": i, "embedding": [float("nan")] * 48} for i in range(2)]},
        {"data": [{"index": i, "embedding": "AADAfw==" * 16} for i in range(2)]},
        {"data": [{"index": i, "embedding": "no base64!"} for i in range(2)]},
        {"data": [{"index": i, "embedding": "AAA="} for i in range(2)]},
        Cut(),
    ],
)
async def test_an_answer_that_makes_no_sense_is_told_and_not_repeated(
    opened: Open, answer: Answer
) -> None:
    host = ModelHost([answer])
    async with opened(host) as embedder:
        error = await failure(embedder)
        assert embedder.problem == str(error)
    assert len(host.asked) == 1


async def test_a_host_that_failed_is_left_alone_for_some_time(opened: Open, time: Time) -> None:
    host = ModelHost([refusal(500)])
    async with opened(host) as embedder:
        problem = str(await failure(embedder))
        time.now += 19
        assert str(await failure(embedder)) == embedder.problem == problem
        assert len(host.asked) == 1

        time.now += 1
        assert embedder.problem is None
        await ask(embedder)
        assert len(host.asked) == 2


@pytest.mark.parametrize(("said", "pause"), [("1", 20), ("60", 60), ("9999", 120), ("soon", 20)])
async def test_a_host_that_is_busy_is_left_alone_as_long_as_it_says(
    opened: Open, time: Time, said: str, pause: float
) -> None:
    async with opened(ModelHost([refusal(429, retry_after=said)])) as embedder:
        await failure(embedder)
        time.now += pause - 0.1
        assert embedder.problem is not None
        time.now += 0.1
        assert embedder.problem is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_what_is_sent_never_follows_a_redirect(opened: Open, status: int) -> None:
    thief = ModelHost()
    with served(thief.app()) as elsewhere:
        redirect = RedirectResponse(f"{elsewhere}/v1/embeddings", status)
        async with opened(ModelHost([redirect])) as embedder:
            await failure(embedder)
    assert thief.asked == []


@pytest.mark.parametrize(
    "answer",
    [refusal(401, KEY), refusal(400, "heron"), refusal(429), refusal(500, ["heron"]), Cut()],
)
async def test_neither_the_key_nor_a_text_is_told_to_anybody(
    opened: Open, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened(ModelHost([answer] * 9), max_retries=1) as embedder:
        error = await failure(embedder)
        told = "".join(traceback.format_exception(error)) + caplog.text + repr(vars(embedder))
    assert KEY not in told
    assert "heron stands" not in told


def test_words_are_cut_into_pieces_as_long_as_tokens_are() -> None:
    text = "A deployment in Zürich: 記憶 🦊!"
    assert [text[start:end] for start, end in ApproximateTokenCounter().spans(text)] == [
        *("A", "deploy", "ment", "in", "Z", "ü", "rich", ":", "記憶", "🦊", "!"),
    ]
