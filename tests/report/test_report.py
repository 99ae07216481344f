"""The report on synthetic tables: the embedded chain, the call of Quarto, the prose that the tables give."""

import ast
import base64
import gzip
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from support.report_results import (
    CLAIMS,
    HOSTILE,
    ORIGIN,
    calibration_table,
    claims_table,
    decay_table,
    depth_table,
    dynamics_table,
    made_by_explore,
    make_results,
    routes_table,
    run,
    stability_table,
    summary_table,
    timings_table,
)

from carousel.__main__ import main
from carousel.analysis import prediction
from carousel.analysis.depth import against_one
from carousel.axes import BACKENDS
from carousel.cells import CELLS as CELLS_OF_THE_PACKAGE
from carousel.claims import CLAIMS as ALL_CLAIMS
from carousel.inits import INITS
from carousel.pipeline import fingerprint
from carousel.report import names
from carousel.report.figures import draw
from carousel.report.page import (
    brief,
    calibration,
    depth,
    explorer,
    filters,
    history,
    markup,
    measurements,
    pandoc,
    provenance,
    recommendations,
    routes,
    sections,
    settings,
    slices,
    stability,
    topics,
    tuning,
)
from carousel.report.page.figure_captions import CAPTIONS
from carousel.tables import parquet
from carousel.tables.quantities import QUANTITIES

REPORT = Path(__file__).parents[2] / "report"


class Page(HTMLParser):
    """Tags, ids and visible text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, attribute: str) -> list[str]:
        """The values of an attribute over all elements of a kind; empty where it is absent."""
        return [attrs.get(attribute) or "" for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return make_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def made(results) -> str:
    """The page by the embedded chain."""
    done = run(results, results / "report.html", "--renderer", "embedded")
    assert done.returncode == 0, done.stderr
    return (results / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def html(made) -> Page:
    return Page(made)


def test_every_anchor_resolves_once(html):
    ids = [attrs["id"] for _, attrs in html.tags if "id" in attrs]
    links = [link[1:] for link in html.all("a", "href") if link.startswith("#")]
    assert set(CLAIMS) <= set(links)
    assert set(links) <= set(ids)
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_the_explorer_alone_runs(made, html):
    loading = ("src", "srcset", "data", "poster")
    sources = [attrs[name] for _, attrs in html.tags for name in loading if name in attrs]
    sources += html.all("image", "href")
    assert sources and all(source.startswith("data:") for source in sources)
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in html.tags}
    scripts = [attrs for tag, attrs in html.tags if tag == "script" and attrs.get("type") != "text/csv"]
    assert [attrs.get("id") for attrs in scripts] == [
        None,
        None,
        "explorer-data",
        "explorer-names",
        "explorer-spec",
        None,
        None,
        None,
    ]
    assert not [name for _, attrs in html.tags for name in attrs if name.startswith("on")]
    assert html.text.count("The explorer is the only part of this page that needs JavaScript") == 1
    assert not re.search(
        r"@import|url\(\s*['\"]?(?!data:)", "".join(re.findall(r"<style.*?</style>", made, re.S))
    )


def test_every_picture_has_its_alt_text(html):
    wide, narrow = (
        [attrs["aria-label"] for tag, attrs in html.tags if tag == "svg" and attrs.get("class") == kind]
        for kind in ("wide", "narrow")
    )
    assert wide == narrow
    alts = wide
    assert len({*alts}) == len(CLAIMS) + 1 + len(measurements.DRAWN) and all(alts)
    assert all(
        any(alt.startswith(CAPTIONS[name].drawn) for alt in alts) for name in [*CLAIMS, *measurements.DRAWN]
    )
    assert [name for name in measurements.DRAWN if f"What is seen of {name}: a < b." not in html.text] == []
    assert "Lines of log gradient against lag for claim A2d." in html.text


def test_headings_are_in_order(html):
    levels = [int(tag[1]) for tag, _ in html.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_the_page_says_what_made_it_and_from_what(html):
    assert "This page was rendered by the embedded chain (jupytext" in html.text
    assert "15 claims: 5 supported · 4 depends · 5 refuted · 1 inconclusive" in html.text
    assert "commit 0123abc" in html.text and "torch 2.13.0, 2.13.0+cpu" in html.text
    assert "made a (decay.parquet)" in html.text
    assert "0.5 to 2 (12 values)" in html.text
    assert "3.2 × 10−13" in html.text
    assert "0.167" in html.text


def test_a_number_stands_apart_from_its_per_cent_sign(html):
    assert re.findall(r".{0,40}\d%.{0,20}", html.text) == []
    assert (
        markup.prose("at most 5% of 2.5%, and 95% more") == "at most 5\N{NO-BREAK SPACE}\\% of 2\\.5"
        "\N{NO-BREAK SPACE}\\%\\, and 95\N{NO-BREAK SPACE}\\% more"
    )


def test_markup_in_a_table_stays_text(html):
    assert HOSTILE in html.text


@pytest.mark.parametrize(
    "name",
    [
        *sections.SHOWN,
        "figures/A2d.svg",
        "figures/story.svg",
        "figures/narrow/A2d.svg",
        "figures/data/A2d.csv",
        "figures/theory.svg",
        "figures/gates.txt",
        "figures/story.txt",
    ],
)
def test_a_missing_file_is_one_line_with_the_command_that_makes_it(tmp_path, capsys, name):
    results = make_results(tmp_path / "results" / "smoke")
    (results / name).unlink()
    assert main(["render", "--results", str(results), "--out", str(tmp_path / "report.html")]) == 1
    made = "figures" if name.startswith("figures/") else name
    command = f"snakemake --cores 1 --config study=smoke --force -- results/smoke/{made}"
    assert capsys.readouterr().err == f"report: {results / name} is missing; make it: {command}\n"
    assert not (tmp_path / "report.html").exists()


@pytest.mark.campaign
def test_a_cell_that_raises_is_one_line_and_leaves_the_old_page(tmp_path):
    claims = claims_table().assign(verdict="perhaps")
    parquet.write(claims, make_results(tmp_path) / "claims.parquet", ORIGIN)
    (tmp_path / "report.html").write_text("old")
    done = run(tmp_path, tmp_path / "report.html", "--renderer", "embedded")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "report: ValueError: unknown verdict 'perhaps'; allowed: supported, depends, refuted, inconclusive"
    ]
    assert (tmp_path / "report.html").read_text() == "old"


FAKE_QUARTO = """#!/bin/sh
[ "$1" = --version ] && echo 9.9.9 && exit
[ -f index.qmd ] && [ -f style.css ] && [ -w "$HOME" ] && [ -w "$XDG_CACHE_HOME" ] || exit 7
{failure}
echo "$* | $QUARTO_PYTHON | $CAROUSEL_RENDERER | $(pwd)" > index.html
"""


def fake_quarto(folder: Path, failure: str = "") -> str:
    """A PATH on which a stand-in for Quarto comes first."""
    program = folder / "bin" / "quarto"
    program.parent.mkdir()
    program.write_text(FAKE_QUARTO.format(failure=failure))
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def test_quarto_is_used_where_it_is_on_the_path(results, tmp_path):
    done = run(results, tmp_path / "out.html", PATH=fake_quarto(tmp_path))
    assert done.returncode == 0, done.stderr
    command, python, renderer, folder = (tmp_path / "out.html").read_text().strip().split(" | ")
    assert command == "render index.qmd --to html --no-execute-daemon"
    assert (python, renderer) == (sys.executable, "Quarto 9.9.9")
    assert not Path(folder).exists() and REPORT not in Path(folder).parents


def test_an_error_under_quarto_is_one_line(results, tmp_path):
    failure = "printf 'Traceback\\nKeyError: 7\\n\\n' >&2; exit 1"
    done = run(results, tmp_path / "out.html", PATH=fake_quarto(tmp_path, failure))
    assert done.returncode == 1
    assert done.stderr == "report: quarto: KeyError: 7 (or try --renderer embedded)\n"


def test_the_chain_heeds_cell_options(tmp_path):
    text = (
        "---\nexecute:\n  echo: false\n---\n\n```{python}\n#| eval: false\nraise SystemExit\n```\n\n"
        "```{python}\n#| output: asis\nprint('*seen*', end='')\n```\n\n```{python}\n#| echo: true\nprint('<b>')\n```\n"
    )
    assert pandoc.markdown(text, tmp_path).split("\n\n")[1:] == [
        "*seen*", "```python\nprint('<b>')\n```", "```\n<b>\n```\n",
    ]  # fmt: skip


def test_a_cell_has_the_names_of_those_before_it_and_its_error_is_one_line(tmp_path):
    cells = ["seen = 3", "print(seen)", "raise ValueError('two\\nlines')"]
    text = "".join(f"```{{python}}\n#| echo: false\n{cell}\n```\n\n" for cell in cells)
    assert (
        pandoc.markdown(text.partition("```{python}\n#| echo: false\nraise")[0], tmp_path) == "```\n3\n```\n"
    )
    with pytest.raises(pandoc.CellError, match="^ValueError: two lines$"):
        pandoc.markdown(text, tmp_path)


def test_the_source_keeps_to_what_both_renderers_read():
    source = (REPORT / "index.qmd").read_text("utf-8")
    assert not re.search(r"@(fig|tbl|sec|eq)-|\{\{<", source)
    assert not re.search(r"^```\n+``` *\{?\.?(?!\{python\})\w", source, re.M), "a fenced block follows a cell"
    assert source.count("```{python}") == source.count("#| output: asis")


def failed(table: pd.DataFrame) -> pd.DataFrame:
    """The calibration with one lag of one system failed on one backend."""
    place = (table["system"] == "dead ReLU") & (table["backend"] == "torch") & (table["lag"] == 100)
    return table.assign(passed=~place)


def test_a_calibration_that_passed_has_no_banner_and_a_table(made, html):
    assert 'role="alert"' not in made
    assert "The calibration failed" not in html.text
    assert "12 of 12 checks passed, over 3 systems." in html.text
    lines = ["*linear*: Every norm stays. gradient by the state, all routes, 10 NumPy 0 2.5 × 10−13 2.5 × 10−13",
             "Frobenius norm of the Jacobian, all routes, 10 NumPy −2.5 −2.49 1.23 standard errors of"]  # fmt: skip
    assert html.text.count("passed: 4 of 4") == 3
    assert [line for line in lines if line not in html.text] == []


@pytest.mark.campaign
def test_a_failed_calibration_is_said_before_anything_else(tmp_path):
    parquet.write(failed(calibration_table()), make_results(tmp_path) / "calibration.parquet", ORIGIN)
    done = run(tmp_path, tmp_path / "report.html", "--renderer", "embedded")
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "report.html").read_text("utf-8")
    assert made.count('role="alert"') == 1
    assert made.index("</header>") < made.index('role="alert"') < made.index('id="answer"')
    text = Page(made).text
    assert "The calibration failed: dead ReLU failed its calibration on PyTorch. No claim" in text
    assert "11 of 12 checks passed" in text
    worst = "gradient by the state, all routes, 100 PyTorch −∞ −∞ 0 failed on PyTorch: 3 of 4"
    assert f"dead ReLU: Nothing comes back. {worst}" in text


def test_failed_systems_come_first_and_missing_backends_are_failures():
    table = calibration_table()
    last = failed(table).assign(passed=table["system"] != "Gaussian product")
    lines = calibration.calibration(SimpleNamespace(calibration=last)).splitlines()
    assert "Gaussian product" in lines[5]
    assert "NumPy, PyTorch" in lines[5]
    alone = SimpleNamespace(calibration=table[table["backend"] == "numpy"])
    assert "the PyTorch backend was not calibrated" in calibration.banner(alone).replace("\\", "")
    assert "6 of 6 checks" in calibration.calibration(alone)
    many = pd.concat([table.assign(system=f"system {i}", passed=False) for i in range(10)], ignore_index=True)
    assert "12 more" in calibration.banner(SimpleNamespace(calibration=many))


def test_the_largest_error_for_its_tolerance_is_the_one_shown():
    table = calibration_table()
    place = (table["system"] == "Gaussian product") & (table["backend"] == "torch") & (table["lag"] == 100)
    table.loc[place, ["error", "measured", "in_standard_errors"]] = [0.0100, -25.0246, -2.46]
    lines = calibration.calibration(SimpleNamespace(calibration=table)).splitlines()
    (line,) = [row for row in lines if "Gauss" in row]
    assert "100 | PyTorch | −25 | −25 | −2.46 standard errors of 0.01 |" in line


def test_the_table_of_settings_shows_one_slice_the_fastest_decay_first(html):
    assert "left_out" not in html.text
    assert "−0.679" not in html.text
    assert "Init orthogonal, gain 1, drive unit, 32 units, 400 steps, 10 repetitions" in html.text
    shown = ["LSTM 0 −0.5 [−0.501, −0.499] 0.602 76 about 616 exponential (90 %) vanishing, by 0.25",
             "tanh RNN none −0.25 [−0.251, −0.249] 1.2 152 about 1,232",
             "LSTM chrono −0.002 [−0.003, −0.001] 151 steady steady exponential (90 %) steady, by 0.001",
             "linear RNN none 0.1 [0.099, 0.101] ∞ 380 (overflow) about 3,080 (overflow)"]  # fmt: skip
    places = [html.text.find(line) for line in shown]
    assert -1 not in places
    assert places == sorted(places)


def test_half_lives_by_init(html):
    assert "Cell Forget bias identity orthogonal" in html.text
    assert "LSTM 0 24.1 0.602 LSTM chrono steady linear RNN none exploding tanh RNN none 1.2" in html.text


def test_a_study_without_a_grid_shows_its_own_slice_and_one_without_decay_says_so():
    table = summary_table().replace({"slice": {"grid": "mine"}, "backend": {"numpy": "torch"}})
    shown = settings.rates(SimpleNamespace(summary=table))
    assert "measured by PyTorch" in shown and "| LSTM | 0 | −0.5 " in shown
    none = SimpleNamespace(summary=table.head(0))
    assert (settings.rates(none), settings.half_lives(none)) == (settings.NOTHING, "")


@pytest.mark.parametrize(
    "value, shown",
    [(0.0371, "0.0371"), (-2.5, "−2.5"), (0.0, "0"), (0.9999546, "0.99995"), (-0.9996, "−0.9996"), (-1.0, "−1"),
     (1.0, "1"), (1 - 1e-14, "1"), (3.2e-13, "3.2 × 10^−13^"), (-1.5e7, "−1.5 × 10^7^"), (float("-inf"), "−∞"),
     (float("nan"), "not measured")],
)  # fmt: skip
def test_numbers_are_readable(value, shown):
    assert markup.number(value) == shown


def test_every_picture_and_every_law_has_its_place():
    assert set(measurements.DRAWN) == set(draw.PICTURES)
    assert set(measurements.ASSUMES) == set(prediction.LAWS)


def test_every_cell_is_in_a_table_of_its_own(html):
    shown = "Init orthogonal, gain 1, drive unit, 16 units, 100 steps, 10 repetitions, measured by NumPy in float64."
    start = html.text.index(shown)
    assert 0 < html.text.index("tanh RNN none −0.25", start) < html.text.index("sLSTM 1 −0.0625", start)
    assert "sLSTM 1" not in html.text[:start]
    none = summary_table().query("slice != 'breadth'")
    assert "did not measure every cell" in settings.breadth(SimpleNamespace(summary=none))


def test_theory_has_its_gaps_and_says_what_it_leaves_out(html):
    assert "Neither drawn nor counted: 1 without a finite rate; in 1 theory says the same." in html.text
    assert re.search(r"mean field A vanilla network .{60,90} 2 0.03 0.05", html.text)
    bare = SimpleNamespace(summary=summary_table().assign(law=""))
    assert measurements.theory(bare) == "This study did not measure a rate that a closed form predicts."


def test_the_sum_of_the_exponents_stands_beside_the_determinant(html):
    assert (
        "In 2 of 3 models both are finite. There they differ by at most 2 × 10−12 decades per step."
        in html.text
    )
    assert "In 1 both are −∞" in html.text
    table = dynamics_table()
    odd = table.assign(value=table["value"].replace(-4.0, np.inf).where(table["quantity"] == "log_det", -1.0))
    assert "**In 2 one is finite and the other is not.**" in measurements.sums(odd)


def test_a_study_without_dynamics_or_jacobian_says_so():
    bare = SimpleNamespace(dynamics=dynamics_table().head(0), decay=decay_table().assign(quantity="loss_h"))
    said = [
        part(bare)
        for part in (measurements.jacobian, measurements.exponents, measurements.gates, measurements.factors)
    ]
    whats = ("the Jacobian", "Lyapunov exponents", "gates", "entry and exit factors")
    assert said == [f"This study did not measure {what}." for what in whats]


@pytest.mark.parametrize(
    ("verdict", "boundary", "condition", "word"),
    [("depends", "gain 1.2", "At forget bias 3.", "gain"), ("depends", "", "Holds at init torch, gain 1.", "init"),
     ("supported", "gain 1", "Forget bias.", ""), ("inconclusive", "", "Undecided: more repetitions.", "repetitions"),
     ("depends", "", "Sometimes.", "")],
)  # fmt: skip
def test_the_word_that_a_verdict_depends_on(verdict, boundary, condition, word):
    row = (
        claims_table().head(1).assign(verdict=verdict, boundary=boundary, condition=condition, depends_on="")
    )
    assert brief.depends_on(next(row.itertuples())) == word


def test_sections_come_in_the_order_that_a_reader_needs(html):
    main = "answer hero why cell slopes recommended diagnose claims Q1 explorer methods calibration limits appendix"
    wanted = [
        *main.split(),
        "story",
        "decay",
        "learning",
        "theory",
        "provenance",
        "costs",
        "stability",
        "again",
        "bibliography",
    ]
    ids = [attrs["id"] for _, attrs in html.tags if attrs.get("id") in wanted]
    assert ids == wanted


def test_a_claim_s_card_says_what_was_found_and_its_fold_how_it_was_decided(html):
    start = html.text.index("A1e depends Claimed")
    card = ["(answer 1)", "Found: Holds where the forget bias", "In practice", "How it was decided"]
    record = [
        "Formal reading Formally, A1e is a slope.",
        "Predicted depends: on the forget bias",
        "What settles it",
    ]
    parts = [*card, *record, "By backend", "Threshold forget bias 5.17", "Settings 12 settings"]
    places = [html.text.index(part, start) for part in parts]
    assert places == sorted(places)


def test_every_claim_has_a_topic_and_every_topic_claims_that_there_are():
    assert all(topics.of(name) for name in ALL_CLAIMS)
    assert {name for _, claims in topics.TOPICS.values() for name in claims.split()} == {*ALL_CLAIMS}
    near = {name: topics.see_also(name, ALL_CLAIMS) for name in ALL_CLAIMS}
    assert all(0 < len(found) <= topics.MOST and name not in found for name, found in near.items())
    assert near["A2f"] == ["A1b", "A1h", "A1i", "A4g"]
    assert topics.see_also("mine", ALL_CLAIMS) == topics.see_also("A2f", ["A2f", "A3a"]) == []


def test_cards_are_marked_with_what_the_filters_choose_by(made, html):
    cards = {attrs["id"]: attrs for tag, attrs in html.tags if tag == "section" and "data-verdict" in attrs}
    assert {name: attrs["data-verdict"] for name, attrs in cards.items()} == {
        name: verdict for name, (*_, verdict) in CLAIMS.items()
    }
    assert all(attrs["data-topics"].split() == topics.of(name) for name, attrs in cards.items())
    said = re.findall(r'id="(?:topic|verdict)-([\w-]+)"[^>]*>([^<]+)', made)
    assert ("refuted", "✕ refuted 5") in said and ("truncation", "truncation 0") not in said
    shown = filters.by_topic(CLAIMS)
    assert {name: text.split()[-1] for name, text in said if name in shown} == {
        name: str(len(claims)) for name, claims in shown.items()
    }
    assert "routes ✕ Q2, ● A1d" in html.text


def test_recommended_settings_are_read_from_its_table(html):
    start = html.text.index("Lag LSTM tanh RNN")
    rows = ["10 steps PyTorch’s default init, forget bias 1: state 15.8 % [15.7, 16], input 1.58 % [1.57, 1.6]; "
            "not tried in training; 4 of 6 pass none of the 2 measured; the best is orthogonal init: "
            "state 10 % [9.89, 10.1], input 0.316 % [0.313, 0.32] (lost); "
            "trained: adding over 40 steps 0 of 3 seeds within 30 updates; learning rate 0.01",
            "100 steps PyTorch’s default init, forget bias 3: state 63.1 % [56.2, 70.8], input 6.31 % [5.62, 7.08]; "
            "not tried in training; 2 of 6 pass",
            "10 steps, steadiest orthogonal init, forget bias 3: state 97.7 % [96.6, 98.9], input 3.09 % [3.05, 3.13]; "
            "trained: adding 2 of 3 seeds, in 33 of 40 updates; learning rate 0.01 none passes"]  # fmt: skip
    assert [row for row in rows if row not in html.text[start:]] == []
    assert "at least 10 % of the gradient by the last state" in html.text
    assert "layer.bias_ih_l0[H:2 * H] += b" in html.text
    none = SimpleNamespace(advice=made_by_explore()[1]["advice"].head(0))
    assert recommendations.recommended(none) == recommendations.NOTHING


def test_the_longest_solved_names_what_solved_most_seeds_and_the_lstm_at_its_best(html):
    said = "adding: 120 steps were solved most often by LSTM at forget bias 3, in 2 of 3 seeds [21 %, 94 %]."
    assert said in html.text
    table = made_by_explore()[1]["learned"]
    other = table.assign(cell=table["cell"].replace("lstm", "gru"))
    both = pd.concat([other, table.assign(solved=(table["solved"] > 2).astype(int))])
    assert "of the LSTMs, by LSTM" in recommendations.longest_solved(
        SimpleNamespace(learned=both.query("length == 40"))
    )
    short = SimpleNamespace(learned=table.query("forget_bias == '1' or forget_bias == '0'"))
    assert recommendations.longest_solved(short).endswith("Nothing solved 120 steps.")
    none = SimpleNamespace(learned=table.assign(solved=0))
    assert "no setting solved any length" in recommendations.longest_solved(none)


def test_what_diagnose_says_stands_below_the_code_that_asks_it(html):
    start = html.text.index("Check your own network", html.text.index("What should I set? Find"))
    shown = html.text[start : html.text.index("The claims, judged", start)]
    assert "print(carousel.diagnose(lstm, batch))" in shown
    assert "Of an LSTM it says: It halves every *1.5* steps." in shown


def test_learning_stands_beside_decay(html):
    assert "Task Cell Init Forget bias Half-life Length: seeds that solved it, steps that took" in html.text
    assert "adding LSTM orthogonal 3 301 10: 2 of 3, 33; 40: 3 of 3, 30; 120: 2 of 3, 30" in html.text
    assert "adding LSTM orthogonal 0 2.01 40: 0 of 3; 120: 0 of 3" in html.text


def test_the_cost_of_every_rule_the_dearest_first(html):
    assert html.text.index("decay 14 10 min 9.83 min 60 s") < html.text.index("draw 1 12.5 s 11 s 12.5 s")
    assert "do not say" in provenance.costs(SimpleNamespace(timings=timings_table().head(0)))


def test_stability_is_a_table_where_it_was_made_and_else_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "RECORD", tmp_path / "none.csv")
    bare = SimpleNamespace(claims=claims_table(), origins={"claims.parquet": ORIGIN})
    assert "snakemake --cores N stability" in stability.stability(bare)
    other = stability_table(1, 2)
    changed = other["verdict"].mask((other["id"] == "K2") & (other["seed"] == 2), "depends")
    changed = changed.mask((other["id"] == "A2a") & (other["seed"] == 2), "inconclusive")
    data = SimpleNamespace(claims=claims_table(), stability=other.assign(verdict=changed))
    text = stability.stability(data)
    assert "Of 13 claims that every seed decides, 12 have one verdict" in text
    assert "those that do not: [K2](#K2)." in text
    assert "Decided under some seeds and open under others: [A2a](#A2a)." in text
    assert "| [K2](#K2) | [supported]{.verdict .supported} | [depends]{.verdict .depends} |" in text


def test_the_record_of_other_seeds_stands_in_for_the_table_and_names_its_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "RECORD", tmp_path / "stability.csv")
    origin = ORIGIN | {"study": ["standard", "standard-2"], "commit": ["0123abc", "9876def"], "seed": [1, 2]}
    parquet.write(stability_table(1, 2), tmp_path / "stability.parquet", origin)
    made_of = [
        sys.executable,
        str(REPORT.parent / "benchmarks/stability.py"),
        str(tmp_path / "stability.parquet"),
    ]
    subprocess.run([*made_of, "--out", str(stability.RECORD)], check=True)
    data = SimpleNamespace(claims=claims_table(), origins={"claims.parquet": ORIGIN})
    text = stability.stability(data)
    assert "under 2 seeds, of commit 0123abc and 9876def;" in text
    assert "Under seed 1 all its verdicts are those of this study." in text
    assert "| Id | Seed 1 | Seed 2 |" in text
    data.claims = claims_table().assign(
        verdict=lambda table: table["verdict"].mask(table["id"] == "K2", "refuted")
    )
    assert "are not those of the record:** [K2](#K2)." in stability.stability(data)
    unlike = {"claims.parquet": ORIGIN | {"seed": 7}}
    assert "no run under seed 7" in stability.stability(SimpleNamespace(claims=data.claims, origins=unlike))
    smoke = {"claims.parquet": ORIGIN | {"study": "smoke"}}
    assert "was not run under" in stability.stability(SimpleNamespace(claims=data.claims, origins=smoke))


def test_a_study_after_the_seals_is_added_to_the_record_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "RECORD", tmp_path / "stability.csv")
    origin = ORIGIN | {"study": ["standard", "standard-2"], "commit": ["0123abc", "9876def"], "seed": [1, 2]}
    parquet.write(stability_table(1, 2), tmp_path / "stability.parquet", origin)
    claims = claims_table()
    sealed = np.where(claims["id"] == "Q1", "after the data", "before the data")
    changed = claims["verdict"].mask(claims["id"] == "K2", "refuted").astype(claims["verdict"].dtype)
    later = ORIGIN | {"study": "standard-5", "commit": "5555fff", "seed": 5}
    parquet.write(claims.assign(sealed=sealed, verdict=changed), tmp_path / "claims.parquet", later)
    command = [sys.executable, str(REPORT.parent / "benchmarks/stability.py"), f"--out={stability.RECORD}"]
    subprocess.run([*command, str(tmp_path / "stability.parquet")], check=True)
    for _ in range(2):  # the second time it takes the place of the first
        subprocess.run([*command, f"--confirmed={tmp_path / 'claims.parquet'}"], check=True)
    record = pd.read_csv(stability.RECORD)
    assert record.groupby("seed").size().tolist() == [len(claims)] * 3
    text = stability.stability(SimpleNamespace(claims=claims, origins={"claims.parquet": ORIGIN}))
    assert "under 3 seeds, of commit 0123abc and 9876def and 5555fff;" in text
    assert f"under seed 5 was run after the rules were sealed: of {len(claims) - 1} rules" in text
    assert f"before its data, {len(claims) - 2} give the verdict" in text


def test_the_page_is_made_again_when_the_record_changes(tmp_path, monkeypatch):
    (tmp_path / "report").mkdir()
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fingerprint, "PROJECT", tmp_path)
    monkeypatch.setattr(fingerprint, "_paths", list)
    assert "benchmarks/stability.csv" not in fingerprint.report()
    (tmp_path / "benchmarks/stability.csv").touch()
    assert "benchmarks/stability.csv" in fingerprint.report()


def test_a_page_reads_the_stability_that_is_there(tmp_path, monkeypatch):
    results = make_results(tmp_path)
    monkeypatch.setenv("CAROUSEL_RESULTS", str(results))
    monkeypatch.setenv("CAROUSEL_RENDERER", "a test")
    assert not hasattr(sections.load(), "stability")
    parquet.write(stability_table(1), results / "stability.parquet", ORIGIN)
    assert len(sections.load().stability) == len(CLAIMS)


def test_a_claim_s_section_has_its_margin_and_what_would_change_it(html):
    start, end = html.text.index("K2 supported: It"), html.text.index("K3 inconclusive: This")
    here = html.text[start:end]
    assert "Margin 0.003 decades per step: a factor of 2 in 100 steps" in here
    assert "At other margins supported at half of it, depends at twice" in here
    assert "What would change it Closest to its margin: a part of K2." in here
    assert "n = 1,200 models" in here
    assert "Parts 2 parts, of 12 to 40 settings each, with 10 repetitions per setting" in here
    assert "Part Found Margin Holm’s p Opposite Settings Repetitions Decided" in here
    assert "one 0.1 [0, 0.2] 0.05 0.0001 1 12 10 holds" in here
    other = html.text[html.text.index("A1c refuted: ") : html.text.index("A1d supported: ")]
    assert "n = 1,200 By backend" in other
    assert "Margin" not in other and "At other margins" not in other and "Parts" not in other


def test_verdicts_that_depend_on_their_margin_stand_below_their_table(html):
    said = "3 of 15 claims have a margin, the least that counts as a difference. Verdicts that change: "
    assert said + "at half its margin none; at twice its margin K2 (depends)." in html.text
    assert html.text.count("over those that every backend measured") == 1


def test_what_is_left_by_route_is_a_table_before_and_after_training(html):
    start = html.text.index("All routes Gates frozen Carousel alone")
    assert (
        "PyTorch’s default init 100 −0.2 [−0.25, −0.15], kept −0.175 [−0.225, −0.125], kept"
        in html.text[start:]
    )
    assert "3 100 −0.1 [−0.15, −0.05], kept" in html.text
    assert "−0.1], kept −1.2 [−1.25, −1.15], vanished" in html.text[start:]
    assert "adding adding orthogonal 1 0 100 −4 [−4.05, −3.95], vanished" in html.text
    assert "adding adding orthogonal 1 30 100 −1 [−1.05, −0.95], unclear" in html.text
    none = SimpleNamespace(routes=routes_table().head(0))
    for made_of in (routes.defaults, routes.biases, routes.training):
        assert routes.NOTHING in made_of(none)


def test_a_slice_that_trains_by_two_gradients_repeats_others_and_is_left_out():
    table = routes_table()
    again = table[table["trained"].astype(str) == "adding"].assign(slice="truncated")
    both = pd.concat([table, again, again.assign(gradient="truncated")], ignore_index=True)
    said = routes.training(SimpleNamespace(routes=both))
    assert said == routes.training(SimpleNamespace(routes=table))
    assert "truncated" not in said and "| adding | adding | orthogonal |" in said


def test_depth_is_a_sentence_and_a_table_against_a_single_layer(html):
    start = html.text.index(
        "Depth helps where at least twice as much of the gradient arrives at the lowest of 2 layers"
    )
    said = [
        "Plain stacks: 10 steps back it helps in 0 of 1 settings and hurts in 1 (median gain: −1 decades); "
        "30 steps back it helps in 0 of 1 settings and hurts in 0 (median gain: 0 decades).",
        "With residual connections: 10 steps back it helps in 1 of 1 settings and hurts in 0 (median gain: 0.6",
        "Setting Lag 1 layer 2 layers 2 layers, residual",
        "LSTM, bias 1, orthogonal init 10 −1 −2, less −0.4, more",
        "LSTM, bias 1, orthogonal init 30 −3 −3, the same −1.4, more",
    ]
    assert [text for text in said if text not in html.text[start:]] == []
    wider = pd.concat([depth_table(), depth_table().assign(hidden=64, drive="1")], ignore_index=True)
    lines = depth.by_stack(against_one(wider.query("backend == 'numpy'")))
    for more in ("drive 0\\.25\\, hidden size 32", "drive 1\\, hidden size 64"):
        assert lines.count(more) == 2
    alone = depth_table().query("layers == 1")
    assert (
        depth.depth(SimpleNamespace(depth=alone)) == "This study did not measure stacks beside single layers."
    )


def test_every_slice_says_what_it_is_for(html):
    start = html.text.index("Slice What it varies Claims Sections")
    rows = [f"grid cell (3) and forget bias (2) {', '.join(CLAIMS)} recommended, explorer, decay, routes, jacobian",
            "adding length (2) none explorer, routes, learning",
            "spectrum nothing none exponents, gates, factors",
            "stacks layers (2) and residual connections (2) none depth"]  # fmt: skip
    assert [row for row in rows if row not in html.text[start:]] == []
    alone = slices.of_claims(claims_table().assign(slices="").replace({"slices": {"": "one two"}}).head(1))
    assert alone == {"one": ["Q1"], "two": ["Q1"]}


def test_changes_after_a_verdict_was_seen_are_listed_with_their_commits(html):
    assert set(history.then()) == {name for name, claim in ALL_CLAIMS.items() if claim.who != "this study"}
    start = html.text.index("What was changed Seen before Commit Effect on verdicts")
    assert "With signed ranks A4c is inconclusive" in html.text[start:]
    assert (
        "12 of 15 verdicts are those of the standard study at 6fae06c; others: Q2 (depends, now refuted), "
        in html.text
    )
    now = history.then() | {"A2d": "depends"}
    assert history.moved("A1c A2d", now) == "A2d: refuted, now depends."
    assert history.moved("A1c", now) == "None."
    assert history.summary(history.then()) == "31 of 31 verdicts are those of the standard study at 6fae06c."


@pytest.mark.parametrize("change", [*history.EARLIER, *history.SINCE], ids=lambda change: change.what[:30])
def test_a_change_names_claims_and_commits_that_there_are(change):
    assert set(change.claims.split()) <= set(ALL_CLAIMS)
    assert change.commits and all(re.fullmatch("[0-9a-f]{7}", commit) for commit in change.commits.split())
    git = ["git", "-C", str(REPORT.parent)]
    whole = subprocess.run([*git, "cat-file", "-e", f"{history.BEFORE}^{{commit}}"], capture_output=True)
    if whole.returncode:
        pytest.skip("no history here")
    for commit in change.commits.split():
        subprocess.run([*git, "merge-base", "--is-ancestor", commit, "HEAD"], check=True)


def predictions_before() -> dict[str, str]:
    """The predictions of the claims at history.BEFORE; none without the history of the repository."""
    git = ["git", "-C", str(REPORT.parent)]
    listed = [*git, "ls-tree", "-r", "--name-only", history.BEFORE, "src/carousel/claims/"]
    files = subprocess.run(listed, capture_output=True, text=True).stdout.split()
    found = {}
    for file in [file for file in files if file.endswith(".py")]:
        source = subprocess.run(
            [*git, "show", f"{history.BEFORE}:{file}"], capture_output=True, text=True
        ).stdout
        calls = (
            [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
            if file[-3:] == ".py"
            else []
        )
        given = [{each.arg: each.value for each in call.keywords} for call in calls]
        claims = [each for each in given if {"id", "prediction"} <= set(each)]
        found |= {ast.literal_eval(each["id"]): ast.literal_eval(each["prediction"]) for each in claims}
    return found


def test_a_prediction_that_was_written_anew_says_so(html):
    assert history.dated("A1c") and not history.dated("A1a")
    section = html.text[html.text.index("A1c refuted: ") : html.text.index("A1d supported: ")]
    assert "Predicted depends: on the forget bias (written after a first verdict had been seen)" in section
    before = predictions_before()
    if not before:
        pytest.skip("no history here")
    assert len(before) == 31
    anew = [name for name, claim in ALL_CLAIMS.items() if claim.prediction != before.get(name)]
    assert sorted(anew) == sorted(history.REWRITTEN.split())


def test_the_explorer_s_data_cannot_end_its_element():
    assert explorer.script('{"a":"</script><b>"}', "x").count("</script>") == 1
    text = '{"a":"</script>"}\n'
    inside = re.fullmatch(r"<script[^>]*>([^<]*)</script>", explorer.packed(text, "x"))[1]
    assert gzip.decompress(base64.b64decode(inside)).decode() == text.strip()
    empty = SimpleNamespace(explorer={"settings": []})
    assert explorer.explorer(empty) == "This study has no curve to explore."
    assert json.loads(made_by_explore()[0])["settings"]


def test_names_in_words_are_of_what_there_is_and_a_new_cell_has_its_own():
    assert set(names.CELLS) <= set(CELLS_OF_THE_PACKAGE)
    assert set(names.INITS) <= set(INITS)
    assert all(len(set(table.values())) == len(table) for table in (names.CELLS, names.INITS))
    said = [names.forget_bias(value) for value in ("1", "chrono", "chrono:1000", "none")]
    assert said == ["1", "chrono", "chrono for 1,000 steps", "none"]
    assert (names.cell("mine"), names.init("mine")) == ("mine", "mine")


class Shown(HTMLParser):
    """The text of a page that is neither code nor mathematics' source; of its sections all but `LEFT_OUT`."""

    LEFT_OUT = {"provenance"}  # names packages and files
    NOT_READ = {"code", "pre", "script", "style", "annotation"}

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in self.NOT_READ:
            self.open.append(tag)
        if tag == "section":
            self.open.append(dict(attrs).get("id") or tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.NOT_READ | {"section"}:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {*self.open} & (self.LEFT_OUT | self.NOT_READ):
            self.words.append(data)


def test_no_name_of_the_tables_is_shown_outside_code(made):
    plain = {"identity", "orthogonal", "sparse", "critical", "digits", "mamba"}  # words, too
    ids = {*CELLS_OF_THE_PACKAGE, *INITS, *BACKENDS} - plain
    words = re.findall(r"\w+", " ".join(Shown(made).words))
    assert len(words) > 5000
    assert sorted({word for word in words if word in ids or re.search(r"[a-z]_[a-z]", word)}) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("loss_state", "gradient by the state"), ("loss_h", "gradient by h"), ("jacobian_spec_cc", "spectral norm of the "
     "Jacobian, c to c"), ("jacobian_fro", "Frobenius norm of the Jacobian"), ("my_own", "my own")],
)  # fmt: skip
def test_quantities_in_words(name, said):
    assert names.quantity(name) == said


def test_names_of_slices_and_values_in_words():
    assert names.spelled("climb_lstm") == "climb LSTM" and names.spelled("relu_dead") == "ReLU dead"
    assert names.value("cell", "lstm97") == "LSTM of 1997" and names.value("task", "copy_two") == "copy two"
    assert names.value("backend", "torch") == "PyTorch" and names.value("hidden", "32") == "32"
    assert all(re.search(r"[a-z]_[a-z]", names.quantity(entry.name)) is None for entry in QUANTITIES)


@pytest.mark.parametrize(
    ("text", "said"),
    [("h_t = sigma(w h_{t-1}), w^n", r"*h*~t~ \= σ\(w *h*~t−1~\)\, w^n^"),
     ("w sigma'(w h): 0.224^n", r"w σ′\(w h\)\: 0\.224^n^"),
     ("10^−2.5 and 3.94e−13, 1e-9", r"10^−2\.5^ and 3\.94 × 10^−13^\, 10^−9^"),
     ("w_in w^(k-1)", "*w*~in~ w^k−1^"),
     ("Keras's gates' slopes", "Keras’s gates’ slopes")],
)  # fmt: skip
def test_mathematics_is_set_as_such(text, said):
    assert markup.prose(text) == said


def test_learning_rates_are_those_chosen_and_say_how_many_are_at_an_end():
    rows = [
        {"slice": "climb", "task": task, "cell": "lstm", "learning_rate": rate, "length": 20, "repetition": seed,
         "chosen": rate == best}
        for task, best in (("adding", 0.01), ("copy", 0.1)) for rate in (0.001, 0.01, 0.1) for seed in (-1, -2)
    ]  # fmt: skip
    said = tuning.tuning(SimpleNamespace(tuning=pd.DataFrame(rows)))
    assert "Chosen of 0.001, 0.01, 0.1, on sequences of 20 steps and 2 seeds" in said
    assert "1 of 2 choices are at an end" in said
    assert "| climb | LSTM | 0.01 | 0.1 |" in said
    assert "none was chosen" in tuning.tuning(SimpleNamespace())
