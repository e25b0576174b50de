"""Exporting, importing, and lines to import."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

from recollect.domain.access import Principal, Right
from recollect.domain.memory import Memory
from recollect.domain.scopes import ScopeSet
from recollect.domain.serialisation import memory_to_json
from recollect.operations import Context, Imported, export, import_lines

HEADER = json.dumps({"format": "recollect", "version": 1})


async def given_lines(lines: Iterable[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def exported(context: Context) -> list[str]:
    return [line async for line in export(context)]


async def bring(context: Context, *lines: str | dict[str, Any]) -> Imported:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return await import_lines(context, given_lines([HEADER, *texts]))


def emptied(context: Context) -> Context:
    """The context of another tenant, who has nothing yet."""
    return replace(context, principal=Principal(name="other", tenant="other"))


def line_of(memory: Memory, **changes: object) -> dict[str, Any]:
    return {"type": "memory"} | memory_to_json(memory) | changes


def limited(context: Context, *rights: Right) -> Context:
    principal = Principal(
        name="limited",
        tenant="default",
        scopes=ScopeSet(subtrees=frozenset({"team"})),
        rights=frozenset(rights or Right),
    )
    return replace(context, principal=principal)
