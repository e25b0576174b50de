"""What tools take and give: memory-mcp's names, with ours added.

Types are checked here; what the values mean is checked by the operations.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from recollect.descriptions import describe
from recollect.domain.feedback import Confidence
from recollect.operations.recall import Matched

Whole = Annotated[int, Field(ge=0)]
Tags = Annotated[list[str], Field(fail_fast=True)]
Verdict = Literal["applied", "maybe", "not_applied"]
ListField = Literal["id", "name", "scope", "tags", "created_at", "updated_at"]


class Arguments(BaseModel):
    """Base of tools' arguments. Unknown ones are ignored; null stands for an absent scalar."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=describe, strict=True)


class RememberArguments(Arguments):
    """Arguments of `remember`."""

    content: str
    """Markdown, at most 1 MiB. Never store secrets."""
    name: str | None = None
    """1-3 parts joined by '/'; made from the text when left out. An existing one is replaced."""
    tags: Tags = []
    scope: str | None = None
    """Namespace path such as org/team; global when left out."""
    source: str | None = None


class RecallArguments(Arguments):
    """Arguments of `recall`."""

    query: str
    scope: str | None = None
    """A path finds its subtree and global; 'all' everything; left out: global only."""
    limit: Whole | None = None
    """Default 5, at most 100."""
    tags: Tags | None = None
    """Only memories with all of these tags."""
    filter: str | None = None
    """Such as m.topic = 'tea' AND created_at >= date('2026-01-01')."""


class ReadArguments(Arguments):
    """Arguments of `read`."""

    name: str
    scope: str | None = None


class EditArguments(Arguments):
    """Arguments of `edit`."""

    name: str
    content: str | None = None
    tags: Tags | None = None
    """Replaces the tags; [] clears them."""
    scope: str | None = None
    expected_revision: int | None = None
    """Fail if the note has changed since."""


class MoveArguments(Arguments):
    """Arguments of `move`."""

    name: str
    to_scope: str
    from_scope: str | None = None
    new_name: str | None = None


class ForgetArguments(Arguments):
    """Arguments of `forget`."""

    name: str
    scope: str | None = None


class ListArguments(Arguments):
    """Arguments of `list`."""

    scope: str | None = None
    """As for recall."""
    limit: Whole | None = None
    """1-100, default 50."""
    cursor: str | None = None
    """next_cursor of the page before."""
    fields: Annotated[list[ListField], Field(fail_fast=True)] | None = None


class MarkArguments(Arguments):
    """Arguments of `mark_applied`."""

    recall_id: str
    memory: str
    """The memory's name or id, as recall gave it."""
    verdict: Verdict
    application: str | None = None
    """What it was used for."""
    # Known values are the operation's to check: a wrong one was always an invalid input.
    confidence: Annotated[str, Field(json_schema_extra={"enum": [*Confidence]})] = "medium"
    scope: str | None = None
    """Only if names are not unique."""


class BatchMarkArguments(Arguments):
    """Arguments of `batch_mark_applied`."""

    verdicts: Annotated[list[MarkArguments], Field(fail_fast=True)]
    """The arguments of mark_applied, for each."""


class StatsArguments(Arguments):
    """Arguments of `recall_stats`: none."""


class Placed(BaseModel):
    """Where a note is now."""

    id: str
    name: str
    scope: str
    revision: int
    degraded: list[str]


class SimilarNote(BaseModel):
    """A note that says much the same."""

    name: str
    score: float


class RememberResult(Placed):
    """Result of `remember`."""

    replaced: bool
    similar: list[SimilarNote]


class RecallHit(BaseModel):
    """One hit of `recall`."""

    id: str
    name: str
    scope: str
    kind: str
    tags: list[str]
    content: str
    content_length: int
    truncated: bool
    distance: float
    match_type: Literal["semantic", "lexical", "both"]
    score: float
    matched: Matched
    occurred_at: str


class RecallResult(BaseModel):
    """Result of `recall`."""

    recall_id: str
    results: list[RecallHit]
    count: int
    limit: int
    pre_filter_count: int
    skipped_errors: int
    degraded: list[str]


class ReadResult(BaseModel):
    """Result of `read`."""

    id: str
    name: str
    scope: str
    tags: list[str]
    content: str
    source: str | None
    created_at: str
    updated_at: str
    revision: int


class MarkResult(BaseModel):
    """Result of `mark_applied`."""

    rows_affected: int


class SyncArguments(Arguments):
    """Arguments of `sync`."""

    pull_first: bool | None = None


class ForgetResult(BaseModel):
    """Result of `forget`; its text is the word `ok`."""

    ok: bool
    degraded: list[str]


class Summary(BaseModel):
    """One line of `list`, with the fields that were asked for."""

    id: str | None = None
    name: str | None = None
    scope: str | None = None
    tags: list[str] | None = None
    created_at: str | None = None
    updated_at: str | None = None


class SkippedNote(BaseModel):
    """A file of the repository that could not be taken in, or a note that can be no file."""

    path: str
    reason: str


class ListResult(BaseModel):
    """Result of `list`."""

    memories: list[Summary]
    count: int
    returned: int
    limit: int
    has_more: bool
    next_cursor: str | None
    skipped: list[SkippedNote] = Field(default_factory=list[SkippedNote])
    """Only there when there are any."""
