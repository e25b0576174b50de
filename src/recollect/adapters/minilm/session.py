"""The typed front of onnxruntime, which ships no types."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np

from recollect.domain.passages import FloatVector
from recollect.errors import EmbedderUnavailable

_INPUT = "input_ids"
_ERRORS_ONLY = 3
# Adding and normalising in one step takes 32 us instead of 15 in two, twelve times in a text.
_SLOWER = ("SkipLayerNormFusion",)


class Session:
    """A loaded graph that turns the tokens of one text into one vector.

    Runs on the calling thread alone, and any number of threads may call at once: with texts this
    short a thread per text beats several threads on one text, and nothing spins while idle.
    """

    def __init__(self, graph: Path) -> None:
        with _translated_errors() as runtime:
            options = runtime.SessionOptions()
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            options.log_severity_level = _ERRORS_ONLY
            # An arena keeps what the longest text ever needed, and patterns one plan per length
            # of text: 40 MB more after 300 long texts, and not faster.
            options.enable_cpu_mem_arena = False
            options.enable_mem_pattern = False
            providers = ["CPUExecutionProvider"]
            self._session = runtime.InferenceSession(
                str(graph), options, providers=providers, disabled_optimizers=_SLOWER
            )

    def run(self, ids: Sequence[int]) -> FloatVector:
        """Return the vector of one text, (dimensions,) float32, unit length.

        Args:
            ids: Its token ids, special tokens included; at least one, at most 256.

        Raises:
            EmbedderUnavailable: The graph could not be run.
        """
        with _translated_errors():
            outputs = self._session.run(None, {_INPUT: np.array([ids], dtype=np.int64)})
        return cast("FloatVector", outputs[0][0])


@contextmanager
def _translated_errors() -> Generator[Any]:
    """Give the onnxruntime module; its errors leave as EmbedderUnavailable."""
    import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

    # They share no base class of their own, and only this module lists them.
    names = vars(import_module("onnxruntime.capi.onnxruntime_pybind11_state")).values()
    kinds = (kind for kind in names if isinstance(kind, type))
    errors = tuple(kind for kind in kinds if issubclass(kind, Exception))
    try:
        yield onnxruntime
    except errors as error:
        raise EmbedderUnavailable(
            f"onnxruntime cannot run the embedding model ({type(error).__name__}); "
            "update it, or empty the model cache folder and run `recollect warmup`"
        ) from error
