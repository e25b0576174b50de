"""Asking an API that speaks as OpenAI's does, and telling why it did not answer.

What the API says in its own words is never repeated: it may hold the key or what was sent to it.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import anyio
from anyio import to_thread
from pydantic import BaseModel, SecretStr, ValidationError

from recollect.errors import Unavailable

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T", bound=BaseModel)

PAUSE_SECONDS: Final = 20.0
"""How long an API that failed is left alone: who asks meanwhile is not kept waiting again."""

LONGEST_PAUSE_SECONDS: Final = 120.0

_CODE: Final = re.compile(r"[a-z_]{1,48}")
_ABOUT_THE_TEXT: Final = (400, 413, 422)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_UNEXPECTED: Final = "gave no answer: check its base_url"
_REMEDIES: Final[Mapping[int, str]] = {
    401: "refuses the key: check its api_key",
    403: "may not be used with this key: check its api_key",
    404: "is not there: check its base_url and its model",
    _TOO_MANY: "lets no more through for now: wait, or raise the account's limits",
}


class Refused(Exception):
    """The API works, but takes this very request for wrong; the message says what to check."""


class Raw(Protocol):
    """An answer that was not looked at yet."""

    @property
    def content(self) -> bytes:
        """The body."""
        ...


Send = Callable[["AsyncOpenAI"], Awaitable[Raw]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model behind an API.

    Attributes:
        role: What errors call it.
        base_url: None for OpenAI itself.
        max_retries: How often it is asked again when it is busy, fails or is out of reach.
    """

    role: str
    model: str
    base_url: str | None = None
    api_key: SecretStr | None = None
    max_retries: int = 2

    @property
    def host(self) -> str:
        """Who answers, for a person."""
        return urlsplit(self.base_url).netloc if self.base_url else "api.openai.com"


class Api:
    """Asks one endpoint.

    The library retries what may pass (no connection, 408, 409, 429, 5xx) with growing pauses, or
    after as long as `Retry-After` says.

    Args:
        endpoint: Whom to ask.
        failure: The error to raise when there is no answer.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        failure: type[Unavailable],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._failure = failure
        self._clock = clock
        self._client: AsyncOpenAI | None = None
        self._problem: str | None = None
        self._paused_until = 0.0

    @property
    def problem(self) -> str | None:
        """Why asking is of no use right now; None when it is worth a try."""
        if self.endpoint.base_url is None and self.endpoint.api_key is None:
            return f"the {self.endpoint.role} has no api_key: set it, or OPENAI_API_KEY"
        return self._problem if self._clock() < self._paused_until else None

    async def connect(self) -> "AsyncOpenAI":
        """Make ready to ask; sends nothing.

        Raises:
            Unavailable: There is a `problem`.
        """
        if problem := self.problem:
            raise self._failure(problem)
        if self._client is None:
            # Importing it takes most of a second; done in a thread, a server answers meanwhile.
            await to_thread.run_sync(import_module, "openai")
            self._client = self._client or self._new_client()
        return self._client

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def ask(self, send: Send, answer: type[T], *, seconds: float) -> T:
        """Give the answer to a request, checked.

        Args:
            send: Sends the request.
            answer: What must be in the answer.
            seconds: How long everything may take, retries and pauses between them included.

        Raises:
            Refused: The request itself is wrong.
            Unavailable: There is no answer, or none that makes sense. For some time after this,
                nothing is asked any more.
        """
        client = await self.connect()
        from openai import APIConnectionError, APIStatusError

        try:
            with anyio.fail_after(seconds):
                raw = await send(client)
        except TimeoutError:
            raise self.failed(f"gave no answer within {seconds:g} s: is it overloaded?") from None
        except APIConnectionError:
            raise self.failed("is out of reach: check its base_url, and that it runs") from None
        except APIStatusError as error:
            raise self._judged(error) from None
        try:
            parsed = answer.model_validate_json(raw.content)
        except ValidationError:
            raise self.failed("gave an answer that makes no sense: check its base_url") from None
        self._problem = None
        return parsed

    def failed(self, what: str, *, pause: float = PAUSE_SECONDS) -> Unavailable:
        """The error for an API that did not do its part; it is left alone for this long."""
        self._problem = self._told(what)
        self._paused_until = self._clock() + pause
        return self._failure(self._problem)

    def _told(self, what: str) -> str:
        return f"the {self.endpoint.role} {self.endpoint.model} at {self.endpoint.host} {what}"

    def _judged(self, error: "APIStatusError") -> Exception:
        status = error.status_code
        code = error.code if isinstance(error.code, str) and _CODE.fullmatch(error.code) else ""
        said = f"{status} {code}".rstrip()
        if status in _ABOUT_THE_TEXT:
            return Refused(self._told(f"refuses the request ({said}): check its settings"))
        usual = "failed: it is tried again later" if status >= _SERVER_ERROR else _UNEXPECTED
        what, remedy = _REMEDIES.get(status, usual).split(":")
        pause = _retry_after(error) if status == _TOO_MANY else PAUSE_SECONDS
        return self.failed(f"{what} ({said}):{remedy}", pause=pause)

    def _new_client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        key = self.endpoint.api_key
        return AsyncOpenAI(
            # Without one the library would take OpenAI's from the environment, whoever is asked.
            api_key=key.get_secret_value() if key else "none",
            base_url=self.endpoint.base_url or "https://api.openai.com/v1",
            max_retries=self.endpoint.max_retries,
            # What is sent is for this host alone.
            http_client=DefaultAsyncHttpxClient(follow_redirects=False),
        )


@asynccontextmanager
async def open_api(endpoint: Endpoint, failure: type[Unavailable]) -> AsyncGenerator[Api]:
    """Give an API, not connected yet, and close it at the end."""
    api = Api(endpoint, failure)
    try:
        yield api
    finally:
        await api.aclose()


def _retry_after(error: "APIStatusError") -> float:
    """How long the API wants to be left alone, in seconds, within bounds."""
    said = error.response.headers.get("retry-after", "")
    wanted = float(said) if said.isascii() and said.isdigit() else 0.0
    return min(max(wanted, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
