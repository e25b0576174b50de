"""Docstrings below fields are their descriptions, wherever a schema is shown."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from recollect.descriptions import descriptions
from recollect.operations.request import Request


class Walk(Request):
    """A request of this test."""

    river: str
    """The river
    to follow."""
    miles: int = 1
    steps: Annotated[int, Field(description="Said outright.")] = 2
    """Said below."""


class LongWalk(Walk):
    """One with a field more, and one told anew."""

    miles: int = 20
    """How far."""


class Plan(BaseModel):
    """A model that asks for no descriptions."""

    model_config = ConfigDict(frozen=True)

    walk: LongWalk
    """Where it goes."""


def _shown(schema: dict[str, dict[str, dict[str, str]]]) -> dict[str, str | None]:
    return {name: shown.get("description") for name, shown in schema["properties"].items()}


def test_a_schema_shows_the_text_below_each_field() -> None:
    assert _shown(Walk.model_json_schema()) == {
        "river": "The river\nto follow.",
        "miles": None,
        "steps": "Said outright.",
    }


def test_texts_are_inherited_and_can_be_told_anew() -> None:
    assert _shown(LongWalk.model_json_schema()) == {
        "river": "The river\nto follow.",
        "miles": "How far.",
        "steps": "Said outright.",
    }


def test_models_inside_a_model_are_described_too() -> None:
    schema = Plan.model_json_schema()
    assert _shown(schema) == {"walk": None}
    assert _shown(schema["$defs"]["LongWalk"])["miles"] == "How far."


def test_texts_are_read_of_any_model() -> None:
    assert descriptions(Plan) == {"walk": "Where it goes."}
