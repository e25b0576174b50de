"""A project's own reranker."""

from pathlib import Path

import pytest
from tests.transports.memmachine import Face
from tests.transports.serving import client_of, settings_for

from recollect.app.serve import open_app

pytestmark = pytest.mark.anyio

CONFIGURATION = """
episodic_memory:
  long_term_memory:
    reranker: as_found
resources:
  rerankers:
    as_found: {provider: identity, config: {}}
    by_words: {provider: bm25, config: {}}
"""


async def test_a_project_is_searched_with_the_reranker_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "configuration.yml"
    file.write_text(CONFIGURATION)
    settings = settings_for(tmp_path / "data", configuration=file)
    scores: dict[str, list[float]] = {}
    async with open_app(settings) as app, client_of(app) as http:
        for name in ("as_found", "by_words"):
            face = Face(http, project_id=name)
            await face.ask("/projects", 201, config={"reranker": name})
            await face.ask("/memory/episodic/short_term/config", 204, enabled=False)
            await face.add("The kettle is blue.", "Tea at four?")
            scores[name] = [episode["score"] for episode in await face.found("the kettle")]

    assert scores["by_words"] != scores["as_found"]
