"""Whatever happens, every store and the in-memory one, which is the specification, agree."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.stores import STORES, empty_store
from tests.examples import ALL, MINUTE, MODEL, TENANT, THEN, embedded, episode, fact, note, unit

from recollect.app.wiring import Store, open_store
from recollect.domain.changes import (
    UNPLACED,
    Batch,
    Change,
    DropLink,
    DropRecord,
    Embedded,
    Erase,
    Forget,
    Idempotency,
    KeepRevision,
    Key,
    NewJob,
    Put,
    PutLink,
    PutRecord,
    Receipt,
    Recorded,
    Revision,
)
from recollect.domain.memory import Kind, Link, Memory, RegistryRecord
from recollect.domain.scopes import ScopeSet
from recollect.domain.selection import Period, Selection
from recollect.errors import RecollectError
from recollect.settings import InMemoryStoreSettings, Settings

pytestmark = pytest.mark.anyio

IDS = ["m1", "m2", "m3", "m4", "m5"]
SCOPES = ["", "a", "a/b"]
TEXTS = ["Tea.", "Coffee in Paris.", "东京", "Painting the lake."]
MODELS = [MODEL, "model-b"]

ids, scopes, texts = st.sampled_from(IDS), st.sampled_from(SCOPES), st.sampled_from(TEXTS)
names = st.sampled_from(["x", "y"])
directions = st.sampled_from([(1, 0), (0, 1), (1, 1), (-1, 2)])
moments = st.sampled_from([THEN, THEN + MINUTE])

_memories = st.one_of(
    st.builds(note, texts, names, id=ids, scope=scopes, occurred_at=moments),
    st.builds(
        episode,
        texts,
        id=ids,
        scope=scopes,
        session=names,
        occurred_at=moments,
        external_id=st.none() | names,
        position=st.sampled_from([UNPLACED, UNPLACED, 0, 3]),
    ),
    st.builds(fact, texts, id=ids, scope=scopes, tags=st.lists(names, max_size=2).map(tuple)),
)
_ends = {"from_id": ids, "to_id": ids, "type": names}
_records = st.builds(
    RegistryRecord,
    type=names,
    id=names,
    content=st.dictionaries(names, st.integers(), max_size=1),
    updated_at=moments,
)


@dataclass(frozen=True)
class Step:
    """A batch to be; where `aim` is true, expected revisions are set to those that are stored."""

    changes: list[Change]
    vectors: list[tuple[str, list[tuple[int, int]], bool]]
    request: Idempotency | None
    jobs: list[NewJob]
    aim: bool


_made = st.builds(Recorded, at=moments, actor=names, verb=st.sampled_from(["move", "import"]))


def _kept(memory: Memory, number: int, made: Recorded, *, forgotten: bool) -> KeepRevision:
    """A revision of the memory's past; or that it was forgotten, and where it was filed then."""
    revision = Revision(
        revision=number,
        recorded_at=made.at,
        actor=made.actor,
        verb="forget" if forgotten else made.verb,
        memory=None if forgotten else replace(memory, revision=number),
    )
    before = Key(scope=memory.scope, name=memory.name, kind=memory.kind) if forgotten else None
    return KeepRevision(memory_id=memory.id, revision=revision, before=before)


_changes = st.one_of(
    st.builds(
        Put,
        memory=_memories,
        expected_revision=st.integers(0, 3),
        verb=st.just("edit"),
        recorded=st.none() | _made,
    ),
    st.builds(_kept, _memories, st.integers(1, 5), _made, forgotten=st.booleans()),
    st.builds(Put, memory=_memories, expected_revision=st.integers(0, 3), verb=st.just("edit")),
    st.builds(Forget, id=ids, expected_revision=st.none() | st.integers(1, 4)),
    st.builds(Erase, id=ids),
    st.builds(PutLink, link=st.builds(Link, **_ends)),
    st.builds(DropLink, **_ends),
    st.builds(PutRecord, record=_records, expected_revision=st.integers(0, 2)),
    st.builds(DropRecord, type=names, id=names),
)
_steps = st.builds(
    Step,
    changes=st.lists(_changes, min_size=1, max_size=4),
    vectors=st.lists(st.tuples(ids, st.lists(directions, min_size=1, max_size=2), st.booleans())),
    request=st.none()
    | st.builds(Idempotency, key=names, request=names, response=names, at=moments),
    jobs=st.lists(st.builds(NewJob, queue=names, dedupe_key=names, order_key=names), max_size=2),
    aim=st.booleans(),
)


async def _batch(model: Store, step: Step) -> Batch:
    """The batch of a step, as the specification's state asks for it."""
    changes = [await _aimed(model, change) if step.aim else change for change in step.changes]
    puts = {c.memory.id: c.memory for c in changes if isinstance(c, Put)}
    made: dict[str, Embedded] = {
        memory_id: embedded(puts[memory_id], [unit(*v) for v in vectors], complete=complete)
        for memory_id, vectors, complete in step.vectors
        if memory_id in puts
    }
    return Batch(
        at=THEN,
        actor="tester",
        changes=tuple(changes),
        embedded=tuple(made.values()),
        jobs=tuple(step.jobs),
        idempotency=step.request,
    )


async def _aimed(model: Store, change: Change) -> Change:
    match change:
        case Put(memory=memory):
            found = await model.records.get(TENANT, [memory.id])
            revision = found[0].revision if found else 0
            memory = replace(memory, revision=revision + 1)
            return replace(change, memory=memory, expected_revision=revision)
        case Forget():
            return replace(change, expected_revision=None)
        case PutRecord(record=record):
            stored = await model.records.registry(TENANT, record.type)
            revision = next((r.revision for r in stored if r.id == record.id), 0)
            record = replace(record, revision=revision + 1)
            return replace(change, record=record, expected_revision=revision)
        case _:
            return change


async def _outcome(store: Store, batch: Batch) -> Receipt | str:
    try:
        return await store.records.commit(TENANT, batch)
    except RecollectError as error:
        return error.code


async def _state(store: Store) -> dict[str, object]:
    """Everything that a caller can see."""
    below = Selection(scopes=ScopeSet(subtrees=frozenset({"a"})))
    counts = await store.records.counts(TENANT, MODEL)
    listed: list[Memory] = await store.records.browse(TENANT, ALL, None, 100)
    return {
        "get": await store.records.get(TENANT, IDS),
        "browse": listed,
        "below": await store.records.browse(TENANT, below, None, 100),
        "history": [await store.records.history(TENANT, i) for i in IDS],
        "past": await store.records.past(TENANT, ("m1", 1), 5),
        "recorded": await store.records.recorded(TENANT, IDS),
        "forgotten": sorted(await store.records.forgotten(TENANT, "a", list(Kind))),
        "log": await store.records.entries(TENANT, 0, 1000),
        "links": await store.records.links(TENANT, IDS),
        "touching": await store.records.links_touching(TENANT, IDS[:2], 3),
        "occurred": await store.records.occurred(TENANT, below, Period(THEN, THEN + MINUTE), 2),
        "registry": await store.records.registry(TENANT, ""),
        "counts": replace(counts, size_bytes=0),
        "waiting": await store.vectors.waiting(TENANT, MODEL, 100),
        "neighbours": [await store.records.neighbours(TENANT, m, 2, 2) for m in listed],
        "text": {
            query: {hit.id for hit in await store.text.search(TENANT, ALL, query, 100)}
            for query in ("tea", "coffee", "painted", "东京", "x")
        },
        "vectors": [
            (hit.id, pytest.approx(hit.score, abs=0.01))
            for hit in (await store.vectors.search(TENANT, below, MODEL, unit(2, 1), 100)).hits
        ],
        "faults": await store.maintenance.check(TENANT, repair=False),
    }


async def _jobs(store: Store) -> list[tuple[str, str]]:
    held: list[tuple[str, str]] = []
    for queue in ("x", "y"):
        while job := await store.jobs.lease(TENANT, queue, timedelta(minutes=1), THEN):
            held.append((queue, job.dedupe_key))
    return held


@asynccontextmanager
async def _pair(kind: str) -> AsyncGenerator[tuple[Store, Store]]:
    with TemporaryDirectory() as folder, empty_store(kind) as chosen:
        tested = Settings(data_dir=Path(folder), store=chosen)
        model = Settings(data_dir=Path(folder), store=InMemoryStoreSettings())
        async with open_store(tested) as store, open_store(model) as specification:
            yield store, specification


@pytest.mark.parametrize("kind", [kind for kind in STORES if kind != "in_memory"])
@settings(max_examples=40, deadline=None)
@given(steps=st.lists(_steps, max_size=8))
async def test_after_any_changes_every_store_answers_alike(kind: str, steps: list[Step]) -> None:
    async with _pair(kind) as (store, specification):
        for step in steps:
            batch = await _batch(specification, step)

            assert await _outcome(store, batch) == await _outcome(specification, batch)
            assert await _state(store) == await _state(specification)

        assert await _jobs(store) == await _jobs(specification)
