"""Reading the settings from the environment."""

import os
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from typing_extensions import TypeIs

from recollect.errors import ConfigError
from recollect.settings.tree import PREFIX, Settings


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
            'are JSON lists, such as ["memory.example.org"]; RECOLLECT_GIT__REMOTES and '
            "RECOLLECT_RERANKER__RERANKERS are lists of objects, such as "
            '[{"scope": "acme", "url": "https://git.example.org/acme/notes.git"}] and '
            '[{"kind": "bm25"}, {"kind": "embedder"}]'
        ) from None
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        raise ConfigError("wrong settings: " + "; ".join(map(_told, problems))) from None


def _told(problem: ErrorDetails) -> str:
    place = ".".join(map(str, problem["loc"]))
    match problem:
        case {"type": "extra_forbidden", "loc": (str() as choice, str() as kind, str())}:
            variable = f"{PREFIX}{choice.upper()}__KIND"
            return f"{place}: {kind} has no such setting; {variable} chooses another kind"
        case _:
            return f"{place}: {problem['msg'].removeprefix('Value error, ')}"


def variable_names(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> Iterator[str]:
    """Every environment variable that means something; a choice's own are repeated per kind."""
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
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
