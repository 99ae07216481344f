"""What `import carousel` offers: typed, and loaded when first used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import carousel
import carousel.diagnosis

FACES = carousel, carousel.diagnosis
PUBLIC = [(face, name) for face in FACES for name in face.__all__]


def typed(face: ModuleType) -> dict[str, str]:
    """The public names of a face and their modules, as a type checker reads them."""
    (block,) = (
        node
        for node in ast.parse(Path(str(face.__file__)).read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        str(alias.asname): f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("face", FACES)
def test_what_a_type_checker_reads_is_what_there_is(face: ModuleType) -> None:
    assert typed(face) == {name: f"{home}.{name}" for name, home in face.HOMES.items()}
    assert sorted(face.HOMES) == sorted(face.__all__)


def test_the_package_is_typed_and_lists_its_names() -> None:
    assert Path(carousel.__file__).with_name("py.typed").read_text() == ""
    assert set(carousel.__all__) <= set(dir(carousel))


@pytest.mark.parametrize(("face", "name"), PUBLIC)
def test_every_public_name_is_that_of_its_module(face: ModuleType, name: str) -> None:
    assert getattr(face, name) is getattr(import_module(face.HOMES[name]), name)


@pytest.mark.parametrize("face", FACES)
def test_a_name_that_is_not_there_is_told(face: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{face.__name__}' has no attribute 'decoy'"):
        _ = face.decoy


def test_the_check_of_a_cell_is_at_hand() -> None:
    code = "import carousel, sys; assert 'carousel.testing' not in sys.modules; print(carousel.testing.check_cell)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("<function check_cell")
