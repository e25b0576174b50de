"""Commands about conversations."""

from typing import Annotated

import typer

from recollect.cli import options as o
from recollect.cli.reading import content_of
from recollect.cli.session import session_of


def context(
    context: typer.Context,
    *,
    question: Annotated[
        str | None, typer.Argument(help="What is about to be answered; - reads standard input.")
    ] = None,
    scope: o.Scope = "",
    session: Annotated[str, typer.Option(help="Which conversation in the scope.")] = "",
    max_tokens: Annotated[int, typer.Option(help="The most that the text may take.")] = 2000,
    summary: Annotated[
        bool, typer.Option(help="Tell what the session's earlier messages were about.")
    ] = True,
    recent: Annotated[bool, typer.Option(help="Give the session's newest messages.")] = True,
    older: Annotated[bool, typer.Option(help="Recall messages for the question.")] = True,
    facts: Annotated[bool, typer.Option(help="Give facts.")] = True,
    as_json: o.AsJson = False,
) -> None:
    """Give what a prompt should hold of a conversation, within a budget."""
    run = session_of(context, as_json=as_json)
    with run.open() as client:
        prompt = client.context(
            content_of(question, None),
            scope=scope,
            session=session,
            max_tokens=max_tokens,
            summary=summary,
            recent=recent,
            older=older,
            facts=facts,
        )
    run.give(prompt)
