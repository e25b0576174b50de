"""The product's ingest beside the embedder alone, on the same texts in the same run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import anyio

from benchmarks.corpus import Conversation, conversations
from benchmarks.filling import MESSAGES_PER_REQUEST, messages_request, send
from benchmarks.serving import running
from recollect.app.wiring import LoadableEmbedder, open_model
from recollect.domain.searchable import day
from recollect.settings import load

ROUNDS: Final = 5
"""Both take turns, so that a busy machine slows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestFigures:
    """Memories per second of each round, the product's and the embedder's in turn."""

    product: list[float]
    embedder: list[float]

    @property
    def ratios(self) -> list[float]:
        """The product's rate by the embedder's, sorted; the median is what counts."""
        return sorted(p / e for p, e in zip(self.product, self.embedder, strict=True))


def ingest_figures(seed: int, count: int, **settings: str) -> IngestFigures:
    """Ingest `count` messages into an empty store, and embed as many without a store.

    Settings of the server are given as environment variables.
    """
    talk = list(conversations(seed, count, MESSAGES_PER_REQUEST))
    return anyio.run(partial(_figures, talk, settings))


async def _figures(talk: list[Conversation], settings: Mapping[str, str]) -> IngestFigures:
    product: list[float] = []
    alone: list[float] = []
    with TemporaryDirectory() as folder, running(Path(folder), "anything", **settings) as server:
        async with open_model(load().embedder) as model:
            await model.embedder.load()
            for share in (talk[number::ROUNDS] for number in range(ROUNDS)):
                count = sum(len(conversation.messages) for conversation in share)
                alone.append(count / await _embed(model.embedder, share))
                requests = [messages_request(conversation) for conversation in share]
                product.append(count / await anyio.to_thread.run_sync(send, server.url, requests))
    return IngestFigures(product=product, embedder=alone)


async def _embed(embedder: LoadableEmbedder, talk: list[Conversation]) -> float:
    """The seconds that embedding the messages takes, with the prefix that the product adds."""
    started = perf_counter()
    for conversation in talk:
        texts = [f"{m.producer} ({day(m.occurred_at)}): {m.content}" for m in conversation.messages]
        await embedder.embed(texts, purpose="document")
    return perf_counter() - started
