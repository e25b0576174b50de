"""How all-MiniLM-L6-v2 cuts text into tokens."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recollect.adapters.minilm.weights import (
    TOKENIZER_FILE,
    TOKENIZER_SHA256,
    Places,
    find_weights,
    verify_file,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_KEY: Final = f"wordpiece-{TOKENIZER_SHA256[:8]}"

_START: Final = 101
_END: Final = 102


@lru_cache(maxsize=1)
def load_tokenizer(path: Path) -> "Tokenizer":
    """Return the tokenizer without the padding and the truncation that its file asks for.

    Its file pads every text to 128 tokens and cuts it there. The object may be shared between
    threads as long as nobody changes its options.

    Raises:
        EmbedderUnavailable: The file cannot be read or is not the published one.
    """
    verify_file(path, TOKENIZER_SHA256)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def model_input(tokenizer: "Tokenizer", text: str, limit: int) -> Sequence[int]:
    """Return the token ids of a text between the two special ones, `limit` in all at most."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return [_START, *ids[: limit - 2], _END]


class MiniLmTokenCounter:
    """A `TokenCounter` that reads the tokenizer when it is first asked; for any thread."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._path: Path | None = None

    @property
    def key(self) -> str:
        return TOKENIZER_KEY

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the code point span of every token, in order, special tokens left out.

        Raises:
            EmbedderUnavailable: The tokenizer's file is not on this machine.
        """
        if self._path is None:
            self._path = find_weights(self._places).folder / TOKENIZER_FILE
        return load_tokenizer(self._path).encode(text, add_special_tokens=False).offsets
