"""Whatever is done through the operations, every store gives the same answers."""

import zlib
from collections.abc import AsyncIterator, Generator, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from tests.contract.stores import STORES, empty_store
from tests.examples import ALL
from tests.operations.fakes import CountedIds, FakeClock, FakeEmbedder, context_of
from tests.operations.random_requests import (
    corrections,
    edits,
    lists,
    moves,
    names,
    new_facts,
    new_notes,
    orgs,
    projects,
    questions,
    rarely,
    revisions,
    scopes,
    sessions,
    talks,
)

from recollect import operations
from recollect.app.wiring import open_store
from recollect.domain.changes import DropLink, PutLink
from recollect.domain.memory import Kind, Link
from recollect.domain.passages import FloatMatrix
from recollect.domain.scopes import Look
from recollect.domain.working_memory import WorkingMemory
from recollect.errors import EmbedderUnavailable, RecollectError
from recollect.operations import Context, Operation, Result, conversations
from recollect.operations.context import store
from recollect.operations.embedding import model_key
from recollect.settings import Settings

DIRECTIONS = 8
MOST = 1000
DAY = timedelta(days=1)
SPECIFICATION = "in_memory"


class Directions(FakeEmbedder):
    """Every text lies on one of a few axes; a question is nearer to one axis than to the next.

    So scores are the same in every precision: alike, or clearly apart.
    """

    def __init__(self) -> None:
        super().__init__(DIRECTIONS)
        self.model = "directions"

    async def embed(
        self, texts: Iterable[str], *, purpose: Literal["query", "document"]
    ) -> FloatMatrix:
        if self.problem is not None:
            raise EmbedderUnavailable(self.problem)
        if purpose == "query":
            return np.array([QUESTION for _ in texts])
        axes = [zlib.crc32(text.encode()) % DIRECTIONS for text in texts]
        return np.eye(DIRECTIONS, dtype=np.float32)[axes]


_FALLING = np.arange(DIRECTIONS, 0, -1, dtype=np.float32)
QUESTION = _FALLING / np.linalg.norm(_FALLING)


class Stores(RuleBasedStateMachine):
    """Does the same to every store, and compares what they answer with what the specification does.

    It begins with a note of each name, two messages and a fact, so that little is in vain.
    """

    notes = Bundle("notes")
    messages = Bundle("messages")
    facts = Bundle("facts")
    sets = Bundle("sets")
    exports = Bundle("exports")
    memories = st.one_of(notes, messages, facts)

    def __init__(self, portal: BlockingPortal) -> None:
        super().__init__()
        self._portal = portal
        self._stack = ExitStack()
        self._clock = FakeClock()
        self._embedder = Directions()
        self._key: str | None = None
        self._given: list[str] = []
        self._contexts = {kind: self._open(kind) for kind in STORES}

    def _open(self, kind: str) -> Context:
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        chosen = self._stack.enter_context(empty_store(kind))
        opening = open_store(Settings(data_dir=folder, store=chosen))
        opened = self._stack.enter_context(self._portal.wrap_async_context_manager(opening))
        context = context_of(opened, self._clock, self._embedder, CountedIds())
        return replace(context, working=WorkingMemory(window_tokens=5))

    def teardown(self) -> None:
        with self._stack:
            for memory_id in self._given:
                self._ask(operations.history, id=memory_id)
            self._same(_jobs)

    @initialize(target=notes)
    def begin_with_notes(self) -> MultipleResults[str]:
        for name in ("x", "y"):
            self._ids(self._ask(operations.remember, name=name, content="Tea.", tags=["x"]))
        return multiple(*self._given)

    @initialize(target=messages)
    def begin_with_messages(self) -> MultipleResults[str]:
        said = [{"producer": "Ann", "content": text} for text in ("Tea.", "Painting the lake.")]
        return self._ids(self._ask(operations.ingest, messages=said))

    @initialize(target=facts)
    def begin_with_facts(self) -> MultipleResults[str]:
        filed = {"category": "x", "tag": "taste", "feature": "drink"}
        return self._ids(self._ask(operations.learn, content="Likes tea.", **filed))

    @rule(target=notes, note=new_notes)
    def remember(self, note: Mapping[str, Any]) -> MultipleResults[str]:
        return self._ids(self._ask(operations.remember, **note))

    @rule(target=messages, talk=talks, scope=scopes, session=sessions)
    def ingest(self, talk: Any, scope: str, session: str) -> MultipleResults[str]:
        told = self._ask(operations.ingest, scope=scope, session=session, messages=talk)
        return self._ids(told)

    @rule(target=facts, fact=new_facts, cited=st.lists(messages, max_size=2, unique=True))
    def learn(self, fact: Mapping[str, Any], cited: list[str]) -> MultipleResults[str]:
        return self._ids(self._ask(operations.learn, **fact, citations=cited))

    @rule(fact=facts, changes=corrections, cited=st.lists(messages, max_size=1))
    def correct(self, fact: str, changes: Mapping[str, Any], cited: list[str]) -> None:
        self._ask(operations.correct, id=fact, **changes, citations=cited)

    @rule(memory=memories, by_name=rarely, changes=edits)
    def edit(self, *, memory: str, by_name: bool, changes: Mapping[str, Any]) -> None:
        self._ask(operations.edit, **self._reference(memory, by_name=by_name), **changes)

    @rule(note=notes, by_name=rarely, changes=moves)
    def move(self, *, note: str, by_name: bool, changes: Mapping[str, Any]) -> None:
        self._ask(operations.move, **self._reference(note, by_name=by_name), **changes)

    @rule(memory=memories, by_name=rarely, revision=revisions)
    def forget(self, *, memory: str, by_name: bool, revision: int | None) -> None:
        named = self._reference(memory, by_name=by_name)
        self._ask(operations.forget, **named, expected_revision=revision)

    @rule(scope=scopes, kind=st.sampled_from(list(Kind)))
    def forget_scope(self, scope: str, kind: Kind) -> None:
        told = {"scope": scope, "look": Look.SUBTREE, "kinds": [kind]}
        self._ask(operations.forget_scope, **told, confirm=True)

    @rule(memory=memories)
    def erase(self, memory: str) -> None:
        self._ask(operations.erase, id=memory)

    @rule(gone=st.lists(messages, max_size=3), numbers=st.lists(st.sampled_from(["1", "2"])))
    def erase_many(self, gone: list[str], numbers: list[str]) -> None:
        for kind in (Kind.EPISODE, Kind.FACT):
            named = {"scopes": ["", "a", "a/b"], "kind": kind, "ids": gone}
            self._ask(conversations.erase_many, **named, numbers=numbers)

    @rule(org=orgs, project=projects, description=st.sampled_from(["", "Ours."]))
    def create_project(self, org: str, project: str, description: str) -> None:
        named = {"org": org, "project": project}
        self._ask(conversations.create_project, **named, description=description)

    @rule(target=messages, org=orgs, project=projects, talk=talks)
    def add_messages(self, org: str, project: str, talk: Any) -> MultipleResults[str]:
        named = {"org": org, "project": project}
        return self._ids(self._ask(conversations.add_messages, **named, messages=talk))

    @rule(org=orgs, project=projects)
    def delete_project(self, org: str, project: str) -> None:
        self._ask(conversations.delete_project, org=org, project=project)

    @rule(target=sets, owner=st.tuples(orgs, projects), user=names)
    def register_set(self, owner: tuple[str, str], user: str) -> MultipleResults[Any]:
        org, project = owner
        named = {"org": org, "project": project, "metadata": {"user": user}}
        made = self._ask(conversations.register_set, **named, tags=["user"])
        return multiple((org, project, made["set_id"])) if made else multiple()

    @rule(of_set=sets, name=names)
    def create_category(self, of_set: tuple[str, str, str], name: str) -> None:
        org, project, set_id = of_set
        named = {"org": org, "project": project, "set_id": set_id}
        self._ask(conversations.create_category, **named, name=name, prompt="What they like.")
        self._ask(conversations.list_categories, **named)

    @rule(number=st.sampled_from(["1", "2"]))
    def delete_category(self, number: str) -> None:
        self._ask(conversations.delete_category, id=number)

    @rule(ends=st.tuples(memories, memories), weight=st.sampled_from([0.5, 1.0]))
    def link(self, ends: tuple[str, str], weight: float) -> None:
        link = Link(from_id=ends[0], to_id=ends[1], type="goes with", weight=weight)
        self._same(lambda context: store(context, PutLink(link=link)))

    @rule(ends=st.tuples(memories, memories))
    def unlink(self, ends: tuple[str, str]) -> None:
        change = DropLink(from_id=ends[0], to_id=ends[1], type="goes with")
        self._same(lambda context: store(context, change))

    @rule(target=exports)
    def export(self) -> list[str]:
        return self._same(_export)

    @rule(lines=exports)
    def import_again(self, lines: list[str]) -> None:
        self._same(lambda context: _import(context, lines))

    @rule(key=st.sampled_from(["k", "l"]))
    def use_key(self, key: str) -> None:
        """The next request carries it."""
        self._key = key

    @rule(duration=st.sampled_from([timedelta(minutes=1), timedelta(minutes=30), DAY]))
    def time_passes(self, duration: timedelta) -> None:
        self._clock.pass_by(duration)

    @rule(problem=st.sampled_from([None, "no model"]))
    def model_goes_or_comes(self, problem: str | None) -> None:
        self._embedder.problem = problem

    @rule(reindexing=rarely)
    def work(self, *, reindexing: bool) -> None:
        if reindexing:
            self._ask(operations.reindex)
        self._same(operations.work)

    @rule(asked=lists)
    def browse(self, asked: Mapping[str, Any]) -> None:
        cursor = None
        while page := self._ask(operations.browse, **asked, cursor=cursor):
            cursor = page["next_cursor"]
            if cursor is None:
                break

    @rule(question=questions)
    def recall(self, question: Mapping[str, Any]) -> None:
        request = operations.Recall(**question, limit=MOST)
        self._same(lambda context: _recalled(context, request))

    @rule(memory=memories)
    def read(self, memory: str) -> None:
        self._ask(operations.read, id=memory)
        self._ask(operations.history, id=memory)

    @invariant()
    def stores_hold_the_same(self) -> None:
        self._same(_held)

    def _ask(self, operation: Operation[Any, Any], **fields: Any) -> Any:
        """The answer of every store to a request; None if it was an error."""
        request = operation.request.model_validate(fields)
        key, self._key = self._key, None
        return self._same(lambda c: _answer(replace(c, idempotency_key=key), operation, request))

    def _same(self, do: Any) -> Any:
        """What it gives in every store, None for an error; fails if they differ."""
        done = {
            kind: self._portal.call(_outcome, do, context)
            for kind, context in self._contexts.items()
        }
        expected = done.pop(SPECIFICATION)
        for kind, outcome in done.items():
            assert (kind, outcome) == (kind, expected)
        return None if isinstance(expected, str) else expected

    def _ids(self, answer: Mapping[str, Any] | None) -> MultipleResults[str]:
        """The ids that an answer names, at most three of them."""
        ids = [] if answer is None else answer.get("ids") or [answer["id"]]
        self._given += ids[:3]
        return multiple(*ids[:3])

    def _reference(self, memory_id: str, *, by_name: bool) -> Mapping[str, str]:
        """How a request names a memory; only a note has a name."""
        model = self._contexts[SPECIFICATION]
        found = self._portal.call(model.records.get, model.tenant, [memory_id])
        if by_name and found and (name := found[0].name):
            return {"scope": found[0].scope, "name": name}
        return {"id": memory_id}


async def _outcome(do: Any, context: Context) -> Any:
    try:
        return await do(context)
    except RecollectError as error:
        return error.code


async def _answer(
    context: Context, operation: Operation[Any, Any], request: Any
) -> Mapping[str, Any]:
    answer: Result = await operation(context, request)
    dumped = answer.model_dump()
    if similar := dumped.get("similar"):
        # Which ones of many that are alike is left to the index.
        dumped["similar"] = [note["score"] for note in similar]
    return dumped


async def _held(context: Context) -> dict[str, object]:
    """Everything that is stored and can be seen."""
    figures = await operations.stats(context, operations.Stats())
    key = model_key(context)
    nearest = await context.vectors.search(context.tenant, ALL, key, QUESTION, MOST)
    return {
        "records": await _export(context),
        "log": await context.log.entries(context.tenant, 0, MOST),
        "stats": figures.model_dump(exclude={"size_bytes"}),
        "waiting": [m.id for m in await context.vectors.waiting(context.tenant, key, MOST)],
        "nearest": [hit.id for hit in nearest.hits],
        "complete": nearest.complete,
        "faults": await context.maintenance.check(context.tenant, repair=False),
    }


async def _jobs(context: Context) -> list[object]:
    """What is left to be done, in the order in which it will be."""
    left: list[object] = []
    much_later = context.now() + 9 * DAY
    for queue in operations.QUEUES:
        while job := await context.jobs.lease(context.tenant, queue.name, DAY, much_later):
            left.append((job.queue, job.dedupe_key, job.order_key, job.payload, job.attempts))
            await context.jobs.complete(context.tenant, job)
    return left


async def _recalled(context: Context, request: operations.Recall) -> object:
    """What answers a question, without the order, which scores of words decide."""
    answer = await operations.recall(context, request)
    found = {
        hit.memory.id: (hit.memory, dense.rank if (dense := hit.arms.get("dense")) else None)
        for hit in answer.results
    }
    return found, answer.degraded, answer.candidates


async def _export(context: Context) -> list[str]:
    return [line async for line in operations.export(context)]


async def _import(context: Context, lines: list[str]) -> Mapping[str, Any]:
    async def each() -> AsyncIterator[str]:
        for line in lines:
            yield line

    return (await operations.import_lines(context, each())).model_dump()


@pytest.fixture
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


def test_whatever_is_done_every_store_answers_alike(
    portal: BlockingPortal, *, thorough: bool
) -> None:
    chosen = settings(
        max_examples=500 if thorough else 8,
        stateful_step_count=40 if thorough else 25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(partial(Stores, portal), settings=chosen)
