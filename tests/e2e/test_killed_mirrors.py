"""`kill -9` at any moment leaves notes and their repository saying the same."""

import sys
from pathlib import Path
from random import Random

import pytest
from tests.e2e.forkers import forker, told_until_killed
from tests.e2e.homes import until
from tests.e2e.note_format import Strict, read_strictly
from tests.e2e.servers import Server, serving, where
from tests.e2e.work_trees import commit_messages, committed_notes, lying_notes, unclean

from recollect import operations
from recollect.app.mirroring import mirrored
from recollect.app.wiring import open_context
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.settings import HashingSettings, SqliteStoreSettings, StoreSettings, load

ROUNDS = {"sqlite": 50, "postgres": 10}
MANY_ROUNDS = 50
MOST_LINES = 40
LONGEST_WRITE = 0.05
OUR_VERBS = {"remember", "edit", "move", "forget"}
GONE = "gone"
MANY = 600

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork"),
]


async def test_killed_writers_leave_notes_and_files_saying_the_same(
    tmp_path: Path, store: StoreSettings, *, thorough: bool
) -> None:
    random = Random(3)
    rounds = MANY_ROUNDS if thorough else ROUNDS[store.kind]
    in_flight = 0
    known: dict[str, str] = {}
    with forker("tests.e2e.note_writer") as writers:
        for _ in range(rounds):
            count, seconds = random.randrange(1, MOST_LINES), random.uniform(0, LONGEST_WRITE)
            lines = told_until_killed(writers, where(tmp_path, store), count, seconds)
            answers = [line.split() for line in lines if line != "begun"]
            in_flight += lines.count("begun") > len(answers)
            known |= {note: state for note, state, *_ in answers}
            followed = {note: state for note, state, *degraded in answers if not degraded}
            _assert_committed(tmp_path / "notes", followed)
            await _assert_all_agree(tmp_path, store, known)
    assert in_flight >= rounds * 4 // 5
    assert GONE in known.values()
    assert not any("by hand" in message for message in commit_messages(tmp_path / "notes"))


async def test_a_killed_restore_is_completed_by_the_next(tmp_path: Path) -> None:
    texts = {f"projects/team/n{number}.md": f"Text {number}." for number in range(MANY)}
    (tmp_path / "notes/projects/team").mkdir(parents=True)
    for path, text in texts.items():
        (tmp_path / "notes" / path).write_text(text)
    with serving(tmp_path) as server:
        while not (stored := _stored(server)):
            pass
        server.kill()
    assert stored < MANY
    with serving(tmp_path) as server:
        await until(lambda: _stored(server) == MANY, seconds=60)
        assert server.http.post("/v1/sync", json={}).is_success
    await _assert_all_agree(tmp_path, SqliteStoreSettings(), {})
    bodies = {path: read_strictly(c).body for path, c in lying_notes(tmp_path / "notes").items()}
    assert bodies == texts


def _stored(server: Server) -> int:
    return server.http.get("/v1/stats").json()["memories"]


def _assert_committed(repository: Path, followed: dict[str, str]) -> None:
    """What was acknowledged without a reservation is in HEAD, before anything is put right."""
    committed = _by_id(committed_notes(repository)) if followed else {}
    for note, state in followed.items():
        if state == GONE:
            assert note not in committed
        elif note in committed:  # else its forgetting was under way
            assert committed[note].body >= f"Written {state} times."


async def _assert_all_agree(folder: Path, store: StoreSettings, known: dict[str, str]) -> None:
    """The next pass puts right what the writers left."""
    settings = load(**where(folder, store), embedder=HashingSettings())
    async with (
        open_context(settings) as (plain, _),
        mirrored(settings, plain) as context,
    ):
        await operations.sync(context, operations.Sync())
        every = context.selection("", Look.ALL)
        memories = await context.records.browse(context.tenant, every, None, sys.maxsize)
        stored = {m.id: (m.scope, m.name, m.content) for m in memories}
        committed = _by_id(committed_notes(folder / "notes"))
        assert {i: (f.scope, f.name, f.body) for i, f in committed.items()} == stored
        assert lying_notes(folder / "notes") == committed_notes(folder / "notes")
        assert unclean(folder / "notes") == []
        assert len({(scope, name) for scope, name, _ in stored.values()}) == len(stored)
        for note, state in known.items():
            history = await operations.history(context, operations.History(id=note))
            assert {r.verb for r in history.revisions} <= OUR_VERBS
            assert len({r.actor for r in history.revisions}) == 1
            is_forgotten = history.revisions[-1].verb == "forget"
            assert (note in stored) != is_forgotten
            assert is_forgotten or state != GONE
        checked = await operations.check(context, operations.Check(repair=False))
        assert checked.faults == []
        assert all(memory.kind is Kind.NOTE for memory in memories)


def _by_id(files: dict[str, bytes]) -> dict[str, Strict]:
    """What each note's file says; no two are of one note."""
    read = [read_strictly(content) for content in files.values()]
    assert len({file.id for file in read}) == len(read)
    return {file.id: file for file in read}
