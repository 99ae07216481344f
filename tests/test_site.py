"""The documentation site: each link leads somewhere, each public name has a page, nothing comes from a network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import carousel
import carousel.cells
import carousel.diagnosis
import carousel.tasks
from carousel.claims import CLAIMS

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("benchmarks/**/*.md"),
    *ROOT.glob("docs/**/*.md"),
    *(ROOT / folder / "README.md" for folder in ("config", "results")),
]
FACES = carousel, carousel.diagnosis, carousel.cells, carousel.tasks
NAMES = {f"{face.__name__}.{name}" for face in FACES for name in face.__all__}
ELSEWHERE = {  # public names, and the one that the page has instead
    "carousel.cells.CELLS": "carousel.CELLS",
    "carousel.diagnosis.load_checkpoint": "carousel.load_checkpoint",
    "carousel.tasks.TASKS": "carousel.TASKS",
}
IN_TEXTS = "".join(page.read_text("utf-8") for page in PAGES)


class Page(HTMLParser):
    """The places of a page, its links, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attributes}
        self.ids |= {found["id"]} if "id" in found else set()
        self.links += [found[key] for key in ("href", "src") if key in found]
        self.loads += [found[key] for key in ("href", "src") if key in found and tag != "a"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the site; a warning ends the building of it."""
    if missing := [name for name in ("sphinx", "myst_parser", "furo") if not find_spec(name)]:
        pytest.skip(f"{', '.join(missing)}: not installed; requirements-docs.lock has it")
    folder = tmp_path_factory.mktemp("site")
    options = ["-W", "--keep-going", "-q", "-c", "docs/site", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, ".", str(folder / "html")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return {file: Page(file) for file in (folder / "html").rglob("*.html") if file.name != "report.html"}


def broken(site: dict[Path, Page], file: Path, link: str) -> bool:
    """Whether a link of a page leads to no file of the site, or to no place on its page."""
    to = urlsplit(link)
    if to.scheme or to.netloc:
        return False
    target = (file.parent / unquote(to.path)).resolve() if to.path else file
    places = site[target].ids if target in site else {to.fragment}
    return not target.exists() or bool(to.fragment) and to.fragment not in places


@pytest.mark.campaign
@pytest.mark.slow
def test_no_link_of_the_site_is_broken_and_nothing_is_loaded_from_elsewhere(site: dict[Path, Page]) -> None:
    links = [(file, link) for file, page in site.items() for link in page.links]
    assert len(links) > 1000
    assert [(file.name, link) for file, link in links if broken(site, file, link)] == []
    assert [link for page in site.values() for link in page.loads if urlsplit(link).netloc] == []
    assert any(broken(site, file, f"{link}x") for file, link in links)


@pytest.mark.campaign
@pytest.mark.slow
def test_every_public_name_and_every_name_of_the_tables_has_a_place_on_the_site(
    site: dict[Path, Page],
) -> None:
    ids = {place for page in site.values() for place in page.ids}
    assert {ELSEWHERE.get(name, name) for name in NAMES} | {"carousel.testing.check_cell"} <= ids
    assert {f"claim-{each.lower()}" for each in CLAIMS} <= ids
    text = "".join(file.read_text("utf-8") for file in site if file.parent.name == "reference")
    named = {*carousel.CELLS, *carousel.INITS, *carousel.TASKS}
    assert named <= set(re.findall(r"\w+", text))


def test_every_name_that_the_pages_use_is_one_that_the_site_has() -> None:
    used = set(re.findall(r"\bcarousel\.([A-Za-z_]+)\(", IN_TEXTS))
    assert len(used) > 3
    assert used <= set(carousel.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_of_the_repository(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    paths = [urlsplit(link).path for link in links if not urlsplit(link).scheme]
    assert [path for path in paths if path and not (page.parent / path).exists()] == []
