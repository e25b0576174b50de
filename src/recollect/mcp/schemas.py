"""JSON schemas of tools: from pydantic models, made small, since every client pays for them."""

from typing import Any, cast

from pydantic import BaseModel

_DROPPED = ("title", "default")


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's arguments, with descriptions."""
    return _compact(model.model_json_schema(), keep_description=True)


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's result, without descriptions."""
    return _compact(model.model_json_schema(mode="serialization"), keep_description=False)


def _compact(schema: dict[str, Any], *, keep_description: bool) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})
    for model in (schema, *definitions.values()):
        model.pop("description", None)

    def small(node: Any) -> Any:
        if isinstance(node, list):
            return [small(item) for item in cast("list[Any]", node)]
        return small_object(cast("dict[str, Any]", node)) if isinstance(node, dict) else node

    def small_object(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            return small(definitions[node["$ref"].removeprefix("#/$defs/")])
        kept = {
            name: _properties(value) if name == "properties" else small(value)
            for name, value in node.items()
            if name not in _DROPPED and (keep_description or name != "description")
        }
        return _nullable(kept)

    def _properties(properties: dict[str, Any]) -> dict[str, Any]:
        return {name: small(value) for name, value in properties.items()}

    return small(schema)


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    """`anyOf` of a simple type and null becomes a list of types."""
    match node.get("anyOf"):
        case [{"type": str(kind), **rest}, {"type": "null"}]:
            others = {name: value for name, value in node.items() if name != "anyOf"}
            return {"type": [kind, "null"], **rest, **others}
        case _:
            return node
