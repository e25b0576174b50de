"""Which adapter offers the chosen model."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

from recollect.domain.bm25 import Bm25
from recollect.errors import LanguageModelUnavailable
from recollect.ports import Embedder, LanguageModel, Reranker, TokenCounter
from recollect.settings import (
    Bm25RerankerSettings,
    EchoSettings,
    EmbedderRerankerSettings,
    EmbedderSettings,
    FusedRerankerSettings,
    HashingSettings,
    IdentityRerankerSettings,
    LanguageModelSettings,
    MiniLmSettings,
    ModelSettings,
    OpenAiApiSettings,
    OpenAiEmbedderSettings,
    OpenAiLanguageModelSettings,
    RerankerSettings,
)

if TYPE_CHECKING:
    from recollect.adapters.openai_compatible.api import Endpoint


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


async def try_model(settings: ModelSettings) -> None:
    """Ask this model once, and close it.

    Raises:
        Unavailable: It does not answer.
    """
    if isinstance(settings, OpenAiLanguageModelSettings | EchoSettings):
        async with open_language_model(settings) as writer:
            await writer.write("Answer with one word.", "Are you ready?", max_tokens=256)
        return
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
    from recollect.adapters.openai_compatible import embedder, tokens

    endpoint = _endpoint("embedding model", settings.model, settings)
    limits = embedder.Limits(
        texts=settings.batch_size,
        text_bytes=settings.max_input_bytes,
        seconds=settings.timeout_seconds,
    )
    async with embedder.open_embedder(endpoint, settings.dimensions, limits) as opened:
        yield Model(embedder=opened, tokens=tokens.ApproximateTokenCounter())


def open_language_model(
    settings: LanguageModelSettings,
) -> AbstractAsyncContextManager[LanguageModel]:
    """Open the chosen language model; it is not asked anything yet."""
    match settings:
        case OpenAiLanguageModelSettings():
            return _open_openai_writing(settings)
        case EchoSettings():
            from recollect.adapters.in_memory.writing import EchoModel

            return nullcontext(EchoModel())
        case _:
            assert_never(settings)


@asynccontextmanager
async def _open_openai_writing(
    settings: OpenAiLanguageModelSettings,
) -> AsyncGenerator[LanguageModel]:
    from recollect.adapters.openai_compatible import api, writing

    endpoint = _endpoint("language model", settings.model, settings)
    async with api.open_api(endpoint, LanguageModelUnavailable) as opened:
        match settings.kind:
            case "openai-responses":
                yield writing.ResponsesModel(opened, settings.timeout_seconds)
            case "openai-chat-completions":
                yield writing.ChatModel(opened, settings.timeout_seconds)


def _endpoint(role: str, model: str, settings: OpenAiApiSettings) -> "Endpoint":
    from recollect.adapters.openai_compatible.api import Endpoint

    return Endpoint(
        role=role,
        model=model,
        base_url=settings.base_url,
        api_key=settings.api_key,
        max_retries=settings.max_retries,
    )


def reranker_of(settings: RerankerSettings, embedder: Embedder) -> Reranker:
    """The chosen reranker, with the embedder for those that judge by meaning."""
    from recollect.adapters import reranking

    match settings:
        case IdentityRerankerSettings():
            return reranking.IdentityReranker()
        case Bm25RerankerSettings():
            return reranking.Bm25Reranker(
                Bm25(k1=settings.k1, b=settings.b, epsilon=settings.epsilon)
            )
        case EmbedderRerankerSettings():
            return reranking.EmbedderReranker(embedder)
        case FusedRerankerSettings():
            members = [reranker_of(member, embedder) for member in settings.rerankers]
            return fused(members, settings.k)
        case _:
            assert_never(settings)


def fused(rerankers: Sequence[Reranker], k: int) -> Reranker:
    """One reranker of several."""
    from recollect.adapters.reranking import FusedReranker

    return FusedReranker(rerankers, k)
