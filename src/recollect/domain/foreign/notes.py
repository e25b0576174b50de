"""What is found in another tool's store, before it gets names and ids of ours."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


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
    """A note as the tool keeps it; scope and name need not follow our rules.

    Attributes:
        origin: Where it stands, for people.
    """

    origin: str
    scope: str
    name: str
    content: str
    occurred_at: datetime
    tags: tuple[str, ...] = ()


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
