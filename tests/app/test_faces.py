from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from anyio import Lock, create_task_group, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from starlette.responses import Response
from starlette.types import ASGIApp
from tests.transports.serving import client_of

from recollect.app.faces import LateFace

pytestmark = pytest.mark.anyio


class Openings:
    """Opens applications slowly, and notes how often and how many at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.most_at_once = 0
        self._now = 0

    @asynccontextmanager
    async def opening(self) -> AsyncGenerator[ASGIApp]:
        self.begun += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await checkpoint()
        self._now -= 1
        yield Response("tea")


@asynccontextmanager
async def faces(openings: Openings, count: int) -> AsyncGenerator[list[LateFace]]:
    made = [LateFace(openings.opening) for _ in range(count)]
    turn = Lock()
    async with create_task_group() as tasks:
        for face in made:
            tasks.start_soon(face.open, turn)
        await wait_all_tasks_blocked()
        yield made
        tasks.cancel_scope.cancel()


async def ask(face: LateFace) -> None:
    async with client_of(face) as client:
        assert (await client.get("/")).text == "tea"


async def test_a_face_that_nobody_asks_is_not_opened() -> None:
    openings = Openings()
    async with faces(openings, 1):
        assert openings.begun == 0


async def test_the_first_requests_of_a_face_open_it_once_and_all_are_answered() -> None:
    openings = Openings()
    async with faces(openings, 1) as [face], create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask, face)
    assert openings.begun == 1


async def test_faces_that_are_asked_together_are_opened_one_after_the_other() -> None:
    openings = Openings()
    async with faces(openings, 2) as made, create_task_group() as tasks:
        for face in made:
            tasks.start_soon(ask, face)
    assert (openings.begun, openings.most_at_once) == (2, 1)
