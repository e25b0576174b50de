"""The models that turn text into vectors."""

from typing import Annotated, Literal

from platformdirs import user_cache_path
from pydantic import BaseModel, Field

from recollect.settings.fields import FROZEN, UserPath, of_kind


class MiniLmSettings(BaseModel):
    """Embed with all-MiniLM-L6-v2 on this machine."""

    model_config = FROZEN

    kind: Literal["minilm"] = "minilm"
    path: UserPath | None = None
    """A folder with `model.safetensors` and `tokenizer.json`; looked for elsewhere when unset."""
    cache_dir: UserPath = Field(default_factory=lambda: user_cache_path("recollect"))
    """Where the prepared model is kept."""
    threads: int = Field(default=2, ge=1, le=64)
    """Processor cores that embed at once, a text each."""
    allow_download: bool = True
    """Whether `recollect warmup` may fetch the weights from the Hugging Face hub."""


class HashingSettings(BaseModel):
    """Compare shared words instead of meaning: for tests only."""

    model_config = FROZEN

    kind: Literal["hashing"] = "hashing"
    dimensions: int = Field(default=64, ge=1, le=4096)
    """Numbers in a vector of the `hashing` embedder."""


EmbedderSettings = Annotated[
    MiniLmSettings | HashingSettings, Field(discriminator="kind"), of_kind("minilm")
]
