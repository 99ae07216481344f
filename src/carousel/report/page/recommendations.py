"""Recommended settings: those that leave enough of a gradient over a lag, and what was learned."""

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.text import count, listed
from carousel.claims.longest_learned import BY_LENGTH
from carousel.report import names
from carousel.report.page.markup import div, escape, number, per_cent, table
from carousel.report.page.measurements import drawn
from carousel.report.recommendations import INPUT_LOST, LARGEST, LEARNED, SMALLEST, STEADIEST, told

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")  # what libraries have
WITH_GATES = ("lstm", "gru")
WORDS = {"task": names.task, "cell": names.cell, "init": names.init, "forget_bias": names.forget_bias}
CHOSEN_BY = {LEARNED: "training, of {}", SMALLEST: "gradient"}  # of how many settings tried
NONE_CHOSEN: list[tuple[str, ...]] = [("", "none passes", "", "", "")]
NOTHING = "This study measured no setting that could be recommended."
TORCH_KERAS = """\
# layer: a torch.nn.LSTM
H = layer.hidden_size
with torch.no_grad():
    torch.nn.init.xavier_uniform_(
        layer.weight_ih_l0)
    torch.nn.init.orthogonal_(
        layer.weight_hh_l0)
    layer.bias_ih_l0.zero_()
    layer.bias_hh_l0.zero_()
"""
TORCH_NUMBER = """\
# layer: a torch.nn.LSTM or GRU
# b: what to add to its forget bias
# once: bias_hh_l0 is added to it
H = layer.hidden_size
with torch.no_grad():
    layer.bias_ih_l0[H:2 * H] += b
"""
TORCH_CHRONO = """\
# layer: a torch.nn.LSTM or GRU
# T: the steps that chrono draws for
H = layer.hidden_size
with torch.no_grad():
    forget = torch.empty(H)
    forget.uniform_(1, T - 1).log_()
    layer.bias_ih_l0[H:2 * H] = forget
    layer.bias_hh_l0[H:2 * H] = 0
    if isinstance(layer, torch.nn.LSTM):
        layer.bias_ih_l0[:H] = -forget
        layer.bias_hh_l0[:H] = 0
"""
CODE = {  # what each does, in the order in which they are run
    "First, if you want it, an LSTM’s weights as Keras draws them, all gates as one matrix; its biases are zero then, "
    "and Keras adds 1 to the forget bias": TORCH_KERAS,
    "A number as forget bias": TORCH_NUMBER,
    "Or chrono biases, in the place of what was drawn; an LSTM’s input gate gets minus the same": TORCH_CHRONO,
}


def criterion() -> str:
    """What a recommended setting has to meet, and how it was chosen, with the thresholds that were used."""
    return (
        f"A setting passes where at least {percent(-LARGEST)} % of the gradient by the last state is left at the lower "
        f"end of the 95 % interval, and at most {number(10**LARGEST)} times as much at the upper end, at this lag and "
        "at every shorter one of the table. Of the widths and sequence lengths that it was measured at, the one that "
        f"changes most counts. A gradient by the input below {percent(INPUT_LOST)} % at the lower end is marked "
        "*lost*. The first row of each lag has, of the settings that pass, one whose input’s gradient is not lost "
        "before others, then a library’s init, then the smallest forget bias, then what changes least; the second has "
        "the setting whose state’s gradient changes least, whatever its input; the third, of the settings that were "
        "trained on sequences as long or longer, the one that most seeds learned with, of the tasks that more than "
        "half of them were trained on in the one where they were fewest, and of these the fastest, whether it passes "
        "or not. Some settings have a learning rate chosen for them, others one that all share: the rates stand "
        "beside the updates."
    )


def in_short(data: SimpleNamespace) -> str:
    """Rows per lag and cell with gates: the setting that learned, that to take by its gradient, and what is left."""
    found = data.advice.astype({"cell": str, "choice": str}).set_index(["lag", "choice", "cell"])
    cells = [cell for cell in WITH_GATES if cell in set(data.advice["cell"])]
    if not cells:
        return NOTHING
    rows = [
        (f"{count(lag)} steps", names.cell(cell), *told)
        for lag in sorted(set(data.advice["lag"]))
        for cell in cells
        for told in chosen(found, lag, cell)
    ]
    head = (
        "From",
        "Cell",
        "Chosen by",
        "Setting",
        "State's gradient",
        "Input's gradient",
        "Solved, after updates",
    )
    shown = div("in-short", table("What to set, in short", head, rows, (5, 4, 5, 14, 10, 9, 18)), colons=4)
    return f"{shown}\n{by_length(data.learned)}"


def by_length(learned: pd.DataFrame) -> str:
    """What LSTMs learned whose chrono biases are for the sequence's own length, which no row of the table is."""
    own = learned[(learned["cell"] == "lstm") & (learned["forget_bias"] == BY_LENGTH)]
    if own.empty:
        return ""
    length, init = own.sort_values(["length", "init"])[["length", "init"]].iloc[-1]
    rows = own[(own["length"] == length) & (own["init"] == init)].sort_values("task")
    return (
        "Chrono biases for the sequence’s own length are other biases at each length, and so no setting of the table. "
        f"LSTMs with them ({escape(names.init(init))} init) learned over {count(length)} steps: "
        f"{escape(told(rows, length))}."
    )


def chosen(found: pd.DataFrame, lag: int, cell: str) -> list[tuple[str, ...]]:
    """What training chose and what the gradient did, each with what is left and what it solved; one row if the same."""
    names_of = [name for name in CHOSEN_BY if (lag, name, cell) in found.index]
    rows = [found.loc[(lag, name, cell)] for name in names_of]
    said = [CHOSEN_BY[name].format(count(row["n_tried"])) for name, row in zip(names_of, rows, strict=True)]
    if len({written(row) for row in rows}) == 1:
        return [(" and ".join(said), *in_numbers(rows[0]))]
    return [(each, *in_numbers(row)) for each, row in zip(said, rows, strict=True)] or NONE_CHOSEN


def in_numbers(row: pd.Series) -> tuple[str, str, str, str]:
    """A setting, what is left of the gradients by state and input, and what training made of it."""
    state, by_input = left(row["left"], row["low"], row["high"]), f"{percent(row['input'])} %"
    lost = " (*lost*)" if row["input_lost"] else ""
    return written(row), state, by_input + lost, escape(row["trained"]) or "not tried"


def recommended(data: SimpleNamespace) -> str:
    """Three rows per lag, a column per cell: the setting to take first, that which changes least, what learned."""
    found = data.advice.astype({"cell": str, "choice": str}).set_index(["lag", "choice", "cell"])
    cells = [name for name in CELLS if name in set(data.advice["cell"])]
    if not cells:
        return NOTHING
    rows = [
        (f"{count(lag)} steps{said}", *(choice(found, lag, name, cell) for cell in cells))
        for lag in sorted(set(data.advice["lag"]))
        for name, said in ((SMALLEST, ""), (STEADIEST, ", steadiest"), (LEARNED, ", learned"))
    ]
    head = ("Lag", *(names.cell(name) for name in cells))
    return f"{criterion()}\n\n{table('What to set', head, rows, (9, *[20] * len(cells)))}"


def choice(found: pd.DataFrame, lag: int, name: str, cell: str) -> str:
    """One cell of the table: a setting, or that none passes and what the best one leaves, or that none learned."""
    if name == LEARNED:
        own = (lag, name, cell)
        return described(found.loc[own]) if own in found.index else "none was tried and learned"
    first, steadiest = ((lag, each, cell) for each in (SMALLEST, STEADIEST))
    if steadiest not in found.index:
        return "not measured"
    best = found.loc[steadiest]
    if first not in found.index:
        return none(best) if name == SMALLEST else "none passes"
    row = found.loc[first]
    if name == SMALLEST:
        return f"{described(row)}; {count(row['n_passed'])} of {count(row['n'])} pass"
    return "the same" if written(row) == written(best) else described(best)


def none(best: pd.Series) -> str:
    """That no setting passes, and the best one."""
    which = "not the one measured" if best["n"] == 1 else f"none of the {count(best['n'])} measured"
    return f"{which}; the best is {described(best)}"


def described(row: pd.Series) -> str:
    """A setting, what arrives, and what it learned on sequences as long or longer."""
    learned = f"trained: {escape(row['trained'])}" if row["trained"] else "not tried in training"
    return f"{written(row)}: {arriving(row)}; {learned}"


def written(row: pd.Series) -> str:
    """Init and forget bias of a setting."""
    bias = escape(names.forget_bias(row["forget_bias"]))
    drawn = bias.replace(" for", " biases for") if ":" in row["forget_bias"] else f"forget bias {bias}"
    return f"{escape(names.init(row['init']))} init{'' if bias == 'none' else f', {drawn}'}"


def arriving(row: pd.Series) -> str:
    """What is left of the gradients by state and input, in percent, with intervals."""
    state = left(row["left"], row["low"], row["high"])
    by_input = left(row["input"], row["input_low"], row["input_high"])
    return f"state {state}, input {by_input}{' (*lost*)' if row['input_lost'] else ''}"


def left(mean: float, low: float, high: float) -> str:
    """A share and its interval in percent, from decades."""
    if math.isnan(mean):
        return "not measured"
    ends = "" if math.isnan(low) else rf" \[{percent(low)}, {percent(high)}\]"
    return f"{percent(mean)} %{ends}"


def percent(decades: float) -> str:
    """A share in percent, from its logarithm."""
    return number(100 * 10.0**decades)


def in_torch() -> str:
    """How to set a forget bias in PyTorch, whose layers have two bias vectors, and Keras's init, as code."""
    return "\n".join(f"{said}:\n\n```python\n{code}```\n" for said, code in CODE.items())


def longest_solved(data: SimpleNamespace) -> str:
    """For each task, the longest length that anything solved: what did so most often, and the LSTM at its best."""
    parts = [part for _, part in data.learned.groupby("task", observed=True)]
    return "\n".join(f"- *{escape(names.task(part['task'].iloc[0]))}*: {solved_most(part)}" for part in parts)


def solved_most(rows: pd.DataFrame) -> str:
    """The longest length of one task that anything solved, and what did so most often."""
    solved, longest = rows[rows["solved"] > 0], rows["length"].max()
    if solved.empty:
        return "no setting solved any length in the training that this study gave it."
    length = solved["length"].max()
    here = rows[rows["length"] == length]
    text = f"{count(length)} steps were solved most often by {often(here)}"
    own = here[here["cell"] == "lstm"]
    if len(own) and own["solved"].max() < here["solved"].max():
        text += f"; of the LSTMs, by {often(own)}"
    return f"{text}. Nothing solved {count(longest)} steps." if length < longest else f"{text}."


def often(rows: pd.DataFrame) -> str:
    """The settings with the largest share of solved seeds, and that share."""
    first = rows[rows["solved"] == rows["solved"].max()]
    row = first.iloc[0]
    between = rf"\[{per_cent(row['low'])}, {per_cent(row['high'])}\]"
    share = f"{count(row['solved'])} of {count(row['seeds'])} seeds {between}"
    return f"{listed([setting(each) for each in first.itertuples()])}, in {share}"


def setting(row: Any) -> str:
    """Cell and forget bias."""
    bias = names.forget_bias(row.forget_bias)
    if row.forget_bias == BY_LENGTH:
        return f"{escape(names.cell(row.cell))} with chrono biases for the sequence’s own length"
    return escape(names.cell(row.cell)) + ("" if bias == "none" else f" at forget bias {escape(bias)}")


def learned(data: SimpleNamespace) -> str:
    """The picture, and a row per task and setting: half-life before training, seeds that solved each length."""
    if data.learned.empty:
        return "This study trained nothing."
    groups = data.learned.groupby([*WORDS], observed=True)
    rows = [
        (
            *(escape(said(value)) for said, value in zip(WORDS.values(), key, strict=True)),
            number(group["half_life"].dropna().iloc[-1]) if group["half_life"].notna().any() else "",
            shares(group),
        )
        for key, group in groups
    ]
    head = (
        "Task",
        "Cell",
        "Init",
        "Forget bias",
        "Half-life",
        "Length: seeds that solved it, steps that took",
    )
    return f"{drawn(data, 'learned')}\n\n{table('Learning against decay', head, rows, (12, 8, 8, 6, 7, 40))}"


def shares(group: pd.DataFrame) -> str:
    """The seeds that solved each length, of those tried, and the mean steps of training that it took."""
    each = [
        f"{count(row.length)}: {count(row.solved)} of {count(row.seeds)}"
        + (f", {count(row.steps)}" if row.solved else "")
        for row in group.sort_values("length").itertuples()
    ]
    return "; ".join(each)


def rate_and_length(data: SimpleNamespace) -> str:
    """What the claims table says of the rate before training and the longest lag learned."""
    rows = data.claims[data.claims["id"] == "K3"]
    return f"{escape(rows['condition'].iloc[0])} [K3](#K3) has more." if len(rows) else ""
