"""The lines of exports: how records become JSON, and how JSON is checked and becomes records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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


Record: TypeAlias = Memory | Foreign | Link | RegistryRecord
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


def memory_line(memory: Memory) -> dict[str, Any]:
    """The fields of a line that holds a memory."""
    return {"type": "memory"} | memory_to_json(memory)


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
        InvalidRequest: The line is none.
    """
    try:
        fields: dict[str, Any] = dict(json.loads(line))
        match fields.pop("type"):
            case "memory":
                return _memory(line, fields)
            case "foreign":
                return Foreign(_memory(line, fields))
            case "link":
                return _LinkLine.model_validate_json(line).link()
            case "record":
                return _RecordLine.model_validate_json(line).record()
            case _:
                raise InvalidRequest("the line is of an unknown type")
    except ValidationError as error:
        raise InvalidRequest(explained(error)) from None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise InvalidRequest("the line is no record of the format") from None


def _memory(line: str, fields: Mapping[str, Any]) -> Memory:
    tags = _MemoryLine.model_validate_json(line).tags
    return memory_from_json({**fields, "tags": tags})
