"""Whether a note's file can lie beside the others, on every file system."""

from collections.abc import Iterable

from recollect.domain.note_files import parse
from recollect.domain.note_paths import check_portable, collide, path_of
from recollect.errors import AlreadyExists, UnreadableNote
from recollect.operations.mirror.mounts import Mount


async def check_place(mount: Mount, scope: str, name: str) -> None:
    """Refuse a new note that has no place of its own; as the port `Mirror` says."""
    check_portable(scope, name)
    path = path_of(scope, name)
    there = await mount.repository.notes(await mount.repository.head())
    if (other := in_the_way(path, there)) is None and path in there:
        other = path if await _is_of_another(mount, there[path], scope, name) else None
    if other is not None:
        raise AlreadyExists(
            "another note's file is in the way of this one's, or its path differs in case alone; "
            "choose another name"
        )


def in_the_way(path: str, there: Iterable[str]) -> str | None:
    """The other path, if any, beside which this one cannot lie."""
    # Folding all of 10,000 paths takes 20 ms, this 2: only what resembles the path is folded.
    lowered = path.lower()
    for other in there:
        low = other.lower()
        alike = low == lowered or low.startswith(f"{lowered}/") or lowered.startswith(f"{low}/")
        if alike and other != path and collide(path, other):
            return other
    return None


async def _is_of_another(mount: Mount, blob: str, scope: str, name: str) -> bool:
    (content,) = await mount.repository.read([blob])
    try:
        file = parse(content)
    except UnreadableNote:
        return True
    return (file.scope, file.name) != (scope, name)
