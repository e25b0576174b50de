"""Names and scopes of ours for those of other tools.

What follows our rules stays as it is; else each run of characters that may not stand there
becomes one `-`. The same text always gives the same name; two texts may give one.
"""

import hashlib
import re
from unicodedata import normalize

from recollect.domain import scopes
from recollect.domain.names import MAX_NAME_BYTES, MAX_PARTS, check_name
from recollect.errors import InvalidRequest

HASH_CHARACTERS = 8
_UNFIT = re.compile(r"^\.+|[^\w.\-]+")


def mapped_name(text: str) -> str:
    """The name that is nearest to the text; of what lies too deep, `/` becomes `-` too."""
    try:
        return check_name(text)
    except InvalidRequest:
        return _mapped(text, MAX_PARTS, MAX_NAME_BYTES)


def mapped_scope(text: str) -> str:
    """The scope that is nearest to the text; a reserved word gets `-scope` behind it."""
    try:
        return scopes.check_scope(text)
    except InvalidRequest:
        if text in scopes.RESERVED:
            return f"{text}-scope"
        return _mapped(text, scopes.MAX_DEPTH, scopes.MAX_SCOPE_BYTES)


def _mapped(text: str, max_parts: int, max_bytes: int) -> str:
    # macOS writes é as two characters, of which one may not stand in a name.
    parts = normalize("NFC", text).split("/", max_parts - 1)
    path = "/".join(_UNFIT.sub("-", part) or "-" for part in parts)
    if len(path.encode()) <= max_bytes:
        return path
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARACTERS]
    kept = path.encode()[: max_bytes - HASH_CHARACTERS - 1].decode(errors="ignore")
    return f"{kept}-{digest}"
