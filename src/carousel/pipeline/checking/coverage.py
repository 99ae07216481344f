"""Checks of what was measured: the models that the study asks for and no others, each with all of its rows."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from itertools import product
from typing import NamedTuple

from carousel.pipeline.checking.results import Finding, Results, all_of
from carousel.pipeline.workflow import slices
from carousel.study.models import Setting, settings_of
from carousel.study.schema import Study
from carousel.study.slices import AnySlice, DepthSlice, SearchSlice, TrainingSlice
from carousel.study.stacks import shapes
from carousel.tables import schemas

Model = tuple[object, ...]
MODEL = "backend", "slice", *(field.name for field in fields(Setting))
SEARCHED = "gain", "forget_bias", "bias"
"""What a search varies, so that the study does not say which values it takes."""
EACH_BY = {  # by table, what its models have beside MODEL, and what sets the number of a model's rows
    "decay": ((), ("slice", "cell", "hidden", "length", "trained", "step")),
    "dynamics": ((), ("slice", "cell", "hidden", "length", "trained", "step")),
    "depth": (("layers", "residual"), ("slice", "cell", "hidden", "length", "layers", "residual")),
    "accuracy": (("task", "gradient"), ()),
}
STAGES = "step", "trained", "gradient"


class Asked(NamedTuple):
    """The models that a table must have, and those that it may have: how far a climb comes is not known before."""

    must: set[Model]
    may: set[Model]


def models(results: Results) -> Iterator[Finding]:
    """The models that the study asks for and a table lacks, and those that it does not ask for."""
    return all_of(others(results, table) for table in EACH_BY)


def others(results: Results, table: str) -> Iterator[Finding]:
    """The models of one table that are not those of the study."""
    study, _ = results.asked()
    exact = bool(results.origins.get("decay", {}).get("exact"))
    here, asked = measured(results, table), asked_for(study, table, exact)
    yield from said(f"{table}.parquet", "a model that the study does not ask for", here - asked.may)
    yield from said(f"{table}.parquet", "lacks a model of the study", asked.must - here)


def measured(results: Results, table: str) -> set[Model]:
    """The models of a table; of a search without what it varies."""
    here = [*MODEL, *EACH_BY[table][0]]
    rows = results.models(table, [name for name in here if name in schemas.names(table)])
    if table == "accuracy":
        rows = rows.assign(bias=0.0, drive="task")
    rows = rows[here].astype(object)
    search = rows["slice"].astype(str).str.startswith("search")
    rows.loc[search, [*SEARCHED]] = None
    return set(rows.itertuples(index=False, name=None))


def asked_for(study: Study, table: str, exact: bool) -> Asked:
    """The models that a study asks for in a table."""
    own = slices(study)[table]
    must = {model for each in own for model in product_of(each, table, exact, least=True)}
    may = {model for each in own for model in product_of(each, table, exact)}
    if table == "decay":
        points = {model for each in study.search for model in searched(each)}
        must, may = must | points, may | points
    if table in ("decay", "dynamics"):
        may |= {model for each in study.training for model in product_of(each, table, exact)}
    return Asked(must, may)


def product_of(slice_: AnySlice, table: str, exact: bool, least: bool = False) -> Iterator[Model]:
    """The models of a slice; with `least` those alone that no earlier length decides on."""
    if least and isinstance(slice_, TrainingSlice) and slice_.climb:
        slice_ = slice_.model_copy(update={"lengths": (min(slice_.lengths),)})
    for backend, cell in product(slice_.backends, slice_.cells):
        for setting in settings_of(slice_, cell, backend, exact):
            for more in variants(slice_, table):
                yield (backend, slice_.slice, *astuple(setting), *more)


def variants(slice_: AnySlice, table: str) -> Iterable[Model]:
    """What tells the models of one setting apart in a table."""
    if isinstance(slice_, DepthSlice):
        return shapes(slice_)
    if isinstance(slice_, TrainingSlice) and table == "accuracy":
        return product(slice_.tasks, slice_.gradients)
    return [()]


def searched(slice_: SearchSlice) -> Iterator[Model]:
    """The models of a search, without what it varies."""
    fixed = {
        "init": slice_.init,
        "drive": str(slice_.drive),
        "hidden": slice_.hidden,
        "length": slice_.length,
    }
    for backend, cell, repetition in product(slice_.backends, slice_.cells, range(slice_.repetitions)):
        here = fixed | {"backend": backend, "slice": slice_.slice, "cell": cell, "repetition": repetition}
        yield tuple(here.get(name) for name in MODEL)


def said(file: str, what: str, models: set[Model]) -> Iterator[Finding]:
    """A line per slice, cell and backend with such models, and one of them."""
    groups: dict[Model, list[Model]] = {}
    for model in sorted(models, key=str):
        groups.setdefault(model[:3], []).append(model)
    for (backend, slice_, cell), found in groups.items():
        rest = ", ".join(
            f"{name} {value}"
            for name, value in zip(MODEL[3:], found[0][3:], strict=False)
            if value is not None
        )
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield Finding(file, f"{what}: slice {slice_}, {cell} on {backend}, {rest}{more}")


def rows(results: Results) -> Iterator[Finding]:
    """The models that have fewer or more rows than others of the same slice, cell, size, length and stage."""
    return all_of(uneven(results, table) for table, (_, alike) in EACH_BY.items() if alike)


def uneven(results: Results, table: str) -> Iterator[Finding]:
    """A line for each model of a table whose rows are not as many as most have that are like it."""
    more, alike = EACH_BY[table]
    columns = [*MODEL, *more, *(STAGES if "step" in alike else ())]
    for _, group in results.models(table, columns).groupby([*alike], observed=True, dropna=False):
        usual = Counter(group["rows"]).most_common(1)[0][0]
        for model in group[group["rows"] != usual].to_dict("records"):
            where = ", ".join(f"{name} {value}" for name, value in model.items() if name != "rows")
            yield Finding(
                f"{table}.parquet", f"{model['rows']} rows of a model, {usual} of those like it: {where}"
            )
