"""Whether each recommended setting leaves what it promises: decay.parquet and advice.parquet alone, by plain pandas.

    python benchmarks/advice.py [results/standard]

Nothing of carousel is imported: what arrives is computed again from the recorded gradients. For each line of
advice.parquet and each backend, a model's share is log10 of its gradient at that lag less that of the loss by the
last state; of the repetitions the mean. It has to be the number printed, within the interval printed; where the line
passes, the share and the printed interval have to meet the criterion at this lag, and the share at each shorter one.
Of the input the number and the mark are checked. Exits with 1, and a line per fault, where that is not so.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

TENTH, TENFOLD, HUNDREDTH = -1.0, 1.0, -2.0  # decades: the criterion as the page prints it
SAME = 1e-6  # decades, between the printed number and this, and between the backends
LAGS = 10, 30, 100, 300, 1000
COLUMNS = ["backend", "cell", "init", "gain", "forget_bias", "bias", "drive", "hidden", "length", "repetition",
           "trained", "quantity", "path", "lag", "log10_norm", "n_zero", "n", "slice"]  # fmt: skip
MODELS = {"trained": "no", "gain": 1.0, "bias": 0.0, "drive": "unit", "path": "full"}


def measured(results: Path) -> pd.DataFrame:
    """The recorded gradients, by state and input, of untrained models that white noise of deviation one drives."""
    wanted = [("quantity", "in", ["loss_state", "loss_x"]), ("drive", "==", "unit"), ("path", "==", "full")]
    table = pd.read_parquet(results / "decay.parquet", columns=COLUMNS, filters=wanted)
    return table[
        (table[list(MODELS)].astype(dict.fromkeys(["trained", "drive", "path"], str)) == MODELS).all(axis=1)
    ]


def of_setting(table: pd.DataFrame, line: pd.Series) -> pd.DataFrame:
    """The rows behind one line; chrono for the length of the sequence is recorded as chrono."""
    bias = {line["forget_bias"]} | (
        {"chrono"} if line["forget_bias"] == f"chrono:{line['length']}" else set()
    )
    own = table["forget_bias"].isin(bias)
    for name in ("cell", "init", "hidden", "length"):
        own &= table[name] == line[name]
    rows = table[own]
    return rows[rows["slice"] == rows["slice"].astype(str).min()]


def shares(rows: pd.DataFrame, quantity: str, lag: int) -> pd.DataFrame:
    """Decades that are left at a lag, a row per repetition and a column per backend; -inf where most are zero."""
    y = rows["log10_norm"].where(rows["n_zero"] * 2 <= rows["n"], -np.inf)
    rows = rows.assign(y=y, backend=rows["backend"].astype(str))
    at, start = (
        rows[(rows["quantity"] == name) & (rows["lag"] == each)].pivot_table("y", "repetition", "backend")
        for name, each in ((quantity, lag), ("loss_state", 0))
    )
    return at - start


def centre(values: pd.Series) -> float:
    """The mean, or the lower median where a repetition is exactly zero."""
    return values.mean() if np.isfinite(values).all() else values.quantile(0.5, interpolation="lower")


def faults(table: pd.DataFrame, line: pd.Series) -> Iterator[str]:
    """What is wrong with one line."""
    rows = of_setting(table, line)
    for quantity, name, ends in (
        ("loss_state", "left", ("low", "high")),
        ("loss_x", "input", ("input_low", "input_high")),
    ):
        found = shares(rows, quantity, line["lag"])
        own = found[found.count().idxmax()].dropna()  # of the backend with most repetitions
        low, high = (line[end] for end in ends)
        if not low <= centre(own) <= high:
            yield f"{name}: {centre(own):.4f} is not in [{low:.4f}, {high:.4f}]"
        if not np.isclose(centre(own), line[name], rtol=0, atol=SAME):
            yield f"{name}: {centre(own):.9f}, printed {line[name]:.9f}"
        apart = found.sub(own, axis=0).abs().max(axis=None)
        if line["passes"] and not (found.shape[1] > 1 and apart <= SAME):
            yield f"{name}: the backends differ by {apart:.2g}, of {found.shape[1]}"
    if line["input_lost"] != (not line["input_low"] >= HUNDREDTH):
        yield "the input's gradient is not marked as it should be"
    if line["passes"]:
        yield from misses(rows, line)


def misses(rows: pd.DataFrame, line: pd.Series) -> Iterator[str]:
    """Where a line that passes does not meet the criterion."""
    if not TENTH <= line["low"] <= line["high"] <= TENFOLD:
        yield f"the interval [{line['low']:.4f}, {line['high']:.4f}] does not meet the criterion"
    for lag in (lag for lag in LAGS if lag <= line["lag"]):
        for backend, values in shares(rows, "loss_state", lag).items():
            if not TENTH <= centre(values.dropna()) <= TENFOLD:
                yield f"{backend} at lag {lag}: {centre(values.dropna()):.4f} does not meet the criterion"


def main() -> None:
    """Check every line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/standard"))
    results = parser.parse_args().results
    table, advice = measured(results), pd.read_parquet(results / "advice.parquet")
    names = ["lag", "choice", "cell", "init", "forget_bias", "hidden", "length"]
    found = [
        f"{' '.join(str(line[name]) for name in names)}: {fault}"
        for _, line in advice.iterrows() for fault in faults(table, line)
    ]  # fmt: skip
    found += [] if len(advice) else ["advice.parquet has no line"]
    print("\n".join(found) or f"{len(advice)} lines, {advice['passes'].sum()} that pass: all as printed.")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
