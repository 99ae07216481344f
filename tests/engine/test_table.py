"""A backend is loaded by its name, its library with the garbage collector at rest."""

import gc
import subprocess
import sys

import pytest

from carousel.axes import BACKENDS
from carousel.engine.backends import table


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_while_a_library_is_imported_and_is_then_as_it_was(
    monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    seen = []

    def imported(module: str) -> object:
        seen.append(gc.isenabled())
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(table, "import_module", imported)
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        for name in BACKENDS:
            with pytest.raises(table.DeviceError):
                table.backend_class(name)
        assert seen == [False] * len(BACKENDS) and gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("cell", ["lstm", "gru_v1", "mlstm"])  # by segment, step by step, and where units mix
def test_a_gradient_on_torch_takes_no_symbolic_mathematics_along(cell: str) -> None:
    measure = (
        f"carousel.decay({cell!r}, 'orthogonal', 0.0, length=3, hidden=2, repetitions=1, backend='torch')"
    )
    code = f"import carousel, sys; print(len({measure}), 'sympy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    rows, sympy = run.stdout.split()
    assert int(rows) > 0 and sympy == "False"
