"""Kinds of values that several settings have."""

from pathlib import Path
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import SettingsConfigDict

FROZEN = SettingsConfigDict(frozen=True, extra="forbid", defer_build=True)


def _from_home(path: Path) -> Path:
    """A `~` at its beginning means home, also where no shell has seen it, as in JSON."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("there is no such home folder") from None


UserPath = Annotated[Path, AfterValidator(_from_home)]


def of_kind(usual: str) -> BeforeValidator:
    """Variables of the usual kind need not name it."""

    def add(value: object) -> object:
        return (
            {"kind": usual, **cast("dict[str, object]", value)}
            if isinstance(value, dict)
            else value
        )

    return BeforeValidator(add)
