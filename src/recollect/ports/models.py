"""What turns text into vectors, and the clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from recollect.domain.passages import FloatMatrix


class Embedder(Protocol):
    """Turns text into vectors."""

    @property
    def model(self) -> str:
        """The model's id; vectors of different ids are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it cannot embed right now, with the remedy; None when it is ready."""
        ...

    async def embed(
        self, texts: Sequence[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        """Return one vector per text, in order: (len(texts), dimensions) float32, unit length.

        A text over the model's limit is cut. Questions go ahead of documents that wait.

        Raises:
            EmbedderUnavailable: No model is loaded.
        """
        ...


class TokenCounter(Protocol):
    """Tells how a model cuts text into tokens."""

    @property
    def key(self) -> str:
        """Names the tokenizer, without a slash; passages cut by another one are cut again."""
        ...

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the code point span of every token, in order, special tokens left out.

        Raises:
            EmbedderUnavailable: The tokenizer is not on this machine.
        """
        ...


class LanguageModel(Protocol):
    """Writes text; never needed to store or to recall."""

    @property
    def model(self) -> str:
        """The model's id, shown with what it wrote."""
        ...

    async def write(self, instructions: str, text: str, *, max_tokens: int) -> str:
        """Return what the model makes of a text by these instructions, not empty.

        Raises:
            LanguageModelUnavailable: It gave nothing usable; the message holds none of the text.
        """
        ...


class Reranker(Protocol):
    """Judges how well texts answer a question."""

    async def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score per text, in order; higher is better. Scales differ between rerankers.

        Raises:
            Unavailable: It cannot judge now.
        """
        ...


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...
