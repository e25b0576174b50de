"""Repositories, each with the scopes whose notes it holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from anyio import to_thread

from recollect.domain.note_paths import PathSet
from recollect.domain.scopes import contains
from recollect.errors import ConfigError
from recollect.ports import NoteRepository


@dataclass(slots=True)
class Files:
    """The files of notes in a repository, by path."""

    blobs: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: PathSet = field(default_factory=PathSet)

    def replace(self, blobs: Mapping[str, str]) -> None:
        """Hold these from now on."""
        self.paths.replace(blobs)
        self.blobs = blobs


@dataclass(frozen=True, slots=True)
class Mount:
    """A repository that holds the notes of a scope and all below, but for what others hold.

    Attributes:
        files: What a pass saw or wrote last.
    """

    repository: NoteRepository
    others: tuple[str, ...] = ()
    files: Files = field(default_factory=Files)

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return self.repository.prefix or "default"

    def owns(self, scope: str) -> bool:
        """Whether notes of this scope belong here: the longest prefix decides."""
        return contains(self.repository.prefix, scope) and not any(
            contains(other, scope) for other in self.others
        )

    async def see(self, blobs: Mapping[str, str]) -> None:
        """Take these for the files from now on."""
        if blobs is not self.files.blobs:
            # In a thread: the first 100,000 take a third of a second.
            await to_thread.run_sync(self.files.replace, blobs)


def mounts_of(repositories: Iterable[NoteRepository]) -> Sequence[Mount]:
    """The repositories, the one for everything else first, then by the longest prefix.

    Raises:
        ConfigError: Two have the same prefix.
    """
    by_prefix: dict[str, NoteRepository] = {}
    for repository in repositories:
        if by_prefix.setdefault(repository.prefix, repository) is not repository:
            raise ConfigError(f"two repositories are to hold the scope {repository.prefix!r}")
    order = sorted(by_prefix, key=lambda prefix: (prefix != "", -len(prefix), prefix))
    return [
        Mount(
            by_prefix[prefix],
            tuple(p for p in order if p != prefix and contains(prefix, p)),
        )
        for prefix in order
    ]
