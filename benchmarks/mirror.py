"""What mirroring notes to git costs, beside the parts of it, in the same run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Final
from uuid import UUID

import anyio

from benchmarks.corpus import Writer
from benchmarks.filling import Request
from benchmarks.load import Answers, measured
from benchmarks.serving import Client, Server, running
from benchmarks.timing import Spread
from recollect.adapters.git.repository import Place, open_repository
from recollect.domain.note_files import NoteFile, render
from recollect.domain.note_paths import path_of

CLIENTS: Final = 8
WRITES: Final = 200
COMMITS: Final = 50
IDLE_SECONDS: Final = 6.0
SCOPE: Final = "acme"
"""Whose folder all the notes lie in."""

_TIME: Final = "2026-01-01T00:00:00.000000Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFigures:
    """What one server did.

    Attributes:
        alone: One client storing notes.
        together: `CLIENTS` clients, each storing the next note at once.
        idle_percent: Of one core, while nobody asks anything.
    """

    text_seconds: float
    full_seconds: float
    alone: Answers
    together: Answers
    idle_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorFigures:
    """What was measured with this many notes in one folder.

    Attributes:
        restored_seconds: From the start of a server over their files to the last one stored.
        commit: Writing one note with the adapter alone.
        plain: The same server without a mirror.
    """

    notes: int
    restored_seconds: float
    mirrored: ServerFigures
    plain: ServerFigures
    commit: Spread


def mirror_figures(count: int, seed: int) -> MirrorFigures:
    """Measure with this many notes, which begin as files of the repository."""
    writer = Writer(seed)
    with TemporaryDirectory() as folder:
        data_dir = Path(folder)
        _write_files(data_dir / "notes", writer, count)
        with running(data_dir, "anything") as server:
            restored_seconds = _restored(server, count)
        return MirrorFigures(
            notes=count,
            restored_seconds=restored_seconds,
            mirrored=_server_figures(data_dir, writer, "true"),
            plain=_server_figures(data_dir, writer, "false"),
            commit=anyio.run(partial(_commit, data_dir / "notes", writer)),
        )


def _write_files(root: Path, writer: Writer, count: int) -> None:
    for number in range(count):
        file = root / path_of(SCOPE, f"note-{number}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_file(writer, number))


def _file(writer: Writer, number: int) -> bytes:
    return render(
        NoteFile(
            id=str(UUID(int=number, version=4)),
            name=f"note-{number}",
            scope=SCOPE,
            created_at=_TIME,
            updated_at=_TIME,
            body=writer.text(6, 20),
        )
    )


def _restored(server: Server, count: int) -> float:
    """Wait until all notes are stored, which is measured, and embedded, which is not."""
    client = Client(server.url)
    seconds = 0.0
    while True:
        figures = client.get("/v1/stats")
        taken = perf_counter() - server.started
        if not seconds and figures["memories"] >= count:
            seconds = taken
        if seconds and not figures["waiting"]:
            return seconds
        sleep(0.2)


def _server_figures(data_dir: Path, writer: Writer, mirror: str) -> ServerFigures:
    with running(data_dir, "anything", RECOLLECT_GIT__MIRROR=mirror) as server:
        measured(server.url, _notes(writer, f"warm-{mirror}", 10))
        return ServerFigures(
            text_seconds=server.text_seconds,
            full_seconds=server.full_seconds,
            idle_percent=_idle_percent(server),
            alone=measured(server.url, _notes(writer, f"alone-{mirror}", WRITES)),
            together=measured(server.url, _notes(writer, f"many-{mirror}", 2 * WRITES), CLIENTS),
        )


def _notes(writer: Writer, name: str, count: int) -> Sequence[Request]:
    return [
        (
            "/v1/memories",
            {"scope": SCOPE, "name": f"{name}-{number}", "content": writer.text(6, 20)},
        )
        for number in range(count)
    ]


def _idle_percent(server: Server) -> float:
    sleep(2)
    before = server.cpu_seconds()
    sleep(IDLE_SECONDS)
    return (server.cpu_seconds() - before) / IDLE_SECONDS * 100


async def _commit(root: Path, writer: Writer) -> Spread:
    repository = await open_repository(Place(path=root), deadline_seconds=60)
    taken: list[float] = []
    async with repository.held():
        for number in range(COMMITS):
            path = path_of(SCOPE, f"raw-{number}")
            content = _file(writer, 10**9 + number)
            started = perf_counter()
            await repository.write({path: content}, "chore: save\n")
            taken.append((perf_counter() - started) * 1000)
    return Spread.of(taken)
