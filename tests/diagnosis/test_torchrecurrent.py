"""The cells and layers of torchrecurrent, with default calls, against autograd of their own unrolled steps.

They are installed beside the project, never with it: by `pip install --no-deps --target FOLDER torchrecurrent==0.2.5`,
and PYTHONPATH=FOLDER.
"""

import inspect

import pytest
import torch
from support.unrolled_steps import log_norms
from torch import nn

import carousel
from carousel.diagnosis import ModuleError

package = pytest.importorskip(
    "torchrecurrent", reason="torchrecurrent is not installed: pip install --target"
)
T, B, D, H = 12, 2, 4, 8
LAGS = (1, 5, 12)
SQUARE = ("IntersectionRNN", "IntersectionRNNCell")  # as many inputs as units
DELAYED = ("tauGRU",)  # its layer remembers states that it does not hand on
NAMES = sorted(
    name
    for name, kind in vars(package).items()
    if inspect.isclass(kind) and issubclass(kind, nn.Module) and not name.endswith("Base")
)


def tensors(state):
    return [state] if isinstance(state, torch.Tensor) else [one for each in state for one in tensors(each)]


def like(state, parts):
    return next(parts) if isinstance(state, torch.Tensor) else tuple(like(each, parts) for each in state)


def plain(module, is_layer):
    """A step from parts of a state, and the first parts, [L, 1, H] or [1, H] each, by the package's own conventions."""
    from torchrecurrent import base

    apart = (base.DecoupledSingleStateCellBase, base.DecoupledDoubleStateCellBase)
    pick = (
        (lambda returned: returned[1]) if is_layer or isinstance(module, apart) else lambda returned: returned
    )
    x = torch.zeros(1, module.input_size, dtype=torch.float64)
    structure = pick(module(x[None] if is_layer else x))

    def step(x, parts):
        return tuple(tensors(pick(module(x[None] if is_layer else x, like(structure, iter(parts))))))

    return step, tuple(torch.zeros_like(part) for part in tensors(structure))


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_or_layer_is_measured_as_autograd_does(name):
    torch.manual_seed(0)
    inputs, is_layer = H if name in SQUARE else D, not name.endswith("Cell")
    module = getattr(package, name)(inputs, H).double().eval()
    xs = torch.randn(T, B, inputs, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    if name in DELAYED:
        with pytest.raises(ModuleError, match="a memory that is no part of its state"):
            carousel.diagnose(module, xs)
        return
    rows = carousel.diagnose(module, xs, lags=LAGS, exponents=0, higher=()).decay
    rows = rows[(rows["quantity"] == "jacobian_fro") & (rows["lag"] > 0)]
    step, start = plain(module, is_layer)
    logs = [log_norms(step, xs[:, b : b + 1], start, LAGS) for b in range(B)]
    wanted = [sum(each[lag] for each in logs) / B for lag in LAGS]
    assert list(rows["log10_norm"]) == pytest.approx(wanted, rel=0, abs=1e-10)


def test_there_are_as_many_as_there_were():
    assert len(NAMES) == 82
