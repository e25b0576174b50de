"""From a `Configuration` to our settings, and where both are found."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recollect.settings.memmachine.checking import Configuration, read
from recollect.settings.memmachine.models import models_of
from recollect.settings.memmachine.providers import Postgres, Sqlite
from recollect.settings.memmachine.reading import Problems
from recollect.settings.memmachine.sections import level
from recollect.settings.postgres import database_url

FOLDER = "recollect"
"""The folder with everything, beside the file that MemMachine would keep its database in."""

CHARACTERS_PER_TOKEN = 4
"""How our settings, which count in tokens, take a capacity in characters."""


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
        **models_of(configuration, problems),
        **_working_memory(configuration),
    }
    problems.stop_if_any()
    return values


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
    match configuration.home and configuration.home.config:
        case Sqlite(path=":memory:"):
            return {"store": {"kind": "in_memory"}}
        case Sqlite() as config:
            return {"data_dir": Path(config.path).expanduser().absolute().parent / FOLDER}
        case Postgres() as config:
            return {"store": {"kind": "postgres"} | dict(_database(config))}
        case _:
            return {}


def _database(config: Postgres) -> Iterator[tuple[str, Any]]:
    if config.place:
        yield "url", database_url(config.place)
    if config.pool_size:
        yield "pool_size", config.pool_size + max(0, config.max_overflow or 0)
    if config.pool_timeout:
        yield "connect_seconds", config.pool_timeout


def _working_memory(configuration: Configuration) -> dict[str, Any]:
    capacity = configuration.sections.episodic_memory.short_term_memory.message_capacity
    if capacity is None:
        return {}
    return {"working_memory": {"window_tokens": max(1, capacity // CHARACTERS_PER_TOKEN)}}
