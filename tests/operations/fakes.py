"""What operations are given from outside, as tests need it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from tests.examples import THEN

from recollect.adapters.in_memory.embedding import HashingEmbedder, WordCounter
from recollect.adapters.memory_mcp import MemoryMcpRecallLog
from recollect.app.offers import InUse, memory_configuration, named_resources
from recollect.app.wiring import Store
from recollect.app.wiring.models import reranker_of, try_model
from recollect.domain.access import LOCAL
from recollect.domain.passages import FloatMatrix
from recollect.domain.ranking import shipped_weights
from recollect.errors import EmbedderUnavailable, LanguageModelUnavailable
from recollect.operations import Context
from recollect.settings import HashingSettings, Settings


class FakeClock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.time = THEN

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, duration: timedelta) -> None:
        self.time += duration


class CountedIds:
    """Gives ids that tell how many were given before."""

    def __init__(self) -> None:
        self._given = 0

    def __call__(self) -> str:
        self._given += 1
        return f"01910000-0000-7000-8000-{self._given:012x}"


class FakeEmbedder(HashingEmbedder):
    """Compares words; can be without its model, and remembers what it was asked to embed."""

    problem: str | None = None  # type: ignore[assignment]

    def __init__(self, dimensions: int = 64) -> None:
        super().__init__(dimensions)
        self.documents: list[str] = []

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        if self.problem is not None:
            raise EmbedderUnavailable(self.problem)
        if purpose == "document":
            self.documents += texts
        return await super().embed(texts, purpose=purpose)


def context_of(
    store: Store, clock: FakeClock, embedder: FakeEmbedder, new_id: Callable[[], str]
) -> Context:
    """A context over this store, without a mirror."""
    settings = Settings(embedder=HashingSettings())
    return Context(
        principal=LOCAL,
        records=store.records,
        log=store.records,
        text=store.text,
        vectors=store.vectors,
        jobs=store.jobs,
        maintenance=store.maintenance,
        recalls=store.recalls,
        recalls_kept=timedelta(days=90),
        foreign_recalls=MemoryMcpRecallLog(),
        embedder=embedder,
        tokens=WordCounter(),
        weights=shipped_weights(),
        now=clock,
        new_id=new_id,
        resources=named_resources(
            InUse(
                settings=settings,
                embedder=embedder,
                maintenance=store.maintenance,
                try_model=try_model,
                reranker_of=reranker_of,
            )
        ),
        configuration=memory_configuration(settings),
    )


class FakeLanguageModel:
    """Writes which messages it was shown; can be out of reach, and remembers what it was asked."""

    model = "fake-1"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.problem: str | None = None

    async def write(self, instructions: str, text: str, *, max_tokens: int) -> str:
        if self.problem is not None:
            raise LanguageModelUnavailable(self.problem)
        assert instructions
        assert max_tokens > 0
        self.asked.append(text)
        return f"Written {len(self.asked)}."
