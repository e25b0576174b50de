"""Whatever is done to clones, syncing brings all to say the same, and loses no line."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.repositories import GitWorld, InMemoryWorld
from tests.operations.clones import NAMES, PATHS, SCOPES, Clone, cloned
from tests.operations.fakes import FakeClock

from recollect.domain.memory import Memory
from recollect.domain.note_files import NoteFile, parse
from recollect.errors import AlreadyExists, InvalidRequest, NotFound, UnreadableNote
from recollect.operations import Edit, ForgetOne, Move, edit, forget, move
from recollect.operations.mirror import mirror
from recollect.operations.mirror.files import memory_id, place_of

pytestmark = pytest.mark.anyio

TAGS = ("x", "y", "z")


@dataclass(frozen=True)
class Step:
    """Something done in a clone.

    Attributes:
        clone: In which.
        does: What, a name of `DOINGS`.
        which: Which note or file, of those that are there.
        to: Where to, or how.
        word: A text that no other step writes.
        later: How much time passes first.
    """

    clone: int
    does: str
    which: int
    to: int
    later: int
    word: str = ""


@dataclass(frozen=True)
class Hand:
    """A clone that a step is done in."""

    clone: Clone
    step: Step
    written: set[str]

    def line(self) -> str:
        """A line that nobody wrote before."""
        self.written.add(self.step.word)
        return self.step.word

    def text(self) -> str:
        return f"{self.line()} one\n\nsecond\n\nthird\n"

    def changed(self, text: str) -> str:
        """The text with one of its paragraphs changed."""
        at = self.step.to % 3
        parts = text.split("\n\n")
        at = min(at, len(parts) - 1)
        return "\n\n".join([*parts[:at], self.line(), *parts[at + 1 :]])

    async def memory(self) -> Memory | None:
        memories = await self.clone.memories()
        return memories[self.step.which % len(memories)] if memories else None

    async def file(self) -> str | None:
        """A path where a note's file lies."""
        head = await self.clone.repository.head()
        there = {*(await self.clone.repository.notes(head)), *PATHS}
        lying = [
            path
            for path in sorted(there)
            if self.clone.world.lying(self.clone.repository, path) is not None
        ]
        return lying[self.step.which % len(lying)] if lying else None

    async def put(self, path: str, text: str | bytes | None) -> None:
        """Write a file; what a hand wrote there before and nobody saw yet is seen first."""
        if await self.clone.repository.edited([path]):
            await mirror(self.clone.context, self.clone.mount, look=True)
        self.clone.write(path, text)

    @property
    def path(self) -> str:
        return PATHS[self.step.to % len(PATHS)]


async def _remember(hand: Hand) -> None:
    name, scope = NAMES[hand.step.which % len(NAMES)], SCOPES[hand.step.to % len(SCOPES)]
    await mirror(hand.clone.context, hand.clone.mount, look=False)  # so that its place is known
    await hand.clone.keep(name, hand.text(), scope)


async def _edit(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        content = hand.changed(memory.content)
        await edit(hand.clone.context, Edit(id=memory.id, content=content))


async def _blank_lines(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        content = "\n" * (hand.step.to + 1) + memory.content
        await edit(hand.clone.context, Edit(id=memory.id, content=content))


async def _tag(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        tag = TAGS[hand.step.to % len(TAGS)]
        tags = tuple(t for t in memory.tags if t != tag)
        if tags == memory.tags:
            tags = (*tags, tag)
        await edit(hand.clone.context, Edit(id=memory.id, tags=tags))


async def _source(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        source = (None, "Ann", "Bo: #1")[hand.step.to % 3]
        await edit(hand.clone.context, Edit(id=memory.id, source=source))


async def _move(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        scope, name = SCOPES[hand.step.to % 3], NAMES[hand.step.to % len(NAMES)]
        await mirror(hand.clone.context, hand.clone.mount, look=False)
        await hand.clone.check_place(scope, name)
        await move(hand.clone.context, Move(id=memory.id, to_scope=scope, new_name=name))


async def _forget(hand: Hand) -> None:
    if (memory := await hand.memory()) is not None:
        await forget(hand.clone.context, ForgetOne(id=memory.id))


async def _edit_by_hand(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        head, mark, body = hand.clone.read(path).partition("\n---\n")
        await hand.put(path, head + mark + hand.changed(body) if mark else hand.changed(head))


async def _tag_by_hand(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        text = hand.clone.read(path)
        tag = TAGS[hand.step.to % len(TAGS)]
        await hand.put(path, text.replace("tags: []\n", f"tags: [{tag}] # mine\n"))


async def _other_key(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        text = hand.clone.read(path)
        key = TAGS[hand.step.to % len(TAGS)]
        if text.startswith("---\n") and f"\n{key}:" not in text:
            await hand.put(path, f"---\n{key}: '{hand.line()}'\n{text.removeprefix('---')[1:]}")


async def _spell_times(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        text = hand.clone.read(path)
        end = ("000Z\n", "+00:00\n", "789Z\n")[hand.step.to % 3]
        await hand.put(path, text.replace("Z\n", end))


async def _rename_file(hand: Hand) -> None:
    if (path := await hand.file()) is not None and path != hand.path:
        await _copy_file(hand)
        await hand.put(path, None)


async def _copy_file(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        await hand.put(hand.path, hand.clone.read(path))


async def _swap_files(hand: Hand) -> None:
    path, other = await hand.file(), hand.path
    if path is not None and hand.clone.world.lying(hand.clone.repository, other) is not None:
        text, others = hand.clone.read(path), hand.clone.read(other)
        await hand.put(path, others)
        await hand.put(other, text)


async def _name_by_hand(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        name = NAMES[hand.step.to % len(NAMES)]
        text = re.sub("^name: .*$", f"name: {name}", hand.clone.read(path), flags=re.MULTILINE)
        await hand.put(path, text)


async def _delete_file(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        await hand.put(path, None)


async def _plain_file(hand: Hand) -> None:
    await hand.put(hand.path, hand.text())


async def _break_file(hand: Hand) -> None:
    path = (await hand.file() if hand.step.to % 2 else None) or hand.path
    await hand.put(path, f"---\nid: [\n---\n\n{hand.line()}\n")


async def _mend_file(hand: Hand) -> None:
    for path in (await hand.clone.files()) if hand.step.to % 2 else PATHS:
        lying = hand.clone.world.lying(hand.clone.repository, path)
        if lying is not None and lying.startswith(b"---\nid: ["):
            await hand.put(path, lying.split(b"---\n", 2)[2].lstrip(b"\n"))


async def _lines_of_windows(hand: Hand) -> None:
    if (path := await hand.file()) is not None:
        await hand.put(path, hand.clone.read(path).replace("\n", "\r\n"))


async def _pass(hand: Hand) -> None:
    await mirror(hand.clone.context, hand.clone.mount, look=bool(hand.step.to % 2))


async def _sync(hand: Hand) -> None:
    await hand.clone.sync()


DOINGS: Mapping[str, Callable[[Hand], Awaitable[None]]] = {
    "sync": _sync,
    "remember": _remember,
    "edit": _edit,
    "blank lines": _blank_lines,
    "tag": _tag,
    "source": _source,
    "move": _move,
    "forget": _forget,
    "edit by hand": _edit_by_hand,
    "tag by hand": _tag_by_hand,
    "other key": _other_key,
    "spell times": _spell_times,
    "rename file": _rename_file,
    "copy file": _copy_file,
    "swap files": _swap_files,
    "name by hand": _name_by_hand,
    "delete file": _delete_file,
    "plain file": _plain_file,
    "break file": _break_file,
    "mend file": _mend_file,
    "lines of Windows": _lines_of_windows,
    "pass": _pass,
}
OFTEN = ["sync"] * 4 + ["remember"] * 2 + ["edit"] * 2 + ["edit by hand"] * 2


def steps(clones: int) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step,
        clone=st.integers(0, clones - 1),
        does=st.sampled_from([*OFTEN, *DOINGS]),
        which=st.integers(0, 5),
        to=st.integers(0, 5),
        later=st.integers(0, 1),
    )
    return st.lists(step, max_size=14)


async def done(clones: list[Clone], clock: FakeClock, steps: list[Step]) -> set[str]:
    """Do the steps; gives every line that was written and committed or stored."""
    written: set[str] = set()
    for number, step in enumerate(steps):
        clock.pass_by(timedelta(seconds=step.later))
        clone = clones[step.clone]
        hand = Hand(clone, Step(**{**vars(step), "word": f"w{number}"}), set())
        try:
            await DOINGS[step.does](hand)
        except (AlreadyExists, InvalidRequest, NotFound):  # the place is taken, the note gone
            continue
        written |= hand.written
    return written


async def settled(clones: list[Clone], rounds: int) -> None:
    """Sync each clone so many times, in turn; then once more, which changes nothing."""
    for clone in clones * rounds:
        await clone.sync()
    heads = [await clone.repository.head() for clone in clones]
    assert len(set(heads)) == 1, "the clones do not end with the same commit"
    for clone in clones:
        assert (await clone.sync()).pull == "up-to-date"
    assert [await clone.repository.head() for clone in clones] == heads


def what_it_says(memory: Memory) -> tuple[object, ...]:
    m = memory
    return m.scope, m.name, m.tags, m.source, m.content.lstrip("\n"), m.created_at


async def check(clones: list[Clone], steps: list[Step], written: set[str]) -> None:
    # What lay behind a file that cannot be read comes out late.
    spoiled = any(step.does in ("break file", "lines of Windows") for step in steps)
    await settled(clones, 4 if spoiled else 2)
    files = await clones[0].files()
    ids = {memory_id(file.id) for content in files.values() if (file := _read(content))}
    stores = [{m.id: m for m in await clone.memories()} for clone in clones]
    behind = {m.id for store in stores for m in store.values() if not _read(files.get(place_of(m)))}
    for clone, store in zip(clones, stores, strict=True):
        assert await clone.files() == files
        assert not await clone.repository.edited(None)
        assert store.keys() - behind == ids - behind
        for note_id in ids - behind:
            assert what_it_says(store[note_id]) == what_it_says(stores[0][note_id])
    kept = set[str]().union(*[await clone.texts() for clone in clones])
    words = {word.strip("'") for line in kept for word in line.split()}
    assert written <= words, "a line is gone"
    assert spoiled or not behind


def _read(content: bytes | None) -> NoteFile | None:
    try:
        return None if content is None else parse(content)
    except UnreadableNote:
        return None


@settings(max_examples=60, deadline=None)
@given(steps=steps(2))
async def test_two_clones_end_alike(steps: list[Step]) -> None:
    async with cloned(InMemoryWorld, 2) as (clones, clock):
        await check(clones, steps, await done(clones, clock, steps))


@settings(max_examples=40, deadline=None)
@given(steps=steps(3))
async def test_three_clones_end_alike(steps: list[Step]) -> None:
    async with cloned(InMemoryWorld, 3) as (clones, clock):
        await settled(clones, 2)
        await check(clones, steps, await done(clones, clock, steps))


@settings(max_examples=10, deadline=None)
@given(steps=steps(2))
async def test_two_clones_of_git_end_alike(steps: list[Step]) -> None:
    async with cloned(GitWorld, 2) as (clones, clock):
        await check(clones, steps, await done(clones, clock, steps))
