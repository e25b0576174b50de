"""All settings as one tree."""

from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from recollect.settings.conversations import WorkingMemorySettings
from recollect.settings.fields import UserPath
from recollect.settings.git import GitSettings
from recollect.settings.models import EmbedderSettings, MiniLmSettings
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
        use_attribute_docstrings=True,
    )

    data_dir: Annotated[UserPath, BeforeValidator(_not_empty)] = Field(
        default_factory=lambda: user_data_path("recollect")
    )
    """The folder with everything that is kept."""
    store: StoreSettings = Field(default_factory=SqliteStoreSettings)
    """Where memories are kept: `sqlite` or `in_memory`."""
    embedder: EmbedderSettings = Field(default_factory=MiniLmSettings)
    """What turns text into vectors: `minilm`, `openai` or `hashing`."""
    previous_embedder: EmbedderSettings | None = None
    """What `embedder` was before: keep answering from its vectors until all is embedded anew."""
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
