import re
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from recollect.api import health, v1

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = (
    "memmachine-configuration.md",
    "memmachine.md",
    "settings.md",
    "errors.md",
    "tools.md",
    "cli.md",
)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    make: Callable[[], Mapping[str, str]] = runpy.run_path(str(DOCS / "generate.py"))["pages"]
    return make()


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_current(pages: Mapping[str, str], name: str) -> None:
    written = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert written == pages[name], "run: .venv/bin/python docs/generate.py"


def test_every_generated_page_is_checked(pages: Mapping[str, str]) -> None:
    assert set(pages) == set(GENERATED)


def test_every_route_is_documented() -> None:
    page = (DOCS / "reference" / "rest.md").read_text(encoding="utf-8")
    paths = {route.path for router in (v1.router, health.router) for route in router.routes}
    assert {path for path in paths if path not in page} == set()


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"))
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_reachable_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [p for p in DOCS.rglob("*.md") if p.parent.name != "decisions"]
    assert [p.name for p in pages if str(p.relative_to(ROOT)) not in readme] == []


def test_decisions_are_short() -> None:
    long = [
        p.name
        for p in (DOCS / "decisions").glob("*.md")
        if p.read_text(encoding="utf-8").count("\n") >= 40
    ]
    assert long == []
