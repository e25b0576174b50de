"""What became of another tool's notes: the import's lines, and its answer told by their origins."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from recollect.domain.foreign.filing import IMPORTED_NAME, IMPORTED_SCOPE, Filed, Filing
from recollect.domain.memory import Link, Memory
from recollect.operations import Imported, Result
from recollect.operations.lines import FORMAT, as_line, foreign_line, link_line

FIRST_LINE = 2
"""The number of the first line behind that which names the format."""


class SkippedSource(Result):
    """What was not imported, and why."""

    origin: str
    reason: str


class Arrival(Result):
    """What a note or a link becomes; `name` and `scope` are null for a link."""

    origin: str
    name: str | None
    scope: str | None
    change: Literal["new", "changed", "unchanged"]


class Renamed(Result):
    """A note that could not keep its name, its scope or its id."""

    origin: str
    id: str
    name: str
    scope: str


class Brought(Result):
    """What an import from another tool did, or would do."""

    dry_run: bool
    imported: int
    unchanged: int
    skipped: list[SkippedSource]
    renamed: list[Renamed]
    planned: list[Arrival] = Field(default_factory=list[Arrival])
    """Of a dry run, all that is not skipped."""

    @classmethod
    def of(cls, filing: Filing, imported: Imported, *, dry_run: bool) -> "Brought":
        """What the answer to the lines means for what was filed."""
        by_line = dict(enumerate(filing.filed, start=FIRST_LINE))
        reasons = {skipped.line: skipped.reason for skipped in imported.skipped}
        changes: Mapping[int, Literal["new", "changed"]] = {
            planned.line: planned.change for planned in imported.planned
        }
        kept = {line: filed for line, filed in by_line.items() if line not in reasons}
        refused = [SkippedSource(origin=r.origin, reason=r.reason) for r in filing.refused]
        skipped = [
            SkippedSource(origin=by_line[line].origin, reason=reason)
            for line, reason in reasons.items()
        ]
        return cls(
            dry_run=dry_run,
            imported=imported.imported,
            unchanged=imported.unchanged,
            skipped=refused + skipped,
            renamed=list(_renamed(kept)),
            planned=[
                _arrival(filed, changes.get(line, "unchanged")) for line, filed in kept.items()
            ]
            if dry_run
            else [],
        )


def lines_for(filing: Filing) -> list[str]:
    """The lines to import, in the order of what was filed."""
    return [as_line(FORMAT), *(as_line(_fields(filed)) for filed in filing.filed)]


def _fields(filed: Filed) -> Mapping[str, object]:
    match filed.record:
        case Memory() as memory:
            return foreign_line(memory)
        case Link() as link:
            return link_line(link)


def _renamed(kept: Mapping[int, Filed]) -> Iterator[Renamed]:
    for filed in kept.values():
        match filed.record:
            case Memory(name=str(name)) as memory:
                if memory.external_id or {IMPORTED_NAME, IMPORTED_SCOPE} & memory.metadata.keys():
                    yield Renamed(origin=filed.origin, id=memory.id, name=name, scope=memory.scope)
            case _:
                continue


def _arrival(filed: Filed, change: Literal["new", "changed", "unchanged"]) -> Arrival:
    memory = filed.record if isinstance(filed.record, Memory) else None
    return Arrival(
        origin=filed.origin,
        name=memory.name if memory else None,
        scope=memory.scope if memory else None,
        change=change,
    )
