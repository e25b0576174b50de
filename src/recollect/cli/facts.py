"""Commands about facts: store and correct."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from recollect.cli import options as o
from recollect.cli.reading import ID_PREFIX, content_of
from recollect.cli.session import session_of

_CATEGORY = typer.Option(help="Where it is filed, such as profile.")
_TAG = typer.Option(help="Where in the category, such as Home.")
_FEATURE = typer.Option(help="What it says something about, such as city.")
Cites = Annotated[
    list[str] | None,
    typer.Option("--cites", metavar="ID", help="A message that supports it; repeatable."),
]


class Since(StrEnum):
    """A time that a correction can take away."""

    VALID_FROM = "valid-from"
    VALID_TO = "valid-to"


def learn(
    context: typer.Context,
    *,
    content: o.Content = None,
    file: o.ContentFile = None,
    category: Annotated[str, _CATEGORY],
    tag: Annotated[str, _TAG],
    feature: Annotated[str, _FEATURE],
    scope: o.Scope = "",
    set_id: Annotated[str, typer.Option(help="A set of the scope; '' is its own.")] = "",
    cites: Cites = None,
    valid_from: o.ValidFrom = None,
    valid_to: o.ValidTo = None,
    metadata: o.Metadata = None,
    source: Annotated[str | None, typer.Option(help="Where it comes from.")] = None,
    occurred_at: o.OccurredAt = None,
    importance: Annotated[float | None, typer.Option(help="0 to 1.")] = None,
    expires_at: o.ExpiresAt = None,
    as_json: o.AsJson = False,
) -> None:
    """Store a new fact: one statement that can be understood alone."""
    session = session_of(context, as_json=as_json)
    text = content_of(content, file)
    if text is None:
        raise typer.BadParameter("give the text, --file, or - for standard input")
    with session.open() as client:
        learned = client.learn(
            text,
            category=category,
            tag=tag,
            feature=feature,
            scope=scope,
            set_id=set_id,
            citations=cites or (),
            valid_from=valid_from,
            valid_to=valid_to,
            metadata=metadata,
            source=source,
            occurred_at=occurred_at,
            importance=importance,
            expires_at=expires_at,
        )
    session.give(learned)


def correct(
    context: typer.Context,
    *,
    fact: Annotated[str, typer.Argument(metavar="ID", help="The fact's id.")],
    content: o.Content = None,
    file: o.ContentFile = None,
    category: Annotated[str | None, _CATEGORY] = None,
    tag: Annotated[str | None, _TAG] = None,
    feature: Annotated[str | None, _FEATURE] = None,
    metadata: o.Metadata = None,
    cites: Cites = None,
    valid_from: o.ValidFrom = None,
    valid_to: o.ValidTo = None,
    clear: Annotated[
        list[Since] | None,
        typer.Option(metavar="FIELD", help="Take valid-from or valid-to away; repeatable."),
    ] = None,
    expected_revision: o.Revision = None,
    as_json: o.AsJson = False,
) -> None:
    """Say what became of a fact; the old text stays true for its time."""
    session = session_of(context, as_json=as_json)
    given: dict[str, Any] = {
        "content": content_of(content, file),
        "category": category,
        "tag": tag,
        "feature": feature,
        "metadata": metadata,
        "citations": cites,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "expected_revision": expected_revision,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    changes |= {field.replace("-", "_"): None for field in clear or ()}
    with session.open() as client:
        corrected = client.correct(fact.removeprefix(ID_PREFIX), **changes)
    session.give(corrected)
