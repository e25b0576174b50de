"""The resources of the file: what each provider takes, and which are not built yet."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from recollect.settings.memmachine.sections import Embedder, Names, Section, Unused


def _left_out(value: object) -> object:
    """What is empty is as left out."""
    return None if value == "" else value


Address = Annotated[str | None, BeforeValidator(_left_out)]
Secret = Annotated[SecretStr | None, BeforeValidator(_left_out)]


class OpenAiEmbedder(Section):
    """An embedding model behind an API that speaks as OpenAI's does."""

    model: str = "text-embedding-3-small"
    """The model, as the API calls it."""
    api_key: Secret = None
    """The API's key; for OpenAI itself `OPENAI_API_KEY` is read when left out."""
    base_url: Address = None
    """Where the API is; OpenAI itself when left out."""
    dimensions: int = Field(default=1536, gt=0)
    """Numbers in a vector."""
    max_input_length: int | None = Field(default=None, gt=0)
    """A longer text is cut; in bytes here, in characters there."""
    batch_size: int | None = Field(default=None, gt=0)
    """How many texts go to the API at once."""
    max_retry_interval_seconds: Annotated[float | None, Unused()] = None
    """The longest pause between attempts."""
    metrics_factory_id: Annotated[str | None, Unused()] = None
    """Who counts."""


class SentenceTransformer(Section):
    """A model of sentence-transformers; only all-MiniLM-L6-v2, which is built in."""

    model: str
    """`sentence-transformers/all-MiniLM-L6-v2`."""
    max_input_length: Annotated[int | None, Unused()] = None
    """A longer text is cut; ours cuts texts into passages that fit."""
    batch_size: Annotated[int | None, Unused()] = None
    """How many texts are embedded at once; ours embeds them one by one."""

    @field_validator("model")
    @classmethod
    def _built_in(cls, model: str) -> str:
        if model.removeprefix("sentence-transformers/").lower() != "all-minilm-l6-v2":
            raise ValueError(
                "only sentence-transformers/all-MiniLM-L6-v2 is built in, since others need "
                "PyTorch; another model works behind an API, with the provider openai"
            )
        return model


class OpenAiLanguageModel(Section):
    """A language model behind an API that speaks as OpenAI's does."""

    model: str = "gpt-5-nano"
    """The model, as the API calls it."""
    api_key: Secret = None
    """The API's key; for OpenAI itself `OPENAI_API_KEY` is read when left out."""
    base_url: Address = None
    """Where the API is; OpenAI itself when left out."""
    request_timeout_seconds: float | None = Field(default=None, gt=0)
    """How long the API may take for an answer, in seconds."""
    max_retry_interval_seconds: Annotated[float | None, Unused()] = None
    """The longest pause between attempts."""
    metrics_factory_id: Annotated[str | None, Unused()] = None
    """Who counts."""


class Identity(Section):
    """Keeps the order."""


class Bm25(Section):
    """Orders by words."""

    k1: float = 1.5
    """How much it counts that a word is repeated."""
    b: float = 0.75
    """How much length is held against a text."""
    epsilon: float = 0.25
    """What a word in most texts weighs, as a share of the mean of the others."""
    tokenizer: Annotated[Literal["default", "simple"], Unused()] = "default"
    """How words are told; ours needs no data files."""
    language: Annotated[str | None, Unused()] = None
    """The language of stop words; ours has none."""


class RrfHybrid(Section):
    """Fuses the ranks of others."""

    reranker_ids: Annotated[tuple[str, ...], Names("rerankers")] = Field(min_length=1)
    """The rerankers to fuse."""
    k: int = Field(default=60, gt=0)
    """How little the first ranks count above the others."""


class EmbedderReranker(Section):
    """Orders by meaning."""

    embedder_id: Embedder
    """The embedder; must be that of `episodic_memory.long_term_memory.embedder`."""


class Postgres(Section):
    """Our own store, in a database of PostgreSQL with pgvector."""

    host: Address = None
    """The server. What is left out, libpq's own variables say, such as `PGHOST`."""
    port: int | None = Field(default=None, gt=0, lt=65536)
    """Where it listens; 5432 when left out."""
    user: Address = None
    """The role."""
    password: Secret = None
    """Its password; nothing in it need be escaped."""
    db_name: Address = None
    """The database."""
    pool_size: int | None = Field(default=None, ge=0, le=500)
    """Connections that a process keeps; 0 for as many as are usual here."""
    max_overflow: int | None = Field(default=None, ge=-1, le=500)
    """Connections beyond them; ours are all kept, as many as both together."""
    pool_timeout: float | None = Field(default=None, gt=0, le=600)
    """How long to wait for a connection, in seconds."""
    pool_recycle: Annotated[int | None, Unused()] = None
    """How long a connection is kept; ours for up to an hour."""
    pool_pre_ping: Annotated[bool | None, Unused()] = None
    """Try a connection before its use; ours replaces a lost one."""
    path: Annotated[str | None, Unused()] = None
    """Of SQLite."""

    @property
    def place(self) -> Mapping[str, str]:
        """Which database, as whom; the parts are called as libpq calls them."""
        parts = {
            "host": self.host,
            "port": str(self.port) if self.port else None,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else None,
            "dbname": self.db_name,
        }
        return {name: value for name, value in parts.items() if value}


class Replaced(Section):
    """A store of graphs or vectors, which ours takes the place of: it is not opened."""

    model_config = ConfigDict(extra="ignore")


class Sqlite(Section):
    """Our own store."""

    path: str
    """Everything is kept in the folder `recollect` beside this file, which is not opened.

    `:memory:` keeps it in the process.
    """
    host: Annotated[str | None, Unused()] = None
    """Of other databases."""
    port: Annotated[int | None, Unused()] = None
    """Of other databases."""
    user: Annotated[str | None, Unused()] = None
    """Of other databases."""
    password: Annotated[SecretStr | None, Unused()] = None
    """Of other databases."""
    db_name: Annotated[str | None, Unused()] = None
    """Of other databases."""
    pool_size: Annotated[int | None, Unused()] = None
    """Connections that are kept open."""
    max_overflow: Annotated[int | None, Unused()] = None
    """Connections beyond them."""
    pool_timeout: Annotated[float | None, Unused()] = None
    """How long to wait for a connection."""
    pool_recycle: Annotated[int | None, Unused()] = None
    """How long a connection is kept."""
    pool_pre_ping: Annotated[bool | None, Unused()] = None
    """Try a connection before its use."""
    vector_search_engine: Annotated[str | None, Unused()] = None
    """Who searches vectors; ours does."""
    index_directory: Annotated[str | None, Unused()] = None
    """Where the vectors' index is kept; ours is in the store."""
    save_threshold: Annotated[int | None, Unused()] = None
    """How often the vectors' index is saved."""


Provider = type[Section]

PROVIDERS: Mapping[str, Mapping[str, Provider]] = {
    "databases": {
        "sqlite": Sqlite,
        "sqlite_vector_store": Sqlite,
        "sqlite_vec_vector_store": Sqlite,
        "postgres": Postgres,
        "neo4j": Replaced,
        "nebula_graph": Replaced,
        "qdrant": Replaced,
        "milvus": Replaced,
        "age": Replaced,
    },
    "embedders": {"openai": OpenAiEmbedder, "sentence-transformer": SentenceTransformer},
    "language_models": {
        "openai-responses": OpenAiLanguageModel,
        "openai-chat-completions": OpenAiLanguageModel,
    },
    "rerankers": {
        "identity": Identity,
        "bm25": Bm25,
        "rrf-hybrid": RrfHybrid,
        "embedder": EmbedderReranker,
    },
}
"""What each kind of resource may be, and what its `config` takes."""

NOT_BUILT: Mapping[str, frozenset[str]] = {
    "databases": frozenset(),
    "embedders": frozenset({"amazon-bedrock"}),
    "language_models": frozenset({"amazon-bedrock", "litellm"}),
    "rerankers": frozenset({"amazon-bedrock", "cohere", "cross-encoder"}),
}
"""MemMachine's other providers."""

INSTEAD: Mapping[str, str] = {
    "embedders": "openai works, with any API that speaks as it does, and sentence-transformer",
    "language_models": "openai-chat-completions works, with any API that speaks as it does",
    "rerankers": "identity, bm25, embedder and rrf-hybrid work",
}
