"""The longest length that each seed learns where runs climb from length to length, beside that of the tanh RNN.

What is learned is one of the lengths tried, each about twice the one before. A run that solved the longest is censored
above: it may reach further. One that solved none is censored below. Of two runs censored alike nothing is known.
"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.learning import longest_solved
from carousel.analysis.stats.left import left
from carousel.analysis.stats.tables import RUN, select
from carousel.analysis.text import bias_order
from carousel.axes import LIBRARIES

CLIMBING = "climb"  # what the names of those slices begin with whose runs climb
RIVAL = {"cell": "rnn_tanh", "init": "orthogonal"}  # of all tanh RNNs the one whose gradient lasts longest
ZERO = {
    "cell": "lstm",
    "init": "orthogonal",
    "forget_bias": "0",
}  # the LSTM that differs from it in its gates alone
SEED = [
    "backend",
    "task",
    "gain",
    "hidden",
    "repetition",
]  # what one seed is: weights and data are drawn by it
PLACE = ["cell", "init", "forget_bias"]  # a setting, whatever the slice that trains it
BY_LENGTH = "chrono"  # the forget bias that is another one at each length
APART = float(
    np.log10(2)
)  # decades: what is left of two gradients that differ by less does not tell them apart


def climbed(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations of the runs by the full gradient in slices that climb."""
    slices = [name for name in accuracy["slice"].unique() if str(name).startswith(CLIMBING)]
    return select(accuracy, slice=slices, gradient="full")


def seeds(accuracy: pd.DataFrame, decay: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting and SEED: columns of `longest_solved`, ``left`` (`at_start`), ``label``, ``short``.

    A setting that several slices train counts once.
    """
    runs = longest_solved(climbed(accuracy)).astype({"task": str, "slice": str, **dict.fromkeys(PLACE, str)})
    runs = runs.drop_duplicates([*SEED, *PLACE])
    on = [*RUN, "shortest_tried"]
    texts = dict.fromkeys([name for name in RUN if runs[name].dtype not in (int, float)], str)
    found = runs.astype(texts).merge(at_start(decay, runs).astype(texts), "left", on)
    return labelled(found)


def at_start(decay: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return ``left`` of each run: decades of the gradient left from end to start of the task's shortest sequences.

    Before the first step of training. At that length because every run begins there: whoever learned it has been
    measured at longer ones, too, and no other.
    """
    rows = select(decay, quantity="loss_state", path="full", step=0, slice=list(runs["slice"].unique()))
    found = left(rows, "loss_state", "full", [int(length) for length in runs["shortest_tried"].unique()])
    found = found[found["lag"] == found["length"]]
    return found.rename(columns={"trained": "task", "length": "shortest_tried"})[
        [*RUN, "shortest_tried", "left"]
    ]


def labelled(found: pd.DataFrame) -> pd.DataFrame:
    """Return the settings with their ``label`` in words, and ``short``, what that says beside the cell.

    Whose default it is, or the forget bias, and the init if not orthogonal. By task, libraries last, by forget bias.
    """
    biases = found.groupby(["cell", "init"])["forget_bias"].transform("nunique")
    library, order = found["init"].isin([*LIBRARIES]), bias_order(found["forget_bias"])
    columns = zip(found["cell"], found["init"], found["forget_bias"], ~library | (biases > 1), strict=True)
    words = [_words(*column) for column in columns]
    place = [found["task"], library, found["forget_bias"].map(order.index), found["init"], found["cell"]]
    table = found.assign(label=[label for label, _ in words], short=[short for _, short in words])
    return table.iloc[np.lexsort([column.to_numpy() for column in reversed(place)])].reset_index(drop=True)


def _words(cell: str, init: str, bias: str, biased: bool) -> tuple[str, str]:
    """Return a setting in words, with its forget bias where ``biased``, and the same without its cell."""
    if init in LIBRARIES:
        at = f" {names.at_biases([bias])}" if biased and bias != "none" else ""
        return names.default(init, cell) + at, names.init(init) + at
    also = "" if init == RIVAL["init"] else f", {names.init(init)} init"
    return names.setting(cell, bias) + also, names.at_bias(bias) + also


def beside_the_rnn(found: pd.DataFrame) -> pd.DataFrame:
    """Return each LSTM of `seeds` with RIVAL of the same SEED: ``gained`` (octaves) and ``alike``.

    gained: by how much the LSTM's longest length is longer, at least, where one of the two is censored; zero where
    the pair is ``alike``: both censored above or both below, so that nothing is known.
    """
    rival = select(found, **RIVAL)[[*SEED, "octaves", "least", "most", "censored", "left"]].drop_duplicates(
        SEED
    )
    both = select(found, cell="lstm").merge(rival, on=SEED, suffixes=("", "_right"))
    longer, shorter = both["least"] > both["most_right"], both["most"] < both["least_right"]
    seen = (both["censored"] == "") & (both["censored_right"] == "")
    gained = (both["octaves"] - both["octaves_right"]).round(9).where(longer | shorter | seen, 0.0)
    return both.assign(gained=gained, alike=~(longer | shorter | seen))


def by_what_is_left(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of `beside_the_rnn` of ZERO with ``gained`` by the one that has more of its gradient left.

    Those of which what is left differs by less than APART tell as little as those that are ``alike``.
    """
    own = select(pairs, **ZERO).dropna(subset=["left", "left_right"])
    more = own["left"] - own["left_right"]
    near = more.abs() < APART
    gained = (own["gained"] * np.sign(more)).where(~near, 0.0)
    return own.assign(gained=gained, alike=own["alike"] | near)


def in_order(found: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Return one row per SEED with ``rank``: Somers' rank correlation of what is left with the longest length.

    Over pairs of settings whose order of lengths is known: the share in which the one that has more left learns longer
    less that in which it learns less long (Harrell et al. 1982, JAMA 247, 2543). Without BY_LENGTH; NaN below
    ``fewest`` settings, and where no pair is known.
    """
    rows = found[(found["forget_bias"] != BY_LENGTH) & found["left"].notna()]
    groups = rows.groupby(SEED, observed=True)
    ranks = [(*key, _somers(group), len(group)) for key, group in groups if len(group) >= fewest]
    return pd.DataFrame(ranks, columns=[*SEED, "rank", "ranked"])


def _somers(group: pd.DataFrame) -> float:
    """Return concordant less discordant pairs, of both."""
    kept, least, most = (group[name].to_numpy(float) for name in ("left", "least", "most"))
    longer, more = least[:, None] > most, kept[:, None] > kept
    with_it, against = (longer & more).sum(), (longer & more.T).sum()
    return float((with_it - against) / (with_it + against)) if with_it + against else np.nan
