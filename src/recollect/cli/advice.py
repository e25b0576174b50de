"""What people are told beside an answer: why it is empty, or not as good as it could be."""

from typing import TYPE_CHECKING

import typer

from recollect.domain.scopes import Look, ScopeSet

if TYPE_CHECKING:
    from recollect.client.blocking import Client
    from recollect.operations import Figures


def advise(
    client: "Client", *, found: int, scope: str, look: Look, degraded: list[str] | None = None
) -> None:
    """Say on standard error where else to look, and what to do about a search by words alone."""
    if found and not degraded:
        return
    figures = client.stats()
    if not found:
        _elsewhere(figures, ScopeSet.of(scope, look))
    if degraded:
        _by_words(figures)


def _elsewhere(figures: "Figures", seen: ScopeSet) -> None:
    count = sum(n for scope, n in figures.by_scope.items() if not seen.covers(scope))
    if count:
        typer.echo(
            f"there are memories in other scopes ({count}): look at all of them with --look all, "
            "or at one with --scope",
            err=True,
        )


def _by_words(figures: "Figures") -> None:
    if figures.problem:
        told = f"searched by words only: {figures.problem}"
    else:
        told = (
            f"search by meaning is not at its best ({figures.waiting} wait to be embedded); "
            "`recollect warmup` embeds what waits"
        )
    typer.echo(told, err=True)
