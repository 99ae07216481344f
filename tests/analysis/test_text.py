"""Numbers and lists in words, as people read them."""

import math

import pytest

from carousel.analysis import text

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0123456, "0.0123"), (-1234.5, f"{MINUS}1.23e3"), (1e-9, f"1e{MINUS}9"), (2.5e12, "2.5e12"), (100.0, "100"),
        (-math.inf, f"{MINUS}infinity"), (0.5, "0.5"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_real_minus_sign(value: float, said: str) -> None:
    assert text.number(value) == said


@pytest.mark.parametrize(("half_life", "said"), [(99.94, "99.9 steps"), (2.345, "2.35 steps"), (100.6, "101 steps"),
                                                 (12345.6, "12,346 steps")])  # fmt: skip
def test_steps_are_whole_from_a_hundred_on(half_life: float, said: str) -> None:
    assert text.steps(half_life) == said


@pytest.mark.parametrize(
    ("decades", "said"),
    [
        (0.0, "100\N{NO-BREAK SPACE}%"), (-1.0, "10\N{NO-BREAK SPACE}%"), (-2.5, "0.32\N{NO-BREAK SPACE}%"),
        (-3.0, "0.1\N{NO-BREAK SPACE}%"), (-3.1, "10⁻³"), (-45.2, "10⁻⁴⁵"), (1.5, "32 times"),
        (0.9, "790\N{NO-BREAK SPACE}%"),
        (-math.inf, "0"), (math.nan, "not measured"),
    ],
)  # fmt: skip
def test_what_is_left_is_told_in_per_cent_down_to_a_thousandth(decades: float, said: str) -> None:
    assert text.share(decades) == said


def test_forget_biases_come_none_first_then_numbers_then_schemes() -> None:
    wanted = ["none", "-4", "0", "1", "3", "10", "chrono", "chrono:30", "chrono:1000", "uniform"]
    assert text.bias_order([wanted[k] for k in (4, 9, 0, 7, 2, 5, 8, 1, 6, 3)]) == wanted


@pytest.mark.parametrize(("rate", "said"), [(math.log10(0.9999), "0.9999"), (math.log10(0.25), "0.25"),
                                            (math.log10(0.98765), "0.988"), (math.log10(0.995), "0.995")])  # fmt: skip
def test_a_factor_near_one_keeps_its_digits(rate: float, said: str) -> None:
    assert text.factor(rate) == said


def test_lists_and_counts() -> None:
    assert [text.listed(words) for words in ("", "a", "ab", "abca")] == ["", "a", "a and b", "a, b and c"]
    assert (text.counted(1, "model"), text.counted(1200, "model")) == ("1 model", "1,200 models")
    assert (text.span(5.04, 5.01), text.span(4.96, 5.24)) == ("5.0", "5.0 to 5.2")
