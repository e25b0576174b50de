"""What becomes of notes that several clones changed, and of the exchange itself."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pygit2 import Oid, Repository, Signature, Tree
from tests.contract.repositories import GitWorld, InMemoryWorld
from tests.contract.test_git_repository import FILE, LINK, PROGRAM, SUBMODULE, foreign
from tests.operations.clones import Clone, cloned, root_of
from tests.operations.fakes import FakeClock

from recollect.adapters.in_memory.repository import InMemoryNoteRepository
from recollect.app.mirroring import FollowingMirror
from recollect.domain.memory import MAX_CONTENT_BYTES, Memory
from recollect.errors import RemoteMoved, SyncFailed, Unavailable
from recollect.operations import (
    Context,
    Edit,
    ForgetOne,
    History,
    Move,
    Sync,
    edit,
    forget,
    history,
    move,
    sync,
)
from recollect.operations.mirror import Mount, exchange, mirror, mounts_of
from recollect.ports import Exchange, NoteRepository

pytestmark = pytest.mark.anyio

TEA = "One.\n\nTwo.\n\nThree."


@dataclass
class Pair:
    """Two clones that share a note."""

    one: Clone
    other: Clone
    clock: FakeClock
    id: str

    async def edit(self, clone: Clone, **fields: object) -> None:
        """Edit the note, later than all before."""
        self.clock.pass_by(timedelta(seconds=1))
        await edit(clone.context, Edit.model_validate({"id": self.id, **fields}))

    async def exchange(self) -> tuple[Exchange, Exchange]:
        """What the second and then the first clone are told, once the first has pushed."""
        await self.one.sync()
        return await self.other.sync(), await self.one.sync()

    async def note(self) -> Memory:
        """The note, of which both stores say the same."""
        (one,), (other,) = [
            await clone.context.records.get(clone.context.tenant, [self.id])
            for clone in (self.one, self.other)
        ]
        assert replace(one, revision=0) == replace(other, revision=0)
        assert await self.one.files() == await self.other.files()
        return one


@pytest.fixture
async def pair() -> AsyncGenerator[Pair]:
    async with cloned(InMemoryWorld, 2) as ((one, other), clock):
        tea = await one.keep("tea", TEA, tags=["hot", "black"], source="Ann")
        await one.sync()
        await other.sync()
        await one.sync()
        yield Pair(one, other, clock, tea)


# What both sides changed


async def test_different_paragraphs_are_both_kept(pair: Pair) -> None:
    await pair.edit(pair.one, content=TEA.replace("One", "1"))
    await pair.edit(pair.other, content=TEA.replace("Three", "3"))

    told, _ = await pair.exchange()

    assert told.pull == "merged (0 conflicts resolved)"
    assert (await pair.note()).content == "1.\n\nTwo.\n\n3."


async def test_of_a_field_the_newer_one_lasts(pair: Pair) -> None:
    await pair.edit(pair.one, source="Bo")
    await pair.edit(pair.other, source="Cleo")

    await pair.exchange()

    assert (await pair.note()).source == "Cleo"


async def test_tags_are_merged_one_by_one(pair: Pair) -> None:
    await pair.edit(pair.one, tags=["hot", "green"])
    await pair.edit(pair.other, tags=["hot", "black", "cup"])

    await pair.exchange()

    assert set((await pair.note()).tags) == {"hot", "green", "cup"}


async def test_a_note_moved_here_and_edited_there_is_both(pair: Pair) -> None:
    await pair.edit(pair.one, content="Edited.")
    await move(pair.other.context, Move(id=pair.id, to_scope="home", new_name="drink"))

    told, _ = await pair.exchange()

    note = await pair.note()
    assert (note.scope, note.name, note.content) == ("home", "drink", "Edited.")
    assert set(await pair.one.files()) == {"projects/home/drink.md"}
    assert not told.conflicts


async def test_of_one_line_changed_twice_both_texts_last_and_are_told(pair: Pair) -> None:
    await pair.edit(pair.one, content="Older.")
    await pair.edit(pair.other, content="Newer.")

    told, after = await pair.exchange()

    assert told.pull == "merged (1 conflicts resolved)"
    (conflict,) = told.conflicts
    assert (conflict.scope, conflict.name) == ("", "tea")
    assert await pair.one.notes() == {":tea": "Newer.", f":{conflict.beside}": "Older."}
    assert await pair.other.notes() == await pair.one.notes()
    assert (await pair.note()).content == "Newer."
    assert (after.pull, after.conflicts) == ("fast-forward", ())
    revisions = (await history(pair.one.context, History(id=pair.id))).revisions
    texts = [revision.memory.content for revision in revisions if revision.memory]
    assert texts == [TEA, "Older.", "Newer."]


@pytest.mark.parametrize("edited_first", [True, False])
async def test_an_edit_outlives_a_deletion_and_that_is_told(
    pair: Pair, *, edited_first: bool
) -> None:
    editing, deleting = (pair.one, pair.other) if edited_first else (pair.other, pair.one)
    await pair.edit(editing, content="Edited.")
    await forget(deleting.context, ForgetOne(id=pair.id))

    told, _ = await pair.exchange()

    assert told.kept == (("", "tea"),)
    assert (await pair.note()).content == "Edited."


async def test_what_one_side_deleted_is_gone(pair: Pair) -> None:
    await forget(pair.one.context, ForgetOne(id=pair.id))

    told, _ = await pair.exchange()

    assert (told.removed, told.kept) == (1, ())
    assert await pair.other.notes() == await pair.one.notes() == {}


async def test_notes_of_one_name_made_apart_become_one(pair: Pair) -> None:
    first = await pair.one.keep("coffee", "Strong.")
    pair.clock.pass_by(timedelta(seconds=1))
    await pair.other.keep("coffee", "Weak.")

    told, _ = await pair.exchange()

    (conflict,) = told.conflicts
    notes = {f":{conflict.beside}": "Strong.", ":coffee": "Weak.", ":tea": TEA}
    assert await pair.one.notes() == await pair.other.notes() == notes
    for clone in (pair.one, pair.other):
        found = await clone.context.records.named(clone.context.tenant, "", "coffee")
        assert found is not None
        assert found.id == first


# Names that go round


async def test_a_name_that_was_given_to_another_note_makes_no_conflict(pair: Pair) -> None:
    await move(pair.one.context, Move(id=pair.id, to_scope="", new_name="old-tea"))
    new = await pair.one.keep("tea", "New.")

    told, _ = await pair.exchange()

    assert await pair.other.notes() == {":old-tea": TEA, ":tea": "New."}
    assert (told.added, told.updated, told.removed, told.conflicts) == (1, 1, 0, ())
    found = await pair.other.context.records.named(pair.other.context.tenant, "", "tea")
    assert found is not None
    assert found.id == new


async def test_files_moved_one_behind_the_other_are_notes_moved(pair: Pair) -> None:
    second = await pair.one.keep("b", "Second.")
    await pair.one.sync()
    tea, b = pair.one.read("global/tea.md"), pair.one.read("global/b.md")
    pair.one.write("global/b.md", tea)
    pair.one.write("global/c.md", b)
    pair.one.write("global/tea.md", None)

    await pair.exchange()

    assert await pair.other.notes() == {":b": TEA, ":c": "Second."}
    assert {m.name: m.id for m in await pair.other.memories()} == {"b": pair.id, "c": second}


async def test_a_copy_over_the_file_of_another_note_gets_that_ones_place_only(pair: Pair) -> None:
    await pair.one.keep("b", "Second.")
    await pair.one.sync()
    pair.one.write("global/b.md", pair.one.read("global/tea.md"))

    await pair.exchange()

    assert await pair.other.notes() == await pair.one.notes() == {":tea": TEA, ":b": TEA}
    ids = {m.id for m in await pair.other.memories()}
    assert len(ids) == 2
    assert pair.id in ids


async def test_a_spoiled_file_is_neither_written_over_nor_deleted(pair: Pair) -> None:
    spoiled = pair.one.read("global/tea.md").replace("id:", "it:")
    pair.one.write("global/tea.md", spoiled)
    await pair.one.sync()
    await pair.edit(pair.one, content="In the store.")
    await move(pair.one.context, Move(id=pair.id, to_scope="home"))

    await pair.exchange()

    assert pair.one.read("global/tea.md") == pair.other.read("global/tea.md") == spoiled
    assert "In the store." in pair.other.read("projects/home/tea.md")


async def test_what_could_be_no_file_becomes_one_when_the_way_is_free(pair: Pair) -> None:
    pair.one.write("global/b.md", "---\nid: [\n---\n")
    await pair.one.sync()
    await move(pair.one.context, Move(id=pair.id, to_scope="", new_name="b"))
    await pair.one.sync()
    assert set(await pair.one.files()) == {"global/tea.md", "global/b.md"}
    pair.one.write("global/b.md", None)

    await pair.exchange()

    assert set(await pair.other.files()) == {"global/b.md"}
    assert await pair.other.notes() == await pair.one.notes() == {":b": TEA}


# The exchange


async def test_the_pull_is_told_in_its_words(pair: Pair) -> None:
    assert (await pair.one.sync(pull=False)).pull == "skipped"
    assert (await pair.one.sync()).pull == "up-to-date"
    await pair.edit(pair.one, content="Edited.")
    await pair.one.sync()
    assert (await pair.other.sync()).pull == "fast-forward"
    alone = Mount(InMemoryNoteRepository())
    assert (await exchange(pair.one.context, alone, pull=True)).pull == "no-remote"
    assert (await exchange(pair.one.context, alone, pull=False)).pull == "skipped"


async def test_edits_by_hand_are_not_counted_as_pulled(pair: Pair) -> None:
    pair.one.write("global/b.md", "By hand.")
    assert (await pair.one.sync()).added == 0
    assert (await pair.other.sync()).added == 1


@dataclass(kw_only=True, eq=False)
class OvertakenRepository(InMemoryNoteRepository):
    """Somebody else pushes before each of the first pushes."""

    overtakers: list[Clone] = field(default_factory=list[Clone])

    async def push(self) -> None:
        if self.overtakers:
            other = self.overtakers.pop()
            await other.keep(f"quick-{len(self.overtakers)}", "Quick.")
            await other.sync()
        await super().push()


def overtaken(clone: Clone, by: Clone, times: int) -> Clone:
    repository = clone.repository
    assert isinstance(repository, InMemoryNoteRepository)
    fields = {name: getattr(repository, name) for name in ("branch", "now", "remote_repository")}
    slow = OvertakenRepository(**fields, overtakers=[by] * times)
    return replace(clone, mount=Mount(slow))


async def test_a_remote_that_moves_meanwhile_is_merged_again(pair: Pair) -> None:
    slow = overtaken(pair.one, pair.other, times=2)

    told = await slow.sync()

    assert told.pull.startswith("merged")
    assert set(await pair.one.notes()) == {":tea", ":quick-0", ":quick-1"}
    assert (await slow.sync()).pull == "up-to-date"


async def test_a_remote_that_moves_is_not_overwritten_without_pulling(pair: Pair) -> None:
    await pair.edit(pair.one, content="Edited.")
    await pair.other.keep("b", "Second.")
    await pair.other.sync()

    told = await pair.one.sync(pull=False)

    assert isinstance(told.push_problem, RemoteMoved)
    assert ":b" in await pair.other.notes()
    assert (await pair.one.sync()).problem is None


# Several repositories


@dataclass(eq=False)
class LostRepository(InMemoryNoteRepository):
    """Its remote is out of reach."""

    async def fetch(self) -> str | None:
        raise Unavailable("the git remote is away")


@dataclass(eq=False)
class RefusedRepository(InMemoryNoteRepository):
    """Its remote takes nothing."""

    async def push(self) -> None:
        raise Unavailable("the git remote refuses")


def with_remotes(clone: Clone, repositories: Sequence[NoteRepository]) -> Context:
    """The clone's context with a mirror into these repositories."""

    async def opening() -> Sequence[NoteRepository]:
        return repositories

    return replace(clone.context, mirror=FollowingMirror(clone.context, opening, logs=False))


def three(remotes: Sequence[InMemoryNoteRepository]) -> list[InMemoryNoteRepository]:
    scopes = ("acme", "", "acme/secret")
    return [
        InMemoryNoteRepository(prefix=scope, remote_repository=remote)
        for scope, remote in zip(scopes, remotes, strict=True)
    ]


@pytest.fixture
def remotes() -> list[InMemoryNoteRepository]:
    return [InMemoryNoteRepository() for _ in range(3)]


async def paths(repository: NoteRepository) -> set[str]:
    return set(await repository.notes(await repository.head()))


async def test_the_longest_scope_says_in_which_repository_a_note_lies(
    pair: Pair, remotes: list[InMemoryNoteRepository]
) -> None:
    for scope in ("acme", "acme/api", "acme/secret/key", "acmes"):
        await pair.one.keep("note", f"Text of {scope}.", scope)
    repositories = three(remotes)

    told = await sync(with_remotes(pair.one, repositories), Sync())

    assert [await paths(repository) for repository in repositories] == [
        {"projects/acme/note.md", "projects/acme/api/note.md"},
        {"global/tea.md", "projects/acmes/note.md"},
        {"projects/acme/secret/key/note.md"},
    ]
    assert told.pull == "3 repos synced"
    labels = [mount.label for mount in mounts_of(repositories)]
    assert labels == ["default", "acme/secret", "acme"]


@pytest.mark.parametrize(("start", "end"), [("", "acme"), ("acme", ""), ("acme", "acme/secret")])
async def test_a_note_that_changes_its_repository_changes_it_everywhere(
    pair: Pair, remotes: list[InMemoryNoteRepository], start: str, end: str
) -> None:
    here, there = three(remotes), three(remotes)
    one, other = with_remotes(pair.one, here), with_remotes(pair.other, there)
    note_id = await pair.one.keep("plan", "Plan.", start)
    for context in (one, other):
        await sync(context, Sync())
    pair.clock.pass_by(timedelta(seconds=1))
    await move(pair.one.context, Move(id=note_id, to_scope=end))

    await sync(one, Sync())
    told = await sync(other, Sync())
    await sync(one, Sync())

    assert await pair.other.notes() == await pair.one.notes()
    assert f"{end}:plan" in await pair.other.notes()
    assert [await paths(r) for r in here] == [await paths(r) for r in there]
    assert (told.conflicts, told.kept) == ([], [])


async def test_a_repository_says_nothing_of_scopes_that_others_hold(
    pair: Pair, remotes: list[InMemoryNoteRepository]
) -> None:
    await pair.one.keep("plan", "Plan.", "acme")
    repositories = three(remotes)
    context = with_remotes(pair.one, repositories)
    await sync(context, Sync())
    before = await pair.one.memories()
    acme = repositories[0]
    plan = (await acme.read([(await acme.notes(await acme.head()))["projects/acme/plan.md"]]))[0]
    strays = {
        "global/tea.md": plan.replace(b"type: Path\n  name: acme", b"type: Root"),
        "global/plain.md": b"Plain.",
        "projects/acme/secret/key.md": b"Key.",
        "projects/acme/plan.md": None,
        "projects/acmes/plan.md": plan.replace(b"name: acme", b"name: acmes"),
    }
    async with acme.held():
        await acme.write(strays, "chore: stray", by_hand=False)

    told = await sync(context, Sync())

    assert await pair.one.memories() == before
    assert told.reindex is None
    assert await paths(acme) == {*strays}
    assert await paths(repositories[1]) == {"global/tea.md"}
    [mount] = [mount for mount in mounts_of(repositories) if mount.label == "acme"]
    passed = await mirror(pair.one.context, mount, look=True)
    assert {skipped.path for skipped in passed.skipped} == strays.keys() - {"projects/acme/plan.md"}
    assert await pair.one.memories() == before


async def test_notes_move_to_a_repository_that_is_added_and_back_when_it_is_taken_out(
    pair: Pair, remotes: list[InMemoryNoteRepository]
) -> None:
    await pair.one.keep("plan", "Plan.", "acme")
    await pair.one.keep("key", "Key.", "acme/secret")
    acme, default, secret = three(remotes)
    before = await pair.one.memories()
    keys = {"global/tea.md", "projects/acme/plan.md", "projects/acme/secret/key.md"}
    for mapped, wanted in (
        ([default], [keys]),
        ([default, acme], [{"global/tea.md"}, keys - {"global/tea.md"}]),
        ([default, acme, secret], [{path} for path in sorted(keys)]),
        ([default], [keys]),
    ):
        context = with_remotes(pair.one, mapped)
        await sync(context, Sync())

        assert [await paths(repository) for repository in mapped] == wanted
        assert await pair.one.memories() == before
        assert (await sync(context, Sync())).reindex is None


async def test_who_shares_the_default_repository_keeps_the_notes_that_left_it(
    pair: Pair, remotes: list[InMemoryNoteRepository]
) -> None:
    await pair.one.keep("plan", "Plan.", "acme")
    here, there = three(remotes)[:2], three(remotes)[:2]
    for context in (with_remotes(pair.one, here[1:]), with_remotes(pair.other, there[1:])):
        await sync(context, Sync())

    one, other = with_remotes(pair.one, here), with_remotes(pair.other, there)
    for context in (one, other, one):
        told = await sync(context, Sync())
        assert (told.conflicts, told.kept) == ([], [])

    assert await pair.other.notes() == await pair.one.notes()
    assert "acme:plan" in await pair.other.notes()
    assert [await paths(r) for r in here] == [await paths(r) for r in there]


async def test_a_repository_that_fails_does_not_stop_the_others(
    pair: Pair, remotes: list[InMemoryNoteRepository]
) -> None:
    await pair.one.keep("key", "Key.", "acme/secret")
    lost = LostRepository(prefix="acme", remote_repository=remotes[0])
    refused = RefusedRepository(remote_repository=remotes[1])
    secret = three(remotes)[2]

    with pytest.raises(SyncFailed) as failed:
        await sync(with_remotes(pair.one, [lost, refused, secret]), Sync())

    assert str(failed.value) == (
        "sync failed for 2/3 repos: default: push failed: the git remote refuses; "
        "acme: pull failed: the git remote is away"
    )
    assert failed.value.details == {
        "status": "sync failed",
        "branch": "main",
        "failed": [
            {"label": "default", "push_error": "the git remote refuses"},
            {"label": "acme", "pull_error": "the git remote is away"},
        ],
        "succeeded": ["acme/secret"],
    }
    assert await paths(remotes[2]) == {"projects/acme/secret/key.md"}


# Remotes of others


async def test_a_remote_whose_history_was_made_anew_loses_nobody_s_notes() -> None:
    async with cloned(GitWorld, 2) as ((one, other), _):
        await one.keep("tea", "Green.")
        await one.keep("milk", "White.")
        await one.sync()
        await other.sync()
        await one.keep("here", "Only here.")
        await other.keep("there", "Only there.")
        git = Repository(str(root_of(one.repository)))
        who = Signature("A", "a@example.org")
        tree = git.head.peel(Tree).id
        anew = git.create_commit(None, who, who, "One commit of all", tree, [])
        git.create_reference("refs/heads/anew", anew)
        git.remotes["origin"].push([f"+refs/heads/anew:refs/heads/{one.repository.branch}"])

        for clone in (other, one, other, one):
            assert (await clone.sync()).problem is None

        expected = {":tea": "Green.", ":milk": "White.", ":here": "Only here."}
        expected |= {":there": "Only there."}
        for clone in (one, other):
            assert await clone.notes() == expected
            assert (await clone.sync()).pull == "up-to-date"


async def test_a_hostile_remote_harms_nothing_and_its_notes_come_all_the_same(
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("Outside.")
    evil = {
        "global\ttea.md": (FILE, b"Green."),
        "global\tTea.md": (FILE, b"Another."),
        "global\tlink.md": (LINK, str(outside).encode()),
        "global\tsub.md": (SUBMODULE, Oid(hex="1" * 40)),
        "global\thuge.md": (FILE, b"x" * (MAX_CONTENT_BYTES + 1)),
        "global\t..\t..\toutside.md": (FILE, b"evil"),
        "global\t.git\tconfig.md": (FILE, b"evil"),
        "global\tt\udcffa.md": (FILE, b"evil"),
        "projects\tacme": (LINK, str(tmp_path).encode()),
        "projects\tother\tnote.md": (FILE, b"Other."),
        ".git\thooks\tpost-commit": (PROGRAM, b"#!/bin/sh"),
    }
    async with cloned(GitWorld, 2) as ((one, other), _):
        await one.sync()
        git = Repository(str(root_of(one.repository)))
        theirs = foreign(git, evil)
        git.create_reference("refs/heads/evil", theirs)
        git.remotes["origin"].push([f"+refs/heads/evil:refs/heads/{one.repository.branch}"])
        await other.keep("mine", "Mine.", "acme")

        for clone in (other, one, other):
            assert (await clone.sync()).problem is None

        expected = {
            ":tea": "Green.",
            ":Tea": "Another.",
            "other:note": "Other.",
            "acme:mine": "Mine.",
        }
        for clone in (one, other):
            assert await clone.notes() == expected
            assert (await clone.sync()).pull == "up-to-date"
            root = root_of(clone.repository)
            assert not any(path.is_symlink() for path in root.rglob("*"))
            assert not (root / ".git/hooks/post-commit").exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "outside.md": "Outside."
    }
