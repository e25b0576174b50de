"""Which adapter offers the chosen model."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, assert_never

from recollect.ports import Embedder, TokenCounter
from recollect.settings import (
    EmbedderSettings,
    HashingSettings,
    MiniLmSettings,
    OpenAiEmbedderSettings,
)


class LoadableEmbedder(Embedder, Protocol):
    """An embedder whose model is loaded after it was opened."""

    @property
    def source(self) -> str | None:
        """Where the model was found; None before it is loaded."""
        ...

    async def load(self, *, allow_download: bool = False) -> None:
        """Find and load the model.

        Raises:
            EmbedderUnavailable: There is none; the message says what to do.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The ports that one embedding model offers."""

    embedder: LoadableEmbedder
    tokens: TokenCounter


def open_model(settings: EmbedderSettings) -> AbstractAsyncContextManager[Model]:
    """Open the chosen embedding model; it is not loaded yet."""
    match settings:
        case MiniLmSettings():
            return _open_minilm(settings)
        case HashingSettings():
            return _open_hashing(settings)
        case OpenAiEmbedderSettings():
            return _open_openai(settings)
        case _:
            assert_never(settings)


async def try_embedder(settings: EmbedderSettings) -> None:
    """Embed a text with this model, and close it. Raises EmbedderUnavailable."""
    async with open_model(settings) as model:
        await model.embedder.load()
        await model.embedder.embed(["ready?"], purpose="query")


@asynccontextmanager
async def _open_minilm(settings: MiniLmSettings) -> AsyncGenerator[Model]:
    from recollect.adapters.minilm import embedder, tokens, weights

    places = weights.Places(weights_folder=settings.path, cache_folder=settings.cache_dir)
    async with embedder.open_embedder(places, settings.threads) as opened:
        yield Model(embedder=opened, tokens=tokens.MiniLmTokenCounter(places))


@asynccontextmanager
async def _open_hashing(settings: HashingSettings) -> AsyncGenerator[Model]:
    from recollect.adapters.in_memory import embedding

    yield Model(
        embedder=embedding.HashingEmbedder(settings.dimensions), tokens=embedding.WordCounter()
    )


@asynccontextmanager
async def _open_openai(settings: OpenAiEmbedderSettings) -> AsyncGenerator[Model]:
    from recollect.adapters.openai_compatible import api, embedder, tokens

    endpoint = api.Endpoint(
        role="embedding model",
        model=settings.model,
        base_url=settings.base_url,
        api_key=settings.api_key,
        max_retries=settings.max_retries,
    )
    limits = embedder.Limits(
        texts=settings.batch_size,
        text_bytes=settings.max_input_bytes,
        seconds=settings.timeout_seconds,
    )
    async with embedder.open_embedder(endpoint, settings.dimensions, limits) as opened:
        yield Model(embedder=opened, tokens=tokens.ApproximateTokenCounter())
