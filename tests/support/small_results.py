"""A small study and its results, each table made by its command."""

from pathlib import Path

from carousel.__main__ import main
from carousel.axes import BACKENDS
from carousel.pipeline.workflow import gathered
from carousel.study.files import load

SWEEP = """
    backends: [numpy, torch]
    device: cpu
    dtype: float64
    cells: [rnn_tanh, lstm]
    inits: [torch]
    gains: [1.0]
    forget_biases: [0.0, 1.0]
    hidden: [4]
    repetitions: 3
    checked: 2
    batch: 2"""
NOISE = (
    SWEEP
    + """
    lengths: [30]
    biases: [0.0]
    input_size: 2
    drives: [unit]
    state_scale: 0.0"""
)
STUDY = f"""title: Small study
seed: 7
claims: [standard]
decay:
  - slice: libraries{NOISE}
    measures: [gradient]
    lags_per_octave: 8
dynamics:
  - slice: spectrum{NOISE}
    warm_up: 5
    exponents: 4
depth:
  - slice: stacks{NOISE}
    layers: [1, 2]
    residual: [false, true]
    lags_per_octave: 8
search:
  - slice: search_weight
    objectives: [steadiest]
    device: cpu
    dtype: float64
    cells: [rnn_tanh]
    init: identity
    gain: [-4.0, 4.0]
    bias: [0.0, 0.0]
    forget_bias: [0.0, 0.0]
    hidden: 1
    length: 30
    repetitions: 2
    batch: 1
    input_size: 1
    drive: 0.0
    state_scale: 1.0
    lags_per_octave: 2
    grid: 5
    population: 5
    generations: 1
training:
  - slice: adding{SWEEP}
    tasks: [adding]
    lengths: [10]
    climb: false
    gradients: [full]
    steps: 4
    stop_when_solved: false
    learning_rates: [0.01]
    tuning_length: 10
    tuning_repetitions: 1
    clip: 1.0
    test_size: 10
    evaluate_every: 2
    snapshots: [0, 4]
    measures: [gradient]
    sequences: 2
    lags_per_octave: 8
"""


def made(folder: Path) -> Path:
    """The results of the small study, in a folder of `folder`."""
    study, results = folder / "small.yaml", folder / "results" / "small"
    study.write_text(STUDY)
    (results / "logs").mkdir(parents=True)
    (results / "study.yaml").write_text(STUDY)
    tables = gathered(load(study))
    for job in dict.fromkeys(job for jobs in tables.values() for job in jobs if "." not in Path(job).name):
        measure(job, study, results)
    for table, jobs in tables.items():
        if jobs:
            call(
                "gather", *(str(results / f"{job}.parquet") for job in jobs), out=results / f"{table}.parquet"
            )
    derive(study, results)
    return results


def measure(job: str, study: Path, results: Path) -> None:
    """Make the tables of one job."""
    table, *names = job.split("/")
    out = results / f"{job}.parquet"
    if table == "calibration":
        call("calibrate", backend=names[0], out=out)
        return
    own = {"search": ("slice",), "accuracy": ("backend", "task", "cell")}.get(table, ("backend", "cell"))
    more = {f"{kind}-out": out.with_suffix(f".{kind}.parquet") for kind in ("decay", "dynamics")}
    options = dict(zip(own, names, strict=True)) | (more if table == "accuracy" else {})
    call(table, **options, study=study, cache=results / "cache", out=out)


def derive(study: Path, results: Path) -> None:
    """Make the tables that are made of tables."""
    at = {name: results / f"{name}.parquet" for name in ("decay", "accuracy", "dynamics", "calibration")}
    pair = {"accuracy": at["accuracy"], "dynamics": at["dynamics"]}
    summed = {"summary": results / "summary.parquet", "routes": results / "routes.parquet"}
    call("summarise", decay=at["decay"], out=summed["summary"], routes=summed["routes"])
    judged = {name: results / f"{name}.parquet" for name in ("evidence", "agreement")}
    texts = {name: results / f"claims.{name}" for name in ("csv", "json")}
    call("judge", study=study, **at, **judged, **texts, out=results / "claims.parquet")
    call("published", **pair, out=results / "published.parquet", csv=results / "published.csv")
    explored = {
        name: results / f"{name.replace('-', '_')}.parquet" for name in ("advice", "half-lives", "learned")
    }
    inputs = {"decay": at["decay"], "accuracy": at["accuracy"]} | summed
    call("explore", **inputs, **explored, explorer=results / "explorer.json")
    call("timings", logs=results / "logs", out=results / "timings.parquet")
    call("machines", results=results, out=results / "machines.parquet")


def call(command: str, *given: str, **options: object) -> None:
    """Run a command of the package. Raises AssertionError where it fails."""
    words = [f"--{name}={value}" for name, value in options.items()]
    assert main([command, *words, *given]) == 0, command


assert set(BACKENDS) == {"numpy", "torch"}  # those that STUDY names
