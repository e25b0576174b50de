"""The text for a prompt keeps its budget, whatever there is to show."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.examples import THEN
from tests.strategies import characters

from recollect.domain.prompt import Composed, Material, Part, Piece, compose
from recollect.domain.working_memory import MARK, tokens

LINES = st.text(characters, min_size=1, max_size=40) | st.integers(1, 400).map("word ".__mul__)
BUDGETS = st.integers(1, 600)


def piece(number: int, line: str, part: str = "m") -> Piece:
    return Piece(THEN + timedelta(minutes=number), number, f"{part}{number}", line)


@st.composite
def materials(draw: st.DrawFn) -> Material:
    said = [piece(number, draw(LINES)) for number in range(draw(st.integers(0, 12)))]
    some = st.lists(st.sampled_from(said), max_size=3) if said else st.just([])
    return Material(
        summary_title="Summary",
        summary=draw(st.just("") | LINES),
        facts=[piece(n, draw(LINES), "f") for n in range(draw(st.integers(0, 5)))],
        older=draw(st.lists(some, max_size=4)),
        recent=said[draw(st.integers(0, len(said))) :],
    )


def recent(*lines: str) -> list[Piece]:
    return [piece(number, line) for number, line in enumerate(lines)]


@given(materials(), BUDGETS)
def test_the_text_keeps_the_budget(material: Material, budget: int) -> None:
    assert tokens(compose(material, budget).text) <= budget


@given(materials(), BUDGETS)
def test_what_is_shown_is_in_the_text_whole_or_marked_as_cut(
    material: Material, budget: int
) -> None:
    composed = compose(material, budget)
    lines = {p.id: p.line for p in (*material.facts, *material.recent)}
    lines |= {p.id: p.line for around in material.older for p in around}

    for ids in composed.shown.values():
        for memory_id in ids:
            assert lines[memory_id] in composed.text or MARK in composed.text


@given(materials(), BUDGETS)
def test_no_message_is_told_twice_and_all_are_in_order(material: Material, budget: int) -> None:
    shown = compose(material, budget).shown
    said = [piece.id for piece in material.recent]

    assert set(shown[Part.OLDER]).isdisjoint(shown[Part.RECENT])
    assert list(shown[Part.RECENT]) == said[len(said) - len(shown[Part.RECENT]) :]
    places = [int(memory_id[1:]) for memory_id in shown[Part.OLDER]]
    assert places == sorted(set(places))


@given(materials())
def test_with_room_enough_everything_is_told(material: Material) -> None:
    shown = compose(material, 100_000).shown

    told = set(shown[Part.RECENT]) | set(shown[Part.OLDER])
    assert told == {p.id for p in material.recent} | {p.id for a in material.older for p in a}
    assert len(shown[Part.FACTS]) == len(material.facts)


def composed(budget: int, **parts: object) -> Composed:
    return compose(Material(**parts), budget)  # type: ignore[arg-type]


def test_the_parts_stand_in_order_under_their_titles() -> None:
    text = composed(
        1000,
        summary_title="Summary of it all",
        summary="They met.",
        facts=[piece(0, "- a fact", "f")],
        older=[[piece(1, "Ann: long ago")]],
        recent=[piece(2, "Ben: now")],
    ).text

    assert text == (
        "# Facts\n- a fact\n\n# Summary of it all\nThey met.\n\n"
        "# Earlier messages about the question\nAnn: long ago\n\n# Recent messages\nBen: now"
    )


def test_without_anything_to_tell_the_text_is_empty() -> None:
    assert composed(100).text == ""


def test_what_a_part_leaves_goes_to_the_others() -> None:
    many = recent(*(f"Ann: message number {i}" for i in range(100)))
    alone = composed(100, recent=many)

    assert tokens(alone.text) > 90
    beside = composed(100, recent=many, facts=[piece(i, f"- fact {i}", "f") for i in range(100)])
    assert 40 < tokens(beside.text) <= 100
    assert len(beside.shown[Part.RECENT]) < len(alone.shown[Part.RECENT])


def test_the_newest_message_is_told_even_if_it_must_be_cut() -> None:
    long = composed(40, recent=recent("Ann: first", "Ben: " + "and on " * 99))

    assert long.shown[Part.RECENT] == ("m1",)
    assert long.text.endswith(MARK)


def test_a_long_message_before_the_newest_is_cut_instead_of_left_out() -> None:
    told = composed(100, recent=recent("Ann: " + "and on " * 99, "Ben: Ok.")).text

    assert told.splitlines()[1].startswith("Ann: and on")
    assert told.splitlines()[1].endswith(MARK)
    assert told.splitlines()[2] == "Ben: Ok."


def test_a_fact_too_long_makes_room_for_the_next() -> None:
    facts = [piece(0, "- " + "long " * 99, "f"), piece(1, "- short", "f")]

    assert composed(50, facts=facts).shown[Part.FACTS] == ("f1",)
