"""Doing it again when somebody else changed the same thing in between."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from recollect.errors import RecollectError

T = TypeVar("T")

ATTEMPTS = 5


async def retried(
    attempt: Callable[[], Awaitable[T]],
    *again: type[RecollectError],
    attempts: int = ATTEMPTS,
) -> T:
    """What the attempt gives; one that ends with one of these errors is made again.

    Each attempt must look anew at what is stored. The error of the last one is the caller's.
    """
    for _ in range(attempts - 1):
        try:
            return await attempt()
        except again:
            continue
    return await attempt()
