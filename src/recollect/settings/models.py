"""The models: what turns text into vectors, writes, and orders what was found."""

import os
from typing import Annotated, Literal

from platformdirs import user_cache_path
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationInfo

from recollect.settings.addresses import ApiAddress
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
    """Numbers in a vector."""


def _header_safe(key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    """The key without what a file or a shell left around it; OpenAI's own from its variable.

    That one is for OpenAI alone: it is not sent to another address.
    """
    given = key.get_secret_value().strip() if key else ""
    if not given and info.data.get("base_url") is None:
        given = os.environ.get("OPENAI_API_KEY", "").strip()
    if not all("!" <= character <= "~" for character in given):
        raise ValueError("must be one line of printable ASCII without spaces")
    return SecretStr(given) if given else None


class OpenAiApiSettings(BaseModel):
    """An API that speaks as OpenAI's does."""

    model_config = FROZEN

    base_url: ApiAddress | None = None
    """Where the API is, such as `http://127.0.0.1:11434/v1`; OpenAI itself when unset."""
    api_key: Annotated[
        SecretStr | None, AfterValidator(_header_safe), Field(validate_default=True)
    ] = None
    """The API's key, if it wants one; for OpenAI itself `OPENAI_API_KEY` is read when unset."""
    max_retries: int = Field(default=2, ge=0, le=10)
    """How often the API is asked again when it is busy, fails or is out of reach."""


class OpenAiEmbedderSettings(OpenAiApiSettings):
    """Embed with a model behind an API that speaks as OpenAI's does."""

    kind: Literal["openai"] = "openai"
    model: Annotated[str, Field(min_length=1)] = "text-embedding-3-small"
    """The embedding model, as the API calls it."""
    dimensions: int = Field(default=1536, ge=1, le=16_384)
    """Numbers in a vector."""
    batch_size: int = Field(default=64, ge=1, le=2048)
    """How many texts go to the API at once."""
    max_input_bytes: int = Field(default=8191, ge=128, le=250_000)
    """A longer text is cut before it is embedded; no token is shorter than a byte."""
    timeout_seconds: float = Field(default=20, gt=0, le=3600)
    """How long the API may take for a batch, retries included, in seconds; for a question 10."""


class EchoSettings(BaseModel):
    """Give a text's first words back instead of writing: for tests only."""

    model_config = FROZEN

    kind: Literal["echo"] = "echo"


class OpenAiLanguageModelSettings(OpenAiApiSettings):
    """Write with a model behind an API that speaks as OpenAI's does."""

    kind: Literal["openai-responses", "openai-chat-completions"] = "openai-responses"
    model: Annotated[str, Field(min_length=1)] = "gpt-5-nano"
    """The language model, as the API calls it."""
    timeout_seconds: float = Field(default=120, gt=0, le=3600)
    """How long the API may take for a text, retries included, in seconds."""


class IdentityRerankerSettings(BaseModel):
    """Leave what was found in its order."""

    model_config = FROZEN

    kind: Literal["identity"] = "identity"


class Bm25RerankerSettings(BaseModel):
    """Order by the words that are shared with the question."""

    model_config = FROZEN

    kind: Literal["bm25"] = "bm25"
    k1: float = Field(default=1.5, ge=0, le=100)
    """How much it counts that a word is repeated."""
    b: float = Field(default=0.75, ge=0, le=1)
    """How much length is held against a text."""
    epsilon: float = Field(default=0.25, ge=0, le=1)
    """What a word in most texts weighs, as a share of the mean of the others."""


class EmbedderRerankerSettings(BaseModel):
    """Order by meaning, with the embedder that is set."""

    model_config = FROZEN

    kind: Literal["embedder"] = "embedder"


class FusedRerankerSettings(BaseModel):
    """Add up the ranks that several rerankers give."""

    model_config = FROZEN

    kind: Literal["rrf-hybrid"] = "rrf-hybrid"
    rerankers: Annotated[tuple["RerankerSettings", ...], Field(min_length=1)] = (
        Bm25RerankerSettings(),
        IdentityRerankerSettings(),
    )
    """The rerankers to fuse, as a JSON list of objects with their `kind`."""
    k: int = Field(default=60, ge=1, le=1_000_000)
    """How little the first ranks stand out."""


EmbedderSettings = Annotated[
    MiniLmSettings | HashingSettings | OpenAiEmbedderSettings,
    Field(discriminator="kind"),
    of_kind("minilm"),
]

LanguageModelSettings = Annotated[
    OpenAiLanguageModelSettings | EchoSettings,
    Field(discriminator="kind"),
    of_kind("openai-responses"),
]

RerankerSettings = Annotated[
    IdentityRerankerSettings
    | Bm25RerankerSettings
    | EmbedderRerankerSettings
    | FusedRerankerSettings,
    Field(discriminator="kind"),
]

FusedRerankerSettings.model_rebuild()
