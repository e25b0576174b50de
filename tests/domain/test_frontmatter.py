"""Frontmatter beside PyYAML, whose BaseLoader reads every scalar as its text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.domain.yaml_texts import EXTRA, HARD, PIECES, texts

from recollect.domain.frontmatter import (
    Block,
    read_mapping,
    read_text,
    read_texts,
    split,
    written_mapping,
    written_text,
    written_texts,
)
from recollect.errors import UnreadableNote

Value = str | list[str] | Mapping[str, str]


class CoreLoader(yaml.SafeLoader):
    """Takes plain scalars for what the core schema of YAML 1.2 takes them for."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML declares it


for word, pattern in {
    "null": "null|Null|NULL|~|",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
}.items():
    CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{word}", re.compile(rf"(?:{pattern})\Z"), None
    )


def readings(block: Block) -> Iterator[Value]:
    """What the block holds, by each function that does not refuse it."""
    with suppress(UnreadableNote):
        yield read_text(block).text
    with suppress(UnreadableNote):
        yield list(read_texts(block))
    with suppress(UnreadableNote):
        yield read_mapping(block)


def assert_read_alike(blocks: Sequence[Block], expected: Mapping[str, Any]) -> None:
    """All that is read is what PyYAML reads, but that nothing at all is a list of nothing too."""
    entries = {block.key: block for block in blocks if block.key is not None}
    assert entries.keys() == expected.keys()
    for key, block in entries.items():
        for value in readings(block):
            assert value == expected[key] or (value == [] and read_text(block).is_null)


def as_pyyaml_reads(text: str) -> Any:
    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes strings only
    except (yaml.YAMLError, ValueError):
        return None


@given(texts, st.lists(texts, max_size=3))
def test_what_is_written_every_reader_reads_as_the_same_texts(text: str, items: list[str]) -> None:
    written = (
        written_text("a", text)
        + written_texts("b", items)
        + written_mapping("c", {"type": "Path", "name": text.replace("\n", " ")})
    )
    expected = {"a": text, "b": items, "c": {"type": "Path", "name": text.replace("\n", " ")}}

    a, b, c = split(written)
    assert {"a": read_text(a).text, "b": list(read_texts(b)), "c": read_mapping(c)} == expected
    for loader in (yaml.BaseLoader, yaml.SafeLoader, CoreLoader):
        assert yaml.load(written, loader) == expected  # noqa: S506


@pytest.mark.parametrize("text", HARD)
def test_no_text_is_taken_for_something_else(text: str) -> None:
    written = written_text("a", text)

    for loader in (yaml.SafeLoader, CoreLoader):
        assert yaml.load(written, loader) == {"a": text}  # noqa: S506
    assert not read_text(split(written)[0]).is_null


@given(
    st.dictionaries(
        st.sampled_from(["id", "tags", "scope", "source", "extra"]),
        texts
        | st.lists(texts, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "name"]), texts, min_size=1),
        min_size=1,
    ),
    st.fixed_dictionaries(
        {
            "default_style": st.sampled_from([None, "'", '"', "|", ">"]),
            "default_flow_style": st.sampled_from([None, False]),
            "allow_unicode": st.booleans(),
            "width": st.sampled_from([10, 80, 10_000]),
            "indent": st.sampled_from([2, 4, 7]),
        }
    ),
)
def test_what_pyyaml_writes_is_read(value: dict[str, Any], style: dict[str, Any]) -> None:
    written = yaml.safe_dump(value, **style).removesuffix("...\n")  # which ends a document
    written = written.removesuffix("\n") + "\n"
    assume(not written.startswith("{"))
    expected = as_pyyaml_reads(written)
    assume(expected is not None)  # it does not read all that it writes
    blocks = split(written)

    assert_read_alike(blocks, expected)
    assert all(list(readings(block)) for block in blocks)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.sampled_from(
    ["k1: ", "k1: [", "k1: {", "k1: '", 'k1: "', "k1: |", "k1: >", "k1:\n- ", "k1:\n  a: ", ""]
), st.sampled_from(["", "]", "}", "'", '"', '"]', "'}"]))  # fmt: skip
@example("\n    a: >+\n  #", "k1: ", "")
def test_what_pyyaml_reads_too_is_read_alike(value: str, before: str, behind: str) -> None:
    text = f"{before}{value}{behind}\nlast: end\n"
    try:
        blocks = split(text)
    except UnreadableNote:
        return
    if (expected := as_pyyaml_reads(text)) is not None:
        assert_read_alike(blocks, expected)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_blocks_joined_are_the_text(value: str) -> None:
    text = f"# head\nkey: {value}\n\nlast: end\n"
    try:
        blocks = split(text)
    except UnreadableNote:
        return
    assert "".join(block.text for block in blocks) == text


@pytest.mark.parametrize("key", EXTRA)
def test_an_entry_of_any_shape_is_one_block(key: str) -> None:
    text = f"id: a\n{EXTRA[key]}# about the name\nname: b\n"

    assert [(block.key, block.text) for block in split(text)] == [
        ("id", "id: a\n"), (key, EXTRA[key]), (None, "# about the name\n"), ("name", "name: b\n"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a", "a"), ("a # b", "a"), ("a#b", "a#b"), ("a\n  b\n\n  c", "a b\nc"), ("", ""),
        ("\n  a", "a"), ("# b\n  a", "a"), ("'it''s'", "it's"),
        (r'"\x41\u00e9\U0001F375\n"', "Aé🍵\n"),
        ('"a \\\n   b"', "a b"), ('"a \n\n  b"', "a\nb"), ("|\n  a\n   b\n", "a\n b\n"),
        ("|-\n  a\n", "a"), ("|+\n  a\n", "a\n\n"), ("|2-\n   a", " a"),
        (">\n a\n b\n\n c\n", "a b\nc\n"),
        (">-\n  a\n    b\n  c", "a\n  b\nc"), ("| # c\n  # a\n", "# a\n"), ("-a", "-a"),
        ("http://x", "http://x"),
    ],
)  # fmt: skip
def test_texts_of_every_style_are_read(written: str, text: str) -> None:
    (block,) = split(f"source: {written}\n")
    assert read_text(block).text == text


@pytest.mark.parametrize(
    "written",
    [
        "[]", "", "~", "null", "[a, 'b c', \"d\", e f,]", "\n- a\n- b", "\n  - a\n\n  # c\n  - 'b'",
        "\n-\n  a\n- |\n  b",
        "[\n  a, # one\n  b\n]", "[a]  # c", "\n- a: b", "\n- - a", "[[a]]", "[a: b]", "[a,,b]",
        "a", "- a", "{a: b}",
    ],
)  # fmt: skip
def test_lists_of_texts_are_read_and_others_refused(written: str) -> None:
    text = f"tags: {written}\n"
    expected = as_pyyaml_reads(text)
    items = (
        [] if expected and expected["tags"] in ("", "~", "null") else (expected or {}).get("tags")
    )
    (block,) = split(text)

    if isinstance(items, list) and all(isinstance(item, str) for item in items):
        assert list(read_texts(block)) == items
    else:
        with pytest.raises(UnreadableNote):
            read_texts(block)


@pytest.mark.parametrize(
    "text",
    [
        "a: b\na: c\n", "a: b\n'a': c\n", " a: b\n", "- a\n", "{a: b}\n", "a\n", "a:b\n",
        "? a\n: b\n", "\ta: b\n",
        "%YAML 1.2\n", "...\n", "a: [b\n", "a: [b}\n", "a: 'b\n", 'a: "b\n', "a: \x00\n",
        "a: \x1b\n", "&x a: b\n",
    ],
)  # fmt: skip
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(UnreadableNote):
        split(text)


@pytest.mark.parametrize(
    "written",
    [
        "a: b", "'a' b", "&x a", "*x", "!!str a", "@a", "`a`", "%a", "- a", "[a]", "{a: b}",
        r'"\q"', r'"\ud83d"',
        r'"\U00110000"', '"a\n... b"', "|a\n  b", "|11\n  b", "a\n  # c\n  b", "\n  a: b", "\n- a",
        "|\n    a\n  b",
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(written: str) -> None:
    (block,) = split(f"source: {written}\n")
    with pytest.raises(UnreadableNote):
        read_text(block)


@pytest.mark.parametrize(
    "written",
    [
        "Path", "[a]", "{type}", "{a: {b: c}}", "{a: b, a: c}", "\n  a: b\n  a: c",
        "\n    a: b\n  c: d", "\n  a: b\n   c: d",
        "\n- a: b", "",
    ],
)  # fmt: skip
def test_what_is_no_mapping_of_texts_is_refused(written: str) -> None:
    (block,) = split(f"scope: {written}\n")
    with pytest.raises(UnreadableNote):
        read_mapping(block)


def test_a_long_value_is_read_in_time_that_grows_with_it() -> None:
    spaces = " " * 300_000
    for value in (f"a{spaces}b", f"'a{spaces}b'", f'"a{spaces}b"', f'"{spaces}\\', f"a{spaces}#",
                  "[" * 300_000, "- " * 150_000, f"[a{spaces}#", "\n" * 300_000,
                  "a:" * 150_000):  # fmt: skip
        with suppress(UnreadableNote):
            [list(readings(block)) for block in split(f"source: {value}\n")]
