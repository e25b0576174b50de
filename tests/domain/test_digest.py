"""A digest quotes the most central sentences, in their order, within its size."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import THEN, episode, note

from recollect.domain.digest import (
    DIGEST_TOKENS,
    QUOTE_BYTES,
    Digest,
    advanced,
    quotes,
    sentences,
)
from recollect.domain.memory import Memory
from recollect.domain.working_memory import BLOCK, MARK, tokens

WORDS = ("tea", "Lisbon", "train", "Ann's", "boat", "お茶", "駅", "the", "we", "met", "x" * 90)
SENTENCES = st.tuples(
    st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), st.sampled_from(".!?。\n ")
).map("".join)
CONTENTS = st.lists(SENTENCES, max_size=6).map(" ".join)


@st.composite
def conversations(draw: st.DrawFn) -> list[list[Memory]]:
    contents = draw(st.lists(st.lists(CONTENTS, min_size=1, max_size=6), min_size=1, max_size=4))
    return [
        [
            episode(
                content,
                id=f"{number}-{place}",
                producer=draw(st.sampled_from(["Ann", "Ben"])),
                position=number * BLOCK + place,
                occurred_at=THEN + timedelta(hours=number * BLOCK + place),
            )
            for place, content in enumerate(block)
        ]
        for number, block in enumerate(contents)
    ]


def digest_of(blocks: list[list[Memory]]) -> Digest:
    digest = Digest()
    for block in blocks:
        digest = advanced(digest, block)
    return digest


def block_of(*contents: str, number: int = 0) -> list[Memory]:
    return [
        episode(content, position=number * BLOCK + place) for place, content in enumerate(contents)
    ]


@given(conversations())
def test_a_digest_quotes_what_was_said_in_order_and_within_its_size(
    blocks: list[list[Memory]],
) -> None:
    digest = digest_of(blocks)

    by_position = {m.detail.position: m for block in blocks for m in block}  # type: ignore[union-attr]
    for quote in digest.quotes:
        said = by_position[quote.position]
        assert said.content[quote.start :].startswith(quote.text.removesuffix(MARK))
        assert quote.producer == said.detail.producer  # type: ignore[union-attr]
        assert quote.occurred_at == said.occurred_at
        assert quote.line in digest.text.splitlines()
    places = [(quote.position, quote.start) for quote in digest.quotes]
    assert places == sorted(set(places))
    assert tokens(digest.text) <= DIGEST_TOKENS
    assert digest.messages == sum(len(block) for block in blocks)
    assert digest.through == len(blocks) * BLOCK - 1


@given(conversations())
def test_the_same_messages_have_the_same_digest(blocks: list[list[Memory]]) -> None:
    assert digest_of(blocks) == digest_of([list(block) for block in blocks])


def test_a_sentence_is_attributed() -> None:
    digest = advanced(Digest(), block_of("I moved to Lisbon. Ok."))

    assert digest.text == "Ann (1 January 2026): I moved to Lisbon."


def test_what_most_of_a_talk_is_about_is_quoted_first() -> None:
    about_boats = [f"The boat needs new sails for harbour number {i}." for i in range(30)]
    aside = "Somebody painted a fence somewhere green yesterday afternoon."

    digest = advanced(Digest(), block_of(*about_boats, aside))

    assert 0 < len(digest.quotes) < len(about_boats)
    assert aside not in digest.text


def test_what_was_said_twice_is_quoted_once_while_there_is_more() -> None:
    repeated = ["We sail to Madeira on Sunday morning."] * 15
    others = [f"Remember sails, ropes and lamp {i} for Madeira." for i in range(15)]

    digest = advanced(Digest(), block_of(*repeated, *others))

    assert digest.text.count("Sunday") == 1


def test_early_topics_stay_when_the_talk_moves_on() -> None:
    digest = Digest()
    for number in range(6):
        topic = "the boat and its sails" if number < 5 else "pears and apple cake"
        contents = [f"Today we talk of {topic}, part {i} of {number}." for i in range(BLOCK)]
        digest = advanced(digest, block_of(*contents, number=number))

    assert "boat" in digest.text


def test_what_will_expire_is_not_quoted() -> None:
    [message] = block_of("I moved to Lisbon.")
    secret = episode("The code is on the blue door.", position=1, expires_at=THEN)

    digest = advanced(Digest(), [message, secret])

    assert "Lisbon" in digest.text
    assert "code" not in digest.text
    assert digest.messages == 2


def test_a_very_long_sentence_is_cut_with_a_mark() -> None:
    digest = advanced(Digest(), block_of("We sail to Madeira " + "and on " * 200))

    [quote] = digest.quotes
    assert len(quote.text.encode()) <= QUOTE_BYTES
    assert quote.text.endswith(MARK)


def test_a_talk_that_says_nothing_has_an_empty_digest() -> None:
    digest = advanced(Digest(), block_of("Ok", "", "👍", "Yes.", "Did you sail to Madeira?"))

    assert (digest.text, digest.messages, digest.through) == ("", 5, BLOCK - 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("   ", []),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("2.5 is out...\n\n- a list\r\n- of two", ["2.5 is out...", "- a list", "- of two"]),
        ("我喜欢茶。你呢？「好。」走吧", ["我喜欢茶。", "你呢？", "「好。」", "走吧"]),
    ],
)  # fmt: skip
def test_sentences_end_in_english_and_chinese(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == found


def test_only_episodes_are_quoted() -> None:
    assert list(quotes(note("We sail to Madeira."))) == []
