"""`kill -9` at any moment of a copy: it is carried on, and nothing is there twice or missing."""

import sys
from pathlib import Path
from random import Random

import pytest
from tests.app.copies import (
    KINDS,
    Interrupted,
    answers,
    copied,
    files,
    fill,
    interrupting,
    place,
    rows,
    using,
)
from tests.e2e.forkers import forker, told_until_killed

from recollect.errors import StoreUnavailable
from recollect.operations import Stats, stats

ROUNDS = 8
MOST_PAGES = 4
MOST_SECONDS = 0.01

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork"),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_copy_is_carried_on(kind: str, tmp_path: Path) -> None:
    dice, source = Random(1), files(tmp_path / "source")
    await fill(source)
    with place(kind, tmp_path / "into") as target, forker("tests.e2e.copier") as copiers:
        told_to_copy = {"source": source.name, "target": target.name}
        pages = 0
        for _ in range(ROUNDS):
            count, more = dice.randrange(1, MOST_PAGES), dice.uniform(0, MOST_SECONDS)
            told = told_until_killed(copiers, told_to_copy, count, more)
            assert set(told) == {"Copying"}
            pages += len(told)
        assert pages > ROUNDS
        with pytest.raises(StoreUnavailable, match="not finished"):
            async with using(target) as context:
                await stats(context, Stats())

        assert (await copied(source, target)).same
        async with using(source) as old, using(target) as new:
            assert await answers(new) == await answers(old)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_abandoning_took_out_all_or_nothing(kind: str, tmp_path: Path) -> None:
    dice, source = Random(1), files(tmp_path / "source")
    await fill(source)
    with place(kind, tmp_path / "into") as target, forker("tests.e2e.copier") as copiers:
        for _ in range(ROUNDS):
            with pytest.raises(Interrupted):
                await copied(source, target, after=interrupting(100))
            arrived = rows(target)

            told_until_killed(copiers, {"target": target.name}, 0, dice.uniform(0, 0.06))

            left = rows(target)
            assert left == arrived or not any(left.values())
        assert (await copied(source, target)).same
