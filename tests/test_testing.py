"""`carousel.testing.check_cell`: it passes a right cell and names what is wrong in a wrong one, in one line."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carousel.cells import CELLS
from carousel.engine.backends.table import DeviceError
from carousel.pipeline import fingerprint
from carousel.testing import check_cell

LINE = r"^wrong: .* by hand and by (autograd|stencil) differ by \d\.\de[+-]\d\d; allowed: \d\.\de-\d\d$"
LEAKY = """
from carousel.cells.cell import Cell
from carousel.testing import check_cell


def forward(ops, p, wx, rh, state):
    (z,) = ops.gates(wx + rh)
    z, dz = ops.tanh(z)
    return ((state[0] + z) / 2,), (dz,)


def backward(ops, p, saved, d_state):
    d_net = ops.stack((d_state[0] * saved[0] / 2,))
    return {}, d_net, d_net, (d_state[0] / 2,)


def log_factor(ops, p, wx, rh, state):
    return ops.zeros(state[0])


def test_leaky():
    check_cell(Cell(("h",), ("z",), "z", forward, backward, log_factor))
"""


FACTOR = 1 + 1e-9


def with_adjoint(name, change):
    """A cell of the table whose adjoint by hand, (d_p, d_wx, d_rh, d_state), is changed."""
    cell = CELLS[name]
    return replace(cell, backward=lambda ops, *arguments: change(ops, *cell.backward(ops, *arguments)))


def scaled(ops, net):
    """The errors of all gates, times a factor."""
    return ops.stack(tuple(FACTOR * d for d in ops.gates(net)))


WRONG = {
    "state": with_adjoint("lstm", lambda ops, p, wx, rh, d: (p, wx, rh, (d[0], FACTOR * d[1]))),
    "input": with_adjoint("lstm", lambda ops, p, wx, rh, d: (p, scaled(ops, wx), rh, d)),
    "recurrent": with_adjoint("rnn_tanh", lambda ops, p, wx, rh, d: (p, wx, scaled(ops, rh), d)),
    "pointwise": with_adjoint(
        "gru", lambda ops, p, wx, rh, d: ({key: FACTOR * d_p for key, d_p in p.items()}, wx, rh, d)
    ),
}


@pytest.mark.parametrize("cell", WRONG.values(), ids=WRONG)
def test_an_adjoint_that_is_wrong_in_the_ninth_digit_is_one_line(cell):
    with pytest.raises(AssertionError, match=LINE):
        check_cell(cell, "wrong")


def test_a_path_that_should_be_blocked_is_named():
    cell = CELLS["lstm_peephole"]

    class Unstopped:
        """Functions of an array library of which `stop_gradient` does nothing."""

        def __init__(self, ops):
            self.ops = ops

        def __getattr__(self, name):
            return (lambda x: x) if name == "stop_gradient" else getattr(self.ops, name)

    def backward(ops, *arguments):
        return cell.backward(Unstopped(ops), *arguments)

    with pytest.raises(
        AssertionError, match=r"^wrong: the adjoint of state h on the path candidate by hand and"
    ):
        check_cell(replace(cell, backward=backward), "wrong")


def test_a_slope_that_both_derivatives_share_is_held_against_the_forward_pass():
    """A forward pass that hides a part of itself from autograd, which the adjoint by hand leaves out too."""
    cell = CELLS["rnn_linear"]

    def forward(ops, p, wx, rh, state):
        (net,) = ops.gates(wx + rh)
        held = net.detach() if hasattr(net, "detach") else net
        return (net + 1e-6 * held,), (1.0,)

    with pytest.raises(AssertionError, match=LINE):
        check_cell(replace(cell, forward=forward), "wrong")


def test_a_flag_and_a_name_that_do_not_fit_are_named():
    with pytest.raises(
        AssertionError, match=r"^wrong: carries: found True; allowed, by the path cell: False$"
    ):
        check_cell(replace(CELLS["rnn_tanh"], carries=True), "wrong")
    with pytest.raises(AssertionError, match=r"^wrong: masked_blocks: found \{\('q', 'h'\)\}; allowed: "):
        check_cell(replace(CELLS["rnn_tanh"], masked_blocks=frozenset({("q", "h")})), "wrong")


def test_float64_that_slips_in_is_named():
    cell = CELLS["rnn_tanh"]

    def forward(*arguments):
        (h,), saved = cell.forward(*arguments)
        return (h * np.float64(1),), saved

    with pytest.raises(AssertionError, match=r"^wrong: float32 becomes float64 on numpy$"):
        check_cell(replace(cell, forward=forward), "wrong")


def test_models_that_act_on_each_other_are_named():
    cell = CELLS["rnn_linear"]

    def forward(ops, p, wx, rh, state):
        (net,) = ops.gates(wx + rh)
        return (net - 1.0 * net.mean(0),), (1.0,)

    def backward(ops, p, saved, d_state):
        d_net = ops.stack((d_state[0] - 1.0 * d_state[0].mean(0),))
        return {}, d_net, d_net, (0.0,)

    with pytest.raises(
        AssertionError, match=r"^wrong: the adjoint of a model alone and in a batch differ by "
    ):
        check_cell(replace(cell, forward=forward, backward=backward), "wrong")


def test_a_function_that_is_not_pointwise_is_named():
    cell = CELLS["rnn_linear"]

    def forward(ops, p, wx, rh, state):
        (net,) = ops.gates(wx + rh)
        return (net.cos(),) if hasattr(net, "cos") else (np.cos(net),), (1.0,)

    with pytest.raises(AssertionError, match=r"^wrong: not a pointwise map of `Ops`: [^\n]*$"):
        check_cell(replace(cell, forward=forward), "wrong")


def test_a_matrix_state_that_is_not_called_one_is_named():
    cell = CELLS["mlstm"]
    with pytest.raises(AssertionError, match=r"^wrong: not a pointwise map of `Ops`: [^\n]*$"):
        check_cell(replace(cell, mixes=False), "wrong")
    with pytest.raises(AssertionError, match=r"^wrong: sizes: found \{'h'\}; allowed: \{[^\n]*\}$"):
        check_cell(replace(cell, sizes=cell.sizes | {"h": lambda H: H}), "wrong")


def test_a_state_that_grows_is_named():
    cell = replace(CELLS["mlstm"], sizes=CELLS["mlstm"].sizes | {"n": lambda H: 1})
    with pytest.raises(
        AssertionError, match=r"^wrong: the state of n on numpy: found \(3, 5, 4\); allowed: \(3, 1, 4\)$"
    ):
        check_cell(cell, "wrong")


def test_messages_name_a_cell_of_the_table_or_the_module_of_another():
    with pytest.raises(AssertionError, match=rf"^cell of {re.escape(CELLS['lstm'].forward.__module__)}: "):
        check_cell(WRONG["state"])


def test_without_torch_and_with_a_dtype_of_few_digits_one_line_says_so(monkeypatch):
    with pytest.raises(ValueError, match=r"^dtype: found bfloat16; allowed: float64, float32$"):
        check_cell(CELLS["lstm"], dtype="bfloat16")
    with pytest.raises(DeviceError, match=r"^device: found tpu; "):
        check_cell(CELLS["lstm"], device="tpu")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"^check_cell compares with autograd and needs torch"):
        check_cell(CELLS["lstm"])


def test_a_cell_outside_the_repository_is_checked_by_its_own_test(tmp_path: Path):
    """As the docstring of the module has it, by a pytest without the helpers of these tests, right and wrong."""
    (tmp_path / "test_right.py").write_text(LEAKY)
    (tmp_path / "test_wrong.py").write_text(LEAKY.replace("d_state[0] / 2,)", "d_state[0],)"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "1 failed, 1 passed" in run.stdout, run.stdout
    assert (
        "AssertionError: cell of test_wrong: the adjoint of state h by hand and by autograd differ"
        in run.stdout
    )


def test_nothing_in_the_package_imports_it():
    package = Path(fingerprint.__file__).parents[1]
    files = package.rglob("*.py")
    modules = {".".join(f.relative_to(package.parent).with_suffix("").parts) for f in files}
    assert not [
        name for name in modules if "carousel.testing" in fingerprint.imports(name.removesuffix(".__init__"))
    ]
