"""The page of a study that was really run, in a browser, at both widths, light and dark, with all that folds open."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import chrome
from support.page_checks import COVERED, FIGURES, PASSED, TEXTS, UNFOLD, opening, pages, rules_passed, serious

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chrome.CHROMIUM is None, reason="there is no chromium on PATH (apt install chromium)"),
]
ROOT = Path(__file__).parents[2]
WIDTHS, SCHEMES = (1400, 400), ("light", "dark")
SMALLEST = 12  # pixels of a text
LIMIT = 6e6  # bytes of the page
PATIENCE = 1.5  # seconds until the page stands
MOST_PAPER = 16  # pages of what is not unfolded


@pytest.fixture(scope="module", params=["smoke", "standard"])
def results(request: pytest.FixtureRequest) -> Path:
    """The results of a study: the smoke study as the suite makes it, the standard one where it was run here."""
    if request.param == "smoke":
        return request.getfixturevalue("smoke_checkout") / "results" / "smoke"
    folder = ROOT / "results" / "standard"
    if not (folder / "report.html").is_file():
        pytest.skip(f"the standard study was not run here: no {folder / 'report.html'} (make report)")
    return folder


@pytest.fixture(scope="module")
def address(results: Path) -> str:
    """Where the page is."""
    return (results / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chrome.Chrome]:
    made = chrome.Chrome(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_serious_is_found_folded_or_not(browser, address, width, scheme):
    browser.open(address, width, scheme=scheme)
    assert serious(browser) == []
    assert rules_passed(browser) == {*PASSED}
    browser.run(UNFOLD)
    assert serious(browser) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_no_text_is_too_small(browser, address, width):
    browser.open(address, width)
    browser.run(UNFOLD)
    assert browser.run("document.documentElement.scrollWidth") <= width
    texts = browser.run(TEXTS)
    assert len(texts) > 300
    assert [text for text in texts if text[0] < SMALLEST] == []
    body = browser.run("parseFloat(getComputedStyle(document.body).fontSize)")
    shown = [figure for figure in browser.run(FIGURES) if figure["shown"]]
    assert len(shown) > 10
    for figure in shown:
        assert min(figure["sizes"]) >= SMALLEST - 0.01 and max(figure["sizes"]) <= body + 0.01


@pytest.mark.parametrize("width", WIDTHS)
def test_every_column_of_the_settings_is_in_sight(browser, address, width):
    browser.open(address, width)
    right = browser.run("""[...document.querySelectorAll(".in-short td")].filter(td => td.textContent)
        .map(td => Math.max(...[...td.getClientRects()].map(box => box.right)))""")
    assert right and max(right) <= width
    box = "document.querySelector('.in-short .scroll')"
    assert browser.run(f"{box}.scrollWidth <= {box}.clientWidth")


def test_no_words_of_a_figure_are_cut_or_over_each_other(browser, results):
    drawn = [*(results / "figures").glob("*.svg"), *(results / "figures" / "narrow").glob("*.svg")]
    faults = {}
    for path in drawn:
        browser.open(path.as_uri(), 1400)
        if found := browser.run(COVERED):
            faults[f"{path.parent.name}/{path.name}"] = found
    assert len(drawn) > 60 and faults == {}


def test_every_figure_has_its_numbers(browser, address):
    browser.open(address, 1400)
    assert (
        browser.run("""[...document.querySelectorAll("a.save")].filter(
        link => link.hidden || !document.querySelector(link.hash)).map(link => link.hash)""")
        == []
    )
    lines = browser.run("""[...document.querySelectorAll("script[type='text/csv']")].map(
        data => data.textContent.trim().split("\\n").filter(line => !line.startsWith("#")))""")
    assert len(lines) > 30 and {found[0] for found in lines} == {"panel,series,x,y,written"}


def test_it_is_small_and_stands_at_once_in_a_browser_that_just_began(results, address, tmp_path):
    assert (results / "report.html").stat().st_size < LIMIT
    fresh = chrome.Chrome(tmp_path)
    try:
        assert 0 < opening(fresh, address) < PATIENCE
    finally:
        fresh.close()


def test_it_prints_on_few_pages(browser, address):
    assert 3 <= pages(browser, address) <= MOST_PAPER
