"""What a backend loads."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("cell", ["lstm", "gru_v1", "mlstm"])  # by segment, step by step, and where units mix
def test_a_gradient_on_torch_takes_no_symbolic_mathematics_along(cell: str) -> None:
    measure = (
        f"carousel.decay({cell!r}, 'orthogonal', 0.0, length=3, hidden=2, repetitions=1, backend='torch')"
    )
    code = f"import carousel, sys; print(len({measure}), 'sympy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    rows, sympy = run.stdout.split()
    assert int(rows) > 0 and sympy == "False"
