"""What a practitioner should set for the lag that is needed, read from what arrives there and from what was learned.

`recommend` looks at gradients before training: for each lag and cell, a setting that leaves enough of the gradient.
`learned` looks at training: for each setting and length, how many seeds solved the task.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis.names import task
from carousel.analysis.stats.learning import restricted_mean, time_to_solve
from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import RUN, select
from carousel.analysis.text import bias_order
from carousel.axes import BACKENDS, LIBRARIES, NOISE, REFERENCE, UNIT_DRIVE
from carousel.tables.schemas import names

LARGEST = -VANISHED  # decades, up or down: by more the gradient has vanished, or has grown as much
INPUT_LOST = (
    -2.0
)  # decades: below a hundredth of the gradient by the last state, that by the input counts as lost
USUAL = (*LIBRARIES, "orthogonal", "glorot", "gaussian", "identity")  # inits, a library's own first
PLACE = ["cell", "init", "forget_bias"]
MEASURED = ["slice", *PLACE, "hidden", "length"]
TRAINED = ["task", *PLACE, "length"]
LINE = ["init", "length", "drive", "hidden"]  # what settings share that differ in their forget bias alone
ENDS = {
    "left": "input",
    "low": "input_low",
    "high": "input_high",
}  # of the state, and what they are called of the input
SMALLEST, STEADIEST, LEARNED = "smallest bias", "steadiest", "learned"


def recommend(routes: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Return the settings to take by lag (steps) and cell, at most one row per choice.

    routes: what is left by route and lag. learned: as `learned` makes it. A setting passes where it has `changed` by
    no more than LARGEST. SMALLEST is, of those that pass, the first by `order`: it asks least of a network that
    works, where a larger bias, and chrono more so, slows forgetting and shuts out the input. STEADIEST is the
    setting that has changed least, whatever its input's gradient. LEARNED is, of the settings tried in training on
    sequences at least as long, the one that `solves` most, passing or not; none where nothing was solved.
    """
    table = solves(farthest(changed(arriving(routes))), learned)
    rows = [row for _, part in table.groupby(["lag", "cell"], observed=True) for row in choices(part)]
    found = pd.DataFrame(rows, columns=[name for name in names("advice") if name != "trained"])
    settings = found[["lag", *PLACE]].itertuples(index=False)
    texts = [training(learned, lag, tuple(setting)) for lag, *setting in settings]
    return found.assign(trained=pd.Series(texts, found.index, dtype="str"))  # text where there is no row, too


def arriving(routes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting to recommend from, width, length and lag: what is left by state and by input.

    The settings: inputs of standard deviation one, as a user has them, gain one, no bias but the forget bias, more
    than one unit, no training, measured on every backend. left, low, high and input, input_low, input_high: the
    reference's, in decades.
    """
    usual = {"trained": "no", "gain": 1.0, "bias": 0.0, "drive": UNIT_DRIVE, "path": "full"}
    rows = select(routes, quantity=["loss_state", "loss_x"], **usual)
    rows = rows[rows["hidden"] > 1].astype(dict.fromkeys(["slice", "backend", *PLACE], str))
    keys = [*MEASURED, "lag"]
    everywhere = rows.groupby([*keys, "quantity"], observed=True)["backend"].transform("nunique")
    rows = select(rows[everywhere == len(BACKENDS)], backend=REFERENCE)
    state, by_input = (select(rows, quantity=name)[[*keys, *ENDS]] for name in ("loss_state", "loss_x"))
    table = state.merge(by_input.rename(columns=ENDS), on=keys, how="left")
    return table.assign(forget_bias=own_length(table))


def own_length(table: pd.DataFrame) -> np.ndarray:
    """Return the forget bias of each row [rows], chrono with the length that it was drawn for: "chrono:100"."""
    return np.where(
        table["forget_bias"] == "chrono", "chrono:" + table["length"].astype(str), table["forget_bias"]
    )


def changed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with `changed`: decades, up or down, of the end of the interval that is farthest from all left.

    The largest at any lag of the table up to the row's own: what reaches far must not be lost on the way. Infinite
    where there is no interval.
    """
    table = table.sort_values([*MEASURED, "lag"], ignore_index=True)
    here = np.maximum(-table["low"], table["high"]).fillna(np.inf)
    return table.assign(changed=here.groupby([table[name] for name in MEASURED]).cummax())


def farthest(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting and lag: of its widths and lengths, the one that has changed most there.

    passes: within LARGEST. input_lost: at the lower end of its interval the input's gradient is below INPUT_LOST.
    """
    table = table.sort_values(["changed", *MEASURED], ascending=[False] + [True] * len(MEASURED))
    table = table.drop_duplicates([*PLACE, "lag"])
    return table.assign(passes=table["changed"] <= LARGEST, input_lost=~(table["input_low"] >= INPUT_LOST))


def choices(settings: pd.DataFrame) -> Iterator[dict]:
    """Yield the rows of one cell and lag, by choice."""
    passing = settings[settings["passes"]]
    counted = {"n_passed": len(passing), "n": len(settings)}
    if len(passing):
        yield {**order(passing).iloc[0], **counted, "choice": SMALLEST}
    yield {**settings.sort_values(["changed", *PLACE]).iloc[0], **counted, "choice": STEADIEST}
    tried = settings[settings["solved"] > 0]
    if len(tried):
        ascending = [False, *[True] * (2 + len(PLACE))]
        best = tried.sort_values(["solved", "steps", "changed", *PLACE], ascending=ascending)
        yield {**best.iloc[0], **counted, "choice": LEARNED}


def first_choices(advice: pd.DataFrame) -> pd.DataFrame:
    """Return the row of each lag that is to be said first: what learned; else what passes; else what comes nearest."""
    places = {name: place for place, name in enumerate((LEARNED, SMALLEST, STEADIEST))}
    order = advice.assign(place=advice["choice"].astype(str).map(places)).sort_values(["lag", "place"])
    return order.drop_duplicates("lag").drop(columns="place").reset_index(drop=True)


def solves(table: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `farthest` with what each setting learned on sequences `long_enough`; NaN where not compared.

    Compared are, over the tasks that more than half of the tried settings of the cell were trained on, the settings
    that were trained on all of these. solved: the share of seeds, in the task where it is smallest. steps: of training,
    the sum over tasks. n_tried: how many settings of the cell are compared.
    """
    rows = [compared(part, learned) for _, part in table.groupby(["lag", "cell"], observed=True)]
    return pd.concat(rows) if rows else table.assign(solved=np.nan, steps=np.nan, n_tried=0)


def compared(settings: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one lag and cell with what `solves` adds."""
    tried = long_enough(learned, settings["lag"].iloc[0]).merge(settings[PLACE])
    often = tried.groupby("task")["cell"].transform("size") * 2 > len(tried[PLACE].drop_duplicates())
    usual = tried[often]
    whole = usual.groupby(PLACE)["task"].transform("size") == usual["task"].nunique()
    found = usual[whole].groupby(PLACE, as_index=False).agg(solved=("share", "min"), steps=("steps", "sum"))
    return settings.merge(found, "left", PLACE).assign(n_tried=len(found))


def long_enough(learned: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Return what each setting learned of each task at the shortest length from ``lag`` on that it was trained on."""
    rows = learned.assign(forget_bias=own_length(learned))
    return rows[rows["length"] >= lag].sort_values("length").drop_duplicates(["task", *PLACE])


def order(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in the order in which they are chosen.

    Those first whose input's gradient is not lost; of these a library's own init; then from the smallest forget bias
    up, numbers before schemes; of the same bias, what has changed least.
    """
    place = {name: number for number, name in enumerate(bias_order(settings["forget_bias"]))}
    keys = {"a": ~settings["init"].isin(LIBRARIES), "b": settings["forget_bias"].map(place)}
    return settings.assign(**keys).sort_values(["input_lost", "a", "b", "changed", "init"])


def training(learned: pd.DataFrame, lag: int, setting: tuple) -> str:
    """Return what a setting (cell, init, forget bias) learned on sequences `long_enough`; "" where it was not tried."""
    own = select(long_enough(learned, lag), **dict(zip(PLACE, setting, strict=True)))
    return told(own.sort_values("task"), lag)


def told(rows: pd.DataFrame, lag: int) -> str:
    """Return by task the seeds that solved it, in how many updates, and at which learning rate.

    Seeds that did not count with all the updates that there were.
    """
    rates = [f"learning rate {rate:g}" for rate in rows["learning_rate"]]
    each = [_solved(row, lag) for _, row in rows.iterrows()]
    if len({*rates}) == 1:
        return "; ".join([*each, rates[0]])
    return "; ".join(f"{solved} at {rate}" for solved, rate in zip(each, rates, strict=True))


def _solved(row: pd.Series, lag: int) -> str:
    """Return how many seeds solved a task, and how soon; its length where that is not the lag."""
    over = "" if row["length"] == lag else f" over {row['length']:,} steps"
    seeds = f"{task(row['task'])}{over} {row['solved']} of {row['seeds']} seeds"
    if not row["solved"]:
        return f"{seeds} within {row['budget']} updates"
    of = "" if row["solved"] == row["seeds"] else f" of {row['budget']}"
    return f"{seeds}, in {row['steps']:.0f}{of} updates"


def learned(accuracy: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, setting and length: the seeds that solved it, of those tried.

    A seed counts where every backend that trained it solved it; one that did not climb to a length has not solved it.
    share, low, high: with Wilson's 95 % interval. steps: the mean to solve it, restricted to ``budget``. rate,
    half_life: of the gradient at the same length before the first step of training (decades per step; steps). Of
    several slices that train a setting the one with most seeds, of these that with most steps.
    """
    runs = whole(time_to_solve(select(accuracy, gradient="full")))
    seeds = runs.groupby([*TRAINED, "slice", "repetition"], observed=True)["solved"].all()
    table = seeds.groupby([*TRAINED, "slice"], observed=True).agg(solved="sum", seeds="size").reset_index()
    table = table.merge(mean_steps(runs), on=[*TRAINED, "slice"])
    table = table.merge(rates(accuracy), "left", ["task", *PLACE, "slice"])
    table = table.sort_values(["seeds", "budget", "slice"], ascending=[False, False, True]).drop_duplicates(
        TRAINED
    )
    shares = [share(row.solved, row.seeds) for row in table.itertuples()]
    table[["share", "low", "high"]] = np.reshape(shares, (-1, 3))
    table = table.astype(dict.fromkeys(["task", "slice", *PLACE], str))
    return table.merge(at_the_start(summary), "left").sort_values(TRAINED, ignore_index=True)[
        names("learned")
    ]


def whole(times: pd.DataFrame) -> pd.DataFrame:
    """Return the times of `time_to_solve` with a row for each run and each length of its slice and task.

    A length that a run did not climb to is not solved within the ``horizon``.
    """
    texts = [name for name in RUN if not pd.api.types.is_numeric_dtype(times[name])]
    times = times.astype(dict.fromkeys(texts, str))
    lengths = times[["slice", "task", "length", "horizon"]].drop_duplicates()
    every = times[RUN].drop_duplicates().merge(lengths, on=["slice", "task"])
    found = every.merge(times[[*RUN, "length", "time", "solved"]], "left", [*RUN, "length"])
    return found.assign(solved=found["solved"].eq(True), time=found["time"].fillna(found["horizon"]))


def rates(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return the learning rate per setting and slice, the same at every length, whether runs climbed to it or not."""
    keys = ["task", *PLACE, "slice"]
    found = select(accuracy, gradient="full").groupby(keys, observed=True)["learning_rate"].first()
    return found.reset_index().astype(dict.fromkeys(keys, str))


def mean_steps(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the ``steps`` to solve it per setting, length and slice, a mean restricted to the ``budget``.

    On the reference backend; on another where that did not train it.
    """
    keys = [*TRAINED, "slice"]
    own = runs["backend"] == REFERENCE
    chosen = runs[own | ~own.groupby([runs[name] for name in keys]).transform("any")]
    return pd.DataFrame(
        [
            (
                *key,
                restricted_mean(part["time"], part["solved"], part["horizon"].max()),
                part["horizon"].max(),
            )
            for key, part in chosen.groupby(keys)
        ],
        columns=[*keys, "steps", "budget"],
    )


def share(solved: int, tried: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval (Wilson 1927, JASA 22, 209)."""
    from scipy.stats import binomtest

    interval = binomtest(solved, tried).proportion_ci(method="wilson")
    return solved / tried, interval.low, interval.high


def at_the_start(summary: pd.DataFrame) -> pd.DataFrame:
    """Return rate and half-life of the full gradient of each training setting at step 0, on the reference backend."""
    usual = {"quantity": "loss_state", "path": "full", "step": 0, "gradient": "full"}
    rows = select(summary, backend=REFERENCE, **usual).rename(columns={"trained": "task"})
    table = rows.groupby([*TRAINED, "slice"], observed=True)[["rate", "half_life"]].mean().reset_index()
    return table.astype(dict.fromkeys(["task", "slice", *PLACE], str))


def by_bias(summary: pd.DataFrame, driven: list[str]) -> pd.DataFrame:
    """Return the half-life of every cell with a forget gate by forget bias, in order, all else equal.

    driven: the slices driven by white noise, of the drives of NOISE. At the init, length, drive and width that have
    most forget biases; where as many do at a library's own init, inputs of standard deviation one, the longest.
    """
    table = untrained(summary, driven)
    table = table[(table["forget_bias"] != "none") & ~table["forget_bias"].str.contains(":")]
    parts = [fullest(part) for _, part in table.groupby("cell", observed=True)]
    return pd.concat(parts or [table])[names("half_lives")].reset_index(drop=True)


def untrained(summary: pd.DataFrame, driven: list[str]) -> pd.DataFrame:
    """Return the reference's rate of each setting that every backend measured, one row per setting.

    Gain one, no bias but the forget bias, more than one unit, no training.
    """
    usual = {"trained": "no", "gain": 1.0, "bias": 0.0, "slice": driven, "drive": [*NOISE]}
    rows = select(summary, quantity="loss_state", path="full", **usual)
    rows = rows[rows["hidden"] > 1].astype(dict.fromkeys(["slice", "drive", "backend", *PLACE], str))
    backends = rows.groupby([*MEASURED, "drive"], observed=True)["backend"].transform("nunique")
    rows = select(rows[backends == len(BACKENDS)], backend=REFERENCE).sort_values("slice")
    return rows.drop_duplicates(["cell", "forget_bias", *LINE])


def fullest(part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one cell at the init, length, drive and width with most forget biases, in their order."""
    inits = {name: place for place, name in enumerate(USUAL)}
    lines = part.groupby(LINE, observed=True).size().rename("size").reset_index()
    lines = lines.assign(
        place=lines["init"].map(inits).fillna(len(USUAL)), other=lines["drive"] != UNIT_DRIVE
    )
    best = lines.sort_values(
        ["size", "place", "other", "length", "hidden"], ascending=[False, True, True, False, False]
    ).iloc[0]
    rows = select(part, **{name: best[name] for name in LINE})
    return rows.set_index("forget_bias").loc[bias_order(rows["forget_bias"])].reset_index()
