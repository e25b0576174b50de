"""Hypothesis strategies for requests; few names, texts and times, so that they meet often."""

from datetime import timedelta

from hypothesis import strategies as st
from tests.examples import THEN

from recollect.domain.memory import Kind
from recollect.domain.scopes import Look

FILTERS = (
    "m.topic = 'tea'", "m.topic != 'tea'", "m.n > 1", "NOT m.n > 1", "m.n IN (1, 2.5)",
    "m.\"a.b\" = TRUE", "m.topic IS NULL", "tags = 'x'", "NOT tags = 'x'", "tags != 'ü'",
    "name < 'y'", "name IS NOT NULL AND importance >= 0.5", "importance IS NULL OR revision > 1",
    "expires_at IS NOT NULL", "created_at > date('2026-01-01T09:31:00Z')", "content > 'Te'",
    "kind IN (note, fact) AND NOT (scope = 'a' OR tag = 'taste')", "position = 0 OR position > 2",
    "session = 's' AND producer != 'Ann'", "valid_to IS NULL AND kind = 'fact'",
    "external_id = '1'", "occurred_at = date('2026-01-01T09:30:00.123456Z')", "tags = (",
)  # fmt: skip

scopes = st.sampled_from(["", "a", "a/b", "ab", "acme/shop"])
texts = st.sampled_from(
    ["Tea.", "Coffee in Paris.", "东京", "Painting the lake.", "# Tea\n" + "Tea. " * 150]
)
names = st.sampled_from(["x", "y", "Ä"])
sessions = st.sampled_from(["", "s"])
tags = st.lists(st.sampled_from(["x", "X", "ü"]), max_size=2, unique=True)
metadata = st.dictionaries(
    st.sampled_from(["topic", "n", "a.b"]),
    st.sampled_from(["tea", "", 1, 2, 2.5, True, None, ["tea"], {"n": 1}]),
    max_size=2,
)
moments = st.sampled_from([THEN + timedelta(minutes=m) for m in (-60, 0, 1, 30)])
soon = st.sampled_from([THEN + timedelta(minutes=m) for m in (1, 30, 3000)])
revisions = st.sampled_from([None, None, None, None, None, 1, 2])
rarely = st.sampled_from([False, False, False, True])
looks = st.sampled_from(list(Look))
orgs = st.sampled_from(["acme", "b"])
projects = st.sampled_from(["shop", "x"])

own = {
    "metadata": metadata,
    "source": names,
    "importance": st.sampled_from([0.0, 0.5, 1.0]),
    "expires_at": soon,
}
timed = own | {"tags": tags, "occurred_at": moments}
filed = {"category": names, "tag": st.just("taste"), "feature": names}
valid = {"valid_from": moments, "valid_to": moments}
new_notes = st.fixed_dictionaries(
    {"content": texts, "scope": scopes, "if_absent": rarely, "expected_revision": revisions},
    optional=timed | {"name": names, "external_id": names},
)
edits = st.fixed_dictionaries(
    {"tags": tags, "expected_revision": revisions}, optional=own | {"content": texts}
)
moves = st.fixed_dictionaries(
    {"to_scope": scopes, "expected_revision": revisions}, optional={"new_name": names}
)
new_messages = st.fixed_dictionaries(
    {"content": texts, "producer": st.sampled_from(["Ann", "Ben"])},
    optional={
        "id": st.sampled_from(["1", "2"]),
        "role": st.just("user"),
        "occurred_at": moments,
        "tags": tags,
        "metadata": metadata,
    },
)
long_talk = [{"content": f"Said {n}.", "producer": "Ann"} for n in range(40)]
talks = st.lists(new_messages, min_size=1, max_size=3) | st.just(long_talk)
new_facts = st.fixed_dictionaries(
    {"content": texts, "scope": scopes, **filed}, optional=timed | valid | {"set_id": names}
)
corrections = st.fixed_dictionaries(
    {"metadata": metadata, "expected_revision": revisions},
    optional=filed | valid | {"content": texts},
)
lists = st.fixed_dictionaries(
    {"scope": scopes, "look": looks, "limit": st.sampled_from([1, 2, 5, 100])},
    optional={
        "scopes": st.lists(scopes, max_size=2, unique=True),
        "kinds": st.lists(st.sampled_from(list(Kind)), max_size=2, unique=True),
        "tags": st.lists(st.sampled_from(["x", "ü"]), max_size=2, unique=True),
        "filter": st.sampled_from(FILTERS),
        "name": names,
    },
)
questions = st.fixed_dictionaries(
    {"query": st.sampled_from(["tea", "coffee on 1 January 2026", "东京", "painting"])},
    optional={
        "scope": scopes,
        "look": looks,
        "filter": st.sampled_from(FILTERS),
        "kinds": st.lists(st.sampled_from(list(Kind)), max_size=2, unique=True),
        "valid_at": moments,
        "known_at": soon,
        "occurred_after": moments,
    },
)
