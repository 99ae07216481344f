"""What `import carousel` offers: typed, and loaded when first used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import carousel

FACE = Path(carousel.__file__)


def typed() -> dict[str, str]:
    """The public names and their modules, as a type checker reads them."""
    (block,) = (
        node
        for node in ast.parse(FACE.read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        str(alias.asname): f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_what_a_type_checker_reads_is_what_there_is() -> None:
    assert typed() == {name: f"{home}.{name}" for name, home in carousel.HOMES.items()}
    assert sorted(carousel.HOMES) == sorted(carousel.__all__)
    assert set(carousel.__all__) <= set(dir(carousel))
    assert FACE.with_name("py.typed").read_text() == ""


@pytest.mark.parametrize("name", carousel.__all__)
def test_every_public_name_is_that_of_its_module(name: str) -> None:
    assert getattr(carousel, name) is getattr(import_module(carousel.HOMES[name]), name)


def test_a_name_that_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match="module 'carousel' has no attribute 'decoy'"):
        _ = carousel.decoy


def test_the_check_of_a_cell_is_at_hand() -> None:
    code = "import carousel, sys; assert 'carousel.testing' not in sys.modules; print(carousel.testing.check_cell)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("<function check_cell")
