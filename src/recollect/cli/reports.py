"""What becomes of a whole store, as people read it."""

from rich.table import Table
from rich.text import Text

from recollect.app.copying import Abandoned, Copied
from recollect.app.diagnosis import Diagnosis, Warm
from recollect.app.migration import SchemaStatus
from recollect.app.sign_in import SignedIn, SignedOut, SignInStatus
from recollect.cli.brought import Brought
from recollect.cli.printing import at, columns, many, plain, say
from recollect.cli.tables import show
from recollect.operations import (
    BackedUp,
    Checked,
    Figures,
    Imported,
    ImportedRecalls,
    Marked,
    RecallFigures,
    Reindexed,
    Synced,
)
from recollect.operations.feedback import Verdicts

_SHOWN_OF_DIGESTS = 12


@show.register
def _(result: Figures) -> None:
    table = columns("", "")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.by_kind.items()))
    table.add_row("memories", f"{result.memories}" + (f" ({kinds})" if kinds else ""))
    table.add_row("revisions", str(result.revisions))
    table.add_row("links", str(result.links))
    table.add_row("size", f"{result.size_bytes / 1e6:.1f} MB")
    table.add_row("model", result.model)
    _add_unfinished(table, result)
    for scope, count in sorted(result.by_scope.items()):
        table.add_row(plain(f"scope {scope or '(root)'}"), str(count))
    say(table)
    if result.problem:
        say(plain(f"no search by meaning: {result.problem}"))
    if result.advice:
        say(plain(result.advice))


def _add_unfinished(table: Table, result: Figures) -> None:
    table.add_row("wait to be embedded", str(result.waiting))
    for model, count in sorted(result.by_model.items()):
        if model != result.model:
            table.add_row(plain(f"still embedded by {model}"), str(count))
    if result.indexed is not None:
        table.add_row("index of vectors", f"{result.indexed:.0%} made")
    for queue, jobs in result.jobs.items():
        if jobs.dead:
            table.add_row(plain(f"jobs given up ({queue})"), str(jobs.dead))


@show.register
def _(result: Marked) -> None:
    match result.total_rows_affected:
        case 0:
            say("nothing was marked: it was not recalled there, or has its verdict already")
        case 1:
            say("1 result has its verdict")
        case count:
            say(f"{count} results have their verdict")


@show.register
def _(result: RecallFigures) -> None:
    table = columns("", "results", "applied", "maybe", "not applied", "no verdict", "acceptance")
    for rank in result.ranks:
        _add_verdicts(table, f"rank {rank.rank}", rank)
    for arm in result.arms:
        _add_verdicts(table, f"found by {arm.arm}", arm)
    for bucket in result.buckets:
        _add_verdicts(table, f"distance {bucket.range}", bucket)
    say(table if result.ranks else "no recalls were noted yet")
    say(f"{result.recalls} recalls with results")


@show.register
def _(result: ImportedRecalls) -> None:
    say(
        f"imported {result.imported} results, unchanged {result.unchanged}; "
        f"{result.verdicts} new verdicts"
    )
    for reason, count in result.skipped.items():
        say(plain(f"skipped {count}: {reason}"))


@show.register
def _(result: Imported) -> None:
    done = "would import" if result.planned else "imported"
    say(f"{done} {result.imported}, unchanged {result.unchanged}")
    for skipped in result.skipped:
        say(plain(f"skipped line {skipped.line}: {skipped.reason}"))


@show.register
def _(result: Brought) -> None:
    if result.dry_run:
        say(_plan(result) if result.planned or result.skipped else "nothing found")
    else:
        for skipped in result.skipped:
            say(plain(f"skipped {skipped.origin}: {skipped.reason}"))
    done = "would import" if result.dry_run else "imported"
    counts = f"{result.imported}, unchanged {result.unchanged}, skipped {len(result.skipped)}"
    renamed = f"; {len(result.renamed)} under another name, scope or id" if result.renamed else ""
    say(f"{done} {counts}{renamed}")


@show.register
def _(result: Reindexed) -> None:
    say(f"rebuilt the indexes of {many(result.waiting, 'memory')}")


@show.register
def _(result: Synced) -> None:
    say(f"{result.status}: {result.pull} (branch {result.branch})")
    if (pulled := result.reindex) is not None:
        say(f"{pulled.added} added, {pulled.updated} updated, {pulled.removed} removed here")
    if result.pull == "no-remote":
        say("there is no remote to exchange with: set RECOLLECT_GIT__REMOTE_URL")
    for kept in result.conflicts:
        older = f"the older text is kept beside it, as {kept.beside}"
        say(plain(f"both sides changed {at(kept.scope, kept.name)}: {older}"))
    for kept in result.kept:
        say(plain(f"one side deleted {at(kept.scope, kept.name)}, the other changed it: it stays"))


@show.register
def _(result: Checked) -> None:
    for fault in result.faults:
        mended = "mended" if fault.repaired else "not mended"
        what = f"{fault.projection} of {fault.memory_id}" if fault.memory_id else "a file"
        say(plain(f"{what} {fault.problem} ({mended})"))
    if not result.faults:
        say("all is well")


@show.register
def _(result: BackedUp) -> None:
    say(f"copied {many(result.size_bytes, 'byte')}")


@show.register
def _(result: SchemaStatus) -> None:
    if result.migrated:
        say(f"applied {many(result.migrated, 'migration')}")
    behind = result.known - result.applied
    say(f"{many(behind, 'migration')} to apply" if behind else "the schema is up to date")


@show.register
def _(result: Copied) -> None:
    table = columns("tenant", "table", "rows", "there", "sha256", "")
    for found in result.tables:
        same = ("the same", "green") if found.same else ("differs", "bold red")
        table.add_row(
            found.tenant,
            found.table,
            str(found.source.rows),
            str(found.target.rows),
            found.source.sha256[:_SHOWN_OF_DIGESTS],
            Text.assemble(same),
        )
    say(table)
    say(plain(result.problem or "everything is there"))


@show.register
def _(result: Abandoned) -> None:
    for tenant in result.tenants:
        say(plain(f"took out the unfinished copy of the tenant {tenant}"))


@show.register
def _(result: Warm) -> None:
    cache = f", kept prepared in {result.cache}" if result.cache else ""
    say(plain(f"{result.model} is ready: {result.source}{cache}"))
    if result.embedded:
        say(f"embedded {many(result.embedded, 'memory')} that waited for it")


@show.register
def _(result: Diagnosis) -> None:
    for finding in result.findings:
        mark = ("ok   ", "green") if finding.ok else ("wrong", "bold red")
        say(Text.assemble(mark, " ", (finding.name, "cyan"), " ", plain(finding.detail)))


@show.register
def _(result: SignedIn) -> None:
    say(plain(f"the token for {result.host}, {_ending(result)}, is kept in {result.place}"))
    if not result.in_use:
        say("this token is not the one in use: see recollect auth status")


@show.register
def _(result: SignInStatus) -> None:
    if result.source is None:
        say(f"no token for {result.host} is set")
    else:
        say(f"the token for {result.host}, {_ending(result)}, comes from {result.source}")


@show.register
def _(result: SignedOut) -> None:
    for place in result.deleted:
        say(plain(f"deleted the token from {place}"))
    for problem in result.failed:
        say(plain(f"not deleted: {problem}"))
    if not result.deleted and not result.failed:
        say("no store holds a token")
    if result.in_environment:
        say(
            "the environment still gives one: unset RECOLLECT_GIT__AUTH__TOKEN "
            "or MEMORY_MCP_GITHUB_TOKEN"
        )


def _add_verdicts(table: Table, label: str, verdicts: Verdicts) -> None:
    judged = verdicts.total - verdicts.unknown
    table.add_row(
        plain(label),
        str(verdicts.total),
        str(verdicts.applied),
        str(verdicts.maybe),
        str(verdicts.not_applied),
        str(verdicts.unknown),
        f"{verdicts.applied / judged:.0%}" if judged else "",
    )


def _plan(result: Brought) -> Table:
    table = columns("", "from", "to")
    for arrival in result.planned:
        to = at(arrival.scope or "", arrival.name) if arrival.name is not None else "a link"
        table.add_row(arrival.change, plain(arrival.origin), plain(to))
    for skipped in result.skipped:
        table.add_row("skipped", plain(skipped.origin), plain(skipped.reason))
    return table


def _ending(result: SignedIn | SignInStatus) -> str:
    return f"ending in {result.ending}"
