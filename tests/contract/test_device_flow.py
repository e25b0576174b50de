"""Signing in by device flow, against a host that really answers over HTTP."""

import traceback
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse
from tests import local_servers
from tests.git_hosts import DEVICE_CODE, GRANTED, PENDING, SLOW_DOWN, TOKEN, GitHost
from tests.local_servers import Front, served

from recollect.adapters.device_flow import App, DeviceFlow
from recollect.errors import SignInFailed, Unavailable
from recollect.ports import DeviceCode

pytestmark = pytest.mark.anyio

SERVER_ERROR = PlainTextResponse("oops", status_code=500)


@dataclass
class Time:
    """Passes only while somebody sleeps."""

    now: float = 0
    slept: list[float] = field(default_factory=list[float])

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def front() -> Generator[Front]:
    with local_servers.front() as listening:
        yield listening


def flow_with(front: Front, host: GitHost, time: Time | None = None) -> DeviceFlow:
    front.app = host.app()
    time = time or Time()
    return DeviceFlow(App(host=front.url, client_id="our-app"), sleep=time.sleep, clock=time.clock)


async def sign_in(front: Front, host: GitHost, time: Time | None = None) -> str:
    flow = flow_with(front, host, time)
    return await flow.wait(await flow.begin())


async def begin(front: Front, **code: Any) -> DeviceCode:
    host = GitHost()
    assert isinstance(host.code, dict)
    host.code = {name: value for name, value in (host.code | code).items() if value is not ...}
    return await flow_with(front, host).begin()


async def test_it_asks_with_the_app_and_waits_until_the_code_was_entered(front: Front) -> None:
    host, time = GitHost([PENDING, PENDING, GRANTED]), Time()
    assert await sign_in(front, host, time) == TOKEN
    first, *polls = host.asked
    assert first == {"path": "/login/device/code", "client_id": "our-app", "scope": "repo"}
    assert polls == 3 * [
        {
            "path": "/login/oauth/access_token",
            "client_id": "our-app",
            "device_code": DEVICE_CODE,
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        }
    ]
    assert time.slept == [5, 5, 5]


async def test_a_person_is_told_the_code_and_where_to_enter_it(front: Front) -> None:
    code = await begin(front)
    assert (code.user_code, code.verification_uri) == (
        "ABCD-1234",
        "https://github.com/login/device",
    )
    assert DEVICE_CODE not in repr(code)


@pytest.mark.parametrize(
    ("sent", "taken"), [(..., 5), (0.1, 1), (1, 1), (7, 7), (30, 30), (10**400, 30)]
)
async def test_the_interval_is_between_one_and_thirty_seconds(
    front: Front, sent: Any, taken: float
) -> None:
    assert (await begin(front, interval=sent)).interval == timedelta(seconds=taken)


@pytest.mark.parametrize(("sent", "taken"), [(1, 1), (1800, 1800), (86_400, 1800)])
async def test_a_code_lives_for_half_an_hour_at_most(front: Front, sent: Any, taken: float) -> None:
    assert (await begin(front, expires_in=sent)).lifetime == timedelta(seconds=taken)


async def test_each_slow_down_adds_five_seconds_up_to_sixty(front: Front) -> None:
    host, time = GitHost([*[SLOW_DOWN] * 12, PENDING, GRANTED]), Time()
    assert await sign_in(front, host, time) == TOKEN
    assert time.slept == [*range(5, 65, 5), 60, 60]


async def test_it_stops_when_the_code_has_expired_by_the_own_clock(front: Front) -> None:
    host, time = GitHost([PENDING]), Time()
    assert isinstance(host.code, dict)
    host.code = host.code | {"expires_in": 42}
    with pytest.raises(SignInFailed):
        await sign_in(front, host, time)
    assert (time.now, host.polls) == (45, 9)


@pytest.mark.parametrize("error", ["expired_token", "access_denied", "unauthorized_client", 7, ""])
async def test_it_stops_when_the_host_says_so(front: Front, error: Any) -> None:
    host = GitHost([PENDING, {"error": error}, GRANTED])
    with pytest.raises(SignInFailed):
        await sign_in(front, host)
    assert host.polls == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": f"{TOKEN}\r\nx: y"},
        {"error": f"what {TOKEN}"},
        PlainTextResponse(f"access_token={TOKEN}"),
        PlainTextResponse("["),
        PlainTextResponse("[]"),
        PlainTextResponse("[" * 100_000),
        PlainTextResponse(b"\xff"),
        PlainTextResponse("", status_code=404),
    ],
)
async def test_an_answer_that_makes_no_sense_ends_it_and_is_not_repeated(
    front: Front, answer: Any
) -> None:
    host = GitHost([answer, GRANTED])
    with pytest.raises(SignInFailed) as raised:
        await sign_in(front, host)
    assert host.polls == 1
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "code",
    [
        {"device_code": ...},
        {"user_code": ...},
        {"user_code": "AB\x1b[2J"},
        {"verification_uri": ...},
        {"verification_uri": "http://github.com/login/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"expires_in": ...},
        {"expires_in": 0},
        {"expires_in": "900"},
        {"interval": -1},
        {"interval": None},
        {"error": "device_flow_disabled"},
    ],
)
async def test_a_code_that_cannot_be_used_is_refused(front: Front, code: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed):
        await begin(front, **code)


async def test_a_host_that_is_out_of_reach_for_a_moment_is_asked_again_less_often(
    front: Front,
) -> None:
    busy = PlainTextResponse("", status_code=429)
    host, time = GitHost([SERVER_ERROR, busy, PENDING, SERVER_ERROR, SERVER_ERROR, GRANTED]), Time()
    assert await sign_in(front, host, time) == TOKEN
    assert time.slept == [5, 10, 15, 15, 20, 25]


async def test_a_host_that_stays_out_of_reach_is_given_up(front: Front) -> None:
    host = GitHost([SERVER_ERROR])
    with pytest.raises(Unavailable):
        await sign_in(front, host)
    assert host.polls == 3


async def test_a_host_that_cannot_begin_or_is_not_there_is_told(front: Front) -> None:
    with pytest.raises(Unavailable):
        await flow_with(front, GitHost(code=SERVER_ERROR)).begin()
    with served(GitHost().app()) as gone:
        pass
    with pytest.raises(Unavailable):
        await DeviceFlow(App(host=gone, client_id="our-app")).begin()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_what_is_asked_never_follows_a_redirect(front: Front, status: int) -> None:
    thief = GitHost()
    with served(thief.app()) as elsewhere:
        redirect = RedirectResponse(f"{elsewhere}/login/device/code", status)
        with pytest.raises(SignInFailed):
            await flow_with(front, GitHost(code=redirect)).begin()
    assert thief.asked == []
