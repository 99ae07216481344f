"""The commit that is timed."""

import subprocess
from pathlib import Path

from carousel.pipeline import provenance

HERE = Path(__file__).parent
WRITTEN = "bench.csv", "bench.md", "plots"  # by the benchmarks themselves


def commit() -> str:
    """The commit, marked where the working tree differs in more than what a run of the benchmarks writes."""
    name = provenance.commit()
    apart = [":/", *(f":(exclude){path}" for path in WRITTEN)]
    differs = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *apart], cwd=HERE, capture_output=True)
    return name if differs.returncode else name.removesuffix("-dirty")
