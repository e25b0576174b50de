"""Every setting, declared once: what it means, its unit, range and default."""

from recollect.settings.addresses import is_loopback, origin_of
from recollect.settings.git import (
    GitAuthSettings,
    GitRemoteSettings,
    GitSettings,
    KubernetesSecretSettings,
    SecretStoreName,
)
from recollect.settings.loading import choices, load, unknown_variables, variable_names
from recollect.settings.models import (
    EmbedderSettings,
    HashingSettings,
    MiniLmSettings,
    OpenAiApiSettings,
    OpenAiEmbedderSettings,
)
from recollect.settings.stores import InMemoryStoreSettings, SqliteStoreSettings, StoreSettings
from recollect.settings.tree import PREFIX, Settings, ToolSet

__all__ = [
    "PREFIX",
    "EmbedderSettings",
    "GitAuthSettings",
    "GitRemoteSettings",
    "GitSettings",
    "HashingSettings",
    "InMemoryStoreSettings",
    "KubernetesSecretSettings",
    "MiniLmSettings",
    "OpenAiApiSettings",
    "OpenAiEmbedderSettings",
    "SecretStoreName",
    "Settings",
    "SqliteStoreSettings",
    "StoreSettings",
    "ToolSet",
    "choices",
    "is_loopback",
    "load",
    "origin_of",
    "unknown_variables",
    "variable_names",
]
