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
from recollect.settings.memmachine.checking import Configuration, NamedResource
from recollect.settings.memmachine.models import (
    ModelSettings,
    model_settings,
    reranker_settings,
    resource_from,
)
from recollect.settings.memmachine.switches import MemMachineSettings
from recollect.settings.models import (
    Bm25RerankerSettings,
    EchoSettings,
    EmbedderRerankerSettings,
    EmbedderSettings,
    FusedRerankerSettings,
    HashingSettings,
    IdentityRerankerSettings,
    LanguageModelSettings,
    MiniLmSettings,
    OpenAiApiSettings,
    OpenAiEmbedderSettings,
    OpenAiLanguageModelSettings,
    RerankerSettings,
)
from recollect.settings.stores import (
    InMemoryStoreSettings,
    PostgresStoreSettings,
    SqliteStoreSettings,
    StoreSettings,
)
from recollect.settings.tree import PREFIX, Settings, ToolSet

__all__ = [
    "PREFIX",
    "Bm25RerankerSettings",
    "Configuration",
    "EchoSettings",
    "EmbedderRerankerSettings",
    "EmbedderSettings",
    "FusedRerankerSettings",
    "GitAuthSettings",
    "GitRemoteSettings",
    "GitSettings",
    "HashingSettings",
    "IdentityRerankerSettings",
    "InMemoryStoreSettings",
    "KubernetesSecretSettings",
    "LanguageModelSettings",
    "MemMachineSettings",
    "MiniLmSettings",
    "ModelSettings",
    "NamedResource",
    "OpenAiApiSettings",
    "OpenAiEmbedderSettings",
    "OpenAiLanguageModelSettings",
    "PostgresStoreSettings",
    "RerankerSettings",
    "SecretStoreName",
    "Settings",
    "SqliteStoreSettings",
    "StoreSettings",
    "ToolSet",
    "choices",
    "is_loopback",
    "load",
    "model_settings",
    "origin_of",
    "reranker_settings",
    "resource_from",
    "unknown_variables",
    "variable_names",
]
