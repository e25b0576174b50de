"""Options that several commands share."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from recollect.domain.memory import Kind
from recollect.domain.scopes import Look


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a time looks like 2026-05-04 or 2026-05-04T18:02:00Z") from None


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        value: object = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise typer.BadParameter("metadata is a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]


def _time_option(help: str) -> Any:
    return typer.Option(parser=_time, metavar="TIME", help=f"{help} UTC without a zone.")


AsJson = Annotated[bool, typer.Option("--json", help="Answer with JSON, as REST does.")]
Scope = Annotated[str, typer.Option(help="A path such as acme/api; '' is the root.")]
Looking = Annotated[Look, typer.Option("--look", help="How far around the scope.")]
Kinds = Annotated[
    list[Kind] | None,
    typer.Option("--kind", metavar="KIND", help="Only note, episode or fact; repeatable."),
]
WithTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only with this tag; repeatable.")
]
Filter = Annotated[
    str | None,
    typer.Option(help="Such as \"m.topic = 'tea' AND created_at >= date('2026-01-01')\"."),
]
OccurredAt = Annotated[datetime | None, _time_option("When it happened; now when left out.")]
ExpiresAt = Annotated[datetime | None, _time_option("From then on it is in no answer.")]
OccurredAfter = Annotated[datetime | None, _time_option("Only what happened then or later.")]
OccurredBefore = Annotated[datetime | None, _time_option("Only what happened before that.")]
ValidFrom = Annotated[datetime | None, _time_option("True from then on.")]
ValidTo = Annotated[datetime | None, _time_option("True until then.")]
ValidAt = Annotated[datetime | None, _time_option("Facts as they were true then, not now.")]
KnownAt = Annotated[datetime | None, _time_option("What was known then, as it was worded then.")]
Metadata = Annotated[
    Mapping[str, Any] | None,
    typer.Option(parser=_json_object, metavar="JSON", help="A JSON object."),
]
SetTags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Repeatable.")]
Revision = Annotated[
    int | None, typer.Option("--expected-revision", help="Only if it is at this revision.")
]
_REFERENCE = typer.Argument(
    metavar="NAME|ID", help="A note's name in the scope, a UUID, or id:... for another id."
)
Reference = Annotated[str, _REFERENCE]
MaybeReference = Annotated[str | None, _REFERENCE]
Content = Annotated[str | None, typer.Argument(help="The text; - reads standard input.")]
ContentFile = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="Read the text from this file."),
]
