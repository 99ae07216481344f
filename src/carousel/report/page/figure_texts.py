"""The texts of a figure: its title, how it is read and what it rests on, and the alternative text."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

import pandas as pd

from carousel.analysis.text import count, counted
from carousel.claims.rules import LAG
from carousel.report.page.facts import Lacking, evidence
from carousel.report.page.figure_titles import TITLES
from carousel.report.page.picture_titles import PICTURE_TEXTS


class Texts(NamedTuple):
    """The texts of one figure, plain."""

    title: str  # the finding, or what is drawn
    caption: str  # how it is read, over how many settings and repetitions, from which table
    alt: str  # what is drawn and the finding, at most LONGEST characters


class Drawn(NamedTuple):
    """What a figure is of."""

    title: str  # where there is no finding
    read: str  # how it is read, a sentence or two
    source: str  # the tables that it is drawn from


LONGEST = 200  # characters of an alternative text
DECAY, BOTH, ACCURACY = "decay.parquet", "decay.parquet, dynamics.parquet", "accuracy.parquet, decay.parquet"
DYNAMICS, SUMMARY = "dynamics.parquet", "summary.parquet"

DRAWN: Mapping[str, Drawn] = {
    "Q1": Drawn("What is left along the carousel alone, by forget bias",
                "Along the cell’s own loop, with the gates held fixed; each line is one LSTM.", DECAY),
    "Q2": Drawn("What passed the gates, and the total, by forget bias",
                "Each line is the gradient of one LSTM against the steps back; a straight line falls by one factor at "
                "every step.", DECAY),
    "K1": Drawn(f"What is left of an LSTM’s gradient after {LAG} steps, by forget bias",
                "Each dot is one setting, hollow after training; below the dashed line less than a tenth is left.",
                DECAY),
    "K2": Drawn("An LSTM’s gradient beside that of a plain network with the same weights",
                "Each mark is one setting, beside one plain network. Above the line more is left of the LSTM’s "
                "gradient.", DECAY),
    "K3": Drawn("The longest sequence that each seed learned",
                "A row per setting, that with most of its gradient left on top; a dot per seed at the longest sequence "
                "that it learned.", ACCURACY),
    "A1a": Drawn("Derivative of a sigmoid chain: measured and by the formula",
                 "Dots are measured, lines are the formula; below, the largest relative error at each lag.", DECAY),
    "A1b": Drawn("What the slopes and what the weights do to the gradient of plain networks",
                 "Each mark is one setting. Below both dashed lines the slopes change the gradient more than the "
                 "weights do.", DECAY),
    "A1c": Drawn("Rate of a scalar chain’s gradient against its weight",
                 "Lines are theory, marks are measured; above zero the gradient grows, below it decays.", DECAY),
    "A1d": Drawn("Derivative along the cell, and the product of forget gates",
                 "Dots are measured, lines are the product of the gates; dashed is the full gradient.", DECAY),
    "A1e": Drawn(f"What the product of forget gates loses over {LAG} steps",
                 "Each mark is one setting; the dashed line marks half left, short bars what gates of the bias alone "
                 "would lose.", DECAY),
    "A1f": Drawn("The whole gradient beside its part along the carousel",
                 "Each dot is one LSTM at its longest lag. On the line the whole is as large as the carousel’s part, "
                 "above it other routes add, below it they cancel.", DECAY),
    "A1g": Drawn("What did not come along the carousel, relative to the whole gradient",
                 "Left, a bar per forget bias: the LSTMs in which half or more came by other routes at every lag. "
                 "Right, how that goes with the lag.", DECAY),
    "A1h": Drawn("What the slopes cost by activation, against the gain",
                 "The lower a line, the more the slopes cost; where it lies below the dashed line of the weights, they "
                 "cost more than the weights.", DECAY),
    "A1i": Drawn("A ReLU network’s rate and its two parts, against the gain",
                 "The rate is the sum of its parts; above zero the gradient grows, below it decays. Bars are 95 % "
                 "intervals.", DECAY),
    "A1j": Drawn("An LSTM’s rate against the gain of its recurrent weights",
                 "Solid is the whole gradient, dashed its part along the cell. A flat line does not depend on the "
                 "weights.", DECAY),
    "A2a": Drawn("Half-life of an LSTM’s gradient over a plain network’s, by forget bias",
                 "Each mark is one setting, beside one plain network with the same weights. Above the solid line the "
                 "LSTM’s lasts longer, above the dashed one three times as long.", DECAY),
    "A2b": Drawn("Error of the formulas for the factor per step",
                 "The largest relative error at each lag; below the dashed line measured and formula count as equal.",
                 DECAY),
    "A2c": Drawn("How far the factor per step along the cell stays below one",
                 "Each mark is one setting, hollow after training; the lower, the nearer to one.", BOTH),
    "A2d": Drawn("Factor per step of a sigmoid chain against its weight",
                 "Lines are theory, marks are measured; in the shaded band the factor counts as one.", DECAY),
    "A2e": Drawn("Factor per step of a sigmoid chain: held at one, and where it settles",
                 "Dashed is the claimed factor, solid that of the state in which the chain settles.", DECAY),
    "A2f": Drawn(f"What is left after {LAG} steps against the gain, by activation",
                 "Each dot is the median of one gain; bars on the dashed line are 95 % intervals of where vanishing "
                 "ends.", DECAY),
    "A2g": Drawn("Rate at other places of the sequence, less that at its end",
                 "Each dot is a mean with its 95 % interval; in the shaded band the rates count as alike.", DECAY),
    "A3a": Drawn("The truncated gradient beside the carousel’s own factors",
                 "Dots are the truncated gradient, lines the product of the carousel’s factors; right, the largest "
                 "relative error at each lag.", DECAY),
    "A3b": Drawn("Direction and costs of the truncated gradient",
                 "Left, how much of the direction is kept at each lag (1: all, 0: none). Right, of what truncation "
                 "costs little, and of what not.", "decay.parquet, dynamics.parquet, accuracy.parquet"),
    "A4a": Drawn("How far an LSTM’s gradient is from that of the cell of 1997",
                 "Each line is one LSTM with the weights of a cell of 1997; below the dashed line the gradients count "
                 "as equal.", DECAY),
    "A4b": Drawn("Derivative of the 1997 cell’s state by an earlier state",
                 "Solid is measured, dashed what was claimed.", DECAY),
    "A4c": Drawn("What the tanh before the output lets into the cell",
                 "Dot: median unit; bar: middle half; line: middle nine tenths; tick: the output gate. Hollow after "
                 "training.", DYNAMICS),
    "A4d": Drawn("What leaves the cell through the input gate, tanh and weights",
                 "Left, a mark per unit: on the dashed line the gate alone shrinks the error. Right, what the weights "
                 "do at each gain: above one they enlarge it.", DYNAMICS),
    "A4e": Drawn("How much the gradient’s norm changes on its way, cell by cell",
                 "Each dot is one setting; left of the dashed line the norm changes by less than a hundredth.", DECAY),
    "A4f": Drawn("The truncated gradient beside the whole",
                 f"Left, each line is one LSTM, dashed truncated. Right, a dot per setting: how both change up to lag "
                 f"{LAG}.", DECAY),
    "A4g": Drawn("Rate of plain networks against the gain of their recurrent weights",
                 "Each mark is one setting; above zero the gradient grows, below it decays.", DECAY),
    "M1": Drawn("What is left with every gate frozen, relative to all routes",
                "Each mark is one setting, hollow after training; in the shaded band freezing the gates changes less "
                "than a factor of two.", DECAY),
    "M2": Drawn(f"What is left after {LAG} steps by route, against the forget bias",
                "Where the lines part, other routes carry more than the carousel. Each point is the median of one "
                "setting.", DECAY),
    "M3": Drawn("The LSTM of 1997 by route, and the whole over the carousel’s part",
                "Left, the model with the worst case. Right, a dot per model: below the dashed line less than a tenth "
                "of the carousel’s part is left in all.", DECAY),
    "story": Drawn("The gradient of seven networks against the lag",
                   "Each line is one network; a straight line loses the same factor at every step.", DECAY),
    "theory": Drawn("Measured rates beside those of closed forms",
                    "Each mark is one setting; on the line measured and predicted rate are equal.", SUMMARY),
    "phase": Drawn("Rate of decay over gain and forget bias",
                   "Each field is one setting: orange grows, violet decays. Dashed is theory’s border.", SUMMARY),
    "jacobian": Drawn("Norms of the Jacobian and of its blocks, against the lag",
                      "Each line is one block: what it is of, and by what. Solid is the largest singular value, dashed "
                      "the Frobenius norm.", DECAY),
    "exponents": Drawn("Lyapunov exponents, the largest first",
                       "At zero a direction is neither lost nor grows. Bands are two standard errors.", DYNAMICS),
    "gates": Drawn("How far the gates are open, before and after training",
                   "Dot: median; bar: middle half; line: middle nine tenths of units, steps and sequences. Hollow "
                   "after training.", DYNAMICS),
    "factors": Drawn("What enters the cell and what leaves it in one step",
                     "Dot: median; bar: middle half; line: middle nine tenths. The lower three multiply to the exit "
                     "factor.", DYNAMICS),
    "learned": Drawn("Seeds that solve a task, by what the gradient loses on its way",
                     "Each mark is one setting and length, with the 95 % interval of its share of seeds.",
                     "learned.parquet"),
    "depth": Drawn("What arrives at each layer of a stack, against the lag",
                   "Thick lines are the lowest layers of stacks; where they lie above that of a single layer, depth "
                   "helps.", "depth.parquet"),
}  # fmt: skip


def texts(data: SimpleNamespace, name: str) -> Texts:
    """The texts of a figure: a claim's with the finding of its verdict, a picture's with that of its table."""
    drawn, found = DRAWN[name], finding(data, name)
    over = sample(data, name)
    caption = " ".join([drawn.read, *([f"{over}."] if over else []), f"Source: {drawn.source}"])
    return Texts(found or drawn.title, caption, f"{drawn.title}. {found}." if found else f"{drawn.title}.")


def finding(data: SimpleNamespace, name: str) -> str:
    """What a figure shows, for a claim's verdict today; nothing where no title is written for it, or numbers lack."""
    picture = PICTURE_TEXTS.get(name)
    wording = picture.title if picture else TITLES.get(name, {}).get(_verdict(data, name))
    try:
        return wording(data) if wording else ""
    except Lacking:
        return ""


def sample(data: SimpleNamespace, name: str) -> str:
    """Over how many settings and repetitions a figure's verdict, or a picture, is; nothing where it is over none."""
    try:
        return PICTURE_TEXTS[name].n(data) if name in PICTURE_TEXTS else judged(data, name)
    except Lacking:
        return ""


def judged(data: SimpleNamespace, claim: str) -> str:
    """What a claim's verdict rests on: settings and repetitions of its parts, or the models that were searched."""
    rows = evidence(data, claim)
    rows = rows[rows["repetitions"].notna() & rows["settings"].notna()]
    if rows.empty:
        models = data.claims.loc[data.claims["id"] == claim, "n"]
        return f"n = {counted(int(models.iloc[0]), 'model')}" if len(models) and models.iloc[0] else ""
    each = " × ".join(_range(rows[name], name) for name in ("settings", "repetitions"))
    return f"n = {each}" + (f" in each of {len(rows)} parts of the verdict" if len(rows) > 1 else "")


def _range(column: pd.Series, what: str) -> str:
    low, high = int(column.min()), int(column.max())
    return counted(low, what.removesuffix("s")) if low == high else f"{count(low)} to {count(high)} {what}"


def _verdict(data: SimpleNamespace, claim: str) -> str:
    found = data.claims.loc[data.claims["id"] == claim, "verdict"]
    return str(found.iloc[0]) if len(found) else ""
