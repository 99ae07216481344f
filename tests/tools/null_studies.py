"""How often each claim is supported or refuted where every true effect lies at its margin: in 5 % of studies at most.

    python tests/tools/null_studies.py --studies 200 --out benchmarks/null.csv

A row per claim that is decided by intervals: studies, wrong verdicts, their share with Wilson's 95 % interval, and the
commit. Claims take turns, a study each, and the table is written after every turn: it may be stopped at any time.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]


def planted() -> dict:
    """The planted tables of each claim that is decided by intervals."""
    from support.null_studies import BY_INTERVAL
    from support.planted_study import accuracy_table, decay_table, dynamics_table
    from support.planting import Truth

    from carousel.claims.claim import Tables

    truth = Truth()
    accuracy, dynamics = accuracy_table(truth), dynamics_table(truth)
    return {name: Tables(decay_table(truth, name), accuracy, dynamics) for name in BY_INTERVAL}


def row(name: str, seen: list[str], commit: str) -> dict:
    """The claim's row of the table: studies, how many are wrong, and the share with its interval."""
    from statsmodels.stats.proportion import proportion_confint
    from support.null_studies import WRONG

    wrong = sum(word in WRONG for word in seen)
    low, high = proportion_confint(wrong, len(seen), method="wilson")
    return {"id": name, "studies": len(seen), "wrong": wrong, "share": wrong / len(seen), "low": low if wrong else 0.0,
            "high": high, "depends": seen.count("depends"), "commit": commit}  # fmt: skip


def run(studies: int, out: Path) -> None:
    """Decide every claim on that many null studies, and write the table after each."""
    import pandas as pd
    from support.null_studies import verdicts

    from carousel.claims import CLAIMS

    tables = planted()
    seen: dict[str, list[str]] = {name: [] for name in tables}
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip()
    for study in range(studies):
        for name, words in seen.items():
            words += verdicts(CLAIMS[name], tables[name], [study])
        rows = [row(name, words, commit) for name, words in seen.items()]
        pd.DataFrame(rows).to_csv(out, index=False, float_format="%.4g")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the record; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=200, help="of each claim")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "null.csv")
    args = parser.parse_args(argv)
    run(args.studies, args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
