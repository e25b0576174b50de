"""Which store keeps its notes in a repository, for as long as one of its processes runs."""

import fcntl
import os
import weakref
from contextlib import ExitStack
from pathlib import Path

from recollect.adapters.git.failures import translated_errors
from recollect.errors import Unavailable

_MOST_BYTES = 4096


def take(file: Path, store: str, user: object) -> None:
    """Note that the store uses the repository, until `user` is gone or the process ends.

    Two stores that follow one work tree would bring back whatever either of them forgets.

    Args:
        file: The lock. It names the store; processes of the same store share it.
        store: What tells the store from others on this machine.
        user: For as long as it lives.

    Raises:
        Unavailable: A process of another store uses it.
    """
    with translated_errors(), ExitStack() as unless_taken:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        unless_taken.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody uses it: look who
        else:
            os.ftruncate(lock, 0)
            os.pwrite(lock, store.encode(), 0)
        # Waits for one that is just writing its name.
        fcntl.flock(lock, fcntl.LOCK_SH)
        if os.pread(lock, _MOST_BYTES, 0) != store.encode():
            raise Unavailable(
                f"another store's process keeps its notes in {file.parents[2]}; stop it, or give "
                "each data folder a repository of its own (RECOLLECT_GIT__PATH)"
            )
        unless_taken.pop_all()
    weakref.finalize(user, os.close, lock)
