"""Scopes: paths that memories live under, and the sets of them that a query looks at."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from recollect.errors import InvalidRequest

ROOT = ""
MAX_DEPTH = 10
MAX_SCOPE_BYTES = 1000
RESERVED = frozenset({"all", "global"})

_PART = re.compile(r"[\w:\-][\w.:\-]*")


class Look(StrEnum):
    """How far around a scope a query looks."""

    EXACT = "exact"
    SUBTREE = "subtree"
    SUBTREE_AND_GLOBAL = "subtree+global"
    ALL = "all"


def check_scope(text: str) -> str:
    """Return the scope unchanged if memories may be stored under it.

    A scope is `''` (the root) or one to ten parts joined by `/`. A part holds Unicode letters and
    digits, `-`, `_`, `.` and `:`, and does not start with a dot.

    Raises:
        InvalidRequest: The text is no scope, or is a reserved word.
    """
    if text == ROOT:
        return text
    if text in RESERVED:
        raise InvalidRequest(f"the scope {text!r} is reserved; the root scope is the empty string")
    parts = text.split("/")
    if len(parts) > MAX_DEPTH:
        raise InvalidRequest(f"a scope has at most {MAX_DEPTH} parts; this one has {len(parts)}")
    if len(text.encode("utf-8", "replace")) > MAX_SCOPE_BYTES:
        raise InvalidRequest(f"a scope has at most {MAX_SCOPE_BYTES} bytes")
    if not all(_PART.fullmatch(part) for part in parts):
        raise InvalidRequest(
            "a scope is made of parts joined by '/'; a part holds letters, digits, '-', '_', '.' "
            "and ':', is not empty and does not start with a dot"
        )
    return text


def contains(root: str, scope: str) -> bool:
    """Whether the scope is the root or lies below it, by whole parts."""
    return root in (ROOT, scope) or scope.startswith(root + "/")


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """A set of scopes: some exactly, some with all that lies below them.

    `ScopeSet(subtrees={''})` is every scope. The empty set covers nothing.
    """

    exact: frozenset[str] = frozenset()
    subtrees: frozenset[str] = frozenset()

    @classmethod
    def of(cls, scope: str, look: Look) -> "ScopeSet":
        """The scopes that a query at `scope` with this look covers."""
        match look:
            case Look.EXACT:
                return cls(exact=frozenset({scope}))
            case Look.SUBTREE:
                return cls(subtrees=frozenset({scope}))
            case Look.SUBTREE_AND_GLOBAL:
                return cls(exact=frozenset({ROOT}), subtrees=frozenset({scope}))
            case Look.ALL:
                return EVERYWHERE

    @classmethod
    def listed(cls, scopes: Iterable[str]) -> "ScopeSet":
        """Exactly these scopes."""
        return cls(exact=frozenset(scopes))

    @property
    def is_everything(self) -> bool:
        """Whether every scope is covered."""
        return ROOT in self.subtrees

    def covers(self, scope: str) -> bool:
        """Whether the scope is in the set."""
        return scope in self.exact or any(contains(root, scope) for root in self.subtrees)

    def narrowed_to(self, other: "ScopeSet") -> "ScopeSet":
        """The scopes that both sets cover."""
        exact = {s for s in self.exact if other.covers(s)} | {
            s for s in other.exact if self.covers(s)
        }
        subtrees = {a for a in self.subtrees for b in other.subtrees if contains(b, a)} | {
            b for a in self.subtrees for b in other.subtrees if contains(a, b)
        }
        return ScopeSet(frozenset(exact), frozenset(subtrees))


EVERYWHERE = ScopeSet(subtrees=frozenset({ROOT}))
