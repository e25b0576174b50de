"""Generated memories and questions: the lengths, and the shares of words, of real ones.

Words are drawn from English ordered by frequency (the embedding model's own vocabulary), the n-th
with a probability in proportion to 1 / (n + 2.7), as Zipf and Mandelbrot found for text. Every
text has a topic, so that vectors form clusters. The same seed gives the same texts.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from platformdirs import user_cache_path

from recollect.adapters.minilm.weights import Places, find_weights
from recollect.domain.questions import STOP_WORDS

VOCABULARY_SIZE: Final = 30_000
NOTE_SHARE: Final = 0.1
LONG_NOTE_SHARE: Final = 0.04
TOPICS: Final = 300
WORDS_PER_TOPIC: Final = 80
TOPIC_SHARE: Final = 0.3
"""How many of a text's words are its topic's own."""

PEOPLE: Final = ("Ann", "Bo", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jon")
SCOPES: Final = ("", "acme", "acme/api", "acme/web", "home", "research", "research/papers")
RARE_SCOPE: Final = "archive"
"""Holds one memory in a hundred."""

_FIRST_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
_OPENINGS: Final = (
    *(f"What did {name} say about" for name in PEOPLE[:4]),
    "What did we decide in January 2024 about",
    "When did",
    "Who knows how",
    "Why is",
    "How do I",
    "Which",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A turn of a conversation to store as an episode."""

    content: str
    producer: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The messages of one session, in order."""

    scope: str
    session: str
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note to store."""

    scope: str
    name: str
    content: str
    tags: tuple[str, ...]


@cache
def vocabulary() -> tuple[str, ...]:
    """Words by falling frequency; those that the model lacks are made of two that it has."""
    weights = find_weights(Places(cache_folder=user_cache_path("recollect")))
    stored = json.loads(weights.tokenizer_path.read_text("utf-8"))["model"]["vocab"]
    words = [
        word
        for word in sorted(stored, key=stored.__getitem__)
        if word.isascii() and word.isalpha() and (len(word) > 1 or word in "ai")
    ]
    random = Random(0)  # noqa: S311  (not for secrets)
    made = {f"{random.choice(words)}{random.choice(words)}": None for _ in range(VOCABULARY_SIZE)}
    return tuple(words + list(made))[:VOCABULARY_SIZE]


class Writer:
    """Writes texts; each call draws further from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._words = np.array(vocabulary())
        weight = 1 / (np.arange(len(self._words)) + 2.7)
        self._reach = np.cumsum(weight / weight.sum())
        # Topics are the same for every seed, so that questions of one seed meet texts of another.
        self._topics = np.random.default_rng(0).integers(150, 12_000, (TOPICS, WORDS_PER_TOPIC))

    def text(self, least: int, most: int) -> str:
        """Sentences on one topic, `least` to `most` words in all."""
        words = self._drawn(int(self._random.integers(least, most + 1)))
        sentences: list[str] = []
        while words:
            size = int(self._random.integers(6, 19))
            taken, words = words[:size], words[size:]
            sentences.append(" ".join(taken).capitalize())
        return ". ".join(sentences) + "."

    def question(self) -> str:
        """A question of some words on one topic; four in ten name a person, one in ten a month."""
        words = [w for w in self._drawn(int(self._random.integers(6, 20))) if w not in STOP_WORDS]
        opening = _OPENINGS[int(self._random.integers(len(_OPENINGS)))]
        return f"{opening} {' '.join(words[:8]) or 'this'}?"

    def note(self, number: int) -> Note:
        """A note; one in 25 is long."""
        is_long = self._random.random() < LONG_NOTE_SHARE
        content = self.text(300, 1500) if is_long else self.text(20, 120)
        name = "-".join(content.lower().replace(".", "").split()[:3])
        tags = tuple(self._random.choice(self._words[200:260], 2).tolist())
        return Note(scope=self.scope(), name=f"{name}-{number}", content=content, tags=tags)

    def conversation(self, number: int, length: int) -> Conversation:
        """A conversation of two, a minute between messages."""
        people = self._random.choice(PEOPLE, 2, replace=False).tolist()
        start = _FIRST_DAY + timedelta(hours=12 * number)
        messages = [
            Message(
                content=self.text(10, 40),
                producer=people[turn % 2],
                occurred_at=start + timedelta(minutes=turn),
            )
            for turn in range(length)
        ]
        return Conversation(scope=self.scope(), session=f"session-{number}", messages=messages)

    def scope(self) -> str:
        """A scope; one time in a hundred the rare one."""
        if self._random.random() < 0.01:  # noqa: PLR2004
            return RARE_SCOPE
        return SCOPES[int(self._random.integers(len(SCOPES)))]

    def _drawn(self, count: int) -> list[str]:
        places = np.searchsorted(self._reach, self._random.random(count))
        topic = self._topics[int(self._random.integers(TOPICS))]
        # The first words of a topic are met most often, as everywhere.
        own = topic[(self._random.random(count) ** 2 * len(topic)).astype(np.int64)]
        places = np.where(self._random.random(count) < TOPIC_SHARE, own, places)
        return self._words[np.minimum(places, len(self._words) - 1)].tolist()


def conversations(seed: int, count: int, length: int) -> Generator[Conversation]:
    """Conversations of `length` messages, `count` messages in all."""
    writer = Writer(seed)
    for number, start in enumerate(range(0, count, length)):
        yield writer.conversation(number, min(length, count - start))


def notes(seed: int, count: int) -> Generator[Note]:
    """This many notes."""
    writer = Writer(seed + 1)
    return (writer.note(number) for number in range(count))


def questions(seed: int, count: int) -> list[str]:
    """This many different questions."""
    writer = Writer(seed + 2)
    return [writer.question() for _ in range(count)]


def cache_folder() -> Path:
    """Where filled stores are kept unless told otherwise."""
    return user_cache_path("recollect") / "benchmarks"
