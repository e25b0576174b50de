"""Small decimal numbers, for clients that expect them as ids."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from recollect.domain.changes import PutRecord
from recollect.domain.memory import RegistryRecord
from recollect.errors import AlreadyExists, RevisionConflict
from recollect.operations.context import Context
from recollect.operations.retrying import retried

T = TypeVar("T")

COUNTER = "counter"
ATTEMPTS = 50
"""As many as may take a number at once; each time, one of them gets it."""


async def numbered(
    context: Context, sequence: str, attempt: Callable[[str, PutRecord], Awaitable[T]]
) -> T:
    """What `attempt` gives for the next number of a sequence, from 1; none is given twice.

    Args:
        context: Whose numbers these are.
        sequence: What is counted.
        attempt: Commits, with the change handed in, what bears the number handed in. Another who
            took it makes that fail with RevisionConflict; then it is called again with the next.
    """

    async def take() -> T:
        found = await context.records.registered(context.tenant, COUNTER, [sequence])
        revision = found[0].revision if found else 0
        last = found[0].content["last"] if found else 0
        number = (last if isinstance(last, int) else 0) + 1
        counter = RegistryRecord(
            type=COUNTER,
            id=sequence,
            content={"last": number},
            updated_at=context.now(),
            revision=revision + 1,
        )
        try:
            return await attempt(str(number), PutRecord(record=counter, expected_revision=revision))
        except AlreadyExists:
            if revision:
                raise
            raise RevisionConflict(f"{COUNTER}:{sequence}", 0, 1) from None

    return await retried(take, RevisionConflict, attempts=ATTEMPTS)
