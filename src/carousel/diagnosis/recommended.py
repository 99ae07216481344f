"""What the study recommends for the cell of a layer, from its table of advice where that is at hand."""

from pathlib import Path

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.cells import CELLS
from carousel.diagnosis.layer import Layer, ModuleError
from carousel.diagnosis.shares import LAGS
from carousel.report.recommendations import first_choices
from carousel.study.files import config_folder
from carousel.tables import parquet
from carousel.tables.files import StoreError
from carousel.tables.schemas import names

OF_STUDY = Path("results/standard/advice.parquet")
COLUMNS = [
    "lag",
    "cell",
    "init",
    "forget_bias",
    "hidden",
    "length",
    "left",
    "low",
    "high",
    "passes",
    "n",
    "trained",
]


def advice_table(path: Path | str | None) -> tuple[pd.DataFrame, str]:
    """The table of advice at `path`, and where it is; raises ModuleError where there is no whole one.

    Without a path that of the standard study in the checkout that the package runs from, or one without rows.
    """
    nothing = pd.DataFrame(columns=names("advice")), ""
    own = config_folder().parent / OF_STUDY
    if path is None and not own.is_file():
        return nothing
    try:
        table = parquet.read(own if path is None else path)
    except StoreError as error:
        if path is None:
            return nothing
        raise ModuleError(f"advice: {error}; allowed: the advice.parquet of a study") from None
    if missing := set(names("advice")) - set(table):
        raise ModuleError(
            f"advice: {path or own} has no column {min(missing)}; allowed: the advice.parquet of a study"
        )
    return table, str(OF_STUDY if path is None else path)


def advice_of(layer: Layer, advice: pd.DataFrame) -> pd.DataFrame:
    """The rows of a layer's cell at LAGS, the one that is to be said first of each."""
    kind = next((name for name, cell in CELLS.items() if cell is layer.cell), "")
    return first_choices(select(advice, cell=kind, lag=list(LAGS)))[COLUMNS]
