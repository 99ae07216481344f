"""A backend is loaded by its name, its library with the garbage collector at rest."""

import gc

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
