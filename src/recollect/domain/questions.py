"""What a question says about its answer: its words, whom it is about, the dates it names."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import MINYEAR, UTC, date, datetime, time, timedelta

from recollect.domain.searchable import phrases
from recollect.domain.selection import Period

# Words that say nothing about what is asked for. A contraction is two words: `don`, `t`.
_STOP_WORDS = """
a about after again all also am an and any are as at be because been before being between both
but by can could d did do does doing don down during each else ever few for from further get
got had has have having he her here hers him his how i if in into is it its just ll m me more
most my no nor not now of off on once only or other our ours out over own re s same shall she
should so some such t than that the their theirs them then there these they this those through
to too under until up us ve very was we were what when where which while who whom whose why
will with would you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

MAX_WORDS = 64
"""How many words of a question features look at; more than any sensible question has."""

# The longest time without a 29 February: there is none in 1900.
_LEAP_YEARS_APART = 8

# Combining accents belong to their word: `é` may be two characters, `İ` in lower case always is.
_WORD = re.compile(r"\w[\w\u0300-\u036f]*")
_FIRST_PERSON = frozenset({"i", "me", "my", "mine", "myself", "we", "our", "us"})
_SECOND_PERSON = frozenset({"you", "your", "yours"})
_POLITE = re.compile(r"\b(?:can|could|would|will) you\b")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_NAMED_DATE = re.compile(
    r"(?:\b(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? )?"
    rf"\b(?P<month>{'|'.join(_MONTHS)})\b"
    r"(?: (?P<day_after>\d{1,2})(?:st|nd|rd|th)?\b)?(?:,? (?P<year>\d{4})\b)?"
)
_ISO_DATE = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b")
_MAY_IS_A_MONTH = re.compile(r"\b(?:in|of|during|by|since|until|early|mid|late|last|this) may\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDate:
    """A date or month that a question names; days are those of UTC.

    Attributes:
        year: None when the question does not say; any year may be meant.
        day: None when the whole month is meant.
    """

    year: int | None
    month: int
    day: int | None

    def meant(self, now: datetime) -> Period | None:
        """All of it: in its own year, or else in the latest in which it has begun.

        None when the calendar has no such date, or ends with it.
        """
        if self.year is not None:
            return _moments(self.period(self.year))
        years = range(now.year, max(now.year - _LEAP_YEARS_APART, MINYEAR) - 1, -1)
        periods = (_moments(self.period(year)) for year in years)
        return next((period for period in periods if period and period.start <= now), None)

    def period(self, year: int) -> tuple[date, date] | None:
        """First and last day of it in this year; None when the calendar has no such date."""
        try:
            last = monthrange(year, self.month)[1]
            return date(year, self.month, self.day or 1), date(year, self.month, self.day or last)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, taken apart once.

    Attributes:
        words: All its words in lower case.
        terms: Its content words as they are looked for inside texts: in lower case and without
            endings; every two neighbours of Chinese, Japanese or Korean characters.
        by_asker: It asks about the asker: it says *I* or *my* and does not address the other side.
        of_assistant: It addresses the other side: *what did you recommend?*
        dates: The dates it names, without years of their own (`in 2023`) and without relative
            ones (`last week`), which nobody can resolve without knowing when it was asked.
    """

    words: frozenset[str]
    terms: tuple[str, ...]
    by_asker: bool
    of_assistant: bool
    dates: tuple[NamedDate, ...]


def content_words(text: str) -> list[str]:
    """The distinct words of the text in lower case and in order, without stop words.

    A text of nothing but stop words gives them all.
    """
    words = list(dict.fromkeys(_WORD.findall(text.lower())))
    return [word for word in words if word not in STOP_WORDS] or words


def read_question(text: str) -> Question:
    """Take a question apart."""
    lowered = text.lower()
    # "Can you list what I planned?" asks about me, not about you.
    said = frozenset(_WORD.findall(_POLITE.sub(" ", lowered)))
    of_assistant = not said.isdisjoint(_SECOND_PERSON)
    return Question(
        words=frozenset(_WORD.findall(lowered)),
        terms=terms(lowered),
        by_asker=not said.isdisjoint(_FIRST_PERSON) and not of_assistant,
        of_assistant=of_assistant,
        dates=named_dates(lowered),
    )


def terms(text: str) -> tuple[str, ...]:
    """The distinct content words of a text as `Question.terms` has them, `MAX_WORDS` at most."""
    looked_for = phrases(" ".join(content_words(text)[:MAX_WORDS]))[:MAX_WORDS]
    return tuple(dict.fromkeys(_stem(phrase.replace(" ", "")) for phrase in looked_for))


def named_dates(text: str) -> tuple[NamedDate, ...]:
    """The dates in a text in lower case: `8 may 2023`, `may 8th`, `in may`, `2023-05-08`."""
    found = [
        NamedDate(year=int(m["year"]), month=int(m["month"]), day=int(m["day"]))
        for m in _ISO_DATE.finditer(text)
        if 1 <= int(m["month"]) <= len(_MONTHS)
    ]
    for m in _NAMED_DATE.finditer(text):
        day = m["day"] or m["day_after"]
        if m["month"] == "may" and not (day or m["year"] or _MAY_IS_A_MONTH.search(text)):
            continue
        found.append(
            NamedDate(
                year=int(m["year"]) if m["year"] else None,
                month=_MONTHS.index(m["month"]) + 1,
                day=int(day) if day and int(day) else None,
            )
        )
    return tuple(dict.fromkeys(found))


def name_words(producer: str) -> frozenset[str]:
    """The words of a name by which a question may call its bearer."""
    return frozenset(_WORD.findall(producer.lower())) - STOP_WORDS


def _moments(days: tuple[date, date] | None) -> Period | None:
    if days is None or days[1] == date.max:
        return None
    first, last = (datetime.combine(day, time(), UTC) for day in days)
    return Period(first, last + timedelta(days=1))


def _stem(word: str) -> str:
    """The part of a word that its other forms begin with too, near enough for counting."""
    if len(word) > 5:  # noqa: PLR2004
        return word[: max(4, len(word) - 3)]
    return word[:-1] if len(word) > 3 and word.endswith("s") else word  # noqa: PLR2004
