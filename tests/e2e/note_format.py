"""A strict reader of notes' files, written from memory-mcp's format and from nothing of ours.

It takes what that program writes and refuses everything else, so that what passes here can be
pulled by it.
"""

import re
from dataclasses import dataclass
from uuid import UUID

_KEYS = ("id", "name", "tags", "scope", "created_at", "updated_at", "source")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
_PART = re.compile(r"(?!\.)(?:[^\W_]|[-_.])+")
# What a reader of YAML, old or new, would take for something else than a text.
_NO_TEXT = re.compile(
    r"""(?i:null|~|true|false|yes|no|on|off|y|n)|[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?
    |0[xob][0-9a-fA-F_]+|[-+]?\.(?i:inf|nan)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|[0-9]+(?::[0-9]+)+""",
    re.VERBOSE,
)
_ESCAPES = {
    "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "N": "\x85", "L": "\u2028",
    "P": "\u2029", "0": "\0", "e": "\x1b", "a": "\a", "b": "\b", "v": "\v", "f": "\f",
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:x(..)|u(.{4})|U(.{8})|(.))", re.DOTALL)


@dataclass(frozen=True)
class Strict:
    id: str
    name: str
    tags: list[str]
    scope: str
    created_at: str
    updated_at: str
    source: str | None
    body: str


def read_strictly(content: bytes) -> Strict:
    """What the file says; an AssertionError tells where it breaks the format."""
    assert content.startswith(b"---\n")
    text = content.decode("utf-8")
    head, mark, rest = text[4:].partition("\n---\n")
    assert mark, "nothing closes the frontmatter"
    assert "\r" not in head
    assert rest.startswith("\n"), "no blank line before the body"
    body = rest[1:]
    assert not body.startswith("\n"), "more than one blank line before the body"
    reader = _Lines(head.split("\n"))
    told = {key: reader.entry(key) for key in _KEYS if key != "source" or reader.left}
    assert not reader.left, "an unknown key, or one out of order"
    texts = {key: value for key, value in told.items() if isinstance(value, str)}
    tags, scope = told["tags"], told["scope"]
    assert isinstance(tags, list)
    assert isinstance(scope, dict)
    assert str(UUID(texts["id"])) == texts["id"]
    assert all(_TIME.fullmatch(texts[key]) for key in ("created_at", "updated_at"))
    path = "" if scope == {"type": "Root"} else scope["name"]
    assert scope == ({"type": "Path", "name": path} if path else {"type": "Root"})
    parts = texts["name"].split("/"), path.split("/") if path else []
    assert 1 <= len(parts[0]) <= 3
    assert len(parts[1]) <= 10
    assert all(_PART.fullmatch(part) for part in (*parts[0], *parts[1]))
    return Strict(
        id=texts["id"],
        name=texts["name"],
        tags=tags,
        scope=path,
        created_at=texts["created_at"],
        updated_at=texts["updated_at"],
        source=texts.get("source"),
        body=body,
    )


class _Lines:
    """The lines of the frontmatter that are not read yet."""

    def __init__(self, lines: list[str]) -> None:
        self.left = lines

    def entry(self, key: str) -> str | list[str] | dict[str, str]:
        line = self.left.pop(0)
        assert line.startswith(f"{key}:"), f"{key} was expected"
        rest = line.removeprefix(f"{key}:")
        if key == "tags":
            return self._tags(rest)
        if key == "scope":
            assert rest == ""
            return self._mapping()
        return self._scalar(rest, "")

    def _tags(self, rest: str) -> list[str]:
        if rest:
            assert rest == " []"
            return []
        tags: list[str] = []
        while self.left and self.left[0].startswith("-"):
            tags.append(self._scalar(self.left.pop(0)[1:], ""))
        assert tags
        return tags

    def _mapping(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.left and self.left[0].startswith("  "):
            key, colon, rest = self.left.pop(0)[2:].partition(":")
            assert colon
            assert key not in found
            found[key] = self._scalar(rest, "  ")
        return found

    def _scalar(self, rest: str, indent: str) -> str:
        assert rest.startswith(" ")
        text = rest[1:]
        if text.startswith("|"):
            return self._block(text[1:], f"{indent}  ")
        if text.startswith("'"):
            assert re.fullmatch(r"'(?:[^']|'')*'", text)
            return text[1:-1].replace("''", "'")
        if text.startswith('"'):
            assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', text)
            return _ESCAPE.sub(_said, text[1:-1])
        assert text
        assert text == text.strip()
        assert text[0] not in "-?:,[]{}#&*!|>@`%\"'" or re.match(r"[-?:][^\s]", text)
        assert ": " not in text
        assert " #" not in text
        assert not text.endswith(":")
        assert not _NO_TEXT.fullmatch(text) or _TIME.fullmatch(text)
        return text

    def _block(self, marks: str, indent: str) -> str:
        """A literal block, which ends at the first line that is not indented."""
        assert re.fullmatch("[1-9]?[-+]?", marks)
        lines: list[str] = []
        while self.left and (self.left[0] == "" or self.left[0].startswith(indent)):
            lines.append(self.left.pop(0).removeprefix(indent))
        text = "".join(f"{line}\n" for line in lines)
        if "-" in marks:
            return text.rstrip("\n")
        return text if "+" in marks else text.rstrip("\n") + "\n"


def _said(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    return chr(int(code, 16)) if code else _ESCAPES[escape[4]]
