"""The git repositories that notes are mirrored to."""

import os
from typing import Annotated, Literal

from platformdirs import user_config_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from recollect.settings.addresses import origin_of
from recollect.settings.fields import FROZEN, UserPath


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

    model_config = FROZEN

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

    model_config = FROZEN

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

    model_config = FROZEN

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

    model_config = FROZEN

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
