"""Servers of notes in git, each with an MCP client and a person's hand in its files."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from tests.e2e.servers import Server, serving
from tests.transports.mcp_clients import call

from recollect.settings import SqliteStoreSettings, StoreSettings

SHOWN = ("id", "scope", "name", "tags", "content", "source", "created_at", "updated_at")
SEEN_WITHIN_SECONDS = 5


@dataclass(frozen=True)
class Home:
    """A server with its tools and the repository of its notes."""

    server: Server
    tools: Client

    @property
    def notes(self) -> Path:
        return self.server.data_dir / "notes"

    async def call(self, tool: str, **arguments: Any) -> Any:
        return await call(self.tools, tool, **arguments)

    async def sync(self) -> Any:
        return await self.call("sync")

    def edit_by_hand(self, path: str, old: str, new: str) -> None:
        file = self.notes / path
        text = file.read_bytes().decode()
        assert old in text
        file.write_bytes(text.replace(old, new).encode())

    def all_notes(self, *fields: str) -> dict[str, dict[str, Any]]:
        """What the store says of every note, by scope and name."""
        memories = self.server.http.get("/v1/memories", params={"look": "all"}).json()["memories"]
        return {
            f"{memory['scope']}:{memory['name']}": {f: memory[f] for f in fields or SHOWN}
            for memory in memories
        }


@asynccontextmanager
async def at_home(
    folder: Path, remote: Path | None = None, store: StoreSettings | None = None
) -> AsyncGenerator[Home]:
    git = {"remote_url": str(remote)} if remote else {}
    with serving(folder, store=store or SqliteStoreSettings(), git=git) as server:
        async with Client(f"{server.http.base_url}/mcp") as tools:
            yield Home(server, tools)


async def until(holds: Callable[[], bool], seconds: float = SEEN_WITHIN_SECONDS) -> None:
    """Wait for what a server does by itself; fails when it takes longer."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110  (another process has no event)
            await anyio.sleep(0.01)
