"""What the git repository promises beyond the port: of git, files and bad neighbours."""

import gc
import os
import shutil
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest
from pygit2 import GIT_SORT_NONE, Oid, Repository, Signature, init_repository
from tests.contract import dying

from recollect.adapters.git.durable import Disk
from recollect.adapters.git.packing import MOST_LOOSE, Packing
from recollect.adapters.git.repository import GitNoteRepository, Place, open_repository
from recollect.errors import Conflict, InvalidRequest, Unavailable
from recollect.ports import Agreement

pytestmark = pytest.mark.anyio

A, B, DEEP = "global/a.md", "global/b.md", "projects/acme/db/pool.md"
FILE, PROGRAM, LINK, FOLDER, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
async def repository(root: Path) -> GitNoteRepository:
    return await opened(root)


async def opened(root: Path, branch: str = "main") -> GitNoteRepository:
    return await open_repository(Place(path=root, branch=branch), deadline_seconds=5)


async def written(repository: GitNoteRepository, notes: dict[str, bytes | None]) -> str:
    async with repository.held():
        return await repository.write(notes, "chore: save")


def status(root: Path) -> dict[str, int]:
    """What `git status` says."""
    return Repository(str(root)).status()


# Git


@pytest.mark.parametrize("branch", ["main", "notes/of-mine"])
async def test_a_new_repository_is_private_and_on_its_branch(root: Path, branch: str) -> None:
    before = os.umask(0o077 if branch == "main" else 0)
    try:
        repository = await opened(root, branch)
        await written(repository, {A: b"a", DEEP: b"deep"})
    finally:
        os.umask(before)

    modes = {
        path: stat.S_IMODE((root / path).stat().st_mode) for path in (".", A, DEEP, ".gitignore")
    }
    assert modes == {".": 0o700, A: 0o600, DEEP: 0o600, ".gitignore": 0o600}
    assert (root / ".gitignore").read_text() == ".memory-mcp-index/\n"
    assert repository.branch == branch
    assert Repository(str(root)).head.name == f"refs/heads/{branch}"
    assert status(root) == {}


async def test_an_existing_repository_is_opened_as_it_is(root: Path) -> None:
    git = init_repository(str(root), initial_head="master")
    (root / "README.md").write_text("mine")
    git.index.add("README.md")
    git.index.write()
    me = Signature("me", "me@example.org")
    head = git.create_commit("HEAD", me, me, "mine", git.index.write_tree(), [])

    repository = await opened(root, "main")

    assert repository.branch == "master"
    assert await repository.head() == str(head)
    assert (await repository.describe(str(head))).author == "me"
    assert not (root / ".gitignore").exists()
    assert status(root) == {}


async def test_a_repository_without_a_commit_gets_its_first_one(root: Path) -> None:
    init_repository(str(root), initial_head="trunk")
    repository = await opened(root)
    assert await repository.head() is None
    assert await repository.edited(None) == {}

    head = await written(repository, {A: b"a"})

    assert await repository.head() == head
    assert status(root) == {}


async def test_git_sees_nothing_to_do_after_every_change(
    root: Path, repository: GitNoteRepository
) -> None:
    for number in range(5):
        await written(repository, {A: b"%d" % number, B: b"b" if number % 2 else None, DEEP: b"d"})
        assert status(root) == {}


async def test_the_commits_are_those_that_were_asked_for(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    git.config["user.name"], git.config["user.email"] = "Ada", "ada@example.org"
    async with repository.held():
        head = await repository.write({A: b"a"}, "chore: save memory 'a'")

    commits = list(git.walk(head, GIT_SORT_NONE))

    assert [commit.message for commit in commits] == [
        "chore: save memory 'a'",
        "chore: init repository",
    ]
    assert [commit.author.name for commit in commits] == ["Ada", "recollect"]


async def test_other_files_are_kept_through_every_commit(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    (root / "global").mkdir()
    for path in ("README.md", "global/picture.png"):
        (root / path).write_bytes(b"\x00\xff")
        git.index.add(path)
    git.index.write()
    me = Signature("me", "me@example.org")
    git.create_commit("HEAD", me, me, "mine", git.index.write_tree(), [git.head.target])
    (root / "README.md").write_bytes(b"edited")

    await written(repository, {A: b"a"})
    await written(repository, {A: None})

    tree = git.head.peel().tree
    assert {entry.name for entry in tree} == {".gitignore", "README.md", "global"}
    assert set(status(root)) == {"README.md"}
    assert (root / "README.md").read_bytes() == b"edited"


async def test_an_edit_of_the_same_size_and_time_is_seen(
    root: Path, repository: GitNoteRepository
) -> None:
    await written(repository, {A: b"one", B: b"b"})
    before = (root / A).stat()

    (root / A).write_bytes(b"two")
    os.utime(root / A, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert set(await repository.edited(None)) == {A}
    await written(repository, {B: b"other"})
    assert set(await repository.edited(None)) == {A}
    assert set(status(root)) == {A}


async def test_the_files_of_a_copied_repository_are_read_but_once(
    root: Path, tmp_path: Path
) -> None:
    notes: dict[str, bytes | None] = {f"global/{n}.md": b"note" for n in range(150)}
    await written(await opened(root), notes)
    copy = await opened(shutil.copytree(root, tmp_path / "copy"))
    index = tmp_path / "copy" / ".git" / "index"
    copied = index.read_bytes()

    assert await copy.edited(None) == {}
    assert index.read_bytes() == copied  # who does not hold the repository writes nothing
    async with copy.held():
        assert await copy.edited(None) == {}
        seen = index.read_bytes()
        assert await copy.edited(None) == {}

    assert seen != copied
    assert index.read_bytes() == seen
    (tmp_path / "copy" / "global" / "7.md").write_bytes(b"edit")
    assert list(await copy.edited(None)) == ["global/7.md"]


async def test_the_lock_of_a_process_killed_while_it_looked_is_removed(
    root: Path, repository: GitNoteRepository
) -> None:
    lock = root / ".git/index.lock"
    lock.symlink_to("recollect/lock")

    async with repository.held():
        assert not os.path.lexists(lock)


async def test_what_is_staged_by_hand_is_an_edit(root: Path, repository: GitNoteRepository) -> None:
    await written(repository, {A: b"a"})
    git = Repository(str(root))
    (root / A).write_bytes(b"staged")
    git.index.add(A)
    git.index.write()

    edited = await repository.edited(None)

    assert await repository.read([edited[A] or ""]) == [b"staged"]


@pytest.mark.parametrize("damage", [b"", b"DIRC nonsense", None])
async def test_a_damaged_index_is_made_anew(
    root: Path, repository: GitNoteRepository, damage: bytes | None
) -> None:
    await written(repository, {A: b"a", B: b"b"})
    index = root / ".git/index"
    index.unlink() if damage is None else index.write_bytes(damage)
    repository = await opened(root)

    assert await repository.edited(None) == {}
    await written(repository, {A: b"new"})

    assert status(root) == {}


async def test_another_git_program_is_waited_for_and_not_disturbed(
    root: Path, repository: GitNoteRepository
) -> None:
    lock = root / ".git/index.lock"
    lock.touch()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(written, repository, {A: b"a"})
        await anyio.wait_all_tasks_blocked()
        assert lock.read_bytes() == b""
        lock.unlink()

    assert status(root) == {}


async def test_a_commit_by_hand_meanwhile_is_not_lost(
    root: Path, repository: GitNoteRepository
) -> None:
    await written(repository, {A: b"a"})
    git = Repository(str(root))
    me = Signature("me", "me@example.org")
    ours = git.create_commit("HEAD", me, me, "mine", git.head.peel().tree.id, [git.head.target])

    head = await written(repository, {A: b"new"})

    assert [c.id for c in git.walk(head, GIT_SORT_NONE)][1] == ours


async def test_another_branch_in_the_work_tree_is_told(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    git.branches.local.create("other", git.head.peel())
    git.set_head("refs/heads/other")

    async with repository.held():
        with pytest.raises(Unavailable, match="git switch main"):
            await repository.write({A: b"a"}, "chore: save")
    with pytest.raises(Unavailable):
        await repository.edited(None)

    assert not (root / A).exists()


async def test_an_agreement_about_a_broken_commit_counts_for_nothing(
    root: Path, repository: GitNoteRepository
) -> None:
    head = await written(repository, {A: b"a"})
    await repository.agree(Agreement(commit=head, seq=1, mark=""))
    blob = (await repository.notes(head))[A]
    loose = root / ".git/objects" / blob[:2] / blob[2:]
    loose.chmod(0o600)
    loose.write_bytes(b"")

    assert await (await opened(root)).agreement() is None


async def test_two_stores_do_not_share_a_repository_at_the_same_time(root: Path) -> None:
    one = await open_repository(Place(path=root, store="one"), deadline_seconds=5)
    again = await open_repository(Place(path=root, store="one"), deadline_seconds=5)
    for _ in range(2):
        with pytest.raises(Unavailable, match="another store"):
            await open_repository(Place(path=root, store="other"), deadline_seconds=5)
    del one, again
    gc.collect()

    other = await open_repository(Place(path=root, store="other"), deadline_seconds=5)

    assert await written(other, {A: b"a"}) == await other.head()
    with pytest.raises(Unavailable, match="another store"):
        await open_repository(Place(path=root, store="one"), deadline_seconds=5)


# The file system


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for path in (tmp_path / "file", tmp_path / "file/notes"):
        with pytest.raises(Unavailable, match="file"):
            await opened(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
async def test_a_folder_of_another_user_is_told(root: Path) -> None:
    await opened(root)
    os.chown(root, 12345, 12345)

    with pytest.raises(Unavailable, match="another user"):
        await opened(root)


async def test_a_linked_work_tree_is_refused(root: Path, tmp_path: Path) -> None:
    await opened(tmp_path / "other")
    root.mkdir()
    (root / ".git").write_text(f"gitdir: {tmp_path / 'other/.git'}\n")

    with pytest.raises(Unavailable):
        await opened(root)


async def test_links_lead_nowhere(
    root: Path, tmp_path: Path, repository: GitNoteRepository
) -> None:
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    for path in ("a.md", "inner/a.md"):
        (outside / path).write_bytes(b"secret")
    await written(repository, {"global/kept.md": b"kept"})
    (root / "projects").symlink_to(outside)
    (root / "global/inner").symlink_to(outside / "inner")
    (root / "global/link.md").symlink_to(outside / "a.md")
    hidden = ["projects/a.md", "global/inner/a.md", "global/link.md", "projects/inner/a.md"]

    assert await repository.edited(None) == {}
    assert await repository.edited(hidden) == {}
    async with repository.held():
        for path in hidden:
            with pytest.raises(InvalidRequest):
                await repository.write({B: b"b", path: b"x"}, "chore: save")
        await repository.write(dict.fromkeys(hidden), "chore: delete")

    assert {path: (outside / path).read_bytes() for path in ("a.md", "inner/a.md")} == {
        "a.md": b"secret",
        "inner/a.md": b"secret",
    }
    assert not (root / B).exists()
    assert sorted(path.name for path in outside.rglob("*")) == ["a.md", "a.md", "inner"]


async def test_notes_behind_a_link_are_not_taken_for_deleted(
    root: Path, tmp_path: Path, repository: GitNoteRepository
) -> None:
    await written(repository, {A: b"a", DEEP: b"deep"})
    (root / "global").rename(tmp_path / "moved")
    (root / "global").symlink_to(tmp_path / "moved")
    (root / DEEP).unlink()
    (root / DEEP).symlink_to(tmp_path / "moved/a.md")

    assert await repository.edited(None) == {}
    assert await repository.edited([A, DEEP]) == {}


async def test_what_is_no_file_is_no_note(root: Path, repository: GitNoteRepository) -> None:
    (root / "global/folder.md").mkdir(parents=True)
    os.mkfifo(root / "global/pipe.md")
    (root / os.fsdecode(b"global/latin-\xe9.md")).write_bytes(b"x")

    with anyio.fail_after(10):
        assert await repository.edited(None) == {}
        assert await repository.edited(["global/folder.md", "global/pipe.md"]) == {}
        async with repository.held():
            for path in ("global/pipe.md", "global/folder.md"):
                with pytest.raises(InvalidRequest):
                    await repository.write({path: b"x"}, "chore: save")

    assert stat.S_ISFIFO((root / "global/pipe.md").stat().st_mode)
    assert (root / "global/folder.md").is_dir()


async def test_no_file_system_takes_a_note_for_part_of_git(
    root: Path, repository: GitNoteRepository
) -> None:
    for path in ("global/git~1/a.md", "global/\u200c.git/a.md", "projects/GIT~2/b/a.md"):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(b"x")
        async with repository.held():
            with pytest.raises(InvalidRequest):
                await repository.write({path: b"x"}, "chore: save")

    assert await repository.edited(None) == {}


async def test_a_file_in_place_of_a_folder_is_not_overwritten(
    root: Path, repository: GitNoteRepository
) -> None:
    (root / "global").write_bytes(b"mine")

    async with repository.held():
        with pytest.raises(InvalidRequest):
            await repository.write({A: b"a", DEEP: b"deep"}, "chore: save")

    assert (root / "global").read_bytes() == b"mine"
    assert not (root / DEEP).exists()
    assert await repository.edited(None) == {}


async def test_a_planted_link_in_place_of_a_temporary_file_is_not_followed(
    root: Path, tmp_path: Path, repository: GitNoteRepository
) -> None:
    (tmp_path / "target").write_bytes(b"mine")
    (root / "global").mkdir()
    (root / "global/.a.md.tmp").symlink_to(tmp_path / "target")

    await written(repository, {A: b"a"})

    assert (tmp_path / "target").read_bytes() == b"mine"
    assert not (root / A).is_symlink()
    assert status(root) == {}


# Commits of others


def foreign(git: Repository, entries: dict[str, tuple[int, bytes | Oid]]) -> str:
    """A commit on top of HEAD, of raw trees: what no decent program would write."""

    def tree(files: dict[str, tuple[int, bytes | Oid]]) -> str:
        lines: dict[str, tuple[int, bytes]] = {}
        for name in {path.split("\t")[0] for path in files}:
            below = {p.partition("\t")[2]: e for p, e in files.items() if p.startswith(f"{name}\t")}
            if below:
                lines[name] = (FOLDER, bytes.fromhex(tree(below)))
                continue
            mode, content = files[name]
            found = git.create_blob(content) if isinstance(content, bytes) else content
            lines[name] = (mode, found.raw)
        ordered = sorted(lines, key=lambda name: name + ("/" if lines[name][0] == FOLDER else ""))
        raw = b"".join(
            b"%o %s\0%s" % (lines[n][0], n.encode("utf-8", "surrogateescape"), lines[n][1])
            for n in ordered
        )
        return str(git.odb.write(2, raw))

    head = git.head.target
    text = (
        f"tree {tree(entries)}\nparent {head}\nauthor E <e@example.org> 99999999999999999 +0000\n"
        "committer E <e@example.org> 0 +0000\n\nevil"
    )
    return str(git.odb.write(1, text.encode()))


EVIL: dict[str, tuple[int, bytes | Oid]] = {
    "global\ta.md": (FILE, b"new"),
    "global\tlink.md": (LINK, b"/etc/passwd"),
    "global\t..\t..\tout.md": (FILE, b"out"),
    "global\tpart\t.git\tx.md": (FILE, b"x"),
    "global\tsub.md": (SUBMODULE, Oid(hex="1" * 40)),
    "global\ta/../../b.md": (FILE, b"slash"),
    "projects": (LINK, b"/etc"),
    ".git\thooks\tpost-commit": (PROGRAM, b"#!/bin/sh"),
    ".GIT\tconfig": (FILE, b"x"),
    "git~1\tconfig": (FILE, b"x"),
    ".g\u200cit\tconfig": (FILE, b"x"),
    "..\tabove": (FILE, b"x"),
    "run.sh": (PROGRAM, b"#!/bin/sh"),
    "bom.md": (FILE, b"\xef\xbb\xbf---\r\n"),
    "global\tbinary.md": (FILE, bytes(range(256)) * 4),
    "global\tnot-utf-8-\udcff.md": (FILE, b"x"),
    "projects-\udcff\tx.md": (FILE, b"x"),
}


async def test_a_hostile_commit_writes_only_files_and_only_inside(
    root: Path, tmp_path: Path, repository: GitNoteRepository
) -> None:
    await written(repository, {A: b"a"})
    commit = foreign(Repository(str(root)), EVIL)
    git_before = {p for p in (root / ".git").rglob("*") if "objects" not in p.parts}

    async with repository.held():
        await repository.advance(commit)

    assert set(await repository.notes(commit)) == {A, "global/binary.md"}
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if not path.is_dir() and ".git" not in path.relative_to(root).parts
    }
    assert found == {A, "global/binary.md", "run.sh", "bom.md"}
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o700
    assert {p for p in (root / ".git").rglob("*") if "objects" not in p.parts} == git_before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes"]
    assert await repository.edited(None) == {}
    assert (await repository.describe(commit)).author == "E"


async def test_a_hostile_commit_can_be_merged(root: Path, repository: GitNoteRepository) -> None:
    await written(repository, {A: b"a"})
    commit = foreign(Repository(str(root)), EVIL)
    await written(repository, {B: b"b"})

    async with repository.held():
        merged = await repository.write({A: b"new"}, "chore: merge", merged=commit)

    assert set(await repository.notes(merged)) == {A, B}
    assert (root / "run.sh").read_bytes() == b"#!/bin/sh"
    assert not (root / "projects").exists()
    assert not (root / "global/link.md").is_symlink()
    assert await repository.edited(None) == {}


async def test_a_commit_of_endless_folders_and_long_names_does_no_harm(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    inner: tuple[int, Oid] = (FILE, git.create_blob(b"x"))
    for _ in range(1500):
        line = b"%o %s\0%s" % (inner[0], b"d" if inner[0] == FOLDER else b"x.md", inner[1].raw)
        inner = (FOLDER, git.odb.write(2, line))
    longest, too_long = ("n" * length + ".md" for length in (252, 253))
    commit = foreign(
        git,
        {
            "global\td": inner,
            f"global\t{longest}": (FILE, b"x"),
            f"global\t{too_long}": (FILE, b"x"),
        },
    )

    async with repository.held():
        await repository.advance(commit)

    assert set(await repository.notes(commit)) == {f"global/{longest}"}
    assert [path.name for path in (root / "global").iterdir()] == [longest]
    assert await repository.edited(None) == {}


async def test_no_note_is_written_through_a_link_of_a_commit(
    root: Path, tmp_path: Path, repository: GitNoteRepository
) -> None:
    link = (LINK, str(tmp_path).encode())
    commit = foreign(Repository(str(root)), {"projects": link})
    async with repository.held():
        await repository.advance(commit)

        with pytest.raises(InvalidRequest):
            await repository.write({"projects/x.md": b"x"}, "chore: save")

    assert not (tmp_path / "x.md").exists()
    assert not (root / "projects").exists()


async def test_a_merge_takes_over_what_others_did_to_other_files(
    root: Path, repository: GitNoteRepository
) -> None:
    await written(repository, {A: b"a"})
    git = Repository(str(root))
    ignore = (root / ".gitignore").read_bytes()
    theirs = foreign(
        git,
        {
            ".gitignore": (FILE, ignore + b"more\n"),
            "README.md": (FILE, b"theirs"),
            "global\ta.md": (FILE, b"a"),
        },
    )
    await written(repository, {B: b"b"})
    (root / "README.md").write_bytes(b"mine, not committed")

    async with repository.held():
        await repository.write({}, "chore: merge", merged=theirs)

    assert (root / ".gitignore").read_bytes() == ignore + b"more\n"
    assert (root / "README.md").read_bytes() == b"mine, not committed"
    assert set(status(root)) == {"README.md"}


async def test_what_both_sides_did_to_other_files_is_kept(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    before, image = b"One.\n\nTwo.\n\nThree.\n", b"\0image"
    common = foreign(
        git,
        {
            "README.md": (FILE, before),
            "same.txt": (FILE, b"old"),
            "gone.txt": (FILE, b"old"),
            "logo.png": (FILE, image),
        },
    )
    async with repository.held():
        await repository.advance(common)
    theirs = foreign(
        git,
        {
            "README.md": (FILE, before.replace(b"Three", b"3")),
            "same.txt": (FILE, b"theirs"),
            "gone.txt": (FILE, b"theirs"),
            "logo.png": (FILE, image + b"theirs"),
        },
    )
    ours = foreign(
        git,
        {
            "README.md": (PROGRAM, before.replace(b"One", b"1")),
            "same.txt": (FILE, b"ours"),
            "logo.png": (FILE, image + b"ours"),
        },
    )
    async with repository.held():
        await repository.advance(ours)
        await repository.write({}, "chore: merge", merged=theirs)

    found = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    assert found == {
        "README.md": b"1.\n\nTwo.\n\n3.\n",
        "same.txt": b"ours",
        "same.txt.theirs": b"theirs",
        "gone.txt": b"theirs",
        "logo.png": image + b"ours",
        "logo.png.theirs": image + b"theirs",
    }
    assert stat.S_IMODE((root / "README.md").stat().st_mode) == 0o700
    assert status(root) == {}


async def test_what_an_earlier_conflict_left_beside_a_file_stays(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    for number in (1, 2):
        left = {} if number == 1 else {"x.txt.theirs": (FILE, b"theirs 1")}
        ours = foreign(git, {"x.txt": (FILE, b"ours %d" % number), **left})
        theirs = foreign(git, {"x.txt": (FILE, b"theirs %d" % number), **left})
        async with repository.held():
            await repository.advance(ours)
            await repository.write({}, "chore: merge", merged=theirs)

    found = {path.name: path.read_bytes() for path in root.glob("x.txt*")}
    again = next(name for name in found if name not in {"x.txt", "x.txt.theirs"})
    assert found == {"x.txt": b"ours 2", "x.txt.theirs": b"theirs 1", again: b"theirs 2"}
    assert again.endswith(".theirs")


# Several at once


async def test_two_openers_of_a_new_folder_agree(root: Path) -> None:
    both: list[GitNoteRepository] = []

    async def open_one() -> None:
        both.append(await opened(root))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_one)
        tasks.start_soon(open_one)

    one, other = both
    assert await one.head() == await other.head() is not None
    assert status(root) == {}


async def test_two_writers_to_one_folder_take_turns(root: Path) -> None:
    one, other = await opened(root), await opened(root)

    async def write(repository: GitNoteRepository, name: str) -> None:
        for number in range(15):
            await written(repository, {f"global/{name}-{number}.md": b"x", A: name.encode()})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, one, "one")
        tasks.start_soon(write, other, "other")

    assert len(await one.notes(await one.head())) == 31
    assert await one.edited(None) == await other.edited(None) == {}
    assert status(root) == {}


async def test_a_write_from_an_old_head_gives_way(root: Path) -> None:
    one = await opened(root)
    head = await written(one, {A: b"a"})
    git = Repository(str(root))
    me = Signature("me", "me@example.org")
    tree = git.head.peel().tree.id

    class Hasty(dict[str, bytes | None]):
        """Notes whose reading takes so long that somebody commits meanwhile."""

        def items(self):
            git.create_commit("HEAD", me, me, "mine", tree, [git.head.target])
            return super().items()

    async with one.held():
        with pytest.raises(Conflict):
            await one.write(Hasty({A: b"new", B: b"b"}), "chore: save")

    assert (await one.describe(await one.head() or "")).author == "me"
    assert await one.merge_base(await one.head() or "", head) == head
    assert (root / A).read_bytes() == b"a"
    assert not (root / B).exists()
    assert status(root) == {}


# Packed


def loose(root: Path) -> list[Path]:
    return [path for path in (root / ".git/objects").glob("??/*") if path.is_file()]


def packs(root: Path) -> list[Path]:
    return sorted((root / ".git/objects/pack").glob("*.pack"))


async def test_packing_keeps_every_commit_for_every_reader(
    root: Path, repository: GitNoteRepository
) -> None:
    other = await opened(root)
    packing = Packing(root, Disk(root / ".git"))
    told: dict[str, bytes] = {}
    for number in range(12):
        told[await written(repository, {A: b"%d" % number})] = b"%d" % number
        packing.pack(most_loose=0, most_packs=4)
        assert loose(root) == []
        assert 1 <= len(packs(root)) <= 5

    for reader in (repository, other, await opened(root)):
        for commit, content in told.items():
            notes = await reader.notes(commit)
            assert await reader.read([notes[A]]) == [content]
        assert await reader.edited(None) == {}
    await written(other, {B: b"b"})
    assert status(root) == {}


async def test_few_objects_are_left_loose_and_kept_packs_alone(
    root: Path, repository: GitNoteRepository
) -> None:
    packing = Packing(root, Disk(root / ".git"))
    packing.pack(most_loose=0)
    (kept,) = packs(root)
    kept.with_suffix(".keep").touch()
    await written(repository, {A: b"a"})
    before = loose(root)

    packing.pack()
    assert loose(root) == before
    packing.pack(most_loose=0, most_packs=0)
    packing.pack(most_loose=0, most_packs=0)

    assert kept in packs(root)
    assert len(packs(root)) == 2
    assert await repository.notes(await repository.head())


async def test_a_holder_of_a_full_repository_packs_it(
    root: Path, repository: GitNoteRepository
) -> None:
    git = Repository(str(root))
    for number in range(MOST_LOOSE + 1):
        git.create_blob(b"%d" % number)
    left = next(path.parent for path in loose(root)) / "tmp_obj_left"
    left.touch()

    await written(await opened(root), {A: b"a"})

    assert len(loose(root)) < 10
    assert await repository.edited(None) == {}


# Killed


def died(how: str, folder: Path, *arguments: str) -> Counter[str]:
    program = [sys.executable, dying.__file__, how, str(folder), *arguments]
    told = subprocess.run(program, capture_output=True, text=True, timeout=100, check=True)
    assert not told.stderr
    return Counter(told.stdout.splitlines())


@pytest.mark.slow
def test_a_kill_at_any_use_of_a_file_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    found = died("writing", tmp_path)

    states = {"before, at rest", "before, under way", "after, under way", "after, at rest"}
    assert set(found) == {f"{state}, sound" for state in states}
    assert found["before, under way, sound"] > 20


def test_a_kill_while_packing_loses_nothing(tmp_path: Path) -> None:
    found = died("packing", tmp_path)

    assert set(found) == {"before, at rest, sound"}
    assert found.total() > 5


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_sound_repository(tmp_path: Path) -> None:
    found = died("moments", tmp_path, "30")

    assert found.total() == 30
    assert set(found) <= {"other, at rest, sound", "other, under way, sound"}
