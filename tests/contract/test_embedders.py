"""What every embedder promises."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.embedders import EMBEDDERS
from tests.local_servers import served
from tests.model_hosts import ModelHost

from recollect.app.wiring import Model, open_model
from recollect.settings import EmbedderSettings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    with served(ModelHost().app()) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=EMBEDDERS)
async def model(request: pytest.FixtureRequest, url: str, folder: Path) -> AsyncGenerator[Model]:
    async with open_model(EMBEDDERS[request.param](url, folder)) as model:
        await model.embedder.load()
        yield model


def test_every_embedder_that_can_be_chosen_is_held_to_the_contract() -> None:
    choices = get_args(get_args(EmbedderSettings)[0])
    assert set(EMBEDDERS) == {choice.model_fields["kind"].default for choice in choices}


async def test_vectors_have_unit_length_and_the_promised_shape(model: Model) -> None:
    texts = [f"Heron {number} stands in the river." for number in range(150)]
    vectors = await model.embedder.embed(texts, purpose="document")

    assert vectors.shape == (len(texts), model.embedder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_vectors_come_in_the_order_of_the_texts(model: Model) -> None:
    texts = ["A heron stands in the river.", "The train leaves at noon.", "Tea, without milk."]
    together = await model.embedder.embed(texts, purpose="document")
    alone = [await model.embedder.embed([text], purpose="query") for text in texts]

    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
    assert (together @ together.T).argmax(axis=1).tolist() == [0, 1, 2]


async def test_nothing_to_embed_gives_an_empty_matrix(model: Model) -> None:
    vectors = await model.embedder.embed([], purpose="document")

    assert vectors.shape == (0, model.embedder.dimensions)


async def test_a_text_without_words_has_a_vector(model: Model) -> None:
    texts = ["", " \n", "\x00", "🦊"]
    vectors = await model.embedder.embed(texts, purpose="document")

    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_a_text_of_any_length_has_a_vector(model: Model) -> None:
    (vector,) = await model.embedder.embed(["heron, " * 50_000], purpose="query")

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


async def test_a_loaded_embedder_has_no_problem_and_names_its_source(model: Model) -> None:
    await model.embedder.load()

    assert model.embedder.problem is None
    assert model.embedder.source


async def test_the_key_of_the_token_counter_can_be_part_of_a_models_key(model: Model) -> None:
    assert model.tokens.key
    assert "/" not in model.tokens.key


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
async def test_token_spans_are_ordered_and_inside_the_text(model: Model, text: str) -> None:
    spans = model.tokens.spans(text)

    assert spans == sorted(spans)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert bool(spans) >= any(character.isalnum() for character in text)
