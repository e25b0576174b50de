"""The models and databases that requests may name: how they fare, and more of them."""

from typing import Annotated

from pydantic import Field, JsonValue

from recollect.domain.access import Right
from recollect.domain.scopes import ROOT
from recollect.operations.context import Context, operation
from recollect.operations.request import Label, Request, Result
from recollect.ports import Resource, ResourceKind, ResourceStatus

ResourceName = Annotated[Label, Field(min_length=1)]


class ListResources(Request):
    """Ask which resources there are."""


class _OfServer(Request):
    def touches(self) -> tuple[str, ...]:
        """All scopes: resources are everybody's."""
        return (ROOT,)


class AddResource(_OfServer):
    """Add a resource to this process, until it ends."""

    kind: ResourceKind
    name: ResourceName
    provider: Label
    config: dict[str, JsonValue] = Field(repr=False)
    """What the provider takes; it may hold secrets, which nothing gives back."""


class RemoveResource(_OfServer):
    """Forget a resource that was added."""

    kind: ResourceKind
    name: ResourceName


class RetryResource(_OfServer):
    """Try a resource again."""

    kind: ResourceKind
    name: ResourceName


class ResourceView(Result):
    """A resource, and how it fares."""

    name: str
    provider: str
    status: ResourceStatus
    error: str | None
    """Why it failed; null unless it did."""

    @classmethod
    def of(cls, resource: Resource) -> "ResourceView":
        """The view of this resource."""
        return cls(
            name=resource.name,
            provider=resource.provider,
            status=resource.status,
            error=resource.problem,
        )


class ResourcesListed(Result):
    """The resources of this process by kind, in the order they were declared."""

    embedders: list[ResourceView]
    language_models: list[ResourceView]
    rerankers: list[ResourceView]
    databases: list[ResourceView]


class ResourceRemoved(Result):
    """What was forgotten."""

    name: str


@operation(Right.ADMIN)
async def list_resources(context: Context, request: ListResources) -> ResourcesListed:
    """Tell which resources there are."""
    del request
    views = {
        kind: [ResourceView.of(resource) for resource in context.resources.all(kind)]
        for kind in ResourceKind
    }
    return ResourcesListed(
        embedders=views[ResourceKind.EMBEDDER],
        language_models=views[ResourceKind.LANGUAGE_MODEL],
        rerankers=views[ResourceKind.RERANKER],
        databases=views[ResourceKind.DATABASE],
    )


@operation(Right.ADMIN)
async def add_resource(context: Context, request: AddResource) -> ResourceView:
    """Try a new resource and keep it, ready or failed; nothing of it is written anywhere.

    Raises:
        InvalidRequest: Its provider or its configuration is wrong.
        AlreadyExists: The name is taken.
    """
    added = await context.resources.add(
        request.kind, request.name, request.provider, request.config
    )
    return ResourceView.of(added)


@operation(Right.ADMIN)
async def remove_resource(context: Context, request: RemoveResource) -> ResourceRemoved:
    """Forget a resource that was added.

    Raises:
        NotFound: There is none of this name.
        Conflict: It was configured at the start.
    """
    context.resources.remove(request.kind, request.name)
    return ResourceRemoved(name=request.name)


@operation(Right.ADMIN)
async def retry_resource(context: Context, request: RetryResource) -> ResourceView:
    """Try a resource again, and tell how it fares.

    Raises:
        NotFound: There is none of this name.
    """
    return ResourceView.of(await context.resources.retry(request.kind, request.name))
