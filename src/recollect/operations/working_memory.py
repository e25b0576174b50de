"""The newest messages of a session, as they are stored."""

from recollect.domain.filters import Filter, matches
from recollect.domain.memory import Memory
from recollect.domain.working_memory import MAX_WINDOW
from recollect.operations.context import Context
from recollect.operations.summaries import Session, read_summary


async def newest_messages(
    context: Context, session: Session, limit: int = MAX_WINDOW
) -> list[Memory]:
    """The newest messages of a session that the principal sees, in their order."""
    if not context.principal.scopes.covers(session.scope):
        return []
    newest = await context.records.newest(context.tenant, *session, limit)
    return [message for message in newest if not context.has_expired(message)]


async def working_memory(
    context: Context,
    session: Session,
    *,
    matching: Filter | None = None,
    limit: int,
    max_characters: int | None = None,
) -> tuple[list[Memory], str]:
    """The newest messages that match, oldest first, and the summary of those before.

    Args:
        context: What the principal does not reach is not there.
        session: Which.
        matching: What messages have to be like; the summary is of all.
        limit: At most so many messages.
        max_characters: What the contents of the newest messages may take together, matching or
            not; the newest one may take more.
    """
    newest = await newest_messages(context, session, max(limit, MAX_WINDOW))
    kept = newest if max_characters is None else _within(newest, max_characters)
    summary, _ = await read_summary(context, session, {message.id for message in kept})
    found = [message for message in kept if matching is None or matches(matching, message)]
    return found[max(len(found) - limit, 0) :], summary.text


def _within(messages: list[Memory], characters: int) -> list[Memory]:
    left = characters
    for taken, message in enumerate(reversed(messages)):
        left -= len(message.content)
        if left < 0 and taken:
            return messages[len(messages) - taken :]
    return messages
