"""What every figure is of, how it is read, and from which table it is drawn."""

from collections.abc import Mapping
from typing import NamedTuple

from carousel.axes import STANDARD_DRIVE
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import LAG


class Caption(NamedTuple):
    """What does not depend on a study's numbers."""

    drawn: str  # what the figure is of: its title where there is no finding
    read: str  # how it is read, a sentence or two
    source: str  # the tables that it is drawn from


DECAY, BOTH, ACCURACY = "decay.parquet", "decay.parquet, dynamics.parquet", "accuracy.parquet, decay.parquet"
DYNAMICS, SUMMARY = "dynamics.parquet", "summary.parquet"

CAPTIONS: Mapping[str, Caption] = {
    "Q1": Caption(
        "What is left along the carousel alone, by forget bias",
        "Along the cell’s own loop, with the gates frozen; each line is one LSTM.",
        DECAY,
    ),
    "Q2": Caption(
        f"What is left at lag {LAG} of what was left at lag {INSIDE}, by all routes and through the gates’ slopes",
        "Each mark is one setting, bars are medians. Below the dashed line less than a tenth is left of what had "
        "entered the cell (K1’s figure counts from the last state).",
        DECAY,
    ),
    "K1": Caption(
        f"What is left of an LSTM’s gradient after {LAG} steps, by forget bias",
        "Each dot is one setting, of any init, drive, width and length; below the dashed line less than a tenth of "
        "the gradient with respect to the last state is left, what entering the cell costs included. Bars count the "
        "settings before training of which that is so. The shares of the record’s list are of single networks, "
        f"at drive {STANDARD_DRIVE}; those of the takeaway and the lead are means of logarithms over networks.",
        DECAY,
    ),
    "K2": Caption(
        "What is left of an LSTM’s gradient over a plain network’s, by forget bias",
        "Each mark is one setting, beside a plain network with the same weights. Above the line more is "
        "left of the LSTM’s gradient.",
        DECAY,
    ),
    "K3": Caption(
        "The longest sequence that each seed learned",
        "A row per setting, that with most of its gradient left on top; a dot per seed at the longest "
        "sequence that it learned. Heads count the LSTMs that learn longer than the tanh RNN, and the pairs "
        "of settings in which that with more gradient left learned longer.",
        ACCURACY,
    ),
    "A1a": Caption(
        "Derivative of a sigmoid chain: measured and by the formula",
        "Dots are measured, lines are the formula; beside them the largest relative error at each lag.",
        DECAY,
    ),
    "A1b": Caption(
        "What the slopes and what the weights do to the gradient of plain networks",
        "Each mark is one setting. Below both dashed lines the slopes change the gradient more than the "
        "weights do.",
        DECAY,
    ),
    "A1c": Caption(
        "Factor per step of a scalar chain’s gradient against its weight",
        "Lines are theory, marks are measured; above one the gradient grows, below it decays. Circles are "
        "where it does neither.",
        DECAY,
    ),
    "A1d": Caption(
        "Derivative along the cell, and the product of forget gates",
        "Dots are measured, lines are the product of the gates; dashed is the full gradient.",
        DECAY,
    ),
    "A1e": Caption(
        "Half-life along the carousel alone, by forget bias",
        f"Each mark is one setting; in the shaded part less than half is lost in {LAG} steps. The line is "
        "what gates that the bias alone opens would keep.",
        DECAY,
    ),
    "A1f": Caption(
        "The whole gradient beside its part along the carousel",
        "Each dot is a setting, or a model of a search, at its longest lag. On the line the whole is as "
        "large as the carousel’s part, above it other routes add, below it they cancel.",
        DECAY,
    ),
    "A1g": Caption(
        "What did not come along the carousel, relative to the whole gradient",
        "A bar per forget bias: LSTMs in which half or more came by other routes at every lag. Beside "
        "them, how much did at each lag.",
        DECAY,
    ),
    "A1h": Caption(
        "What the slopes cost by activation, against the gain",
        "Where a line lies above the dashed one, the slopes change the gradient more than the weights "
        "do; circles are where they are equal, with 95 % intervals.",
        DECAY,
    ),
    "A1i": Caption(
        "A ReLU network’s rate and its two parts, against the gain",
        "The rate is the sum of its parts; above zero the gradient grows, below it decays. The circle is "
        "where the loss ends; bars are 95 % intervals.",
        DECAY,
    ),
    "A1j": Caption(
        "An LSTM’s rate against the gain of its recurrent weights",
        "Solid is the whole gradient, dashed its part along the cell. A flat line does not depend on the "
        "weights.",
        DECAY,
    ),
    "A2a": Caption(
        "Half-life of an LSTM’s gradient over a plain network’s, by forget bias",
        "Each mark is one setting, beside one plain network with the same weights. Above the solid line "
        "the LSTM’s lasts longer, above the dashed one three times as long.",
        DECAY,
    ),
    "A2b": Caption(
        "Error of the formulas for the factor per step",
        "The largest relative error at each lag; below the dashed line measured and formula count as equal.",
        DECAY,
    ),
    "A2c": Caption(
        "How far the factor per step along the cell stays below one",
        "Each mark is one setting, hollow after training; the lower, the nearer to one.",
        BOTH,
    ),
    "A2d": Caption(
        "Factor per step of a sigmoid chain against its weight",
        "Lines are theory, marks are measured; in the shaded band the factor counts as one.",
        DECAY,
    ),
    "A2e": Caption(
        "Factor per step of a sigmoid chain: held at one, and where it settles",
        "Dashed is the claimed factor, solid that of the state in which the chain settles.",
        DECAY,
    ),
    "A2f": Caption(
        f"What is left after {LAG} steps against the gain, by activation",
        "Below the dashed line less than a tenth of the gradient by the last state is left. Circles are where "
        "vanishing ends, with 95 % intervals.",
        DECAY,
    ),
    "A2g": Caption(
        "Rate at other places of the sequence, less that at its end",
        "Each dot is a mean with its 95 % interval; in the shaded band the rates count as alike.",
        DECAY,
    ),
    "A3a": Caption(
        "The truncated gradient beside the carousel’s own factors",
        "Dots are the truncated gradient, lines the product of the carousel’s factors; beside them the "
        "largest relative error at each lag.",
        DECAY,
    ),
    "A3b": Caption(
        "Direction and costs of the truncated gradient",
        "First, how much of the direction is kept at each lag (one: all of it). Then, by forget bias, of "
        "what truncation costs little.",
        "decay.parquet, dynamics.parquet, accuracy.parquet",
    ),
    "A4a": Caption(
        "How far an LSTM’s gradient is from that of the cell of 1997",
        "Each mark is an LSTM with the weights of a cell of 1997; left of the dashed line the gradients "
        "count as equal.",
        DECAY,
    ),
    "A4b": Caption(
        "Derivative of the 1997 cell’s state by an earlier state",
        "Solid is measured, dashed what was claimed.",
        DECAY,
    ),
    "A4c": Caption(
        "What the tanh before the output lets into the cell",
        "Dot: median unit; bar: middle half; line: middle nine tenths; tick: the output gate. Hollow "
        "after training.",
        DYNAMICS,
    ),
    "A4d": Caption(
        "What leaves the cell through the input gate, tanh and weights",
        "First, a mark per unit: on the dashed line the gate alone shrinks the error. Then what the "
        "weights do at each gain: above one they enlarge it.",
        DYNAMICS,
    ),
    "A4e": Caption(
        "How much the gradient’s norm changes on its way, cell by cell",
        "Each dot is one setting; left of the dashed line the norm changes by less than a hundredth.",
        DECAY,
    ),
    "A4f": Caption(
        "The truncated gradient beside the whole",
        "First, each line is one LSTM, dashed truncated. Then a dot per setting: what is left at lag "
        f"{LAG} of what had entered.",
        DECAY,
    ),
    "A4g": Caption(
        "What a few steps leave of a plain network’s gradient, against the gain",
        "Each mark is one setting; above the line at one the gradient grows, below it decays. Bars on it are 95 % "
        f"intervals of the gain where decay ends: a half in {LAG} steps (A2f’s ends where a tenth is left).",
        DECAY,
    ),
    "M1": Caption(
        "What is left with every gate frozen, relative to all routes",
        "Each mark is one setting, hollow after training; in the shaded band freezing the gates changes "
        "less than a factor of two.",
        DECAY,
    ),
    "M2": Caption(
        f"What is left after {LAG} steps by route, against the forget bias",
        "Where the lines part, other routes carry more than the carousel. Each point is the median of a "
        "setting.",
        DECAY,
    ),
    "M3": Caption(
        "The LSTM of 1997 by route, and the whole over the carousel’s part",
        "First, the model with the worst case, by route. Then a dot per model: below the dashed line "
        "less than a tenth of the carousel’s part is left in all.",
        DECAY,
    ),
    "story": Caption(
        "The gradient of seven networks against the lag",
        "Each line is one network; a straight line loses the same factor at every step.",
        DECAY,
    ),
    "theory": Caption(
        "Measured rates beside those of closed forms",
        "Each mark is one setting, a row per law: how far measured and predicted rate are apart, in "
        "decades per step. Bars are medians.",
        SUMMARY,
    ),
    "phase": Caption(
        "Rate of decay over gain and forget bias",
        "Each field is one setting, with the steps in which its gradient halves (violet), or doubles "
        "(orange). Dashed is theory’s border.",
        SUMMARY,
    ),
    "jacobian": Caption(
        "Norms of the Jacobian and of its blocks, against the lag",
        "Each line is one block: what is derived, and by what. Solid is the largest singular value, "
        "dashed the Frobenius norm.",
        DECAY,
    ),
    "exponents": Caption(
        "Lyapunov exponents, the largest first",
        "At zero a direction is neither lost nor grows. Bands are two standard errors.",
        DYNAMICS,
    ),
    "gates": Caption(
        "How far the gates are open, before and after training",
        "Dot: median; bar: middle half; line: middle nine tenths of units, steps and sequences. Hollow "
        "after training.",
        DYNAMICS,
    ),
    "factors": Caption(
        "What enters the cell and what leaves it in one step",
        "Dot: median; bar: middle half; line: middle nine tenths. The lower three multiply to the exit "
        "factor.",
        DYNAMICS,
    ),
    "learned": Caption(
        "Seeds that solve a task, by what the gradient loses on its way",
        "Each mark is one setting and length, with the 95 % interval of its share of seeds.",
        "learned.parquet",
    ),
    "depth": Caption(
        "What arrives at each layer of a stack, against the lag",
        "Thick lines are the lowest layers of stacks; where they lie above that of a single layer, depth "
        "helps.",
        "depth.parquet",
    ),
}
BROUGHT = Caption(
    "What decides each part of the claim",
    "Each row is one part, with the 95 % interval of its effect; lines are the claim’s thresholds.",
    "evidence.parquet",
)
"""Of a claim that a file brings."""
