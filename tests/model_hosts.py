"""A host of models that speaks OpenAI's API, for tests."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from recollect.adapters.in_memory.embedding import HashingEmbedder

KEY = "sk-test-0123456789abcdefWXYZ"
WRITTEN = "A summary of what was said."


class Silence:
    """Answers nothing until the client has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        while (await receive())["type"] != "http.disconnect":
            pass


class Cut:
    """Begins to answer and closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"data": [', "more_body": True})


Answer = Response | Silence | Cut | Mapping[str, Any]


def refusal(status: int, code: object = None, retry_after: str = "0.001") -> Response:
    """An error as OpenAI words it, with the key and what was sent in it, as some hosts do."""
    error = {"message": f"wrong: {KEY} and heron", "type": "invalid_request_error", "code": code}
    return JSONResponse({"error": error}, status, {"retry-after": retry_after})


@dataclass
class ModelHost:
    """Answers as it is told, then as a real host would.

    Attributes:
        answers: What is answered first, one per request.
        dimensions: How long its vectors are.
        shortens: Whether it shortens them when asked to.
        fixed: Whether it refuses to be asked that.
        plain: Whether it gives vectors as lists of numbers, whatever it is asked for.
        longest: The bytes of the longest text that it embeds.
        written: What its language models write.
        asked: The bodies that were sent, with path and credential.
    """

    answers: Sequence[Answer] = ()
    dimensions: int = 48
    shortens: bool = True
    fixed: bool = False
    plain: bool = False
    longest: int = 100_000
    written: str = WRITTEN
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/embeddings", self._embeddings, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/responses", self._responses, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
            ]
        )

    async def _embeddings(self, request: Request) -> Any:
        if told := await self._told(request):
            return told
        body = self.asked[-1]
        texts = body["input"]
        if self.fixed and "dimensions" in body:
            return refusal(400, "not_supported")
        if not all(0 < len(text.encode()) <= self.longest for text in texts):
            return refusal(400, "context_length_exceeded")
        vectors = await HashingEmbedder(self.dimensions).embed(texts, purpose="document")
        if self.shortens and "dimensions" in body:
            vectors = vectors[:, : body["dimensions"]]
        # Not of unit length, and not in the order of the texts.
        found = [
            {"object": "embedding", "index": i, "embedding": self._encoded(body, 3 * vectors[i])}
            for i in reversed(range(len(texts)))
        ]
        return JSONResponse({"object": "list", "data": found, "model": body["model"]})

    def _encoded(self, body: Mapping[str, Any], vector: Any) -> Any:
        if self.plain or body["encoding_format"] != "base64":
            return vector.tolist()
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()

    async def _chat(self, request: Request) -> Any:
        message = {"role": "assistant", "content": self.written}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return await self._told(request) or JSONResponse({"id": "c1", "choices": [choice]})

    async def _responses(self, request: Request) -> Any:
        content = [{"type": "output_text", "text": self.written, "annotations": []}]
        output = [
            {"type": "reasoning", "id": "r1", "summary": []},
            {"type": "message", "id": "m1", "role": "assistant", "content": content},
        ]
        answer = {"id": "resp1", "status": "completed", "output": output}
        return await self._told(request) or JSONResponse(answer)

    async def _models(self, request: Request) -> Any:
        models = [{"id": "some-model", "object": "model"}]
        return await self._told(request) or JSONResponse({"object": "list", "data": models})

    async def _told(self, request: Request) -> Any:
        body = await request.json() if request.method == "POST" else {}
        credential = request.headers.get("authorization")
        told = self.answers[len(self.asked)] if len(self.asked) < len(self.answers) else None
        self.asked.append(body | {"path": request.url.path, "authorization": credential})
        return JSONResponse(told) if isinstance(told, Mapping) else told


def garbage() -> list[Answer]:
    """Answers with status 200 that make no sense to anybody."""
    return [
        PlainTextResponse(""),
        PlainTextResponse("<html>welcome</html>", media_type="text/html"),
        PlainTextResponse("[", media_type="application/json"),
        PlainTextResponse("[" * 100_000, media_type="application/json"),
        PlainTextResponse(b"\xff\xfe", media_type="application/json"),
        PlainTextResponse("null", media_type="application/json"),
        {},
    ]
