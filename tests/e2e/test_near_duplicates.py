"""Whoever stores a note hears of another that says the same, by the real model."""

from pathlib import Path

import recollect

KNOWN = "We settled on PostgreSQL for orders."


def test_a_note_that_says_the_same_under_another_name_is_told(tmp_path: Path) -> None:
    with recollect.open(tmp_path) as memory:
        known = memory.remember(KNOWN, name="db/choice")
        for text in (KNOWN, "We decided to use PostgreSQL for the orders service."):
            stored = memory.remember(text, name="decisions/database")
            assert [similar.id for similar in stored.similar] == [known.id]


def test_the_same_text_is_told_whatever_it_is_called(tmp_path: Path) -> None:
    with recollect.open(tmp_path) as memory:
        known = memory.remember("Mia: 12.", name="score/of/mia")
        stored = memory.remember("Mia: 12.", name="quarterly-report/printers/toner")
        assert [similar.id for similar in stored.similar] == [known.id]


def test_a_note_on_the_same_matter_that_says_something_else_is_none(tmp_path: Path) -> None:
    with recollect.open(tmp_path) as memory:
        memory.remember(KNOWN, name="db/choice")
        assert memory.remember("We settled on Redis for sessions.", name="db/cache").similar == []
        memory.remember("The cache TTL is 10 minutes in production.", name="cache-ttl")
        other = memory.remember("The session TTL is 24 hours in production.", name="session-ttl")
        assert other.similar == []
