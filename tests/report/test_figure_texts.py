"""The texts of figures: every number is a table's, titles are of today's verdict alone, and all are short."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from support.report_results import depth_table

from carousel.analysis.names import CELLS, INITS
from carousel.analysis.stats.slopes import STEADY
from carousel.claims import CLAIMS
from carousel.report.figures.draw import FIGURES, PICTURES
from carousel.report.page import figure_texts
from carousel.report.page.figure_captions import BROUGHT, CAPTIONS
from carousel.report.page.figure_texts import LONGEST, texts
from carousel.report.page.figure_titles import TITLES
from carousel.report.page.picture_titles import PICTURE_TEXTS

WORDS = ("supported", "refuted", "depends", "inconclusive")
THRESHOLDS = [  # claim, part, value
    ("Q1", "threshold over 100 steps: one", 5.01), ("Q1", "threshold over 100 steps: two", 5.23),
    ("Q1", "threshold over 10 steps: one", 2.7), ("Q2", "the total stops vanishing: one", 1.81),
    ("Q2", "the total stops vanishing: two", np.inf),
    ("K2", "beyond its margin against the tanh RNN: orthogonal init", 0.419),
    ("A1b", "slopes begin to lead, tanh RNN: orthogonal init", 0.796),
    ("A1b", "weights lead again, tanh RNN: orthogonal init", 1.608),
    ("A1e", "threshold over 100 steps: one", 5.12), ("A1h", "slopes begin to lead, tanh RNN: one", 0.71),
    ("A1h", "weights lead again, tanh RNN: one", 1.52), ("A1i", "a loss ends, ReLU RNN: one", 1.33),
    ("A2a", "beyond its margin against the tanh RNN: orthogonal init", 1.04),
    ("A2f", "a loss ends, ReLU RNN: one", 1.36), ("A2f", "a loss ends, tanh RNN: one", 1.49),
    ("A2f", "a loss ends, sigmoid RNN: one", np.inf), ("A4d", "the affine map stops shrinking: one", 0.99),
    ("A4d", "the affine map stops shrinking: two", 1.72),
    ("A4f", "truncated threshold over 100 steps: one", 4.94), ("A4g", "a loss ends, ReLU RNN: one", 1.37),
    ("A4g", "a loss ends, tanh RNN: one", 1.58), ("A4g", "a loss ends, sigmoid RNN: one", 1.97),
    ("M2", "a tenth along the carousel: one", 3.13), ("M2", "a tenth along the carousel: two", 3.91),
]  # fmt: skip
PARTS = [  # claim, part, effect, state
    ("A1a", "all", 3e-11, "holds"), ("A1d", "LSTM", -2e-12, "holds"), ("A2b", "chains", 5e-13, "holds"),
    ("A3a", "all", 0.0, "holds"), ("A1b", "sigmoid RNN networks", -0.5, "fails"),
    ("A1h", "slopes cost more than weights in sigmoid RNN networks", 0.6, "holds"),
    ("A2e", "maximum", 0.2239, "holds"), ("A2e", "rate", 0.2774, "fails"),
    *(("K3", f"adding, LSTM at forget bias {k}", 1.0, "holds" if k else "unclear") for k in range(4)),
    ("K3", "copy two, LSTM with chrono biases", -1.0, "fails"),
    ("K3", "copy two, LSTM at forget bias 0 and tanh RNN by what is left", 1.0, "holds"),
    ("K3", "adding, rank correlation of what is left with the length", 0.9, "holds"),
    ("A2g", "chain rule", 1e-13, "holds"), ("A2g", "at the start, LSTM at forget bias 3", 0.03, "fails"),
    ("A2g", "in the middle, LSTM at forget bias 3", 0.03, "fails"), ("A2g", "at the start, tanh RNN", 0.0, "holds"),
    ("A3b", "direction of the state's gradient, LSTM at forget bias 1", 0.152, "mixed"),
    ("A3b", "direction of the state's gradient, LSTM with chrono biases", 0.934, "holds"),
    ("A4c", "LSTM of 1997 at the start", 0.25, "fails"), ("A4c", "LSTM with chrono biases at the start", 0.98, "holds"),
    *(("M1", f"part {k}", -0.5, "holds" if k < 5 else "unclear") for k in range(7)),
]  # fmt: skip
EFFECTS = {"A1c": -4.13, "A1f": -38.9, "A1j": 2.21, "A2c": 0.99995, "A2d": 0.9968, "A4b": 1.0, "A4e": 0.129,
           "M3": -28.4}  # fmt: skip
SAID = {  # claim -> the numbers that its title has to have, and no others
    "Q1": ["100", "5.0", "5.2"], "Q2": ["10", "100", "1.8"], "K1": ["100", "10⁻²⁰", "10⁻⁸"], "K2": ["0.42"],
    "K3": ["3", "4", "0", "1"], "A1a": ["10⁻¹⁰"], "A1b": ["0.80", "1.61"], "A1c": ["4.1"], "A1d": ["10⁻¹¹"],
    "A1e": ["100", "5.1"], "A1f": ["10⁻³⁹"], "A1g": ["0", "10⁻⁵", "100"], "A1h": ["0.71", "1.52"],
    "A1i": ["1.33"], "A1j": ["2.2"], "A2a": ["1.04"], "A2b": ["10⁻¹²"], "A2c": ["0.99995"], "A2d": ["0.997"],
    "A2e": ["0.277", "0.224"], "A2f": ["1.36", "1.49"], "A2g": ["3"], "A3a": ["10⁻¹⁶"],
    "A3b": ["1", "0.15", "0.93"], "A4a": ["1997"], "A4b": ["1"], "A4c": ["25", "1997", "98"],
    "A4d": ["1.0", "1.7"], "A4e": ["0.13"], "A4f": ["100", "4.9"], "A4g": ["1.37", "1.58"], "M1": ["5", "7"],
    "M2": ["3.1", "3.9"], "M3": ["10⁻²⁸"],
}  # fmt: skip
NUMBER = re.compile(r"10[⁻⁰¹²³⁴-⁹]+|\d+(?:\.\d+)?")
IDS = [
    name
    for name in (*CELLS, *INITS)
    if "_" in name or name in ("lstm", "gru", "lstm97", "irnn", "torch", "keras")
]
NAMES = re.compile(rf"[{{}}]|\b(?:nan|inf|{'|'.join(IDS)}|copy_two|loss_state|cec|numpy)\b")


@pytest.fixture
def data() -> SimpleNamespace:
    """Tables with every number that the titles need; a second backend has others."""
    parts = pd.DataFrame(PARTS, columns=["id", "part", "effect", "state"]).assign(
        settings=3.0, repetitions=10.0
    )
    ends = pd.DataFrame(THRESHOLDS, columns=["id", "part", "effect"]).assign(repetitions=10.0)
    own = pd.concat([parts, ends], ignore_index=True)
    claims = pd.DataFrame(
        {
            "id": [*CLAIMS],
            "kind": [claim.kind for claim in CLAIMS.values()],
            "n": 1234,
            "effect": [EFFECTS.get(name, np.nan) for name in CLAIMS],
        }
    )
    words = {name: next(iter(TITLES[name])) for name in CLAIMS}
    return SimpleNamespace(
        evidence=pd.concat([own.assign(backend="numpy"), own.assign(backend="torch", effect=77.7, state="mixed")]),
        claims=claims.assign(verdict=claims["id"].map(words)), routes=routes(),
    )  # fmt: skip


def routes() -> pd.DataFrame:
    """What is left with two libraries' defaults, and by route at forget bias 0."""
    one = {"cell": "lstm", "trained": "no", "lag": 100, "length": 1000, "quantity": "loss_state", "path": "full",
           "backend": "numpy", "forget_bias": "0"}  # fmt: skip
    each = [("libraries", "torch", "full", -20.3), ("libraries", "keras", "full", -8.1),
            ("reach", "torch", "full", -20.5), ("reach", "torch", "cell", -25.2)]  # fmt: skip
    return pd.DataFrame([one | {"slice": s, "init": i, "path": p, "left": left} for s, i, p, left in each])


def test_every_figure_has_its_texts():
    assert {*CAPTIONS} == {*FIGURES, *PICTURES}
    assert {*TITLES} == {*SAID} == {*CLAIMS}
    assert {*PICTURE_TEXTS} == {"story", *PICTURES}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_title_has_the_numbers_of_the_tables_and_no_others(data, claim):
    title = texts(data, claim).title
    assert title != CAPTIONS[claim].drawn
    assert NUMBER.findall(title) == SAID[claim]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("word", WORDS)
def test_texts_are_short_and_in_words_whatever_the_verdict(data, claim, word):
    data.claims["verdict"] = word
    found = texts(data, claim)
    assert (found.title == CAPTIONS[claim].drawn) == (word not in TITLES[claim])
    assert len(found.alt) <= LONGEST
    for text in found:
        assert text == found.source or not NAMES.search(text), text
        assert max(len(sentence.split()) for sentence in re.split(r"(?<=[.;:]) ", text)) <= 35, text
    assert found.alt.endswith(".")
    assert found.source == f"Source: {CAPTIONS[claim].source}."


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_study_that_lacks_the_numbers_names_what_is_drawn(data, claim):
    empty = SimpleNamespace(evidence=data.evidence.head(0), routes=data.routes.head(0),
                            claims=data.claims.assign(effect=np.nan, n=0))  # fmt: skip
    found = texts(empty, claim)
    assert found.title == CAPTIONS[claim].drawn or not NUMBER.findall(found.title.replace("1997", ""))
    assert found.caption == CAPTIONS[claim].read


@pytest.mark.parametrize(
    ("claim", "part", "change"),
    [
        ("A1b", "sigmoid RNN networks", {"state": "mixed"}),
        ("A3b", "direction of the state's gradient, LSTM at forget bias 1", {"effect": 0.9}),
        ("A4c", "LSTM of 1997 at the start", {"effect": 0.99}),
    ],
)
def test_a_title_that_the_numbers_do_not_bear_is_not_given(data, claim, part, change):
    here = (data.evidence["id"] == claim) & (data.evidence["part"] == part)
    data.evidence.loc[here, list(change)] = list(change.values())
    assert texts(data, claim).title == CAPTIONS[claim].drawn


def test_defaults_that_keep_their_gradient_are_not_said_to_lose_it(data):
    data.routes.loc[data.routes["slice"] == "libraries", "left"] = -0.2
    assert texts(data, "K1").title == CAPTIONS["K1"].drawn
    data.routes.loc[data.routes["path"] == "cell", "left"] = -20.6
    assert texts(data, "A1g").title == CAPTIONS["A1g"].drawn


def test_a_claim_from_a_file_has_texts_too(data):
    data.evidence = pd.concat([data.evidence, data.evidence[data.evidence["id"] == "M1"].assign(id="X1")])
    found = texts(data, "X1")
    assert found.title == BROUGHT.drawn
    assert "3 settings × 10 repetitions in each of 7 parts" in found.caption
    assert found.alt == f"{BROUGHT.drawn}."


def test_n_is_settings_by_repetitions_and_models_where_there_are_none(data):
    assert (
        figure_texts.judged(data, "M1") == "The verdict: n = 3 settings × 10 repetitions in each of 7 parts"
    )
    data.evidence.loc[data.evidence["part"] == "part 0", "settings"] = 2000.0
    assert "n = 3 to 2,000 settings × 10 repetitions" in texts(data, "M1").caption
    data.evidence.loc[data.evidence["id"] == "A1a", ["settings", "repetitions"]] = np.nan
    assert "n = 1,234 models." in texts(data, "A1a").caption
    data.claims.loc[data.claims["id"] == "A1a", "kind"] = "existence, universal"
    assert "n = 1,234 searched." in texts(data, "A1a").caption


ONE = {"backend": "numpy", "init": "orthogonal", "gain": 1.0, "bias": 0.0, "drive": "0.25", "hidden": 2, "length": 100,
       "trained": "no", "step": 0, "gradient": "none", "slice": "spectrum"}  # fmt: skip


def exponents(near: int) -> pd.DataFrame:
    """Four exponents of an LSTM of 1997 with two memory cells, of which so many are near zero, in no order."""
    values = [-0.6, *[0.5 * STEADY, -0.5 * STEADY, 0.9 * STEADY][:near], *[-0.8] * (3 - near)]
    own = [ONE | {"cell": "lstm97", "forget_bias": "none", "quantity": "lyapunov", "repetition": r, "value": v}
           for r in range(3) for v in values]  # fmt: skip
    other = [
        ONE | {"cell": "lstm", "forget_bias": "0", "quantity": "lyapunov", "repetition": 0, "value": 0.0}
    ]
    return pd.DataFrame(own + other)


def phases(lowest: float) -> pd.DataFrame:
    """Rates of an LSTM that rise with gain and bias: ``lowest`` at the middle bias and the lowest gain."""
    rates = {("0.5", 0.0): -0.2, ("0.5", 1.0): lowest, ("0.5", 2.0): 0.01, ("2", 0.0): -0.1, ("2", 1.0): 0.02,
             ("2", 2.0): 0.02}  # fmt: skip
    one = {"slice": "phase", "quantity": "loss_state", "path": "full", "trained": "no", "backend": "numpy",
           "cell": "lstm", "law": "", "theory": np.nan, "repetitions": 4}  # fmt: skip
    return pd.DataFrame(
        [one | {"gain": float(g), "forget_bias": f"{b:g}", "rate": rate} for (g, b), rate in rates.items()]
    )


def openings(after: float) -> pd.DataFrame:
    """How far forget gates are open before and after training: quantiles, of which the median is 0.731 before."""
    one = ONE | {"cell": "lstm", "forget_bias": "1", "trained": "adding", "gradient": "full", "slice": "adding",
                 "quantity": "gate_f", "axis": "all", "repetition": 0}  # fmt: skip
    return pd.DataFrame(
        [one | {"step": step, "quantile": q, "value": middle + 0.2 * (q - 0.5)}
         for step, middle in ((0, 0.731), (100, 0.5), (300, after)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
    )  # fmt: skip


def runs() -> pd.DataFrame:
    """Settings that lose 2, 5, 8 and 9 decades on their way, of which the first and the third are solved."""
    return pd.DataFrame({"task": "adding", "cell": "lstm", "length": 10, "seeds": [5, 5, 10, 10],
                         "rate": [-0.2, -0.5, -0.8, -0.9], "share": [1.0, 0.2, 0.5, 0.4]})  # fmt: skip


def gaps() -> pd.DataFrame:
    """Three settings whose rates are 0, 2e-4 and 0.3 off theory, and one without a finite rate."""
    rate = np.array([-0.1, -0.1 - 2e-4, -0.4, -np.inf])
    return pd.DataFrame({"law": "isometry", "trained": "no", "quantity": "loss_state", "backend": "numpy",
                         "rate": rate, "theory": [-0.1, -0.1, -0.1, -0.1], "repetitions": [2, 3, 2, 2]})  # fmt: skip


def shown() -> pd.DataFrame:
    """What is left in three networks at lag 100."""
    one = ONE | {"slice": "grid", "init": "torch", "quantity": "loss_state", "path": "full", "lag": 100,
                 "hidden": 32, "repetitions": 7}  # fmt: skip
    each = [("rnn_tanh", "none", -31.9), ("lstm", "0", -22.03), ("lstm", "chrono", -0.5)]
    return pd.DataFrame([one | {"cell": c, "forget_bias": b, "left": left} for c, b, left in each])


@pytest.mark.parametrize(
    ("name", "table", "rows", "numbers", "n"),
    [
        ("exponents", "dynamics", exponents(2), ["1997", "2", "2", "4"], "Medians of 3 repetitions"),
        ("phase", "summary", phases(-0.1), ["2"], "6 settings × 4 repetitions"),
        ("gates", "dynamics", openings(0.62), ["1", "73", "62"], "Medians of 1 repetition"),
        ("learned", "learned", runs(), ["8"], "4 settings and lengths × 5 to 10 seeds"),
        ("theory", "summary", gaps(), ["3", "10⁻³"], "3 settings × 2 to 3 repetitions"),
        ("story", "routes", shown(), ["100", "10⁻³²", "10⁻²²", "0", "32"], "Medians of 7 repetitions"),
        ("depth", "depth", depth_table(), ["2", "1", "1", "30"], "Medians of"),
    ],
)  # fmt: skip
def test_a_picture_s_title_has_the_numbers_of_its_table(name, table, rows, numbers, n):
    found = texts(SimpleNamespace(**{table: rows}), name)
    assert NUMBER.findall(found.title) == numbers
    assert found.title != CAPTIONS[name].drawn
    assert n in found.caption
    assert len(found.alt) <= LONGEST
    assert not NAMES.search(f"{found.title} {found.caption} {found.alt}")
    assert max(len(sentence.split()) for sentence in re.split(r"(?<=[.;:]) ", found.caption)) <= 35


@pytest.mark.parametrize(
    ("name", "table", "rows"),
    [
        ("exponents", "dynamics", exponents(3)),  # more near zero than memory cells
        ("exponents", "dynamics", exponents(1)),
        ("phase", "summary", phases(-0.1).query("forget_bias != '2'")),  # no bias from which on none decays
        ("gates", "dynamics", openings(0.6).query("step == 0")),
        ("learned", "learned", runs().head(3)),  # the setting that loses most is solved
        ("theory", "summary", gaps().tail(1)),
        ("story", "routes", shown().head(2)),
    ],
)
def test_a_picture_without_its_finding_says_what_is_drawn(name, table, rows):
    assert texts(SimpleNamespace(**{table: rows}), name).title == CAPTIONS[name].drawn
