"""YAML without its surprises: no key twice, and no error that repeats the text."""

from collections.abc import Hashable
from typing import Any

import yaml


def load(text: str) -> object:
    """The value that a YAML text stands for.

    Raises:
        ValueError: It is no YAML; the message says where, and holds nothing of the text.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506  (a safe loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "its end"
        raise ValueError(f"see {where}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("it holds something that cannot be read") from None


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML's own rule, which the library does not check."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  (the library's signature)
        """As the library does, after looking at the keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if key.tag != "tag:yaml.org,2002:merge" and name in seen:
                raise yaml.constructor.ConstructorError(problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
