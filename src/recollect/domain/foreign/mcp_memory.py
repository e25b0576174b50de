"""The knowledge graph of the reference MCP memory server: JSON Lines of entities and relations."""

import json
from collections.abc import Iterator
from typing import Any, cast

from recollect.domain.foreign.notes import Found, FoundLink, FoundNote, Refused, SourceFile


def graph(file: SourceFile, *, scope: str) -> Iterator[Found]:
    """The notes and links of the graph, in the order of the file.

    An entity becomes a note: its name a heading, each observation an item of a list, its type a
    tag. A relation becomes a link.
    """
    for number, line in enumerate(file.content.split(b"\n"), start=1):
        if line.strip():
            yield _found(file, f"line {number}", line, scope)


def _found(file: SourceFile, origin: str, line: bytes, scope: str) -> Found:
    try:
        item: object = json.loads(line.decode("utf-8-sig"))
        json.dumps(item, ensure_ascii=False).encode()  # fails on half a surrogate pair
    except (ValueError, RecursionError):
        return Refused(origin=origin, reason="it is not JSON in UTF-8")
    match item:
        case {"type": "entity", "name": str(name)} if name.strip():
            return _entity(file, cast("dict[str, Any]", item), name, scope)
        case {"type": "relation", "from": str(start), "to": str(end), "relationType": str(kind)}:
            return FoundLink(
                origin=f"{start} {kind} {end}", scope=scope, from_name=start, to_name=end, type=kind
            )
        case _:
            return Refused(origin=origin, reason="it is neither an entity nor a relation")


def _entity(file: SourceFile, fields: dict[str, Any], name: str, scope: str) -> Found:
    observations = _texts(fields.get("observations", []))
    if observations is None:
        return Refused(origin=name, reason="its observations are no list of texts")
    entity_type = fields.get("entityType")
    heading = f"# {' '.join(name.split())}\n"
    return FoundNote(
        origin=name,
        scope=scope,
        name=name,
        content="\n".join([heading, *map(_item, observations)]).strip() + "\n",
        occurred_at=file.modified_at,
        tags=(entity_type,) if isinstance(entity_type, str) and entity_type.strip() else (),
    )


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    texts = [item for item in items if isinstance(item, str)]
    return texts if len(texts) == len(items) else None


def _item(observation: str) -> str:
    """An item of a Markdown list; further lines of it are indented."""
    return "- " + "\n  ".join(observation.strip().splitlines())
