"""Which seals are older than the data of a study, by its history in git and the seeds that had been seen."""

import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from carousel.claims import CLAIMS, seals
from carousel.claims.claim import Claim
from carousel.claims.seals import Seal
from carousel.pipeline import claim_files
from carousel.pipeline.claim_paths import paths, seals_of
from carousel.pipeline.provenance import commit
from carousel.study.schema import STANDARD_CLAIMS


def sealed(named: str, seen: Iterable[int]) -> Path:
    """Seal the claims of the package, or of a file, at the commit that is checked out; returns the file of seals."""
    standard = named == STANDARD_CLAIMS
    claims = CLAIMS if standard else claim_files.load(Path(named))
    path = seals.STANDARD if standard else seals_of(Path(named))
    now = commit().removesuffix("-dirty"), datetime.now(UTC).date().isoformat(), [*seen]
    path.write_text(seals.text({name: seals.seal_of(claim, *now) for name, claim in claims.items()}))
    return path


def read(named: Iterable[str], folder: Path) -> dict[str, Seal]:
    """The seals of all claims of a study in `folder`, by claim."""
    files = [seals.STANDARD if each == STANDARD_CLAIMS else seals_of(*paths([each], folder))
             for each in named]  # fmt: skip
    return {name: seal for file in files for name, seal in seals.read(file).items()}


def columns(
    claims: Mapping[str, Claim], own: Mapping[str, Seal], origin: Mapping[str, Any]
) -> dict[str, list[str]]:
    """What the table of claims has of their thresholds and seals; origin: the provenance of the data."""
    each = [
        seals.columns(claim, own.get(name), older(own.get(name), origin)) for name, claim in claims.items()
    ]
    return {column: [row[column] for row in each] for column in each[0]}


def older(seal: Seal | None, origin: Mapping[str, Any]) -> bool:
    """Whether a seal is older than data: of seeds that had not been seen, measured by commits after its own."""
    if seal is None or set(several(origin.get("seed", []))) & set(seal.seen):
        return False
    commits = several(origin.get("commit", []))
    return bool(commits) and all(follows(each.removesuffix("-dirty"), seal.commit) for each in commits)


def several(value: Any) -> list[Any]:
    """The values of a provenance that may have one or a list."""
    return value if isinstance(value, list) else [value]


@cache
def follows(later: str, earlier: str) -> bool:
    """Whether a commit comes after another in the history of the package's code; False where git cannot tell."""
    if later == earlier:
        return False
    ask = ["git", "merge-base", "--is-ancestor", earlier, later]
    try:
        return subprocess.run(ask, cwd=Path(__file__).parent, capture_output=True).returncode == 0
    except OSError:
        return False
