"""Evaluations in a store of their own, that is gone afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from recollect.app.wiring import open_context
from recollect.domain.ranking import weights_json
from recollect.errors import InvalidRequest
from recollect.evaluation import datasets
from recollect.evaluation.run import VERSION, Choice, Progress, Report, evaluate, gather
from recollect.evaluation.training import train
from recollect.settings import Settings, SqliteStoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What to evaluate: the data set that the file must hold, and which weights rank."""

    name: str
    file: Path
    choice: Choice


async def run_evaluation(settings: Settings, wanted: Evaluation, progress: Progress) -> Report:
    """Store a data set's conversations, ask its questions, and measure the answers.

    Raises:
        InvalidRequest: The file does not hold this data set.
        EmbedderUnavailable: There is no model; without one there is nothing to compare.
    """
    dataset = datasets.load(wanted.file)
    if dataset.name != wanted.name:
        raise InvalidRequest(f"{wanted.file} holds {dataset.name}, not {wanted.name}")
    with TemporaryDirectory() as folder:
        async with open_context(_apart(settings, folder)) as (context, embedders):
            await embedders.embedder.load()
            return await evaluate(context, dataset, wanted.choice, progress)


async def run_training(settings: Settings, files: Sequence[Path], progress: Progress) -> str:
    """Learn weights from these data sets, each weighing the same; the text of a weights file.

    Raises:
        InvalidRequest, EmbedderUnavailable: As for `run_evaluation`.
    """
    with TemporaryDirectory() as folder:
        async with open_context(_apart(settings, folder)) as (context, embedders):
            await embedders.embedder.load()
            asked = [
                question
                for file in files
                for question in await gather(context, datasets.load(file), progress)
            ]
    return weights_json(train((question.example for question in asked), VERSION))


def _apart(settings: Settings, folder: str) -> Settings:
    return settings.model_copy(update={"data_dir": Path(folder), "store": SqliteStoreSettings()})
