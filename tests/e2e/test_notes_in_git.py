"""Notes in git, with real servers, a real MCP client and a person's hand in the files."""

import shutil
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from anyio import create_task_group
from mcp.shared.exceptions import MCPError
from pygit2 import init_repository
from tests.e2e.homes import SEEN_WITHIN_SECONDS, SHOWN, Home, at_home, until
from tests.e2e.note_format import read_strictly
from tests.e2e.work_trees import committed_notes, unclean
from tests.postgres import lent_database
from tests.transports.mcp_clients import protocol_error

pytestmark = pytest.mark.anyio

TEA = "global/tea.md"
FIVE_LINES = "The first line.\n\nThe second line.\n\nThe third line.\n\nThe fourth.\n\nThe last."


async def test_an_edit_by_hand_is_recalled_within_seconds(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        kept = await home.call("remember", name="tea", content="We drink green tea.", scope="home")
        assert "mirror" not in kept["degraded"]
        home.edit_by_hand("projects/home/tea.md", "green tea", "oolong")

        edited = monotonic()
        hits: list[Any] = []
        while not hits:
            recalled = await home.call("recall", query="oolong", scope="home")
            hits = [hit for hit in recalled["results"] if "oolong" in hit["content"]]
            assert monotonic() - edited < SEEN_WITHIN_SECONDS

        assert [hit["id"] for hit in hits] == [kept["id"]]
        assert (await home.call("read", name="tea", scope="home"))["revision"] == 2
        assert unclean(home.notes) == []


async def test_an_edit_by_hand_has_its_turn_between_writes(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.call("remember", name="tea", content="We drink green tea.")
        home.edit_by_hand("global/tea.md", "green tea", "oolong")
        edited = monotonic()
        while "oolong" not in home.all_notes()[":tea"]["content"]:
            await home.call("remember", name="milk", content=f"It is {monotonic()}.")
            assert monotonic() - edited < SEEN_WITHIN_SECONDS


async def test_a_note_without_a_place_for_its_file_is_refused(tmp_path: Path) -> None:
    place = {"scope": "a/b", "name": "c"}
    async with at_home(tmp_path) as home:
        await home.call("remember", content="First.", **place)
        await home.call("remember", content="Other.", name="other")
        kept = home.all_notes()
        for scope, name in (
            ("a", "b/c"),
            ("a/b", "C"),
            ("A/b", "c"),
            ("a", "con"),
            ("", "n" * 238),
        ):
            to = {"to_scope": scope, "new_name": name}
            for tool, fields in (
                ("remember", {"scope": scope, "name": name, "content": "Second."}),
                ("move", {"name": "other", **to}),
            ):
                code, message = await protocol_error(home.tools, tool, **fields)
                assert (code, message[:15]) == (-32602, "invalid input: ")
        assert home.all_notes() == kept


async def test_of_two_writes_at_once_to_one_place_the_one_without_a_file_says_so(
    tmp_path: Path,
) -> None:
    answers: dict[str, list[str]] = {}

    async def remember(home: Home, name: str) -> None:
        with suppress(MCPError):
            kept = await home.call("remember", name=name, content=name)
            answers[name] = kept["degraded"]

    async with at_home(tmp_path) as home:
        for number in range(10):
            names = [f"tea-{number}", f"TEA-{number}"]
            async with create_task_group() as tasks:
                for name in names:
                    tasks.start_soon(remember, home, name)
            assert sorted(answers.get(name, ["refused"]) for name in names) in (
                [[], ["mirror"]],
                [[], ["refused"]],
            )
        files = {path.removesuffix(".md") for path in committed_notes(home.notes)}
        listed = await home.call("list")
    assert files == {f"global/{name}" for name, degraded in answers.items() if not degraded}
    without = [f"global/{name}.md" for name, degraded in answers.items() if degraded]
    assert [skipped["path"] for skipped in listed.get("skipped", ())] == sorted(without)


async def test_a_note_may_move_within_its_path(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        kept = await home.call("remember", scope="a/b", name="c", content="First.")
        await home.call("move", from_scope="a/b", name="c", to_scope="a", new_name="b/c")
        [(path, content)] = committed_notes(home.notes).items()
    told = read_strictly(content)
    assert (path, told.id, told.scope, told.name) == ("projects/a/b/c.md", kept["id"], "a", "b/c")


async def test_two_servers_share_their_notes_through_a_remote(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    init_repository(str(remote), bare=True)
    async with at_home(tmp_path / "one", remote) as one, at_home(tmp_path / "two", remote) as two:
        for name in ("apart", "lines", "clash", "doomed"):
            await one.call("remember", name=name, content=FIVE_LINES, scope="team", tags=[name])
        await one.sync()
        assert (await two.sync())["reindex"]["added"] == 4
        assert two.all_notes() == one.all_notes()

        await one.call("remember", name="of-one", content="Only one knew this.")
        await two.call("remember", name="of-two", content="Only two knew this.")
        one.edit_by_hand("projects/team/lines.md", "The first line.", "One was here.")
        edited = FIVE_LINES.replace("The last.", "Two was here.")
        await two.call("edit", name="lines", scope="team", content=edited)
        await one.call("edit", name="clash", scope="team", content="One said this.")
        await two.call("edit", name="clash", scope="team", content="Two said that.")
        await one.call("forget", name="doomed", scope="team")
        await two.call("move", name="apart", from_scope="team", to_scope="team/sub")
        for home in (one, two, one, two):
            await home.sync()

        # When a note was changed by hand, each learns for itself.
        same = [field for field in SHOWN if field != "updated_at"]
        notes = one.all_notes(*same)
        assert two.all_notes(*same) == notes
        assert committed_notes(one.notes) == committed_notes(two.notes) == committed_notes(remote)
        assert unclean(one.notes) == unclean(two.notes) == []
        both = FIVE_LINES.replace("The first line.", "One was here.")
        assert notes["team:lines"]["content"] == both.replace("The last.", "Two was here.")
        assert {":of-one", ":of-two", "team/sub:apart"} < notes.keys()
        assert not {"team:doomed", "team:apart"} & notes.keys()
        clash = {key: n["content"] for key, n in notes.items() if key.startswith("team:clash")}
        assert sorted(clash.values()) == ["One said this.", "Two said that."]
        assert clash["team:clash"] == "Two said that.", "the newer one keeps the name"


async def test_servers_over_one_database_mirror_it_to_a_folder_each(tmp_path: Path) -> None:
    with lent_database() as database:
        store = database.settings
        async with (
            at_home(tmp_path / "one", store=store) as one,
            at_home(tmp_path / "two", store=store) as two,
        ):
            note = await one.call("remember", name="tea", content=FIVE_LINES)
            await until(lambda: committed_notes(two.notes).keys() == {TEA}, 30)

            two.edit_by_hand(TEA, "The first line.", "Two was here.")
            await until(lambda: b"Two was here." in committed_notes(one.notes)[TEA], 30)
            one.edit_by_hand(TEA, "The last.", "One was here.")
            await until(lambda: b"One was here." in committed_notes(two.notes)[TEA], 30)
            for home in (one, two):
                await home.sync()

            said = one.server.http.get(f"/v1/memories/{note['id']}/history").json()["revisions"]
            assert [revision["verb"] for revision in said] == ["remember", "edit", "edit"]
            # Who edits a file leaves its `updated_at` as it was.
            texts = [read_strictly(committed_notes(home.notes)[TEA]).body for home in (one, two)]
            assert texts == [one.all_notes()[":tea"]["content"]] * 2
            assert unclean(one.notes) == unclean(two.notes) == []


async def test_a_lost_database_is_made_anew_from_the_files(tmp_path: Path) -> None:
    async with at_home(tmp_path) as home:
        await home.call("remember", name="a", content="Alpha.", scope="x/y", tags=["1", "b"])
        await home.call("remember", name="b/c", content="  Beta\n", source="a talk\nof two")
        await home.call("edit", name="a", scope="x/y", content="Alpha and Omega.")
        before = home.all_notes()
        head = committed_notes(home.notes)
    shutil.rmtree(tmp_path / "tenants")

    async with at_home(tmp_path) as home:
        await until(lambda: len(home.all_notes()) == len(before))
        assert home.all_notes() == before
        assert committed_notes(home.notes) == head
        assert unclean(home.notes) == []
        assert home.server.recall("Omega")["results"][0]["memory"]["name"] == "a"


TAGS = [
    "yes", "No", "on", "y", "null", "~", "true", "2026-07-19", "2026-07-19T10:00:00Z", "007", "1e3",
    "1_000", "0x1F", ".5", "12:30", "a: b", "a:", "#x", "a #b", "- a", "-", "? q", "'q'", '"dq"',
    "it's", "\\n", " padded ", "[a]", "{b: c}", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "=",
    "<<", "...", "---", "☕ tea", "👩‍👩‍👧", "日本語", "naïve", "tab\there", "two\nlines", "\u2028",
]  # fmt: skip
SOURCES = [
    "one line", "two\nlines", "ends\n", "more\n\n\nthan one\n\n", "  indented\nfirst",
    "---\nlike\n---\n", "key: value\n# comment\n", "yes", "2026-07-19", "a\r\nb", "名前\n☕",
]  # fmt: skip
BODIES = [
    "plain", "no end\n\n\n", "---\nlike frontmatter\n---\n\nbody", "a\r\nb\r\n", "  indented",
    "\tta\tb", "☕ 日本語 👩‍👩‍👧", "\ufeffmark", "a\u2028b\x85c", "end   \n", "...", "# H\n\n- a\n",
]  # fmt: skip


async def test_files_keep_to_memory_mcps_format_whatever_they_hold(tmp_path: Path) -> None:
    names = ("007", "2026-07-19", "yes", "null", "a/b-c/d.e", "日本語", "naïve_ß", "1e3", "0x1F")
    wanted: dict[str, tuple[Any, ...]] = {}
    async with at_home(tmp_path) as home:
        for number, (body, source) in enumerate(
            [(body, SOURCES[0]) for body in BODIES] + [(BODIES[0], s) for s in SOURCES]
        ):
            name = names[number] if number < len(names) else f"note-{number}"
            scope = names[-number - 1] if 0 < number < len(names) else ""
            fields = {"name": name, "content": body, "tags": TAGS, "source": source}
            kept = await home.call("remember", scope=scope or "global", **fields)
            assert "mirror" not in kept["degraded"]
            wanted[kept["id"]] = (name, scope, TAGS, source, body)
        assert unclean(home.notes) == []
        for content in committed_notes(home.notes).values():
            read = read_strictly(content)
            found = (read.name, read.scope, read.tags, read.source, read.body)
            assert found == wanted.pop(read.id)
        assert wanted == {}
