"""Frontmatter: the part of YAML that notes are described in, read and written.

A mapping at column 0 is split into blocks whose texts joined are the text again, so that what is
not understood can be kept. Values are read when asked for, all as strings, as libyaml and PyYAML
read them (YAML 1.1 with its line breaks). Not read: directives, `? ` keys, and in values that are
asked for anchors, aliases and tags.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from recollect.domain.yaml_scalars import (
    BREAK,
    BREAKS,
    DOUBLE_QUOTED,
    IN_LINE,
    SINGLE_QUOTED,
    UNPRINTABLE,
    Scalar,
    read_scalar,
    unfolded,
    unquoted,
    written_scalar,
)
from recollect.errors import UnreadableNote

_WHITE = rf"[ \t{BREAKS}]"
_COMMENT = rf"#{IN_LINE}*+"
_QUOTED = f"{DOUBLE_QUOTED}|{SINGLE_QUOTED}"
_IDLE_LINE = rf"[ \t]*+(?:{_COMMENT})?{BREAK}"
_IDLE = re.compile(f"(?:{_IDLE_LINE})*+")
_SPACES = re.compile(r"[ \t]*")
_REST_OF_LINE = re.compile(f"{IN_LINE}*{BREAK}")
_NOTHING_MORE = re.compile(rf"(?:(?:[ \t]+{_COMMENT}|[ \t]*){BREAK}(?:{_IDLE_LINE})*)?")
_NOTHING_YET = re.compile(rf"[ \t]*(?:[#&!]{IN_LINE}*)?{BREAK}")

# An entry goes on with what is indented, over blank lines and comments to more of that.
_PAUSE = rf"(?:(?:[ \t]*|{_COMMENT}){BREAK})*+"
_DEEPER = rf" [ \t]*[^ \t{BREAKS}]{IN_LINE}*{BREAK}"
_ITEM = rf"-(?={_WHITE})"
_MORE = re.compile(f"(?:{_PAUSE}{_DEEPER})*+")
_MORE_OR_ITEMS = re.compile(f"(?:{_PAUSE}(?:{_DEEPER}|{_ITEM}{IN_LINE}*{BREAK}))*+")
_BLANK = re.compile(rf"(?:[ \t]*{BREAK})*")  # may belong to a block scalar at the end
_BLOCK_SCALAR = re.compile(rf"(?:(?: {IN_LINE}*|\t*){BREAK})*+")

_KEY_PART = rf"(?:[^ \t:{BREAKS}]|:(?=[^ \t{BREAKS}]))++"
_KEY = re.compile(
    rf"(?P<key>{_QUOTED}|(?![-?]{_WHITE}|[\[\]{{}},#&*!|>%@`\"'])"
    rf"{_KEY_PART}(?:[ \t]+(?!#){_KEY_PART})*)[ \t]*:(?={_WHITE})",
    re.DOTALL,
)
_DASH = re.compile(f"(?P<key>){_ITEM}")

_FLOW_MARKS = r",\[\]{}"
_FLOW_PART = rf"(?:[^ \t:{_FLOW_MARKS}{BREAKS}]|:(?=[^ \t{_FLOW_MARKS}{BREAKS}]))++"
_FLOW_TOKEN = re.compile(
    rf"(?P<idle>{_WHITE}++|{_COMMENT})|(?P<quoted>{_QUOTED})"
    rf"|(?P<mark>[{_FLOW_MARKS}]|(?<=[\"']):|:(?=[ \t{_FLOW_MARKS}{BREAKS}]))"
    rf"|(?P<plain>(?![-?][ \t{_FLOW_MARKS}{BREAKS}]|[&*!|>%@`\"'])"
    rf"{_FLOW_PART}(?:{_WHITE}+(?!#){_FLOW_PART})*)|(?P<other>.)",
    re.DOTALL,
)
_CLOSED_BY = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Block:
    """An entry, or the blank lines and comments between two; the text ends with its line break.

    Attributes:
        key: None of what lies between entries; '' of the items of a sequence.
        value_at: Where in the text the value begins, behind the colon or the dash.
    """

    key: str | None
    text: str
    value_at: int = 0


def split(text: str) -> tuple[Block, ...]:
    """The blocks of a mapping at column 0; joined they are the text, which ends with a line break.

    Raises:
        UnreadableNote: It is no such mapping, or a key is there twice.
    """
    if UNPRINTABLE.search(text):
        raise UnreadableNote("its frontmatter holds a control character")
    return _mapping(text, "its frontmatter")


def read_text(block: Block) -> Scalar:
    """The scalar that the entry holds.

    Raises:
        UnreadableNote: It holds something else.
    """
    at, _ = _start(block)
    if at == len(block.text):
        return Scalar("", plain=True)
    scalar, end = read_scalar(block.text, at)
    _expect_nothing_more(block, end)
    return scalar


def read_texts(block: Block) -> tuple[str, ...]:
    """The texts of the sequence that the entry holds; none if it holds nothing.

    Raises:
        UnreadableNote: It holds something else.
    """
    at, nested = _start(block)
    if block.text.startswith("[", at):
        entries = _flow_entries(block, at)
        if any(len(entry) != 1 for entry in entries):
            raise UnreadableNote(f"{block.key} in its frontmatter is no list of texts")
        return tuple(_flow_text(entry[0]) for entry in entries)
    if nested and _DASH.match(block.text, at):
        items = _blocks(_dedented(block, at), _DASH, _MORE, f"{block.key} in its frontmatter")
        return tuple(read_text(item).text for item in items if item.key is not None)
    if read_text(block).is_null:
        return ()
    raise UnreadableNote(f"{block.key} in its frontmatter is no list")


def read_mapping(block: Block) -> Mapping[str, str]:
    """The texts of the mapping that the entry holds, by key.

    Raises:
        UnreadableNote: It holds something else.
    """
    at, nested = _start(block)
    of = f"{block.key} in its frontmatter"
    if block.text.startswith("{", at):
        pairs = [_flow_pair(entry, of) for entry in _flow_entries(block, at)]
        if len(pairs) != len(dict(pairs)):
            raise UnreadableNote(f"a key of {of} is there twice")
        return dict(pairs)
    if nested and _KEY.match(block.text, at):
        entries = _mapping(_dedented(block, at), of)
        return {entry.key: read_text(entry).text for entry in entries if entry.key is not None}
    raise UnreadableNote(f"{of} is no mapping")


def written_text(key: str, text: str) -> str:
    """The entry that holds the text."""
    return f"{key}: {written_scalar(text)}\n"


def written_texts(key: str, texts: Sequence[str]) -> str:
    """The entry that holds the sequence of texts."""
    if not texts:
        return f"{key}: []\n"
    return f"{key}:\n" + "".join(f"- {written_scalar(text)}\n" for text in texts)


def written_mapping(key: str, texts: Mapping[str, str]) -> str:
    """The entry that holds the mapping, of one or more texts without line breaks."""
    return f"{key}:\n" + "".join(f"  {written_text(name, text)}" for name, text in texts.items())


def _mapping(text: str, of: str) -> tuple[Block, ...]:
    blocks = tuple(_blocks(text, _KEY, _MORE_OR_ITEMS, of))
    keys = [block.key for block in blocks if block.key is not None]
    if len(keys) != len(set(keys)):
        raise UnreadableNote(f"a key of {of} is there twice")
    return blocks


def _blocks(text: str, head: re.Pattern[str], more: re.Pattern[str], of: str) -> Iterator[Block]:
    """The blocks of a mapping or a sequence; `more` matches lines that belong to an open entry."""
    at = 0
    while at < len(text):
        start = _end(_IDLE, text, at)
        if start > at:
            yield Block(None, text[at:start])
        if start == len(text):
            return
        match = head.match(text, start)
        if match is None:
            line = len(re.findall(BREAK, text[:start])) + 1
            raise UnreadableNote(f"line {line} of {of} begins no entry")
        at = _entry_end(text, match.end(), more)
        yield Block(_unquoted(match["key"]), text[start:at], match.end() - start)


def _entry_end(text: str, at: int, more: re.Pattern[str]) -> int:
    if _NOTHING_YET.match(text, at):
        return _end(_BLANK, text, _end(more, text, _end(_REST_OF_LINE, text, at)))
    at = _end(_SPACES, text, at)
    if text[at] in "|>":
        return _end(_BLOCK_SCALAR, text, _end(_REST_OF_LINE, text, at))
    if text[at] in "\"'[{":
        at = _tokens(text, at)[-1].end()
    return _end(_MORE, text, _end(_REST_OF_LINE, text, at))


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _unquoted(text: str) -> str:
    return unquoted(text) if text[:1] in ("'", '"') else text


def _start(block: Block) -> tuple[int, bool]:
    """Where in the block's text its value begins, and whether that is behind its first line."""
    line = _end(_IDLE, block.text, block.value_at)
    return _end(_SPACES, block.text, line), line > block.value_at


def _expect_nothing_more(block: Block, at: int) -> None:
    if not _NOTHING_MORE.fullmatch(block.text, at):
        raise UnreadableNote("a value in its frontmatter goes on after its end")


def _dedented(block: Block, at: int) -> str:
    """The lines of the value that begins here, moved to column 0."""
    start = _end(_IDLE, block.text, block.value_at)
    margin = block.text[start:at]
    lines = re.findall(f"{IN_LINE}*{BREAK}", block.text[start:])
    if not all(line.startswith(margin) or _IDLE.fullmatch(line) for line in lines):
        raise UnreadableNote(f"the lines of {block.key} in its frontmatter are indented unevenly")
    return "".join(
        line.removeprefix(margin) if line.startswith(margin) else line.lstrip(" ") for line in lines
    )


def _tokens(text: str, at: int) -> list[re.Match[str]]:
    """The tokens of the quoted scalar or the flow collection that begins here."""
    tokens: list[re.Match[str]] = []
    due: list[str] = []
    for token in _FLOW_TOKEN.finditer(text, at):
        tokens.append(token)
        mark = token[0]
        if mark in _CLOSED_BY:
            due.append(_CLOSED_BY[mark])
        elif mark in ("'", '"') or (mark in ("]", "}") and mark != due.pop()):
            break
        if not due:
            return tokens
    raise UnreadableNote("a bracket or a quote in its frontmatter is not closed")


def _flow_entries(block: Block, at: int) -> list[list[re.Match[str]]]:
    """The tokens of each entry of the flow collection that begins here."""
    tokens = _tokens(block.text, at)
    _expect_nothing_more(block, tokens[-1].end())
    entries: list[list[re.Match[str]]] = [[]]
    for token in tokens[1:-1]:
        if token[0] == ",":
            entries.append([])
        elif token.lastgroup != "idle":
            entries[-1].append(token)
    return entries if entries[-1] else entries[:-1]


def _flow_text(token: re.Match[str]) -> str:
    if token.lastgroup == "quoted":
        return unquoted(token[0])
    if token.lastgroup == "plain":
        return unfolded(token[0])
    raise UnreadableNote("a value in its frontmatter is no text that can be read")


def _flow_pair(entry: Sequence[re.Match[str]], of: str) -> tuple[str, str]:
    match entry:
        case [key, colon, value] if colon[0] == ":":
            return _flow_text(key), _flow_text(value)
        case _:
            raise UnreadableNote(f"{of} is no mapping of texts")
