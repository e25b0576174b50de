"""A process that dies at a given moment of writing to a repository, and one that looks after it.

Run as a program: it forks each of them anew for every moment, and prints what was found, a line
for each. `writing` and `packing` die before the first, second, ... use of a file, until one
survives; `moments COUNT` dies at random times of writing.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from recollect.adapters.git.durable import Disk
from recollect.adapters.git.local import LocalRepository
from recollect.adapters.git.opening import open_local
from recollect.adapters.git.packing import Packing

BEFORE: dict[str, bytes | None] = {
    "global/a.md": b"a",
    "global/b.md": b"b",
    "global/c.md/d.md": b"d",
    "projects/p/kept.md": b"kept",
}
CHANGES: dict[str, bytes | None] = {
    "global/a.md": b"new",
    "global/b.md": None,
    "global/c.md": b"where a folder was",
    "global/c.md/d.md": None,
    "projects/p/q/e.md": b"e",
}
AFTER = {path: content for path, content in (BEFORE | CHANGES).items() if content is not None}
MOST_SECONDS = 0.06


def main(how: str, folder: Path, count: int = 0) -> None:
    if how == "moments":
        for number in range(count):
            after = random.Random(number).uniform(0.0005, MOST_SECONDS)
            _in_a_fork(partial(_write_on, folder / "one", after))
            _in_a_fork(partial(_look, folder / "one"))
        return
    work = {"writing": partial(_write, notes=CHANGES), "packing": _pack}[how]
    point, died = 0, True
    while died:
        root = folder / str(point)
        _in_a_fork(partial(_begin, root))
        died = _in_a_fork(partial(_do_until, root, point, work)) != 0
        _in_a_fork(partial(_look, root))
        point += 1


def _in_a_fork(work: Callable[[], None]) -> int:
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        work()
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def _begin(root: Path) -> None:
    _write(open_local(root, "main"), BEFORE)


def _do_until(root: Path, point: int, work: Callable[[LocalRepository], None]) -> None:
    repository = open_local(root, "main")
    uses = 0

    def use(event: str, _: object) -> None:
        nonlocal uses
        if event == "open" or event.startswith("os."):
            if uses == point:
                os.kill(os.getpid(), signal.SIGKILL)
            uses += 1

    sys.addaudithook(use)
    work(repository)


def _pack(repository: LocalRepository) -> None:
    packing = Packing(repository.root, Disk(repository.root / ".git"))
    packing.pack(most_loose=0, most_packs=0)


def _write_on(root: Path, seconds: float) -> None:
    repository = open_local(root, "main")
    repository.recover()
    dice = random.Random(seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles it: it ends the process
    while True:
        paths = dice.sample([f"global/{number}.md" for number in range(20)], dice.choice((1, 1, 9)))
        _write(repository, {path: dice.choice((None, dice.randbytes(500))) for path in paths})


def _write(repository: LocalRepository, notes: dict[str, bytes | None]) -> None:
    repository.write(notes, "chore: save", by_hand=False, merged=None)


def _look(root: Path) -> None:
    """Put right what was left, and print what is wrong then: nothing but the state of HEAD."""
    repository = open_local(root, "main")
    was_under_way = (root / ".git/recollect/step.json").exists()
    repository.recover()
    head = repository.head()
    notes = repository.notes(head)
    contents = dict(zip(notes, repository.read(list(notes.values())), strict=True))
    state = "before" if contents == BEFORE else "after" if contents == AFTER else "other"
    lying = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts and path.name != ".gitignore"
    }
    wrong = [
        *repository.edited(None, may_write=True),
        *(f"status {path}" for path in repository.repository.status()),
        *(path for path in lying.keys() ^ contents.keys()),
        *(path for path in lying.keys() & contents.keys() if lying[path] != contents[path]),
    ]
    rest = "under way" if was_under_way else "at rest"
    sys.stdout.write(f"{state}, {rest}, {wrong or 'sound'}\n")
    _write(repository, {"global/next.md": b"next"})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
