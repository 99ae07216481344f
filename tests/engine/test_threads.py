"""One thread within a measurement, as many as before after it."""

from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import carousel
from carousel.engine.threads import one_thread
from carousel.measures import decay, dynamics
from carousel.measures.lyapunov import spectrum
from carousel.measures.training import train


def threads() -> tuple[int, ...]:
    """Of torch, and of every library that threadpoolctl finds."""
    np.ones((2, 2)) @ np.ones((2, 2))
    pools = sorted(threadpool_info(), key=lambda pool: str(pool["filepath"]))
    return torch.get_num_threads(), *(pool["num_threads"] for pool in pools)


@pytest.fixture(params=[2, 3])
def several(request: pytest.FixtureRequest) -> Any:
    """The threads of a process that has set them: more than one each."""
    count = torch.get_num_threads()
    with threadpool_limits(request.param):
        torch.set_num_threads(request.param)
        yield threads()
    torch.set_num_threads(count)


def test_one_within_and_as_many_as_before_after_it(several: tuple[int, ...]) -> None:
    assert several[0] > 1
    with one_thread():
        assert set(threads()) == {1}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == several


def test_an_exception_leaves_them_as_they_were(several: tuple[int, ...]) -> None:
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert threads() == several


SETTING: dict[str, Any] = {"init": "torch", "forget_bias": 1.0, "length": 8, "hidden": 3, "repetitions": 1}
CALLS = {
    "decay": (decay, "measure", lambda: carousel.decay("lstm", **SETTING)),
    "decay on torch": (decay, "measure", lambda: carousel.decay("lstm", **SETTING, backend="torch")),
    "dynamics": (dynamics, "measure", lambda: carousel.dynamics("lstm", **SETTING)),
    "accuracy": (
        train,
        "train",
        lambda: carousel.accuracy("lstm", **SETTING, task="adding", steps=1, test_size=2),
    ),
    "diagnose": (spectrum, "in_float64", lambda: carousel.diagnose(torch.nn.GRU(2, 3), torch.randn(9, 1, 2))),
}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_every_measurement_from_python_takes_one(
    name: str, fails: bool, several: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, function, call = CALLS[name]
    own, seen = getattr(module, function), []

    def spied(*arguments: Any) -> Any:
        seen.append(set(threads()))
        if fails:
            raise KeyboardInterrupt
        return own(*arguments)

    monkeypatch.setattr(module, function, spied)
    if fails:
        with pytest.raises(KeyboardInterrupt):
            call()
    else:
        call()
    assert seen and all(each == {1} for each in seen)
    assert threads() == several
