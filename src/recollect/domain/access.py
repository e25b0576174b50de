"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from recollect.domain.scopes import EVERYWHERE, ScopeSet
from recollect.errors import Denied


class Right(StrEnum):
    """What a credential can allow."""

    READ = "read"
    WRITE = "write"
    ERASE = "erase"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The one who asks, as the credential tells; never as the request claims.

    Attributes:
        tenant: Whose data this is about; nothing of another tenant exists for the principal.
        scopes: What of the tenant exists for the principal.
    """

    name: str
    tenant: str
    scopes: ScopeSet = EVERYWHERE
    rights: frozenset[Right] = frozenset(Right)

    def require(self, right: Right, scopes: tuple[str, ...]) -> None:
        """Check that the principal has the right, in all of these scopes.

        Raises:
            Denied: It has not.
        """
        if right not in self.rights:
            raise Denied(f"this credential does not give the right to {right.value}")
        if not all(self.scopes.covers(scope) for scope in scopes):
            raise Denied("this credential does not reach that scope")


LOCAL_TENANT = "default"
LOCAL = Principal(name="local", tenant=LOCAL_TENANT)
"""Whoever can reach the loopback address or the data folder: one tenant, all rights."""
