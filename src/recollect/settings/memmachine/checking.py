"""From a tree to a `Configuration`: sections and resources are typed, references lead somewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from pydantic import ValidationError

from recollect.settings.memmachine.providers import (
    INSTEAD,
    NOT_BUILT,
    PROVIDERS,
    Postgres,
    Replaced,
    RrfHybrid,
    Sqlite,
)
from recollect.settings.memmachine.reading import (
    Place,
    Problems,
    Tree,
    at,
    read_tree,
    substituted,
)
from recollect.settings.memmachine.sections import Names, Section, Sections, Unused

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResource:
    """A resource of the file."""

    kind: str
    name: str
    provider: str
    config: Section

    @property
    def place(self) -> Place:
        """Where its configuration is."""
        return ("resources", self.kind, self.name, "config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A file that can be used."""

    path: Path
    sections: Sections
    resources: tuple[NamedResource, ...]

    @property
    def home(self) -> NamedResource | None:
        """The database in which everything is kept: the one that is named first, or there first."""
        named = [self.find("databases", name) for _, name in _keepers(self.sections)]
        found = [*named, *(r for r in self.resources if r.kind == "databases")]
        return next((r for r in found if r and isinstance(r.config, Sqlite | Postgres)), None)

    @property
    def replaced(self) -> tuple[NamedResource, ...]:
        """The databases that are not used, since everything is kept in another one."""
        home = self.home
        return tuple(
            resource
            for resource in self.resources
            if resource.kind == "databases" and not (home and _is_same(resource, home))
        )

    @property
    def unused(self) -> tuple[str, ...]:
        """The keys that the file sets and that change nothing here."""
        return tuple(_unused(self))

    @property
    def embedder(self) -> NamedResource | None:
        """The embedder in use: the one that is named, or the only one there is."""
        named = self.find("embedders", self.sections.episodic_memory.long_term_memory.embedder)
        named = named or self.find("embedders", self.sections.semantic_memory.embedding_model)
        embedders = [resource for resource in self.resources if resource.kind == "embedders"]
        return named or (embedders[0] if len(embedders) == 1 else None)

    @property
    def language_model(self) -> NamedResource | None:
        """The language model in use, if one is named."""
        short = self.sections.episodic_memory.short_term_memory.llm_model
        return self.find("language_models", short or self.sections.semantic_memory.llm_model)

    @property
    def reranker(self) -> NamedResource | None:
        """The reranker in use, if one is named."""
        return self.find("rerankers", self.sections.episodic_memory.long_term_memory.reranker)

    def find(self, kind: str, name: str | None) -> NamedResource | None:
        """The resource of this name, in whichever case it is written."""
        wanted = (kind, (name or "").casefold())
        return next((r for r in self.resources if (r.kind, r.name.casefold()) == wanted), None)


def read(path: Path, environment: Mapping[str, str]) -> Configuration:
    """The configuration that a file holds.

    Raises:
        ConfigError: Something in it is unknown, wrong or not built yet. All of it is named with
            its place; values are not, since any may come from a secret.
    """
    problems = Problems(path)
    written = read_tree(problems)
    tree = substituted(written, environment, problems)
    resources = tuple(_resources(tree.pop("resources", {}), written, problems))
    sections = validated(Sections, tree, (), problems)
    problems.stop_if_any()
    if sections is None:
        raise AssertionError  # what is not valid was a problem
    configuration = Configuration(path=path, sections=sections, resources=resources)
    _check_references(configuration, written, problems)
    _check_home(configuration, problems)
    problems.stop_if_any()
    return configuration


def validated(model: type[S], tree: object, place: Place, problems: Problems) -> S | None:
    """The tree as this model; None, with the problems noted, if it is not one."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = (*place, *(str(part) for part in problem["loc"]))
            problems.add(where, _wording(problem["type"], problem["msg"]))
        return None


def _wording(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "is missing"
        case "model_type":
            return "must hold keys"
        case _:
            return message.removeprefix("Value error, ")


def _resources(tree: Tree, written: dict[str, Tree], problems: Problems) -> Iterator[NamedResource]:
    if not isinstance(tree, dict):
        problems.add(("resources",), "must hold keys")
        return
    for kind, named in tree.items():
        if kind not in PROVIDERS:
            problems.add(("resources", kind), "unknown key")
        elif not isinstance(named, dict):
            problems.add(("resources", kind), "must hold names")
        else:
            for name, entry in named.items():
                place = ("resources", kind, name)
                shown = str(at(written, (*place, "provider")))
                if (resource := resource_at(place, entry, shown, problems)) is not None:
                    yield resource


def resource_at(place: Place, entry: Tree, shown: str, problems: Problems) -> NamedResource | None:
    """A resource; `shown` is its provider as the file spells it."""
    _, kind, name = place
    if not isinstance(entry, dict):
        problems.add(place, "must hold a provider and its config")
        return None
    for key in entry.keys() - {"provider", "config"}:
        problems.add((*place, key), "unknown key")
    provider = str(entry.get("provider", ""))
    if problem := problem_of(kind, provider, shown):
        problems.add((*place, "provider"), problem)
        return None
    model = PROVIDERS[kind][provider]
    config = validated(model, entry.get("config", {}), (*place, "config"), problems)
    if config is None:
        return None
    return NamedResource(kind=kind, name=name, provider=provider, config=config)


def problem_of(kind: str, provider: str, shown: str) -> str | None:
    """Why this provider cannot be had, naming it as shown; None if it can."""
    if provider in PROVIDERS[kind]:
        return None
    if not provider:
        return "is missing"
    if provider in NOT_BUILT[kind]:
        return f"{shown} is not built yet; {INSTEAD[kind]}"
    return f"{shown} is unknown; known are {', '.join(PROVIDERS[kind])}"


def _check_references(
    configuration: Configuration, written: dict[str, Tree], problems: Problems
) -> None:
    parts: list[tuple[Place, Section]] = [((), configuration.sections)]
    parts += [(resource.place, resource.config) for resource in configuration.resources]
    for place, section in parts:
        for where, kind, name in _names(section, place):
            if configuration.find(kind, name) is None:
                shown = at(written, where)
                problems.add(where, f"there is no {shown} in resources.{kind}")
    problems.stop_if_any()
    for resource in configuration.resources:
        if _leads_back(configuration, resource, frozenset()):
            problems.add((*resource.place, "reranker_ids"), "the reranker is made of itself")


def _keepers(sections: Sections) -> Iterator[tuple[Place, str | None]]:
    """Where databases of records are named, and how; the first decides where everything is kept."""
    yield ("episode_store", "database"), sections.episode_store.database
    yield ("session_manager", "database"), sections.session_manager.database
    yield ("semantic_memory", "config_database"), sections.semantic_memory.config_database


def _check_home(configuration: Configuration, problems: Problems) -> None:
    for place, name in _keepers(configuration.sections):
        resource = configuration.find("databases", name)
        if resource is not None and isinstance(resource.config, Replaced):
            problems.add(place, "must name a database of sqlite or postgres")


def _is_same(resource: NamedResource, home: NamedResource) -> bool:
    """Whether a database is the one in which everything is kept; every one of SQLite is."""
    ours, theirs = resource.config, home.config
    if isinstance(ours, Postgres) and isinstance(theirs, Postgres):
        return ours.place == theirs.place
    return isinstance(ours, Sqlite) and isinstance(theirs, Sqlite)


def _leads_back(
    configuration: Configuration, resource: NamedResource, above: frozenset[str]
) -> bool:
    if not isinstance(resource.config, RrfHybrid):
        return False
    if resource.name in above:
        return True
    parts = (configuration.find(resource.kind, name) for name in resource.config.reranker_ids)
    return any(part and _leads_back(configuration, part, above | {resource.name}) for part in parts)


def _names(section: Section, place: Place) -> Iterator[tuple[Place, str, str]]:
    """Where a section names resources, of which kind, and how."""
    for key, field in type(section).model_fields.items():
        value: object = getattr(section, key)
        if isinstance(value, Section):
            yield from _names(value, (*place, key))
        for marker in field.metadata:
            if isinstance(marker, Names) and isinstance(value, str) and value:
                yield (*place, key), marker.kind, value
            if isinstance(marker, Names) and isinstance(value, tuple):
                for index, name in enumerate(cast("tuple[str, ...]", value)):
                    yield (*place, key, str(index)), marker.kind, name


def _unused(configuration: Configuration) -> Iterator[str]:
    yield from _unused_in(configuration.sections, ())
    for resource in configuration.resources:
        if resource in configuration.replaced:
            yield f"resources.{resource.kind}.{resource.name}"
        else:
            yield from _unused_in(resource.config, resource.place)


def _unused_in(section: Section, place: Place) -> Iterator[str]:
    for key, field in type(section).model_fields.items():
        value: object = getattr(section, key)
        if key not in section.model_fields_set:
            continue
        if any(isinstance(marker, Unused) for marker in field.metadata):
            yield ".".join((*place, key))
        elif isinstance(value, Section):
            yield from _unused_in(value, (*place, key))
