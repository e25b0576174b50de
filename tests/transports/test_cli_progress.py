"""What people are told of work that others do in the background."""

from typing import TYPE_CHECKING, cast

import pytest
from tests.transports.commands import Run

from recollect.cli.progress import await_embedding
from recollect.client.asynchronous import AsyncClient
from recollect.client.blocking import Client
from recollect.operations import Figures, Stats

if TYPE_CHECKING:
    from recollect.client.transport import Transport


class Answering:
    """A server with these figures."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    async def run(self, _: object, request: object) -> Figures:
        assert isinstance(request, Stats)
        return self.figures

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(("indexed", "told"), [(0.421, "42% made"), (0.0, "0% made"), (None, "")])
def test_who_waited_for_embedding_is_told_how_far_the_index_of_vectors_is(
    indexed: float | None, told: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = Figures.model_validate_json(run("stats", "--json").stdout)
    server = Answering(figures.model_copy(update={"indexed": indexed}))

    with Client(opening=AsyncClient(transport=cast("Transport", server))) as client:
        assert await_embedding(client, 3) == 0

    err = capsys.readouterr().err
    assert told in err
    assert bool(err) == bool(told)
