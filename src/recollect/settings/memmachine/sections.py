"""The sections of the file but `resources`: every key, what it means, and its default."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Names:
    """Marks a key that names a resource of this kind; empty is as left out."""

    kind: str


@dataclass(frozen=True, slots=True)
class Unused:
    """Marks a key that is understood and changes nothing here."""


Database = Annotated[str | None, Names("databases")]
Embedder = Annotated[str | None, Names("embedders")]
LanguageModel = Annotated[str | None, Names("language_models")]
Reranker = Annotated[str | None, Names("rerankers")]


def level(written: object) -> object:
    """Python's names of levels, in any case."""
    name = str(written).lower()
    return {"warn": "warning", "critical": "error", "fatal": "error"}.get(name, name)


Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(level)]


def _template(name: str) -> str:
    if name != "profile_prompt":
        raise ValueError(f"{name} is not built yet; profile_prompt is")
    return name


Category = Annotated[
    Literal[
        "profile_prompt",
        "coding_prompt",
        "writing_assistant_prompt",
        "financial_analyst_prompt",
        "health_assistant_prompt",
        "crm_prompt",
    ],
    AfterValidator(_template),
]


class Section(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Logging(Section):
    """What is logged."""

    level: Level = "info"
    """The least severe events that are logged: `debug`, `info`, `warning` or `error`."""
    path: Annotated[str | None, Unused()] = None
    """A file for the log; ours goes to standard error."""
    format: Annotated[str | None, Unused()] = None
    """The form of a line; ours are JSON, or for people on a terminal."""


class EpisodeStore(Section):
    """Where episodes are kept."""

    database: Database = None
    """The database, in which everything is kept: one of `postgres`, or the folder of `sqlite`."""
    with_count_cache: Annotated[bool | None, Unused()] = None
    """Count episodes in memory; ours are counted where they are."""


class SessionManager(Section):
    """Where projects are kept."""

    database: Database = None
    """The database; everything is kept in that of `episode_store`, if it names one."""
    instance_cache_size: Annotated[int | None, Unused()] = None
    """How many sessions stay in memory; ours are built from stored episodes."""


class Segmenter(Section):
    """How an episode is cut."""

    type: Annotated[Literal["passthrough", "text"], Unused()] = "passthrough"
    """The way; ours cuts by structure, tokens and length."""
    max_chunk_length: Annotated[int | None, Unused()] = None
    """The longest piece, in characters."""


class Deriver(Section):
    """What of an episode is embedded."""

    type: Annotated[Literal["whole_text", "sentence_text"], Unused()] = "whole_text"
    """The way; ours embeds passages."""


class LongTermMemory(Section):
    """How older episodes are found."""

    backend: Literal["declarative", "event"] | None = None
    """Told to clients; both are kept in our store."""
    embedder: Embedder = None
    """What turns text into vectors; one model embeds everything."""
    reranker: Reranker = None
    """What orders the episodes that were found."""
    vector_graph_store: Database = None
    """Told to clients of the `declarative` backend."""
    vector_store: Database = None
    """Told to clients of the `event` backend."""
    segment_store: Database = None
    """Told to clients of the `event` backend."""
    properties_schema: dict[str, Literal["bool", "int", "float", "str", "datetime"]] | None = None
    """Told to clients; all metadata can be filtered by."""
    session_id: Annotated[str | None, Unused()] = None
    """Set by MemMachine itself."""
    message_sentence_chunking: Annotated[bool | None, Unused()] = None
    """Embed sentence by sentence; ours embeds passages."""
    segmenter: Annotated[Segmenter | None, Unused()] = None
    """How an episode is cut."""
    deriver: Annotated[Deriver | None, Unused()] = None
    """What of an episode is embedded."""


class ShortTermMemory(Section):
    """What of a session's newest messages is at hand."""

    llm_model: LanguageModel = None
    """What writes summaries; without one they are made of the messages' own sentences."""
    message_capacity: int | None = Field(default=None, gt=0)
    """Characters of the newest messages' content and of the summary; 64,000 when left out."""
    session_key: Annotated[str | None, Unused()] = None
    """Set by MemMachine itself."""
    summary_prompt_system: Annotated[str | None, Unused()] = None
    """Instructions for summaries; ours has its own."""
    summary_prompt_user: Annotated[str | None, Unused()] = None
    """Instructions for summaries; ours has its own."""


class EpisodicMemory(Section):
    """What is remembered of conversations, word by word."""

    enabled: bool = True
    """Whether episodes are searched at all."""
    long_term_memory_enabled: bool = True
    """Whether older episodes are found."""
    short_term_memory_enabled: bool = True
    """Whether a session's newest messages are at hand."""
    long_term_memory: LongTermMemory = LongTermMemory()
    short_term_memory: ShortTermMemory = ShortTermMemory()
    session_key: Annotated[str | None, Unused()] = None
    """Set by MemMachine itself."""
    metrics_factory_id: Annotated[str | None, Unused()] = None
    """Who counts; ours always does, for Prometheus."""


class SemanticMemory(Section):
    """What is known as facts."""

    enabled: bool = True
    """Whether facts are searched; also without a language model, unlike in MemMachine."""
    database: Database = None
    """Told to clients; facts are kept in our store."""
    storage_backend: Literal["auto", "vector_store", "pgvector", "neo4j"] = "auto"
    """Told to clients; facts are kept in our store."""
    feature_store: Database = None
    """Told to clients."""
    vector_collection: Database = None
    """Told to clients."""
    vector_dimensions: Annotated[int | None, Unused()] = Field(default=None, gt=0)
    """Numbers in a vector; the embedder's."""
    vector_similarity_metric: Annotated[str | None, Unused()] = None
    """How vectors are compared; ours by their cosine."""
    config_database: Database = None
    """Told to nobody; sets and categories are kept in our store."""
    with_config_cache: Annotated[bool | None, Unused()] = None
    """Keep sets and categories in memory; ours are read where they are."""
    llm_model: LanguageModel = None
    """Writes summaries where `short_term_memory` names none; facts are not extracted yet."""
    embedding_model: Embedder = None
    """Must be that of `episodic_memory.long_term_memory.embedder`."""
    ingestion_trigger_messages: int = Field(default=5, gt=0)
    """How many new messages let facts be extracted, once that is built."""
    ingestion_trigger_age: timedelta = Field(default=timedelta(minutes=5), gt=timedelta())
    """How long a message waits for that at most; a number is of seconds."""
    ingestion_poll_interval_seconds: Annotated[int | None, Unused()] = None
    """How often to look for work; ours is queued."""
    max_features_per_update: Annotated[int | None, Unused()] = None
    """How many facts a language model is shown at once."""
    consolidation_threshold: Annotated[int | None, Unused()] = None
    """How many facts of a tag are made fewer."""


class Prompt(Section):
    """Which categories of facts there are from the start; only `profile_prompt` is built yet."""

    default_org_categories: tuple[Category, ...] = ()
    """In sets of an organisation."""
    default_project_categories: tuple[Category, ...] = ("profile_prompt",)
    """In sets of a project."""
    default_user_categories: tuple[Category, ...] = ()
    """In sets of a user."""
    episode_summary_system_prompt_path: Annotated[str | None, Unused()] = None
    """A file with instructions for summaries; ours has its own."""
    episode_summary_user_prompt_path: Annotated[str | None, Unused()] = None
    """A file with instructions for summaries; ours has its own."""


class RetrievalAgent(Section):
    """How `agent_mode` searches."""

    llm_model: Annotated[LanguageModel, Unused()] = None
    """What splits a question."""
    answer_llm_model: Annotated[LanguageModel, Unused()] = None
    """What answers; for MemMachine's own evaluation."""
    judge_llm_model: Annotated[LanguageModel, Unused()] = None
    """What judges answers; for MemMachine's own evaluation."""
    reranker: Annotated[Reranker, Unused()] = None
    """What orders the episodes that were found."""


class Server(Section):
    """Where the server listens."""

    host: str = "localhost"
    """The address; `HOST` goes before it."""
    port: int = Field(default=8080, gt=0, lt=65536)
    """The port; `PORT` goes before it."""


class Sections(Section):
    """The whole file but its resources."""

    logging: Logging = Logging()
    episode_store: EpisodeStore = EpisodeStore()
    session_manager: SessionManager = SessionManager()
    episodic_memory: EpisodicMemory = EpisodicMemory()
    semantic_memory: SemanticMemory = SemanticMemory()
    prompt: Prompt = Prompt()
    retrieval_agent: RetrievalAgent = RetrievalAgent()
    server: Server = Server()
