"""The MCP server: one definition for stdio and HTTP, old and new protocol."""

import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

import structlog
from mcp import types
from mcp.server import Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from recollect.errors import Conflict, Denied, InvalidRequest, NotFound, RecollectError, SyncFailed
from recollect.mcp.arguments import ForgetResult
from recollect.mcp.schemas import input_schema, output_schema
from recollect.mcp.tools import TOOLSETS, Tool
from recollect.operations.context import Context
from recollect.operations.request import explained
from recollect.settings import ToolSet

log = structlog.get_logger()

DURATION = "memory-mcp/serverProcessingDurationMs"
MAX_PROBLEMS = 20
"""How many problems of one call are told."""

_BEGINNING = """\
Long-term memory. Before you start a task, `recall` what is known about it: ask in plain words. \
When something is decided, preferred or learned, `remember` it in a sentence or two, with a name. \
Pass a namespace path such as org/team as scope; without one you get global notes only; 'all' \
searches everything. Never store secrets."""

_REPORTING = """ After using recalled memories, report what became of them, all at once, with \
`batch_mark_applied`."""

_NOTES = """

`read` gives a note whole, `edit` changes it, `move` renames it, `forget` deletes it, `list` \
shows what there is. `recall` returns the passage that matched, with its score; `degraded` names \
what the search had to do without. Storing under an existing name replaces that note."""

_FEEDBACK = """

A verdict is `applied`, `maybe` or `not_applied`, for a memory of a recall_id; `mark_applied` \
reports a single one. `recall_stats` shows how recalls fare. `sync` exchanges notes with the git \
remotes."""


def create_server(
    context_of: Callable[[ServerRequestContext[Any]], Context], version: str, offered: ToolSet
) -> Server[Any]:
    """Build the server.

    Args:
        context_of: The context of a call: it knows the caller by the transport's request.
        version: Ours, shown to clients.
        offered: Which tools there are.
    """
    tools = {tool.name: tool for tool in TOOLSETS[offered]}
    listing = types.ListToolsResult(tools=[_described(tool) for tool in tools.values()])

    async def list_tools(
        _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return listing

    async def call_tool(
        call: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        started = perf_counter()
        if params.name not in tools:
            raise MCPError(types.INVALID_PARAMS, "tool not found")
        result = await _called(tools[params.name], context_of(call), params.arguments or {})
        result.meta = {DURATION: round((perf_counter() - started) * 1000)}
        return result

    return Server(
        "recollect",
        version=version,
        title="Recollect",
        instructions=instructions(offered),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def instructions(offered: ToolSet) -> str:
    """What agents are told of these tools; some clients show the first 512 characters only."""
    if offered == "core":
        return _BEGINNING + _NOTES
    return _BEGINNING + _REPORTING + _NOTES + _FEEDBACK


async def _called(
    tool: Tool[Any], context: Context, arguments: dict[str, Any]
) -> types.CallToolResult:
    try:
        asked = tool.arguments.model_validate(arguments)
    except ValidationError as error:
        text = f"failed to deserialize parameters: {explained(error)}"
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], is_error=True
        )
    try:
        return _result(await tool.run(context, asked))
    except ValidationError as error:
        raise MCPError(types.INVALID_PARAMS, f"invalid input: {explained(error)}") from None
    except RecollectError as error:
        raise _as_protocol_error(error) from None
    except Exception:  # the SDK would show its text, which may hold what somebody remembers
        log.exception("tool.crashed", tool=tool.name)
        raise MCPError(types.INTERNAL_ERROR, "internal error: an unexpected error") from None


def _as_protocol_error(error: RecollectError) -> MCPError:
    match error:
        case NotFound():
            return MCPError(types.INVALID_PARAMS, str(error))
        case SyncFailed(details=details):
            return MCPError(types.INTERNAL_ERROR, str(error), dict(details))
        case InvalidRequest() | Conflict() | Denied():
            return MCPError(types.INVALID_PARAMS, f"invalid input: {error}")
        case _:
            return MCPError(types.INTERNAL_ERROR, f"internal error: {error}")


def _result(result: BaseModel) -> types.CallToolResult:
    structured = result.model_dump(mode="json", exclude_unset=True)
    done = isinstance(result, ForgetResult)
    text = "ok" if done else json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)], structured_content=structured
    )


def _described(tool: Tool[Any]) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=input_schema(tool.arguments),
        output_schema=output_schema(tool.result),
        annotations=types.ToolAnnotations(
            read_only_hint=tool.reads_only,
            destructive_hint=tool.destroys,
            idempotent_hint=None,
            open_world_hint=False,
        ),
    )
