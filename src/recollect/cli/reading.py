"""Reading what commands are given: texts, messages, and names of memories."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from recollect.errors import InvalidRequest

if TYPE_CHECKING:
    from recollect.operations import Message

STDIN = "-"
ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that some editors put first."""

ID_PREFIX = "id:"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PORTION_MESSAGES = 200
PORTION_CHARACTERS = 1_000_000


def content_of(argument: str | None, file: Path | None) -> str | None:
    """The text that was given as an argument, in a file or on standard input, if any."""
    if argument is not None and file is not None:
        raise typer.BadParameter("give the text or --file, not both")
    if file is not None:
        return file.read_text(encoding=ENCODING)
    return text_of_stdin() if argument == STDIN else argument


def text_of_stdin() -> str:
    """All of standard input."""
    return typer.get_text_stream("stdin", encoding=ENCODING).read()


def lines_of(file: Path) -> IO[str]:
    """The opened file, or standard input for `-`; the caller closes it."""
    if str(file) == STDIN:
        return typer.get_text_stream("stdin", encoding=ENCODING)
    return file.open(encoding=ENCODING)


def named(reference: str | None) -> tuple[str | None, str | None]:
    """The id and the name that a reference stands for: one of them, the other is None.

    What looks like a UUID is an id, and so is what follows `id:`, which no name begins with.
    """
    if reference is None:
        raise typer.BadParameter("name the memory: its id, or a note's name with --scope")
    if reference.startswith(ID_PREFIX):
        return reference.removeprefix(ID_PREFIX), None
    return (reference, None) if _UUID.fullmatch(reference) else (None, reference)


def messages_of(text: str) -> "list[Message]":
    """The messages of a JSON array, or of JSON Lines.

    Raises:
        InvalidRequest: One is wrong; the message tells which.
    """
    from pydantic import ValidationError

    from recollect.client.problems import invalid_request
    from recollect.operations import Message

    messages: list[Message] = []
    for place, item in _items(text):
        try:
            messages.append(Message.model_validate(item))
        except ValidationError as error:
            raise InvalidRequest(f"{place}: {invalid_request(error)}") from None
    if not messages:
        raise InvalidRequest("there are no messages to store")
    return messages


def portions(messages: "list[Message]") -> "Iterator[list[Message]]":
    """The messages in portions that a request can hold."""
    portion: list[Message] = []
    characters = 0
    for message in messages:
        characters += len(message.content)
        if portion and (len(portion) == PORTION_MESSAGES or characters > PORTION_CHARACTERS):
            yield portion
            portion, characters = [], len(message.content)
        portion.append(message)
    if portion:
        yield portion


def _items(text: str) -> Iterator[tuple[str, Any]]:
    """Each item with where it stands."""
    if text.lstrip().startswith("["):
        for number, item in enumerate(_parsed(text, "the input"), start=1):
            yield f"message {number}", item
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _parsed(line, f"line {number}")


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{place} is not JSON") from None
