"""Exchange notes with the git remotes, in memory-mcp's words."""

from pydantic import Field

from recollect.domain.access import Right
from recollect.errors import InvalidRequest, SyncFailed
from recollect.operations.context import Context, operation
from recollect.operations.request import Request, Result
from recollect.ports import Exchange


class Sync(Request):
    """Exchange notes with the git remotes."""

    pull_first: bool = True
    """Fetch and merge before pushing."""


class Pulled(Result):
    """Notes that what was pulled changed here."""

    added: int
    updated: int
    removed: int
    errors: int = 0


class ConflictKept(Result):
    """A note whose text both sides changed; the older text is kept in a note beside it."""

    scope: str
    name: str
    beside: str
    """The name of the note that holds the older text."""


class NoteKept(Result):
    """A note that one side deleted and the other one changed."""

    scope: str
    name: str


class Synced(Result):
    """What was exchanged."""

    status: str
    pull: str
    """`skipped`, `no-remote`, `up-to-date`, `fast-forward`, `merged (N conflicts resolved)`, or of
    several repositories how many."""
    branch: str
    reindex: Pulled | None = None
    conflicts: list[ConflictKept] = Field(default_factory=list[ConflictKept])
    kept: list[NoteKept] = Field(default_factory=list[NoteKept])
    """Notes that one side deleted and the other one changed: they stay."""


@operation(Right.WRITE)
async def sync(context: Context, request: Sync) -> Synced:
    """Bring every repository of notes and its remote to hold the same.

    Raises:
        InvalidRequest: Notes are not kept in git here.
        SyncFailed: One or more repositories failed; the others are synced.
    """
    if context.mirror is None:
        raise InvalidRequest("notes are not kept in git here; set RECOLLECT_GIT__MIRROR=true")
    done = await context.mirror.sync(pull=request.pull_first)
    if any(exchange.problem is not None for exchange in done):
        raise _failure(done)
    changes = Pulled(
        added=sum(exchange.added for exchange in done),
        updated=sum(exchange.updated for exchange in done),
        removed=sum(exchange.removed for exchange in done),
    )
    synced = Synced(
        status="sync complete",
        pull=done[0].pull if len(done) == 1 else f"{len(done)} repos synced",
        branch=done[0].branch,
        conflicts=[
            ConflictKept(scope=text.scope, name=text.name, beside=text.beside)
            for exchange in done
            for text in exchange.conflicts
        ],
        kept=[
            NoteKept(scope=scope, name=name) for exchange in done for scope, name in exchange.kept
        ],
    )
    changed = changes.added or changes.updated or changes.removed
    # Left out, not null, when nothing changed: so memory-mcp's clients know it.
    return synced.model_copy(update={"reindex": changes}) if changed else synced


def _failure(done: list[Exchange]) -> SyncFailed:
    failed = [exchange for exchange in done if exchange.problem is not None]
    listed = "; ".join(
        f"{exchange.label}: " + "; ".join(f"{s} failed: {p}" for s, p in _problems(exchange))
        for exchange in failed
    )
    return SyncFailed(
        f"sync failed for {len(failed)}/{len(done)} repos: {listed}",
        {
            "status": "sync failed",
            "branch": done[0].branch,
            "failed": [
                {"label": exchange.label} | {f"{s}_error": p for s, p in _problems(exchange)}
                for exchange in failed
            ],
            "succeeded": [exchange.label for exchange in done if exchange.problem is None],
        },
    )


def _problems(exchange: Exchange) -> list[tuple[str, str]]:
    """Which step failed, and why."""
    steps = {"pull": exchange.pull_problem, "push": exchange.push_problem}
    return [(step, str(problem)) for step, problem in steps.items() if problem is not None]
