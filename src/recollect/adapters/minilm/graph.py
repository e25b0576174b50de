"""Builds the int8 ONNX graph from the published weights, and keeps it in a cache folder."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from recollect.adapters.minilm.weights import WEIGHTS_SHA256, Weights, verify
from recollect.domain.passages import FloatMatrix, FloatVector

if TYPE_CHECKING:
    import onnx

Tensors: TypeAlias = dict[str, NDArray[np.float32]]

BUILDER_VERSION: Final = 2
"""Goes up whenever the graph that this module builds changes."""

DIMENSIONS: Final = 384
MAX_TOKENS: Final = 256
"""The model was trained on 128 tokens and is published with this limit, special ones included."""

_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
_INT8_MAX: Final = 127
_MICROSOFT: Final = "com.microsoft"
_STEM: Final = f"all-MiniLM-L6-v2-int8-v{BUILDER_VERSION}-{WEIGHTS_SHA256[:8]}"
_DIGEST_CHARACTERS: Final = 32


def cached_graph(cache_folder: Path) -> Path | None:
    """Return the graph in the cache whose content still has the hash in its name; else None."""
    for path in sorted(cache_folder.glob(f"{_STEM}-*.onnx")):
        if _file_name(path.read_bytes()) == path.name:
            return path
    return None


def build_graph(weights: Weights, cache_folder: Path) -> Path:
    """Build the graph into the cache and return its path, in place of a damaged one.

    Takes about a second. Several processes may build at once: each writes a file of its own and
    renames it, and what they write is the same.

    Raises:
        EmbedderUnavailable: The weights are not the published ones.
    """
    verify(weights)
    content = serialise(weights.model_path)
    cache_folder.mkdir(parents=True, exist_ok=True)
    target = cache_folder / _file_name(content)
    _write(target, content)
    return target


def serialise(model_path: Path) -> bytes:
    """Return the ONNX file of the model whose safetensors file is given."""
    from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

    tensors = cast("Tensors", load_file(model_path))
    return _GraphBuilder(tensors).build().SerializeToString(deterministic=True)


def _file_name(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{_STEM}-{digest}.onnx"


def _write(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".building-", suffix=".onnx")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class _GraphBuilder:
    """Lays out BERT with mean pooling; input `input_ids` (1, S), output (1, dimensions).

    One text at a time and hence no attention mask: int8 scales its activations over the whole
    input, so the company of other texts would change a text's vector (cosine .992 measured), and
    sharing a run makes texts no faster. Weights are int8 with a scale per output channel,
    the embedding table per word; activations are quantised as they come.
    The token type is always 0, so its row is added into the position table.
    """

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self) -> "onnx.ModelProto":
        from onnx import TensorProto, helper

        hidden = self._embed()
        for layer in range(_LAYERS):
            hidden = self._encode(hidden, f"encoder.layer.{layer}.")
        mean = self._node("ReduceMean", [hidden, self._constant("axis", np.array([1]))], keepdims=0)
        self._node("LpNormalization", [mean], output="embedding", axis=-1, p=2)
        graph = helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSIONS])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=9, producer_name="recollect"
        )

    def _embed(self) -> str:
        """Add the int8 word vectors and the positions, and normalise."""
        from onnx import TensorProto

        quantised, scales = _quantise(self._tensors["embeddings.word_embeddings.weight"])
        words = self._node("Gather", [self._constant("words", quantised), "input_ids"])
        scale = self._node("Gather", [self._constant("scales", scales[:, None]), "input_ids"])
        words = self._node("Mul", [self._node("Cast", [words], to=TensorProto.FLOAT), scale])
        table = self._tensors["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        table = table + self._tensors["embeddings.token_type_embeddings.weight"][0]
        bounds = [
            self._constant("first", np.array([0])),
            self._node("Shape", ["input_ids"], start=1),
            self._constant("rows", np.array([0])),
        ]
        places = self._node("Slice", [self._constant("positions", table), *bounds])
        return self._add_and_norm(words, places, "embeddings.LayerNorm")

    def _encode(self, hidden: str, prefix: str) -> str:
        """Add one transformer layer."""
        context = self._attend(hidden, f"{prefix}attention.self.")
        context = self._linear(context, f"{prefix}attention.output.dense")
        hidden = self._add_and_norm(context, hidden, f"{prefix}attention.output.LayerNorm")
        wide = self._linear(hidden, f"{prefix}intermediate.dense")
        wide = self._node("Gelu", [wide], domain=_MICROSOFT)
        narrow = self._linear(wide, f"{prefix}output.dense")
        return self._add_and_norm(narrow, hidden, f"{prefix}output.LayerNorm")

    def _attend(self, hidden: str, prefix: str) -> str:
        """Add self-attention, with query, key and value in one matrix."""
        parts = ("query", "key", "value")
        weight = np.concatenate([self._tensors[f"{prefix}{part}.weight"] for part in parts])
        bias = np.concatenate([self._tensors[f"{prefix}{part}.bias"] for part in parts])
        quantised, scales = _quantise(weight)
        outputs = [f"{prefix}{name}" for name in ("int8", "scale", "zero")]
        self._node("DynamicQuantizeLinear", [hidden], output=outputs)
        inputs = [
            outputs[0],
            self._constant(f"{prefix}weight", quantised.T),
            self._constant(f"{prefix}bias", bias),
            outputs[1],
            self._constant(f"{prefix}scales", scales),
            "",
            outputs[2],
            self._constant(f"{prefix}zeros", np.zeros(len(scales), np.int8)),
        ]
        return self._node("QAttention", inputs, domain=_MICROSOFT, num_heads=_HEADS)

    def _linear(self, hidden: str, prefix: str) -> str:
        """Add `hidden @ weight.T + bias` in int8."""
        quantised, scales = _quantise(self._tensors[f"{prefix}.weight"])
        inputs = [
            hidden,
            self._constant(f"{prefix}.weight", quantised.T),
            self._constant(f"{prefix}.scales", scales),
            "",
            self._constant(f"{prefix}.bias", self._tensors[f"{prefix}.bias"]),
        ]
        return self._node("DynamicQuantizeMatMul", inputs, domain=_MICROSOFT)

    def _add_and_norm(self, hidden: str, residual: str, prefix: str) -> str:
        total = self._node("Add", [hidden, residual])
        names = (f"{prefix}.weight", f"{prefix}.bias")
        norm = [self._constant(name, self._tensors[name]) for name in names]
        return self._node("LayerNormalization", [total, *norm], axis=-1, epsilon=_EPSILON)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str | Sequence[str] = "",
        *,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Add a node and return the name of its first output."""
        from onnx import helper

        name = f"{operator}_{len(self._nodes)}"
        outputs = [output or name] if isinstance(output, str) else list(output)
        node = helper.make_node(operator, inputs, outputs, name, domain=domain, **attributes)
        self._nodes.append(node)
        return outputs[0]


def _quantise(weight: FloatMatrix) -> tuple[NDArray[np.int8], FloatVector]:
    """Return a matrix as int8 and the scale of each row; `int8 * scale` is the matrix again."""
    scales = (np.abs(weight).max(axis=1) / _INT8_MAX).astype(np.float32)
    scales = np.where(scales == 0, np.float32(1), scales)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales
