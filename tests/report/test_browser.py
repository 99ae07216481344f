"""The report in a browser: it fits, it is accessible, it asks the network for nothing, and its explorer works."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from support import chrome, planted
from support.page_checks import FIGURES, PASSED, opening, pages, rules_passed, serious
from support.report_results import CLAIMS, make_results, run

from carousel.report.figures.dark import DARK_PAPER, PAPER as LIGHT_PAPER
from carousel.report.page import filters

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chrome.CHROMIUM is None, reason="there is no chromium on PATH (apt install chromium)"),
]
WIDTHS, SCHEMES = (1400, 400), ("light", "dark")
NAMES = ("cell", "init", "forget_bias", "length", "training", "path")
LIMIT = 6e6  # bytes of the page
PATIENCE = 1.5  # seconds until the page stands
STATE = """({
    fragment: location.hash,
    link: document.getElementById("explorer-link").hash,
    chosen: Object.fromEntries([...document.querySelectorAll(".choices select")].map(
        list => [list.id.slice(9), list.value])),
    summary: document.getElementById("explorer-summary").textContent,
    line: document.querySelector("#explorer-chart .mark-line.role-mark.line path")?.getAttribute("d"),
    band: document.querySelector("#explorer-chart .mark-area path")?.getAttribute("d"),
    rows: [...document.querySelectorAll("#explorer-rows tr")].map(
        row => [...row.cells].map(cell => cell.textContent.replace("\\u2212", "-"))),
    theory: [...document.querySelectorAll("#explorer-chart .mark-line.law path")].length,
    label: document.getElementById("explorer-chart").getAttribute("aria-label"),
})"""
CHANGE = """(() => {
    const list = document.getElementById("explorer-%s");
    list.value = "%s";
    list.dispatchEvent(new Event("change", {bubbles: true}));
    return new Promise(done => setTimeout(done, 150));
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a planted study."""
    results = make_results(tmp_path_factory.mktemp("results"))
    done = run(results, results / "report.html", "--renderer", "embedded")
    assert done.returncode == 0, done.stderr
    return results / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chrome.Chrome]:
    made = chrome.Chrome(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def opened(browser: chrome.Chrome, page: Path, fragment: str = "", width: int = 1400) -> dict:
    """The explorer's state on a page that was just opened."""
    browser.open(page.as_uri() + fragment, width)
    return state(browser)


READY = """new Promise(done => { const look = () =>
    document.getElementById("explorer-box").hidden ? setTimeout(look, 50) : setTimeout(done, 150); look(); })"""


def state(browser: chrome.Chrome) -> dict:
    browser.run(READY)
    return browser.run(STATE)


def change(browser: chrome.Chrome, name: str, level: str) -> dict:
    """Choose from one list, as a reader does."""
    browser.run(CHANGE % (name, level))
    return browser.run(STATE)


def last(found: dict) -> list[float]:
    """Lag, gradient, low and high of the last row of the table."""
    return [float(text) for text in found["rows"][-1]]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_asks_for_nothing_says_nothing_and_fits(browser, page, width, scheme):
    browser.open(page.as_uri(), width, scheme=scheme)
    said = {event["method"]: event["params"] for event in browser.events}
    asked = [
        e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"
    ]
    assert asked[0] == page.as_uri()
    assert not [url for url in asked[1:] if not url.startswith("data:")]
    assert not {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"} & set(said), said
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")


def test_every_anchor_leads_somewhere_and_every_picture_is_described(browser, page):
    browser.open(page.as_uri(), 1400)
    assert (
        browser.run("""[...document.querySelectorAll("a[href^='#']")].map(a => a.getAttribute("href").slice(1))
        .filter(id => !document.getElementById(id.split("?")[0]))""")
        == []
    )
    pictures = browser.run("""[...document.querySelectorAll("figure.picture svg")].map(svg =>
        [svg.getAttribute("aria-label").trim(), svg.querySelector("use").getBoundingClientRect().width,
         svg.getBoundingClientRect().width])""")
    shown = [name for name, drawn, box in pictures if box and drawn]
    assert len(shown) == len(pictures) / 2 > 10
    assert all(name for name, *_ in pictures)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_serious_stands_in_the_way_of_anyone(browser, page, width, scheme):
    browser.open(page.as_uri(), width, scheme=scheme)
    browser.run("document.querySelector('#explorer-box details').open = true")
    assert serious(browser) == []
    assert rules_passed(browser) == {*PASSED}


SHOWN = """[...document.querySelectorAll("svg.hero")].filter(svg => svg.getBoundingClientRect().width)
    .map(svg => [...svg.querySelectorAll("g.b")].map(g => getComputedStyle(g).display != "none"))"""
SENTENCES = """[...document.querySelectorAll(".said p.b")].filter(p => getComputedStyle(p).display != "none")
    .map(p => p.textContent)"""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_hero_shows_the_forget_bias_that_is_chosen_by_mouse_or_keyboard(browser, page, width):
    browser.open(page.as_uri(), width)
    assert browser.run(SHOWN) == [[False, True, False]]
    assert browser.run(SENTENCES)[0].startswith("At a forget bias of 1,")
    browser.run("document.querySelector('label:has(#hero-2)').click()")
    assert browser.run(SHOWN) == [[False, False, True]]
    browser.run("document.getElementById('hero-2').focus()")
    browser.press("ArrowDown")
    assert browser.run(SHOWN) == [[True, False, False]]
    assert len(browser.run(SENTENCES)) == 1 and browser.run(SENTENCES)[0].startswith("At a forget bias of 0,")


def test_the_contents_stand_beside_the_text_and_fold_on_a_phone(browser, page):
    browser.open(page.as_uri(), 1400)
    width = "document.getElementById('%s').getBoundingClientRect().width"
    assert browser.run(width % "contents") > 100 and browser.run(width % "fold") == 0
    browser.run("document.getElementById('claims').scrollIntoView()")
    browser.run("new Promise(done => setTimeout(done, 200))")
    assert browser.run("document.querySelector('#contents [aria-current]').hash") == "#claims"
    assert 0 <= browser.run("document.getElementById('contents').getBoundingClientRect().top") < 100
    browser.open(page.as_uri(), 400)
    assert browser.run(width % "contents") == 0
    assert not browser.run("document.querySelector('#fold details').open")


def test_a_card_keeps_how_it_was_decided_folded(browser, page):
    browser.open(page.as_uri(), 1400)
    folded = "[...document.querySelectorAll('#claims section details')].map(d => d.open)"
    assert set(browser.run(folded)) == {False}


CARDS = "[...document.querySelectorAll('section[data-verdict]')].filter(c => c.getClientRects().length).map(c => c.id)"


def test_the_filters_leave_the_cards_chosen_by_keyboard_and_the_one_that_a_link_leads_to(browser, page):
    browser.open(page.as_uri(), 1400)
    assert len(browser.run(CARDS)) == len(CLAIMS)
    browser.run("document.getElementById('verdict-all').focus()")
    for _ in range(3):
        browser.press("ArrowDown")
    refuted = [name for name, (*_, verdict) in CLAIMS.items() if verdict == "refuted"]
    assert browser.run(CARDS) == refuted
    said = "document.querySelector('#filters [role=status]').textContent"
    assert browser.run(said) == f"{len(refuted)} of {len(CLAIMS)} claims shown."
    browser.run("document.querySelector('label:has(#topic-forget-gate)').click()")
    assert browser.run(CARDS) == ["Q2", "K1"]
    browser.run("document.querySelector('.strip a[href=\"#A4g\"]').click()")
    assert browser.run(CARDS) == ["Q2", "K1", "A4g"]
    assert browser.run("Math.abs(document.getElementById('A4g').getBoundingClientRect().top)") < 100


def test_the_filters_work_without_scripts(browser, page):
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page.as_uri() + "#filters", 1400)
        for _ in range(2):
            browser.press("Tab")
        browser.press("ArrowDown")
        tree = browser("Accessibility.getFullAXTree")["nodes"]
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)
    names = [n.get("name", {}).get("value", "") for n in tree if n.get("role", {}).get("value") == "heading"]
    shown = [name.split()[0] for name in names if name.split()[0] in CLAIMS]
    topic = [name for name in CLAIMS if name in filters.by_topic(CLAIMS)["forget-gate"]]
    assert shown == topic


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_of_the_hero_is_too_small_or_larger_than_the_body_s(browser, page, width):
    browser.open(page.as_uri(), width)
    sizes = browser.run("""[...document.querySelectorAll("svg.hero")].filter(s => s.getBoundingClientRect().width)
        .map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width)
        .map(scale => scale * parseFloat(getComputedStyle(document.querySelector("svg.hero")).fontSize))""")
    body = browser.run("parseFloat(getComputedStyle(document.body).fontSize)")
    assert sizes and all(12 <= size <= body for size in sizes)


@pytest.mark.parametrize("width", [1400, 1010, 730, 600, 400, 360])
def test_a_figure_s_text_is_no_smaller_than_12_pixels_and_no_larger_than_the_body_s(browser, page, width):
    browser.open(page.as_uri(), width)
    found = browser.run(FIGURES)
    body = browser.run("parseFloat(getComputedStyle(document.body).fontSize)")
    shown = [figure for figure in found if figure["shown"]]
    assert {figure["kind"] for figure in shown} <= {"wide" if width > 720 else "narrow"}
    assert len(shown) > 10 or width < 720
    for figure in shown:
        assert min(figure["sizes"]) >= 12 - 0.01
        assert max(figure["sizes"]) <= body + 0.01
        assert figure["right"] <= width


def test_a_figure_s_source_wraps_where_it_does_not_fit(browser, page):
    browser.open(page.as_uri(), 400)
    browser.run("document.querySelectorAll('.source').forEach(s => s.prepend('one.parquet, '.repeat(9)))")
    assert browser.run("document.querySelector('.source').getClientRects().length") > 1
    assert browser.run("document.documentElement.scrollWidth") <= 400


def test_figures_are_dark_where_the_page_is(browser, page, tmp_path):
    pixels = {}
    for scheme in SCHEMES:
        browser.open(page.as_uri(), 1400, scheme=scheme)
        box = browser.run(
            "document.querySelector('figure.picture svg.wide').getBoundingClientRect().toJSON()"
        )
        browser.picture(tmp_path / f"{scheme}.png", {key: box[key] for key in ("x", "y", "width", "height")})
        pixels[scheme] = matplotlib.image.imread(tmp_path / f"{scheme}.png")[..., :3]
    paper = {scheme: np.median(seen, axis=(0, 1)) for scheme, seen in pixels.items()}
    np.testing.assert_allclose(paper["light"], to_rgb(LIGHT_PAPER), atol=0.01)
    np.testing.assert_allclose(paper["dark"], to_rgb(DARK_PAPER), atol=0.01)
    assert pixels["light"].min() < 0.2 and pixels["dark"].max() > 0.8


def test_a_figure_and_its_numbers_are_saved_as_they_stand_in_the_page(browser, page):
    browser.open(page.as_uri(), 1400)
    saved = browser.run("""(() => {
        return [...document.querySelectorAll("a.save")].slice(0, 2).map(link => {
            link.addEventListener("click", event => event.preventDefault());
            link.click();
            return [link.hidden, link.download, decodeURIComponent(link.href)];
        });
    })()""")
    (drawing, numbers), figures = saved, page.parent / "figures"
    assert [drawing[0], numbers[0]] == [False, False]
    assert drawing[2].split(",", 1)[1] == (figures / drawing[1]).read_text("utf-8").strip()
    assert numbers[1] == drawing[1].replace(".svg", ".csv")
    assert numbers[2].split(",", 1)[1] == (figures / "data" / numbers[1]).read_text("utf-8")


def test_the_page_is_small_and_stands_at_once(browser, page):
    assert page.stat().st_size < LIMIT
    assert 0 < opening(browser, page.as_uri()) < PATIENCE


def test_the_explorer_shows_a_planted_curve_with_its_interval(browser, page):
    found = opened(browser, page)
    assert found["chosen"] == {
        "cell": "lstm", "init": "torch", "forget_bias": "1", "length": "40", "training": "no", "path": "full",
    }  # fmt: skip
    lag, y, low, high = last(found)
    assert lag == 40
    assert y == pytest.approx(planted.rate("lstm", "1", "torch") * 40, abs=2e-3)
    assert low < y < high
    assert found["line"].count("L") == len(found["rows"]) - 1
    assert found["band"]
    assert "It halves in 3.76 steps." in found["summary"]
    assert found["summary"] in found["label"]


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [("cell", "rnn_tanh", planted.rate("rnn_tanh", "none", "torch") * 40),
     ("init", "orthogonal", planted.rate("lstm", "1", "orthogonal") * 40),
     ("forget_bias", "0", planted.rate("lstm", "0", "torch") * 40),
     ("length", "120", planted.rate("lstm", "1", "torch") * 120),
     ("training", "adding:30", planted.rate("lstm", "1", "torch", stage=("adding", 30)) * 40),
     ("path", "truncated", planted.rate("lstm", "1", "torch", "truncated") * 40)],
)  # fmt: skip
def test_every_list_changes_the_curve_and_the_fragment(browser, page, name, level, expected):
    before = opened(browser, page)
    after = change(browser, name, level)
    assert after["chosen"][name] == level
    assert last(after)[1] == pytest.approx(expected, abs=2e-3)
    assert after["summary"] != before["summary"]
    assert (after["line"], after["rows"]) != (before["line"], before["rows"])
    assert after["fragment"] == after["link"]
    named = dict(urllib.parse.parse_qsl(after["fragment"].removeprefix("#explorer?")))
    assert named == after["chosen"]
    again = opened(browser, page, after["fragment"])
    assert [again[key] for key in ("chosen", "line", "summary")] == [
        after[key] for key in ("chosen", "line", "summary")
    ]


def test_the_lists_and_the_summary_show_words_where_the_address_has_names(browser, page):
    found = change(browser, "cell", "rnn_tanh")
    assert found["summary"].startswith("tanh RNN, PyTorch's default init, no forget bias")
    listed = browser.run("[...document.querySelectorAll('.choices option')].map(o => o.textContent)")
    assert {"LSTM", "tanh RNN", "before training", "all routes", "PyTorch's default"} <= {*listed}
    assert not [text for text in listed if re.search("[a-z]_[a-z]", text)]


def test_what_was_not_measured_moves_the_other_lists(browser, page):
    opened(browser, page, "#explorer?cell=lstm&forget_bias=3&path=gates")
    found = change(browser, "cell", "rnn_tanh")
    assert (found["chosen"]["forget_bias"], found["chosen"]["path"]) == ("none", "full")
    found = change(browser, "path", "gates")
    assert (found["chosen"]["cell"], found["chosen"]["path"]) == ("lstm", "gates")


def test_a_fragment_of_nonsense_is_the_usual_view(browser, page):
    usual = opened(browser, page)
    odd = opened(browser, page, "#explorer?cell=%3Cb%3E&length=7&speed=3")
    assert odd["chosen"] == usual["chosen"]
    browser.run("location.hash = '#explorer?cell=rnn_tanh'")
    assert state(browser)["chosen"]["cell"] == "rnn_tanh"
    assert browser.run("document.getElementById('explorer').getBoundingClientRect().top") < 900


def test_the_explorer_works_by_keyboard(browser, page):
    opened(browser, page)
    browser.run("document.getElementById('explorer-cell').focus()")
    for name in NAMES[1:]:
        browser.press("Tab")
        assert browser.run("document.activeElement.id") == f"explorer-{name}"
    browser.run("document.getElementById('explorer-forget_bias').focus()")
    browser.press("ArrowDown")
    found = state(browser)
    assert found["chosen"]["forget_bias"] == "3"
    assert last(found)[1] == pytest.approx(planted.rate("lstm", "3", "torch") * 40, abs=2e-3)


def test_the_chart_fits_a_narrow_window(browser, page):
    opened(browser, page, width=400)
    box = browser.run("document.querySelector('#explorer-chart svg').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0
    assert box["right"] <= 400


def test_without_scripts_the_page_says_what_is_missing(browser, page):
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page.as_uri(), 1400)
        tree = browser("Accessibility.getFullAXTree")["nodes"]
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)
    names = json.dumps([node.get("name", {}).get("value", "") for node in tree])
    assert "the only part of this page that needs JavaScript" in names
    assert not [node for node in tree if node.get("role", {}).get("value") == "combobox"]


MOST_PAPER = 16  # pages of what is not unfolded


def test_it_prints_what_is_unfolded_and_all_of_it_where_the_address_asks_for_it(browser, page):
    usual, everything = (pages(browser, page.as_uri() + more) for more in ("", "?print=all"))
    assert 3 <= usual <= MOST_PAPER
    assert everything >= 10 and everything > usual + 3
