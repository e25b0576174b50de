"""New ids: UUIDs of version 7, which sort by the time they were made."""

import secrets
import time
from threading import Lock
from uuid import UUID

_RANDOM_BITS = 62
_COUNTER_BITS = 12


class UuidSource:
    """Gives UUIDs of version 7 (RFC 9562), each greater than all before it in this process.

    The 12 bits behind the milliseconds count within a millisecond (method 1 of section 6.2).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def __call__(self) -> str:
        """A new id in the usual notation."""
        with self._lock:
            now = (time.time_ns() // 1_000_000) << _COUNTER_BITS
            self._last = max(now, self._last + 1)
            ticks = self._last
        milliseconds, count = ticks >> _COUNTER_BITS, ticks & ((1 << _COUNTER_BITS) - 1)
        value = milliseconds << 80 | 0x7 << 76 | count << 64 | 0b10 << 62
        return str(UUID(int=value | secrets.randbits(_RANDOM_BITS)))
