"""All settings as one tree."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from recollect.settings.conversations import WorkingMemorySettings
from recollect.settings.fields import UserPath
from recollect.settings.git import GitSettings
from recollect.settings.memmachine.checking import Configuration
from recollect.settings.memmachine.switches import MemMachineSettings
from recollect.settings.memmachine.translation import settings_of
from recollect.settings.models import (
    EmbedderSettings,
    LanguageModelSettings,
    MiniLmSettings,
    RerankerSettings,
)
from recollect.settings.stores import SqliteStoreSettings, StoreSettings

PREFIX = "RECOLLECT_"

ToolSet = Literal["core", "all"]


def _not_empty(folder: object) -> object:
    """An unset shell variable must not become the current folder."""
    if folder == "":
        raise ValueError("must not be empty")
    return folder


class Settings(BaseSettings):
    """Read once, at start, from the environment; `--` options of the command line go first."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    data_dir: Annotated[UserPath, BeforeValidator(_not_empty)] = Field(
        default_factory=lambda: user_data_path("recollect")
    )
    """The folder with everything that is kept."""
    store: StoreSettings = Field(default_factory=SqliteStoreSettings)
    """Where memories are kept: `sqlite`, `postgres` or `in_memory`."""
    embedder: EmbedderSettings = Field(default_factory=MiniLmSettings)
    """What turns text into vectors: `minilm`, `openai` or `hashing`."""
    previous_embedder: EmbedderSettings | None = None
    """What `embedder` was before: keep answering from its vectors until all is embedded anew."""
    language_model: LanguageModelSettings | None = None
    """What writes summaries: `openai-responses` or `openai-chat-completions`; unset for none."""
    reranker: RerankerSettings | None = None
    """What orders anew what recall finds: `bm25`, `embedder`, `rrf-hybrid` or `identity`."""
    reranked: int = Field(default=50, ge=1, le=1000)
    """How many of the best the reranker orders anew, or all that are asked for if more are."""
    host: str = "127.0.0.1"
    """The address to listen at; any but loopback needs a token."""
    port: int = Field(default=8080, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """The bearer token that requests must carry; none is needed on loopback when unset."""
    insecure: bool = False
    """Listen beyond loopback without a token."""
    allowed_hosts: tuple[str, ...] = ()
    """Host headers to accept besides loopback's and the bound address, as a JSON list."""
    allowed_origins: tuple[str, ...] = ()
    """Origin headers to accept besides loopback's, as a JSON list."""
    max_body_bytes: int = Field(default=8_388_608, ge=1024)
    """The largest request body, in bytes; imports are streamed and not bound by it."""
    deadline_seconds: float = Field(default=60, gt=0, le=3600)
    """How long a request may take, in seconds; exports and imports are not bound by it."""
    work_in_background: bool = True
    """Whether a server embeds and summarises what waits, or leaves it to `recollect work`."""
    tools: ToolSet = "all"
    """The MCP tools to offer: `all`, or the `core` on notes without feedback."""
    recall_log_days: int = Field(default=90, ge=1, le=36_500)
    """How long it is kept what recalls gave and what became of it, in days."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe events that are logged, to standard error."""
    url: str | None = None
    """A running server that the command line talks to instead of opening the data folder."""
    git: GitSettings = Field(default_factory=GitSettings)
    working_memory: WorkingMemorySettings = Field(default_factory=WorkingMemorySettings)
    """How much of a session is kept at hand."""
    configuration: Annotated[UserPath, BeforeValidator(_not_empty)] | None = None
    """A `configuration.yml` of MemMachine; it counts where no variable of ours does.

    `MEMORY_CONFIG` is read when unset.
    """
    memmachine: MemMachineSettings = Field(default_factory=MemMachineSettings)
    configured: Configuration | None = Field(default=None, exclude=True)
    """What that file says; nothing else sets it."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then our variables, then a configuration file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _ConfigurationFile(settings_cls)


class _ConfigurationFile(PydanticBaseSettingsSource):
    """What a configuration file says, if options or variables name one."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Asked by nobody: all values are given at once."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        """The settings that the file sets and nobody else does."""
        above = self.current_state
        path = above.get("configuration", os.environ.get("MEMORY_CONFIG") or None)
        if path is None or path == "":
            return {}
        values = settings_of(Path(path).expanduser(), os.environ)
        return {"configuration": path} | {
            name: value
            for name, value in values.items()
            if not _is_another_kind(above.get(name), value)
        }


def _is_another_kind(above: object, below: object) -> bool:
    """Whether a choice such as the embedder was made above: then nothing of the other is used."""
    if not isinstance(above, dict) or not isinstance(below, dict):
        return False
    chosen, found = cast("dict[str, Any]", above), cast("dict[str, Any]", below)
    return chosen.get("kind", found.get("kind")) != found.get("kind")
