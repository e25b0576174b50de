"""The dictionaries that the in-memory adapters share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recollect.domain.changes import Embedded, Idempotency, LogEntry, Revision
from recollect.domain.feedback import Judgement, RecallLine
from recollect.domain.memory import Link, Memory, RegistryRecord
from recollect.ports import Job


@dataclass(slots=True)
class StoredJob:
    """A job as the queue keeps it."""

    job: Job
    run_after: datetime | None = None
    leased_until: datetime | None = None
    dead: bool = False


@dataclass(slots=True)
class Tables:
    """Everything of one tenant."""

    memories: dict[str, Memory] = field(default_factory=dict[str, Memory])
    revisions: dict[str, list[Revision]] = field(default_factory=dict[str, list[Revision]])
    links: dict[tuple[str, str, str], Link] = field(
        default_factory=dict[tuple[str, str, str], Link]
    )
    registry: dict[tuple[str, str], RegistryRecord] = field(
        default_factory=dict[tuple[str, str], RegistryRecord]
    )
    log: list[LogEntry] = field(default_factory=list[LogEntry])
    vectors: dict[str, Embedded] = field(default_factory=dict[str, Embedded])
    jobs: list[StoredJob] = field(default_factory=list[StoredJob])
    requests: dict[str, Idempotency] = field(default_factory=dict[str, Idempotency])
    last_job: int = 0
    recalls: dict[str, datetime] = field(default_factory=dict[str, datetime])
    recalled: dict[tuple[str, int], RecallLine] = field(
        default_factory=dict[tuple[str, int], RecallLine]
    )
    judged: dict[tuple[str, int], Judgement] = field(
        default_factory=dict[tuple[str, int], Judgement]
    )

    def copy(self) -> "Tables":
        """What a transaction works on; records themselves never change."""
        return Tables(
            memories=dict(self.memories),
            revisions={i: list(r) for i, r in self.revisions.items()},
            links=dict(self.links),
            registry=dict(self.registry),
            log=list(self.log),
            vectors=dict(self.vectors),
            jobs=list(self.jobs),
            requests=dict(self.requests),
            last_job=self.last_job,
            recalls=dict(self.recalls),
            recalled=dict(self.recalled),
            judged=dict(self.judged),
        )

    def embedded(self, memory_id: str, model: str) -> Embedded | None:
        """The memory's vectors, if they are of this model."""
        made = self.vectors.get(memory_id)
        return made if made and made.model == model else None

    def by_kind(self) -> Mapping[str, int]:
        """How many memories there are of each kind."""
        return _tally([memory.kind.value for memory in self.memories.values()])

    def by_scope(self) -> Mapping[str, int]:
        """How many memories there are in each scope."""
        return _tally([memory.scope for memory in self.memories.values()])

    def by_model(self) -> Mapping[str, int]:
        """How many memories have complete vectors of each model."""
        return _tally([made.model for made in self.vectors.values() if made.complete])


class World:
    """All tenants."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tables] = {}

    def __getitem__(self, tenant: str) -> Tables:
        return self._tenants.setdefault(tenant, Tables())

    def __setitem__(self, tenant: str, tables: Tables) -> None:
        self._tenants[tenant] = tables

    def names(self) -> list[str]:
        """The tenants that hold anything, sorted."""
        return sorted(name for name, tables in self._tenants.items() if tables.log)


def _tally(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}
