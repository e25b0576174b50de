"""Puts the model together: weights, tokenizer, cached graph, session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio.to_thread
import numpy as np

from recollect.adapters.minilm.graph import MAX_TOKENS, build_graph, cached_graph
from recollect.adapters.minilm.session import Session
from recollect.adapters.minilm.tokens import load_tokenizer, model_input
from recollect.adapters.minilm.weights import Places, Weights, fetch_weights, find_weights
from recollect.domain.passages import FloatMatrix
from recollect.errors import EmbedderUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model that is ready.

    Attributes:
        source: Tells a person where the weights come from.
        encode: Returns one vector per text, (len(texts), dimensions) float32, unit length. It
            blocks, and any number of threads may call it at once.
    """

    source: str
    encode: Callable[[Sequence[str]], FloatMatrix]


async def load_model(places: Places, *, allow_download: bool) -> LoadedModel:
    """Load the model, and before that build its graph if the cache has none.

    Raises:
        EmbedderUnavailable: The weights are missing or wrong, or the cache cannot be written.
    """
    try:
        weights = await anyio.to_thread.run_sync(find_weights, places)
    except EmbedderUnavailable:
        if not allow_download or places.weights_folder is not None:
            raise
        weights = await fetch_weights(places)
    return await anyio.to_thread.run_sync(_assemble, places, weights)


def _assemble(places: Places, weights: Weights) -> LoadedModel:
    tokenizer = load_tokenizer(weights.tokenizer_path)
    try:
        graph = cached_graph(places.cache_folder) or build_graph(weights, places.cache_folder)
    except OSError as error:
        raise EmbedderUnavailable(
            f"cannot use the model cache in {places.cache_folder}: {error.strerror}; "
            "make the folder writable or configure another one"
        ) from error
    session = Session(graph)

    def encode(texts: Sequence[str]) -> FloatMatrix:
        return np.stack([session.run(model_input(tokenizer, text, MAX_TOKENS)) for text in texts])

    return LoadedModel(source=weights.source, encode=encode)
