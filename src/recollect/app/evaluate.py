"""Evaluations in a store of their own, that is gone afterwards."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from recollect.app.wiring import open_context
from recollect.domain.ranking import weights_json
from recollect.evaluation import datasets
from recollect.evaluation.run import VERSION, Choice, Progress, Report, evaluate, gather
from recollect.evaluation.training import train
from recollect.settings import Settings, SqliteStoreSettings


async def run_evaluation(
    settings: Settings, file: Path, choice: Choice, progress: Progress
) -> Report:
    """Evaluate the data set of this file.

    Raises:
        InvalidRequest: The file is no data set.
        EmbedderUnavailable: There is no model; without one there is nothing to compare.
    """
    dataset = datasets.load(file)
    with TemporaryDirectory() as folder:
        async with open_context(_apart(settings, folder)) as (context, model):
            await model.embedder.load()
            return await evaluate(context, dataset, choice, progress)


async def run_training(settings: Settings, files: Sequence[Path], progress: Progress) -> str:
    """Learn weights from these data sets, each weighing the same; the text of a weights file.

    Raises:
        InvalidRequest, EmbedderUnavailable: As for `run_evaluation`.
    """
    with TemporaryDirectory() as folder:
        async with open_context(_apart(settings, folder)) as (context, model):
            await model.embedder.load()
            asked = [
                question
                for file in files
                for question in await gather(context, datasets.load(file), progress)
            ]
    return weights_json(train((question.example for question in asked), VERSION))


def _apart(settings: Settings, folder: str) -> Settings:
    return settings.model_copy(update={"data_dir": Path(folder), "store": SqliteStoreSettings()})
