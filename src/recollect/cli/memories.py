"""Commands about memories: store, find, read, change, list, forget."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from recollect.cli import options as o
from recollect.cli.advice import advise
from recollect.cli.reading import content_of, named
from recollect.cli.session import session_of
from recollect.domain.feedback import Confidence, Verdict
from recollect.domain.scopes import Look


class Clearable(StrEnum):
    """A field that an edit can empty."""

    TAGS = "tags"
    METADATA = "metadata"
    SOURCE = "source"
    IMPORTANCE = "importance"
    EXPIRES_AT = "expires-at"


_EMPTIED: Mapping[Clearable, tuple[str, Any]] = {
    Clearable.TAGS: ("tags", ()),
    Clearable.METADATA: ("metadata", {}),
    Clearable.SOURCE: ("source", None),
    Clearable.IMPORTANCE: ("importance", None),
    Clearable.EXPIRES_AT: ("expires_at", None),
}


def remember(
    context: typer.Context,
    *,
    content: o.Content = None,
    file: o.ContentFile = None,
    scope: o.Scope = "",
    name: Annotated[
        str | None, typer.Option(help="Unique in the scope; made from the text when left out.")
    ] = None,
    tag: o.SetTags = None,
    metadata: o.Metadata = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    external_id: Annotated[str | None, typer.Option(help="What it is called elsewhere.")] = None,
    occurred_at: o.OccurredAt = None,
    importance: Annotated[float | None, typer.Option(help="0 to 1.")] = None,
    expires_at: o.ExpiresAt = None,
    if_absent: Annotated[
        bool, typer.Option("--if-absent", help="Refuse to replace a note.")
    ] = False,
    expected_revision: o.Revision = None,
    as_json: o.AsJson = False,
) -> None:
    """Store a note, or replace the one of the same scope and name."""
    session = session_of(context, as_json=as_json)
    text = content_of(content, file)
    if text is None:
        raise typer.BadParameter("give the text, --file, or - for standard input")
    with session.open() as client:
        stored = client.remember(
            text,
            scope=scope,
            name=name,
            tags=tag or (),
            metadata=metadata,
            source=source,
            external_id=external_id,
            occurred_at=occurred_at,
            importance=importance,
            expires_at=expires_at,
            if_absent=if_absent,
            expected_revision=expected_revision,
        )
    session.give(stored)


def recall(
    context: typer.Context,
    *,
    query: Annotated[str, typer.Argument(help="A question or some words; - reads standard input.")],
    scope: o.Scope = "",
    look: o.Looking = Look.EXACT,
    kind: o.Kinds = None,
    tag: o.WithTags = None,
    filter: o.Filter = None,
    occurred_after: o.OccurredAfter = None,
    occurred_before: o.OccurredBefore = None,
    valid_at: o.ValidAt = None,
    known_at: o.KnownAt = None,
    limit: Annotated[int, typer.Option(help="At most so many, 1 to 1000.")] = 10,
    max_tokens: Annotated[
        int | None, typer.Option(help="As many as fit in so many tokens.")
    ] = None,
    before: Annotated[int, typer.Option(help="Earlier messages to give with each.")] = 0,
    after: Annotated[int, typer.Option(help="Later messages to give with each.")] = 0,
    expand: Annotated[int, typer.Option(help="So many on both sides.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Give the features behind each score.")
    ] = False,
    as_json: o.AsJson = False,
) -> None:
    """Ask a question; the memories that answer it best come first."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        found = client.recall(
            content_of(query, None) or "",
            scope=scope,
            look=look,
            kinds=kind or (),
            tags=tag or (),
            filter=filter,
            occurred_after=occurred_after,
            occurred_before=occurred_before,
            valid_at=valid_at,
            known_at=known_at,
            limit=limit,
            max_tokens=max_tokens,
            before=before,
            after=after,
            expand=expand,
            explain=explain,
        )
        session.give(found)
        if not session.as_json:
            degraded = found.degraded
            advise(client, found=len(found.results), scope=scope, look=look, degraded=degraded)


def read(
    context: typer.Context,
    *,
    reference: o.Reference,
    scope: o.Scope = "",
    as_json: o.AsJson = False,
) -> None:
    """Read one memory whole."""
    session = session_of(context, as_json=as_json)
    memory_id, name = named(reference)
    with session.open() as client:
        memory = client.read(memory_id, scope=scope, name=name)
    session.give(memory)


def edit(
    context: typer.Context,
    *,
    reference: o.Reference,
    content: o.Content = None,
    file: o.ContentFile = None,
    scope: o.Scope = "",
    tag: o.SetTags = None,
    metadata: o.Metadata = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    importance: Annotated[float | None, typer.Option(help="0 to 1.")] = None,
    expires_at: o.ExpiresAt = None,
    clear: Annotated[
        list[Clearable] | None,
        typer.Option(
            metavar="FIELD",
            help="Empty tags, metadata, source, importance or expires-at; repeatable.",
        ),
    ] = None,
    expected_revision: o.Revision = None,
    as_json: o.AsJson = False,
) -> None:
    """Change a memory in place; what is left out stays."""
    session = session_of(context, as_json=as_json)
    memory_id, name = named(reference)
    given: dict[str, Any] = {
        "content": content_of(content, file),
        "tags": tag,
        "metadata": metadata,
        "source": source,
        "importance": importance,
        "expires_at": expires_at,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    changes |= dict(_EMPTIED[field] for field in clear or ())
    with session.open() as client:
        changed = client.edit(
            memory_id, scope=scope, name=name, expected_revision=expected_revision, **changes
        )
    session.give(changed)


def move(
    context: typer.Context,
    *,
    reference: o.Reference,
    scope: o.Scope = "",
    to_scope: Annotated[
        str | None, typer.Option(help="Where it goes; the same scope when left out.")
    ] = None,
    new_name: Annotated[str | None, typer.Option(help="The same name when left out.")] = None,
    expected_revision: o.Revision = None,
    as_json: o.AsJson = False,
) -> None:
    """Move a note to another scope, or rename it."""
    session = session_of(context, as_json=as_json)
    memory_id, name = named(reference)
    with session.open() as client:
        if to_scope is None:
            to_scope = client.read(memory_id, scope=scope, name=name).scope
        moved = client.move(
            memory_id,
            scope=scope,
            name=name,
            to_scope=to_scope,
            new_name=new_name,
            expected_revision=expected_revision,
        )
    session.give(moved)


def forget(
    context: typer.Context,
    *,
    reference: o.MaybeReference = None,
    scope: o.Scope = "",
    expected_revision: o.Revision = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Forget every memory of the scope.")
    ] = False,
    subtree: Annotated[
        bool, typer.Option("--subtree", help="With --all: what lies below too.")
    ] = False,
    kind: o.Kinds = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: do not ask.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Take a memory, or all of a scope, out of every answer; history stays."""
    session = session_of(context, as_json=as_json)
    if everything:
        _confirm(scope, yes=yes)
    memory_id, name = (None, None) if everything else named(reference)
    with session.open() as client:
        if everything:
            look = Look.SUBTREE if subtree else Look.EXACT
            gone = client.forget_scope(scope, look=look, kinds=kind or (), confirm=True)
        else:
            gone = client.forget(
                memory_id, scope=scope, name=name, expected_revision=expected_revision
            )
    session.give(gone)


def _confirm(scope: str, *, yes: bool) -> None:
    if not yes:
        place = f"the scope {scope}" if scope else "the root scope"
        typer.confirm(f"Forget every memory of {place}?", abort=True, err=True)


def erase(
    context: typer.Context,
    *,
    reference: o.Reference,
    scope: o.Scope = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: o.AsJson = False,
) -> None:
    """Delete a memory for good, with all its revisions; a forgotten one by its id."""
    session = session_of(context, as_json=as_json)
    memory_id, name = named(reference)
    if not yes:
        typer.confirm("Delete it for good, with its history?", abort=True, err=True)
    with session.open() as client:
        erased = client.erase(memory_id, scope=scope, name=name)
    session.give(erased)


def list_(
    context: typer.Context,
    *,
    scope: o.Scope = "",
    look: o.Looking = Look.EXACT,
    kind: o.Kinds = None,
    name: Annotated[str | None, typer.Option(help="Only notes of this name.")] = None,
    tag: o.WithTags = None,
    filter: o.Filter = None,
    cursor: Annotated[str | None, typer.Option(help="The next_cursor of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, 1 to 1000.")] = 50,
    as_json: o.AsJson = False,
) -> None:
    """List memories by scope, name and time, page by page."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        page = client.list(
            scope=scope,
            look=look,
            kinds=kind or (),
            name=name,
            tags=tag or (),
            filter=filter,
            cursor=cursor,
            limit=limit,
        )
        session.give(page)
        if not session.as_json:
            advise(client, found=page.count, scope=scope, look=look)


def history(
    context: typer.Context,
    *,
    reference: o.Reference,
    scope: o.Scope = "",
    as_json: o.AsJson = False,
) -> None:
    """List the revisions of a memory, oldest first; of a forgotten one by its id."""
    session = session_of(context, as_json=as_json)
    memory_id, name = named(reference)
    with session.open() as client:
        revisions = client.history(memory_id, scope=scope, name=name)
    session.give(revisions)


def mark(
    context: typer.Context,
    *,
    recall_id: Annotated[str, typer.Argument(help="Of the answer, as --json shows it.")],
    memory: Annotated[str, typer.Argument(metavar="NAME|ID", help="Of the memory.")],
    verdict: Annotated[Verdict, typer.Argument(help="Whether it was of use.")],
    scope: Annotated[
        str | None, typer.Option(help="Tells memories of one name apart; '' is the root.")
    ] = None,
    application: Annotated[str | None, typer.Option(help="What it was used for.")] = None,
    confidence: Annotated[Confidence, typer.Option(help="How sure you are.")] = Confidence.MEDIUM,
    as_json: o.AsJson = False,
) -> None:
    """Report what became of a recalled memory; the first verdict on it stays."""
    session = session_of(context, as_json=as_json)
    with session.open() as client:
        marked = client.mark_applied(
            recall_id,
            memory,
            verdict,
            scope=scope,
            application=application,
            confidence=confidence,
        )
    session.give(marked)
