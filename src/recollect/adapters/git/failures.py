"""Errors of git and of the file system, in our words."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from pygit2 import GitError

from recollect.errors import InvalidRequest, RecollectError, StorageFull, Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_IN_THE_WAY = frozenset(
    {errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG}
)


class Hidden(Exception):
    """What lies at a path cannot be told: it is, or is behind, a link, a device, a closed door."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path!r} is, or leads through, a symbolic link or something else that is neither a "
            "readable file nor a folder: it is left alone; move it away"
        )


@contextmanager
def translated_errors() -> Generator[None]:
    """Turn what pygit2 and the operating system raise into our errors, keeping the cause."""
    try:
        yield
    except Hidden as error:
        raise InvalidRequest(str(error)) from error
    except OSError as error:
        raise _of_the_system(error) from error
    except GitError as error:
        raise _of_git(str(error)) from error
    except KeyError as error:  # pygit2's word for an object that is not there
        raise Unavailable(
            f"the repository of notes lacks the object {error}: it is damaged, or not wholly "
            "fetched; move its folder away and start again, it is made anew from the store"
        ) from error


def _of_the_system(error: OSError) -> RecollectError:
    if error.errno in _FULL:
        return _full()
    if error.errno in _IN_THE_WAY:
        return InvalidRequest(
            f"a file, a folder or a symbolic link is in the way of a note ({error.strerror}); "
            "move it away"
        )
    return Unavailable(
        f"the repository of notes cannot be read or written ({error.strerror}); check its "
        "permissions"
    )


def _of_git(message: str) -> RecollectError:
    if "No space left" in message or "Disk quota exceeded" in message:
        return _full()
    return Unavailable(f"the repository of notes failed: {message}")


def _full() -> StorageFull:
    return StorageFull("the disk is full; nothing was committed: free some space and retry")
