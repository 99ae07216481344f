"""What was changed in rules, tests and settings after a verdict had been seen, and which verdicts are others since."""

from types import SimpleNamespace
from typing import NamedTuple

from carousel.report.page.markup import escape, table

BEFORE = "6fae06c"  # the commit whose standard study was read critically before the changes SINCE
THEN = {  # the verdicts of its standard study
    "depends": "Q1 Q2 K2 A1b A1e A1f A1h A2a A2e A2f A3b A4d A4f A4g",
    "refuted": "K1 A1c A1g A2d A4b A4c A4e",
    "supported": "A1a A1d A1i A2b A2c A3a A4a",
    "inconclusive": "K3 A1j A2g",
}
EVERY = " ".join(THEN.values())
# claims whose prediction was written, or written anew, after BEFORE
REWRITTEN = "K3 A1c A1f A1j A2d A2g A4c A4e M1 M2 M3"


class Change(NamedTuple):
    """A change after a verdict had been seen."""

    what: str
    seen: str  # what had been seen before
    commits: str  # hashes, separated by spaces
    claims: str = ""  # whose verdict may be another by it, separated by spaces
    effect: str = ""  # on verdicts, where it is known apart from other changes


EARLIER = (
    Change("The p of a comparison is Student's, no longer that of Wilcoxon's signed ranks. With ten repetitions its "
           "least value, 0.002, does not survive a correction over more than 25 comparisons.",
           "The comparisons of the first 15 claims, when 16 more were added.", "7046676", "",
           f"With signed ranks A4c is inconclusive in the tables of {BEFORE}, where it was refuted; no other verdict "
           "differs."),
    Change("A ReLU chain counts by its live starting points (A1b, A1h).", "Most of them start dead.", "7046676"),
    Change("The margins of A3b and A4c.", "Which runs solve their task; one entry factor.", "7046676"),
    Change("The cell for which an effect is shown (A1f, A1g).", "The effects.", "7046676", effect="None."),
    Change("A1c takes a search over all four activations to be supported.",
           "A search over two of them was enough to support it.", "d83a4d2", effect="None: it was refuted."),
)  # fmt: skip
SINCE = (
    Change("Holm's correction is over the parts of one claim, for comparisons and trends alike, no longer over the "
           "comparisons of all claims together with no correction of trends.",
           "A2g and A1j were inconclusive in the one family.", "0078441", EVERY),
    Change("The first backend is the sample and the others confirm it over the repetitions that they share; before, "
           "each had to decide by itself.", "The backends share their seeds and agreed.", "0078441 92b51fd", EVERY),
    Change("“The same” and “no difference” are decided by tests of equivalence; every verdict is shown at half and at "
           "twice its margin.", "All verdicts.", "0078441", EVERY),
    Change("Recurrent weights, inits and widths are compared at one strength of the input; libraries' defaults are "
           "settings of their own.", "The order of two inits was that of their input weights (K2, A4g).",
           "92b51fd b8a74f1 13800e2 93e11f6 36e465a", "K1 K2 A1b A1h A1i A2a A2f A4g"),
    Change("Keeping, weakening and vanishing are what is left at a stated lag, no longer a rate per step.",
           "Chrono biases were judged to vanish at a length of 100 and not at 400.", "8896007 4466a86 d48b78d 5515004",
           "Q1 Q2 K1 A1e A4f A4g"),
    Change("A threshold is given line by line, no longer as the median over inits.",
           "Thresholds of two inits lay outside the interval of their median.", "9bf524f 56c6ccc", "Q1 Q2 A1e A4f"),
    Change("Q2, A1f, A1g, A1j and A4e are decided by route: what is left of what was inside the cell, a search for "
           "networks whose other routes cancel the carousel, one witness that R moves the gates, the LSTM alone.",
           "A1f forgave its counterexamples as a few settings; A4e's witness was copies of one unit; A1j was "
           "inconclusive.", "b9702f0 ed15941", "Q2 A1f A1g A1j A4e"),
    Change("Three statements that nobody made in the Q&A, M1, M2 and M3.", "The tables that they are about.",
           "ed15941"),
    Change("Predictions that were written anew, with the reading, after the verdict had been seen; the sections say "
           f"so: {REWRITTEN.partition(' M1')[0]}.", "The verdicts of these claims.", "06c6373 d37f212 ed15941"),
    Change("A1c reads “it” as the factor w to the n, and sigmoid and tanh chains carry its verdict.",
           "It was refuted by w = −1.", "06c6373", "A1c"),
    Change("A1d and A4b are said to be checks of the instrument, along the cell alone.",
           "Both sides of the comparison come from the same code.", "58269ee", "A1d A4b"),
    Change("A2c asks beside the weights whether training reaches them, with a budget in which it could.",
           "It was supported by weights that were set; in the training measured no bias could move far.",
           "58269ee b8a74f1", "A2c"),
    Change("A2d is said of the chain without bias; that with one and trained sigmoid RNNs stand apart.",
           "Its counterexample had a bias that the claim's model has not.", "06c6373", "A2d"),
    Change("A2g asks two questions, the chain rule and stationarity, with a batch of 64.", "It was inconclusive.",
           "06c6373 b8a74f1", "A2g"),
    Change("A3b decides the reason that was given for truncating, init by init, and learning.",
           "The reason had been measured and not judged; learning was undecided everywhere.", "bd823eb 3117853", "A3b"),
    Change("A4c is judged on the activation function alone; a tenth is little.",
           "Its margin, a half, is what an output gate without bias lets through.", "d37f212", "A4c"),
    Change("A4d's gain by init.", "Its threshold was pooled over inits.", "cb7fe71", "A4d"),
    Change("A1c counts a chain by its live starts, as A1b and A1h do; A4e shows the least change of all models.",
           "A1c's list had live ReLU chains among the dead; A4e's figure had a smaller change than its condition.",
           "b743a57 c03ced4", "A1c A4e"),
    Change("A4f is decided init by init; a part of a trend whose settings disagree depends on the setting, as that of "
           "a comparison does.", "The 1997 cell with identity weights falls by ten decades and was pooled away.",
           "509548e 6920a38", "Q2 A1e A1i A2f A4f A4g"),
    Change("K3's rule names the corrected p that it uses.", "The printed rule was not the coded one.",
           "2b4e0c4 5af9258", "K3"),
    Change("K3 compares the longest length that each seed learns where training goes on to the next length, LSTM by "
           "LSTM and task by task, and asks of the order of the settings apart; digits are left out.",
           "K3 was inconclusive: sequences of 60 and 150 to 300 steps of training told too little.",
           "0629acf 7e6c3fa", "K3"),
)  # fmt: skip
HEAD = ("What was changed", "Seen before", "Commit", "Effect on verdicts")


def history(data: SimpleNamespace) -> str:
    """The changes in a table, those since BEFORE with the verdicts that are others now."""
    now = dict(zip(data.claims["id"], data.claims["verdict"], strict=True))
    rows = [
        *(line(change, change.effect or "Not told apart from other changes.") for change in EARLIER),
        *(line(change, moved(change.claims, now)) for change in SINCE),
    ]
    return f"{table('Changes after a verdict was seen', HEAD, rows, (44, 28, 12, 24))}\n\n{summary(now)}"


def dated(name: str) -> str:
    """What is to be said behind the prediction of a claim that was written after its verdict had been seen."""
    return " (written after a first verdict had been seen)" if name in REWRITTEN.split() else ""


def line(change: Change, effect: str) -> tuple[str, ...]:
    """A change as a line of the table."""
    return escape(change.what), escape(change.seen), escape(change.commits.replace(" ", ", ")), escape(effect)


def then() -> dict[str, str]:
    """The verdicts at BEFORE by claim."""
    return {name: word for word, names in THEN.items() for name in names.split()}


def moved(claims: str, now: dict[str, str]) -> str:
    """Which of some claims have another verdict than at BEFORE, by this change or another."""
    if claims == EVERY:
        return "See below the table."
    before = then()
    others = [
        f"{name}: {before[name]}, now {now[name]}"
        for name in claims.split()
        if name in now and now[name] != before[name]
    ]
    return f"{'; '.join(others)}." if others else "None."


def summary(now: dict[str, str]) -> str:
    """How many verdicts are those of BEFORE, and which are others, all changes taken together."""
    before = then()
    judged = [name for name in before if name in now]
    others = [name for name in judged if now[name] != before[name]]
    words = ", ".join(f"[{name}](#{name}) ({before[name]}, now {now[name]})" for name in others)
    said = (
        f"{len(judged) - len(others)} of {len(judged)} verdicts are those of the standard study at {BEFORE}"
    )
    return f"{said}; others: {words}." if others else f"{said}."
