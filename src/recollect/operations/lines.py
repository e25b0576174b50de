"""The lines of exports: how records become JSON, and how JSON is checked and becomes records."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from recollect.domain.changes import KeepRevision, Key, Recorded, Verb
from recollect.domain.changes import Revision as MemoryRevision
from recollect.domain.memory import Kind, Link, Memory, RegistryRecord
from recollect.domain.serialisation import format_time, memory_from_json, memory_to_json
from recollect.errors import InvalidRequest
from recollect.operations.request import (
    MAX_TAGS,
    Importance,
    Label,
    MemoryId,
    Metadata,
    Name,
    Revision,
    Said,
    Scope,
    SetId,
    Tag,
    Text,
    UtcTime,
    explained,
)
from recollect.operations.views import MemoryView

FORMAT: Mapping[str, Any] = {"format": "recollect", "version": 1}
BYTE_ORDER_MARK = "\ufeff"
MAX_POSITION = 2**62


@dataclass(frozen=True, slots=True)
class Foreign:
    """A memory of another tool: its revisions are counted here, its own number says nothing."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Current:
    """A memory as it is, and how its newest revision was made; older exports do not say."""

    memory: Memory
    recorded: Recorded | None


Record: TypeAlias = Current | Foreign | KeepRevision | Link | RegistryRecord
"""What a line holds."""


def check_format(line: str) -> None:
    """Check the first line.

    Raises:
        InvalidRequest: It does not name our format.
    """
    try:
        header = json.loads(line.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header != dict(FORMAT):
        raise InvalidRequest(
            'no export of ours: the first line must be {"format": "recollect", "version": 1}'
        )


_LINE = ConfigDict(extra="ignore", allow_inf_nan=False, strict=True)

# An id is one part of a path of the REST API.
_Id: TypeAlias = Annotated[MemoryId, Field(pattern="^[^/]+$")]


def _unique(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


class _MemoryLine(MemoryView):
    """A line that holds a memory: the view with the checks of requests."""

    model_config = _LINE

    id: _Id
    scope: Scope
    content: Said
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS, fail_fast=True), AfterValidator(_unique)]
    metadata: Metadata
    source: Label | None
    external_id: Label | None
    revision: Revision
    importance: Importance | None
    name: Name | None = None
    producer: Label | None = None
    produced_for: Label | None = None
    role: Label | None = None
    session: Label | None = None
    position: Annotated[int, Field(ge=0, le=MAX_POSITION)] | None = None
    category: Label | None = None
    tag: Label | None = None
    feature: Label | None = None
    set_id: SetId | None = ""

    @field_validator("content")
    @classmethod
    def _says_something(cls, content: str, fields: ValidationInfo) -> str:
        if fields.data.get("kind") is not Kind.EPISODE and not content.strip():
            raise ValueError("content must hold more than white space")
        return content

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needed = {
            Kind.NOTE: (self.name,),
            Kind.EPISODE: (self.producer, self.session, self.position),
            Kind.FACT: (self.category, self.tag, self.feature, self.set_id),
        }[self.kind]
        if None in needed:
            raise ValueError("a field that its kind needs is null")
        return self


_VERBS: frozenset[Verb] = frozenset(
    {"remember", "edit", "move", "ingest", "learn", "correct", "import", "adopt"}
)
"""What makes a revision."""

_NEVER_OF_NOTES: frozenset[Verb] = frozenset({"ingest", "learn", "correct"})
"""The mirror of the notes passes these over."""


class _Recorded(BaseModel):
    model_config = _LINE

    at: UtcTime
    actor: Text
    verb: Verb

    def value(self) -> Recorded:
        return Recorded(at=self.at, actor=self.actor, verb=self.verb)


class _ForgottenLine(BaseModel):
    """A line that says that a memory was forgotten, and where it was filed before."""

    model_config = _LINE

    id: _Id
    revision: Revision
    recorded: _Recorded
    scope: Scope
    kind: Kind
    name: Name | None = None

    def change(self) -> KeepRevision:
        made = replace(self.recorded.value(), verb="forget")
        before = Key(scope=self.scope, name=self.name, kind=self.kind)
        return KeepRevision(
            memory_id=self.id, revision=_revision(self.revision, made, None), before=before
        )


class _LinkLine(BaseModel):
    model_config = _LINE

    from_id: _Id
    to_id: _Id
    link_type: Text
    weight: float = 1.0
    metadata: Metadata = Field(default_factory=dict)

    def link(self) -> Link:
        return Link(
            from_id=self.from_id,
            to_id=self.to_id,
            type=self.link_type,
            weight=self.weight,
            metadata=self.metadata,
        )


class _RecordLine(BaseModel):
    model_config = _LINE

    record_type: Text
    id: Text
    content: dict[str, JsonValue]
    updated_at: UtcTime
    revision: Revision = 1

    def record(self) -> RegistryRecord:
        return RegistryRecord(
            type=self.record_type,
            id=self.id,
            content=self.content,
            updated_at=self.updated_at,
            revision=self.revision,
        )


def as_line(fields: Mapping[str, Any]) -> str:
    """One line of an export."""
    return json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n"


def memory_line(memory: Memory, recorded: Recorded | None = None) -> dict[str, Any]:
    """The fields of a line that holds a memory."""
    made = {} if recorded is None else {"recorded": _recorded(recorded)}
    return {"type": "memory"} | memory_to_json(memory) | made


def past_line(kept: KeepRevision) -> dict[str, Any]:
    """The fields of a line that holds a revision of a memory's past, or tells of forgetting it."""
    made = {"recorded": _recorded(kept.revision.recorded)}
    if kept.revision.memory is not None:
        return {"type": "revision"} | memory_to_json(kept.revision.memory) | made
    filed = kept.before
    return {
        "type": "forgotten",
        "id": kept.memory_id,
        "revision": kept.revision.revision,
        "scope": filed.scope if filed else "",
        "kind": (filed.kind if filed else Kind.NOTE).value,
        "name": filed.name if filed else None,
    } | made


def _recorded(recorded: Recorded) -> dict[str, str]:
    return {"at": format_time(recorded.at), "actor": recorded.actor, "verb": recorded.verb}


def foreign_line(memory: Memory) -> dict[str, Any]:
    """The fields of a line that holds a memory of another tool."""
    return {"type": "foreign"} | memory_to_json(memory)


def link_line(link: Link) -> dict[str, Any]:
    """The fields of a line that holds a link."""
    return {
        "type": "link",
        "from_id": link.from_id,
        "to_id": link.to_id,
        "link_type": link.type,
        "weight": link.weight,
        "metadata": dict(link.metadata),
    }


def record_line(record: RegistryRecord) -> dict[str, Any]:
    """The fields of a line that holds a registry record."""
    return {
        "type": "record",
        "record_type": record.type,
        "id": record.id,
        "content": dict(record.content),
        "updated_at": format_time(record.updated_at),
        "revision": record.revision,
    }


def parse_line(line: str) -> Record:
    """The record of a line.

    Raises:
        InvalidRequest: The line is none, or of an unknown type.
    """
    try:
        fields: dict[str, Any] = dict(json.loads(line))
        return _PARSERS[fields.pop("type")](line, fields)
    except ValidationError as error:
        raise InvalidRequest(explained(error)) from None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise InvalidRequest("the line is no record of the format") from None


def _memory(line: str, fields: Mapping[str, Any]) -> Memory:
    tags = _MemoryLine.model_validate_json(line).tags
    return memory_from_json({**fields, "tags": tags})


def _made(line: str, fields: dict[str, Any]) -> tuple[Memory, Recorded | None]:
    """The memory of a line, and how it was made."""
    given = fields.pop("recorded", None)
    memory = _memory(line, fields)
    if given is None:
        return memory, None
    recorded = _Recorded.model_validate_json(json.dumps(given)).value()
    of_others = _NEVER_OF_NOTES if memory.kind is Kind.NOTE else frozenset[Verb]()
    if recorded.verb not in _VERBS - of_others:
        raise InvalidRequest(f"recorded: no {memory.kind.value} comes of {recorded.verb!r}")
    return memory, recorded


def _past(memory: Memory, recorded: Recorded | None) -> KeepRevision:
    if recorded is None:
        raise InvalidRequest("recorded: Field required")
    revision = _revision(memory.revision, recorded, memory)
    return KeepRevision(memory_id=memory.id, revision=revision)


def _revision(number: int, made: Recorded, memory: Memory | None) -> MemoryRevision:
    return MemoryRevision(
        revision=number, recorded_at=made.at, actor=made.actor, verb=made.verb, memory=memory
    )


_PARSERS: Mapping[str, Callable[[str, dict[str, Any]], Record]] = {
    "memory": lambda line, fields: Current(*_made(line, fields)),
    "foreign": lambda line, fields: Foreign(_memory(line, fields)),
    "link": lambda line, _: _LinkLine.model_validate_json(line).link(),
    "record": lambda line, _: _RecordLine.model_validate_json(line).record(),
    "revision": lambda line, fields: _past(*_made(line, fields)),
    "forgotten": lambda line, _: _ForgottenLine.model_validate_json(line).change(),
}
