"""Results to render: small tables with known numbers, and hostile texts."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from support import planted

from carousel.analysis.routes import routes
from carousel.analysis.summary import summarise
from carousel.report import explorer, recommendations
from carousel.report.figures.style import NARROW, WIDE, panels, powers, style
from carousel.report.figures.svg import save
from carousel.report.hero.fragment import fragment
from carousel.report.hero.lines import lines
from carousel.report.page import measurements
from carousel.report.page.pictures import both, numbers
from carousel.tables import parquet

CLAIMS = {  # id: (who, kind, verdict)
    "Q1": ("question", "identity", "depends"),
    "Q2": ("question", "trend", "refuted"),
    "K1": ("comment", "universal", "refuted"),
    "K2": ("comment", "comparison", "supported"),
    "K3": ("comment", "comparison", "inconclusive"),
    "A1a": ("answer 1", "identity", "supported"),
    "A1c": ("answer 1", "universal", "refuted"),
    "A1d": ("answer 1", "identity", "supported"),
    "A1e": ("answer 1", "trend", "depends"),
    "A2a": ("answer 2", "comparison", "depends"),
    "A2c": ("answer 2", "existence", "supported"),
    "A2d": ("answer 2", "universal", "refuted"),
    "A2e": ("answer 2", "identity", "supported"),
    "A4b": ("answer 4", "identity", "refuted"),
    "A4g": ("answer 4", "trend", "depends"),
}


TURN = "forget bias 5.17 [5.15, 5.2]"


HOSTILE = "<script>alert(1)</script> | **bold** [x](http://x.org) @nobody $y$ `code` {{< pagebreak >}}"


def claims_table() -> pd.DataFrame:
    """One plausible row per claim; the numbers are drawn, the effect of K2 is known."""
    rng = np.random.default_rng(1)
    drawn = {name: 0.0371 if name == "K2" else float(rng.normal(0, 0.1)) for name in CLAIMS}
    rows = [claim(name, *said, drawn[name]) for name, said in CLAIMS.items()]
    return pd.DataFrame(rows)


def claim(name: str, who: str, kind: str, verdict: str, effect: float) -> dict:
    """A row of the claims table; the rule of A4b tries to break the page."""
    return {
        "id": name, "who": who, "kind": kind, "verdict": verdict,
        "statement": f"The gradient does, over all lags and settings, what claim {name} says that it does.",
        "effect": effect, "low": np.nan if kind == "identity" else effect - 0.01, "high": effect + 0.01,
        "n": 1200, "unit": "decades per step", "numpy": effect, "torch": effect,
        "rule": HOSTILE if name == "A4b" else "Slope within 0.001 decades per step over lags 10 to 1,000.",
        "condition": "Holds where the forget bias is 2.5 or more." if verdict == "depends" else "",
        "depends_on": "forget bias" if verdict == "depends" else "",
        "takeaway": "Set the forget bias to the lag that you need.",
        "figure": f"{name}.svg", "alt": f"Lines of log gradient against lag for claim {name}.",
        "reading": f"Formally, {name} is a slope.", "prediction": "depends: on the forget bias",
        "settings": "12 settings", "boundary": TURN if name == "A1e" else "", "slices": "gain grid",
        "margin": "0.003 decades per step: a factor of 2 in 100 steps" if "comparison" in kind else "",
        "at_half_margin": verdict if "comparison" in kind else "",
        "at_twice_margin": ("depends" if name == "K2" else verdict) if "comparison" in kind else "",
        "would_change": "" if verdict == "inconclusive" else f"Closest to its margin: a part of {name}.",
        "register": "standard", "source": "", "quote": "", "thresholds": '{"rules.ALPHA": 0.05}',
        "seal": "0123456789abcdef", "sealed": "before the data" if name == "K1" else "none",
        "seal_commit": "0123abc" if name == "K1" else "", "seal_date": "2026-11-30" if name == "K1" else "",
    }  # fmt: skip


def decay_table() -> pd.DataFrame:
    """The factors of a small sweep."""
    cells = pd.DataFrame({"cell": ["rnn_tanh", "lstm", "gru"], "forget_bias": ["none", "chrono", "none"]})
    rest = {"slice": "grid", "backend": "numpy", "device": "cpu", "dtype": "float64", "init": "torch", "gain": 1.0,
            "bias": 0.0, "drive": "unit", "hidden": 32, "length": 1000, "repetition": 0, "trained": "no", "step": 0,
            "quantity": "jacobian_fro"}  # fmt: skip
    gains = pd.DataFrame({"gain": np.linspace(0.5, 2, 12), "slice": "gain", "cell": "rnn_linear"})
    return pd.concat(
        [cells.assign(**rest), gains.assign(**{k: rest[k] for k in ("init", "hidden", "quantity")})]
    )


def accuracy_table() -> pd.DataFrame:
    """Two tasks with their baselines."""
    base = {"adding": (1 / 6, 0.03), "digits": (2.3026, 0.1)}
    rows = [
        {"slice": task, "task": task, "cell": "lstm", "init": "orthogonal", "gain": 1.0, "forget_bias": "1",
         "hidden": 16, "length": length, "repetition": 0, "gradient": "full", "baseline_loss": loss,
         "baseline_accuracy": accuracy}
        for task, (loss, accuracy) in base.items() for length in (10, 20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def evidence_table() -> pd.DataFrame:
    """Two parts of each comparison on both backends; of the other claims one row without repetitions."""
    rows = [
        {"id": name, "part": part, "backend": backend, "effect": 0.1, "low": 0.0, "high": 0.2, "state": "holds",
         "margin": 0.05, "p_holm": 1e-4, "share": 0.9, "reverse": 0.1 if "comparison" in kind else np.nan,
         "settings": settings if "comparison" in kind else np.nan, "n": 10 * settings,
         "repetitions": (10 if backend == "numpy" else 3) if "comparison" in kind else np.nan}
        for name, (_, kind, _) in CLAIMS.items() for backend in ("numpy", "torch")
        for part, settings in (("one", 12), ("two", 40))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def routes_table() -> pd.DataFrame:
    """What is left in a planted study, of which the slice of the libraries' defaults is a copy of the grid's."""
    found = routes(planted.with_input(planted.decay()))
    libraries = found[(found["slice"].astype(str) == "grid") & (found["init"].astype(str) == "torch")]
    return pd.concat([found, libraries.assign(slice="libraries", drive="unit")], ignore_index=True)


def stability_table(*seeds: int) -> pd.DataFrame:
    """The verdicts of all claims under several seeds, the same under each."""
    rows = claims_table()[["id", "verdict", "effect", "low", "high"]]
    return pd.concat([rows.assign(seed=seed, same=True) for seed in seeds], ignore_index=True)


def agreement_table() -> pd.DataFrame:
    """One measure of how far the backends are apart."""
    row = {"measure": "largest difference of log10_norm", "value": 3.2e-13, "unit": "decades", "n": 52000,
           "where": "LSTM, lag 1000"}  # fmt: skip
    return pd.DataFrame([row])


def calibration_table() -> pd.DataFrame:
    """Two systems on both backends at two lags: an exact one, and one whose answer is estimated."""
    rows = [
        {"backend": backend, "device": "cpu", "dtype": "float64", "system": system, "statement": statement,
         "quantity": quantity, "path": "full", "source": "", "lag": lag,
         "predicted": rate * lag, "measured": rate * lag + error,
         "error": error, "tolerance": tolerance, "in_standard_errors": off, "passed": True, "n": 4}
        for system, statement, quantity, rate, error, tolerance, off in (
            ("dead ReLU", "Nothing comes back.", "loss_state", -np.inf, 0.0, 1e-9, np.nan),
            ("orthogonal *linear*", "Every norm stays.", "loss_state", 0.0, 2.5e-13, 1e-9, np.nan),
            ("Gaussian product", "Newman's sum.", "jacobian_fro", -0.25, 0.0123, 3.0, 1.23),
        )
        for backend in ("numpy", "torch") for lag in (10, 100)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def summary_table() -> pd.DataFrame:
    """One line per setting of a small grid, and lines that the page's tables leave out."""
    base = {"backend": "numpy", "device": "cpu", "dtype": "float64", "slice": "grid", "gain": 1.0, "bias": 0.0,
            "drive": "unit", "hidden": 32, "length": 400, "trained": "no", "step": 0, "gradient": "none",
            "quantity": "loss_state", "path": "full", "best": "exponential", "best_share": 0.9, "repetitions": 10,
            "law": "", "theory": np.nan}  # fmt: skip
    rows = [base | setting_line(*line) for line in SETTINGS]
    every = [setting_line("slstm", "orthogonal", "1", -0.0625, "vanishing"), setting_line(*SETTINGS[0])]
    rows += [
        base | setting_line("lstm", "orthogonal", "0", -0.3, "vanishing") | {"slice": "phase", "hidden": 16}
    ]
    rows += [base | line | {"slice": "breadth", "hidden": 16, "length": 100} for line in every]
    laws = [("mean field", -0.25, -0.2), ("mean field", -0.25, -0.24), ("isometry", -np.inf, -np.inf)]
    rows += [base | setting_line("rnn_tanh", "gaussian", "none", rate, "vanishing") | {"slice": "gain", "law": law,
             "theory": theory} for law, rate, theory in laws]  # fmt: skip
    out = [{"slice": "gain"}, {"backend": "torch"}, {"length": 100}, {"trained": "adding"}, {"path": "cell"}]
    hidden = [rows[0] | {"cell": "left_out", "rate": -0.6789} | change for change in out]
    return pd.DataFrame([*rows, *hidden])


def dynamics_table() -> pd.DataFrame:
    """The sum of the exponents and the determinant of three models, one of which loses a direction."""
    model = {"backend": "numpy", "device": "cpu", "dtype": "float64", "slice": "spectrum", "cell": "lstm",
             "init": "orthogonal", "gain": 1.0, "forget_bias": "1", "bias": 0.0, "drive": "unit", "hidden": 8,
             "length": 100, "trained": "no", "step": 0, "gradient": "none", "axis": "all", "index": 0,
             "quantile": np.nan, "error": np.nan, "n": 32}  # fmt: skip
    rows = [
        model | {"repetition": r, "quantity": name, "value": value}
        for name, values in (("lyapunov", (-0.1, -0.1, -0.1)), ("lyapunov_sum", (-3.0, -4.0, -np.inf)),
                             ("log_det", (-3.0 - 2e-12, -4.0, -np.inf)), ("gate_i", (0.5,) * 3), ("exit", (0.3,) * 3))
        for r, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def depth_table() -> pd.DataFrame:
    """Stacks of two layers, plain and residual, beside a single one: straight lines, which no repetition bends."""
    base = {"device": "cpu", "dtype": "float64", "slice": "stacks", "cell": "lstm",
            "init": "orthogonal", "gain": 1.0, "forget_bias": "1", "bias": 0.0, "drive": "0.25", "hidden": 32,
            "length": 60, "input_size": 4, "n_zero": 0, "n_overflow": 0, "n": 2}  # fmt: skip
    stacks = {
        (1, False): (0.0, 0.1),
        (2, False): (-1.5, 0.05),
        (2, True): (0.1, 0.05),
    }  # at lag 0, and lost per step
    rows = [
        base | {"backend": backend, "layers": layers, "residual": residual, "repetition": r, "layer": layer, "lag": lag,
                "log10_norm": start - loss * lag if layer == 1 else -loss * lag}
        for backend in ("numpy", "torch") for (layers, residual), (start, loss) in stacks.items() for r in range(3)
        for layer in range(1, layers + 1) for lag in (0, 10, 30, 60)
    ]  # fmt: skip
    return pd.DataFrame(rows)


SETTINGS = [  # cell, init, forget bias, rate, what becomes of it
    ("rnn_tanh", "orthogonal", "none", -0.25, "vanishing"),
    ("lstm", "orthogonal", "chrono", -0.002, "steady"),
    ("lstm", "orthogonal", "0", -0.5, "vanishing"),
    ("rnn_linear", "orthogonal", "none", 0.1, "exploding"),
    ("lstm", "identity", "0", -0.0125, "vanishing"),
]


def setting_line(cell: str, init: str, bias: str, rate: float, regime: str) -> dict:
    """A line of the summary; a rate of 0.1 overflows, the others underflow where they are not steady."""
    ends = {"vanishing": "underflow", "exploding": "overflow"}
    found = {"cell": cell, "init": init, "forget_bias": bias, "rate": rate, "low": rate - 0.001, "high": rate + 0.001,
             "half_life": np.log10(0.5) / rate if rate < 0 else np.inf, "regime": regime,
             "margin": abs(rate) / 2}  # fmt: skip
    for name, digits in (("float32", 38), ("float64", 308)):
        lag = np.inf if regime == "steady" else digits / abs(rate)
        found |= {
            f"{name}_lag": lag,
            f"{name}_end": ends.get(regime, regime),
            f"{name}_extrapolated": 400 < lag < 1e9,
        }
    return found


def published_table() -> pd.DataFrame:
    """An order that is reproduced, a plateau that is not, and a finding that was not tried."""
    order = {"finding": "One before the other", "source": "tallec2018", "found": HOSTILE, "tried": "The same, smaller.",
             "relation": "order", "tolerance": 0.5, "unit": "octaves of steps", "why": "less is nothing", "n": 10,
             "effect": 1.25, "low": 1.125, "high": 1.375, "p": 0.001, "outcome": "reproduced"}  # fmt: skip
    plateau = {
        "finding": "It stays",
        "source": "arjovsky2016",
        "relation": "plateau",
        "tolerance": 0.1,
        "effect": 0.3,
    }
    plateau |= {"low": 0.2, "high": 0.4, "p": 0.9, "unit": "nats", "outcome": "not reproduced"}
    nothing = dict.fromkeys(("effect", "low", "high", "p"), np.nan) | {"n": 0, "outcome": "not tried"}
    return pd.DataFrame([order, order | plateau, order | {"finding": "Lacking"} | nothing])


def timings_table() -> pd.DataFrame:
    """Two rules, the cheap one first."""
    return pd.DataFrame({"rule": ["draw", "decay"], "jobs": [1, 14], "wall": [12.5, 600.0], "cpu": [11.0, 590.0],
                         "longest": [12.5, 60.0]})  # fmt: skip


def machines_table() -> pd.DataFrame:
    """This machine, and another one whose name tries to break the page."""
    here = {"machine": "A box, Linux", "gpu": "", "device": "cpu", "dtype": "float64", "rows": 52000, "settings": 120,
            "compared": 0, "largest": np.nan, "tolerance": np.nan, "beyond": 0, "where": "", "other_code": 0,
            "folder": ""}  # fmt: skip
    there = here | {
        "machine": HOSTILE,
        "folder": "hostile",
        "compared": 26000,
        "largest": 3.5e-12,
        "tolerance": 1e-8,
    }
    return pd.DataFrame([here, there])


@cache
def made_by_explore() -> tuple[str, dict[str, pd.DataFrame]]:
    """The explorer's document, and the tables of advice, of a planted study."""
    decay = planted.decay()
    summary = summarise(decay)
    learned = recommendations.learned(pd.concat([planted.accuracy(), planted.advised()]), summary)
    tables = {
        "advice": recommendations.recommend(routes(planted.with_input(decay)), learned),
        "half_lives": recommendations.by_bias(summary, ["grid"]),
        "learned": learned,
    }
    return explorer.text(explorer.explore(decay, summary)), tables


def tuning_table() -> pd.DataFrame:
    """Three rates tried for one cell on one task."""
    return pd.DataFrame({"slice": "climb", "task": "adding", "cell": "lstm", "learning_rate": [0.001, 0.01, 0.1],
                         "length": 20, "repetition": -1, "chosen": [False, True, False]})  # fmt: skip


TABLES = {
    "tuning": tuning_table,
    "machines": machines_table,
    "published": published_table,
    "timings": timings_table,
    "calibration": calibration_table,
    "summary": summary_table,
    "claims": claims_table,
    "evidence": evidence_table,
    "routes": routes_table,
    "agreement": agreement_table,
    "decay": decay_table,
    "accuracy": accuracy_table,
    "dynamics": dynamics_table,
    "depth": depth_table,
}


ORIGIN = {
    "carousel": "0.1.0",
    "commit": "0123abc",
    "study": "standard",
    "title": "Standard study",
    "study_hash": "f00d",
    "seed": 1,
    "torch": ["2.13.0", "2.13.0+cpu"],
    "machine": "A box, Linux",
}


@cache
def drawing(narrow: bool) -> str:
    """An SVG file as figures are, for a phone or for a wide window."""
    with style(NARROW if narrow else WIDE), tempfile.TemporaryDirectory() as folder:
        figure, (ax,) = panels(["left of the gradient"], "lag")
        ax.plot([0, 100], [0, -30], color="#0b5394")
        powers(ax)
        save(figure, Path(folder) / "x.svg")
        return (Path(folder) / "x.svg").read_text("utf-8")


def make_results(folder: Path) -> Path:
    """A results folder as the pipeline leaves it."""
    for name, make in TABLES.items():
        parquet.write(
            make(), folder / f"{name}.parquet", ORIGIN | {"made": "a"} if name == "decay" else ORIGIN
        )
    document, tables = made_by_explore()
    (folder / "explorer.json").write_text(document)
    (folder / "diagnosed.json").write_text('[{"of": "an LSTM", "said": "It halves every *1.5* steps."}]')
    for name, table in tables.items():
        parquet.write(table, folder / f"{name}.parquet", ORIGIN)
    for kind in ("narrow", "data"):
        (folder / "figures" / kind).mkdir(parents=True)
    for name in ("story", *CLAIMS, *measurements.DRAWN):
        numbers(folder / "figures" / f"{name}.svg").write_text(f"# {name}: 5 % & <b>\npanel,x\n1,0.5\n")
        for path in both(folder / "figures" / f"{name}.svg").values():
            path.write_text(drawing(path.parent.name == "narrow"))
    found = lines(planted.decay())
    (folder / "figures" / "hero.html").write_text(fragment(found) if found else "")
    (folder / "figures" / "hero.svg").write_text(drawing(False))
    for name in ("story", *measurements.DRAWN):
        (folder / "figures" / f"{name}.txt").write_text(f"What is seen of {name}: a < b.\n")
    return folder


def run(results: Path, out: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, as the Snakefile calls it."""
    command = [
        sys.executable,
        "-m",
        "carousel",
        "render",
        "--results",
        str(results),
        "--out",
        str(out),
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
