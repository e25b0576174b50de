"""The registry records of conversations: their types, and how one is found and written."""

from collections.abc import Mapping

from recollect.domain.changes import PutRecord
from recollect.domain.memory import JsonValue, RegistryRecord
from recollect.errors import NotFound
from recollect.operations.context import Context

PROJECT = "project"
SET = "set"
SET_TYPE = "set_type"
CATEGORY = "category"
CATEGORY_TAG = "category_tag"


async def found(context: Context, record_type: str, record_id: str) -> RegistryRecord | None:
    """The record with this id, wherever it lies; None without one."""
    records = await context.records.registered(context.tenant, record_type, [record_id])
    return records[0] if records else None


async def visible(context: Context, record_type: str, record_id: str) -> RegistryRecord:
    """The record with this id; its content names the scope it lies in.

    Raises:
        NotFound: There is none, or the principal may not see it: the two look the same.
    """
    record = await found(context, record_type, record_id)
    if record is None or not context.principal.scopes.covers(str(record.content["scope"])):
        raise NotFound(record_id, what=record_type.replace("_", " "))
    return record


async def with_owner(
    context: Context, record_type: str, field: str, *owners: str
) -> list[RegistryRecord]:
    """The records of a type whose field names one of these, in the order of their numbers."""
    if not owners:
        return []
    records = await context.records.registry(context.tenant, record_type)
    owned = (record for record in records if record.content.get(field) in owners)
    return sorted(owned, key=lambda record: (len(record.id), record.id))


def written(
    context: Context,
    record_type: str,
    record_id: str,
    content: Mapping[str, JsonValue],
    before: RegistryRecord | None = None,
) -> PutRecord:
    """The change that writes a record; new, or the revision after `before`."""
    revision = before.revision if before else 0
    record = RegistryRecord(
        type=record_type,
        id=record_id,
        content=content,
        updated_at=context.now(),
        revision=revision + 1,
    )
    return PutRecord(record=record, expected_revision=revision)


def touched(context: Context, record: RegistryRecord) -> PutRecord:
    """The change that gives a record a revision without changing it.

    Whoever expects the revision before learns by it that something about the record changed.
    """
    return written(context, record.type, record.id, record.content, record)
