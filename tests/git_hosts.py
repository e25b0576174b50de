"""A git host that signs machines in as RFC 8628 says, for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "gho_0123456789abcdefWXYZ"  # noqa: S105
DEVICE_CODE = "device-0123456789"
PENDING = {"error": "authorization_pending"}
SLOW_DOWN = {"error": "slow_down"}
GRANTED = {"access_token": TOKEN, "token_type": "bearer", "scope": "repo"}

Answer = Mapping[str, Any] | Response


@dataclass
class GitHost:
    """Answers as it is told; of `answers` one per poll, the last one for ever.

    Attributes:
        code: What the device endpoint answers.
        asked: The forms that were sent, with the path.
    """

    answers: Sequence[Answer] = (GRANTED,)
    code: Answer = field(
        default_factory=lambda: {
            "device_code": DEVICE_CODE,
            "user_code": "ABCD-1234",
            "verification_uri": "https://github.com/login/device",
            "expires_in": 900,
            "interval": 5,
        }
    )
    asked: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    polls: int = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/login/device/code", self._begin, methods=["POST"]),
                Route("/login/oauth/access_token", self._poll, methods=["POST"]),
            ]
        )

    async def _begin(self, request: Request) -> Response:
        await self._note(request)
        return _response(self.code)

    async def _poll(self, request: Request) -> Response:
        await self._note(request)
        answer = self.answers[min(self.polls, len(self.answers) - 1)]
        self.polls += 1
        return _response(answer)

    async def _note(self, request: Request) -> None:
        form = await request.form()
        assert request.headers["accept"] == "application/json"
        self.asked.append({"path": request.url.path} | {k: str(v) for k, v in form.items()})


def _response(answer: Answer) -> Response:
    if isinstance(answer, Response):
        return answer
    return JSONResponse(answer, status_code=400 if "error" in answer else 200)
