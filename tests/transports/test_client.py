import inspect
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import httpx2
import pytest
from tests.transports.serving import METHODS

import recollect
from recollect import errors, operations
from recollect.app.local import open_local
from recollect.app.serve import open_app
from recollect.client.asynchronous import AsyncClient
from recollect.client.blocking import Client
from recollect.client.http import HttpTransport
from recollect.operations import MemoryView
from recollect.settings import HashingSettings, InMemoryStoreSettings, Settings, SqliteStoreSettings

pytestmark = pytest.mark.anyio

Opening = Callable[[], AbstractAsyncContextManager[AsyncClient]]
BASE_URL = "http://127.0.0.1:8080"


def in_memory() -> Settings:
    return Settings(store=InMemoryStoreSettings(), embedder=HashingSettings())


@asynccontextmanager
async def over_http(settings: Settings) -> AsyncGenerator[AsyncClient]:
    async with open_app(settings) as app:
        transport = HttpTransport(BASE_URL, network=httpx2.ASGITransport(app), retry_delays=())
        async with AsyncClient(transport=transport) as client:
            yield client


@pytest.fixture(params=["http", "in memory", "sqlite"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    match request.param:
        case "http":
            return partial(over_http, in_memory())
        case "in memory":
            return partial(open_local, in_memory())
        case _:
            return partial(open_local, on_disk(tmp_path))


def on_disk(folder: Path) -> Settings:
    return Settings(data_dir=folder, store=SqliteStoreSettings(), embedder=HashingSettings())


@pytest.fixture
async def client(opening: Opening) -> AsyncGenerator[AsyncClient]:
    async with opening() as opened:
        yield opened


async def test_a_note_is_stored_with_every_field_and_read_again(client: AsyncClient) -> None:
    at = datetime(2026, 5, 4, 18, 2, tzinfo=UTC)
    stored = await client.remember(
        "Tea at four. \u2028 And cake.",
        scope="acme/api",
        name="habits/tea",
        tags=["drink", "habit"],
        metadata={"user-id": 7, "deep": {"list": [1, None]}},
        source="Ada",
        external_id="x-1",
        occurred_at=at,
        importance=0.5,
        expires_at=datetime(2999, 1, 1, tzinfo=UTC),
    )
    memory = await client.read(stored.id)
    assert memory.content == "Tea at four. \u2028 And cake."
    assert (memory.scope, memory.name, memory.tags) == (
        "acme/api",
        "habits/tea",
        ["drink", "habit"],
    )
    assert memory.metadata == {"user-id": 7, "deep": {"list": [1, None]}}
    assert (memory.source, memory.external_id, memory.importance) == ("Ada", "x-1", 0.5)
    assert memory.occurred_at == at
    assert memory.expires_at == datetime(2999, 1, 1, tzinfo=UTC)
    assert memory == await client.read(scope="acme/api", name="habits/tea")


async def test_recall_gives_the_memory_with_its_passage_and_arms(client: AsyncClient) -> None:
    await client.remember("The kettle is blue.", scope="kitchen", name="kettle")
    await client.remember("The tax form is due in May.", scope="office", name="tax")
    found = await client.recall("which kettle", look="all", kinds=["note"], limit=5, explain=True)
    assert found.results[0].memory.name == "kettle"
    assert found.results[0].matched.text == "The kettle is blue."
    assert set(found.results[0].arms) == {"dense", "lexical"}
    assert found.results[0].features
    assert found.degraded == []
    assert (await client.recall("kettle")).results == []


async def test_recall_narrows_by_tags_filter_and_time(client: AsyncClient) -> None:
    for year in (2024, 2026):
        await client.remember(
            f"Tea of {year}",
            tags=[f"y{year}"],
            metadata={"year": year},
            occurred_at=datetime(year, 1, 1, tzinfo=UTC),
        )
    by_tag = await client.recall("tea", tags=["y2024"])
    by_filter = await client.recall("tea", filter="m.year > 2025")
    by_time = await client.recall("tea", occurred_before=datetime(2025, 1, 1, tzinfo=UTC))
    assert [hit.memory.content for hit in by_tag.results] == ["Tea of 2024"]
    assert [hit.memory.content for hit in by_filter.results] == ["Tea of 2026"]
    assert [hit.memory.content for hit in by_time.results] == ["Tea of 2024"]


async def test_an_edit_changes_what_is_given_and_keeps_the_rest(client: AsyncClient) -> None:
    stored = await client.remember("Old", name="n", tags=["a"], source="Ada", importance=0.5)
    changed = await client.edit(name="n", content="New", source=None, expected_revision=1)
    memory = await client.read(stored.id)
    assert (changed.id, changed.revision) == (stored.id, 2)
    assert (memory.content, memory.source) == ("New", None)
    assert (memory.tags, memory.importance) == (["a"], 0.5)
    await client.edit(stored.id, tags=[], metadata={"k": 1})
    memory = await client.read(stored.id)
    assert (memory.tags, memory.metadata, memory.content) == ([], {"k": 1}, "New")


async def test_a_fact_is_corrected_and_its_past_can_be_asked_for(client: AsyncClient) -> None:
    said = (await client.ingest([{"content": "I live in Rome.", "producer": "Ann"}])).ids
    learned = await client.learn(
        "Ann lives in Rome.", category="profile", tag="Home", feature="city", citations=said
    )
    before = datetime.now(UTC)
    await client.correct(learned.id, content="Ann lives in Oslo.", expected_revision=1)

    async def homes(**times: datetime) -> list[str]:
        found = await client.recall("Where does Ann live?", kinds=["fact"], **times)
        return [hit.memory.content for hit in found.results]

    assert await homes() == ["Ann lives in Oslo."]
    assert await homes(valid_at=before) == ["Ann lives in Rome."]
    assert await homes(known_at=before) == ["Ann lives in Rome."]
    await client.correct(learned.id, valid_from=None, valid_to=before)
    fact = await client.read(learned.id)
    assert (fact.citations, fact.valid_from) == (said, None)
    assert fact.valid_to is not None
    await client.correct(learned.id, valid_to=None)
    assert (await client.read(learned.id)).valid_to is None


async def test_a_note_is_moved_by_its_name(client: AsyncClient) -> None:
    stored = await client.remember("Text", scope="a", name="n")
    moved = await client.move(scope="a", name="n", to_scope="b", new_name="m")
    assert (moved.id, moved.scope, moved.name) == (stored.id, "b", "m")
    with pytest.raises(errors.NotFound):
        await client.read(scope="a", name="n")


async def test_a_forgotten_memory_keeps_its_history_until_it_is_erased(client: AsyncClient) -> None:
    stored = await client.remember("Text", name="n")
    assert len((await client.history(name="n")).revisions) == 1
    assert (await client.forget(stored.id)).forgotten == 1
    with pytest.raises(errors.NotFound):
        await client.read(stored.id)
    revisions = (await client.history(stored.id)).revisions
    assert [r.memory.content if r.memory else None for r in revisions] == ["Text", None]
    assert (await client.erase(stored.id)).revisions == 2
    for reference in ({"id": stored.id}, {"name": "n"}):
        with pytest.raises(errors.NotFound):
            await client.history(**reference)
        with pytest.raises(errors.NotFound):
            await client.erase(**reference)


async def test_a_memory_can_be_erased_by_its_name(client: AsyncClient) -> None:
    stored = await client.remember("Text", name="n", scope="a")
    assert (await client.erase(name="n", scope="a")).id == stored.id
    with pytest.raises(errors.NotFound):
        await client.history(stored.id)


async def test_a_scope_is_forgotten_as_a_whole(client: AsyncClient) -> None:
    for scope in ("a", "a/b", "c"):
        await client.remember("Text", scope=scope)
    gone = await client.forget_scope("a", look="subtree", kinds=["note"], confirm=True)
    assert gone.forgotten == 2
    assert [memory.scope async for memory in client.list_all(look="all")] == ["c"]


async def test_lists_come_in_pages_or_whole(client: AsyncClient) -> None:
    for number in range(5):
        await client.remember(f"Text {number}", name=f"n{number}", tags=["t"])
    first = await client.list(limit=2, tags=["t"], kinds=["note"])
    second = await client.list(limit=2, tags=["t"], kinds=["note"], cursor=first.next_cursor)
    assert first.count == 5
    assert [m.name for m in (*first.memories, *second.memories)] == ["n0", "n1", "n2", "n3"]
    assert [m.name async for m in client.list_all(filter="name != 'n0'")] == [
        "n1",
        "n2",
        "n3",
        "n4",
    ]
    assert [m.name for m in (await client.list(name="n3")).memories] == ["n3"]


async def test_messages_become_episodes_and_the_same_ones_are_stored_once(
    client: AsyncClient,
) -> None:
    messages = [
        operations.Message(content="Hello", producer="Ada", id="m1"),
        {"content": "Hi", "producer": "Ben", "role": "user", "occurred_at": "2026-01-01T00:00:00Z"},
    ]
    first = await client.ingest(messages, scope="chat", session="s")
    again = await client.ingest(messages[:1], scope="chat", session="s")
    assert again.ids == first.ids[:1]
    found = await client.recall("hello", scope="chat", limit=1, before=1, after=1)
    assert found.results[0].memory.producer == "Ada"
    assert found.results[0].neighbours


async def test_the_context_for_a_prompt_is_given_within_its_budget(client: AsyncClient) -> None:
    messages = [{"content": f"We sail to harbour {i}.", "producer": "Ada"} for i in range(60)]
    await client.ingest(messages, scope="chat", session="s")
    context = await client.context("which harbour?", scope="chat", session="s", max_tokens=300)
    assert context.tokens <= 300
    assert context.recent[-1].content == "We sail to harbour 59."
    assert context.summary is not None
    alone = await client.context(scope="chat", session="s", summary=False, max_tokens=300)
    assert alone.summary is None
    assert len(alone.recent) > len(context.recent)


async def test_what_was_exported_is_imported_elsewhere(client: AsyncClient, tmp_path: Path) -> None:
    await client.remember("One \u2028 \u0085 line", name="a")
    await client.ingest([{"content": "Hello", "producer": "Ada"}], scope="chat")
    lines = [line async for line in client.export()]
    assert json.loads(lines[0]) == {"format": "recollect", "version": 1}
    async with open_local(on_disk(tmp_path / "other")) as other:
        imported = await other.import_(line.removesuffix("\n") for line in lines)
        assert (imported.imported, imported.unchanged, imported.skipped) == (2, 0, [])
        assert [line async for line in other.export()] == lines
    again = await client.import_(asynchronously(lines))
    assert (again.imported, again.unchanged) == (0, 2)


async def test_an_import_can_be_tried_first(client: AsyncClient) -> None:
    await client.remember("Text", name="n")
    lines = [line async for line in client.export()]
    await client.forget(name="n")
    tried = await client.import_(lines, dry_run=True)
    assert (tried.imported, [planned.line for planned in tried.planned]) == (1, [2])
    assert (await client.list()).count == 0


async def asynchronously(lines: list[str]) -> AsyncIterable[str]:
    for line in lines:
        yield line


async def test_figures_checks_and_rebuilding_are_offered(client: AsyncClient) -> None:
    await client.remember("Text")
    assert (await client.stats()).memories == 1
    assert (await client.check(repair=False)).faults == []
    assert (await client.reindex()).waiting == 1


async def test_what_is_rebuilt_is_embedded_before_a_local_client_closes(tmp_path: Path) -> None:
    async with open_local(on_disk(tmp_path)) as client:
        await client.remember("Text")
        await client.reindex()
    async with open_local(on_disk(tmp_path)) as client:
        assert (await client.stats()).waiting == 0


async def test_a_long_text_is_embedded_whole_while_the_client_is_open(tmp_path: Path) -> None:
    async with open_local(on_disk(tmp_path)) as client:
        await client.remember("A word and another. " * 2000)
        with anyio.fail_after(20):
            while (await client.stats()).waiting:  # noqa: ASYNC110
                await anyio.sleep(0.01)


async def test_a_backup_is_written_where_the_store_is(tmp_path: Path) -> None:
    async with open_local(on_disk(tmp_path / "data")) as client:
        await client.remember("Text")
        assert (await client.backup(tmp_path / "copy.db")).size_bytes > 0
        with pytest.raises(errors.AlreadyExists):
            await client.backup(tmp_path / "copy.db")
    async with over_http(in_memory()) as client:
        with pytest.raises(errors.InvalidRequest):
            await client.backup(tmp_path / "other.db")


Asking = Callable[[AsyncClient], Awaitable[object]]
REFUSED: dict[str, tuple[Asking, type[errors.RecollectError]]] = {
    "an unknown id": (lambda c: c.read("none"), errors.NotFound),
    "an unknown name": (lambda c: c.read(name="none"), errors.NotFound),
    "a path": (lambda c: c.read("../stats"), errors.NotFound),
    "no reference": (lambda c: c.read(), errors.InvalidRequest),
    "an empty edit": (lambda c: c.edit("none"), errors.InvalidRequest),
    "an empty query": (lambda c: c.recall(""), errors.InvalidRequest),
    "half a filter": (lambda c: c.recall("x", filter="m.a ="), errors.InvalidFilter),
    "a made-up cursor": (lambda c: c.list(cursor="c1_none"), errors.InvalidCursor),
    "no limit": (lambda c: c.list(limit=0), errors.InvalidRequest),
    "a reserved scope": (lambda c: c.remember("x", scope="all"), errors.InvalidRequest),
    "a taken name": (lambda c: c.remember("x", name="there", if_absent=True), errors.AlreadyExists),
    "another revision": (
        lambda c: c.remember("x", name="there", expected_revision=9),
        errors.RevisionConflict,
    ),
    "another format": (lambda c: c.import_(["no header"]), errors.InvalidRequest),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_errors_are_the_same_over_every_transport(client: AsyncClient, case: str) -> None:
    ask, expected = REFUSED[case]
    await client.remember("Text", name="there")
    with pytest.raises(errors.RecollectError) as raised:
        await ask(client)
    assert type(raised.value) is expected


async def test_errors_keep_their_attributes(client: AsyncClient) -> None:
    stored = await client.remember("Text", name="n")
    with pytest.raises(errors.RevisionConflict) as conflict:
        await client.edit(stored.id, content="New", expected_revision=3)
    assert (conflict.value.expected, conflict.value.found) == (3, 1)
    with pytest.raises(errors.NotFound) as missing:
        await client.read("none")
    assert missing.value.reference == "none"


async def test_a_wrong_argument_is_not_repeated_in_the_error(client: AsyncClient) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        await client.remember("text", scope="!secret!")
    assert "secret" not in str(raised.value)
    assert "scope" in str(raised.value)


async def test_the_arguments_of_methods_are_the_fields_of_requests() -> None:
    of_tools = {"browse": {"root_as"}}
    for operation in operations.OFFERED:
        method = getattr(AsyncClient, METHODS.get(operation.name, operation.name))
        given = set(inspect.signature(method).parameters) - {"self"}
        offered = set(operation.request.model_fields) - of_tools.get(operation.name, set())
        assert given == offered, operation.name


async def test_the_blocking_client_has_the_methods_of_the_asynchronous_one() -> None:
    for name, method in inspect.getmembers(AsyncClient, inspect.isfunction):
        if name.startswith("_") or name == "aclose":
            continue
        blocking = getattr(Client, name)
        assert blocking.__doc__ == method.__doc__
        assert inspect.signature(blocking) == inspect.signature(method)
        assert not inspect.iscoroutinefunction(blocking)


def test_the_blocking_client_works_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    with recollect.open(tmp_path) as memory:
        memory.remember("The kettle is blue.", name="kettle")
        assert memory.recall("kettle").results[0].memory.name == "kettle"
        lines = list(memory.export())
        assert memory.import_(iter(lines)).unchanged == 1
        for number in range(120):
            memory.remember(f"Note {number}")
        assert len(list(memory.list_all())) == 121
        with pytest.raises(errors.NotFound):
            memory.read("none")
    memory = recollect.open(str(tmp_path))
    first: Generator[MemoryView] = memory.list_all()
    next(first)
    memory.close()
    memory.close()
    first.close()


async def test_an_asynchronous_client_works_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOLLECT_EMBEDDER__KIND", "hashing")
    async with recollect.open_async(tmp_path) as memory:
        await memory.remember("The kettle is blue.", name="kettle")
        assert (await memory.read(name="kettle")).content == "The kettle is blue."


async def test_an_error_in_the_block_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with open_local(on_disk(tmp_path)):
            raise KeyError


async def test_a_folder_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "tenants").write_text("a file where a folder must be")
    async with open_local(on_disk(tmp_path)) as client:
        with pytest.raises(errors.StoreUnavailable):
            await client.stats()


def test_what_the_package_promises_can_be_imported() -> None:
    code = (
        "import recollect, json; print(json.dumps([hasattr(recollect, n) for n in dir(recollect)]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert json.loads(shown.stdout) == [True] * len(recollect.__all__)
    assert sorted(recollect.__all__) == dir(recollect)
    with pytest.raises(AttributeError):
        _ = recollect.nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, recollect; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert not {"pydantic", "numpy", "httpx2", "anyio"} & set(shown.stdout.split())
