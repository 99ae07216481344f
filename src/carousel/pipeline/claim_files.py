"""Claims from files: YAML that says each as data, checked key by key, or Python for what that cannot say."""

import runpy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from carousel.claims import CLAIMS
from carousel.claims.brought import Brought, claim_of
from carousel.claims.claim import Claim, Source
from carousel.pipeline.claim_entries import CHECKS, Entry, File, Limit, Said
from carousel.pipeline.claim_paths import paths
from carousel.study.errors import Loc, StudyError, explain, nearest, shown
from carousel.study.schema import STANDARD_CLAIMS
from carousel.study.slices import Checked
from carousel.study.yaml_reader import text_of, values


def load(path: Path) -> dict[str, Claim]:
    """The claims of a file, by id. Raises StudyError, in one line."""
    if not path.is_file():
        others = sorted(each.name for each in path.parent.glob(f"*{path.suffix}"))
        raise StudyError(f"{shown(path)}: there is no such file of claims{nearest(path.name, others)}")
    found = _of_python(path) if path.suffix == ".py" else _of_yaml(path)
    return {name: replace(claim, register=path.stem) for name, claim in found.items()}


def _of_python(path: Path) -> Mapping[str, Claim]:
    """The CLAIMS of a module that is run, as those of `carousel.claims` are written."""
    claims = runpy.run_path(str(path), run_name=path.stem).get("CLAIMS")
    if not isinstance(claims, dict) or not all(isinstance(claim, Claim) for claim in claims.values()):
        raise StudyError(
            f"{shown(path)}: CLAIMS: missing; allowed: a dict of carousel.claims.claim.Claim by id"
        )
    return claims


def _of_yaml(path: Path) -> Mapping[str, Claim]:
    return {entry.id: claim_of(_brought(entry)) for entry in entries(path)}


def entries(path: Path) -> tuple[Entry, ...]:
    """The claims of a file in YAML, checked. Raises StudyError, in one line."""
    try:
        file = File.model_validate(values(text_of(path), path))
    except ValidationError as error:
        raise explain(f"{shown(path)}: ", error, _keys) from None
    for number, entry in enumerate(file.claims):
        _check(entry, f"{shown(path)}: claims[{number}]")
    ids = [entry.id for entry in file.claims]
    if twice := [name for name in ids if ids.count(name) > 1]:
        raise StudyError(f"{shown(path)}: claims: found the id {twice[0]} twice; allowed: each once")
    return file.claims


def _check(entry: Entry, where: str) -> None:
    """Check what the keys of a claim are together. Raises StudyError."""
    for check in CHECKS:
        try:
            check(entry)
        except ValueError as error:
            raise StudyError(f"{where}.{error}") from None


def _brought(entry: Entry) -> Brought:
    said = Source(entry.source.who, entry.source.url, entry.source.quote)
    return Brought(entry.id, said, entry.statement, entry.form, entry.limit.unit, entry.limit.why, entry.prediction,
                   entry.takeaways)  # fmt: skip


def _keys(loc: Loc) -> list[str]:
    inside = [key for key in loc if isinstance(key, str)]
    models: dict[str, type[Checked]] = {"source": Said, "threshold": Limit, "margin": Limit}
    model = (models.get(inside[-1], Entry) if inside[1:] else Entry) if inside else File
    return list(model.model_fields)


def claims_of(named: Iterable[str], folder: Path) -> dict[str, Claim]:
    """All claims of a study, in its order, by id. Raises StudyError where two have one id."""
    found: dict[str, Claim] = {}
    for each in named:
        own = CLAIMS if each == STANDARD_CLAIMS else load(*paths([each], folder))
        if twice := set(found) & set(own):
            raise StudyError(
                f"claims: {each}: the id {min(twice)} is that of another claim; allowed: ids of its own"
            )
        found |= own
    return found
