"""Scalars of YAML as texts: plain, quoted, literal and folded ones read, and the best one written.

Read as libyaml and PyYAML read them (YAML 1.1, which has more line breaks than 1.2). What is
written says the same text by YAML 1.1 and by YAML 1.2, and by neither a number, a date, a boolean
or null.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from recollect.errors import UnreadableNote

BREAKS = r"\n\r\x85\u2028\u2029"
"""The line breaks, for a class of characters."""

BREAK = rf"(?:\r\n|[{BREAKS}])"
IN_LINE = rf"[^{BREAKS}]"
SINGLE_QUOTED = r"'(?:[^']++|'')*+'"
DOUBLE_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
UNPRINTABLE = re.compile(
    r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # may not stand in YAML
)

_CHARACTER = rf"(?:[^ \t:{BREAKS}]|:(?=[^ \t{BREAKS}]))"
_PLAIN = re.compile(
    rf"(?![-?:](?:[ \t{BREAKS}]|\Z)|[,\[\]{{}}#&*!|>%@`\"']){_CHARACTER}++"
    rf"(?:(?:[ \t{BREAKS}]*[ \t])(?!#){_CHARACTER}++)*"
)
_QUOTED = re.compile(rf"{SINGLE_QUOTED}|{DOUBLE_QUOTED}", re.DOTALL)
_MARKER = re.compile(rf"{BREAK}(?:---|\.\.\.)(?:[ \t{BREAKS}]|\Z)")
_FOLD = rf"[ \t]*+{BREAK}[ \t{BREAKS}]*"
_FOLDS = re.compile(rf"{_FOLD}|[ \t]++")
_ESCAPES = re.compile(
    rf"\\(?:(?P<code>x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}})"
    rf"|(?P<joint>{BREAK}[ \t{BREAKS}]*)|(?P<letter>.))|(?P<fold>{_FOLD})|[ \t]++",
    re.DOTALL,
)
_LETTERS = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEADER = re.compile(
    rf"[|>](?P<marks>[+-]?[1-9]?|[1-9][+-])[ \t]*(?:(?<=[ \t])#{IN_LINE}*)?{BREAK}"
)
_LINE = re.compile(rf"(?P<text>{IN_LINE}*)(?P<end>{BREAK}|\Z)")

_NOT_A_TEXT = re.compile(
    r"""~|<<|=|(?i:null|true|false|y|yes|n|no|on|off)
    |[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_,]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?
    |[-+]?0(?:[box][0-9a-fA-F_]+)|[-+]?\.(?i:inf|nan)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?""",
    re.VERBOSE,
)
_SPECIAL = re.compile(rf"[\t\r\x85\u2028\u2029\ufeff]|{UNPRINTABLE.pattern}")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar's text, and whether it stood there without quotes or a block's header."""

    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether YAML takes it for nothing at all."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


def read_scalar(text: str, at: int) -> tuple[Scalar, int]:
    """The scalar that begins here, and where it ends.

    Lines after its first are indented as far as the value they belong to asks for; the indentation
    that a block's header gives is counted from column 0.

    Raises:
        UnreadableNote: No scalar begins here.
    """
    if text[at : at + 1] in ("|", ">"):
        return _read_block(text, at)
    if match := _QUOTED.match(text, at):
        return Scalar(unquoted(match[0]), plain=False), match.end()
    if match := _PLAIN.match(text, at):
        return Scalar(unfolded(match[0]), plain=True), match.end()
    raise UnreadableNote("a value in its frontmatter is no text that can be read")


def unquoted(text: str) -> str:
    """What a text in single or double quotes says.

    Raises:
        UnreadableNote: It holds an escape that there is not, or the mark between documents.
    """
    if _MARKER.search(text):
        raise UnreadableNote("a quote in its frontmatter is not closed")
    inner = text[1:-1]
    return unfolded(inner.replace("''", "'")) if text[0] == "'" else _ESCAPES.sub(_said, inner)


def unfolded(text: str) -> str:
    """The text in one line: a line break is a space, and of more the first is dropped."""
    return _FOLDS.sub(lambda match: _fold(match[0]), text)


def _fold(text: str) -> str:
    first, *more = _breaks(text) or [""]
    if first == "":
        return text
    return "".join(more) or " " if first == "\n" else first + "".join(more)


def _breaks(text: str) -> list[str]:
    return [_normal(found) for found in re.findall(BREAK, text)]


def _normal(line_break: str) -> str:
    return "\n" if line_break in ("\r\n", "\r", "\x85") else line_break


def _said(escape: re.Match[str]) -> str:
    if code := escape["code"]:
        number = int(code[1:], 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004
            raise UnreadableNote("an escape in its frontmatter names no character")
        return chr(number)
    if joint := escape["joint"]:
        return "".join(_breaks(joint)[1:])
    if letter := escape["letter"]:
        if letter not in _LETTERS:
            raise UnreadableNote("an escape in its frontmatter is unknown")
        return _LETTERS[letter]
    return _fold(escape[0])


def _read_block(text: str, at: int) -> tuple[Scalar, int]:
    header = _HEADER.match(text, at)
    if header is None:
        raise UnreadableNote("a block of text in its frontmatter has a wrong header")
    marks = header["marks"]
    digit = marks.strip("+-")
    indent = int(digit) if digit else _indent(text, header.end())
    lines, breaks, end = _block_lines(text, header.end(), indent)
    parts = [lines[0].before + lines[0].text] if lines else []
    for line, following in pairwise(lines):
        parts += [_between(line, following, folded=text[at] == ">"), following.text]
    if "-" not in marks and lines:
        parts.append(lines[-1].line_break)
    if "+" in marks:
        parts.append(breaks)
    return Scalar("".join(parts), plain=False), end


def _indent(text: str, at: int) -> int:
    """How far the first line is indented, or a blank one before it if that is more."""
    most = 1
    for line in _LINE.finditer(text, at):
        words = line["text"].lstrip(" ")
        most = max(most, len(line["text"]) - len(words))
        if words:
            break
    return most


@dataclass(frozen=True, slots=True)
class _BlockLine:
    before: str  # the line breaks of the blank lines before it
    text: str
    line_break: str


def _block_lines(text: str, at: int, indent: int) -> tuple[Sequence[_BlockLine], str, int]:
    """The lines of a block scalar, the line breaks behind them, and where it all ends."""
    lines: list[_BlockLine] = []
    breaks = ""
    for line in _LINE.finditer(text, at):
        own = line["text"]
        if not line[0] or own[:indent].strip(" "):
            break
        if own[indent:]:
            lines.append(_BlockLine(breaks, own[indent:], _normal(line["end"])))
            breaks = ""
        else:
            breaks += _normal(line["end"])
        at = line.end()
    return lines, breaks, at


def _between(line: _BlockLine, following: _BlockLine, *, folded: bool) -> str:
    flush = line.text[0] not in " \t" and following.text[0] not in " \t"
    if folded and flush and line.line_break == "\n":
        return following.before or " "
    return line.line_break + following.before


def written_scalar(text: str) -> str:
    """The text as YAML, to stand behind `key: ` or `- ` at column 0.

    Plain where it can be, else in single quotes; lines as a literal block, indented by two; in
    double quotes what needs escapes. The text holds no lone surrogates.
    """
    if _SPECIAL.search(text):
        return _escaped(text)
    if "\n" in text:
        return _literal(text) if text.strip("\n") else _escaped(text)
    if _PLAIN.fullmatch(text) and not _NOT_A_TEXT.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _literal(text: str) -> str:
    indent = "2" if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") else ""
    lines = text.removesuffix("\n").split("\n")
    return "\n".join([f"|{indent}{chomp}", *(f"  {line}" if line else "" for line in lines)])


def _escaped(text: str) -> str:
    said = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return '"' + _SPECIAL.sub(lambda found: _escape(ord(found[0])), said) + '"'


def _escape(code: int) -> str:
    if code <= 0xFF:  # noqa: PLR2004
        return rf"\x{code:02x}"
    return rf"\u{code:04x}" if code <= 0xFFFF else rf"\U{code:08x}"  # noqa: PLR2004
