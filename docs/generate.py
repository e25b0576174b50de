"""Writes the reference pages that follow from the code: `python docs/generate.py`.

A test compares the pages with what this would write.
"""

import json
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from recollect import errors
from recollect.api.memmachine.app import create_face
from recollect.api.memmachine.fields import EPISODES, FACTS, TYPES, Names
from recollect.api.problems import STATUS
from recollect.app.faces import MEMMACHINE as FACE
from recollect.cli.exits import exit_code
from recollect.cli.main import app as cli
from recollect.descriptions import descriptions
from recollect.mcp.schemas import input_schema
from recollect.mcp.tools import TOOLS
from recollect.settings import PREFIX, Settings, choices
from recollect.settings.memmachine.providers import PROVIDERS
from recollect.settings.memmachine.sections import Section, Sections, Unused

OBJECTS = {
    "A message that is added": "MessageGiven",
    "An episode that was found": "FoundEpisode",
    "An episode of a list": "ListedEpisode",
    "A feature": "FeatureView",
    "Its metadata": "FeatureMetadata",
}
REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py; change the code instead. -->\n"


def pages() -> Mapping[str, str]:
    """The generated pages: file name and text."""
    return {
        "settings.md": NOTE + settings_page(),
        "memmachine.md": NOTE + face_page(),
        "memmachine-configuration.md": NOTE + configuration_page(),
        "errors.md": NOTE + errors_page(),
        "tools.md": NOTE + tools_page(),
        "cli.md": NOTE + cli_page(),
    }


def settings_page() -> str:
    """Every environment variable."""
    rows = "\n".join(
        f"| `{variable}` | {default} | {text} |"
        for variable, default, text in sorted(_settings(Settings, PREFIX))
    )
    return f"""\
# Settings

Read once, at start, from the environment. A variable with our prefix that is not listed here
stops the start. Options of the command line go before the environment.

| variable | default | meaning |
|---|---|---|
{rows}
"""


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    seen: set[str] = set()
    texts = descriptions(model)
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        variable = prefix + name.upper()
        offered = choices(field.annotation)
        for choice in offered:
            kinds = _kinds(choice)
            for nested, default, text in _settings(choice, variable + "__"):
                if nested != f"{variable}__KIND":
                    yield nested, default, f"{kinds}: {text}" if kinds else text
        if any("kind" in choice.model_fields for choice in offered):
            usual = field.get_default(call_default_factory=True)
            default = _default(usual and usual.kind)
            yield f"{variable}__KIND", default, _one_line(texts.get(name))
        elif not offered and variable not in seen:
            seen.add(variable)
            yield variable, _default(field.default), _one_line(texts.get(name))


def _kinds(choice: type[BaseModel]) -> str:
    """The kinds that a choice stands for; '' for what is no choice."""
    kind = choice.model_fields.get("kind")
    return ", ".join(f"`{name}`" for name in get_args(kind.annotation)) if kind else ""


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "the platform's"
    if isinstance(value, tuple) and value:
        return f"`{json.dumps(to_jsonable_python(value))}`"
    return "unset" if value in (None, ()) else f"`{value}`"


def configuration_page() -> str:
    """Every key of MemMachine's configuration file."""
    parts = [("The sections", _keys(Sections, ""))]
    for kind, providers in PROVIDERS.items():
        for provider, model in providers.items():
            place = f"resources.{kind}.<name>.config."
            parts.append((f"{kind}: {provider}", _keys(model, place)))
    tables = "\n".join(
        f"## {title}\n\n| key | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        for title, found in parts
        if (rows := list(found))
    )
    return f"""\
# The keys of a MemMachine configuration

[How to use one](../howto/use-a-memmachine-configuration.md). A key marked with * is understood and
changes nothing here.

{tables}"""


def _keys(model: type[Section], place: str) -> Iterator[str]:
    texts = descriptions(model)
    for name, field in model.model_fields.items():
        nested = next(iter(choices(field.annotation)), None)
        is_unused = any(isinstance(marker, Unused) for marker in field.metadata)
        if nested is not None and issubclass(nested, Section) and not is_unused:
            yield from _keys(nested, f"{place}{name}.")
            continue
        default = "" if field.is_required() else _default(field.default)
        mark = "*" if is_unused else ""
        yield f"| `{place}{name}`{mark} | {default} | {_one_line(texts.get(name, ''))} |"


def face_page() -> str:
    """Every route of MemMachine's face."""
    document = create_face(config_api=True).openapi()
    topics: dict[str, list[str]] = {}
    for path, ways in document["paths"].items():
        for method, route in ways.items():
            text = _route(document, f"{method.upper()} {path}", route)
            topics.setdefault(route["tags"][0], []).append(text)
    sections = "\n".join(
        f"## {topic.capitalize()}\n\n" + "\n".join(routes) for topic, routes in topics.items()
    )
    return f"""\
# MemMachine's REST API

Under `{FACE}`; `{FACE}/openapi.json` says the same to programs.
[Come from MemMachine](../howto/come-from-memmachine.md) says how to point a client here, and what
differs. Bodies are JSON and say so in their content type; fields that are not known are ignored,
and all but `/projects` take `org_id` and `project_id`, both `universal` when left out. Errors are
`{{"detail": ...}}`, with a text or with `code`, `message`, `internal_error`, `exception` and a
`trace` that is always empty.

[Filters](filters.md) have other names here. What a kind does not have is null.

| in filters | of episodes | of features |
|---|---|---|
{_names()}
| `m.<key>`, `metadata.<key>` | metadata | `feature_metadata` |

{sections}
## Objects

{_objects(document)}"""


def _objects(document: Mapping[str, Any]) -> str:
    schemas = document["components"]["schemas"]
    return "\n".join(
        f"**{what}**: "
        + ", ".join(
            f"`{name}`" + ("" if "description" not in field else f" ({_told(field)})")
            for name, field in schemas[model]["properties"].items()
        )
        + ".\n"
        for what, model in OBJECTS.items()
    )


def _told(field: Mapping[str, Any]) -> str:
    return _one_line(field["description"]).rstrip(".")


def _names() -> str:
    def meant(names: Names, name: str) -> str:
        found = names.get(name)
        return f"always `{found}`" if isinstance(found, str) else "yes" if found else ""

    return "\n".join(
        f"| `{name}` | {meant(EPISODES, name)} | {meant(FACTS, name)} |" for name in TYPES
    )


def _route(document: Mapping[str, Any], title: str, route: Mapping[str, Any]) -> str:
    asked = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    rows = "".join(
        f"| `{name}` | {_default_of(model, name)} | {_one_line(field.get('description'))} |\n"
        for model in _models(document, asked.get("schema", {}))
        for name, field in model["properties"].items()
        if name not in ("org_id", "project_id") or name in model.get("required", [])
    )
    status, good = next((s, a) for s, a in route["responses"].items() if s[0] == "2")
    schema = good.get("content", {}).get("application/json", {}).get("schema", {})
    fields = [f"`{name}`" for m in _models(document, schema) for name in m["properties"]]
    gives = f" with {', '.join(fields)}" if fields else ""
    table = f"\n| field | default | |\n|---|---|---|\n{rows}" if rows else ""
    return f"**`{title}`** · {_one_line(route['description'])} {status}{gives}.\n{table}"


def _models(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The objects that a body is, or is a list of, or is one of."""
    ways = schema.get("anyOf", [schema.get("items", schema)])
    names = [way["$ref"].rpartition("/")[2] for way in ways if "$ref" in way]
    found = [document["components"]["schemas"][name] for name in names]
    return [model for model in found if "properties" in model]


def _default_of(model: Mapping[str, Any], name: str) -> str:
    if name in model.get("required", []):
        return "required"
    return f"`{json.dumps(model['properties'][name].get('default'))}`"


def errors_page() -> str:
    """Every error."""
    rows = "\n".join(
        f"| `{error.code}` | {status_of_class(error)} | {exit_code(error)} "
        f"| {_one_line(error.__doc__)} |"
        for error in sorted(_subclasses(errors.RecollectError), key=lambda e: (e.code, e.__name__))
    )
    return f"""\
# Errors

REST answers errors with `application/problem+json`: `code` is stable and made for programs,
`detail` for people. The SDK raises the class of the same name in `recollect.errors`. The command
line ends with the exit code.

| code | HTTP status | exit code | meaning |
|---|---|---|---|
{rows}
"""


def status_of_class(error: type[errors.RecollectError]) -> int:
    """The HTTP status of a class of errors."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def _subclasses(error: type[errors.RecollectError]) -> set[type[errors.RecollectError]]:
    return {error}.union(*(_subclasses(child) for child in error.__subclasses__()))


def tools_page() -> str:
    """Every MCP tool."""
    return "# MCP tools\n\n" + "\n".join(_tool(tool) for tool in TOOLS)


def _tool(tool: Any) -> str:
    schema = input_schema(tool.arguments)
    required = schema.get("required", [])
    rows = "\n".join(
        f"| `{name}` | {_type(field)} | {'yes' if name in required else ''} "
        f"| {_one_line(field.get('description'))} |"
        for name, field in schema["properties"].items()
    )
    fields = ", ".join(f"`{name}`" for name in tool.result.model_fields)
    return f"""\
## {tool.name}

{tool.description}

| argument | type | required | |
|---|---|---|---|
{rows}

Gives {fields}.
"""


def _type(field: Mapping[str, Any]) -> str:
    found = field.get("type", "any")
    if "anyOf" in field:
        found = [option.get("type", "any") for option in field["anyOf"]]
    return " or ".join(found) if isinstance(found, list) else found


def cli_page() -> str:
    """Every command."""
    command = typer.main.get_command(cli)
    return "# Command line\n\n" + "\n".join(_command(command, "recollect", None))


def _command(command: Any, name: str, parent: Any) -> Iterator[str]:
    context = command.make_context(
        name.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True
    )
    lines = [f"## `{name}`", "", cleandoc(command.help or ""), ""]
    arguments = [
        p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument"
    ]
    if arguments:
        lines += [f"`{name} {' '.join(arguments)}`", ""]
    rows = [
        f"| `{_one_line(parameter)}` | {_one_line(text)} |"
        for option in command.get_params(context)
        if (record := option.get_help_record(context)) and option.param_type_name == "option"
        for parameter, text in [record]
        if parameter != "--help"
    ]
    if rows:
        lines += ["| option | |", "|---|---|", *rows, ""]
    yield "\n".join(lines)
    for child in getattr(command, "commands", {}):
        yield from _command(command.commands[child], f"{name} {child}", context)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
