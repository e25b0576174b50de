"""From the models of a file to the settings of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from recollect.settings.memmachine.checking import Configuration, NamedResource, resource_at
from recollect.settings.memmachine.providers import (
    Bm25,
    EmbedderReranker,
    Identity,
    OpenAiEmbedder,
    OpenAiLanguageModel,
    RrfHybrid,
    SentenceTransformer,
)
from recollect.settings.memmachine.reading import Problems
from recollect.settings.models import EmbedderSettings, LanguageModelSettings, RerankerSettings

ModelSettings: TypeAlias = EmbedderSettings | LanguageModelSettings

_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {
    "embedders": TypeAdapter(EmbedderSettings),
    "language_models": TypeAdapter(LanguageModelSettings),
    "rerankers": TypeAdapter(RerankerSettings),
}
_THEIR_KEYS = {"max_input_bytes": "max_input_length", "timeout_seconds": "request_timeout_seconds"}


def models_of(configuration: Configuration, problems: Problems) -> dict[str, Any]:
    """The settings of the models in use; those that are not are checked as well."""
    built = {
        (resource.kind, resource.name): _built(configuration, resource, problems)
        for resource in configuration.resources
        if resource.kind in _ADAPTERS
    }
    problems.stop_if_any()
    _check_embedders(configuration, built, problems)
    chosen = {
        "embedder": configuration.embedder,
        "language_model": configuration.language_model,
        "reranker": configuration.reranker,
    }
    return {
        name: built[resource.kind, resource.name].model_dump()
        for name, resource in chosen.items()
        # To keep the order, nothing need be asked.
        if resource is not None and not isinstance(resource.config, Identity)
    }


def resource_from(
    kind: str, name: str, provider: str, config: Mapping[str, Any]
) -> tuple[NamedResource | None, list[str]]:
    """A model described while the server runs; None, and what is wrong with it, if it is."""
    problems = Problems(Path())
    given = {key.lower(): value for key, value in config.items() if value is not None}
    entry: dict[str, Any] = {"provider": provider, "config": given}
    resource = resource_at(("resources", kind, name), entry, provider, problems)
    if resource is not None:
        _built(None, resource, problems)
    return (None if problems.found else resource), problems.found


def model_settings(resource: NamedResource) -> ModelSettings:
    """The settings of an embedder or a language model that was checked."""
    return _ADAPTERS[resource.kind].validate_python(_values(None, resource))


def reranker_settings(configuration: Configuration, resource: NamedResource) -> RerankerSettings:
    """The settings of a reranker that was checked."""
    return _ADAPTERS[resource.kind].validate_python(_values(configuration, resource))


def _built(configuration: Configuration | None, resource: NamedResource, problems: Problems) -> Any:
    try:
        return _ADAPTERS[resource.kind].validate_python(_values(configuration, resource))
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            key = str(problem["loc"][-1])
            place = (*resource.place, _THEIR_KEYS.get(key, key))
            problems.add(place, problem["msg"].removeprefix("Value error, "))
        return None


def _values(configuration: Configuration | None, resource: NamedResource) -> dict[str, Any]:
    """What our settings call what the file says; what it leaves out is left out."""
    kind, given = resource.provider, dict[str, Any]()
    match resource.config:
        case SentenceTransformer():
            kind = "minilm"
        case OpenAiEmbedder() as config:
            also = {"batch_size": "batch_size", "max_input_length": "max_input_bytes"}
            given = _given(config, also)
        case OpenAiLanguageModel() as config:
            given = _given(config, {"request_timeout_seconds": "timeout_seconds"})
        case RrfHybrid() as config:
            given = {"rerankers": _members(configuration, config), "k": config.k}
        case Bm25() as config:
            given = config.model_dump(include={"k1", "b", "epsilon"})
        case _:
            pass
    return {"kind": kind} | given


def _given(config: OpenAiEmbedder | OpenAiLanguageModel, also: Mapping[str, str]) -> dict[str, Any]:
    names = {key: key for key in ("model", "api_key", "base_url", "dimensions")} | dict(also)
    values = {ours: getattr(config, theirs, None) for theirs, ours in names.items()}
    return {name: value for name, value in values.items() if value is not None}


def _members(configuration: Configuration | None, config: RrfHybrid) -> list[dict[str, Any]]:
    if configuration is None:
        return []
    found = [configuration.find("rerankers", name) for name in config.reranker_ids]
    return [_values(configuration, resource) for resource in found if resource is not None]


def _check_embedders(
    configuration: Configuration, built: Mapping[tuple[str, str], Any], problems: Problems
) -> None:
    """One model embeds everything: who names another one would not get it."""
    semantic = configuration.sections.semantic_memory
    named = [(("semantic_memory", "embedding_model"), semantic.embedding_model)]
    named += [
        ((*resource.place, "embedder_id"), resource.config.embedder_id)
        for resource in configuration.resources
        if isinstance(resource.config, EmbedderReranker)
    ]
    chosen = configuration.embedder
    for place, name in named:
        other = configuration.find("embedders", name)
        if other and chosen and built[_key(other)] != built[_key(chosen)]:
            problems.add(
                place,
                "one model embeds everything here: name the same one as "
                "episodic_memory.long_term_memory.embedder",
            )


def _key(resource: NamedResource) -> tuple[str, str]:
    return resource.kind, resource.name
