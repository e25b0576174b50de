"""Signing in by the OAuth 2.0 device authorization grant (RFC 8628), as GitHub offers it."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final, cast

import anyio
import httpx2

from recollect.errors import SignInFailed, Unavailable
from recollect.ports import DeviceCode

CODE_PATH: Final = "/login/device/code"
TOKEN_PATH: Final = "/login/oauth/access_token"  # noqa: S105
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE: Final = "repo"
"""GitHub's scope for reading and writing private repositories."""

CONNECT_TIMEOUT_SECONDS: Final = 10
REQUEST_TIMEOUT_SECONDS: Final = 30
LONGEST_LIFETIME_SECONDS: Final = 1800
USUAL_INTERVAL_SECONDS: Final = 5
SHORTEST_INTERVAL_SECONDS: Final = 1
LONGEST_INTERVAL_SECONDS: Final = 30
SLOW_DOWN_SECONDS: Final = 5
SLOWEST_INTERVAL_SECONDS: Final = 60
MOST_FAILURES: Final = 3
"""How often in a row the host may be out of reach while a person enters the code."""

_PRINTABLE: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[A-Za-z_ ]{1,40}")
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The OAuth app to sign in with, and the host that knows it, such as `https://github.com`."""

    host: str
    client_id: str


class DeviceFlow:
    """Signs in to one host.

    Args:
        app: What to sign in with.
        sleep: Waits that many seconds.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        app: App,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._app = app
        self._sleep = sleep
        self._clock = clock

    async def begin(self) -> DeviceCode:
        answer = await self._post(CODE_PATH, {"scope": SCOPE})
        if answer.get("error") is not None:
            raise SignInFailed(
                f"{self._app.host} refuses to begin ({_name_of(answer['error'])}): is "
                "RECOLLECT_GIT__AUTH__CLIENT_ID that of an app with the device flow enabled?"
            )
        lifetime = min(self._seconds(answer, "expires_in"), LONGEST_LIFETIME_SECONDS)
        interval = self._seconds(answer, "interval", USUAL_INTERVAL_SECONDS)
        return DeviceCode(
            user_code=self._text(answer, "user_code"),
            verification_uri=self._page(answer),
            device_code=self._text(answer, "device_code"),
            lifetime=timedelta(seconds=lifetime),
            interval=timedelta(
                seconds=min(max(interval, SHORTEST_INTERVAL_SECONDS), LONGEST_INTERVAL_SECONDS)
            ),
        )

    async def wait(self, code: DeviceCode) -> str:
        end = self._clock() + code.lifetime.total_seconds()
        interval = code.interval.total_seconds()
        question = {"device_code": code.device_code, "grant_type": GRANT}
        failures = 0
        while self._clock() < end:
            await self._sleep(interval)
            try:
                answer = await self._post(TOKEN_PATH, question)
                failures = 0
            except Unavailable:
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                answer = {"error": "slow_down"}
            match answer.get("error"):
                case None:
                    return self._text(answer, "access_token")
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval = min(interval + SLOW_DOWN_SECONDS, SLOWEST_INTERVAL_SECONDS)
                case error:
                    raise self._refusal(error)
        raise self._refusal("expired_token")

    def _refusal(self, error: object) -> SignInFailed:
        match error:
            case "expired_token":
                return SignInFailed("the code was not entered in time; sign in again")
            case "access_denied":
                return SignInFailed("the sign-in was denied")
            case _:
                return SignInFailed(f"{self._app.host} refuses the sign-in: {_name_of(error)}")

    async def _post(self, path: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """What the host answers, be it an error in the sense of OAuth.

        Raises:
            SignInFailed: That is no answer of OAuth's.
            Unavailable: There is none.
        """
        timeout = httpx2.Timeout(REQUEST_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
        try:
            with anyio.fail_after(REQUEST_TIMEOUT_SECONDS):
                async with httpx2.AsyncClient(timeout=timeout, follow_redirects=False) as http:
                    response = await http.post(
                        self._app.host + path,
                        data={"client_id": self._app.client_id, **form},
                        headers={"Accept": "application/json"},
                    )
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable(
                f"{self._app.host} is out of reach ({type(error).__name__}); try again later"
            ) from error
        if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY:
            raise Unavailable(f"{self._app.host} answered {response.status_code}; try again later")
        if response.is_redirect:
            raise self._nonsense("redirects, which is not followed")
        return self._document(response.content)

    def _document(self, body: bytes) -> Mapping[str, object]:
        try:
            document: object = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self._nonsense("does not answer with JSON")
        return cast("Mapping[str, object]", document)

    def _text(self, answer: Mapping[str, object], name: str) -> str:
        value = answer.get(name)
        if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
            raise self._nonsense(f"answers without a usable {name}")
        return value

    def _seconds(self, answer: Mapping[str, object], name: str, usual: float = 0) -> float:
        value = answer.get(name, usual)
        if not isinstance(value, int | float) or not value > 0:
            raise self._nonsense(f"answers without a usable {name}")
        return value

    def _page(self, answer: Mapping[str, object]) -> str:
        url = self._text(answer, "verification_uri")
        if not url.startswith(("https://", self._app.host + "/")):
            raise self._nonsense("sends people to an address without TLS")
        return url

    def _nonsense(self, what: str) -> SignInFailed:
        return SignInFailed(
            f"{self._app.host} {what}: is RECOLLECT_GIT__AUTH__HOST right, and does it offer "
            "GitHub's device flow?"
        )


def _name_of(error: object) -> str:
    """An error's name, unless it is something else: whatever a host sends is not repeated."""
    return error if isinstance(error, str) and _NAME.fullmatch(error) else "an unknown error"
