"""The driver's errors in our words. None repeats a value, an address or a password."""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from psycopg import DataError, Error, IntegrityError, OperationalError, errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from recollect.errors import RecollectError, StorageFull, StoreUnavailable


@contextmanager
def translated_errors() -> Generator[None]:
    """Turn the driver's errors into ours, in one place, keeping the cause if it holds no value."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        # Their details quote what was to be stored.
        raise _translated(error) from None
    except Error as error:
        raise _translated(error) from error


# The first that fits counts; subclasses stand before their classes.
_PROBLEMS: Sequence[tuple[tuple[type[Error], ...], str]] = (
    (
        (PoolTimeout, TooManyRequests),
        "no connection to the database became free in time; retry",
    ),
    ((PoolClosed,), "the database was closed, because the server is about to stop"),
    (
        (errors.QueryCanceled,),
        "the database took longer than RECOLLECT_STORE__STATEMENT_SECONDS allows; retry",
    ),
    (
        (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure),
        "others kept changing the same records; retry",
    ),
    (
        (errors.ReadOnlySqlTransaction,),
        "the database is read-only, as a standby is; the settings must name the primary",
    ),
    (
        (errors.InsufficientPrivilege,),
        "the database's role lacks a right; the page on running on PostgreSQL lists what it needs",
    ),
    (
        (OperationalError,),
        "the database is out of reach, or the connection to it was lost; retry",
    ),
)

# A connection that is not made has no code, only what the server, or libpq, says in its language.
_NOT_CONNECTED: Sequence[tuple[str, str]] = (
    (
        r"authentication failed|no password supplied|role .* does not exist|no pg_hba\.conf entry",
        "the database server refuses the role or its password; check them in the settings",
    ),
    (
        r"database .* does not exist",
        "the database server has no database of this name; create it, or mend the settings",
    ),
    (
        r"failed to resolve host|could not translate host name",
        "the database server's host is not known; check its name in the settings",
    ),
    (
        r"SSL|certificate",
        "no encrypted connection to the database server can be made as the settings ask for it",
    ),
    (
        r"FATAL:",
        "the database server lets nobody in now: it may be starting, stopping or full; retry",
    ),
)


def _translated(error: Error) -> RecollectError:
    if isinstance(error, errors.DiskFull):
        return StorageFull(
            "the database's disk is full; nothing was stored: free some space and retry"
        )
    if type(error) is OperationalError:
        for pattern, said in _NOT_CONNECTED:
            if re.search(pattern, str(error)):
                return StoreUnavailable(said)
    refused = f"the database refused a statement ({error.sqlstate})"
    return StoreUnavailable(
        next((said for kinds, said in _PROBLEMS if isinstance(error, kinds)), refused)
    )
