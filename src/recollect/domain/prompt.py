"""One text for a prompt, within a budget, from the parts of a memory."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from recollect.domain.working_memory import BYTES_PER_TOKEN, cut

LEAST_BYTES = 200
"""A message is cut to no less than this, unless it is the only one of its part."""


class Part(StrEnum):
    """What the text is made of, in its order."""

    FACTS = "facts"
    SUMMARY = "summary"
    OLDER = "older"
    RECENT = "recent"


SHARES: Mapping[Part, float] = {
    Part.RECENT: 0.5,
    Part.SUMMARY: 0.2,
    Part.FACTS: 0.1,
    Part.OLDER: 0.2,
}
"""The share of the budget that each part may take; what one leaves goes to the next, and what all
leave to the recent messages."""


class Piece(NamedTuple):
    """A line of the text, and what it shows. Pieces sort as their messages were said."""

    at: datetime
    position: int
    id: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to show.

    Attributes:
        summary_title: What stands above the summary.
        facts: Best first.
        older: Best first, each followed by the messages around it.
        recent: In their order.
    """

    summary_title: str = ""
    summary: str = ""
    facts: Sequence[Piece] = ()
    older: Sequence[Sequence[Piece]] = ()
    recent: Sequence[Piece] = ()


@dataclass(frozen=True, slots=True)
class Composed:
    """The text and which memories each part of it shows, in order."""

    text: str
    shown: Mapping[Part, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    lines: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join([f"# {self.title}", *self.lines]) if self.lines else ""

    @property
    def size(self) -> int:
        """Its bytes and those that part it from the next."""
        return len(self.text.encode()) + len("\n\n") if self.lines else 0

    def room(self, size: int) -> int:
        """What is left of so many bytes for its lines, each with its line end."""
        return size - len(f"# {self.title}\n\n".encode())


def compose(material: Material, max_tokens: int) -> Composed:
    """The text of at most so many tokens."""
    size = max_tokens * BYTES_PER_TOKEN
    done: dict[Part, _Section] = {}
    fill: Mapping[Part, Callable[[int], _Section]] = {
        Part.RECENT: lambda room: _recent(material, room),
        Part.SUMMARY: lambda room: _summary(material, room),
        Part.FACTS: lambda room: _facts(material, room),
        Part.OLDER: lambda room: _older(material, done[Part.RECENT].ids, room),
    }
    left = 0
    for part, share in SHARES.items():
        left += int(size * share)
        done[part] = fill[part](left)
        left -= done[part].size
    done[Part.RECENT] = _recent(material, done[Part.RECENT].size + left)
    # What the rest made room for among the recent messages need not be told twice.
    done[Part.OLDER] = _older(material, done[Part.RECENT].ids, done[Part.OLDER].size)
    sections = [done[part] for part in Part]
    text = "\n\n".join(section.text for section in sections if section.lines)
    return Composed(text, {part: done[part].ids for part in Part})


def _recent(material: Material, room: int) -> _Section:
    """The newest that fit, without gaps; the oldest of them may be cut."""
    section = _Section("Recent messages")
    left = section.room(room)
    taken: list[Piece] = []
    for piece in reversed(material.recent):
        line = cut(piece.line, left - 1)
        if not line or (line != piece.line and taken and len(line.encode()) < LEAST_BYTES):
            break
        taken.insert(0, piece._replace(line=line))
        left -= len(line.encode()) + 1
        if line != piece.line:
            break
    return _with(section, taken)


def _summary(material: Material, room: int) -> _Section:
    section = _Section(material.summary_title)
    text = cut(material.summary, section.room(room) - 1) if material.summary else ""
    return _Section(section.title, (text,)) if text else section


def _facts(material: Material, room: int) -> _Section:
    section = _Section("Facts")
    return _with(section, _fitting(material.facts, section.room(room)))


def _older(material: Material, shown: Collection[str], room: int) -> _Section:
    """The best that fit, each with what is around it if that fits too; in their order."""
    section = _Section("Earlier messages about the question")
    left = section.room(room)
    taken: dict[str, Piece] = {}
    for around in material.older:
        known = {*shown, *taken}
        fresh = [piece for piece in dict.fromkeys(around) if piece.id not in known]
        fitting = _fitting(fresh, left)
        left -= sum(len(piece.line.encode()) + 1 for piece in fitting)
        taken |= {piece.id: piece for piece in fitting}
    return _with(section, sorted(taken.values()))


def _fitting(pieces: Sequence[Piece], room: int) -> list[Piece]:
    """Those that fit, one after another; a long one that does not makes room for the next."""
    taken: list[Piece] = []
    for piece in pieces:
        size = len(piece.line.encode()) + 1
        if size <= room:
            room -= size
            taken.append(piece)
    return taken


def _with(section: _Section, pieces: Sequence[Piece]) -> _Section:
    return _Section(
        section.title,
        tuple(piece.line for piece in pieces),
        tuple(piece.id for piece in pieces),
    )
