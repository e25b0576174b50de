"""The `Embedder` of the default model: shares the processor between questions and documents."""

from collections.abc import AsyncGenerator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Literal, Protocol

import anyio
import anyio.to_thread
import numpy as np

from recollect.adapters.minilm.graph import DIMENSIONS
from recollect.adapters.minilm.model import LoadedModel, load_model
from recollect.adapters.minilm.weights import Places
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable

MODEL: Final = "all-MiniLM-L6-v2-int8"

# A group is what a thread embeds in one go, 25 ms of work at most: the price of a hop to a thread
# (0.1 ms) vanishes, and others get their turn and a cancellation is noticed soon.
_GROUP_TEXTS: Final = 8
_GROUP_CHARACTERS: Final = 1024


class Loader(Protocol):
    """Loads the model, with a download if that is allowed."""

    def __call__(self, *, allow_download: bool) -> Awaitable[LoadedModel]: ...


@asynccontextmanager
async def open_embedder(places: Places, threads: int) -> AsyncGenerator["MiniLmEmbedder"]:
    """Give an embedder, not loaded yet, and close it at the end.

    Args:
        places: Where the weights may be and where the graph is cached.
        threads: How many threads embed documents at once.
    """
    embedder = MiniLmEmbedder(partial(load_model, places), threads)
    try:
        yield embedder
    finally:
        embedder.close()


class MiniLmEmbedder:
    """Embeds texts one by one on several threads, questions apart from documents.

    A text's vector depends on nothing but the text. Documents of concurrent calls take turns,
    a group of texts each, in the order in which they asked; a question never waits for them.
    """

    def __init__(self, loader: Loader, threads: int) -> None:
        self._loader = loader
        self._threads = threads
        self._turns = {
            "query": anyio.CapacityLimiter(threads),
            "document": anyio.CapacityLimiter(threads),
        }
        self._loading = anyio.Lock()
        self._loaded: LoadedModel | None = None
        self._problem = "the embedding model is not loaded yet; retry, or run `recollect warmup`"

    @property
    def model(self) -> str:
        return MODEL

    @property
    def dimensions(self) -> int:
        return DIMENSIONS

    @property
    def problem(self) -> str | None:
        return None if self._loaded else self._problem

    @property
    def source(self) -> str | None:
        """Where the weights come from, for a person; None before they are loaded."""
        return self._loaded.source if self._loaded else None

    async def load(self, *, allow_download: bool = False) -> None:
        """Make it ready; does nothing if it is. May be called again after a failure.

        Takes 0.1 s with a cached graph, about a second without one.

        Raises:
            EmbedderUnavailable: There are no weights, or wrong ones; `problem` says the same.
        """
        async with self._loading:
            if self._loaded:
                return
            try:
                self._loaded = await self._loader(allow_download=allow_download)
            except EmbedderUnavailable as error:
                self._problem = str(error)
                raise

    def close(self) -> None:
        """Give the model back; whoever still waits for a turn gets EmbedderUnavailable."""
        self._loaded = None
        self._problem = "the embedder is closed; the server is shutting down"

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        self._ready()
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        groups = _groups(texts)
        failures: list[EmbedderUnavailable] = []

        async def work(scope: anyio.CancelScope) -> None:
            for group in groups:
                try:
                    vectors[group] = await self._encode(texts[group], purpose)
                except EmbedderUnavailable as error:
                    failures.append(error)
                    scope.cancel()

        async with anyio.create_task_group() as tasks:
            for _ in range(min(self._threads, len(texts)) - 1):
                tasks.start_soon(work, tasks.cancel_scope)
            await work(tasks.cancel_scope)
        if failures:
            raise failures[0]
        return vectors

    async def _encode(
        self, texts: Sequence[str], purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        # The model is looked up when the turn has come: it may have been closed meanwhile.
        def encode() -> FloatMatrix:
            return self._ready().encode(texts)

        return await anyio.to_thread.run_sync(encode, limiter=self._turns[purpose])

    def _ready(self) -> LoadedModel:
        if self._loaded is None:
            raise EmbedderUnavailable(self._problem)
        return self._loaded


def _groups(texts: Sequence[str]) -> Iterator[slice]:
    """Cut a list of texts into groups of bounded size, in order."""
    start, characters = 0, 0
    for at, text in enumerate(texts):
        is_full = at - start == _GROUP_TEXTS or characters + len(text) > _GROUP_CHARACTERS
        if is_full and at > start:
            yield slice(start, at)
            start, characters = at, 0
        characters += len(text)
    if start < len(texts):
        yield slice(start, len(texts))
