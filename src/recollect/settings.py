"""Every setting, declared once: what it means, its unit, range and default."""

import os
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_config_path, user_data_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from typing_extensions import TypeIs

from recollect.errors import ConfigError

PREFIX = "RECOLLECT_"
_FROZEN = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


ToolSet = Literal["core", "all"]


class InMemoryStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in the process; they are lost when it ends."""

    kind: Literal["in_memory"] = "in_memory"


class SqliteStoreSettings(BaseModel, frozen=True, extra="forbid"):
    """Keep memories in SQLite files below the data folder, one per tenant."""

    kind: Literal["sqlite"] = "sqlite"


def _not_empty(folder: object) -> object:
    """An unset shell variable must not become the current folder."""
    if folder == "":
        raise ValueError("must not be empty")
    return folder


def _from_home(path: Path) -> Path:
    """A `~` at its beginning means home, also where no shell has seen it, as in JSON."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder") from None


UserPath = Annotated[Path, AfterValidator(_from_home)]


def _of_kind(usual: str) -> BeforeValidator:
    """Variables of the usual kind need not name it."""

    def add(value: object) -> object:
        return (
            {"kind": usual, **cast("dict[str, object]", value)}
            if isinstance(value, dict)
            else value
        )

    return BeforeValidator(add)


StoreSettings = Annotated[
    InMemoryStoreSettings | SqliteStoreSettings, Field(discriminator="kind"), _of_kind("sqlite")
]


class MiniLmSettings(BaseModel):
    """Embed with all-MiniLM-L6-v2 on this machine."""

    model_config = _FROZEN

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

    model_config = _FROZEN

    kind: Literal["hashing"] = "hashing"
    dimensions: int = Field(default=64, ge=1, le=4096)
    """Numbers in a vector of the `hashing` embedder."""


EmbedderSettings = Annotated[
    MiniLmSettings | HashingSettings, Field(discriminator="kind"), _of_kind("minilm")
]


_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f]")


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an address, can only be this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin_of(url: str) -> str:
    """The scheme, host and port of a URL, spelt in one way.

    Raises:
        ValueError: It is not https, nor http on loopback: a token must not be sent there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Other readers of URLs may take a host from behind such a character.
    if (
        not host
        or _AMBIGUOUS.search(url)
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    ):
        raise ValueError("must be an https address")
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _git_host(address: str) -> str:
    url = address if "://" in address else f"https://{address}"
    origin = origin_of(url)
    if url.lower().rstrip("/") != origin:
        raise ValueError("must be a host such as github.com, without a path or a user")
    return origin


def _or_predecessors_token(token: object) -> object:
    # Servers that move here from memory-mcp have it in their deployment.
    return token or os.environ.get("MEMORY_MCP_GITHUB_TOKEN")


SecretStoreName = Literal["file", "keyring", "k8s-secret"]


class KubernetesSecretSettings(BaseModel):
    """The Kubernetes Secret that may keep the token."""

    model_config = _FROZEN

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")] = "recollect"
    """The namespace of the Secret that keeps the token for git."""
    secret: Annotated[
        str,
        Field(
            max_length=253,
            pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        ),
    ] = "recollect-git-token"  # noqa: S105  (a name)
    """The name of the Secret that keeps the token for git, under its key `token`."""
    kubeconfig: UserPath | None = None
    """How to reach the cluster; a pod's service account, else kubectl's usual file, when unset."""


class GitAuthSettings(BaseModel):
    """How to sign in to the host of a git remote."""

    model_config = _FROZEN

    host: Annotated[str, AfterValidator(_git_host)] = "https://github.com"
    """The host that the token is for; it is sent to no other."""
    client_id: Annotated[str, Field(min_length=1)] | None = None
    """The client id of the OAuth app that `recollect auth login` signs in with."""
    token: Annotated[
        SecretStr | None, BeforeValidator(_or_predecessors_token), Field(validate_default=True)
    ] = None
    """The token for git; goes before every store. `MEMORY_MCP_GITHUB_TOKEN` is read when unset."""
    token_file: UserPath = Field(
        default_factory=lambda: user_config_path("recollect") / "git-token"
    )
    """The file that may keep the token for git."""
    stores: tuple[SecretStoreName, ...] = ("file", "keyring")
    """Where the token for git is looked for, as a JSON list of `file`, `keyring`, `k8s-secret`."""
    kubernetes: KubernetesSecretSettings = Field(default_factory=KubernetesSecretSettings)


class GitRemoteSettings(BaseModel):
    """A repository of its own for the notes of a scope and all below."""

    model_config = _FROZEN

    scope: Annotated[str, Field(min_length=1)]
    """The scope; of several that hold a note the longest counts."""
    url: str | None = None
    """Its remote."""
    path: UserPath | None = None
    """Its folder; one beside the default repository when unset."""
    branch: str | None = None
    """Its branch; that of the default repository when unset."""


class GitSettings(BaseModel):
    """The git repositories that notes are mirrored to, and how they are shared."""

    model_config = _FROZEN

    mirror: bool = True
    """Whether notes are mirrored to git; those of a store in memory never are."""
    path: UserPath | None = None
    """The folder of the repository; `notes` in the data folder when unset."""
    branch: Annotated[str, Field(min_length=1)] = "main"
    """The branch that is written, fetched and pushed; created where it is missing."""
    remote_url: str | None = None
    """The remote to exchange notes with: `https://`, `ssh://`, `file://` or a path."""
    remotes: tuple[GitRemoteSettings, ...] = ()
    """Repositories for parts of the scopes, as a JSON list of objects."""
    interval_seconds: Annotated[float, Field(ge=10)] | None = None
    """How often to sync by itself, in seconds; never when unset."""
    deadline_seconds: float = Field(default=60, gt=0, le=3600)
    """How long a fetch or a push may take, in seconds."""
    auth: GitAuthSettings = Field(default_factory=GitAuthSettings)


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
    """What turns text into vectors: `minilm` or `hashing`."""
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


def load(**options: Any) -> Settings:
    """The settings of this process; options that are not None go before the environment.

    Raises:
        ConfigError: A value is wrong, or a `RECOLLECT_` variable means nothing.
    """
    if unknown := unknown_variables():
        raise ConfigError(
            f"unknown environment variables: {', '.join(unknown)}; "
            "the settings are listed in docs/reference/settings.md"
        )
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except SettingsError:
        raise ConfigError(
            "RECOLLECT_ALLOWED_HOSTS, RECOLLECT_ALLOWED_ORIGINS and RECOLLECT_GIT__AUTH__STORES "
            'are JSON lists, such as ["memory.example.org"]; RECOLLECT_GIT__REMOTES is one of '
            'objects, such as [{"scope": "acme", "url": "https://git.example.org/acme/notes.git"}]'
        ) from None
    except ValidationError as error:
        problems = (
            f"{'.'.join(str(part) for part in problem['loc'])}: "
            + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError("wrong settings: " + "; ".join(problems)) from None


def variable_names(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> Iterator[str]:
    """Every environment variable that means something; a choice's own are repeated per kind."""
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        offered = choices(field.annotation)
        if not offered:
            yield variable
        for choice in offered:
            yield from variable_names(choice, variable + "__")


def choices(annotation: Any) -> list[type[BaseModel]]:
    """The settings classes that a field's type offers; none for a plain value."""
    if _is_model(annotation):
        return [annotation]
    if get_origin(annotation) is tuple:
        return []  # written as one JSON list
    return [choice for part in get_args(annotation) for choice in choices(part)]


def _is_model(annotation: Any) -> TypeIs[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def unknown_variables() -> list[str]:
    """Set variables with our prefix that mean nothing: a typo must not become a default."""
    known = set(variable_names())
    # Variables for the test suite and the benchmark are read there.
    return sorted(
        name
        for name in os.environ
        if name.upper().startswith(PREFIX)
        and name.upper() not in known
        and not name.upper().startswith(PREFIX + "TEST_")
    )
