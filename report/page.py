"""What the cells of index.qmd print: tables -> Markdown. Nothing here computes a result."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from markup import count, definitions, div, escape, number, picture, table, verdict
from measures import DRAWN
from words import ANSWERS, Claim, answers, brief, measured, plain

from carousel import store

MADE_BY = {"claims.parquet": "judge", "agreement.parquet": "judge", "decay.parquet": "gather_decay",
           "accuracy.parquet": "gather_accuracy", "calibration.parquet": "gather_calibration",
           "dynamics.parquet": "gather_dynamics", "summary.parquet": "summarise"}  # fmt: skip
FACTORS = ("cell", "init", "gain", "forget_bias", "bias", "hidden", "task", "length", "repetition", "trained",
           "gradient", "step", "backend", "device", "dtype")  # fmt: skip


def check(results: Path) -> None:
    """Raise FileNotFoundError with a line that names the first missing file and the rule that makes it."""
    for name, rule in MADE_BY.items():
        require(results / name, rule)
    drawn = [f"{name}.{suffix}" for name in DRAWN for suffix in ("svg", "txt")]
    for name in ("story.svg", *drawn, *store.read(results / "claims.parquet")["figure"]):
        require(results / "figures" / name, "draw")


def require(path: Path, rule: str) -> None:
    """Raise FileNotFoundError where there is no such file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; the rule `{rule}` makes it")


def load() -> SimpleNamespace:
    """The tables of the results folder that the environment names, and their provenance by file."""
    results = Path(os.environ["CAROUSEL_RESULTS"])
    frames = {Path(name).stem: store.read(results / name) for name in MADE_BY}
    validate(frames["claims"])
    origins = {name: store.provenance(results / name) for name in MADE_BY}
    renderer = os.environ["CAROUSEL_RENDERER"]
    return SimpleNamespace(results=results, origins=origins, renderer=renderer, **frames)


def validate(claims: pd.DataFrame) -> None:
    """Raise ValueError for a claim whose id cannot be an anchor, or whose verdict is none."""
    for claim in claims.itertuples():
        verdict(claim.verdict)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", claim.id):
            raise ValueError(f"{claim.id!r} cannot be a claim's id: letters and digits only")


def counted(data: SimpleNamespace) -> str:
    """How many claims there are and how many have each verdict."""
    counts = data.claims["verdict"].value_counts()
    parts = ", ".join(f"{counts[word]} {verdict(word)}" for word in counts.index)
    title = data.origins["claims.parquet"].get("title", data.results.name)
    return f"{escape(title)}, {len(data.claims)} claims: {parts}."


def answer(data: SimpleNamespace) -> str:
    """The five sentences as a list."""
    return "\n".join(f"1. {text}" for text in answers(data.claims))


def verdicts(data: SimpleNamespace) -> str:
    """The table of verdicts; every id links to its section."""
    rows = [
        (f"[{claim.id}](#{claim.id})", escape(claim.statement), verdict(claim.verdict), measured(claim),
         brief(claim.condition))
        for claim in data.claims.itertuples()
    ]  # fmt: skip
    head = ("Id", "Claim", "Verdict", "Effect and interval", "Condition")
    return div("verdicts", table("Verdicts", head, rows, (5, 34, 12, 24, 25)), colons=4)


def story(data: SimpleNamespace) -> str:
    """The one picture; its alt text says what the answer says."""
    known = [plain(claim) for claim in data.claims.itertuples() if claim.id in ANSWERS]
    return picture(data.results / "figures/story.svg", ". ".join(["The study in one picture", *known]) + ".")


def sections(data: SimpleNamespace) -> str:
    """A section per claim, in the order of the table."""
    return "\n".join(section(claim, data.results) for claim in data.claims.itertuples())


def section(claim: Claim, results: Path) -> str:
    """One claim: statement, verdict and figures, picture, takeaway."""
    facts = definitions([
        ("Who said it", escape(claim.who)),
        ("Kind", escape(claim.kind)),
        ("What settles it", escape(claim.rule)),
        ("Effect", f"{measured(claim)}, n = {count(claim.n)}"),
        ("By backend", f"NumPy {number(claim.numpy)}, PyTorch {number(claim.torch)}"),
        ("Condition", escape(claim.condition)),
    ])  # fmt: skip
    head = f"### {claim.id}: {verdict(claim.verdict)} {{#{claim.id}}}\n"
    image = picture(results / "figures" / claim.figure, claim.alt)
    statement, takeaway = escape(claim.statement), f"**In practice:** {escape(claim.takeaway)}"
    blocks = (head, div("statement", statement), div("facts", facts), image, div("takeaway", takeaway))
    return "\n".join(blocks)


def values(column: pd.Series) -> str:
    """The distinct values of a factor: all of them if few, otherwise their range and number."""
    found = sorted(column.dropna().unique())
    if len(found) > 8 and pd.api.types.is_numeric_dtype(column.dtype):
        return f"{found[0]:g} to {found[-1]:g} ({len(found)} values)"
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in found)


def slices(frame: pd.DataFrame) -> str:
    """What the study swept, one entry per slice, read from the columns of a table."""
    pairs = []
    for name, part in frame.groupby("slice", observed=True, sort=False):
        swept = {factor: values(part[factor]) for factor in FACTORS if factor in part}
        words = (f"*{escape(factor)}* {escape(found)}" for factor, found in swept.items() if found)
        pairs.append((escape(name), "; ".join(words)))
    return definitions(pairs)


def baselines(data: SimpleNamespace) -> str:
    """What the best predictor without memory scores, per task."""
    rows = [
        (escape(task), escape(values(part["length"])), spread(part["baseline_loss"]),
         spread(part["baseline_accuracy"]))
        for task, part in data.accuracy.groupby("task", observed=True)
    ]  # fmt: skip
    head = ("Task", "Sequence length", "Baseline loss", "Baseline accuracy")
    return table("Baselines", head, rows, (4, 4, 4, 4))


def spread(column: pd.Series) -> str:
    """One value, or the smallest and the largest."""
    low, high = number(column.min()), number(column.max())
    return low if low == high else f"{low} to {high}"


def agreement(data: SimpleNamespace) -> str:
    """How far the two backends are apart."""
    rows = [
        (escape(row.measure), number(row.value), escape(row.unit), count(row.n), escape(row.where))
        for row in data.agreement.itertuples()
    ]
    head = ("Measure", "Value", "Unit", "n", "Where")
    return table("Agreement of the backends", head, rows, (6, 3, 2, 2, 9))


def flat(entries: dict, prefix: str = "") -> dict[str, str]:
    """Nested provenance as one level of `outer.inner` names."""
    found = {}
    for key, value in entries.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": text(value)}
    return found


def text(value: object) -> str:
    """A provenance value as one string; gathered tables list what their parts differ in."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def provenance(data: SimpleNamespace) -> str:
    """Where the tables come from: an entry that differs between them is shown once per table."""
    origins = {name: flat(origin) for name, origin in data.origins.items()}
    keys = {key: None for origin in origins.values() for key in origin}
    pairs = [(escape(key), entry(origins, key)) for key in keys]
    return definitions([*pairs, ("renderer", escape(data.renderer))])


def entry(origins: dict[str, dict[str, str]], key: str) -> str:
    """The values of one key, with the tables that carry them unless all carry the same."""
    found: dict[str, list[str]] = {}
    for name, origin in origins.items():
        if key in origin:
            found.setdefault(origin[key], []).append(name)
    where = {
        value: "" if len(names) == len(origins) else f" ({', '.join(names)})"
        for value, names in found.items()
    }
    return "; ".join(escape(value + names) for value, names in where.items())


def colophon(data: SimpleNamespace) -> str:
    """The last line of the page: what made it."""
    return div(
        "colophon", f"This page was rendered by {escape(data.renderer)}. It loads nothing from the network."
    )
