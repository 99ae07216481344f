"""Planted tables on both sides of every finding's tolerance: reproduced, not reproduced, not tried."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.stats.attractor import kaplan_yorke
from carousel.analysis.stats.tables import select
from carousel.claims import published
from carousel.claims.published import FINDINGS, NOT_REPRODUCED, NOT_TRIED, ORDER, REPRODUCED, Finding
from carousel.claims.published_values import (
    Measured,
    as_soon,
    below_baseline,
    dimension_per_unit,
    octaves_to_solve,
    sooner,
)
from carousel.claims.rules import MIN_REPETITIONS
from carousel.study import files
from carousel.study.models import settings_of
from carousel.tables.schemas import names

STUDY = files.load(files.find("published"))
STEPS, EVERY = 1200, 1
BASELINE = np.log(8)


def models(kind: str) -> Iterator[dict]:
    """The models that config/published.yaml measures for a table, on the reference backend."""
    for slice_ in getattr(STUDY, kind):
        for cell in slice_.cells:
            for setting in settings_of(slice_, cell, "numpy"):
                yield {"slice": slice_.slice, "backend": "numpy", "trained": "no"} | vars(setting)


ACCURACY = pd.DataFrame(list(models("training")))
DYNAMICS = pd.DataFrame(list(models("dynamics")))


def noise(size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(size)


def accuracy(octaves: dict[tuple, float], loss: dict[tuple, float]) -> pd.DataFrame:
    """Runs that solve their task after 2^octaves steps, or end with a loss below the baseline, by their network."""
    key = list(
        zip(*(ACCURACY[name] for name in ("slice", "length", "cell", "init", "forget_bias")), strict=True)
    )
    jitter = 0.02 * noise(len(ACCURACY))
    time = 2.0 ** (np.array([octaves.get(each, 8.0) for each in key]) + jitter)
    below = np.array([loss.get(each, 0.0) for each in key]) + 0.1 * jitter
    last = ACCURACY.assign(
        step=np.minimum(np.rint(time), STEPS).astype(int), solved=time < STEPS, loss=BASELINE - below
    )
    first = ACCURACY.assign(step=0, solved=False, loss=9.0)
    table = pd.concat([first, last], ignore_index=True).assign(baseline_loss=BASELINE)
    rest = {"device": "cpu", "dtype": "float32", "gradient": "full", "task": "adding"}
    return table.assign(**rest).sample(frac=1, random_state=1)


def spectrum(largest: float, dimension: float, size: int) -> np.ndarray:
    """Exponents that begin with `largest` and whose Kaplan-Yorke dimension is `dimension`; all fall if that is 0."""
    if dimension == 0:
        return largest - np.arange(size) / size
    k = int(dimension)
    up = np.linspace(largest, 0.0, k)
    return np.concatenate([up, np.full(size - k, -up.sum() / (dimension - k))])


def dynamics(largest: dict[tuple, float], dimension: dict[tuple, float]) -> pd.DataFrame:
    rows, jitter = [], 0.001 * noise(len(DYNAMICS), 2)
    for off, model in zip(jitter, DYNAMICS.to_dict("records"), strict=True):
        key = (model["gain"], model["hidden"], model["drive"])
        size = dimension.get(key, 0.0)
        values = spectrum(largest.get(key, 0.1) + off, size and (size + off) * model["hidden"], 64)
        rows += [model | {"quantity": "lyapunov", "index": i, "value": v} for i, v in enumerate(values, 1)]
    return pd.DataFrame(rows)


def finding(name: str) -> Finding:
    (found,) = (each for each in FINDINGS if each.name == name)
    return found


def outcome(name: str, tables: Measured) -> str:
    return published.row(finding(name), tables)["outcome"]


def learned(octaves: dict[tuple, float] | None = None, loss: dict[tuple, float] | None = None) -> Measured:
    return Measured(
        accuracy(octaves or {}, loss or {}), DYNAMICS.iloc[:0].assign(quantity="", index=0, value=0.0)
    )


def moved(largest: dict[tuple, float] | None = None, dimension: dict[tuple, float] | None = None) -> Measured:
    return Measured(accuracy({}, {}), dynamics(largest or {}, dimension or {}))


COPY = ("published_copy", 120)
BELOW = {  # the network whose loss decides a finding
    "An LSTM stays on copy's plateau": (*COPY, "lstm", "orthogonal", "1"),
    "A tanh RNN stays there, too": (*COPY, "rnn_tanh", "orthogonal", "none"),
    "A norm-preserving network leaves it": (*COPY, "rnn_orthogonal", "orthogonal", "none"),
    "Chrono biases leave it": (*COPY, "lstm", "orthogonal", "chrono"),
}
FIRST = {  # the network that is to be sooner
    "Chrono learns adding before forget bias 1": ("published_chrono", 200, "lstm", "orthogonal", "chrono"),
    **{f"Forget bias 1 learns before 0, over {n} steps": ("published_bias", n, "lstm", "orthogonal", "1")
       for n in (60, 100)},
    **{f"Forget bias 5 learns before 1, over {n} steps": ("published_bias", n, "lstm", "orthogonal", "5")
       for n in (60, 100)},
    "Forget gates solve the continual Reber grammar": ("published_reber", 150, "lstm", "orthogonal", "1"),
    "The value of the forget bias is uncritical": ("published_reber", 150, "lstm", "orthogonal", "2"),
    "That holds up to 5": ("published_reber", 150, "lstm", "orthogonal", "5"),
    "ReLU from the identity learns adding before tanh": ("published_identity", 100, "rnn_relu", "identity", "none"),
    "So it does with small input weights": ("published_identity", 100, "rnn_relu", "irnn", "none"),
}  # fmt: skip
EXPONENT = {
    "Below gain 1 there is no chaos": ((0.8, 128, "0"), -1),
    "Above it there is": ((2.0, 128, "0"), 1),
}
DIMENSION = {  # first, second
    "Chaos is extensive": ((4.0, 128, "0"), (4.0, 64, "0")),
    "Near the onset the dimension grows with the coupling": ((2.0, 128, "0"), (1.5, 128, "0")),
    "Noise as input lowers it": ((2.0, 128, "0"), (2.0, 128, "0.25")),
}


def test_every_finding_has_its_planted_tables() -> None:
    assert {*BELOW, *FIRST, *EXPONENT, *DIMENSION} == {each.name for each in FINDINGS}
    assert len({each.name for each in FINDINGS}) == len(FINDINGS)


def within(each: Finding, share: float) -> str:
    """The outcome at so many times the tolerance."""
    return REPRODUCED if (share > 1 if each.relation == ORDER else abs(share) < 1) else NOT_REPRODUCED


@pytest.mark.parametrize("share", [0.8, 1.2, -1.2])
@pytest.mark.parametrize("name", BELOW)
def test_a_loss_is_on_the_plateau_within_the_tolerance_and_leaves_it_beyond(name: str, share: float) -> None:
    tables = learned(loss={BELOW[name]: share * finding(name).tolerance.value})
    assert outcome(name, tables) == within(finding(name), share)


@pytest.mark.parametrize("share", [0.8, 1.2, -1.2])
@pytest.mark.parametrize("name", FIRST)
def test_a_network_is_sooner_by_more_than_the_tolerance_or_as_soon_within_it(name: str, share: float) -> None:
    tables = learned({FIRST[name]: 8.0 - share * finding(name).tolerance.value})
    assert outcome(name, tables) == within(finding(name), share)


@pytest.mark.parametrize("name", EXPONENT)
def test_the_largest_exponent_has_its_sign(name: str) -> None:
    key, sign = EXPONENT[name]
    assert outcome(name, moved({key: 0.004 * sign})) == REPRODUCED
    assert outcome(name, moved({key: -0.004 * sign})) == NOT_REPRODUCED


@pytest.mark.parametrize("name", DIMENSION)
def test_the_dimension_is_larger_or_the_same_per_unit(name: str) -> None:
    first, second = DIMENSION[name]
    margin = finding(name).tolerance.value or 0.004
    for share in (0.8, 1.2, -1.2):
        tables = moved(dimension={first: 0.2 + share * margin, second: 0.2})
        expected = (
            within(finding(name), share)
            if finding(name).tolerance.value
            else (REPRODUCED if share > 0 else NOT_REPRODUCED)
        )
        assert outcome(name, tables) == expected


def test_a_study_without_the_rows_tries_nothing_and_has_no_numbers() -> None:
    tables = Measured(ACCURACY.iloc[:0].assign(step=0, solved=False, loss=0.0, baseline_loss=0.0, device="", dtype="",
                                               gradient="", task=""), learned().dynamics)  # fmt: skip
    found = published.decided(tables)
    assert set(found["outcome"]) == {NOT_TRIED} and (found["n"] == 0).all()
    assert found[["effect", "low", "high", "p"]].isna().all(axis=None)
    assert list(found) == names("published")


def test_too_few_seeds_are_no_try() -> None:
    tables = learned({FIRST["Chrono learns adding before forget bias 1"]: 6.0})
    few = tables._replace(accuracy=select(tables.accuracy, repetition=list(range(MIN_REPETITIONS - 1))))
    assert outcome("Chrono learns adding before forget bias 1", tables) == REPRODUCED
    row = published.row(finding("Chrono learns adding before forget bias 1"), few)
    assert (row["outcome"], row["n"]) == (NOT_TRIED, MIN_REPETITIONS - 1)


def test_another_backend_s_rows_decide_nothing() -> None:
    name = "Chrono learns adding before forget bias 1"
    tables = learned({FIRST[name]: 6.0})
    other = learned({FIRST[name]: 9.5}).accuracy.assign(backend="torch")
    both = tables._replace(accuracy=pd.concat([tables.accuracy, other]))
    assert published.row(finding(name), both) == published.row(finding(name), tables)


NAMES = "slice", "length", "cell", "init", "forget_bias"


def test_a_run_that_does_not_solve_its_task_counts_as_one_that_takes_all_steps() -> None:
    name = "Chrono learns adding before forget bias 1"
    key = FIRST[name]
    first = dict(zip(NAMES, key, strict=True))
    second = first | {"forget_bias": "1"}
    never = learned({key: 6.0, (*key[:4], "1"): 99.0})
    effect = sooner(first, second)(never)
    np.testing.assert_allclose(effect, np.log2(STEPS) - octaves_to_solve(first)(never))
    assert (sooner(second, first)(never) == -effect).all()
    assert (as_soon(first, second)(never) == np.inf).all()
    neither = learned({key: 99.0, (*key[:4], "1"): 99.0})
    assert sooner(first, second)(neither).isna().all() and as_soon(first, second)(neither).isna().all()
    row = published.row(finding(name), neither)
    assert (row["outcome"], row["n"]) == (NOT_REPRODUCED, MIN_REPETITIONS)
    assert all(np.isnan(row[number]) for number in ("effect", "low", "high", "p"))


def test_where_some_pairs_solve_nothing_they_give_neither_a_head_start() -> None:
    key = FIRST["Chrono learns adding before forget bias 1"]
    first = dict(zip(NAMES, key, strict=True))
    second, tables = first | {"forget_bias": "1"}, learned({key: 6.0})
    lost = tables.accuracy["repetition"] == 4
    some = Measured(tables.accuracy.assign(solved=tables.accuracy["solved"] & ~lost), tables.dynamics)
    expected = sooner(first, second)(tables)
    np.testing.assert_allclose(sooner(first, second)(some), expected.where(expected.index != 4, 0.0))


@pytest.mark.parametrize("name", ["The value of the forget bias is uncritical", "That holds up to 5"])
def test_runs_that_solve_nothing_are_no_plateau(name: str) -> None:
    key = FIRST[name]
    other = (*key[:4], "0.5" if key[4] == "2" else "1")
    assert outcome(name, learned({key: 8.0, other: 8.0})) == REPRODUCED
    assert outcome(name, learned({key: 99.0, other: 99.0})) == NOT_REPRODUCED
    tables = learned({key: 8.0, other: 8.0})
    lost = (tables.accuracy["repetition"] == 4) & (tables.accuracy["forget_bias"] == key[4])
    one = Measured(tables.accuracy.assign(solved=tables.accuracy["solved"] & ~lost), tables.dynamics)
    assert outcome(name, one) == NOT_REPRODUCED


def test_a_loss_that_is_no_number_is_no_plateau() -> None:
    name = "An LSTM stays on copy's plateau"
    tables = learned()
    lost = tables.accuracy.assign(loss=tables.accuracy["loss"].mask(tables.accuracy["repetition"] == 3))
    assert outcome(name, tables) == REPRODUCED
    assert outcome(name, tables._replace(accuracy=lost)) == NOT_REPRODUCED


def test_the_dimension_is_what_was_planted() -> None:
    tables = moved(dimension={(4.0, 128, "0"): 0.21})
    which = published.chaotic(4.0, 128)
    np.testing.assert_allclose(dimension_per_unit(which)(tables), 0.21, atol=0.005)


@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [([0.9, 0.0, -14.57], 2 + 0.9 / 14.57), ([-0.1, -0.2], 0.0), ([1.0, -1.0, -2.0], 2.0), ([0.5, -0.25], np.nan),
     ([0.3, -np.inf], 1.0)],
)  # fmt: skip
def test_kaplan_and_yorke_s_dimension(exponents: list[float], dimension: float) -> None:
    """The first: Lorenz's attractor, whose dimension of 2.06 is well known."""
    np.testing.assert_allclose(kaplan_yorke(exponents), dimension)


def test_every_source_is_in_the_references_and_every_slice_is_in_the_study() -> None:
    keys = re.findall(
        r"^@\w+\{(\w+),", (files.config_folder().parent / "report/references.bib").read_text(), re.M
    )
    assert {each.source for each in FINDINGS} <= set(keys)
    full = Measured(accuracy({}, {}), dynamics({}, {}))
    assert all(len(each.values(full)) == MIN_REPETITIONS for each in FINDINGS)


def test_a_loss_is_that_of_the_last_evaluation() -> None:
    key = BELOW["Chrono biases leave it"]
    which = dict(zip(NAMES, key, strict=True))
    np.testing.assert_allclose(below_baseline(which)(learned(loss={key: 0.7})), 0.7, atol=0.02)
