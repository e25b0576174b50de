"""From a file's text to a tree: keys in lower case, variables put in, nulls left out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

from recollect.errors import ConfigError

Tree: TypeAlias = "str | int | float | bool | list[Tree] | dict[str, Tree]"
Place: TypeAlias = tuple[str, ...]
"""The keys that lead to a value."""

MAX_DEPTH = 20
_SECRETS = re.compile(r"password|token|secret|key")
_VARIABLE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
_NAMES_OF_PEOPLE = {("resources", "databases"), ("resources", "embedders")} | {
    ("resources", "language_models"),
    ("resources", "rerankers"),
}
"""Where keys are names that people chose: their case is kept."""


@dataclass(slots=True)
class Problems:
    """What is wrong with a file; told all at once."""

    path: Path
    found: list[str] = field(default_factory=list[str])

    def add(self, place: Place, problem: str) -> None:
        """Note what is wrong at a place."""
        self.found.append(f"{'.'.join(place)}: {problem}" if place else problem)

    def stop_if_any(self) -> None:
        """Raise ConfigError if anything is wrong."""
        if self.found:
            raise ConfigError(f"the configuration {self.path} is wrong: " + "; ".join(self.found))


def read_tree(problems: Problems) -> dict[str, Tree]:
    """The file's tree as it is written.

    Raises:
        ConfigError: It cannot be read, or is no YAML; no part of its text is repeated.
    """
    try:
        text = problems.path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"cannot read the configuration {problems.path}: {reason}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the configuration {problems.path} is not UTF-8") from None
    # Most processes have no such file; importing YAML takes as long as a small command.
    from recollect.settings.memmachine.yaml_text import load

    try:
        loaded = load(text)
    except ValueError as error:
        raise ConfigError(f"the configuration {problems.path} is no YAML: {error}") from None
    tree = _normal(loaded, (), problems)
    problems.stop_if_any()
    if not isinstance(tree, dict):
        raise ConfigError(f"the configuration {problems.path} holds no sections")
    return tree


def _normal(value: object, place: Place, problems: Problems) -> "Tree | None":
    if len(place) > MAX_DEPTH:
        raise ConfigError(f"the configuration {problems.path} is nested too deeply")
    match value:
        case dict():
            return _normal_mapping(cast("dict[object, object]", value), place, problems)
        case list():
            items = cast("list[object]", value)
            normal = [_normal(item, (*place, str(at)), problems) for at, item in enumerate(items)]
            return [item for item in normal if item is not None]
        case str() | bool() | int() | float() | None:
            return value
        case _:  # a date, a set: nothing that a key of this file takes
            return str(value)


def _normal_mapping(
    mapping: dict[object, object], place: Place, problems: Problems
) -> dict[str, Tree]:
    keeps_case = place in _NAMES_OF_PEOPLE or place[-1:] == ("properties_schema",)
    result: dict[str, Tree] = {}
    folded: set[str] = set()
    for key, value in mapping.items():
        name = str(key) if keeps_case else str(key).lower()
        if name.casefold() in folded:
            problems.add((*place, name), "is there twice, but for upper and lower case")
        folded.add(name.casefold())
        normal = _normal(value, (*place, name), problems)
        if normal is not None:
            result[name] = normal
    return result


def substituted(
    tree: dict[str, Tree], environment: Mapping[str, str], problems: Problems
) -> dict[str, Tree]:
    """The tree with `$NAME` and `${NAME}` replaced in every string; `$$` is a dollar sign.

    Raises:
        ConfigError: A variable is not set.
    """

    def put_in(value: Tree, place: Place) -> Tree:
        match value:
            case dict():
                return {key: put_in(item, (*place, key)) for key, item in value.items()}
            case list():
                return [put_in(item, (*place, str(at))) for at, item in enumerate(value)]
            case str():
                for name in _unset(value, environment):
                    problems.add(place, _complaint(value, name, place))
                return _VARIABLE.sub(lambda match: _value(match, environment), value)
            case _:
                return value

    result = {key: put_in(value, (key,)) for key, value in tree.items()}
    problems.stop_if_any()
    return result


def _unset(text: str, environment: Mapping[str, str]) -> Iterator[str]:
    for match in _VARIABLE.finditer(text):
        name = match[2] or match[3]
        if name and name not in environment:
            yield name


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    return "$" if match[1] else environment.get(match[2] or match[3], "")


def _complaint(text: str, name: str, place: Place) -> str:
    is_whole = text in (f"${name}", f"${{{name}}}")
    if not is_whole and _SECRETS.search(place[-1]):
        # What looks like a variable may be a part of a password.
        return "a variable in it is not set (a dollar sign of its own is written $$)"
    return f"the environment variable {name} is not set (a dollar sign of its own is written $$)"


def at(tree: Tree, place: Place) -> "Tree | None":
    """What is at a place of a tree; None if nothing is."""
    for key in place:
        match tree:
            case dict():
                found = tree.get(key)
            case list():
                found = tree[int(key)] if key.isdecimal() and int(key) < len(tree) else None
            case _:
                found = None
        if found is None:
            return None
        tree = found
    return tree
