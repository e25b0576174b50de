"""Chunking: cuts a Markdown text into passages that fit the embedder's window.

Lines make blocks (a paragraph, list, table or code fence, with the headings that lead it), blocks
that are too big are split into pieces, and neighbouring pieces are packed into passages.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import takewhile
from typing import TypeAlias
from unicodedata import category

from recollect.domain.passages import Passage

VERSION = "markdown-1"
"""Names these rules. Passages are stored under it: a change of rules needs a new one."""

MAX_HEADING_LENGTH = 200
"""In code points; longer heading paths are cut."""

MAX_PASSAGE_LENGTH = 2000
"""In code points. A passage of 254 tokens has 1,200 or so; but a tokenizer may take a word of any
length for one token, and none at all for white space."""

TokenSpans: TypeAlias = Callable[[str], Sequence[tuple[int, int]]]
"""Returns the half-open code-point span of every token of a text, in order, no special tokens."""

TokenBudget: TypeAlias = Callable[[str], int]
"""Returns how many tokens a passage under this heading may have; at least 1."""

_Span: TypeAlias = tuple[int, int]
_Path: TypeAlias = tuple[str, ...]

# What a line is, by how it begins; what matches nothing is text.
_LINE = re.compile(
    r"(?P<blank>\s*$)"
    r"|(?P<heading> {0,3}\#{1,6}(?=\s|$))"
    r"|(?P<table>[ \t]*\|)"
    r"|(?P<item>[ \t]*(?:[-*+]|\d{1,9}[.)])(?=\s|$))"
)
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")

# What stands between the parts of a block that is too big, coarsest first. Each pattern is free
# of backtracking, so that a megabyte of dots or of blanks takes linear time.
_SEPARATORS = (
    re.compile(r"[\r\n]+"),
    re.compile(
        r"""(?:(?<=[.!?…])|(?<=[.!?…]["'”’)\]]))\s+"""
        r"|(?<=[。！？])(?![。！？」』])|(?<=[。！？][」』])"
    ),
    re.compile(r"\s+"),
)
_SEAMS = len(_SEPARATORS)  # next: between tokens, beside a character that stands alone
_TOKENS = _SEAMS + 1  # last resort for many tokens: between any two
_LENGTHS = _TOKENS + 1  # last resort for a token that is too long: anywhere
_ASCII_SIGN_OR_HAN = re.compile(r"[!-/:-@\[-`{-~\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def chunk(text: str, spans: TokenSpans, budget: TokenBudget, overlap: int = 0) -> list[Passage]:
    """Cut a text into passages, each within its budget and of at most 2,000 code points.

    A text that fits is one passage. Of a longer one, blocks stay whole where they fit, a heading
    stays with what follows it, and neighbours are merged as long as they fit: blocks under the
    same heading, and whole sections with the sections inside and beside them. A block that is
    too big is split at lines, else sentences, else words, else tokens, else anywhere.

    Takes linear time and calls `spans` once: the tokens of a passage are those of the text that
    touch it. That is exact for tokenizers that split at blanks and punctuation first, as BERT's
    do, as long as no such word exceeds half the budget.

    Args:
        text: Markdown or plain text, with any line ends.
        spans: The embedder's tokenizer.
        budget: Called once per heading.
        overlap: How many tokens consecutive passages of one split block may share, as whole
            lines, sentences or words where possible; never more than half the budget, and fewer
            or none where a whole line or sentence would not fit with them.

    Returns:
        Passages that neither start nor end with white space and together hold everything else,
        with rising ends and no falling starts; none for a text of white space. A passage's
        heading is the path shared by all that it holds. Only a single character that is more
        tokens than the budget exceeds it.
    """
    blocks = list(_blocks(text))
    if not blocks:
        return []
    cutter = _Cutter(text, spans(text), budget, overlap)
    groups = [blocks] if cutter.fits(blocks) else _groups(blocks, cutter)
    return [passage for group in groups for passage in cutter.passages(group)]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with its line end, or a whole code fence; `kind` is a group of `_LINE` or `fence`."""

    kind: str
    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, list, table or code fence; `start` differs from `body` if headings lead it."""

    start: int
    body: int
    end: int
    path: _Path


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, or a part of one that is too big; `block` is where the block starts."""

    start: int
    end: int
    block: int


def _lines(text: str) -> Iterator[_Line]:
    start = end = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        if not fence:
            start = end
        end += len(line)
        if fence:
            mark = line.strip()
            if mark.startswith(fence) and not mark.strip(fence[0]):
                yield _Line("fence", start, end)
                fence = ""
        elif opening := _FENCE.match(line):
            fence = opening[1]
        else:
            known = _LINE.match(line)
            yield _Line((known and known.lastgroup) or "text", start, end, line)
    if fence:
        yield _Line("fence", start, end)


def _runs(text: str) -> Iterator[tuple[_Line, _Line]]:
    """Yield the first and the last line of every block and the lines that are headings."""
    first = last = None
    gap = False
    for line in _lines(text):
        if line.kind == "blank":
            gap = True
            continue
        if first and last and not _continues(first.kind, line, gap=gap):
            yield first, last
            first = None
        first, last, gap = first or line, line, False
    if first and last:
        yield first, last


def _continues(kind: str, line: _Line, *, gap: bool) -> bool:
    """Tell if a line belongs to the open block of this kind; `gap`: after blank lines."""
    if kind == "item" and line.kind == "text":
        return not gap or line.text[0] in " \t"
    return kind == line.kind and (kind == "item" or (kind in {"text", "table"} and not gap))


def _blocks(text: str) -> Iterator[_Block]:
    outline: list[tuple[int, str]] = []
    path: _Path = ()
    lead: _Line | None = None
    last: _Line | None = None
    for first, last in _runs(text):
        if first.kind == "heading":
            level, title = _heading(first.text)
            outline = [*(outer for outer in outline if outer[0] < level), (level, title)]
            path = tuple(title for _, title in outline if title)
            lead = lead or first
            continue
        yield _Block((lead or first).start, first.start, last.end, path)
        lead = None
    if lead and last:
        yield _Block(lead.start, last.end, last.end, path)


def _heading(line: str) -> tuple[int, str]:
    """Return level and title of an ATX heading."""
    marked = line.strip()
    title = marked.lstrip("#")
    level = len(marked) - len(title)
    title = title.strip()
    opened = title.rstrip("#")
    if not opened or opened[-1].isspace():
        title = opened.rstrip()
    return level, title[:MAX_HEADING_LENGTH]


def _shared_path(blocks: Sequence[_Block]) -> _Path:
    paths = [block.path for block in blocks]
    pairs = zip(min(paths), max(paths), strict=False)  # what these two share, all share
    return tuple(title for title, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _sections(blocks: Iterable[_Block]) -> Iterator[list[_Block]]:
    """Yield the blocks from each heading to the next."""
    section: list[_Block] = []
    for block in blocks:
        if section and block.start < block.body:
            yield section
            section = []
        section.append(block)
    yield section


def _groups(blocks: Iterable[_Block], cutter: "_Cutter") -> Iterator[list[_Block]]:
    """Yield sections, merged where they fit and none but the first one's siblings are added."""
    group: list[_Block] = []
    for section in _sections(blocks):
        merged = [*group, *section]
        related = len(_shared_path(merged)) >= len(merged[0].path) - 1
        if group and not (related and cutter.fits(merged)):
            yield group
            merged = section
        group = merged
    yield group


class _Cutter:
    """Cuts one text: knows where its tokens are and how many a passage may have."""

    def __init__(
        self, text: str, spans: Sequence[_Span], budget: TokenBudget, overlap: int
    ) -> None:
        self._text = text
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._budget = cache(budget)
        self._overlap = overlap

    def fits(self, blocks: Sequence[_Block]) -> bool:
        """Tell if these neighbours fit one passage."""
        budget = self._budget(_joined(_shared_path(blocks)))
        return self._holds(blocks[0].start, blocks[-1].end, budget)

    def passages(self, blocks: Sequence[_Block]) -> Iterator[Passage]:
        """Yield these neighbours as one passage if they fit, else as several."""
        heading = _joined(_shared_path(blocks))
        budget = self._budget(heading)
        if self._holds(blocks[0].start, blocks[-1].end, budget):
            parts = iter([(blocks[0].start, blocks[-1].end)])
        else:
            pieces = [piece for block in blocks for piece in self._pieces(block, budget)]
            parts = self._packed(pieces, budget)
        for start, end in parts:
            part = self._text[start:end]
            visible = start + len(part) - len(part.lstrip())
            yield Passage(start=visible, end=visible + len(part.strip()), heading=heading)

    def _holds(self, start: int, end: int, tokens: int) -> bool:
        """Tell if one passage of so many tokens can hold this span."""
        return end - start <= MAX_PASSAGE_LENGTH and self._count(start, end) <= tokens

    def _count(self, start: int, end: int) -> int:
        """Return how many tokens touch this span."""
        return bisect_left(self._starts, end) - bisect_right(self._ends, start)

    def _pieces(self, block: _Block, budget: int) -> list[_Piece]:
        if self._holds(block.start, block.end, budget):
            return [_Piece(block.start, block.end, block.start)]
        # The headings must fit with the piece that follows them.
        limit = budget - min(self._count(block.start, block.body), budget // 2)
        return [_Piece(*span, block.start) for span in self._split((block.start, block.end), limit)]

    def _split(self, span: _Span, limit: int, level: int = 0) -> Iterator[_Span]:
        """Yield the coarsest parts of a big span that a passage of `limit` tokens can hold."""
        for part in self._parts(span, level):
            if level == _LENGTHS or self._holds(*part, limit):
                yield part
            else:
                yield from self._split(part, limit, level + 1)

    def _parts(self, span: _Span, level: int) -> Iterator[_Span]:
        start, end = span
        for left, right in self._separators(span, level):
            if not _is_blank(self._text[start:left]):
                yield start, left
            start = right
        if not _is_blank(self._text[start:end]):
            yield start, end

    def _separators(self, span: _Span, level: int) -> Iterator[_Span]:
        """Yield where a span may be cut; between tokens the separators are empty."""
        if level < _SEAMS:
            yield from (match.span() for match in _SEPARATORS[level].finditer(self._text, *span))
            return
        if level == _LENGTHS:
            yield from ((cut, cut) for cut in range(*span, MAX_PASSAGE_LENGTH))
            return
        first, last = bisect_right(self._starts, span[0]), bisect_left(self._starts, span[1])
        for token in range(first, last):
            seam = self._starts[token]
            inside_character = token > 0 and seam < self._ends[token - 1]
            if inside_character or (level == _SEAMS and not self._is_seam(seam)):
                continue
            yield seam, seam

    def _is_seam(self, position: int) -> bool:
        return _stands_alone(self._text[position - 1]) or _stands_alone(self._text[position])

    def _packed(self, pieces: Sequence[_Piece], budget: int) -> Iterator[_Span]:
        """Yield the spans of passages: as many neighbouring pieces as fit."""
        overlap = min(self._overlap, budget // 2)
        first, start = 0, pieces[0].start
        for index, piece in enumerate(pieces):
            if index > first and not self._holds(start, piece.end, budget):
                packed = pieces[first:index]
                yield start, packed[-1].end
                first, start = index, self._resume(packed, piece, overlap)
                if not self._holds(start, piece.end, budget):
                    start = piece.start
        yield start, pieces[-1].end

    def _resume(self, packed: Sequence[_Piece], following: _Piece, overlap: int) -> int:
        """Return where the passage of `following` starts: there or earlier, in the same block."""
        repeatable = [
            (piece.start, piece.end) for piece in packed if piece.block == following.block
        ]
        if not repeatable or not overlap:
            return following.start
        end = packed[-1].end
        for start, _ in repeatable:
            if self._count(start, end) <= overlap:
                return start
        finer = self._split(repeatable[-1], overlap)
        starts = (start for start, _ in finer if self._count(start, end) <= overlap)
        return next(starts, following.start)


def _joined(path: _Path) -> str:
    return " > ".join(path)[:MAX_HEADING_LENGTH].rstrip()


@lru_cache(maxsize=1024)
def _stands_alone(char: str) -> bool:
    """Tell if tokenizers take this character by itself: punctuation and Han, as BERT does."""
    return category(char).startswith("P") or bool(_ASCII_SIGN_OR_HAN.match(char))


def _is_blank(text: str) -> bool:
    return not text or text.isspace()
