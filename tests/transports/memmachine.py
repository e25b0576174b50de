"""Asking the face of MemMachine."""

from typing import Any

import httpx2

PROJECT = {"org_id": "acme", "project_id": "chat"}


class Face:
    """Asks for one project; every answer must have the status that the test expects."""

    def __init__(self, http: httpx2.AsyncClient, **project: str) -> None:
        self.http = http
        self.project = PROJECT | project

    def of(self, **project: str) -> "Face":
        """The same server, asked for another project."""
        return Face(self.http, **(self.project | project))

    async def ask(self, path: str, status: int = 200, **body: Any) -> Any:
        """What the route answers, as JSON; None without a body."""
        answer = await self.http.post(f"/api/v2{path}", json=self.project | body)
        assert answer.status_code == status, answer.text
        assert not answer.content or answer.headers["content-type"] == "application/json"
        return answer.json() if answer.content else None

    async def add(self, *messages: str | dict[str, Any], **body: Any) -> list[str]:
        """Store messages and give their uids."""
        given = [{"content": m} if isinstance(m, str) else m for m in messages]
        results = (await self.ask("/memories", messages=given, **body))["results"]
        return [result["uid"] for result in results]

    async def listed(self, **body: Any) -> list[Any]:
        """The episodes of a list."""
        content = (await self.ask("/memories/list", type="episodic", **body))["content"]
        return content["episodic_memory"]

    async def texts(self, **body: Any) -> list[str]:
        """The contents of the episodes of a list."""
        return [episode["content"] for episode in await self.listed(**body)]

    async def found(self, query: str, **body: Any) -> list[Any]:
        """The episodes that a search finds, of both memories."""
        content = (await self.ask("/memories/search", query=query, types=["episodic"], **body))[
            "content"
        ]["episodic_memory"]
        return [
            *content["long_term_memory"]["episodes"],
            *content["short_term_memory"]["episodes"],
        ]


def refused(answer: Any, kind: str | None = None) -> str:
    """The message of an error; with a kind it must be an object, else a text."""
    assert answer.keys() == {"detail"}
    detail = answer["detail"]
    if kind is None:
        assert isinstance(detail, str)
        return detail
    assert detail.keys() == {"code", "message", "internal_error", "exception", "trace"}
    assert detail["trace"] == ""
    assert detail["exception"] == kind
    return detail["message"]
