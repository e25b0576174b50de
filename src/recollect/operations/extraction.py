"""The queue of extraction: facts that a language model will find in episodes, set by set.

Nothing enqueues these jobs yet. Who does it, in the transaction of what was said, registers their
handler in `work.QUEUES`.
"""

from datetime import timedelta

from recollect.domain.changes import NewJob
from recollect.operations.context import Context

EXTRACT = "extract"

SETTLING = timedelta(seconds=5)
"""How long a job waits for what is said next, to do both at once."""


def extraction(context: Context, scope: str, set_id: str) -> NewJob:
    """The job that extracts facts into one set from what was said since it was last done.

    Of a set one waits at most, and one runs at a time. What was done so far is no part of the job:
    a registry record of the set keeps it.
    """
    key = f"{scope}|{set_id}"
    return NewJob(
        queue=EXTRACT,
        dedupe_key=key,
        order_key=key,
        payload={"scope": scope, "set_id": set_id},
        run_after=context.now() + SETTLING,
    )
