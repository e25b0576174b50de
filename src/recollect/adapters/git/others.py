"""Files that are no notes, merged: what both sides did to them lasts."""

from collections.abc import Iterator

from recollect.adapters.git.paths import is_note, may_be_checked_out
from recollect.adapters.git.trees import Entry, Trees
from recollect.domain.text_merge import merge_text

BESIDE = ".theirs"
"""Behind the name of a file that contradicts ours, under which it is kept beside."""

_MOST_BYTES = 1_048_576
"""Of a file that is merged by lines."""


def brought(
    trees: Trees, base: str | None, ours: str | None, theirs: str
) -> dict[str, Entry | None]:
    """What our tree lacks to hold what theirs did to files that are no notes.

    A file that both sides changed is merged by lines; where that cannot be, ours stays and theirs
    is kept beside it. A change outweighs a deletion. Links and submodules that both sides changed
    stay as ours are.
    """
    return {
        place: entry
        for path, (old, new) in trees.changes(base, theirs).items()
        if may_be_checked_out(path)
        and not (is_note(path) and any(side and side.is_file for side in (old, new)))
        for place, entry in _merged(
            trees, (ours, theirs), path, (old, trees.entry(ours, path), new)
        )
        if entry is None or trees.has_room(ours, place)
    }


def _merged(
    trees: Trees,
    both: tuple[str | None, str],
    path: str,
    sides: tuple[Entry | None, Entry | None, Entry | None],
) -> Iterator[tuple[str, Entry | None]]:
    """What has to be put at which path."""
    base, ours, theirs = sides
    if ours == base:
        yield path, theirs
    elif theirs is None or ours == theirs:
        return
    elif ours is None:
        yield path, theirs
    elif ours.is_file and theirs.is_file and ours.id != theirs.id:
        merged = _merged_text(trees, base, ours, theirs)
        if merged is None:
            yield _free(trees, both, path, theirs), theirs
        else:
            yield path, Entry(ours.mode, trees.stored(merged).id)


def _free(trees: Trees, both: tuple[str | None, str], path: str, kept: Entry) -> str:
    """Where to keep it: what an earlier conflict left there stays."""
    beside = path + BESIDE
    if all(trees.entry(tree, beside) in (None, kept) for tree in both):
        return beside
    return f"{path}.{kept.id[:8]}{BESIDE}"


def _merged_text(trees: Trees, base: Entry | None, ours: Entry, theirs: Entry) -> bytes | None:
    """The file with the changes of both; None if they contradict each other or are no text."""
    before = base if base is not None and base.is_file else None
    contents = [trees.content(side.id) if side else b"" for side in (before, ours, theirs)]
    if any(len(content) > _MOST_BYTES or b"\0" in content for content in contents):
        return None
    try:
        merged = merge_text(*(content.decode() for content in contents))
    except UnicodeDecodeError:
        return None
    return None if merged is None else merged.encode()
