"""Notes and their files say the same, whoever changed which."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pygit2
import pytest
from tests.operations.test_careful_writes import meddled

from recollect.adapters.git.repository import Place, open_repository
from recollect.domain.memory import Kind
from recollect.domain.note_files import parse
from recollect.domain.scopes import Look
from recollect.operations import (
    Browse,
    Context,
    Edit,
    EraseOne,
    ForgetOne,
    History,
    Move,
    Remember,
    browse,
    edit,
    erase,
    forget,
    history,
    move,
    remember,
)
from recollect.operations.mirror import Mount, Passed, mirror
from recollect.operations.mirror.incoming import AT_ONCE, PORTION
from recollect.ports import NoteRepository

pytestmark = pytest.mark.anyio


class Home:
    """A store with its repository, and a person's hand in the work tree."""

    def __init__(self, context: Context, repository: NoteRepository, folder: Path) -> None:
        self.context = context
        self.repository = repository
        self.folder = folder

    async def mirror(self, *, look: bool = True) -> Passed:
        return await mirror(self.context, Mount(self.repository), look=look)

    async def keep(self, name: str, content: str, scope: str = "", **fields: object) -> str:
        request = Remember.model_validate(
            {"name": name, "content": content, "scope": scope, **fields}
        )
        return (await remember(self.context, request)).id

    async def notes(self) -> dict[str, str]:
        """Every note's content by scope and name."""
        page = await browse(self.context, Browse(look=Look.ALL, kinds=(Kind.NOTE,), limit=100))
        return {f"{m.scope}:{m.name}": m.content for m in page.memories}

    async def contents(self, scope: str) -> dict[str, str]:
        """The content of every note of a scope by its name."""
        seen = self.context.selection(scope, Look.EXACT)
        notes = await self.context.records.browse(self.context.tenant, seen, None, 1000)
        return {note.name or "": note.content for note in notes}

    def read(self, path: str) -> str:
        return (self.folder / path).read_bytes().decode()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(text.encode())

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*.md")
            if ".git" not in path.parts
        }

    async def message(self) -> str:
        """The newest commit's message."""
        head = await self.repository.head()
        assert head is not None
        return (await self.repository.describe(head)).message


async def home_of(context: Context, folder: Path) -> Home:
    repository = await open_repository(Place(path=folder), deadline_seconds=20)
    return Home(context, repository, folder)


@pytest.fixture
async def home(context: Context, tmp_path: Path) -> Home:
    return await home_of(context, tmp_path / "notes")


async def test_a_note_becomes_a_file_in_a_commit_of_its_own(home: Home) -> None:
    note_id = await home.keep("db/engine", "We use SQLite.", "acme/api", tags=["db"], source="Ann")
    await home.mirror(look=False)

    file = parse(home.read("projects/acme/api/db/engine.md").encode())
    assert (file.id, file.name, file.scope) == (note_id, "db/engine", "acme/api")
    assert (file.tags, file.source, file.body) == (("db",), "Ann", "We use SQLite.")
    assert (await home.message()).splitlines()[0] == "chore: save memory 'db/engine'"


async def test_a_change_of_the_store_changes_its_file(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror(look=False)
    await edit(home.context, Edit(name="tea", content="Black."))
    await home.mirror(look=False)
    assert "Black." in home.read("global/tea.md")

    await move(home.context, Move(name="tea", to_scope="home", new_name="drinks/tea"))
    await home.mirror(look=False)
    assert home.files() == {"projects/home/drinks/tea.md"}
    assert (await home.message()).splitlines()[0] == "chore: move memory 'tea' → 'drinks/tea'"

    await forget(home.context, ForgetOne(scope="home", name="drinks/tea"))
    await home.mirror(look=False)
    assert home.files() == set()
    assert (await home.message()).splitlines()[0] == "chore: delete memory 'drinks/tea'"


async def test_what_is_erased_leaves_the_files(home: Home) -> None:
    note_id = await home.keep("secret", "A secret.")
    await home.mirror(look=False)
    await erase(home.context, EraseOne(id=note_id))
    await home.mirror(look=False)
    assert home.files() == set()


async def test_several_changes_share_a_commit_that_lists_them(home: Home) -> None:
    for name in ("a", "b", "c"):
        await home.keep(name, f"Text {name}.")
    await home.mirror(look=False)

    message = await home.message()
    assert message.startswith("chore: save memory 'a' and 2 more\n")
    assert all(f"save memory '{name}'" in message for name in ("a", "b", "c"))


async def test_a_pass_without_news_makes_no_commit(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    head = await home.repository.head()
    await home.mirror()
    await edit(home.context, Edit(name="tea", metadata={"a": 1}))
    await home.mirror()
    assert await home.repository.head() == head


async def test_an_edit_by_hand_becomes_a_revision_by_its_author(home: Home) -> None:
    note_id = await home.keep("tea", "Green.")
    await home.mirror()
    home.write("global/tea.md", home.read("global/tea.md").replace("Green.", "White."))
    passed = await home.mirror()

    assert await home.notes() == {":tea": "White."}
    assert passed.taken.updated == 1
    revisions = (await history(home.context, History(id=note_id))).revisions
    assert [r.verb for r in revisions] == ["remember", "edit"]
    assert revisions[-1].actor.startswith("git:")
    assert "White." in home.read("global/tea.md")
    head = await home.repository.head()
    await home.mirror()
    assert await home.repository.head() == head, "what came from git is not sent back"


async def test_a_write_does_not_overwrite_an_edit_by_hand(home: Home) -> None:
    await home.keep("tea", "One.\n\nTwo.\n\nThree.")
    await home.mirror()
    home.write("global/tea.md", home.read("global/tea.md").replace("One.", "By hand."))
    await edit(home.context, Edit(name="tea", content="One.\n\nTwo.\n\nIn the store."))
    await home.mirror(look=False)

    assert await home.notes() == {":tea": "By hand.\n\nTwo.\n\nIn the store."}
    assert "By hand.\n\nTwo.\n\nIn the store." in home.read("global/tea.md")


async def test_where_both_sides_changed_a_line_both_texts_are_kept(home: Home) -> None:
    note_id = await home.keep("tea", "Green.")
    await home.mirror()
    home.write("global/tea.md", home.read("global/tea.md").replace("Green.", "White."))
    await edit(home.context, Edit(name="tea", content="Black."))
    passed = await home.mirror()

    notes = await home.notes()
    assert sorted(notes.values()) == ["Black.", "White."]
    (told,) = passed.taken.conflicts
    assert (told.scope, told.name) == ("", "tea")
    assert f":{told.beside}" in notes
    assert any(name.startswith(":tea.conflict-") for name in notes)
    revisions = (await history(home.context, History(id=note_id))).revisions
    contents = {r.memory.content for r in revisions if r.memory is not None}
    assert contents == {"Green.", "Black.", "White."}
    assert len(home.files()) == 2


async def test_a_file_added_by_hand_becomes_a_note_with_frontmatter(home: Home) -> None:
    home.write("projects/acme/ideas/boat.md", "# A boat\n\nBuild one.\n")
    await home.mirror()

    assert await home.notes() == {"acme/ideas:boat": "# A boat\n\nBuild one.\n"}
    assert parse(home.read("projects/acme/ideas/boat.md").encode()).name == "boat"
    head = await home.repository.head()
    await home.mirror()
    assert await home.repository.head() == head


async def test_a_file_deleted_by_hand_is_forgotten(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.keep("milk", "White.")
    await home.mirror()
    (home.folder / "global/tea.md").unlink()
    await home.mirror()
    assert await home.notes() == {":milk": "White."}


async def test_an_edit_outlives_a_deletion_by_hand(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    (home.folder / "global/tea.md").unlink()
    await edit(home.context, Edit(name="tea", content="Black."))
    await home.mirror()
    assert await home.notes() == {":tea": "Black."}
    assert "Black." in home.read("global/tea.md")


async def test_a_file_moved_by_hand_is_a_note_moved(home: Home) -> None:
    note_id = await home.keep("tea", "Green.")
    await home.mirror()
    home.write("projects/home/drink.md", home.read("global/tea.md"))
    (home.folder / "global/tea.md").unlink()
    await home.mirror()

    assert await home.notes() == {"home:drink": "Green."}
    file = parse(home.read("projects/home/drink.md").encode())
    assert (file.id, file.scope, file.name) == (note_id, "home", "drink")
    assert home.files() == {"projects/home/drink.md"}


async def test_a_rename_in_the_frontmatter_is_told_with_both_names(home: Home) -> None:
    await home.keep("tea", "Green.", "home")
    await home.mirror()
    text = home.read("projects/home/tea.md")
    home.write("projects/home/tea.md", text.replace("name: tea", "name: drinks/tea"))
    await home.mirror()

    assert home.files() == {"projects/home/drinks/tea.md"}
    assert (await home.message()).startswith("chore: move memory 'tea' → 'drinks/tea'\n")


async def test_a_file_with_the_line_breaks_of_windows_is_a_note(home: Home) -> None:
    await home.keep("tea", "Green.\n\nHot.")
    await home.mirror()
    text = home.read("global/tea.md").replace("Hot.", "Warm.").replace("\n", "\r\n")
    home.write("global/tea.md", text)
    assert (await home.mirror()).skipped == []
    assert await home.notes() == {":tea": "Green.\n\nWarm."}
    assert home.read("global/tea.md") == text

    await edit(home.context, Edit(name="tea", content="Black.\n"))
    await home.mirror()
    assert "\r" not in home.read("global/tea.md")


async def test_a_copy_made_by_hand_is_a_note_of_its_own(home: Home) -> None:
    note_id = await home.keep("tea", "Green.")
    await home.mirror()
    home.write("global/copy.md", home.read("global/tea.md"))
    await home.mirror()

    assert await home.notes() == {":tea": "Green.", ":copy": "Green."}
    assert parse(home.read("global/tea.md").encode()).id == note_id
    assert parse(home.read("global/copy.md").encode()).id != note_id


async def test_unknown_keys_last_through_an_edit_in_the_store(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    text = home.read("global/tea.md")
    home.write("global/tea.md", text.replace("---\nid:", "---\nmood: 'good'  # today\nid:"))
    await home.mirror()
    await edit(home.context, Edit(name="tea", content="Black."))
    await home.mirror()
    assert "mood: 'good'  # today\n" in home.read("global/tea.md")
    assert "Black." in home.read("global/tea.md")


async def test_a_file_that_cannot_be_read_harms_nothing_else(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    home.write("global/bad.md", "---\nid: x\nname: [\n---\n\nText")
    home.write("global/good.md", "Good.")
    passed = await home.mirror()

    assert [skipped.path for skipped in passed.skipped] == ["global/bad.md"]
    assert await home.notes() == {":tea": "Green.", ":good": "Good."}
    assert home.read("global/bad.md") == "---\nid: x\nname: [\n---\n\nText"


async def test_a_file_that_cannot_be_read_is_reported_until_it_is_mended(home: Home) -> None:
    home.write("global/bad.md", "---\nid: x\n")
    home.write("global/worse.md", "---\nid: y\n")
    await home.mirror()
    await home.keep("tea", "Green.")
    for look in (True, False):
        passed = await home.mirror(look=look)
        assert [s.path for s in passed.skipped] == ["global/bad.md", "global/worse.md"]

    home.write("global/bad.md", "Mended.")
    (home.folder / "global/worse.md").unlink()
    assert (await home.mirror()).skipped == []
    assert (await home.notes())[":bad"] == "Mended."


async def test_a_note_gets_its_file_when_nothing_is_in_its_way_any_more(home: Home) -> None:
    home.write("global/tea.md", "---\nnobody can read this\n")
    await home.mirror()
    await home.keep("tea", "Green.")
    passed = await home.mirror()
    assert {s.path for s in passed.skipped} == {"global/tea.md"}

    (home.folder / "global/tea.md").unlink()
    assert (await home.mirror()).skipped == []
    assert "Green." in home.read("global/tea.md")


async def test_a_new_store_is_filled_from_the_repository(home: Home) -> None:
    first = await home.keep("tea", "Green.", "home", tags=["a", "b"], source="Ann")
    await home.mirror()
    before = (await browse(home.context, Browse(look=Look.ALL, kinds=(Kind.NOTE,)))).memories[0]

    tenant = replace(home.context.principal, tenant="another")
    empty = Home(replace(home.context, principal=tenant), home.repository, home.folder)
    head = await home.repository.head()
    await empty.mirror()

    after = (await browse(empty.context, Browse(look=Look.ALL, kinds=(Kind.NOTE,)))).memories[0]
    assert after.id == before.id == first
    assert (after.scope, after.name, after.tags) == (before.scope, before.name, before.tags)
    assert (after.created_at, after.updated_at) == (before.created_at, before.updated_at)
    assert (after.source, after.content) == (before.source, before.content)
    assert await home.repository.head() == head


async def test_of_many_new_files_each_becomes_a_note_and_only_the_spoiled_do_not(
    home: Home,
) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    text = home.read("global/tea.md")
    for number in range(PORTION + AT_ONCE):
        home.write(f"projects/many/n{number}.md", f"Text {number}.")
    home.write("global/bad.md", "---\nid: x\nname: [\n---\n\nText")
    home.write("global/copy.md", text)
    home.write("global/tea.md", text.replace("Green.", "Black."))

    passed = await home.mirror()

    assert [skipped.path for skipped in passed.skipped] == ["global/bad.md"]
    texts = {f"n{number}": f"Text {number}." for number in range(PORTION + AT_ONCE)}
    assert await home.contents("many") == texts
    assert await home.contents("") == {"tea": "Black.", "copy": "Green."}
    assert parse(home.read("projects/many/n0.md").encode()).body == "Text 0."
    assert (await home.mirror()).taken.added == 0


async def test_many_new_files_come_although_one_is_written_here_meanwhile(home: Home) -> None:
    for number in range(AT_ONCE + 1):
        home.write(f"global/n{number}.md", f"Text {number}.")
    keep = partial(home.keep, "n7", "Written here.")
    busy = Home(meddled(home.context, "commit", keep), home.repository, home.folder)

    passed = await busy.mirror()

    assert passed.skipped == []
    contents = await home.contents("")
    assert {f"n{number}" for number in range(AT_ONCE + 1)} <= contents.keys()
    assert {"Text 7.", "Written here."} <= set(contents.values())


async def test_notes_that_no_file_can_hold_are_reported(home: Home) -> None:
    await home.keep("con", "A device.")
    await home.keep("tea", "Green.")
    passed = await home.mirror()
    assert [skipped.path for skipped in passed.skipped] == ["global/con.md"]
    assert home.files() == {"global/tea.md"}


async def test_notes_of_another_branch_are_not_forgotten(home: Home) -> None:
    await home.keep("tea", "Green.")
    await home.mirror()
    git = pygit2.Repository(str(home.folder))
    git.branches.local.create("other", git.head.peel(pygit2.Commit))
    git.checkout("refs/heads/other")
    other = await home_of(home.context, home.folder)
    await other.keep("milk", "White.")
    await other.mirror()
    git.checkout("refs/heads/main")
    back = await home_of(home.context, home.folder)
    await back.mirror()

    assert await back.notes() == {":tea": "Green.", ":milk": "White."}
    assert back.files() == {"global/tea.md", "global/milk.md"}
