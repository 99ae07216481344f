"""The examples run, and what docs/diagnose.md tells of them is what they found."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.unrolled_steps import log_norms

import carousel

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "diagnose.md").read_text()


def example(name):
    """An example as a module."""
    found = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("first", [True, False])
def test_a_loop_of_a_block_is_a_step_whose_jacobian_is_autograd_s(first):
    block, prompts, start = example("looped_transformer").looped(first)
    block, xs, start, lags = block.double(), prompts[:6].double(), start.double(), (1, 3, 6)
    found = carousel.diagnose(block, xs, start, lags=lags, exponents=0).decay.query("lag > 0")
    wanted = log_norms(lambda x, state: (block(x, *state),), xs, (start,), lags)
    rows = found[found.quantity == "jacobian_fro"].set_index("lag")
    assert rows.log10_norm.to_dict() == pytest.approx(wanted, abs=1e-9)


def test_what_stands_before_the_norm_is_carried_and_what_stands_after_it_decays():
    loops = example("looped_transformer")
    left = []
    for first in (True, False):
        decay = carousel.diagnose(*loops.looped(first), lags=[64], exponents=0).decay
        left.append(decay[decay.quantity == "jacobian_fro"].log10_norm.diff().iloc[-1])
    assert left[0] > 0 > -6 > left[1]


def test_the_adding_example_marks_one_number_in_each_half_and_asks_for_their_sum():
    adding = example("adding")
    x, y = adding.batch(torch.Generator().manual_seed(0), 50)
    half = adding.LENGTH // 2
    assert (x[:, :half, 1].sum(1) == 1).all() and (x[:, half:, 1].sum(1) == 1).all()
    torch.testing.assert_close((x[..., 0] * x[..., 1]).sum(1), y)


def test_the_biases_of_the_adding_example_are_those_of_the_gates():
    adding = example("adding")
    H = adding.HIDDEN
    lstm = adding.made(adding.SETTINGS["chrono biases"], 1).lstm
    gates = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().unflatten(0, (4, H))
    torch.testing.assert_close(gates[0], -gates[1])
    assert gates[1].min() >= 0 and gates[1].max() <= np.log(adding.LENGTH - 1)
    lstm = adding.made(adding.SETTINGS["forget bias 5"], 1).lstm
    assert ((lstm.bias_ih_l0 + lstm.bias_hh_l0)[H : 2 * H] == 5).all()


def test_a_training_of_the_adding_example_lowers_its_error(monkeypatch):
    adding = example("adding")
    monkeypatch.setattr(adding, "LENGTH", 10)
    assert adding.train("as it is", 1, 1).error > 0.3
    short = adding.train("as it is", 1, 100)
    assert (short.steps, short.seed) == (100, 1)
    assert short.error < 0.25


def rows():
    with (ROOT / "examples" / "adding.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_document_has_the_trainings_that_the_example_found():
    adding, found = example("adding"), rows()
    for name in adding.SETTINGS:
        own = [row for row in found if row["setting"] == name]
        assert [int(row["seed"]) for row in own] == list(adding.SEEDS)
        steps = ", ".join(row["solved"] or "not" for row in own)
        errors = ", ".join(f"{float(row['error']):.4f}" for row in own)
        assert f"| {name} | {steps} | {errors} |" in DOCUMENT


def test_the_document_has_what_the_example_s_diagnosis_says(capsys):
    adding = example("adding")
    adding.diagnosed(adding.SETTINGS["as it is"])
    told = " ".join(capsys.readouterr().out.split())
    assert "halves every 1.42" in told
    assert "halves every 1.42 steps" in DOCUMENT
    advice = (
        f"at lag 100 with chrono biases for {adding.LENGTH} steps: 25 %, d h / d c 0.49 (with 5 added the gradient by "
        "the state is kept and the input shut out: 120 % (99 % to 140 %), d h / d c 0.00062)"
    )
    assert advice in told and advice in " ".join(DOCUMENT.split())
