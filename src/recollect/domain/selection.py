"""Which memories a query is about, and the order in which lists are given."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from recollect.domain.filters import And, Filter, In, RecordField, matches
from recollect.domain.memory import Episode, Kind, Memory
from recollect.domain.scopes import ScopeSet

_KIND = RecordField("kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The memories in these scopes that the filter matches; every one without a filter."""

    scopes: ScopeSet
    filter: Filter | None = None

    def holds(self, memory: Memory) -> bool:
        """Whether the memory is selected. Adapters compile this; here is what it means."""
        return self.scopes.covers(memory.scope) and (
            self.filter is None or matches(self.filter, memory)
        )

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that may be selected: fewer than all if the filter says so in plain words."""
        return _kinds(self.filter)


def _kinds(condition: Filter | None) -> frozenset[str]:
    match condition:
        case And(parts):
            return frozenset(Kind).intersection(*map(_kinds, parts))
        case In(field, values) if field == _KIND:
            return frozenset(Kind).intersection(map(str, values))
        case _:
            return frozenset(Kind)


class Period(NamedTuple):
    """From the one moment on, until before the other; both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A memory's place in lists: they are ordered by these fields, text by code point."""

    scope: str
    name: str
    occurred_at: datetime
    place: int
    id: str

    @classmethod
    def of(cls, memory: Memory) -> "Position":
        """The place of this memory; a memory without a name sorts as if it were empty."""
        place = memory.detail.position if isinstance(memory.detail, Episode) else 0
        return cls(memory.scope, memory.name or "", memory.occurred_at, place, memory.id)
