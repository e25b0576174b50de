"""What every repository of notes promises."""

import ast
from pathlib import Path

import anyio
import pytest
from tests.contract.repositories import WORLDS, World

from recollect import adapters
from recollect.errors import Conflict, InvalidRequest, RecollectError, RemoteMoved, Unavailable
from recollect.ports import Agreement, NoteRepository, SkippedFile

pytestmark = pytest.mark.anyio

A, B, DEEP = "global/a.md", "global/b.md", "projects/acme/api/db/pool.md"


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


@pytest.fixture
async def repository(world: World) -> NoteRepository:
    return await world.clone()


async def written(repository: NoteRepository, notes: dict[str, bytes | None]) -> str:
    async with repository.held():
        return await repository.write(notes, "chore: save")


async def content(repository: NoteRepository, commit: str | None) -> dict[str, bytes]:
    notes = await repository.notes(commit)
    return dict(zip(notes, await repository.read(list(notes.values())), strict=True))


def test_every_repository_of_notes_is_held_to_the_contract() -> None:
    classes = (
        node.name
        for path in Path(adapters.__path__[0]).rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )

    found = {name for name in classes if name.endswith("NoteRepository")}

    assert found == {world.adapter.__name__ for world in WORLDS.values()}


async def test_a_new_repository_has_one_commit_and_no_notes(repository: NoteRepository) -> None:
    head = await repository.head()

    assert head is not None
    assert (await repository.describe(head)).message == "chore: init repository"
    assert await repository.notes(head) == {}
    assert await repository.notes(None) == {}
    assert await repository.edited(None) == {}
    assert repository.branch == "notes"


async def test_what_is_written_is_committed_and_lies_in_the_work_tree(
    world: World, repository: NoteRepository
) -> None:
    before = await repository.head()

    head = await written(repository, {A: b"one\n", DEEP: b"two\r\n\xff"})

    assert await repository.head() == head != before
    assert await content(repository, head) == {A: b"one\n", DEEP: b"two\r\n\xff"}
    assert world.lying(repository, A) == b"one\n"
    assert world.lying(repository, DEEP) == b"two\r\n\xff"
    assert await repository.edited(None) == {}
    assert await content(repository, before) == {}


async def test_a_deleted_note_is_gone_and_the_others_stay(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a", B: b"b", DEEP: b"deep"})

    head = await written(repository, {A: None, DEEP: None})

    assert await content(repository, head) == {B: b"b"}
    assert world.lying(repository, A) is None
    assert world.lying(repository, DEEP) is None
    assert await repository.edited(None) == {}


async def test_deleting_what_is_not_there_commits_nothing(repository: NoteRepository) -> None:
    head = await written(repository, {A: b"a"})

    assert await written(repository, {B: None, DEEP: None, A: b"a"}) == head


async def test_a_commit_tells_who_when_and_what(repository: NoteRepository) -> None:
    async with repository.held():
        head = await repository.write({A: b"a"}, "chore: save memory 'a'\n\nTold by hand.\n")

    told = await repository.describe(head)

    assert told.id == head
    assert told.message == "chore: save memory 'a'\n\nTold by hand.\n"
    assert told.author
    assert told.at.tzinfo is not None


async def test_edits_by_hand_are_told_and_touch_nothing(
    world: World, repository: NoteRepository
) -> None:
    head = await written(repository, {A: b"a", B: b"b", DEEP: b"deep"})
    world.edit(repository, A, b"a, by hand")
    world.edit(repository, B, None)
    world.edit(repository, "projects/new.md", b"new")

    edited = await repository.edited(None)

    assert set(edited) == {A, B, "projects/new.md"}
    assert edited[B] is None
    blobs = [edited[A] or "", edited["projects/new.md"] or ""]
    assert await repository.read(blobs) == [b"a, by hand", b"new"]
    assert await repository.head() == head
    assert world.lying(repository, A) == b"a, by hand"


async def test_edits_are_told_of_the_paths_that_are_asked_for(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a", B: b"b"})
    world.edit(repository, A, b"x")
    world.edit(repository, B, b"x")

    assert set(await repository.edited([A, DEEP, "global/absent.md"])) == {A}
    assert await repository.edited([]) == {}


async def test_files_that_are_no_notes_are_no_edits(
    world: World, repository: NoteRepository
) -> None:
    for path in (
        "README.md",
        "global/picture.png",
        "global/.hidden.md",
        "global/.x/y.md",
        "z/y.md",
    ):
        world.edit(repository, path, b"x")

    assert await repository.edited(None) == {}
    assert await repository.edited(["README.md", "global/.hidden.md"]) == {}


async def test_an_edit_that_is_taken_back_is_none(world: World, repository: NoteRepository) -> None:
    await written(repository, {A: b"a"})
    world.edit(repository, A, b"b")
    world.edit(repository, A, b"a")

    assert await repository.edited(None) == {}


async def test_an_edit_by_hand_is_committed_as_it_lies(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a", B: b"b"})
    world.edit(repository, A, b"by hand")
    world.edit(repository, B, None)

    async with repository.held():
        head = await repository.write({A: b"by hand", B: None}, "chore: by hand", by_hand=True)

    assert await content(repository, head) == {A: b"by hand"}
    assert await repository.edited(None) == {}


async def test_what_is_edited_while_an_edit_is_committed_stays_an_edit(
    world: World, repository: NoteRepository
) -> None:
    world.edit(repository, A, b"second")
    world.edit(repository, B, b"back again")

    async with repository.held():
        await repository.write({A: b"first", B: None}, "chore: by hand", by_hand=True)

    edited = await repository.edited(None)
    assert await repository.read([edited[A] or "", edited[B] or ""]) == [b"second", b"back again"]
    assert world.lying(repository, A) == b"second"


async def test_no_edit_by_hand_is_overwritten(world: World, repository: NoteRepository) -> None:
    head = await written(repository, {A: b"a", B: b"b"})
    world.edit(repository, B, b"by hand")

    async with repository.held():
        with pytest.raises(Conflict):
            await repository.write({A: b"new", B: b"new"}, "chore: save")
        with pytest.raises(Conflict):
            await repository.write({B: None}, "chore: delete")

    assert await repository.head() == head
    assert world.lying(repository, A) == b"a"
    assert world.lying(repository, B) == b"by hand"
    assert set(await repository.edited(None)) == {B}


async def test_edits_at_other_paths_stay_edits(world: World, repository: NoteRepository) -> None:
    await written(repository, {A: b"a", B: b"b"})
    world.edit(repository, B, b"by hand")

    await written(repository, {A: b"new"})

    assert world.lying(repository, B) == b"by hand"
    assert set(await repository.edited(None)) == {B}


@pytest.mark.parametrize(
    "path",
    [
        *("README.md", "global/a", "global/a.txt", "a.md", "/global/a.md", "global/../a.md"),
        *("global/.git/a.md", ".git/global/a.md", "global//a.md", "global/.md", "projects"),
        *("../global/a.md", "Global/a.md", ""),
    ],
)
async def test_only_notes_are_written(world: World, repository: NoteRepository, path: str) -> None:
    async with repository.held():
        with pytest.raises(InvalidRequest):
            await repository.write({A: b"a", path: b"x"}, "chore: save")

    assert world.lying(repository, A) is None
    assert await repository.edited(None) == {}


async def test_a_note_cannot_lie_where_a_folder_does(repository: NoteRepository) -> None:
    head = await written(repository, {"global/a.md/b.md": b"b", "global/c.md": b"c"})

    async with repository.held():
        with pytest.raises(InvalidRequest):
            await repository.write({B: b"b", "global/a.md": b"a"}, "chore: save")
        with pytest.raises(InvalidRequest):
            await repository.write({B: b"b", "global/c.md/d.md": b"d"}, "chore: save")
        await repository.write({"global/a.md": None, "global/c.md/d.md": None}, "chore: delete")

    assert await repository.head() == head
    assert await repository.edited(None) == {}


async def test_a_note_takes_the_place_of_a_folder_that_goes(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {"global/a.md/b.md": b"b", "global/c.md": b"c"})

    changes = {"global/a.md": b"a", "global/a.md/b.md": None}
    await written(repository, changes | {"global/c.md/d.md": b"d", "global/c.md": None})

    assert world.lying(repository, "global/a.md") == b"a"
    assert world.lying(repository, "global/c.md/d.md") == b"d"
    assert await repository.edited(None) == {}


async def test_the_agreement_is_kept_while_its_commit_is_there(
    repository: NoteRepository,
) -> None:
    assert await repository.agreement() is None
    head = await written(repository, {A: b"a"})
    skipped = (
        SkippedFile(path=B, reason="unreadable"),
        SkippedFile(path="global/con.md", reason="a device", note_id="1"),
    )
    agreement = Agreement(commit=head, seq=7, mark="x", skipped=skipped)

    await repository.agree(agreement)
    assert await repository.agreement() == agreement

    await repository.agree(Agreement(commit="0" * 40, seq=8, mark="y"))
    assert await repository.agreement() is None


async def test_who_does_not_hold_the_repository_does_not_change_it(
    repository: NoteRepository,
) -> None:
    head = await repository.head() or ""

    with pytest.raises(RecollectError):
        await repository.write({A: b"a"}, "chore: save")
    with pytest.raises(RecollectError):
        await repository.advance(head)

    assert await repository.head() == head


async def test_one_at_a_time_holds_the_repository(repository: NoteRepository) -> None:
    order: list[str] = []

    async def hold(name: str) -> None:
        async with repository.held():
            order.append(f"{name} in")
            await anyio.wait_all_tasks_blocked()
            order.append(f"{name} out")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hold, "one")
        tasks.start_soon(hold, "other")

    assert order in (
        ["one in", "one out", "other in", "other out"],
        ["other in", "other out", "one in", "one out"],
    )


async def test_whoever_waits_too_long_is_told(world: World) -> None:
    repository = await world.clone(deadline_seconds=0.05)
    codes: list[str] = []

    async def hold() -> None:
        try:
            async with repository.held():
                codes.append("held")
        except Unavailable as error:
            codes.append(error.code)

    async with repository.held(), anyio.create_task_group() as tasks:
        tasks.start_soon(hold)
    await hold()

    assert codes == ["unavailable", "held"]


async def test_the_lease_ends_with_a_failure(repository: NoteRepository) -> None:
    with pytest.raises(ZeroDivisionError):
        async with repository.held():
            _ = 1 / 0

    await written(repository, {A: b"a"})


async def test_a_merge_has_two_parents(repository: NoteRepository) -> None:
    base = await repository.head()
    one = await written(repository, {A: b"a"})

    async with repository.held():
        both = await repository.write({B: b"b"}, "chore: merge", merged=base)

    assert await content(repository, both) == {A: b"a", B: b"b"}
    assert await repository.merge_base(both, one) == one
    assert await repository.merge_base(one, base or "") == base


async def test_an_empty_remote_has_no_newest_commit(repository: NoteRepository) -> None:
    assert repository.remote
    assert await repository.fetch() is None


async def test_what_is_pushed_can_be_fetched(world: World, repository: NoteRepository) -> None:
    head = await written(repository, {A: b"a", DEEP: b"deep"})
    other = await world.clone("other")

    await repository.push()
    fetched = await other.fetch()

    assert fetched == head
    assert await content(other, fetched) == {A: b"a", DEEP: b"deep"}
    assert await other.notes(await other.head()) == {}
    assert world.lying(other, A) is None


async def joined(world: World, repository: NoteRepository) -> NoteRepository:
    """Another clone, that has what this one pushed."""
    await repository.push()
    other = await world.clone("other")
    fetched = await other.fetch()
    async with other.held():
        await other.write({}, "chore: merge", merged=fetched)
        notes = await content(other, fetched)
        await other.write(dict(notes), "chore: save")
    return other


async def test_a_push_of_what_the_remote_has_changes_nothing(repository: NoteRepository) -> None:
    head = await written(repository, {A: b"a"})

    await repository.push()
    await repository.push()

    assert await repository.fetch() == head


async def test_a_remote_that_moved_is_not_overwritten(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a"})
    other = await joined(world, repository)
    theirs = await written(other, {B: b"theirs"})
    await other.push()
    await written(repository, {B: b"ours"})

    with pytest.raises(RemoteMoved):
        await repository.push()

    assert await repository.fetch() == theirs


async def test_an_unrelated_remote_is_not_overwritten(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a"})
    await repository.push()
    other = await world.clone("other")
    ours = await written(other, {B: b"b"})

    with pytest.raises(RemoteMoved):
        await other.push()

    fetched = await other.fetch()
    assert fetched is not None
    assert await other.merge_base(ours, fetched) is None


async def test_a_merge_of_both_sides_can_be_pushed(
    world: World, repository: NoteRepository
) -> None:
    base = await written(repository, {A: b"a"})
    other = await joined(world, repository)
    await other.push()
    ours = await written(repository, {B: b"ours"})
    theirs = await repository.fetch()
    assert theirs is not None

    async with repository.held():
        merged = await repository.write({DEEP: b"deep"}, "chore: merge", merged=theirs)
    await repository.push()

    assert await repository.merge_base(ours, theirs) == base
    assert await other.fetch() == merged


async def test_advancing_puts_what_changed_into_the_work_tree(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a", B: b"b", DEEP: b"deep"})
    other = await joined(world, repository)
    await other.push()
    head = await repository.fetch()
    assert head is not None
    async with repository.held():
        await repository.advance(head)
    head = await written(other, {A: b"new", DEEP: None, "global/x/y.md": b"y"})
    await other.push()
    fetched = await repository.fetch()
    assert fetched == head
    world.edit(repository, B, b"by hand")

    async with repository.held():
        await repository.advance(fetched)

    assert await repository.head() == head
    assert world.lying(repository, A) == b"new"
    assert world.lying(repository, DEEP) is None
    assert world.lying(repository, "global/x/y.md") == b"y"
    assert set(await repository.edited(None)) == {B}


async def test_advancing_overwrites_no_edit_by_hand(
    world: World, repository: NoteRepository
) -> None:
    await written(repository, {A: b"a", B: b"b"})
    other = await joined(world, repository)
    await written(other, {A: b"new", B: b"new"})
    await other.push()
    fetched = await repository.fetch()
    assert fetched is not None
    world.edit(repository, B, b"by hand")
    head = await repository.head()

    async with repository.held():
        with pytest.raises(Conflict):
            await repository.advance(fetched)

    assert await repository.head() == head
    assert world.lying(repository, A) == b"a"
    assert world.lying(repository, B) == b"by hand"


async def test_there_is_no_advancing_to_the_side_or_back(repository: NoteRepository) -> None:
    first = await written(repository, {A: b"a"})
    second = await written(repository, {A: b"b"})

    async with repository.held():
        with pytest.raises(Conflict):
            await repository.advance(first)
        await repository.advance(second)

    assert await repository.head() == second
