"""Repositories, each with the scopes whose notes it holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recollect.domain.scopes import contains
from recollect.errors import ConfigError
from recollect.ports import NoteRepository


@dataclass(frozen=True, slots=True)
class Mount:
    """A repository that holds the notes of a scope and all below, but for what others hold."""

    repository: NoteRepository
    others: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return self.repository.prefix or "default"

    def owns(self, scope: str) -> bool:
        """Whether notes of this scope belong here: the longest prefix decides."""
        return contains(self.repository.prefix, scope) and not any(
            contains(other, scope) for other in self.others
        )


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
