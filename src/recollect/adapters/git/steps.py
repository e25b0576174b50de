"""A move from one commit to another, told in a file while it is under way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recollect.adapters.git.trees import Change, Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What has to be moved.

    Attributes:
        parent: Where the branch was; None before the first commit.
        commit: Where it goes.
        by_hand: The work tree is left as it is.
        changes: By path, what was there and what will be.
    """

    parent: str | None
    commit: str
    by_hand: bool
    changes: Mapping[str, Change]


class Marker:
    """The file that tells of a step that is under way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Step | None:
        """The step that did not end; None when all did.

        A power failure may lose what it says. Then the work tree may hold notes that HEAD does not
        hold yet; taken for edits by hand, they only repeat what the store knows.
        """
        try:
            told = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return Step(
            parent=told["parent"],
            commit=told["commit"],
            by_hand=told["by_hand"],
            changes={path: (_entry(old), _entry(new)) for path, (old, new) in told["changes"]},
        )

    def write(self, step: Step) -> None:
        """Tell of a step, before its first trace."""
        write_whole(
            self._path,
            json.dumps(
                {
                    "parent": step.parent,
                    "commit": step.commit,
                    "by_hand": step.by_hand,
                    "changes": list(step.changes.items()),
                }
            ).encode(),
        )

    def remove(self) -> None:
        """The step has ended."""
        self._path.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file atomically; a power failure may leave it empty."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _entry(told: list[object] | None) -> Entry | None:
    return None if told is None else Entry(int(str(told[0])), str(told[1]))
