"""What is found in another tool's store, before it gets names and ids of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from recollect.domain.memory import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file of the tool.

    Attributes:
        path: Below the folder that is imported, its parts joined by `/`.
        origin: Where it stands, for people.
        modified_at: In UTC.
    """

    path: str
    origin: str
    content: bytes
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNote:
    """A note as the tool keeps it; scope, name and id need not follow our rules.

    Attributes:
        origin: Where it stands, for people.
        id: The tool's own; None if it knows its notes by scope and name.
        source: None stands for the tool.
        created_at: None where the tool does not say, as for `updated_at`: when it is imported.
        metadata: What else is known of it.
    """

    origin: str
    scope: str
    name: str
    content: str
    occurred_at: datetime
    tags: tuple[str, ...] = ()
    id: str | None = None
    source: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLink:
    """A link between two notes, which it names as the tool does."""

    origin: str
    scope: str
    from_name: str
    to_name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What cannot be imported, and why."""

    origin: str
    reason: str


Found: TypeAlias = FoundNote | FoundLink | Refused
