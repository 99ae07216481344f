"""The texts of figures: every number is a table's, titles are of today's verdict alone, and all are short."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.names import CELLS, INITS
from carousel.claims import CLAIMS
from carousel.report.figures.draw import FIGURES, PICTURES
from carousel.report.page import figure_texts
from carousel.report.page.figure_texts import DRAWN, LONGEST, texts
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
    "Q1": ["100", "5.0", "5.2"], "Q2": ["1.8"], "K1": ["100", "10⁻²⁰", "10⁻⁸"], "K2": ["0.42"],
    "K3": ["3", "4", "0", "1"], "A1a": ["10⁻¹⁰"], "A1b": ["0.80", "1.61"], "A1c": ["4.1"], "A1d": ["10⁻¹¹"],
    "A1e": ["100", "5.1"], "A1f": ["10⁻³⁹"], "A1g": ["0", "10⁻⁵", "100"], "A1h": ["0.71", "1.52"],
    "A1i": ["1.33"], "A1j": ["2.2"], "A2a": ["1.04"], "A2b": ["10⁻¹²"], "A2c": ["0.99995"], "A2d": ["0.997"],
    "A2e": ["0.277", "0.224"], "A2f": ["1.36", "1.49"], "A2g": ["3"], "A3a": ["10⁻¹⁶"],
    "A3b": ["1", "0.15", "0.93"], "A4a": ["1997"], "A4b": ["1"], "A4c": ["25", "1997", "98"],
    "A4d": ["1.0", "1.7"], "A4e": ["0.13"], "A4f": ["100", "4.9"], "A4g": ["1.37", "1.58"], "M1": ["5", "7"],
    "M2": ["3.1", "3.9"], "M3": ["10⁻²⁸"],
}  # fmt: skip
NUMBER = re.compile(r"10[⁻⁰¹²³⁴-⁹]+|\d+(?:\.\d+)?")
NAMES = re.compile(
    rf"[{{}}]|\bnan\b|\binf\b|\b(?:{'|'.join(k for k in (*CELLS, *INITS) if '_' in k or k in ('lstm', 'gru', 'lstm97'))}"
    r"|irnn|copy_two|loss_state|cec|torch|keras|numpy)\b"
)


@pytest.fixture
def data() -> SimpleNamespace:
    """Tables with every number that the titles need; a second backend has others."""
    parts = pd.DataFrame(PARTS, columns=["id", "part", "effect", "state"]).assign(
        settings=3.0, repetitions=10.0
    )
    ends = pd.DataFrame(THRESHOLDS, columns=["id", "part", "effect"]).assign(repetitions=10.0)
    own = pd.concat([parts, ends], ignore_index=True)
    claims = pd.DataFrame(
        {"id": [*CLAIMS], "n": 1234, "effect": [EFFECTS.get(name, np.nan) for name in CLAIMS]}
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
    assert {*DRAWN} == {*FIGURES, *PICTURES}
    assert {*TITLES} == {*SAID} == {*CLAIMS}
    assert {*PICTURE_TEXTS} == {"story", *PICTURES}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_title_has_the_numbers_of_the_tables_and_no_others(data, claim):
    title = texts(data, claim).title
    assert title != DRAWN[claim].title
    assert NUMBER.findall(title) == SAID[claim]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("word", WORDS)
def test_texts_are_short_and_in_words_whatever_the_verdict(data, claim, word):
    data.claims["verdict"] = word
    found = texts(data, claim)
    assert (found.title == DRAWN[claim].title) == (word not in TITLES[claim])
    assert len(found.alt) <= LONGEST
    for text in found:
        assert not NAMES.search(text.replace(DRAWN[claim].source, "")), text
        assert max(len(sentence.split()) for sentence in re.split(r"(?<=[.;:]) ", text)) <= 35, text
    assert found.alt.endswith(".")
    assert found.caption.endswith(DRAWN[claim].source)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_study_that_lacks_the_numbers_names_what_is_drawn(data, claim):
    empty = SimpleNamespace(evidence=data.evidence.head(0), routes=data.routes.head(0),
                            claims=data.claims.assign(effect=np.nan, n=0))  # fmt: skip
    found = texts(empty, claim)
    assert found.title == DRAWN[claim].title or not NUMBER.findall(found.title.replace("1997", ""))
    assert found.caption == f"{DRAWN[claim].read} Source: {DRAWN[claim].source}"


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
    assert texts(data, claim).title == DRAWN[claim].title


def test_defaults_that_keep_their_gradient_are_not_said_to_lose_it(data):
    data.routes.loc[data.routes["slice"] == "libraries", "left"] = -0.2
    assert texts(data, "K1").title == DRAWN["K1"].title
    data.routes.loc[data.routes["path"] == "cell", "left"] = -20.6
    assert texts(data, "A1g").title == DRAWN["A1g"].title


def test_n_is_settings_by_repetitions_and_models_where_there_are_none(data):
    assert (
        figure_texts.judged(data, "M1") == "n = 3 settings × 10 repetitions in each of 7 parts of the verdict"
    )
    data.evidence.loc[data.evidence["part"] == "part 0", "settings"] = 2000.0
    assert "n = 3 to 2\u202f000 settings × 10 repetitions" in texts(data, "M1").caption
    data.evidence.loc[data.evidence["id"] == "A1a", ["settings", "repetitions"]] = np.nan
    assert "n = 1,234 models." in texts(data, "A1a").caption
