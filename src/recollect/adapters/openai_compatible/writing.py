"""The `LanguageModel` behind an API, by either of OpenAI's two ways to ask for text."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from recollect.adapters.openai_compatible.api import Api, Raw, Refused
from recollect.errors import LanguageModelUnavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_FEWEST_TOKENS: Final = 16
"""OpenAI's responses API takes no smaller limit."""


class _Part(BaseModel):
    type: str
    text: str = ""


class _Output(BaseModel):
    type: str
    content: list[_Part] | None = None


class _Response(BaseModel):
    output: list[_Output]

    def text(self) -> str:
        parts = [p for o in self.output if o.type == "message" for p in o.content or ()]
        return "".join(part.text for part in parts if part.type == "output_text")


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: list[_Choice]

    def text(self) -> str:
        return (self.choices[0].message.content or "") if self.choices else ""


class _ApiLanguageModel(ABC):
    """Asks for a text, and insists that there is one.

    Args:
        api: Where the model is.
        seconds: How long it may take, retries included.
    """

    _answer: type[_Response] | type[_Completion]

    def __init__(self, api: Api, seconds: float) -> None:
        self._api = api
        self._seconds = seconds

    @property
    def model(self) -> str:
        return self._api.endpoint.model

    async def write(self, instructions: str, text: str, *, max_tokens: int) -> str:
        async def send(client: "AsyncOpenAI") -> Raw:
            return await self._send(client, instructions, text, max_tokens)

        try:
            answer = await self._api.ask(send, self._answer, seconds=self._seconds)
        except Refused as refusal:
            raise LanguageModelUnavailable(str(refusal)) from None
        if written := answer.text().strip():
            return written
        # The model works: it is not left alone, others may ask it for something else.
        raise LanguageModelUnavailable(
            f"the language model {self.model} wrote nothing in {max_tokens} tokens: "
            "it refused, or thinks before it writes and needs more"
        )

    @abstractmethod
    async def _send(
        self, client: "AsyncOpenAI", instructions: str, text: str, max_tokens: int
    ) -> Raw: ...


class ResponsesModel(_ApiLanguageModel):
    """Asks by `/responses`, and not to keep what was said."""

    _answer = _Response

    async def _send(
        self, client: "AsyncOpenAI", instructions: str, text: str, max_tokens: int
    ) -> Raw:
        return await client.responses.with_raw_response.create(
            model=self.model,
            instructions=instructions,
            input=text,
            max_output_tokens=max(max_tokens, _FEWEST_TOKENS),
            store=False,
        )


class ChatModel(_ApiLanguageModel):
    """Asks by `/chat/completions`, which most servers know."""

    _answer = _Completion

    async def _send(
        self, client: "AsyncOpenAI", instructions: str, text: str, max_tokens: int
    ) -> Raw:
        from openai import omit

        # OpenAI's newer models refuse the older name, other servers may not know the newer one.
        is_openai = self._api.endpoint.base_url is None
        return await client.chat.completions.with_raw_response.create(
            model=self.model,
            messages=[
                {"role": "system", "content": instructions},
                {"role": "user", "content": text},
            ],
            max_tokens=omit if is_openai else max_tokens,
            max_completion_tokens=max_tokens if is_openai else omit,
        )
