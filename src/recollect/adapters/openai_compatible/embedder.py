"""The `Embedder` of a model behind an API."""

import base64
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from pydantic import BaseModel

from recollect.adapters.openai_compatible.api import Api, Endpoint, Raw, Refused, open_api
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

QUESTION_SECONDS: Final = 10.0
"""People who wait for an answer rather have one found by words than wait longer."""

_REQUEST_BYTES: Final = 250_000
"""OpenAI takes 300,000 tokens at once, and no token is shorter than a byte."""

_SHORTEST_BYTES: Final = 128
_BLANK: Final = "."
"""Is embedded in place of a text without a character to see, which OpenAI's API refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may hold, and take.

    Attributes:
        texts: How many.
        text_bytes: Longer ones are cut.
        seconds: How long it may take, retries included.
    """

    texts: int = 64
    text_bytes: int = 8191
    seconds: float = 20.0


class _Item(BaseModel):
    index: int
    embedding: str | list[float]

    def vector(self) -> FloatMatrix:
        """The numbers. Raises ValueError."""
        if isinstance(self.embedding, str):
            return np.frombuffer(base64.b64decode(self.embedding, validate=True), "<f4")
        with np.errstate(over="ignore"):
            return np.array(self.embedding, np.float32)


class _Embeddings(BaseModel):
    data: list[_Item]


@asynccontextmanager
async def open_embedder(
    endpoint: Endpoint, dimensions: int, limits: Limits
) -> AsyncGenerator["OpenAiEmbedder"]:
    """Give an embedder and close it at the end."""
    async with open_api(endpoint, EmbedderUnavailable) as api:
        yield OpenAiEmbedder(api, dimensions, limits)


class OpenAiEmbedder:
    """Embeds texts in batches, one after the other.

    A model whose vectors are longer than `dimensions` is asked to shorten them. A text that the
    API finds too long is cut until it is not.
    """

    def __init__(self, api: Api, dimensions: int, limits: Limits) -> None:
        self._api = api
        self._dimensions = dimensions
        self._limits = limits
        self._shortens = False

    @property
    def model(self) -> str:
        return f"openai/{self._api.endpoint.model}-{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def problem(self) -> str | None:
        return self._api.problem

    @property
    def source(self) -> str:
        """Who embeds, for a person."""
        return self._api.endpoint.host

    async def load(self, *, allow_download: bool = False) -> None:
        """Make it ready; nothing is sent yet.

        Raises:
            EmbedderUnavailable: It lacks its key, or failed a moment ago.
        """
        del allow_download
        await self._api.connect()

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        limit = self._limits.seconds
        seconds = limit if purpose == "document" else min(limit, QUESTION_SECONDS)
        sent = [_cut(text, self._limits.text_bytes) or _BLANK for text in texts]
        vectors = np.empty((len(sent), self._dimensions), np.float32)
        for batch in _batches(sent, self._limits.texts):
            try:
                vectors[batch] = await self._accepted(sent[batch], seconds)
            except Refused as refusal:
                raise EmbedderUnavailable(str(refusal)) from None
        return vectors

    async def _accepted(self, texts: Sequence[str], seconds: float) -> FloatMatrix:
        """The vectors of texts as long as the API takes them."""
        try:
            return await self._vectors(texts, seconds)
        except Refused:
            middle = len(texts) // 2
            if middle:
                halves = [
                    await self._accepted(half, seconds) for half in (texts[:middle], texts[middle:])
                ]
                return np.concatenate(halves)
            shorter = _cut(texts[0], len(texts[0].encode()) // 2)
            if len(shorter) < _SHORTEST_BYTES:
                raise
            return await self._accepted([shorter], seconds)

    async def _vectors(self, texts: Sequence[str], seconds: float) -> FloatMatrix:
        shortens = self._shortens
        vectors = await self._asked(texts, seconds, shortens=shortens)
        if vectors.shape[1] > self._dimensions and not shortens:
            # One that cannot refuses; its vectors are then told to be too long.
            with suppress(Refused):
                vectors = await self._asked(texts, seconds, shortens=True)
                self._shortens = True
        if vectors.shape[1] != self._dimensions:
            raise self._api.failed(
                f"gives vectors of {vectors.shape[1]} numbers: set its dimensions to that, "
                f"not to {self._dimensions}"
            )
        with np.errstate(over="ignore"):
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise self._api.failed("gives vectors that point nowhere: choose another model")
        return vectors / lengths

    async def _asked(self, texts: Sequence[str], seconds: float, *, shortens: bool) -> FloatMatrix:
        async def send(client: "AsyncOpenAI") -> Raw:
            from openai import omit

            return await client.embeddings.with_raw_response.create(
                model=self._api.endpoint.model,
                input=list(texts),
                dimensions=self._dimensions if shortens else omit,
                # A third of the bytes; servers that do not know it give plain numbers.
                encoding_format="base64",
            )

        answer = await self._api.ask(send, _Embeddings, seconds=seconds)
        items = sorted(answer.data, key=lambda item: item.index)
        with suppress(ValueError):
            if [item.index for item in items] == list(range(len(texts))):
                return np.stack([item.vector() for item in items])
        raise self._api.failed("gave other than one vector for each text: check its base_url")


def _cut(text: str, size_bytes: int) -> str:
    """The longest beginning of the text, blank edges removed, that has at most so many bytes."""
    return text.encode("utf-8", "replace")[:size_bytes].decode("utf-8", "ignore").strip()


def _batches(texts: Sequence[str], most: int) -> Iterator[slice]:
    """Cut a list of texts into batches that one request may hold, in order."""
    start, size = 0, 0
    for at, text in enumerate(texts):
        length = len(text.encode())
        if at > start and (at - start == most or size + length > _REQUEST_BYTES):
            yield slice(start, at)
            start, size = at, 0
        size += length
    if start < len(texts):
        yield slice(start, len(texts))
