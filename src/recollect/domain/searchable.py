"""The text that indexes see of a memory: its words in their context."""

import re
from datetime import datetime
from itertools import pairwise
from typing import assert_never

from recollect.domain.memory import Episode, Fact, Memory, Note

# Han, kana, Hangul and their extensions: written without spaces, or searched by parts of words.
_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_CJK_CHARACTER = re.compile(f"([{_CJK}])")
_CJK_RUN_OR_WORD = re.compile(f"[{_CJK}]+|[^\\W{_CJK}](?:[^\\W{_CJK}]|[\u0300-\u036f])*")


def prefix(memory: Memory) -> str:
    """What stands before each passage of the memory in every index, '' for nothing.

    Turns of a conversation mean little without their speaker and date: in our measurements
    `Speaker (8 May 2023): ` raised dense recall@10 on LoCoMo from .288 to .518.
    """
    match memory.detail:
        case Note(name=name):
            return f"{name}: "
        case Episode(producer=producer):
            return f"{producer} ({day(memory.occurred_at)}): "
        case Fact(category=category, tag=tag, feature=feature):
            return f"{category}, {tag}, {feature}: "
        case _:
            assert_never(memory.detail)


def day(time: datetime) -> str:
    """The date as people write it: `8 May 2023`."""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}"


def searchable_text(memory: Memory) -> str:
    """The one text by whose words the memory is found: prefix, content and tags."""
    text = prefix(memory) + memory.content
    if memory.tags:
        text += "\n" + " ".join(memory.tags)
    return spaced(text)


def passage_source(memory: Memory) -> tuple[str, str]:
    """The prefix and the text that passages are cut from; while both stay, vectors stay true."""
    return prefix(memory), memory.content


def spaced(text: str) -> str:
    """The text with a space around each Chinese, Japanese or Korean character.

    A word tokenizer then sees single characters, and a word of two is the phrase of both.
    """
    return _CJK_CHARACTER.sub(r" \1 ", text) if not text.isascii() else text


def runs(text: str) -> list[str]:
    """The words of a text, and its runs of Chinese, Japanese or Korean characters, in order."""
    return _CJK_RUN_OR_WORD.findall(text)


def is_cjk(run: str) -> bool:
    """Whether one of `runs` is of Chinese, Japanese or Korean characters."""
    return _CJK_CHARACTER.match(run) is not None


def phrases(words: str) -> list[str]:
    """The phrases to look for, each a text of space-separated tokens, distinct and in order.

    A word is itself; a run of Chinese, Japanese or Korean characters gives every two neighbours,
    a single character itself.
    """
    found: dict[str, None] = {}
    for run in runs(words):
        if is_cjk(run) and len(run) > 1:
            found.update((f"{a} {b}", None) for a, b in pairwise(run))
        else:
            found[run] = None
    return list(found)


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
