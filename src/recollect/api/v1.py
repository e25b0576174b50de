"""The routes of `/v1`: each turns its parameters into a request and runs the operation."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from recollect import operations
from recollect.api.asking import Asked, AskedToWrite, answer
from recollect.domain.memory import Kind
from recollect.domain.scopes import Look
from recollect.errors import InvalidRequest, TooLarge
from recollect.operations.browse import MAX_LIMIT

LINES = "application/x-ndjson"
MAX_LINE_BYTES = 16_777_216

router = APIRouter(prefix="/v1")
_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": text, **_PROBLEM}
    for code, text in {
        400: "The body cannot be read.",
        401: "The credential is missing or wrong.",
        403: "Not allowed.",
        404: "There is no such memory.",
        409: "It contradicts what is stored.",
        413: "Too large.",
        422: "The request is wrong.",
        503: "Out of reach; retry later.",
        504: "The deadline has passed; retry later.",
        507: "The disk is full.",
    }.items()
}


_USUAL_SYNC = operations.Sync()
_USUAL_CHECK = operations.Check()


class BrowseQuery(BaseModel, extra="forbid"):
    """The parameters of a list, by their names in a URL."""

    scope: str = ""
    look: Look = Look.EXACT
    scopes: list[str] = []
    kind: list[Kind] = []
    name: str | None = None
    tag: list[str] = []
    filter: str | None = None
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50


class ForgetQuery(BaseModel, extra="forbid"):
    """What to forget; nothing is forgotten by a mistyped parameter."""

    scope: str
    look: Look = Look.EXACT
    kind: list[Kind] = []
    confirm: bool = False


class ImportQuery(BaseModel, extra="forbid"):
    """How to import; nothing is stored by a mistyped parameter."""

    dry_run: bool = False


@router.post("/memories", status_code=201, response_model=operations.Remembered, responses=_ERRORS)
async def remember(context: AskedToWrite, body: operations.Remember) -> Response:
    """Store a note, or replace the one of the same scope and name."""
    return answer(await operations.remember(context, body), 201)


@router.get("/memories", response_model=operations.Page, responses=_ERRORS)
async def browse(context: Asked, asked: Annotated[BrowseQuery, Query()]) -> Response:
    """List memories in a stable order, page by page."""
    request = operations.Browse(
        scope=asked.scope,
        look=asked.look,
        scopes=tuple(asked.scopes),
        kinds=tuple(asked.kind),
        name=asked.name,
        tags=tuple(asked.tag),
        filter=asked.filter,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return answer(await operations.browse(context, request))


@router.delete("/memories", response_model=operations.Forgotten, responses=_ERRORS)
async def forget_scope(context: AskedToWrite, asked: Annotated[ForgetQuery, Query()]) -> Response:
    """Forget every memory of a scope; `confirm=true` must be given."""
    request = operations.ForgetScope.model_validate(
        {"scope": asked.scope, "look": asked.look, "kinds": asked.kind, "confirm": asked.confirm}
    )
    return answer(await operations.forget_scope(context, request))


@router.get("/memories/{id}", response_model=operations.WholeMemory, responses=_ERRORS)
async def read(context: Asked, id: str) -> Response:  # noqa: A002  (the parameter's public name)
    """Read one memory whole."""
    return answer(await operations.read(context, operations.Read(id=id)))


@router.patch("/memories/{id}", response_model=operations.Changed, responses=_ERRORS)
async def edit(context: AskedToWrite, id: str, body: operations.EditFields) -> Response:  # noqa: A002
    """Change a memory in place; what is left out stays."""
    given = body.model_dump(exclude_unset=True)
    return answer(await operations.edit(context, operations.Edit(id=id, **given)))


@router.delete("/memories/{id}", response_model=operations.Forgotten, responses=_ERRORS)
async def forget(
    context: AskedToWrite,
    id: str,  # noqa: A002
    expected_revision: int | None = None,
) -> Response:
    """Forget a memory: no answer holds it any more."""
    request = operations.ForgetOne(id=id, expected_revision=expected_revision)
    return answer(await operations.forget(context, request))


@router.post("/memories/{id}/move", response_model=operations.Changed, responses=_ERRORS)
async def move(context: AskedToWrite, id: str, body: operations.MoveFields) -> Response:  # noqa: A002
    """Move a note to another scope, or rename it."""
    return answer(await operations.move(context, operations.Move(id=id, **body.model_dump())))


@router.post("/memories/{id}/erase", response_model=operations.Erased, responses=_ERRORS)
async def erase(context: AskedToWrite, id: str) -> Response:  # noqa: A002
    """Delete a memory for good, with all its revisions; a forgotten one too."""
    return answer(await operations.erase(context, operations.EraseOne(id=id)))


@router.get("/memories/{id}/history", response_model=operations.Revisions, responses=_ERRORS)
async def history(context: Asked, id: str) -> Response:  # noqa: A002
    """List the revisions of a memory, oldest first."""
    return answer(await operations.history(context, operations.History(id=id)))


@router.post("/recall", response_model=operations.Recalled, responses=_ERRORS)
async def recall(context: Asked, body: operations.Recall) -> Response:
    """Find memories by meaning and by words, best first."""
    return answer(await operations.recall(context, body))


@router.post("/recalls/verdicts", response_model=operations.Marked, responses=_ERRORS)
async def batch_mark_applied(context: Asked, body: operations.BatchMarkApplied) -> Response:
    """Tell what became of recalled memories; the first verdict on each stays."""
    return answer(await operations.batch_mark_applied(context, body))


@router.get("/recalls/stats", response_model=operations.RecallFigures, responses=_ERRORS)
async def recall_stats(context: Asked) -> Response:
    """Tell how the results of recalls fared, by distance, rank and arm."""
    return answer(await operations.recall_stats(context, operations.RecallStats()))


@router.post("/messages", response_model=operations.Ingested, responses=_ERRORS)
async def ingest(context: AskedToWrite, body: operations.Ingest) -> Response:
    """Store messages of a conversation, in order, all or none."""
    return answer(await operations.ingest(context, body))


@router.post("/context", response_model=operations.Prompt, responses=_ERRORS)
async def prompt_context(context: Asked, body: operations.PromptContext) -> Response:
    """Give what a prompt should hold of a conversation, within a budget."""
    return answer(await operations.prompt_context(context, body))


@router.post("/facts", status_code=201, response_model=operations.Learned, responses=_ERRORS)
async def learn(context: AskedToWrite, body: operations.Learn) -> Response:
    """Store a new fact with its citations."""
    return answer(await operations.learn(context, body), 201)


@router.patch("/facts/{id}", response_model=operations.Changed, responses=_ERRORS)
async def correct(context: AskedToWrite, id: str, body: operations.CorrectFields) -> Response:  # noqa: A002
    """Say what became of a fact; what was true before stays true for its time."""
    given = body.model_dump(exclude_unset=True)
    return answer(await operations.correct(context, operations.Correct(id=id, **given)))


@router.get("/stats", response_model=operations.Figures, responses=_ERRORS)
async def stats(context: Asked) -> Response:
    """Tell how much there is."""
    return answer(await operations.stats(context, operations.Stats()))


@router.post("/sync", response_model=operations.Synced, responses=_ERRORS)
async def sync(context: Asked, body: operations.Sync = _USUAL_SYNC) -> Response:
    """Exchange notes with the git remotes."""
    return answer(await operations.sync(context, body))


@router.post("/reindex", response_model=operations.Reindexed, responses=_ERRORS)
async def reindex(context: Asked) -> Response:
    """Rebuild every index from the records; vectors follow in the background."""
    return answer(await operations.reindex(context, operations.Reindex()))


@router.post("/check", response_model=operations.Checked, responses=_ERRORS)
async def check(context: Asked, body: operations.Check = _USUAL_CHECK) -> Response:
    """Find, and repair, every projection that differs from the records."""
    return answer(await operations.check(context, body))


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses=_ERRORS | {200: {"description": "Every record.", "content": {LINES: {}}}},
)
async def export(context: Asked) -> Response:
    """Give every record as JSON Lines."""
    return StreamingResponse(operations.export(context), media_type=LINES)


@router.post(
    "/import",
    response_model=operations.Imported,
    responses=_ERRORS,
    openapi_extra={
        "requestBody": {"content": {LINES: {"schema": {"type": "string"}}}, "required": True}
    },
)
async def import_lines(
    context: Asked, request: Request, query: Annotated[ImportQuery, Query()]
) -> Response:
    """Store what an export gave. Doing it twice changes nothing."""
    lines = _lines(request.stream())
    return answer(await operations.import_lines(context, lines, dry_run=query.dry_run))


async def _lines(stream: AsyncIterable[bytes]) -> AsyncGenerator[str]:
    """The lines of a streamed body, one by one."""
    rest = b""
    async for part in stream:
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield _text(line)
        if len(rest) > MAX_LINE_BYTES:
            raise TooLarge(f"a line has more than {MAX_LINE_BYTES} bytes")
    yield _text(rest)


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the lines must be UTF-8") from None
