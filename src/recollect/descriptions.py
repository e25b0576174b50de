"""What the fields of a model mean, read from their docstrings when somebody asks.

pydantic's own `use_attribute_docstrings` reads the source of every model at import: a seventh of
the time to the first answer, for words that only schemas and pages of reference show.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel


def describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add descriptions to a JSON schema: the value of `json_schema_extra` in a model's config."""
    shown = schema.get("properties", {})
    for name, text in descriptions(model).items():
        if name in shown:
            shown[name].setdefault("description", text)


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The texts below a model's fields, and below those that it inherits, by field."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _written_in(base.__module__).get(base.__qualname__, {})
    return found


@cache
def _written_in(module: str) -> dict[str, dict[str, str]]:
    """The texts of every class at the top of a module, by class and field."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        definition.name: _below_fields(definition)
        for definition in tree.body
        if isinstance(definition, ast.ClassDef)
    }


def _below_fields(definition: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for above, below in pairwise(definition.body):
        match above, below:
            case (
                ast.AnnAssign(target=ast.Name(id=field)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[field] = inspect.cleandoc(text)
            case _:
                pass
    return found
