"""From a `Configuration` to our settings, and where both are found."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from recollect.settings.memmachine.checking import (
    Configuration,
    NamedResource,
    read,
    resource_at,
)
from recollect.settings.memmachine.providers import (
    OpenAiEmbedder,
    SentenceTransformer,
    Sqlite,
)
from recollect.settings.memmachine.reading import Problems
from recollect.settings.memmachine.sections import Section, level
from recollect.settings.models import EmbedderSettings

FOLDER = "recollect"
"""The folder with everything, beside the file that MemMachine would keep its database in."""

_EMBEDDER: TypeAdapter[EmbedderSettings] = TypeAdapter(EmbedderSettings)


def settings_of(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Our settings, as far as a file and MemMachine's own variables set them.

    Raises:
        ConfigError: As `read` does, or what it says cannot be done here.
    """
    configuration = read(path, environment)
    problems = Problems(path)
    values = {
        "configured": configuration,
        **_serving(configuration, environment),
        **_home(configuration),
        **_models(configuration, problems),
    }
    problems.stop_if_any()
    return values


def resource_from(
    kind: str, name: str, provider: str, config: Mapping[str, Any]
) -> tuple[NamedResource | None, list[str]]:
    """A resource described while the server runs; None, and what is wrong with it, if it is."""
    problems = Problems(Path())
    place = ("resources", kind, name)
    given = {key.lower(): value for key, value in config.items() if value is not None}
    entry: dict[str, Any] = {"provider": provider, "config": given}
    resource = resource_at(place, entry, provider, problems)
    if resource is not None and kind == "embedders":
        _built(_EMBEDDER, resource, embedder_values, problems)
    return (None if problems.found else resource), problems.found


def embedder_settings(config: Section) -> EmbedderSettings:
    """The settings of an embedder that was checked."""
    return _EMBEDDER.validate_python(embedder_values(config))


def _serving(configuration: Configuration, environment: Mapping[str, str]) -> dict[str, Any]:
    given = configuration.sections
    values: dict[str, Any] = given.server.model_dump(include=given.server.model_fields_set)
    if "level" in given.logging.model_fields_set:
        values["log_level"] = given.logging.level
    for variable, name in (("HOST", "host"), ("PORT", "port"), ("LOG_LEVEL", "log_level")):
        if value := environment.get(variable):
            values[name] = value
    if "log_level" in values:
        values["log_level"] = level(values["log_level"])
    return values


def _home(configuration: Configuration) -> dict[str, Any]:
    sections = configuration.sections
    databases = [r for r in configuration.resources if r.kind == "databases"]
    named = [
        configuration.find("databases", sections.episode_store.database),
        configuration.find("databases", sections.session_manager.database),
        *databases,
    ]
    config = next((resource.config for resource in named if resource is not None), None)
    if not isinstance(config, Sqlite):
        return {}
    if config.path == ":memory:":
        return {"store": {"kind": "in_memory"}}
    return {"data_dir": Path(config.path).expanduser().absolute().parent / FOLDER}


def _models(configuration: Configuration, problems: Problems) -> dict[str, Any]:
    """The models in use; those that are not are checked as well."""
    built = {
        resource.name: embedder
        for resource in configuration.resources
        if resource.kind == "embedders"
        and (embedder := _built(_EMBEDDER, resource, embedder_values, problems)) is not None
    }
    problems.stop_if_any()
    chosen = configuration.embedder
    semantic = configuration.find(
        "embedders", configuration.sections.semantic_memory.embedding_model
    )
    if chosen and semantic and built[chosen.name] != built[semantic.name]:
        problems.add(
            ("semantic_memory", "embedding_model"),
            "one model embeds everything here: name the same one as "
            "episodic_memory.long_term_memory.embedder",
        )
    return {"embedder": built[chosen.name].model_dump()} if chosen else {}


def embedder_values(config: Section) -> dict[str, Any]:
    """The settings of an embedder that a file, or the configuration API, describes."""
    match config:
        case OpenAiEmbedder():
            given = {
                "model": config.model,
                "api_key": config.api_key,
                "base_url": config.base_url,
                "dimensions": config.dimensions,
                "batch_size": config.batch_size,
                "max_input_bytes": config.max_input_length,
            }
            return {"kind": "openai"} | {k: v for k, v in given.items() if v is not None}
        case SentenceTransformer():
            return {"kind": "minilm"}
        case _:
            raise AssertionError(type(config))


def _built(
    adapter: TypeAdapter[Any],
    resource: NamedResource,
    values: Callable[[Section], dict[str, Any]],
    problems: Problems,
) -> Any:
    try:
        return adapter.validate_python(values(resource.config))
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            key = str(problem["loc"][-1]).replace("max_input_bytes", "max_input_length")
            problems.add((*resource.place, key), problem["msg"].removeprefix("Value error, "))
        return None
