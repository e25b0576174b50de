"""Memories as JSON."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import THEN, episode, fact, note
from tests.strategies import memories

from recollect.domain.memory import Memory
from recollect.domain.serialisation import (
    format_time,
    memory_from_json,
    memory_to_json,
    parse_time,
)


@given(memories())
def test_a_memory_survives_json(memory: Memory) -> None:
    text = json.dumps(memory_to_json(memory), ensure_ascii=False, allow_nan=False)

    assert memory_from_json(json.loads(text)) == memory


@given(memories())
def test_a_memory_is_written_whole_and_flat(memory: Memory) -> None:
    fields = memory_to_json(memory)

    common = [
        "id",
        "kind",
        "scope",
        "content",
        "tags",
        "metadata",
        "source",
        "external_id",
        "occurred_at",
        "created_at",
    ]
    assert list(fields)[:10] == common
    assert fields["kind"] == memory.kind
    own = {"note": 1, "episode": 5, "fact": 6}[memory.kind]
    assert len(fields) == 14 + own


@pytest.mark.parametrize("memory", [note(), episode(), fact()])
@pytest.mark.parametrize("field", ["id", "kind", "scope", "content", "occurred_at"])
def test_what_lacks_a_field_is_no_memory(memory: Memory, field: str) -> None:
    fields = memory_to_json(memory)
    del fields[field]

    with pytest.raises((KeyError, TypeError, ValueError)):
        memory_from_json(fields)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_survives_its_text(time: datetime) -> None:
    assert parse_time(format_time(time)) == time
    assert format_time(time).endswith("Z")


def test_times_are_written_in_utc_and_read_in_any_zone() -> None:
    assert format_time(THEN) == "2026-01-01T09:30:00.123456Z"
    assert format_time(THEN.replace(microsecond=0)) == "2026-01-01T09:30:00Z"
    assert parse_time("2026-01-01T10:30:00.123456+01:00") == THEN
    assert parse_time("2026-01-01T09:30:00.123456") == THEN
    assert parse_time("2026-01-01") == datetime(2026, 1, 1, tzinfo=UTC)
