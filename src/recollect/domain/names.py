"""Names of notes: checked, and made from a text when none is given."""

import re

from recollect.errors import InvalidRequest

MAX_PARTS = 3
MAX_NAME_BYTES = 240
_PART = re.compile(r"[\w\-][\w.\-]*")
_WORD = re.compile(r"\w+")
_MADE_WORDS = 8
_MADE_CHARACTERS = 58  # of up to 4 bytes: a number fits behind


def check_name(text: str) -> str:
    """Return the name unchanged if a note may bear it.

    A name is one to three parts joined by `/`; a part holds Unicode letters and digits, `-`, `_`
    and `.`, and does not start with a dot.

    Raises:
        InvalidRequest: The text is no name.
    """
    parts = text.split("/")
    if len(parts) > MAX_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidRequest(
            "a name is one to three parts joined by '/'; a part holds letters, digits, '-', '_' "
            "and '.', is not empty and does not start with a dot"
        )
    if len(text.encode()) > MAX_NAME_BYTES:
        raise InvalidRequest(f"a name has at most {MAX_NAME_BYTES} bytes")
    return text


def made_name(content: str) -> str:
    """A name from the first words of the text; the same text gives the same name."""
    # In lower case first: that of `İ` holds a character that no name may hold.
    words = _WORD.findall(content[:500].lower())[:_MADE_WORDS]
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word[:_MADE_CHARACTERS]
        if len(longer) > _MADE_CHARACTERS:
            break
        name = longer
    return name or "note"
