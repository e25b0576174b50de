"""What to give of found messages and those around them, when there is room for so many only."""

from collections.abc import Iterable, Sequence


def unified(
    found: Sequence[str], sessions: Iterable[Sequence[str]], before: int, after: int, limit: int
) -> dict[str, str]:
    """The messages to give, each with the found one that brought it; at most `limit`.

    The best found message goes first with all around it, then the next. When not all around one
    has room, the nearest goes first: a message that follows counts as less than half as far as
    one that precedes, since an answer comes after its question.

    Args:
        found: Best first.
        sessions: What was found and what stands around it, in the order of each session.
        before: How many earlier messages belong to a found one.
        after: How many later ones.
        limit: How many to give at most.
    """
    places = {
        message: (session, place) for session in sessions for place, message in enumerate(session)
    }
    given: dict[str, str] = {}
    for nucleus in found:
        session, place = places[nucleus]
        around = range(max(place - before, 0), min(place + after + 1, len(session)))
        for near in sorted(around, key=lambda other: _distance(other - place)):
            if len(given) == limit:
                return given
            given.setdefault(session[near], nucleus)
    return given


def _distance(steps: int) -> float:
    return (steps - 0.5) / 2 if steps > 0 else -steps
