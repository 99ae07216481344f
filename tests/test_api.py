"""The study's measurements from Python: which numbers are numbers, and what is said of the others."""

from typing import Any

import numpy as np
import pytest
import torch

import carousel
from carousel.problems import DataError, DeviceError, StudyError
from carousel.study.files import dynamics_defaults

SETTING: dict[str, Any] = {
    "init": "orthogonal",
    "forget_bias": 1.0,
    "length": 20,
    "hidden": 4,
    "repetitions": 1,
    "seed": 3,
    "batch": 2,
}


def refused(measure: Any, **changes: Any) -> str:
    """The one line that is said of a setting."""
    with pytest.raises(StudyError) as error:
        measure("lstm", **SETTING | changes)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_numpy_s_integers_are_integers(kind: Any) -> None:
    wanted = carousel.decay("lstm", **SETTING)
    numbers = {key: kind(value) for key, value in SETTING.items() if type(value) is int}
    assert carousel.decay("lstm", **SETTING | numbers).equals(wanted)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int8])
def test_numpy_s_numbers_are_numbers(kind: Any) -> None:
    numbers = {"forget_bias": 1, "gain": 0.5 if kind is not np.int8 else 2, "bias": 0, "drive": 1}
    wanted = carousel.decay("lstm", **SETTING | numbers)
    given = SETTING | {key: kind(value) for key, value in numbers.items()}
    assert carousel.decay("lstm", **given).equals(wanted)
    assert carousel.decay(np.str_("lstm"), **given).equals(wanted)


WHOLE = "length", "hidden", "repetitions", "batch", "seed", "lags_per_octave"
NO_INTEGERS = [True, np.True_, "20", 20.0, np.float64(20), np.nan, None, [20], -1, 2**70, 1j]
ARRAYS = [torch.tensor(20), np.array(20), np.array([20]), torch.tensor([20.0])]


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("value", [*NO_INTEGERS, *ARRAYS], ids=repr)
def test_what_is_no_whole_number_is_refused_by_the_caller_s_own_name(key: str, value: Any) -> None:
    line = refused(carousel.decay, **{key: value})
    assert line.startswith(f"{key}: found ")
    assert "; allowed: " in line
    assert "also wrong" not in line


@pytest.mark.parametrize("key", ["forget_bias", "gain", "bias", "drive"])
@pytest.mark.parametrize(
    "value", [True, np.False_, "2.0", np.nan, np.float32("inf"), [1.0], *ARRAYS], ids=repr
)
def test_what_is_no_number_is_refused_by_the_caller_s_own_name(key: str, value: Any) -> None:
    assert refused(carousel.decay, **{key: value}).startswith(f"{key}: found ")


def test_several_problems_are_named_as_the_caller_names_them() -> None:
    line = refused(carousel.dynamics, length=0.5, hidden=-1, gain=None)
    assert line.startswith("gain: found None; ")
    assert line.endswith("(also wrong: hidden, length)")


def test_unknown_keys_get_the_names_of_one_setting() -> None:
    line = refused(carousel.decay, bacth=3)
    assert "nearest: batch" in line
    assert "length, " in line and "lengths" not in line and "checked" not in line
    for key in ("checked", "slice"):
        assert refused(carousel.decay, **{key: 3}).startswith(f"argument: found '{key}'; allowed: ")


@pytest.mark.parametrize("length", [2, 3, 7, 100, 201, 399])
def test_the_default_warm_up_fits_a_short_sequence(length: int) -> None:
    table = carousel.dynamics("lstm", **SETTING | {"length": length})
    wanted = carousel.dynamics("lstm", **SETTING | {"length": length}, warm_up=length // 4)
    assert table.equals(wanted)
    assert len(table.query("quantity == 'lyapunov'")) == 8
    assert np.isfinite(table.query("quantity == 'lyapunov'")["value"]).all()


def test_the_default_warm_up_is_the_study_s_for_a_long_one() -> None:
    long = SETTING | {"length": 4 * dynamics_defaults().warm_up + 4}
    wanted = carousel.dynamics("lstm", **long, warm_up=dynamics_defaults().warm_up)
    assert carousel.dynamics("lstm", **long).equals(wanted)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"length": 1}, "length: found 1; allowed: 2 or more"),
        ({"length": 50, "warm_up": 25}, "warm_up: found 25; allowed with length 50: at most 24"),
        ({"length": 50, "warm_up": -1}, "warm_up: found -1; allowed: "),
        ({"length": 50, "warm_up": 2.0}, "warm_up: found 2.0; allowed: "),
        ({"exponents": 0}, "exponents: found 0; allowed: "),
        ({"exponents": -1}, "exponents: found -1; allowed: "),
    ],
)
def test_steps_that_do_not_count_are_a_line(changes: dict[str, Any], line: str) -> None:
    assert refused(carousel.dynamics, **changes).startswith(line)


def test_a_short_training_needs_no_other_key() -> None:
    short = SETTING | {"batch": 1}
    table = carousel.accuracy("gru", **short, task="adding", steps=3, test_size=5)
    assert list(table["step"]) == [0, 3]
    assert refused(carousel.accuracy, task="adding", steps=5, evaluate_every=9).startswith(
        "evaluate_every: found 9; "
    )
    assert refused(carousel.accuracy, task="adding", snapshots=[3]).startswith(
        "argument: found 'snapshots'; "
    )


def test_what_the_functions_raise_is_one_import_away() -> None:
    with pytest.raises(DeviceError):
        carousel.decay("lstm", **SETTING, device="cuda:99", backend="torch")
    assert issubclass(DataError, Exception)
