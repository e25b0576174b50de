"""Exchanging notes with a remote: fetch, merge by content, push."""

from collections.abc import Iterable
from dataclasses import replace

from recollect.errors import RecollectError, RemoteMoved
from recollect.operations.context import Context
from recollect.operations.mirror.merging import merged_trees
from recollect.operations.mirror.mounts import Mount
from recollect.operations.mirror.passes import pass_held
from recollect.ports import Exchange, KeptText

ATTEMPTS = 5
"""How often the remote may move between fetching and pushing."""


async def exchange(context: Context, mount: Mount, *, pull: bool) -> Exchange:
    """Bring a repository and its remote to hold the same; what fails is told, not raised.

    The network is waited for without holding the repository. A remote that moved meanwhile is
    fetched again.
    """
    repository = mount.repository
    done = Exchange(label=mount.label, branch=repository.branch)
    for attempt in range(ATTEMPTS):
        try:
            done = await _pulled(context, mount, done, pull=pull)
        except RecollectError as error:
            return replace(done, pull_problem=error)
        if repository.remote is None:
            return done
        try:
            await repository.push()
        except RecollectError as error:
            if pull and isinstance(error, RemoteMoved) and attempt < ATTEMPTS - 1:
                continue
            return replace(done, push_problem=error)
        break
    return done


async def _pulled(context: Context, mount: Mount, done: Exchange, *, pull: bool) -> Exchange:
    """Bring the store and the repository to hold the same, and if asked what the remote holds."""
    repository = mount.repository
    theirs = None
    if pull and repository.remote is None:
        done = replace(done, pull="no-remote")
    elif pull:
        theirs = await repository.fetch()
        done = replace(done, pull="up-to-date") if done.pull == "skipped" else done
    async with repository.held():
        return await _join(context, mount, done, theirs)


async def _join(context: Context, mount: Mount, done: Exchange, theirs: str | None) -> Exchange:
    """Make HEAD hold what the remote's commit does, and the store what HEAD does."""
    repository = mount.repository
    by_hand = (await pass_held(context, mount, look=True)).taken
    done = _with(done, by_hand.conflicts, by_hand.kept)
    ours = await repository.head()
    if theirs is None or theirs == ours:
        return done
    base = await repository.merge_base(ours, theirs) if ours else None
    if base == theirs:
        return done
    if ours is None or base == ours:
        await repository.advance(theirs)
        done = replace(done, pull="fast-forward")
    else:
        merging = await merged_trees(repository, base, ours, theirs)
        message = f"chore: merge origin/{repository.branch}\n"
        await repository.write(merging.notes, message, merged=theirs)
        done = _with(done, merging.conflicts, merging.kept)
        done = replace(done, pull=f"merged ({len(done.conflicts)} conflicts resolved)")
    pulled = (await pass_held(context, mount, look=False)).taken
    return replace(
        _with(done, pulled.conflicts, pulled.kept),
        added=done.added + pulled.added,
        updated=done.updated + pulled.updated,
        removed=done.removed + pulled.removed,
    )


def _with(
    done: Exchange, conflicts: Iterable[KeptText], kept: Iterable[tuple[str, str]]
) -> Exchange:
    return replace(
        done,
        conflicts=tuple(dict.fromkeys((*done.conflicts, *conflicts))),
        kept=tuple(dict.fromkeys((*done.kept, *kept))),
    )
