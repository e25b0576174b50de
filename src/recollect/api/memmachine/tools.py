"""MemMachine's three MCP tools, over the same functions as its routes."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import structlog
from mcp import types
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recollect.api.memmachine import memories, search
from recollect.api.memmachine.memories import (
    Addition,
    EpisodesDeletion,
    FeaturesDeletion,
    MessageGiven,
)
from recollect.api.memmachine.schemas import Answering
from recollect.api.memmachine.search import SearchAsked, Searched
from recollect.descriptions import describe
from recollect.errors import RecollectError
from recollect.operations import Context
from recollect.operations.request import explained

log = structlog.get_logger()

HEADERS = {"org_id": "org-id", "proj_id": "proj-id", "user_id": "user-id"}
DONE, REFUSED, BROKEN = 200, 422, 500

A = TypeVar("A", bound="_Arguments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose memories a call is about; empty parts are not known.

    MemMachine lets a client's headers go before what the operator sets, and that before the
    arguments of the call.
    """

    org_id: str = ""
    proj_id: str = ""
    user_id: str = ""


class _Arguments(BaseModel):
    """The arguments of a tool; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=describe)


class _Owned(_Arguments):
    org_id: str = ""
    """The organisation; yours when left out."""
    proj_id: str = ""
    """The project; yours when left out."""


class AddMemory(_Owned):
    """Something to remember."""

    content: str
    """What to remember, with all the context that it needs to be understood later."""
    user_id: str = ""
    """Who says it; you when left out."""


class SearchMemory(_Owned):
    """A question."""

    query: str
    """What you want to know, in plain words."""
    user_id: str = ""
    top_k: Annotated[int, Field(ge=1)] = 20
    """How many results of each memory at most."""


class DeleteMemory(_Owned):
    """What to delete: the two kinds of ids have nothing to do with each other."""

    episodic_memory_uids: tuple[UUID, ...] | None = None
    """The `uid` of messages."""
    semantic_memory_uids: tuple[str, ...] | None = None
    """The `metadata.id` of features."""


class Outcome(Answering):
    """How a call ended: 200, or 422 with what was wrong with it."""

    status: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[A]):
    """A tool: what clients are told of it, and what it does for an organisation and project."""

    name: str
    title: str
    description: str
    arguments: type[A]
    run: Callable[[Context, A, Identity], Awaitable[Answering]]
    result: Sequence[type[Answering]]
    annotations: types.ToolAnnotations


async def _add(context: Context, asked: AddMemory, owner: Identity) -> Outcome:
    message = MessageGiven(
        content=asked.content,
        producer=owner.user_id,
        produced_for="unknown",
        role="user",
        metadata={"user_id": owner.user_id},
    )
    body = Addition(org_id=owner.org_id, project_id=owner.proj_id, messages=[message])
    await memories.add(context, body)
    return Outcome(status=DONE, message="Success")


async def _search(context: Context, asked: SearchMemory, owner: Identity) -> Searched:
    body = SearchAsked(
        org_id=owner.org_id, project_id=owner.proj_id, query=asked.query, top_k=asked.top_k
    )
    return await search.found(context, body)


async def _delete(context: Context, asked: DeleteMemory, owner: Identity) -> Outcome:
    org, project = owner.org_id, owner.proj_id
    if ids := asked.episodic_memory_uids:
        episodes = EpisodesDeletion(org_id=org, project_id=project, episodic_ids=ids)
        await memories.delete_episodes(context, episodes)
    if numbers := asked.semantic_memory_uids:
        features = FeaturesDeletion(org_id=org, project_id=project, semantic_ids=numbers)
        await memories.delete_features(context, features)
    return Outcome(status=DONE, message="Success")


TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        name="add_memory",
        title="Add Memory",
        description="Store something worth remembering: facts, preferences, decisions, events. Do "
        "it without being asked, as soon as you learn it, and give all the context of the "
        "conversation that makes it understandable by itself.",
        arguments=AddMemory,
        run=_add,
        result=(Outcome,),
        annotations=types.ToolAnnotations(
            read_only_hint=False, destructive_hint=False, open_world_hint=False
        ),
    ),
    Tool(
        name="search_memory",
        title="Search Memory",
        description="Find what was said and what is known. Do it whenever you lack context: before "
        "you answer about the user, their work, or anything that came up earlier.",
        arguments=SearchMemory,
        run=_search,
        result=(Searched, Outcome),
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    ),
    Tool(
        name="delete_memory",
        title="Delete Memory",
        description="Delete memories for good by their ids, as `search_memory` gave them: messages "
        "by `uid`, features by `metadata.id`. Ask the user first.",
        arguments=DeleteMemory,
        run=_delete,
        result=(Outcome,),
        annotations=types.ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        ),
    ),
)


def create_tools(
    context_of: Callable[[ServerRequestContext[Any]], Context],
    version: str,
    known: Identity,
    machine: Identity,
) -> Server[Any]:
    """Build the server of the three tools.

    Args:
        context_of: The context of a call: it knows the caller by the transport's request.
        version: Ours, shown to clients.
        known: What the operator sets.
        machine: Who it is when nobody says.
    """
    tools = {tool.name: tool for tool in TOOLS}
    listing = types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def list_tools(
        _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return listing

    async def call_tool(
        call: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        if params.name not in tools:
            raise MCPError(types.INVALID_PARAMS, "tool not found")
        tool = tools[params.name]
        try:
            asked = tool.arguments.model_validate(params.arguments or {})
        except ValidationError as error:
            text = types.TextContent(type="text", text=f"invalid arguments: {explained(error)}")
            return types.CallToolResult(content=[text], is_error=True)
        headers: Mapping[str, str] = call.request.headers if call.request is not None else {}
        owner = _owner(asked, headers, known, machine)
        return _result(tool, await _outcome(tool, context_of(call), asked, owner))

    return Server("MemMachine", version=version, on_list_tools=list_tools, on_call_tool=call_tool)


def _owner(
    asked: BaseModel, headers: Mapping[str, str], known: Identity, machine: Identity
) -> Identity:
    def part(name: str) -> str:
        given = str(getattr(asked, name, ""))
        return (
            headers.get(HEADERS[name], "").strip()
            or getattr(known, name)
            or given.strip()
            or getattr(machine, name)
        )

    return Identity(**{name: part(name) for name in HEADERS})


async def _outcome(
    tool: Tool[Any], context: Context, asked: BaseModel, owner: Identity
) -> Answering:
    """What the tool gives; as in MemMachine, what it cannot do is no error of the protocol."""
    try:
        return await tool.run(context, asked, owner)
    except ValidationError as error:
        return Outcome(status=REFUSED, message=explained(error))
    except RecollectError as error:
        return Outcome(status=REFUSED, message=str(error))
    except Exception:  # the SDK would show its text, which may hold what somebody remembers
        log.exception("tool.crashed", tool=tool.name)
        return Outcome(status=BROKEN, message="an unexpected error; the log tells more")


def _result(tool: Tool[Any], result: Answering) -> types.CallToolResult:
    structured = result.model_dump(mode="json")
    text = json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content={"result": structured} if _is_wrapped(tool) else structured,
    )


def _is_wrapped(tool: Tool[Any]) -> bool:
    """Whether there are several shapes of answers: then clients expect them as `result`."""
    return len(tool.result) > 1


def _described(tool: Tool[Any]) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=_output_schema(tool),
        annotations=tool.annotations,
    )


def _output_schema(tool: Tool[Any]) -> dict[str, Any]:
    schemas = [model.model_json_schema(mode="serialization") for model in tool.result]
    if not _is_wrapped(tool):
        return schemas[0]
    definitions = {name: d for schema in schemas for name, d in schema.pop("$defs", {}).items()}
    return {
        "type": "object",
        "properties": {"result": {"anyOf": schemas}},
        "required": ["result"],
        "$defs": definitions,
        "x-fastmcp-wrap-result": True,
    }
