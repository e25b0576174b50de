"""Every error this package raises on purpose.

RecollectError
├── InvalidRequest
│   ├── InvalidFilter
│   ├── InvalidCursor
│   ├── MethodNotAllowed
│   └── TooLarge
├── NotFound
├── Conflict
│   ├── RevisionConflict
│   ├── AlreadyExists
│   ├── RemoteMoved
│   ├── IdempotencyMismatch
│   └── UnreadableNote
├── Denied
│   └── Unauthenticated
├── ConfigError
├── FileProblem
├── SignInFailed
└── Unavailable
    ├── EmbedderUnavailable
    ├── LanguageModelUnavailable
    ├── SecretStoreUnavailable
    ├── SyncFailed
    ├── StoreUnavailable
    │   └── StorageFull
    └── DeadlineExceeded

A class stands for one thing a caller may do differently; `code` is stable and is what programs
compare. The message says what happened and what to do, and never holds memory text or a secret.
"""

from collections.abc import Mapping


class RecollectError(Exception):
    """Base of every deliberate error; by itself it means a defect of ours."""

    code = "internal"


class InvalidRequest(RecollectError):
    """The request cannot be carried out as it stands; change it."""

    code = "invalid_request"


class InvalidFilter(InvalidRequest):
    """The filter text does not parse; `position` is the code point where it went wrong."""

    code = "invalid_filter"

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"the filter is wrong at character {position}: {problem}")
        self.position = position


class InvalidCursor(InvalidRequest):
    """The cursor is not one of ours, or belongs to another query; start again without it."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("the cursor does not belong to this query; ask again without a cursor")


class MethodNotAllowed(InvalidRequest):
    """The route does not know this HTTP method; the `Allow` header names those it knows."""

    code = "method_not_allowed"


class TooLarge(InvalidRequest):
    """The request or a part of it is over its limit."""

    code = "too_large"


class NotFound(RecollectError):
    """Nothing visible to the caller has this id or name."""

    code = "not_found"

    def __init__(self, reference: str, what: str = "memory") -> None:
        super().__init__(f"{what} not found: {reference}")
        self.reference = reference


class Conflict(RecollectError):
    """The request contradicts what is stored."""

    code = "conflict"


class RevisionConflict(Conflict):
    """The memory changed since the caller read it; read it again and retry."""

    code = "revision_conflict"

    def __init__(self, reference: str, expected: int, found: int) -> None:
        super().__init__(
            f"{reference} is at revision {found}, not {expected}; read it again and retry"
        )
        self.reference = reference
        self.expected = expected
        self.found = found


class AlreadyExists(Conflict):
    """Something else already has this name or id."""

    code = "already_exists"


class RemoteMoved(Conflict):
    """Somebody pushed to the remote in between; fetch, merge and push again."""

    code = "remote_moved"


class IdempotencyMismatch(Conflict):
    """The idempotency key was used before with another request."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key was used with another request; send a new key with a new request"
        )


class UnreadableNote(Conflict):
    """A file among the notes is not in their format; mend the file."""

    code = "unreadable_note"


class Denied(RecollectError):
    """The credential does not give this right."""

    code = "denied"


class Unauthenticated(Denied):
    """The credential is missing or wrong."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__("a valid credential is required: send 'Authorization: Bearer <token>'")


class ConfigError(RecollectError):
    """The settings are wrong; the message names the setting."""

    code = "config"


class FileProblem(RecollectError):
    """The command line cannot read or write a file; the message names it."""

    code = "file_problem"


class SignInFailed(RecollectError):
    """The host of the git remote gave no token; the message says why."""

    code = "sign_in_failed"


class Unavailable(RecollectError):
    """Something the request needs is out of reach; retrying later may help."""

    code = "unavailable"


class EmbedderUnavailable(Unavailable):
    """No embedding model is loaded; `recollect doctor` says how to get one."""

    code = "embedder_unavailable"


class LanguageModelUnavailable(Unavailable):
    """The language model gave nothing usable; what needs one goes without or is tried again."""

    code = "language_model_unavailable"


class SecretStoreUnavailable(Unavailable):
    """The place that keeps a token cannot be read or written."""

    code = "secret_store_unavailable"


class SyncFailed(Unavailable):
    """Some repositories could not be synced; the message says which and why.

    Attributes:
        details: What memory-mcp's clients are told of it.
    """

    code = "sync_failed"

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


class StoreUnavailable(Unavailable):
    """The store cannot be read or written; nothing was half-written."""

    code = "store_unavailable"


class StorageFull(StoreUnavailable):
    """The disk is full; nothing of the request was stored. Free some space and retry."""

    code = "storage_full"


class DeadlineExceeded(Unavailable):
    """The request was given up at its deadline; it may still have been carried out.

    Ask again with the same Idempotency-Key: what was carried out is answered as the first time.
    """

    code = "deadline_exceeded"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the request took longer than its deadline of {seconds:g} s; it may still have been "
            "carried out: ask again with the same Idempotency-Key"
        )
