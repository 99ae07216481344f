import os
from pathlib import Path

import hypothesis
import pytest
from support.once import Once

# What a test starts finds the package too, whether it is installed or not, and keeps to one thread.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

hypothesis.settings.register_profile(
    "untimed", deadline=None
)  # machines are shared, and tests run side by side
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the tests that check cells run autograd."""
    parser.addoption(
        "--device", default="cpu", help="torch device of the tests of cells: cpu, cuda, cuda:1 ..."
    )
    parser.addoption("--dtype", default="float64", choices=["float64", "float32"], help="and its dtype")


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """The torch device that `--device` names."""
    return request.config.getoption("--device")


@pytest.fixture(scope="session")
def dtype(request: pytest.FixtureRequest) -> str:
    """The torch dtype that `--dtype` names."""
    return request.config.getoption("--dtype")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the campaigns out unless `-m` names them, and put the files with slow tests first."""
    left_out = {item for item in items if item.get_closest_marker("campaign")}
    if left_out and "campaign" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def smoke_checkout(once: Once) -> Path:
    """A copy of the repository with the smoke study, made without network where permitted; not to be changed."""
    from tools import faults  # after jaxtyping has its hook on the package

    return once("smoke", faults.smoke)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Once:
    """Makes things once per session: `once(name, make)`."""
    folder = tmp_path_factory.getbasetemp()
    return Once(folder.parent if hasattr(request.config, "workerinput") else folder)
