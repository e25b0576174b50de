"""A data folder that is used inside a process, with the real model."""

from pathlib import Path

import recollect


def test_a_fact_is_embedded_at_once_though_nothing_was_written_before_it(tmp_path: Path) -> None:
    with recollect.open(tmp_path) as memory:
        filed = {"category": "storage", "tag": "orders", "feature": "database"}
        learned = memory.learn("Orders are kept in PostgreSQL.", **filed)
    with recollect.open(tmp_path) as memory:
        corrected = memory.correct(learned.id, content="Orders are kept in MySQL.")
    assert (learned.degraded, corrected.degraded) == ([], [])


def test_imported_notes_are_files_once_the_import_is_done(tmp_path: Path) -> None:
    with recollect.open(tmp_path / "one") as memory:
        memory.remember("Orders are kept in PostgreSQL.", name="db")
        lines = list(memory.export())
    with recollect.open(tmp_path / "other") as memory:
        assert memory.import_(lines).imported == 1
        assert (tmp_path / "other" / "notes" / "global" / "db.md").is_file()
