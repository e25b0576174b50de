"""Stores that exchange notes over one remote, and whatever may be done to them."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_OID, uuid5

from pygit2 import Blob, Repository, Tree
from tests.contract.repositories import World
from tests.operations.fakes import FakeClock, FakeEmbedder, context_of

from recollect.adapters.git.repository import GitNoteRepository
from recollect.adapters.in_memory.repository import InMemoryNoteRepository
from recollect.app.wiring import open_store
from recollect.domain.memory import Kind, Memory
from recollect.domain.scopes import Look
from recollect.operations import (
    Browse,
    Context,
    Remember,
    browse,
    remember,
)
from recollect.operations.mirror import Mount, check_place, exchange
from recollect.ports import Exchange, NoteRepository
from recollect.settings import InMemoryStoreSettings, Settings

NAMES = ("a", "b", "t/a", "conflict")
SCOPES = ("", "s", "s/t")
PATHS = ("global/a.md", "global/b.md", "projects/s/a.md", "projects/s/t/a.md", "projects/u/v/w.md")
"""`projects/s/t/a.md` is where two notes lie: `t/a` of `s`, and `a` of `s/t`."""


def distinct_ids(home: str) -> Callable[[], str]:
    """Ids as one home gives them: no other one gives the same."""
    given = iter(range(10**9))
    return lambda: str(uuid5(NAMESPACE_OID, f"{home} {next(given)}"))


@dataclass(frozen=True)
class Clone:
    """A store with its repository, and a person's hand in the work tree."""

    context: Context
    mount: Mount
    world: World

    @property
    def repository(self) -> NoteRepository:
        return self.mount.repository

    async def check_place(self, scope: str, name: str) -> None:
        """As a server's mirror does; the newest commit was seen by a pass."""
        await self.mount.see(await self.repository.notes(await self.repository.head()))
        await check_place(self.mount, scope, name)

    async def sync(self, *, pull: bool = True) -> Exchange:
        return await exchange(self.context, self.mount, pull=pull)

    async def keep(self, name: str, content: str, scope: str = "", **fields: object) -> str:
        """Remember a note, as it is done where there is a mirror."""
        if await self.context.records.named(self.context.tenant, scope, name) is None:
            await self.check_place(scope, name)
        request = {"name": name, "content": content, "scope": scope, **fields}
        return (await remember(self.context, Remember.model_validate(request))).id

    async def memories(self) -> list[Memory]:
        seen = Browse(look=Look.ALL, kinds=(Kind.NOTE,), limit=100)
        ids = [memory.id for memory in (await browse(self.context, seen)).memories]
        return await self.context.records.get(self.context.tenant, ids)

    async def notes(self) -> dict[str, str]:
        """Every note's content by scope and name."""
        return {f"{m.scope}:{m.name}": m.content for m in await self.memories()}

    async def files(self) -> dict[str, bytes]:
        """Every note's file of HEAD."""
        blobs = await self.repository.notes(await self.repository.head())
        return dict(zip(blobs, await self.repository.read(list(blobs.values())), strict=True))

    def read(self, path: str) -> str:
        content = self.world.lying(self.repository, path)
        assert content is not None
        return content.decode()

    def write(self, path: str, text: str | bytes | None) -> None:
        content = text.encode() if isinstance(text, str) else text
        self.world.edit(self.repository, path, content)

    async def texts(self) -> set[str]:
        """Every line of every file that HEAD's history holds, and of every kept revision."""
        records, tenant = self.context.records, self.context.tenant
        entries = await self.context.log.entries(tenant, 0, 100_000)
        revisions = [
            revision
            for memory_id in {entry.record_id for entry in entries}
            for revision in await records.history(tenant, memory_id)
        ]
        contents = [r.memory.content for r in revisions if r.memory is not None]
        files = [content.decode() for content in blobs_of(self.repository)]
        return {line.strip() for text in (*contents, *files) for line in text.splitlines()}


def blobs_of(repository: NoteRepository) -> Iterator[bytes]:
    """The content of every file that the branch's history holds."""
    if isinstance(repository, InMemoryNoteRepository):
        yield from repository.blobs.values()
        return
    assert isinstance(repository, GitNoteRepository)
    git = Repository(str(root_of(repository)))
    seen: set[str] = set()
    for commit in git.walk(git.head.target):
        yield from _blobs_below(commit.tree, seen)


def _blobs_below(tree: Tree, seen: set[str]) -> Iterator[bytes]:
    for entry in tree:
        if str(entry.id) in seen:
            continue
        seen.add(str(entry.id))
        if isinstance(entry, Tree):
            yield from _blobs_below(entry, seen)
        elif isinstance(entry, Blob):
            yield entry.data


def root_of(repository: NoteRepository) -> Path:
    assert isinstance(repository, GitNoteRepository)
    return repository._place.path  # pyright: ignore[reportPrivateUsage]


@asynccontextmanager
async def cloned(world: type[World], count: int) -> AsyncGenerator[tuple[list[Clone], FakeClock]]:
    """So many empty stores, each with its repository; they share the remote and the time."""
    clock = FakeClock()
    with TemporaryDirectory() as folder:
        shared = world(Path(folder))
        async with AsyncExitStack() as opened:
            clones: list[Clone] = []
            for home in "ABC"[:count]:
                settings = Settings(data_dir=Path(folder) / home, store=InMemoryStoreSettings())
                store = await opened.enter_async_context(open_store(settings))
                context = context_of(store, clock, FakeEmbedder(), distinct_ids(home))
                clones.append(Clone(context, Mount(await shared.clone(home)), shared))
            yield clones, clock
