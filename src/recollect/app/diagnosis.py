"""Examining an installation: what a person needs to know when something does not work."""

import platform
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import assert_never

import httpx2
from anyio import to_thread

from recollect import operations
from recollect.app.finding import server_of
from recollect.app.remote_notes import credential
from recollect.app.wiring import (
    Embedders,
    LoadableEmbedder,
    open_context,
    open_model,
    open_note_repositories,
)
from recollect.app.wiring.stores import open_schema
from recollect.domain.note_files import parse
from recollect.errors import RecollectError, UnreadableNote
from recollect.operations import Context, Result
from recollect.operations.mirror import contents_of, mounts_of
from recollect.ports import Embedder, LanguageModel, NoteRepository, Reranker, ResourceKind
from recollect.settings import (
    Configuration,
    InMemoryStoreSettings,
    MiniLmSettings,
    PostgresStoreSettings,
    Settings,
    SqliteStoreSettings,
)

HEALTH_TIMEOUT_SECONDS = 2
OLDEST_SQLITE = (3, 40)
FILES_AT_MOST = 10
"""How many files that are no notes are told."""


class Finding(Result):
    """One thing that was examined."""

    name: str
    ok: bool
    detail: str
    """What was found; if it is wrong, what to do."""


class Diagnosis(Result):
    """Everything that was examined."""

    ok: bool
    findings: list[Finding]


class Warm(Result):
    """The model that is ready."""

    model: str
    source: str
    """Where its weights come from."""
    cache: str | None
    """The folder that keeps it prepared; null for a model that needs none."""
    embedded: int = 0
    """How many memories had waited for it."""


async def warm_up(settings: Settings) -> Warm:
    """Load the model, fetching it if need be and the settings allow it.

    Raises:
        EmbedderUnavailable: It cannot be had; the message says what to do.
    """
    chosen = settings.embedder
    minilm = chosen if isinstance(chosen, MiniLmSettings) else None
    async with open_model(chosen) as model:
        await model.embedder.load(allow_download=minilm is not None and minilm.allow_download)
        await _try(model.embedder)
        return Warm(
            model=model.embedder.model,
            source=model.embedder.source or "unknown",
            cache=str(minilm.cache_dir) if minilm else None,
        )


async def diagnose(settings: Settings) -> Diagnosis:
    """Examine this machine's installation, or the server that the settings name."""
    findings = [
        finding
        async for finding in (_of_server(settings) if settings.url else _of_folder(settings))
    ]
    return Diagnosis(ok=all(finding.ok for finding in findings), findings=findings)


async def _of_folder(settings: Settings) -> AsyncGenerator[Finding]:
    yield _found("python", platform.python_version())
    if settings.configured:
        yield _found("configuration", _configuration(settings.configured))
    async for finding in _of_home(settings):
        yield finding
    try:
        async with open_context(settings) as (context, embedders):
            async for finding in _of_context(settings, context, embedders):
                yield finding
    except RecollectError as error:
        yield _wrong("store", str(error))
    if settings.git.mirror and not isinstance(settings.store, InMemoryStoreSettings):
        yield await _examined("notes in git", lambda: _notes(settings))
    yield await _noted_server(settings)


async def _of_home(settings: Settings) -> AsyncGenerator[Finding]:
    match settings.store:
        case InMemoryStoreSettings():
            return
        case SqliteStoreSettings():
            yield await to_thread.run_sync(_sqlite)
            yield await to_thread.run_sync(_full_text_search)
        case PostgresStoreSettings():
            database = await _examined("database", lambda: _database(settings))
            if database.ok:  # else to open the store says the same
                yield database
        case _:
            assert_never(settings.store)
    yield await to_thread.run_sync(_data_folder, settings.data_dir)


async def _of_context(
    settings: Settings, context: Context, embedders: Embedders
) -> AsyncGenerator[Finding]:
    yield await _examined("embedder", lambda: _embedder(embedders.embedder))
    if previous := embedders.previous_embedder:
        yield await _examined("previous embedder", lambda: _embedder(previous))
    yield await _examined("tokenizer", lambda: _tokenizer(context))
    if writer := context.language_model:
        yield await _examined("language model", lambda: _language_model(writer))
    if judge := context.reranker:
        yield await _examined("reranker", lambda: _reranker(judge, context.reranked))
    for resource in settings.configured.resources if settings.configured else ():
        yield await _resource(context, ResourceKind(resource.kind), resource.name)
    # Last, since what it says of the memories that wait depends on the models.
    yield await _examined("store", lambda: _store(context))


async def _of_server(settings: Settings) -> AsyncGenerator[Finding]:
    url = (settings.url or "").rstrip("/")
    token = settings.token.get_secret_value() if settings.token else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers, timeout=HEALTH_TIMEOUT_SECONDS) as http:
        for name, path in (("server", "/readyz"), ("credential", "/v1/stats")):
            try:
                answer = await http.get(url + path)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                yield _wrong(name, f"no answer from {url}: {error or type(error).__name__}")
                return
            detail = answer.text if name == "server" else f"answered {answer.status_code}"
            yield Finding(name=name, ok=answer.is_success, detail=detail)


def _found(name: str, detail: str) -> Finding:
    return Finding(name=name, ok=True, detail=detail)


def _wrong(name: str, detail: str) -> Finding:
    return Finding(name=name, ok=False, detail=detail)


async def _examined(name: str, examine: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return _found(name, await examine())
    except RecollectError as error:
        return _wrong(name, str(error))


def _sqlite() -> Finding:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return _wrong(
            "sqlite", f"{sqlite3.sqlite_version} is too old: use a Python with SQLite 3.40 or newer"
        )
    return _found("sqlite", sqlite3.sqlite_version)


def _full_text_search() -> Finding:
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("create virtual table text using fts5 (content)")
    except sqlite3.OperationalError:
        return _wrong("fts5", "this Python's SQLite lacks FTS5: use a Python whose SQLite has it")
    return _found("fts5", "available")


def _data_folder(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return _found("data folder", f"{folder} can be written")
    except OSError as error:
        return _wrong(
            "data folder",
            f"{folder} cannot be written ({error.strerror}): check its permissions, "
            "or choose another with --data-dir",
        )


def _configuration(configured: Configuration) -> str:
    unused = f"; without effect here: {', '.join(configured.unused)}" if configured.unused else ""
    return f"{configured.path}{unused}"


async def _resource(context: Context, kind: ResourceKind, name: str) -> Finding:
    found = await context.resources.retry(kind, name)
    return Finding(
        name=f"{kind.value} {name}",
        ok=found.status != "failed",
        detail=f"{found.provider}: {found.problem or found.status}",
    )


async def _database(settings: Settings) -> str:
    return await open_schema(settings).description()


async def _store(context: Context) -> str:
    await context.maintenance.ping(context.tenant)
    figures = await operations.stats(context, operations.Stats())
    held = f"{figures.memories} memories in {figures.size_bytes} bytes"
    waiting = f"{figures.waiting} wait to be embedded"
    return "; ".join(filter(None, (held, waiting, figures.advice)))


async def _notes(settings: Settings) -> str:
    repositories = await open_note_repositories(settings, partial(credential, settings))
    held: list[str] = []
    problems: list[str] = []
    for mount in mounts_of(repositories):
        repository = mount.repository
        notes, unreadable = await _files(repository)
        remote = f"remote {repository.remote}" if repository.remote else "no remote"
        held.append(f"{notes} in {mount.label} (branch {repository.branch}, {remote})")
        problems += unreadable
    if problems:
        told = "; ".join(problems[:FILES_AT_MOST])
        raise UnreadableNote(
            f"files that are no notes are left alone ({len(problems)}); mend or remove them: {told}"
        )
    return "; ".join(held)


async def _files(repository: NoteRepository) -> tuple[int, list[str]]:
    """How many notes there are, and which files cannot be read as notes."""
    blobs = await repository.notes(await repository.head())
    problems: list[str] = []
    for path, content in (await contents_of(repository, blobs)).items():
        try:
            parse(content)
        except UnreadableNote as error:
            problems.append(f"{path} ({error})")
    return len(blobs) - len(problems), problems


async def _embedder(embedder: LoadableEmbedder) -> str:
    await embedder.load()
    await _try(embedder)
    return f"{embedder.model} from {embedder.source}, vectors of {embedder.dimensions} numbers"


async def _try(embedder: Embedder) -> None:
    """Embed a word: only that shows whether a model behind an API can be used."""
    await embedder.embed(["ready?"], purpose="query")


async def _language_model(model: LanguageModel) -> str:
    await model.write("Answer with one word.", "Are you ready?", max_tokens=256)
    return f"{model.model} answers"


async def _reranker(reranker: Reranker, reranked: int) -> str:
    await reranker.scores("ready?", ["ready"])
    return f"orders the best {reranked} anew"


async def _tokenizer(context: Context) -> str:
    spans = await to_thread.run_sync(context.tokens.spans, "ready?")
    return f"{context.tokens.key} cuts a word into {len(spans)} tokens"


async def _noted_server(settings: Settings) -> Finding:
    url = await server_of(settings.data_dir, settings.store.kind)
    return _found("server", f"{url} holds the data folder" if url else "none holds the data folder")
