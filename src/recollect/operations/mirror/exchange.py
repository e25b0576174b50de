"""Exchanging notes with a remote: fetch, merge by content, push."""

from dataclasses import replace

from recollect.errors import RemoteMoved
from recollect.operations.context import Context
from recollect.operations.mirror.incoming import TakenIn
from recollect.operations.mirror.merging import merged_trees
from recollect.operations.mirror.mounts import Mount
from recollect.operations.mirror.passes import pass_held
from recollect.ports import Exchange

ATTEMPTS = 5
"""How often the remote may move between fetching and pushing."""


async def exchange(context: Context, mount: Mount, *, pull: bool) -> Exchange:
    """Bring a repository and its remote to hold the same.

    The network is waited for without holding the repository. A remote that moved meanwhile is
    fetched again.

    Raises:
        RemoteMoved: It moved each time, or nothing was to be pulled.
        Unavailable: The remote is out of reach or refuses the credential.
    """
    repository = mount.repository
    done = Exchange(label=mount.label, branch=repository.branch)
    for attempt in range(ATTEMPTS):
        theirs = None
        if pull and repository.remote is not None:
            theirs = await repository.fetch()
            done = replace(done, pull="up-to-date") if done.pull == "skipped" else done
        async with repository.held():
            done = await _join(context, mount, done, theirs)
        if repository.remote is None:
            return replace(done, pull="no-remote") if pull else done
        try:
            await repository.push()
        except RemoteMoved:
            if not pull or attempt == ATTEMPTS - 1:
                raise
        else:
            break
    return done


async def _join(context: Context, mount: Mount, done: Exchange, theirs: str | None) -> Exchange:
    """Make HEAD hold what the remote's commit does, and the store what HEAD does."""
    repository = mount.repository
    done = _with(done, (await pass_held(context, mount, look=True)).taken)
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
        done = replace(done, conflicts=(*done.conflicts, *merging.conflicts))
        done = replace(done, pull=f"merged ({len(done.conflicts)} conflicts resolved)")
    return _with(done, (await pass_held(context, mount, look=False)).taken)


def _with(done: Exchange, taken: TakenIn) -> Exchange:
    return replace(
        done,
        added=done.added + taken.added,
        updated=done.updated + taken.updated,
        removed=done.removed + taken.removed,
        conflicts=tuple(dict.fromkeys((*done.conflicts, *taken.conflicts))),
    )
