"""What a server writes to its log: never what is remembered, asked or secret."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.transports.mcp_clients import call, connected
from tests.transports.serving import JSON, PLANTED, client_of, message, settings_for

from recollect.app.serve import open_app
from recollect.settings import SqliteStoreSettings

pytestmark = pytest.mark.anyio


async def test_neither_texts_nor_questions_nor_tokens_are_logged(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    settings = settings_for(tmp_path, token=PLANTED, store=SqliteStoreSettings())
    headers = {"authorization": f"Bearer {PLANTED}"}
    async with open_app(settings) as app, client_of(app, headers=headers) as api:
        note = await api.post("/v1/memories", json={"content": PLANTED, "tags": [PLANTED]})
        url = f"/v1/memories/{note.json()['id']}"
        await api.get(url)
        await api.patch(url, json={"content": PLANTED * 2})
        await api.post("/v1/messages", json={"messages": [message(PLANTED)]})
        await api.post("/v1/recall", json={"query": PLANTED, "filter": f"m.x = '{PLANTED}'"})
        await api.post("/v1/recall", json={"query": PLANTED, "filter": PLANTED})
        await api.post("/v1/memories", content=f'{{"content": "{PLANTED}', headers=JSON)
        await api.get("/v1/stats", headers={"authorization": f"Bearer {PLANTED}!"})
        await api.get(f"/v1/{PLANTED}", headers={"host": PLANTED})
        await api.post("/v1/import", content=PLANTED)
        await api.post("/mcp", content=f'{{"{PLANTED}', headers=JSON)
        await api.post("/v1/reindex")
    assert PLANTED not in logged()


@pytest.mark.parametrize("way", ["memory legacy", "memory auto", "/mcp legacy", "/mcp auto"])
async def test_nor_are_the_arguments_of_tools(
    tmp_path: Path, way: str, logged: Callable[[], str]
) -> None:
    async with connected(way, tmp_path) as tools:
        await call(tools, "remember", name="n", content=PLANTED)
        await call(tools, "recall", query=PLANTED)
        await tools.call_tool("recall", {"query": [PLANTED]})
    assert PLANTED not in logged()
