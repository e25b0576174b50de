"""What every language model promises, and how those behind an API fare when it fails."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, get_args

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse
from tests import local_servers
from tests.local_servers import Front
from tests.model_hosts import KEY, WRITTEN, Answer, Cut, ModelHost, Silence, garbage, refusal

from recollect.app.wiring import open_language_model
from recollect.errors import LanguageModelUnavailable
from recollect.ports import LanguageModel
from recollect.settings import EchoSettings, LanguageModelSettings, OpenAiLanguageModelSettings

pytestmark = pytest.mark.anyio

TEXT = "Ann: I saw a heron by the river."


def behind_api(kind: Any, url: str, **changes: Any) -> LanguageModelSettings:
    usual = {"base_url": f"{url}/v1", "api_key": SecretStr(KEY), "model": "org/llm"}
    return OpenAiLanguageModelSettings(kind=kind, **usual | {"max_retries": 0} | changes)


API_KINDS = ("openai-responses", "openai-chat-completions")
LANGUAGE_MODELS: Mapping[str, Callable[[str], LanguageModelSettings]] = {
    "echo": lambda _: EchoSettings(),
    **{kind: partial(behind_api, kind) for kind in API_KINDS},
}
"""By kind: settings for a host of models. A new one has its line here."""

Open = Callable[..., AbstractAsyncContextManager[LanguageModel]]


@pytest.fixture(scope="module")
def front() -> Generator[Front]:
    with local_servers.front() as listening:
        yield listening


@pytest.fixture(params=LANGUAGE_MODELS)
async def model(request: pytest.FixtureRequest, front: Front) -> AsyncGenerator[LanguageModel]:
    front.app = ModelHost().app()
    async with open_language_model(LANGUAGE_MODELS[request.param](front.url)) as model:
        yield model


@pytest.fixture(params=API_KINDS)
def opened(request: pytest.FixtureRequest, front: Front) -> Open:
    """Opens the model of one API over a host."""

    def open_over(host: ModelHost, **changes: Any) -> AbstractAsyncContextManager[LanguageModel]:
        front.app = host.app()
        return open_language_model(behind_api(request.param, front.url, **changes))

    return open_over


def test_every_language_model_that_can_be_chosen_is_held_to_the_contract() -> None:
    choices = get_args(get_args(LanguageModelSettings)[0])
    kinds = {k for choice in choices for k in get_args(choice.model_fields["kind"].annotation)}
    assert set(LANGUAGE_MODELS) == kinds


async def test_it_has_an_id_and_writes_something(model: LanguageModel) -> None:
    assert model.model
    written = await model.write("Sum this up.", TEXT, max_tokens=100)
    assert written
    assert written == written.strip()


async def test_it_writes_from_any_text(model: LanguageModel) -> None:
    assert await model.write("", "記憶 \x00 " * 10_000, max_tokens=1)


async def fail(model: LanguageModel) -> LanguageModelUnavailable:
    with pytest.raises(LanguageModelUnavailable) as raised:
        await model.write("Sum this up.", TEXT, max_tokens=100)
    return raised.value


async def test_it_sends_instructions_and_text_apart_with_the_key_and_a_limit(opened: Open) -> None:
    host = ModelHost()
    async with opened(host) as model:
        assert await model.write("Sum this up.", TEXT, max_tokens=100) == WRITTEN

    (asked,) = host.asked
    assert (asked["model"], asked["authorization"]) == ("org/llm", f"Bearer {KEY}")
    if asked["path"] == "/v1/responses":
        assert (asked["instructions"], asked["input"]) == ("Sum this up.", TEXT)
        assert (asked["max_output_tokens"], asked["store"]) == (100, False)
    else:
        assert [message["content"] for message in asked["messages"]] == ["Sum this up.", TEXT]
        assert [message["role"] for message in asked["messages"]] == ["system", "user"]
        assert asked["max_tokens"] == 100


@pytest.mark.parametrize("written", ["", " \n"])
async def test_a_model_that_writes_nothing_is_no_use_but_may_be_asked_again(
    opened: Open, written: str
) -> None:
    host = ModelHost(written=written)
    async with opened(host) as model:
        await fail(model)
        host.written = WRITTEN
        assert await model.write("Sum this up.", TEXT, max_tokens=100) == WRITTEN


async def test_what_passes_is_asked_again(opened: Open) -> None:
    host = ModelHost([refusal(429), refusal(500)])
    async with opened(host, max_retries=2) as model:
        assert await model.write("Sum this up.", TEXT, max_tokens=100) == WRITTEN


@pytest.mark.parametrize(
    "answer",
    [
        *(refusal(status, KEY) for status in (400, 401, 404, 429, 500)),
        *garbage(),
        {"choices": [], "output": []},
        {"choices": [{"message": {"content": None}}], "output": [{"type": "reasoning"}]},
        JSONResponse({"choices": "heron", "output": "heron"}),
        Cut(),
    ],
)
async def test_a_failure_says_nothing_of_the_key_or_the_text(opened: Open, answer: Answer) -> None:
    async with opened(ModelHost([answer])) as model:
        error = await fail(model)
    assert KEY not in str(error)
    assert "heron" not in str(error)
    assert "org/llm" in str(error)


async def test_a_silent_host_is_given_up_and_then_left_alone(opened: Open) -> None:
    host = ModelHost([Silence()])
    async with opened(host, timeout_seconds=0.2) as model:
        assert str(await fail(model)) == str(await fail(model))
    assert len(host.asked) == 1
