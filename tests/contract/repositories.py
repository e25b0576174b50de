"""Every repository of notes; a new one has its line here and then has to pass the suite."""

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pygit2 import init_repository

from recollect.adapters.git.repository import GitNoteRepository, Place, open_repository
from recollect.adapters.in_memory.repository import InMemoryNoteRepository
from recollect.ports import NoteRepository

DEADLINE_SECONDS = 5.0
BORN = datetime(2026, 1, 1, tzinfo=UTC)


class World(ABC):
    """Clones of one remote, and the person who edits in their work trees."""

    adapter: type

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    async def clone(
        self, name: str = "one", deadline_seconds: float = DEADLINE_SECONDS
    ) -> NoteRepository:
        """A new repository, with the shared remote; its first commit is its own."""

    @abstractmethod
    def edit(self, repository: NoteRepository, path: str, content: bytes | None) -> None:
        """Write a file as a person does; None deletes it."""

    @abstractmethod
    def lying(self, repository: NoteRepository, path: str) -> bytes | None:
        """What a person sees at a path."""


class InMemoryWorld(World):
    adapter = InMemoryNoteRepository

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.remote = InMemoryNoteRepository()
        self._clones = 0

    async def clone(
        self, name: str = "one", deadline_seconds: float = DEADLINE_SECONDS
    ) -> InMemoryNoteRepository:
        del name
        self._clones += 1
        born = BORN + timedelta(days=self._clones)
        clone = InMemoryNoteRepository(
            branch="notes",
            remote_repository=self.remote,
            now=lambda: born,
            deadline_seconds=deadline_seconds,
        )
        async with clone.held():
            await clone.write({}, "chore: init repository")
        return clone

    def edit(self, repository: NoteRepository, path: str, content: bytes | None) -> None:
        assert isinstance(repository, InMemoryNoteRepository)
        repository.work_tree.pop(path, None)
        if content is not None:
            repository.work_tree[path] = content

    def lying(self, repository: NoteRepository, path: str) -> bytes | None:
        assert isinstance(repository, InMemoryNoteRepository)
        return repository.work_tree.get(path)


class GitWorld(World):
    adapter = GitNoteRepository

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.remote = folder / "remote.git"
        init_repository(str(self.remote), bare=True)
        self._roots: dict[NoteRepository, Path] = {}

    async def clone(
        self, name: str = "one", deadline_seconds: float = DEADLINE_SECONDS
    ) -> GitNoteRepository:
        root = self.folder / name
        if self._roots:  # whoever has the file already makes another first commit
            root.mkdir()
            (root / ".gitignore").touch()
        place = Place(path=root, branch="notes", remote_url=str(self.remote))
        clone = await open_repository(place, deadline_seconds=deadline_seconds)
        self._roots[clone] = root
        return clone

    def edit(self, repository: NoteRepository, path: str, content: bytes | None) -> None:
        file = self._roots[repository] / path
        file.unlink(missing_ok=True)
        if content is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def lying(self, repository: NoteRepository, path: str) -> bytes | None:
        file = self._roots[repository] / path
        return file.read_bytes() if file.exists() else None


WORLDS = {"in_memory": InMemoryWorld, "git": GitWorld}
