"""Texts that are hard on readers of YAML, and notes made of them."""

from hypothesis import strategies as st

from recollect.domain.note_files import NoteFile

HARD = (
    "", " ", "yes", "No", "on", "y", "null", "~", "true", "007", "1_000", "0x1F", "0o14", "1e3",
    "1.5", ".inf", ".nan", "-.5", "12:30:45", "2026-07-19", "2026-07-19T22:04:28.123456789Z",
    "<<", "=", "a: b", "a #b", "#b", "- a", "-", "-a", "? a", "key:", "a:b", "[a]", "{a: b}",
    "a, b",
    "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "'a'", '"a"', "it's", 'say "hi" \\o/', "---",
    "...", "--- a", " a", "a ", "a\tb", "a\rb", "a\r\nb", "a\nb", "a\n", "a\n\n", "\na", "\n",
    "\n\n", " a\nb", "a\n  b\n", "a \nb", "a\n b ", "a\n---\nb", "a\n\n\nb\n\n\n", "\x00", "\x7f",
    "\x85",
    "a\u2028b\u2029", "\ufeffa", "\xa0", "🍵", "お茶: 茶", "e\u0301", "é" * 100,
    "word " * 40 + "end",
)  # fmt: skip

PIECES = (
    "a", "b c", "é", "🍵", "null", "k: ", ": ", ":", ", ", ",", "- ", "-", "? ", "#", " #", "'",
    "''",
    '"', "\\", "\\n", "\\x41", "\\\n", "|", "|-\n  ", ">\n  ", ">+\n  ", "|2\n  ", "[", "]", "{",
    "}",
    "!", "&", "*", "@", "%", " ", "  ", "\t", "\n", "\n  ", "\n    ", "\n\n", "\n- ", "\n  - ",
    "\nk: ",
    "\n# c\n", "...", "\r\n", "\x85", "\u2028", "\ufeff",
)  # fmt: skip

characters = st.characters(exclude_categories=["Cs"])
texts = (
    st.sampled_from(HARD)
    | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
    | st.text(characters, max_size=12)
)
names = st.sampled_from(["a", "db/pool-timeout", "007", "yes", "東京", "-", "1.5", "a/b/c", "null"])
scopes = st.sampled_from(["", "acme", "acme/api", "007", "no/1e3", "2026-07-19", "global", "é"])
times = st.sampled_from(
    [
        "2026-07-19T22:04:28.123456789Z",
        "2026-07-19T22:04:28.123456788Z",
        "2026-07-19T22:04:28Z",
        "2026-07-20T00:04:28.5+02:00",
        "1969-12-31t23:59:59.1z",
    ]
)
bodies = st.text(characters, max_size=20).map(lambda text: text.lstrip("\n")) | st.sampled_from(
    ["", "Tea\n", "a\n---\nb\n", "---\n", " \n", "one\r\ntwo"]
)
EXTRA = {
    "pinned": "pinned: yes # by hand\n",
    "custom": "custom:\n  list:\n    - {a: [b, 'c]']}\n\n    # inside\n  text: >-\n      folded\n",
    "links": "links:\n- a: 1\n  b: 2\n- c\n",
    "a key": '"a key": "over\n  two \\" lines: x"\n',
    "empty": "empty:\n",
    "anchor": "anchor: &x !!str tagged\n",
    "flow": "flow: {a: [1,\n2], 'b': \"}\"} # end\n",
}
extras = st.lists(st.sampled_from(sorted(EXTRA)), unique=True).map(
    lambda keys: {key: EXTRA[key] for key in keys}
)
notes = st.builds(
    NoteFile,
    id=st.uuids(version=4).map(str) | texts,
    name=names,
    tags=st.lists(texts, max_size=4).map(tuple),
    scope=scopes,
    created_at=times,
    updated_at=times,
    source=st.none() | texts,
    body=bodies,
    extra=extras,
)
