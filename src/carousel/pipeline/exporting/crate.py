"""A folder of results as an RO-Crate: what each file is, what made it, and under which licence.

The format: RO-Crate 1.2, https://w3id.org/ro/crate/1.2, which is JSON-LD in the words of schema.org.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from carousel.pipeline.checking.results import kind
from carousel.pipeline.provenance import LIBRARIES
from carousel.tables.schemas import TABLES

NAME = "ro-crate-metadata.json"
VERSION = "https://w3id.org/ro/crate/1.2"
LICENCE = "https://spdx.org/licenses/MIT"
TYPES = {
    ".parquet": "application/vnd.apache.parquet", ".csv": "text/csv", ".json": "application/json",
    ".svg": "image/svg+xml", ".html": "text/html", ".md": "text/markdown", ".yaml": "application/yaml",
    ".txt": "text/plain", ".xml": "application/xml",
}  # fmt: skip
LEFT_OUT = "cache", "logs"
"""Folders of results that are nobody's result."""
SOFTWARE = "#carousel"
RUN = "#run"


def text(folder: Path, origin: Mapping[str, Any]) -> str:
    """The metadata of the crate that `folder` becomes with them; origin: the provenance of its verdicts."""
    graph = {"@context": f"{VERSION}/context", "@graph": [*entities(folder, origin)]}
    return json.dumps(graph, indent=1, ensure_ascii=False) + "\n"


def entities(folder: Path, origin: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """What the crate describes: itself, its files, the program, the run that made the files."""
    files = [file(folder, path) for path in parts(folder)]
    made = [refer(each["@id"]) for each in files]
    yield {"@id": NAME, "@type": "CreativeWork", "conformsTo": refer(VERSION), "about": refer("./")}
    yield root(folder, origin, made)
    yield {"@id": LICENCE, "@type": "CreativeWork", "name": "MIT License", "identifier": "MIT"}
    yield from software(origin)
    yield {"@id": RUN, "@type": "CreateAction", "name": f"Run of the study {origin.get('study')}",
           "instrument": refer(SOFTWARE), "result": made}  # fmt: skip
    yield from files


def root(folder: Path, origin: Mapping[str, Any], made: list[dict[str, str]]) -> dict[str, Any]:
    """The folder itself."""
    published = datetime.fromtimestamp((folder / "claims.parquet").stat().st_mtime, UTC)
    return {
        "@id": "./", "@type": "Dataset", "name": f"carousel: {origin.get('title')}",
        "description": f"Tables, verdicts, figures and page of the study {origin.get('study')} "
                       f"(hash {origin.get('study_hash')}, master seed {origin.get('seed')})",
        "datePublished": published.date().isoformat(), "license": refer(LICENCE), "hasPart": made,
        "mentions": refer(RUN),
    }  # fmt: skip


def software(origin: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The program and the packages that its numbers rest on, at their versions."""
    names = [name for name in ("python", "numpy", "torch", "numba", *LIBRARIES) if name in origin]
    yield {"@id": SOFTWARE, "@type": "SoftwareApplication", "name": "carousel", "license": refer(LICENCE),
           "version": origin.get("carousel"), "identifier": f"commit {origin.get('commit')}",
           "processorRequirements": origin.get("machine"),
           "softwareRequirements": [refer(f"#{name}") for name in names]}  # fmt: skip
    for name in names:
        yield {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "version": origin[name]}


def parts(folder: Path) -> list[Path]:
    """The files of the crate."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in TYPES)
    inside = ((path, path.relative_to(folder).parts) for path in paths)
    return [
        path
        for path, names in inside
        if names[0] not in LEFT_OUT and names != (NAME,) and names[-1][0] != "."
    ]


def file(folder: Path, path: Path) -> dict[str, Any]:
    """One file: what it is, its size, and a hash of its bytes."""
    name = path.relative_to(folder).as_posix()
    return {"@id": name, "@type": "File", "name": path.name, "description": meaning(name),
            "encodingFormat": TYPES[path.suffix], "contentSize": str(path.stat().st_size),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}  # fmt: skip


def meaning(name: str) -> str:
    """What a file is, in a few words."""
    table = kind(name.removesuffix(".parquet"))
    if name.endswith(".parquet") and table in TABLES:
        whole = "The whole table" if "/" not in name else "A share of the table"
        return f"{whole} {table}; src/carousel/tables says what its columns mean"
    known = {"report.html": "The page", "study.yaml": "What was asked", "summary.md": "The page in short"}
    return known.get(name, "A figure" if name.startswith("figures/") else f"The file {name} of the results")


def refer(name: str) -> dict[str, str]:
    """A reference to another entity."""
    return {"@id": name}
