"""Texts merged by lines: what two sides did to a common base, in one text."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Lines: TypeAlias = Sequence[str]
Pair: TypeAlias = tuple[int, int]

_MOST_ROUNDS = 16
"""Keeps the time near the length of the texts; further rounds find few lines in few texts."""


def merge_text(base: str, ours: str, theirs: str) -> str | None:
    """The text with the changes of both sides; None if they changed the same lines in two ways.

    Changes to neighbouring lines count as changes to the same. The sides may be swapped.
    """
    merged: list[str] = []
    for region in _regions(base.split("\n"), ours.split("\n"), theirs.split("\n")):
        chosen = _chosen(*region)
        if chosen is None:
            return None
        merged += chosen
    return "\n".join(merged)


def common_lines(one: Lines, other: Lines) -> list[Pair]:
    """Positions of equal lines in both texts, both rising: a patience diff.

    What the texts have in common at both ends; between, the longest rising series of lines that
    each has once; then the same between any two of these. Repeated lines are found next to others
    only, and the time does not depend on how often they are repeated.
    """
    pairs: list[Pair] = []
    spans = [(range(len(one)), range(len(other)))]
    for _ in range(_MOST_ROUNDS):
        trimmed = [_trimmed(one, other, span, pairs) for span in spans]
        spans = [inner for span in trimmed for inner in _between_anchors(one, other, span, pairs)]
        if not spans:
            break
    return sorted(pairs)


def _chosen(base: Lines, ours: Lines, theirs: Lines) -> Lines | None:
    if ours in (base, theirs):
        return theirs
    return ours if theirs == base else None


def _regions(base: Lines, ours: Lines, theirs: Lines) -> Iterator[tuple[Lines, Lines, Lines]]:
    """The three texts in parts that belong together, cut wherever all have a line in common."""
    in_ours, in_theirs = dict(common_lines(base, ours)), dict(common_lines(base, theirs))
    shared = [(at, in_ours[at], in_theirs[at]) for at in sorted(in_ours.keys() & in_theirs.keys())]
    i = j = k = 0
    for at, at_ours, at_theirs in [*shared, (len(base), len(ours), len(theirs))]:
        yield base[i:at], ours[j:at_ours], theirs[k:at_theirs]
        i, j, k = at + 1, at_ours + 1, at_theirs + 1
        yield base[at:i], ours[at_ours:j], theirs[at_theirs:k]


Span: TypeAlias = tuple[range, range]


def _trimmed(one: Lines, other: Lines, span: Span, pairs: list[Pair]) -> Span:
    """The span without the equal lines at its ends, which join the pairs."""
    (start, stop), (other_start, other_stop) = ((part.start, part.stop) for part in span)
    while start < stop and other_start < other_stop and one[start] == other[other_start]:
        pairs.append((start, other_start))
        start, other_start = start + 1, other_start + 1
    while start < stop and other_start < other_stop and one[stop - 1] == other[other_stop - 1]:
        stop, other_stop = stop - 1, other_stop - 1
        pairs.append((stop, other_stop))
    return range(start, stop), range(other_start, other_stop)


def _between_anchors(one: Lines, other: Lines, span: Span, pairs: list[Pair]) -> Iterator[Span]:
    """The spans between lines that both have once in theirs; those lines join the pairs."""
    there = _once(other, span[1])
    anchors = _rising(
        [(at, there[line]) for line, at in _once(one, span[0]).items() if line in there]
    )
    if not anchors:
        return
    pairs += anchors
    start, other_start = span[0].start, span[1].start
    for at, other_at in [*anchors, (span[0].stop, span[1].stop)]:
        if start < at and other_start < other_at:
            yield range(start, at), range(other_start, other_at)
        start, other_start = at + 1, other_at + 1


def _once(lines: Lines, span: range) -> dict[str, int]:
    """The lines that the span has once, with their positions, in order."""
    counts = Counter(lines[span.start : span.stop])
    return {lines[at]: at for at in span if counts[lines[at]] == 1}


def _rising(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest part of the pairs, which rise by their first, that rises by the second too."""
    lowest: list[int] = []  # the lowest end of a rising series, by its length less one
    ends: list[int] = []  # which pair that is
    before: list[int] = []  # the pair before each pair in its series
    for index, (_, at) in enumerate(pairs):
        length = bisect_left(lowest, at)
        before.append(ends[length - 1] if length else -1)
        lowest[length : length + 1] = [at]
        ends[length : length + 1] = [index]
    series: list[Pair] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        series.append(pairs[index])
        index = before[index]
    return series[::-1]
