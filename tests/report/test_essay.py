"""The essay and the first screen: every number is a table's, and what is not true today is not said."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.text import share
from carousel.claims import CLAIMS as ALL_CLAIMS
from carousel.claims.judge import NOTHING
from carousel.claims.rules import INCONCLUSIVE
from carousel.report.page import brief, essay, glossary, mechanism, opening, paragraphs
from carousel.report.page.contents import SECTIONS, contents
from carousel.report.page.facts import Lacking, evidence, route, states, threshold
from carousel.report.page.figure_captions import CAPTIONS
from carousel.report.page.findings import FINDINGS, finding
from carousel.report.page.findings_otherwise import OTHERWISE
from carousel.report.page.thresholds import thresholds, window
from carousel.report.page.vanished import counted_twice

LEFT = {  # forget bias -> decades left at lag 100 by all routes, with the gates fixed, along the carousel
    "0": (-20.5, -20.1, -25.2), "1": (-8.0, -7.6, -11.4), "2": (-2.5, -2.7, -4.9),
    "3": (-1.4, -1.5, -2.6), "chrono": (-0.42, -0.43, -0.44),
}  # fmt: skip
KEPT = {"0": 0.5, "1": 0.73, "2": 0.88, "3": 0.95, "chrono": 0.99}  # per step, of the product of forget gates
ENTERED = {"0": -2.2, "1": -1.1, "2": -0.9, "3": -0.9, "chrono": -0.1}  # decades left at lag 10 by all routes
COSINES = {"0": 0.5, "1": 0.625, "2": 0.75, "3": 0.875, "chrono": 1.0}  # with the gates fixed, at lag 100
DEFAULTS = {"torch": -20.3, "keras": -8.1, "flax": -19.7}
VERDICTS = {
    "Q1": "depends", "Q2": "depends", "K1": "refuted", "K2": "depends", "K3": "supported", "A1b": "depends",
    "A1d": "supported", "A1e": "depends", "A2a": "depends", "A4g": "depends", "M1": "depends", "M2": "depends",
    "M3": "refuted",
}  # fmt: skip
PARTS = [  # claim, part, effect, state, share, reverse, settings
    ("A1d", "all", 3e-12, "holds", np.nan, np.nan, np.nan),
    ("A1e", "threshold over 100 steps: one init", 4.97, None, np.nan, np.nan, np.nan),
    ("A1e", "threshold over 100 steps: another", 5.23, None, np.nan, np.nan, np.nan),
    ("A1e", "threshold over 10 steps: one init", 2.6, None, np.nan, np.nan, np.nan),
    *(
        ("M1", f"part {k}", -0.5, "holds" if k < 7 else "fails" if k < 9 else "unclear", 1, 0, 1)
        for k in range(11)
    ),
    ("M2", "a tenth along the carousel: one", 3.13, None, np.nan, np.nan, np.nan),
    ("M2", "a tenth along the carousel: two", np.inf, None, np.nan, np.nan, np.nan),
    ("K2", "LSTM at drive 0.25 against sigmoid RNN", 59.0, "holds", 1.0, 0.0, 48),
    ("K2", "LSTM at drive 0.25 against tanh RNN", 6.0, "mixed", 0.7, 0.25, 80),
    ("K2", "LSTM at drive 0.25 against ReLU RNN", 11.0, "mixed", 0.7, 0.1, 70),
    ("K2", "beyond its margin against the tanh RNN: orthogonal init", 0.419, None, np.nan, np.nan, np.nan),
    ("A2a", "beyond its margin against the tanh RNN: orthogonal init", 1.036, None, np.nan, np.nan, np.nan),
    ("A2a", "PyTorch's default LSTM against its tanh RNN", np.log10(1.25), "fails", np.nan, np.nan, np.nan),
    ("A2a", "Flax's default LSTM against its tanh RNN", 0.0, "fails", np.nan, np.nan, np.nan),
    ("A2a", "Flax's default LSTM against its ReLU RNN", -1.0, "fails", np.nan, np.nan, np.nan),
    ("A2f", "ReLU RNN, some other init, gain 1", 7.1, "holds", np.nan, np.nan, np.nan),
    ("A2f", "tanh RNN, some other init, gain 1", 8.1, "holds", np.nan, np.nan, np.nan),
    ("A1b", "slopes begin to lead, tanh RNN: orthogonal init", 0.796, None, np.nan, np.nan, np.nan),
    ("A1b", "weights lead again, tanh RNN: orthogonal init", 1.608, None, np.nan, np.nan, np.nan),
    ("A4g", "a loss ends, tanh RNN: orthogonal init", 1.582, None, np.nan, np.nan, np.nan),
    ("A4g", "a loss ends, ReLU RNN: orthogonal init", 1.37, None, np.nan, np.nan, np.nan),
]
AHEAD = (
    "At drive 0.25 the RNN has more left by the median (in every repetition) in: 9 (7) of 70 settings, against the "
    "ReLU RNN; 0 (0) of 48 settings, against the sigmoid RNN; 22 (20) of 80 settings, against the tanh RNN."
)
SAID = {  # question -> numbers that its answer has to have, as it writes them
    "carries": [
        "10⁻¹¹",
        "50.0\N{NO-BREAK SPACE}%",
        "73.0\N{NO-BREAK SPACE}%",
        "10⁻³⁰",
        "norms, 10⁻²⁵",
        "5.0 to 5.2",
    ],
    "slopes": [
        "after 100 steps (30 in trained networks), within a factor of two, in 7 of 11 parts",
        "2 differ, and there freezing leaves less: the slopes help; 2 are undecided, 0 of them after training",
        "After 1,000 steps it is so in 0 of 1 setting of the LSTM. ",
        "Of the others, all at fixed biases from 1 to 1 (where 1 were tried), freezing leaves more in 1 and less in 0",
        "0.50 to 0.88 at lag 100 and 0.25 to 0.75 at lag 300",
    ],
    "routes-taken": [
        "10⁻¹¹",
        "10⁻⁸",
        "10⁻⁸ (PyTorch’s default init). Those that pass no gate leave 10⁻⁸",
        "3.1 on, on 1 of 2 lines along the bias (on 1 above what was tried)",
        share(-0.42),
        share(-0.44),
        "10⁻³⁹ of its part",
    ],
    "vanishing": [
        "10⁻²⁰",
        "10⁻⁸",
        share(-0.75),
        share(-1.4),
        share(-0.42),
        "1,000 steps",
        "At a forget bias of 3, ",
        f"{share(-0.9)} was left at lag 10, and of that {share(-0.5)} stays",
    ],
    "rivals": [
        "0 of 48",
        "22 of 80",
        "9 of 70",
        "in every repetition in 0, 20 and 7",
        "0.42",
        "1.04",
        "as the tanh RNN: 1.25 (PyTorch) and 1.00 (Flax).",
    ],
    "relu": ["0.80", "1.61", "1.37", "1.58", "it has grown, to 10⁷ times (some other init, gain 1)."],
    "certain": ["10 of 10", "10⁻⁹"],
}


@pytest.fixture
def data(tmp_path) -> SimpleNamespace:
    """Tables with every number that the essay needs."""
    (tmp_path / "figures" / "narrow").mkdir(parents=True)
    for place in (tmp_path / "figures", tmp_path / "figures" / "narrow"):
        for name in CAPTIONS:
            (place / f"{name}.svg").write_text('<svg viewBox="0 0 100 50"/>')
    base = {"margin": "", "at_half_margin": "", "at_twice_margin": "", "alt": "Lines.",
            "takeaway": "Train on the lag that you need.",
            "condition": "In 2 of 3. Longer, in octaves: a (1).", "who": "comment",
            "statement": "It does.", "n": 20, "effect": -38.9}  # fmt: skip
    claims = pd.DataFrame([base | {"id": name, "verdict": word, "kind": ALL_CLAIMS[name].kind}
                           for name, word in VERDICTS.items()])  # fmt: skip
    claims.loc[claims["id"] == "K2", "condition"] = AHEAD
    names = ["id", "part", "effect", "state", "share", "reverse", "settings"]
    found = pd.DataFrame(PARTS, columns=names)
    checks = pd.DataFrame({"passed": [True] * 10})
    apart = "largest difference of log10 norms, before training, float64"
    return SimpleNamespace(
        results=tmp_path,
        claims=claims,
        evidence=pd.concat([found.assign(backend="numpy"), found.assign(backend="torch", effect=99.0)]),
        routes=pd.DataFrame([*_along_bias(), *_far(), *_by_default()]),
        advice=pd.DataFrame([{"cell": "lstm", "lag": 100, "choice": "smallest bias", "passes": True, "init": "keras",
                              "forget_bias": "3", "left": -0.75}]),
        calibration=checks,
        agreement=pd.DataFrame([{"measure": apart, "value": 4e-10}]),
    )  # fmt: skip


def _along_bias():
    for bias, values in LEFT.items():
        for path, left in zip(("full", "candidate", "cell"), values, strict=True):
            yield _row("reach", "torch", bias, "loss_state", path, left)
        yield _row("reach", "torch", bias, "cec", "cell", 100 * np.log10(KEPT[bias]))
        yield _row("reach", "torch", bias, "loss_state", "full", ENTERED[bias]) | {"lag": 10}


def _far():
    for path, left in (("full", -74.3), ("candidate", -72.6)):
        yield _row("reach", "torch", "1", "loss_state", path, left) | {"lag": 1000}
    for bias, cosine in (("0", 0.25), ("3", 0.75), ("chrono", 0.99)):
        yield _row("reach", "torch", bias, "loss_state", "candidate", -9.0) | {"lag": 300, "cosine": cosine}


def _by_default():
    for init, left in DEFAULTS.items():
        yield _row("libraries", init, "0", "loss_state", "full", left)


def _row(slice_: str, init: str, bias: str, quantity: str, path: str, left: float) -> dict:
    return {"slice": slice_, "cell": "lstm", "init": init, "forget_bias": bias, "trained": "no", "lag": 100,
            "length": 1000, "hidden": 32, "quantity": quantity, "path": path,
            "backend": "numpy", "left": left, "cosine": COSINES.get(bias) if path == "candidate" else None}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_an_answer_has_the_numbers_of_the_tables(data, name):
    text = essay.QUESTIONS[name].text(data)
    assert [number for number in SAID[name] if number not in text.replace("\\", "")] == []
    assert text.startswith("**")


def test_where_no_bias_tells_them_apart_both_counts_of_vanished_are_still_said(data):
    data.routes = data.routes[data.routes["lag"] != 10]
    assert "counted in two ways" in counted_twice(data) and "At a forget bias" not in counted_twice(data)


def test_every_word_that_is_linked_is_explained(data):
    text = essay.essay(data) + mechanism.mechanism()
    linked = {*re.findall(r"\(#word-([\w-]+)\)\{\.term title=", text)}
    assert {"carousel", "candidate", "forget-bias", "chrono", "gain", "drive", "decade", "setting"} <= linked
    assert all(f"{{#word-{name}}}" in glossary.glossary() for name in linked)


def test_every_task_that_the_answer_names_is_explained(data):
    data.claims.loc[data.claims["id"] == "K3", "condition"] = (
        "4 of 6 LSTMs on adding, 0 on copy two, 1 on adding."
    )
    text = paragraphs.learning(data)
    assert text.count("(#word-adding)") == text.count("(#word-copy-two)") == 1
    assert "#word-temporal-order" not in text


def test_thresholds_along_the_bias_stand_in_one_table_in_their_order(data):
    rows = re.findall(r"^\| ([\d. to]+) \|.*\[(\w+)\]\(#\w+\) \| (.*) \|$", thresholds(data), re.MULTILINE)
    assert rows == [
        ("0.42", "K2", "1 of 1 lines along the bias"), ("1.04", "A2a", "1 of 1 lines along the bias"),
        ("3.1", "M2", "1 of 2 lines along the bias (on 1 above what was tried)"),
        ("5.0 to 5.2", "A1e", "2 of 2 lines along the bias"),
    ]  # fmt: skip
    assert "[recommends](#recommended) for 100 steps is 3 on Keras’s default init." in thresholds(data)
    data.evidence = data.evidence[data.evidence["id"].isin(["A1e", "K1"])]
    with pytest.raises(Lacking):
        thresholds(data)


def test_where_a_tenth_of_the_whole_gradient_is_left_is_told_by_init(data):
    data.routes = pd.concat(
        [data.routes, pd.DataFrame([_row("reach", "keras", bias, "loss_state", "full", left)
                                    for bias, left in (("2", -1.01), ("3", -0.99), ("4", -0.5), ("chrono", 0.0))])]
    )  # fmt: skip
    told = window(data)
    assert (
        "3 and 4 (Keras’s default init) and none (PyTorch’s default init), of the fixed biases from 0 to 4"
        in told
    )
    data.routes = data.routes[data.routes["forget_bias"] == "chrono"]
    with pytest.raises(Lacking):
        window(data)


def test_networks_that_grow_are_named_only_where_all_that_hold_do(data):
    assert "has grown" in paragraphs.relu(data)
    data.evidence.loc[data.evidence["id"] == "A2f", "effect"] = -0.5
    assert "has grown" not in paragraphs.relu(data)


def test_the_mechanism_is_the_power_of_a_gate_that_its_bias_opens():
    """Of a gate open by half, and of one at a bias of five: 1 / (1 + e^-5) to the hundredth."""
    text = mechanism.mechanism()
    assert f"leave {share(100 * np.log10(0.5))}" in text
    assert (
        f"99.3\N{NO-BREAK SPACE}% a step (a bias of 5) leave {share(-100 * np.log10(1 + np.exp(-5)))}" in text
    )


@pytest.mark.parametrize("name", essay.QUESTIONS)
def test_sentences_are_short_and_have_neither_braces_nor_names_of_the_tables(data, name):
    text = re.sub(r"\{\.term [^}]*\}|\(#[\w-]+\)|\[\w+\]\{[^}]*\}", "", essay.QUESTIONS[name].text(data))
    assert not re.search(r"[{}]|lstm|rnn_|nan|inf\b", text)
    sentences = re.split(r"(?<=[.!?])\W+(?=[A-Z])", text)
    assert max(len(sentence.split()) for sentence in sentences) <= 35


@pytest.mark.parametrize(
    ("name", "claim"), [(n, c) for n, q in essay.QUESTIONS.items() for c in q.rests if n != "helps"]
)
def test_an_answer_that_another_verdict_makes_untrue_is_not_given(data, name, claim):
    allowed = essay.QUESTIONS[name].rests[claim]
    for word in {"supported", "refuted", "depends", "inconclusive"} - {*allowed}:
        data.claims.loc[data.claims["id"] == claim, "verdict"] = word
        section = essay._section(data, name, essay.QUESTIONS[name])
        assert "no short answer" in section
        assert f"[{claim}](#{claim}) [{word}]" in section
        assert "**" not in section


@pytest.mark.parametrize("table", ["evidence", "routes", "advice", "calibration", "agreement"])
def test_a_study_that_lacks_a_table_s_rows_still_has_its_essay(data, table):
    setattr(data, table, getattr(data, table).head(0))
    text = essay.essay(data)
    assert "no short answer" in text
    assert len(re.findall("^### ", text, re.MULTILINE)) == len(essay.QUESTIONS)
    assert opening.lead(data)


def test_a_study_that_is_too_small_says_how_much_it_decides(data):
    data.claims["verdict"] = "inconclusive"
    data.claims.loc[data.claims["id"] == "A1d", "verdict"] = "supported"
    data.routes = data.routes.head(0)
    assert (
        opening.answer(data) == f"This study has no short answer: it decides 1 of {len(data.claims)} claims."
    )


def test_an_instrument_that_failed_a_check_is_not_called_exact(data):
    data.calibration.loc[3, "passed"] = False
    with pytest.raises(Lacking):
        paragraphs.certainty(data)


def test_an_order_that_is_not_there_is_not_told(data):
    data.claims["condition"] = AHEAD.replace("0 (0) of 48", "1 (0) of 48")
    with pytest.raises(Lacking):
        paragraphs.rivals(data)


def test_facts_are_of_the_reference_backend_alone(data):
    assert evidence(data, "A1d")["effect"].tolist() == [3e-12]
    assert states(data, "M1") == {"holds": 7, "fails": 2, "unclear": 2}
    assert threshold(data, "M2", "a tenth") == (3.13, 3.13)
    assert route(data, "reach", "2", 100, "loss_state", "cell") == -4.9
    with pytest.raises(Lacking):
        threshold(data, "M2", "nothing")
    with pytest.raises(Lacking):
        route(data, "reach", "9", 100, "loss_state", "cell")
    with pytest.raises(Lacking):
        evidence(data, "A9z")


def test_the_lead_says_whether_they_can(data):
    said = opening.answer(data)
    assert said.startswith(
        "They can, but at library defaults they do not. Along the cell a gradient is multiplied"
    )
    assert [
        left
        for left in ("10⁻²⁰", "10⁻⁸", share(-0.75), f"chrono biases {share(-0.42)} on PyTorch’s default")
        if left not in said
    ] == []
    assert "default forget biases leave after 100 steps" in said and "with PyTorch’s (0) and" in said
    few = data.routes[~((data.routes["slice"] == "reach") & (data.routes["forget_bias"] == "chrono"))]
    without = opening.answer(SimpleNamespace(**vars(data) | {"routes": few}))
    assert f"{share(-0.75)} on Keras’s default init and {share(-1.4)} on PyTorch’s default (" in without
    kept = data.routes.assign(left=data.routes["left"].where(data.routes["init"] != "keras", -0.5))
    assert opening.answer(SimpleNamespace(**vars(data) | {"routes": kept})).startswith(
        "They can, but not by themselves."
    )
    data.claims.loc[data.claims["id"] == "K1", "verdict"] = "supported"
    assert opening.answer(data).startswith("No LSTM of this study lost its gradient.")
    data.claims.loc[data.claims["id"] == "Q2", "verdict"] = "refuted"
    assert "Along the cell" not in opening.answer(data)


def test_the_picture_says_of_which_networks_the_defaults_of_the_lead_are(data):
    (data.results / "figures" / "hero.html").write_text("<figure><figcaption>Norms.</figcaption></figure>")
    defaults = data.routes["slice"] == "libraries"
    data.routes.loc[defaults, ["hidden", "length"]] = 64, 400
    said = "Norms. The defaults above: 64 units, 400 steps"
    assert said in opening.hero(data)
    data.routes = data.routes[~defaults]
    assert "<figcaption>Norms.</figcaption>" in opening.hero(data)


def test_every_claim_has_its_square(data):
    strip = opening.strip(data)
    for name, word in VERDICTS.items():
        assert f'<a class="{word}" href="#{name}" title="{name}, {word}: It does.">' in strip
    assert "13 claims: 2 supported · 9 depends · 2 refuted" in strip


def test_the_contents_name_the_sections_of_the_page_in_order(data):
    from carousel.report.page.source import FOLDER

    source = (FOLDER / "index.qmd").read_text("utf-8")
    heads = re.findall(r"^## (.*?) \{#([\w-]+)", source, re.M)
    assert [(name, title) for title, name in heads] == [*SECTIONS]
    assert all(f'href="#{name}"' in contents(data) for name in (*essay.QUESTIONS, *dict(SECTIONS)))


MORE = [  # what the findings need beside PARTS
    ("Q1", "threshold over 100 steps: one init", 5.0, None, np.nan, np.nan, np.nan),
    ("Q2", "the total stops vanishing: one init", 1.8, None, np.nan, np.nan, np.nan),
    ("A1a", "w^n times the slopes", 1.1e-10, "holds", np.nan, np.nan, np.nan),
    ("A1h", "slopes begin to lead, tanh RNN: orthogonal init", 0.796, None, np.nan, np.nan, np.nan),
    ("A1h", "weights lead again, tanh RNN: orthogonal init", 1.608, None, np.nan, np.nan, np.nan),
    ("A1i", "a loss ends, ReLU RNN: orthogonal init", 1.36, None, np.nan, np.nan, np.nan),
    ("A2b", "LSTM", 2e-12, "holds", np.nan, np.nan, np.nan),
    ("A2e", "rate", 0.27738, "fails", np.nan, np.nan, np.nan),
    ("A2g", "at the start, LSTM of 1997", 0.1, "fails", np.nan, np.nan, np.nan),
    ("A2g", "in the middle, LSTM of 1997", 0.0, "holds", np.nan, np.nan, np.nan),
    ("A2g", "at the start, GRU", 0.0, "holds", np.nan, np.nan, np.nan),
    ("A2g", "chain rule", 0.0, "holds", np.nan, np.nan, np.nan),
    ("A2f", "ReLU RNN, some init", -16.0, "fails", np.nan, np.nan, np.nan),
    ("A2f", "a loss ends, ReLU RNN: orthogonal init", 1.36, None, np.nan, np.nan, np.nan),
    (
        "A3b",
        "direction of the state's gradient, LSTM with chrono biases",
        0.93,
        "holds",
        np.nan,
        np.nan,
        np.nan,
    ),
    ("A4c", "LSTM with chrono biases at the start", 0.99, "holds", np.nan, np.nan, np.nan),
    ("A4c", "LSTM of 1997 at the start", 0.25, "fails", np.nan, np.nan, np.nan),
    ("A4c", "LSTM of 1997 after training", 0.4, "fails", np.nan, np.nan, np.nan),
    ("A3a", "the two derivations agree", 1e-11, "holds", np.nan, np.nan, np.nan),
    ("A4d", "the affine map stops shrinking: orthogonal init", 0.99, None, np.nan, np.nan, np.nan),
    ("A4f", "truncated threshold over 100 steps: one init", 4.94, None, np.nan, np.nan, np.nan),
    ("A4f", "truncated LSTM at forget bias 7, one init, to lag 300", 0.0, "holds", np.nan, np.nan, np.nan),
    ("A4f", "truncated LSTM at forget bias 5, one init, to lag 300", 0.0, "unclear", np.nan, np.nan, np.nan),
    ("A4f", "truncated LSTM at forget bias 4, one init, to lag 300", 0.0, "holds", np.nan, np.nan, np.nan),
    ("K3", "adding, LSTM at forget bias 0", 3.2, "holds", np.nan, np.nan, np.nan),
    ("K3", "adding, LSTM at forget bias 1", 0.2, "unclear", np.nan, np.nan, np.nan),
    ("M1", "LSTM at forget bias 0, identity init", -2.4, "fails", np.nan, np.nan, np.nan),
    ("K3", "adding, rank correlation of what is left with the length", 0.1, "fails", np.nan, np.nan, np.nan),
]
WORDINGS = [(claim, word) for claim, words in FINDINGS.items() for word in words]


@pytest.fixture
def judged(data) -> SimpleNamespace:
    """The tables of `data` with what the findings need, and an effect for every claim."""
    more = pd.DataFrame(MORE, columns=["id", "part", "effect", "state", "share", "reverse", "settings"])
    data.evidence = pd.concat([data.evidence, more.assign(backend="numpy")])
    data.claims = pd.DataFrame(
        {
            "id": [*FINDINGS],
            "effect": [0.0337 if c == "A3b" else -4.1323 for c in FINDINGS],
            "condition": AHEAD,
        }
    )
    return data


@pytest.mark.parametrize(("claim", "word"), WORDINGS)
def test_a_finding_is_a_line_with_numbers_and_without_names_of_the_tables(judged, claim, word):
    text = finding(judged, claim, word)
    assert 3 <= len(text.split()) <= 26
    assert not re.search(r"[{}]|lstm|rnn_|nan|inf\b|\.$", text)


SETTLED = {  # claim -> what its heading says of the parts that are planted
    "K3": "LSTMs shown to learn longer sequences than the tanh RNN: 1 of 2 on adding",
    "A2g": "Start and middle are like the end in 1 of 2 cells, and not in LSTM of 1997",
    "A4c": "Before training little is lost in LSTM with chrono biases, more in LSTM of 1997",
    "M1": "The same at lag 100, within a factor of two, in 7 of 12 parts; not with identity init",
}


@pytest.mark.parametrize("claim", SETTLED)
def test_a_heading_names_what_tells_the_parts_apart(judged, claim):
    assert finding(judged, claim, "depends") == SETTLED[claim]


@pytest.mark.parametrize(("claim", "word"), WORDINGS)
def test_a_finding_is_of_a_table_that_has_its_numbers(judged, claim, word):
    judged.evidence, judged.claims = judged.evidence.head(0), judged.claims.head(0)
    judged.routes = judged.routes.head(0)
    assert finding(judged, claim, word) in ("", FINDINGS[claim][word](None) if claim in PLAIN else "")


@pytest.mark.parametrize("claim", ALL_CLAIMS)
def test_every_verdict_that_a_claim_can_have_has_a_finding_of_its_own(judged, claim):
    allowed = [*ALL_CLAIMS[claim].takeaway, INCONCLUSIVE]
    assert {*FINDINGS.get(claim, {}), *OTHERWISE.get(claim, {}), INCONCLUSIVE} == {*allowed}
    assert not {*FINDINGS.get(claim, {})} & {*OTHERWISE.get(claim, {})}
    found = [finding(judged, claim, word) for word in allowed]
    assert all(found) and len({*found}) == len(allowed)
    for text in found:
        assert len(text.split()) <= 35
        assert not re.search(r"[{}_]|lstm|rnn\b|nan|inf\b|\.$", text)


@pytest.mark.parametrize("claim", ALL_CLAIMS)
def test_a_takeaway_is_of_short_sentences_without_names_of_the_tables(claim):
    for text in [*ALL_CLAIMS[claim].takeaway.values(), NOTHING]:
        assert max(len(sentence.split()) for sentence in brief.sentences(text)) <= 35
        assert not re.search(r"[{}]|lstm|rnn_|[a-z]_[a-z]{2}", text) and text.endswith(".")


@pytest.mark.parametrize("claim", [name for name in VERDICTS if name != "K3"])
@pytest.mark.parametrize("other", ["supported", "refuted", "depends", "inconclusive"])
def test_another_verdict_takes_back_what_was_said_of_it(data, claim, other):
    data.claims.loc[data.claims["id"] == claim, "verdict"] = other
    said = essay.essay(data)
    for name, question in essay.QUESTIONS.items():
        section = said.partition(f"{{#{name}}}")[2].partition("\n### ")[0]
        if claim in question.rests:
            assert ("has no short answer" in section) == (other not in question.rests[claim])


PLAIN = ("A1g", "A4a", "A4b")  # their findings have no number


@pytest.mark.parametrize("claim", ["A1c", "A1f", "A1j", "A2c", "A2d", "A4e", "M3"])
def test_another_effect_is_another_finding(judged, claim):
    (word,) = FINDINGS[claim]
    before = finding(judged, claim, word)
    judged.claims["effect"] = -7.77
    assert finding(judged, claim, word) != before


def test_every_finding_is_of_a_claim_that_there_is_and_a_verdict_that_it_can_have():
    assert {*FINDINGS} <= {*ALL_CLAIMS}


def test_the_farther_the_higher_the_bias_that_distance_needs(judged):
    text = finding(judged, "A4f", "depends")
    assert "to lag 100 from a forget bias of 4.9 on, to lag 300 from 7 on" in text
