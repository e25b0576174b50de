"""The routes that tell how the server is configured, and change it while it runs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from recollect import operations
from recollect.api.asking import Asked, AskedToWrite
from recollect.api.memmachine.errors import ERRORS
from recollect.operations import (
    EpisodicMemory,
    EpisodicUpdate,
    LongTermMemory,
    LongTermUpdate,
    SemanticMemory,
    SemanticUpdate,
    ShortTermMemory,
    ShortTermUpdate,
)
from recollect.ports import ResourceKind, ResourceStatus

router = APIRouter(prefix="/config", tags=["configuration"], responses=ERRORS)

Addable = Literal["embedders", "language_models"]
Retriable = Literal["embedders", "language_models", "rerankers"]


class Whole(BaseModel):
    """Everything that is configured."""

    resources: operations.ResourcesListed
    episodic_memory: EpisodicMemory
    semantic_memory: SemanticMemory


class MemoryUpdate(BaseModel):
    """Changes of one memory or both."""

    episodic_memory: EpisodicUpdate | None = None
    semantic_memory: SemanticUpdate | None = None


class LongTermSwitched(LongTermUpdate):
    """Changes of the long-term memory, with its switch."""

    enabled: bool | None = None


class ShortTermSwitched(ShortTermUpdate):
    """Changes of the short-term memory, with its switch."""

    enabled: bool | None = None


class NewResource(BaseModel):
    """A model to be known by a name."""

    model_config = ConfigDict(hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1)]
    provider: str
    config: dict[str, JsonValue] = Field(repr=False)


class Updated(BaseModel):
    """What became of a change."""

    success: bool = True
    message: str


class ResourceTried(BaseModel):
    """How a resource fares after it was tried; a failure is no error of the request."""

    success: bool
    status: ResourceStatus
    error: str | None


@router.get("")
async def get_configuration(context: Asked) -> Whole:
    """Tell everything that is configured; secrets are in no answer."""
    memory = await _memory(context)
    return Whole(
        resources=await get_resources(context),
        episodic_memory=memory.episodic_memory,
        semantic_memory=memory.semantic_memory,
    )


@router.get("/resources")
async def get_resources(context: Asked) -> operations.ResourcesListed:
    """Tell which models and databases there are, and how they fare."""
    return await operations.list_resources(context, operations.ListResources())


@router.put("/memory")
async def put_memory(context: AskedToWrite, body: MemoryUpdate) -> Updated:
    """Change how conversations are remembered."""
    if body.episodic_memory is None and body.semantic_memory is None:
        raise HTTPException(400, "give episodic_memory, semantic_memory or both")
    return await _change(
        context, episodic_memory=body.episodic_memory, semantic_memory=body.semantic_memory
    )


@router.get("/memory/episodic")
async def get_episodic(context: Asked) -> EpisodicMemory:
    """Tell how episodes are remembered."""
    return (await _memory(context)).episodic_memory


@router.put("/memory/episodic")
async def put_episodic(context: AskedToWrite, body: EpisodicUpdate) -> Updated:
    """Change how episodes are remembered."""
    return await _change(context, episodic_memory=body)


@router.get("/memory/episodic/long_term")
async def get_long_term(context: Asked) -> LongTermMemory:
    """Tell how older episodes are found."""
    return (await _memory(context)).episodic_memory.long_term_memory


@router.put("/memory/episodic/long_term")
async def put_long_term(context: AskedToWrite, body: LongTermSwitched) -> Updated:
    """Change how older episodes are found."""
    update = EpisodicUpdate(long_term_memory=body, long_term_memory_enabled=body.enabled)
    return await _change(context, episodic_memory=update)


@router.get("/memory/episodic/short_term")
async def get_short_term(context: Asked) -> ShortTermMemory:
    """Tell what of the newest messages is at hand."""
    return (await _memory(context)).episodic_memory.short_term_memory


@router.put("/memory/episodic/short_term")
async def put_short_term(context: AskedToWrite, body: ShortTermSwitched) -> Updated:
    """Change what of the newest messages is at hand."""
    update = EpisodicUpdate(short_term_memory=body, short_term_memory_enabled=body.enabled)
    return await _change(context, episodic_memory=update)


@router.get("/memory/semantic")
async def get_semantic(context: Asked) -> SemanticMemory:
    """Tell how facts are remembered."""
    return (await _memory(context)).semantic_memory


@router.put("/memory/semantic")
async def put_semantic(context: AskedToWrite, body: SemanticUpdate) -> Updated:
    """Change how facts are remembered."""
    return await _change(context, semantic_memory=body)


@router.post("/resources/{kind}", status_code=201)
async def add_resource(context: Asked, kind: Addable, body: NewResource) -> ResourceTried:
    """Add a model to this process until it ends, and try it; it is written nowhere."""
    request = operations.AddResource(
        kind=ResourceKind(kind), name=body.name, provider=body.provider, config=body.config
    )
    return _tried(await operations.add_resource(context, request))


@router.delete("/resources/{kind}/{name}")
async def remove_resource(context: Asked, kind: Addable, name: str) -> Updated:
    """Forget a model that was added."""
    request = operations.RemoveResource(kind=ResourceKind(kind), name=name)
    await operations.remove_resource(context, request)
    return Updated(message=f"{name} is forgotten")


@router.post("/resources/{kind}/{name}/retry")
async def retry_resource(context: Asked, kind: Retriable, name: str) -> ResourceTried:
    """Try a model again."""
    request = operations.RetryResource(kind=ResourceKind(kind), name=name)
    return _tried(await operations.retry_resource(context, request))


async def _memory(context: operations.Context) -> operations.MemoryConfiguration:
    return await operations.read_configuration(context, operations.ReadConfiguration())


async def _change(context: operations.Context, **updates: Any) -> Updated:
    changed = (await operations.configure(context, operations.Configure(**updates))).changed
    return Updated(message=f"changed {', '.join(changed)}" if changed else "nothing was changed")


def _tried(resource: operations.ResourceView) -> ResourceTried:
    return ResourceTried(
        success=resource.status != "failed", status=resource.status, error=resource.error
    )
