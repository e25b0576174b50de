"""Commands that measure recall on data sets, and learn its weights."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recollect.cli import options as o
from recollect.cli.session import session_of

if TYPE_CHECKING:
    from recollect.evaluation.run import Report

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Measure recall on data sets, or learn its weights from them.",
)


class WeightsChoice(StrEnum):
    """Which weights rank."""

    SHIPPED = "shipped"
    LEAVE_ONE_OUT = "leave-one-out"


File = Annotated[Path, typer.Argument(metavar="FILE", help="The data set, a JSON file.")]
Weights = Annotated[
    WeightsChoice,
    typer.Option(help="The weights that are shipped, or for each conversation those learned "
                 "from the others."),
]  # fmt: skip


@app.command()
def locomo(
    context: typer.Context,
    file: File,
    *,
    weights: Weights = WeightsChoice.SHIPPED,
    as_json: o.AsJson = False,
) -> None:
    """Measure recall on LoCoMo: long chats of two people."""
    _evaluate(context, file, "locomo", weights, as_json=as_json)


@app.command()
def beam(
    context: typer.Context,
    file: File,
    *,
    weights: Weights = WeightsChoice.SHIPPED,
    as_json: o.AsJson = False,
) -> None:
    """Measure recall on BEAM: long chats with an assistant."""
    _evaluate(context, file, "beam", weights, as_json=as_json)


@app.command()
def train(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Data sets.")],
    *,
    out: Annotated[Path, typer.Option(help="Where to write the weights.")] = Path("weights.json"),
) -> None:
    """Learn weights from data sets, each weighing the same, and write them to a file."""
    import anyio

    from recollect.app.evaluate import run_training

    with _progress() as tell:
        text = anyio.run(run_training, session_of(context).settings(), files, tell)
    out.write_text(text, encoding="utf-8")


def _evaluate(
    context: typer.Context, file: Path, name: str, weights: WeightsChoice, *, as_json: bool
) -> None:
    import anyio

    from recollect.app.evaluate import Evaluation, run_evaluation

    session = session_of(context, as_json=as_json)
    wanted = Evaluation(name=name, file=file, choice=weights.value)
    with _progress() as tell:
        report = anyio.run(run_evaluation, session.settings(), wanted, tell)
    if session.as_json:
        session.give(report)
    else:
        _show(report)


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for category in (None, *next(iter(report.methods.values())).by_category):
        title = f"{report.dataset}: " + ("overall" if category is None else f"category {category}")
        table = Table(title=title, title_justify="left")
        metrics = next(iter(report.methods.values())).overall
        for heading in ("method", *metrics):
            table.add_column(heading, justify="left" if heading == "method" else "right")
        for method, measured in report.methods.items():
            row = measured.overall if category is None else measured.by_category[category]
            table.add_row(method, *(f"{value:.3f}" for value in row.values()))
        console.print(table)
    console.print(f"{report.questions} questions, {report.skipped} skipped for lack of evidence")


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None]]:
    """A bar on standard error, if that is a terminal."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )
