"""Every embedder; a new one has its line here and then has to pass the suite."""

from collections.abc import Callable, Mapping
from pathlib import Path

from recollect.settings import (
    EmbedderSettings,
    HashingSettings,
    MiniLmSettings,
    OpenAiEmbedderSettings,
)

EMBEDDERS: Mapping[str, Callable[[str, Path], EmbedderSettings]] = {
    "minilm": lambda _, folder: MiniLmSettings(cache_dir=folder),
    "hashing": lambda *_: HashingSettings(),
    "openai": lambda url, _: OpenAiEmbedderSettings(base_url=f"{url}/v1", dimensions=48),
}
"""By kind: settings for a host of models and a folder to keep things in."""
