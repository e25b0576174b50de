"""Working memory: the newest messages of a session, and what of the older ones fell out of it.

All of it follows from the stored messages, so that it is the same after a restart and on any
replica.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from recollect.domain.memory import Episode, Memory
from recollect.domain.searchable import day

BYTES_PER_TOKEN = 4

BLOCK = 32
"""Messages leave the window for the summary by blocks of so many places in the session, so that
what a summary says does not depend on when it was written."""

MAX_WINDOW = 200
"""The window holds at most so many messages, however short they are."""

MARK = " […]"
"""Stands where a text was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingMemory:
    """How much of a session is kept at hand.

    Attributes:
        window_tokens: What the newest messages may take.
        summaries: Whether summaries of what fell out of the window are written.
    """

    window_tokens: int = 1000
    summaries: bool = True


def tokens(text: str) -> int:
    """The size of a text in tokens: bytes of UTF-8 by four, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def lead(producer: str, occurred_at: datetime) -> str:
    """Who said something, and when, as it stands before what was said."""
    return f"{' '.join(producer.split())} ({day(occurred_at)}): "


def line(message: Memory) -> str:
    """A message as a prompt shows it."""
    producer = message.detail.producer if isinstance(message.detail, Episode) else ""
    return lead(producer, message.occurred_at) + indented(message.content)


def indented(text: str) -> str:
    """The text with its further lines indented, so that none of them passes for another's."""
    return "\n  ".join(text.splitlines())


def cut(text: str, size_bytes: int) -> str:
    """The text, or as much of its beginning as fits with the mark; '' if not even that does."""
    if len(text.encode()) <= size_bytes:
        return text
    room = size_bytes - len(MARK.encode())
    if room <= 0:
        return ""
    head = text.encode()[:room].decode(errors="ignore")
    space = max(head.rfind(" "), head.rfind("\n"))
    return (head[:space] if space > len(head) // 2 else head).rstrip() + MARK


def window(messages: Sequence[Memory], budget: int) -> list[Memory]:
    """The last messages whose lines fit in so many tokens together; at least the very last.

    Args:
        messages: In their order.
        budget: In tokens.
    """
    taken = 0
    for message in reversed(messages[-MAX_WINDOW:]):
        budget -= tokens(line(message) + "\n")
        if budget < 0 and taken:
            break
        taken += 1
    return list(messages[len(messages) - taken :])


def fallen_out(messages: Sequence[Memory], budget: int) -> list[list[Memory]]:
    """The whole blocks at the beginning that lie outside of the window.

    Args:
        messages: By position; the first is the first of its block, the last may be any: what
            lies outside of the window of these does so when more follow.
        budget: The window's, in tokens.
    """
    if not messages:
        return []
    outside = len(messages) - len(window(messages, budget))
    split = _block(messages[outside])
    blocks = groupby(messages[:outside], key=_block)
    return [list(block) for number, block in blocks if number != split]


def end_of(block: Iterable[Memory]) -> int:
    """The last place of the block that these messages are from, whether or not one has it."""
    return (max(_block(message) for message in block) + 1) * BLOCK - 1


def _block(message: Memory) -> int:
    return (message.detail.position if isinstance(message.detail, Episode) else 0) // BLOCK
