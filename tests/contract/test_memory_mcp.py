"""Reading memory-mcp's log of recalls, a file that is another program's."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from tests import foreign_logs
from tests.foreign_logs import row

from recollect.adapters.memory_mcp import MemoryMcpRecallLog
from recollect.errors import InvalidRequest, Unavailable

pytestmark = pytest.mark.anyio


async def read(file: Path) -> list[Mapping[str, object]]:
    return [found async for page in MemoryMcpRecallLog().read(str(file)) for found in page]


async def test_every_row_is_read_with_its_columns(tmp_path: Path) -> None:
    rows = [row(recall_id=f"r_{n}", rank=n % 5) for n in range(1201)]
    file = foreign_logs.write(tmp_path / "log ?#%41.sqlite", *rows)

    found = await read(file)

    assert [f["id"] for f in found] == list(range(1, 1202))
    assert [{k: v for k, v in f.items() if k != "id"} for f in found] == rows


async def test_an_empty_log_has_no_rows(tmp_path: Path) -> None:
    assert await read(foreign_logs.write(tmp_path / "log.sqlite")) == []


async def test_nothing_is_written_to_a_file_that_nobody_uses(tmp_path: Path) -> None:
    file = foreign_logs.write(tmp_path / "log.sqlite", row())
    before = file.read_bytes()
    tmp_path.chmod(0o500)

    assert len(await read(file)) == 1

    tmp_path.chmod(0o700)
    assert [f.name for f in tmp_path.iterdir()] == ["log.sqlite"]
    assert file.read_bytes() == before


async def test_a_log_is_read_while_it_is_written_to(tmp_path: Path) -> None:
    file = foreign_logs.write(tmp_path / "log.sqlite", row())
    with closing(sqlite3.connect(file)) as writer:
        foreign_logs.insert(writer, row(rank=1))
        writer.commit()
        foreign_logs.insert(writer, row(rank=2))
        assert [f["rank"] for f in await read(file)] == [0, 1]
        writer.commit()
        assert [f["rank"] for f in await read(file)] == [0, 1, 2]


async def test_text_that_is_not_utf_8_does_not_stop_the_rest(tmp_path: Path) -> None:
    file = foreign_logs.write(tmp_path / "log.sqlite", row())
    with closing(sqlite3.connect(file)) as writer, writer:
        writer.execute("update recall_events set memory_name = cast(x'ff41' as text)")

    assert [f["memory_name"] for f in await read(file)] == ["\ufffdA"]


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"\1" * 99])
async def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log.sqlite"
    file.write_bytes(content)

    with pytest.raises(InvalidRequest):
        await read(file)
    assert file.read_bytes() == content


async def test_another_program_s_tables_are_no_log(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("create table recalls (id)")

    with pytest.raises(InvalidRequest):
        await read(tmp_path / "other.db")


@pytest.mark.parametrize("name", ["missing.sqlite", ".", "a\0b"])
async def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await read(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


async def test_a_locked_log_may_be_read_later(tmp_path: Path) -> None:
    file = foreign_logs.write(tmp_path / "log.sqlite", row())
    impatient = MemoryMcpRecallLog(busy_timeout=timedelta(0))
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("pragma locking_mode = exclusive")
        foreign_logs.insert(holder, row(rank=1))
        with pytest.raises(Unavailable):
            await anext(impatient.read(str(file)))
