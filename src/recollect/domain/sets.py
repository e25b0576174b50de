"""Sets of facts: whose facts they are, what they are called, and where they lie.

A set holds what is known about one audience: an organisation, a project, a user, or whoever shares
the values of some metadata. Its id is MemMachine's, which tells neither organisations nor projects
apart for sure; what identifies a set is therefore its id together with the scope it lies in.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from recollect.domain.memory import JsonValue
from recollect.domain.scopes import MAX_SCOPE_BYTES
from recollect.errors import InvalidRequest

MAX_OWNER_BYTES = (MAX_SCOPE_BYTES - 1) // 2
MAX_SET_ID_CHARACTERS = 4000
PRODUCER = "producer_id"
"""The metadata that names the user whose set an episode feeds."""

_PROJECT, _ORGANISATION, _USER, _OTHER = "project_set", "set_type", "user_set", "other_set"
_KINDS = (_PROJECT, _ORGANISATION, _USER, _OTHER)
_BEGINNING = re.compile(f"mem_(?:{'|'.join(_KINDS)})")
_OWNER = re.compile(r"[\w\-:]+")
_TAGS_AND_VALUES = "_[0-9]+_[0-9a-f]{12}__.*"


def check_owner(text: str) -> str:
    """Return the name unchanged if an organisation or a project may bear it.

    Raises:
        InvalidRequest: It holds other characters, or nothing, or is too long.
    """
    if len(text.encode("utf-8", "replace")) > MAX_OWNER_BYTES:
        raise InvalidRequest(
            f"the name of an organisation or a project has at most {MAX_OWNER_BYTES} bytes"
        )
    if not _OWNER.fullmatch(text):
        raise InvalidRequest(
            "the name of an organisation or a project holds letters, digits, '-', '_' and ':', "
            "and at least one of them"
        )
    return text


class Project(NamedTuple):
    """Whose conversations: a project of an organisation; neither name holds a `/`."""

    org: str
    name: str

    @property
    def scope(self) -> str:
        """Where its episodes lie, and the sets of its own level."""
        return f"{self.org}/{self.name}"


class SetKey(NamedTuple):
    """What identifies a set."""

    scope: str
    set_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetType:
    """Sets that differ in the values of the same metadata.

    Attributes:
        id: A decimal number; None of the built-in types.
        tags: The keys of the metadata, in order and each once; without any there is one set.
        is_org_level: Whether the projects of an organisation share the sets.
    """

    tags: tuple[str, ...]
    is_org_level: bool
    id: str | None = None
    name: str | None = None
    description: str | None = None

    def key(self, project: Project, metadata: Mapping[str, JsonValue]) -> SetKey:
        """The set of these values; keys without a value are left out.

        Raises:
            InvalidRequest: The values are too long for an id.
        """
        values = {tag: metadata[tag] for tag in self.tags if metadata.get(tag) is not None}
        pairs = "_".join(f"{tag}_{_encoded(str(values[tag]))}" for tag in sorted(values))
        set_id = f"{self._beginning(project, tuple(sorted(values)))}{pairs}"
        if len(set_id) > MAX_SET_ID_CHARACTERS:
            raise InvalidRequest(
                f"the values of {', '.join(values)} are too long to name a set: together with the "
                f"names they have at most {MAX_SET_ID_CHARACTERS} characters"
            )
        return SetKey(project.org if self.is_org_level else project.scope, set_id)

    def applies_to(self, metadata: Mapping[str, JsonValue]) -> bool:
        """Whether the metadata has a value for each of the tags."""
        return all(metadata.get(tag) is not None for tag in self.tags)

    def holds(self, org: str, key: SetKey) -> bool:
        """Whether this is the organisation's and of this type; an invented id is of no type."""
        owner, _, name = key.scope.partition("/")
        beginning = self._beginning(Project(owner, name), self.tags)
        level = name == "" if self.is_org_level else name != ""
        return owner == org and level and key.set_id.startswith(beginning)

    def _beginning(self, project: Project, tags: tuple[str, ...]) -> str:
        """What the ids of all sets with exactly these tags begin with."""
        digest = hashlib.shake_256(b"".join(tag.encode() + b"\0" for tag in tags)).hexdigest(6)
        return f"mem_{self._kind(tags)}{self._owner(project)}_{len(tags)}_{digest}__"

    def _kind(self, tags: tuple[str, ...]) -> str:
        if not tags:
            return _ORGANISATION if self.is_org_level else _PROJECT
        return _USER if tags == (PRODUCER,) else _OTHER

    def _owner(self, project: Project) -> str:
        return _org_part(project) if self.is_org_level else _project_part(project)


OF_ORGANISATION = SetType(tags=(), is_org_level=True, name="Organisation")
OF_USER = SetType(tags=(PRODUCER,), is_org_level=True, name="User")
OF_PROJECT = SetType(tags=(), is_org_level=False, name="Project")
BUILT_IN = (OF_ORGANISATION, OF_USER, OF_PROJECT)
"""The types that every organisation has without asking."""


def set_type(tags: Iterable[str], *, is_org_level: bool) -> SetType:
    """The type with these tags: trimmed, each once, in order; empty ones are left out."""
    trimmed = {tag.strip() for tag in tags}
    return SetType(tags=tuple(sorted(trimmed - {""})), is_org_level=is_org_level)


def sets_of(
    project: Project, types: Iterable[SetType], metadata: Mapping[str, JsonValue]
) -> dict[SetKey, SetType]:
    """The sets that metadata belongs to, of these types and the built-in ones, each once.

    The sets of the organisation and of the project are always among them; that of a user when the
    metadata names one. A set of a type given is of that type, even if a built-in one has its tags.
    """
    found: dict[SetKey, SetType] = {}
    for of_type in (*types, *BUILT_IN):
        if of_type.applies_to(metadata):
            found.setdefault(of_type.key(project, metadata), of_type)
    return found


def located(project: Project, set_id: str) -> SetKey:
    """The set that a caller of this project means by an id.

    An id in the form of its organisation's sets means such a set, and any other id one of its
    own: nobody reaches the sets of another project or organisation by naming them.

    Raises:
        InvalidRequest: No set is called so.
    """
    if not _BEGINNING.match(set_id):
        kinds = ", ".join(f"mem_{kind}" for kind in _KINDS)
        raise InvalidRequest(f"the id of a set begins with one of {kinds}")
    if len(set_id) > MAX_SET_ID_CHARACTERS:
        raise InvalidRequest(f"the id of a set has at most {MAX_SET_ID_CHARACTERS} characters")
    shared = _BEGINNING.pattern + re.escape(_org_part(project)) + _TAGS_AND_VALUES
    if re.fullmatch(shared, set_id, re.DOTALL):
        return SetKey(project.org, set_id)
    return SetKey(project.scope, set_id)


Audience: TypeAlias = Literal["organisation", "project", "user", "other"]


def audience_of(set_id: str) -> Audience:
    """Whose facts a set of this id holds, by the id's beginning; invented ids count too."""
    audiences: dict[str, Audience] = {
        f"mem_{_PROJECT}": "project",
        f"mem_{_ORGANISATION}": "organisation",
        f"mem_{_USER}": "user",
    }
    for start, audience in audiences.items():
        if set_id.startswith(start):
            return audience
    return "other"


def _org_part(project: Project) -> str:
    return f"_org_{project.org}"


def _project_part(project: Project) -> str:
    return f"_org_{project.org}_project_{project.name}"


def _encoded(value: str) -> str:
    """The value without `_`, which parts the pairs of an id."""
    return value.replace("%", "%25").replace("_", "%5F")
