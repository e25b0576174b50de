"""How routes get their context and give their answers."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from recollect.api.guard import PRINCIPAL
from recollect.api.shared import Shared
from recollect.errors import InvalidRequest
from recollect.operations import Context

MAX_KEY_CHARACTERS = 200


# Both are async though they wait for nothing: FastAPI would give each to a thread.
async def _context(request: Request) -> Context:
    """The context of this request: the caller as the guard found them."""
    shared: Shared = request.app.state
    return replace(shared.context, principal=request.scope[PRINCIPAL])


Asked = Annotated[Context, Depends(_context)]


async def _keyed(
    context: Asked, idempotency_key: Annotated[str | None, Header()] = None
) -> Context:
    """The context of a write that its client may send again."""
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY_CHARACTERS:
        raise InvalidRequest(f"an Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters")
    return replace(context, idempotency_key=idempotency_key)


AskedToWrite = Annotated[Context, Depends(_keyed)]


def answer(result: BaseModel, status: int = 200, *, exclude_none: bool = False) -> Response:
    """The result as JSON; pydantic writes it itself, which FastAPI would do twice."""
    text = result.model_dump_json(exclude_none=exclude_none)
    return Response(text, status, media_type="application/json")
