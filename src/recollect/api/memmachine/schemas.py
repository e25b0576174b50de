"""What requests of every topic share: whose they are, and the types of their fields."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

from recollect.descriptions import describe
from recollect.domain.scopes import ScopeSet
from recollect.domain.sets import check_owner
from recollect.errors import NotFound
from recollect.operations import Context
from recollect.operations.request import Text, UtcTime, checked

_NUMBER = re.compile("[0-9]{1,18}")
UNIVERSAL = "universal"
MILLISECONDS_FROM = 1e12
"""A number for a time is of seconds, or of milliseconds when it is greater than this."""

Owner = Annotated[str, checked(check_owner)]
MemoryType: TypeAlias = Literal["semantic", "episodic"]
SetMetadata: TypeAlias = dict[Text, JsonValue]


class Asking(BaseModel):
    """A body; fields that it does not know are ignored."""

    model_config = ConfigDict(frozen=True, json_schema_extra=describe, allow_inf_nan=False)


class OfProject(Asking):
    """A request about a project that must be named."""

    org_id: Owner
    project_id: Owner

    @property
    def scope(self) -> str:
        """Where the project's memories lie."""
        return f"{self.org_id}/{self.project_id}"

    def narrowed(self, context: Context) -> Context:
        """The context for which nothing exists outside of this organisation and project."""
        own = ScopeSet.listed((self.org_id, self.scope))
        scopes = context.principal.scopes.narrowed_to(own)
        return replace(context, principal=replace(context.principal, scopes=scopes))


class FromProject(OfProject):
    """A request whose project may be left out."""

    org_id: Owner = UNIVERSAL
    project_id: Owner = UNIVERSAL


def numbered(text: str) -> str:
    """The id, if it is a decimal number; raises NotFound: nothing is called otherwise."""
    if not _NUMBER.fullmatch(text):
        raise NotFound(text, what="id")
    return text


class Answering(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(frozen=True, json_schema_extra=describe)


def _moment(given: Any) -> Any:
    """The time that a number or an ISO 8601 text stands for."""
    try:
        match given:
            case str():
                return datetime.fromisoformat(given)
            case int() | float() if not isinstance(given, bool):
                seconds = given / 1000 if given > MILLISECONDS_FROM else given
                return datetime.fromtimestamp(seconds, UTC)
            case _:
                pass
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError("a time is ISO 8601 text, or a number of seconds or milliseconds")


Moment = Annotated[UtcTime, BeforeValidator(_moment)]
