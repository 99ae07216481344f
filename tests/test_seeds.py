import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st

from carousel.seeds import generator

keys = st.lists(
    st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=4
)


def draw(*key: str | int | float) -> list[int]:
    return generator(*key).integers(0, 2**63, 4).tolist()  # type: ignore[arg-type]


@given(st.integers(0, 2**63), keys)
def test_same_keys_same_stream(master: int, key: list) -> None:
    assert draw(master, *key) == draw(master, *key)


@given(keys, keys)
def test_other_keys_another_stream(a: list, b: list) -> None:
    assert (draw(1, *a) == draw(1, *b)) == (a == b)


@pytest.mark.parametrize(
    ("a", "b"),
    [((1, "a", "bc"), (1, "ab", "c")), ((1, 23), (12, 3)), ((1, "1"), (1, 1)), ((1, 0.5), (2, 0.5))],
)
def test_keys_do_not_run_together(a: tuple, b: tuple) -> None:
    assert draw(*a) != draw(*b)


def test_equal_numbers_are_equal_keys() -> None:
    assert draw(1, 2) == draw(1, 2.0)


def test_the_stream_is_that_of_any_other_process() -> None:
    code = "from carousel.seeds import generator; print(generator(7, 'weights', 0.5, 3).integers(0, 2**63, 4).tolist())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(draw(7, "weights", 0.5, 3))


def test_streams_of_neighbouring_keys_are_uncorrelated() -> None:
    streams = np.array([generator(1, "weights", r).standard_normal(10_000) for r in range(10)])
    off_diagonal = np.corrcoef(streams) - np.eye(10)
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(10_000)


def test_infinity_is_no_key() -> None:
    with pytest.raises(ValueError, match="JSON"):
        generator(1, float("inf"))
