"""The drive: the variance that the input gives to a unit, whatever cell and init, from the same numbers in all."""

from dataclasses import replace

import numpy as np
import pytest
from support.problems import BASE, NUMPY

from carousel.analysis.prediction import INPUT_VARIANCE
from carousel.cells import CELLS
from carousel.inits import INITS
from carousel.study.errors import StudyError
from carousel.study.files import decay_defaults
from carousel.study.models import driven, input_scale, noise, weights
from carousel.study.schema import vary

D = 3
PART = vary(decay_defaults(), input_size=D, batch=500)
LONG = replace(BASE, hidden=6, length=100, drive="0.25")
EVERY = [(cell, "glorot") for cell in CELLS] + [("lstm", init) for init in INITS] + [("gru", "irnn")]


def net_variance(setting):
    """The variance of W x over the steps and sequences of a model as it is run, on the mean over candidates."""
    system = driven(NUMPY, 1, [setting], PART)
    net = np.einsum("rd,tdb->rtb", system.params.W[0], system.xs[:, 0])
    cell = CELLS[setting.cell]
    return (
        net.reshape(len(cell.gates), setting.hidden, -1).var(axis=2)[cell.gates.index(cell.candidate)].mean()
    )


@pytest.mark.parametrize(("cell", "init"), EVERY)
@pytest.mark.parametrize("drive", ["0.25", "4"])
def test_the_input_gives_a_unit_the_variance_asked_for(cell, init, drive):
    """50,000 inputs: within two per cent."""
    setting = replace(LONG, cell=cell, init=init, drive=drive)
    assert net_variance(setting) == pytest.approx(float(drive), rel=0.02)


def test_cells_of_one_init_have_one_input():
    """They share the candidate's weights: a comparison of cells is paired in its data too."""
    scales = [
        input_scale(each, weights(1, each, D).W) for each in (replace(LONG, cell=cell) for cell in CELLS)
    ]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-15)


def test_over_many_draws_every_gate_with_input_has_the_drive():
    settings = [replace(LONG, cell="lstm", repetition=r) for r in range(100)]
    scaled = [input_scale(s, W := weights(1, s, D).W) * W[0] for s in settings]
    rows = np.square(scaled).sum(axis=2).reshape(100, len(CELLS["lstm"].gates), -1).mean(axis=2)
    error = rows.std(axis=0) / 10
    assert (np.abs(rows.mean(axis=0) - 0.25) < 0.01 + 4 * error).all()


@pytest.mark.parametrize("init", INPUT_VARIANCE)
def test_over_many_draws_the_scale_is_that_of_the_init_s_variance(init):
    """1 / scale^2 is the mean of |W_i|^2 over the drive: its mean over draws D var(W) / drive."""
    settings = [replace(LONG, init=init, repetition=r) for r in range(200)]
    inverse = [input_scale(s, weights(1, s, D).W) ** -2 for s in settings]
    wanted = D * INPUT_VARIANCE[init](LONG.hidden, D) / 0.25
    assert np.mean(inverse) == pytest.approx(wanted, abs=4 * np.std(inverse) / 200**0.5 + 1e-12)


def test_unit_input_has_standard_deviation_one_and_none_is_none():
    for drive, scale in (("unit", 1.0), ("0", 0.0)):
        setting = replace(LONG, drive=drive)
        xs = driven(NUMPY, 1, [setting], PART).xs[:, 0]
        np.testing.assert_array_equal(xs, scale * noise(1, setting, PART))


def test_the_input_is_paired_over_cells_inits_widths_and_drives():
    """The same standard normal numbers, times one number per model."""
    others = [replace(LONG, **{k: v}) for k, v in {"init": "torch", "cell": "gru", "hidden": 9, "drive": "4",
              "gain": 2.0, "forget_bias": "3"}.items()]  # fmt: skip
    unit = noise(1, LONG, PART)
    for setting in (LONG, *others):
        xs = driven(NUMPY, 1, [setting], PART).xs[:, 0]
        np.testing.assert_array_equal(xs, input_scale(setting, weights(1, setting, D).W) * unit)


def test_models_of_several_drives_run_in_one_batch():
    settings = [replace(LONG, drive=drive) for drive in ("0", "0.25", "unit")]
    together = driven(NUMPY, 1, settings, PART).xs
    for place, setting in enumerate(settings):
        np.testing.assert_array_equal(together[:, place], driven(NUMPY, 1, [setting], PART).xs[:, 0])


def test_a_w_that_is_zero_can_not_be_driven():
    W = np.zeros((1, len(CELLS["lstm"].gates) * 6, D))
    with pytest.raises(StudyError, match=r"^drive: found 0\.25; allowed for lstm, torch: 0, for W is zero$"):
        input_scale(LONG, W)
    assert input_scale(replace(LONG, drive="0"), W) == 0
