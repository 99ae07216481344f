"""The tables that are made have the columns of their schema, and every quantity in them has its entry."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from carousel.analysis.routes import ROUTES, routes
from carousel.analysis.summary import PRECISIONS, READ, summarise
from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from carousel.measures import decay, depth, dynamics
from carousel.measures.calibration.calibrate import SYSTEMS, calibrate
from carousel.measures.training import train, tuning
from carousel.pipeline import fingerprint
from carousel.study.files import decay_defaults, depth_defaults, dynamics_defaults, training_defaults
from carousel.study.models import Setting
from carousel.study.schema import vary
from carousel.tables import quantities
from carousel.tables.columns import FACTORS, ROLES, TYPES
from carousel.tables.layout import misfit
from carousel.tables.quantities import QUANTITIES, filled, member, of_kind, quantity
from carousel.tables.schemas import MEASURED, TABLES, categories, names, schema

NUMPY = load("numpy", "cpu", "float64")
MEASURES = ["gradient", "jacobian", "gates", "exponents", "truncation"]


def block(cell: str) -> list[Setting]:
    bias = "none" if CELLS[cell].forget is None else "1"
    return [Setting(cell, "torch", 1.0, bias, 0.0, "unit", 3, 6, 0)]


@pytest.fixture(scope="module")
def measured() -> dict[str, list[pd.DataFrame]]:
    """The measured tables of every cell, before training and on the way through it, and one calibration."""
    short = {"input_size": 2, "batch": 2}
    before = vary(decay_defaults(), measures=["gradient", "jacobian"], **short)
    driven = vary(dynamics_defaults(), warm_up=2, exponents=3, **short)
    trained = vary(
        training_defaults(), tasks=["adding"], lengths=[6], steps=1, evaluate_every=1, snapshots=[0],
        tuning_length=5, hidden=[3], measures=MEASURES, sequences=1, batch=2, test_size=2,
    )  # fmt: skip
    runs = [train.train(NUMPY, 1, block(cell), trained, "adding", "full") for cell in ("rnn_tanh", "lstm")]
    return {
        "decay": [decay.measure(NUMPY, 1, block(cell), before) for cell in CELLS]
        + [run.decay for run in runs],
        "dynamics": [
            *(dynamics.measure(NUMPY, 1, block(cell), driven) for cell in CELLS),
            *(run.dynamics for run in runs),
        ],
        "depth": [
            depth.measure(NUMPY, 1, block(cell), vary(depth_defaults(), **short), 2, True) for cell in CELLS
        ],
        "accuracy": [run.accuracy for run in runs],
        "tuning": [tuning.tune(NUMPY, 1, trained, "adding", "lstm")],
        "calibration": [calibrate(NUMPY, [next(iter(SYSTEMS))])],
    }


@pytest.mark.parametrize("table", MEASURED)
def test_what_is_measured_has_the_schema_s_columns(table: str, measured: dict) -> None:
    for frame in measured[table]:
        assert not misfit(pa.Schema.from_pandas(frame, preserve_index=False), table, BACKENDS)


def test_a_summary_has_the_schema_s_columns(measured: dict) -> None:
    decay = pd.concat(measured["decay"], ignore_index=True)
    found = summarise(decay)
    pd.testing.assert_frame_equal(found, summarise(decay[READ]), check_exact=True)
    assert not misfit(pa.Schema.from_pandas(found, preserve_index=False), "summary", BACKENDS)
    lost = [name for name in names("summary") if re.fullmatch(r"float\d+_(lag|end|extrapolated)", name)]
    assert lost == [f"{dtype}_{what}" for dtype in PRECISIONS for what in ("lag", "end", "extrapolated")]


def test_routes_have_the_schema_s_columns(measured: dict) -> None:
    decay = pd.concat(measured["decay"], ignore_index=True)
    found = routes(decay, lags=(1, 2))
    pd.testing.assert_frame_equal(found, routes(decay[READ], lags=(1, 2)), check_exact=True)
    assert not misfit(pa.Schema.from_pandas(found, preserve_index=False), "routes", BACKENDS)
    assert {*zip(found["quantity"], found["path"], strict=True)} == {*ROUTES}


@pytest.mark.parametrize("table", ["decay", "dynamics"])
def test_every_quantity_has_its_entry_and_every_entry_is_measured(table: str, measured: dict) -> None:
    rows = pd.concat([frame.astype({"quantity": str}) for frame in measured[table]])
    found = {name: quantity(name) for name in rows["quantity"].unique()}
    assert set(found.values()) == {entry for entry in QUANTITIES if entry.table == table}
    if table == "decay":
        for name, part in rows.groupby("quantity"):
            assert set(part["path"]) == set(found[name].paths), name


@pytest.mark.parametrize("cell", CELLS)
def test_names_are_built_for_the_states_and_gates_of_every_cell(cell: str) -> None:
    for state in CELLS[cell].states:
        assert member(f"loss_{state}") == state
    for gate in CELLS[cell].gates:
        assert (member(f"gate_{gate}"), quantity(f"gate_{gate}").kind) == (gate, "gates")


def test_a_name_is_its_own_entry_before_it_is_built_from_a_pattern() -> None:
    assert quantity("loss_x").name == "loss_x"
    assert member("loss_state") == ""
    assert of_kind(["cec", "jacobian_fro_x", "exit", "gate_i"], "jacobian", "gates") == [
        "jacobian_fro_x",
        "gate_i",
    ]
    assert not filled("gate_{gate}", "gate_") and not filled("gate_{gate}", "exit_gate")
    with pytest.raises(KeyError, match="found 'jacobian'"):
        quantity("jacobian")


def test_the_paths_are_those_of_the_engine_and_their_difference() -> None:
    assert set(quantity("loss_state").paths) == {*PATHS, "gates"}
    assert {path for entry in QUANTITIES for path in entry.paths} == set(quantities.PATHS)


NO_UNIT = {"repetition", "seed"}  # numbers of a draw


@pytest.mark.parametrize("table", TABLES)
def test_every_column_stands_once_with_all_that_is_to_be_said(table: str) -> None:
    columns = TABLES[table]
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        number = column.type in ("float", "int") and column.name not in NO_UNIT
        assert column.type in TYPES, column.name
        assert column.role in ROLES, column.name
        assert column.meaning, column.name
        assert bool(column.unit) == number, column.name


def test_the_fixed_names_are_there() -> None:
    fixed = {
        "decay": "backend device dtype cell init gain forget_bias hidden length repetition trained quantity path lag "
        "log10_norm n_zero",
        "accuracy": "backend device dtype cell init gain forget_bias hidden task length repetition gradient step loss "
        "accuracy solved",
        "claims": "id who kind statement verdict effect low high n unit rule numpy torch condition takeaway figure",
    }
    for table, columns in fixed.items():
        assert set(columns.split()) <= set(names(table, backends=BACKENDS)), table


def test_one_column_per_backend() -> None:
    found = schema("claims", ["one", "two"])
    assert [name for name, column in found.items() if "one backend measured" in column.meaning] == [
        "one",
        "two",
    ]
    assert (found["two"].name, found["two"].type) == ("two", "float")


def test_categories_and_roles_are_read_off_the_columns() -> None:
    assert categories("calibration")[:3] == ["backend", "device", "dtype"]
    assert names("decay", "value", "error") == ["log10_norm", "error"]
    assert names("decay", "condition") == ["input_size"]
    assert set(FACTORS) == {
        *names("decay", "factor", "place", "condition"),
        *names("accuracy", "factor", "place"),
        *names("depth", "factor"),
    }


def test_no_word_measures_again_and_every_column_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    job = "decay", "numpy", "lstm"
    words = {
        Path(f"src/carousel/tables/{name}.py") for name in ("columns", "derived", "quantities", "schemas")
    }
    assert all(path.exists() for path in words)
    assert not words & set(map(Path, fingerprint.files("decay", ["numpy"], ["lstm"])))
    assert Path("src/carousel/tables/columns.py") in set(map(Path, fingerprint.files("judge")))
    before, columns = fingerprint.fingerprint(*job), TABLES["decay"]
    monkeypatch.setitem(TABLES, "decay", tuple(column._replace(meaning="?", words="?") for column in columns))
    assert fingerprint.fingerprint(*job) == before
    monkeypatch.setitem(TABLES, "decay", (*columns, columns[0]._replace(name="more")))
    more = fingerprint.fingerprint(*job)
    monkeypatch.setitem(TABLES, "decay", (*columns[:-1], columns[-1]._replace(type="int")))
    assert len({before, more, fingerprint.fingerprint(*job)}) == 3
