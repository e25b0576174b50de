"""The models and databases of this process by name: what was configured, and what was added."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from recollect.domain.memory import JsonValue
from recollect.errors import AlreadyExists, Conflict, NotFound, RecollectError
from recollect.ports import Reranker, Resource, ResourceKind

Trial: TypeAlias = Callable[[], Awaitable[object]]
"""Uses a resource once; raises a RecollectError if it cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A resource, how it is tried, and how it fares without being tried.

    Attributes:
        problem: Why it cannot be used right now; left out for what nobody watches.
        is_fixed: It was configured at the start.
        reranker: What a reranker's name stands for; None for one that changes nothing.
    """

    resource: Resource
    trial: Trial
    problem: Callable[[], str | None] | None = None
    is_fixed: bool = True
    reranker: Reranker | None = None

    def now(self) -> Resource:
        """The resource as it fares now."""
        if self.problem is None:
            return self.resource
        problem = self.problem()
        status = "failed" if problem else "ready"
        return replace(self.resource, status=status, problem=problem)


Offering: TypeAlias = Callable[[ResourceKind, str, str, Mapping[str, JsonValue]], Offer]
"""Makes an offer of a kind, a name, a provider and its configuration."""


class NamedResources:
    """Keeps what was added in this process only; nothing of it is written anywhere."""

    def __init__(self, configured: Iterable[Offer], offering: Offering) -> None:
        self._offering = offering
        self._offers = {_key(offer.resource): offer for offer in configured}

    def all(self, kind: ResourceKind) -> list[Resource]:
        """As the port says."""
        return [offer.now() for offer in self._offers.values() if offer.resource.kind is kind]

    async def add(
        self, kind: ResourceKind, name: str, provider: str, config: Mapping[str, JsonValue]
    ) -> Resource:
        """As the port says."""
        offer = replace(self._offering(kind, name, provider, config), is_fixed=False)
        key = _key(offer.resource)
        if key in self._offers:
            raise AlreadyExists(f"there is a resource {name!r} in {kind.value}; remove it first")
        self._offers[key] = offer
        return await self._tried(offer)

    def reranker(self, name: str) -> Reranker | None:
        """As the port says."""
        offer = self._offers.get((ResourceKind.RERANKER, name.casefold()))
        return offer and offer.reranker

    def remove(self, kind: ResourceKind, name: str) -> None:
        """As the port says."""
        offer = self._find(kind, name)
        if offer.is_fixed:
            raise Conflict(f"{name!r} was configured at the start; remove it there and start again")
        del self._offers[_key(offer.resource)]

    async def retry(self, kind: ResourceKind, name: str) -> Resource:
        """As the port says."""
        return await self._tried(self._find(kind, name))

    async def _tried(self, offer: Offer) -> Resource:
        try:
            await offer.trial()
        except RecollectError as error:
            tried = replace(offer.resource, status="failed", problem=str(error))
        else:
            tried = replace(offer.resource, status="ready", problem=None)
        # It may have been removed while it was tried.
        if _key(tried) in self._offers:
            self._offers[_key(tried)] = replace(offer, resource=tried)
        return tried

    def _find(self, kind: ResourceKind, name: str) -> Offer:
        if (offer := self._offers.get((kind, name.casefold()))) is None:
            raise NotFound(f"{name} in {kind.value}", what="resource")
        return offer


def _key(resource: Resource) -> tuple[ResourceKind, str]:
    return resource.kind, resource.name.casefold()
