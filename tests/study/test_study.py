import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from carousel.cells import CELLS
from carousel.inits import INITS
from carousel.study import files, jobs, schema
from carousel.study.errors import StudyError
from carousel.study.files import decay_defaults
from carousel.study.models import repetitions_on
from carousel.study.schema import vary

STUDIES = sorted(file.stem for file in files.config_folder().glob("*.yaml"))
SMOKE = yaml.safe_load((files.config_folder() / "smoke.yaml").read_text())


def told(path: Path, content: Any) -> list[str]:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(StudyError) as error:
        files.load(path)
    return str(error.value).splitlines()


def with_(change: Callable[[dict], Any]) -> dict:
    content = copy.deepcopy(SMOKE)
    change(content)
    return content


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_of_config_is_sound(name: str) -> None:
    content = files.load(files.find(name))
    assert len(jobs.decay_jobs(content)) + len(jobs.accuracy_jobs(content)) <= 300
    assert {backend for backend, _ in jobs.decay_jobs(content)} == {"numpy", "torch"}


WRONG: dict[str, tuple[Callable[[dict], Any], str]] = {
    "unknown cell": (
        lambda s: s["decay"][0]["cells"].insert(1, "lstmm"),
        "decay[0].cells[1]: found 'lstmm'; allowed: rnn_tanh, ",
    ),
    "unknown key": (
        lambda s: s["decay"][1].update(cell=["lstm"]),
        "decay[1].cell: unknown key; allowed: slice, ",
    ),
    "unknown top key": (
        lambda s: s.update(sede=1),
        "sede: unknown key; allowed: title, seed, claims, decay, dynamics, depth, search, training",
    ),
    "missing": (lambda s: s["training"][0].pop("clip"), "training[0].clip: missing"),
    "unknown init": (
        lambda s: s["decay"][0].update(inits=["xavier"]),
        "decay[0].inits[0]: found 'xavier'; allowed: ",
    ),
    "unknown task": (lambda s: s["training"][0].update(tasks=["ading"]), "found 'ading'; allowed: adding, "),
    "device": (
        lambda s: s["decay"][0].update(device="gpu"),
        "decay[0].device: found 'gpu'; allowed: cpu, cuda",
    ),
    "dtype": (lambda s: s["decay"][0].update(dtype="float16"), "found 'float16'; allowed: float32, float64"),
    "empty list": (
        lambda s: s["decay"][0].update(cells=[]),
        "decay[0].cells: found []; allowed: a list with",
    ),
    "no list": (lambda s: s["decay"][0].update(lengths=10), "decay[0].lengths: found 10; allowed: a list"),
    "twice": (
        lambda s: s["decay"][0].update(gains=[1, 1.0]),
        "decay[0].gains: found [1, 1.0]; allowed: each entry",
    ),
    "negative": (
        lambda s: s["decay"][0].update(repetitions=-1),
        "decay[0].repetitions: found -1; allowed: greater",
    ),
    "zero length": (lambda s: s["decay"][0].update(lengths=[0]), "decay[0].lengths[0]: found 0"),
    "fraction": (
        lambda s: s["decay"][0].update(hidden=[8.5]),
        "decay[0].hidden[0]: found 8.5; allowed: a valid int",
    ),
    "text": (
        lambda s: s["decay"][0].update(hidden=["8"]),
        "decay[0].hidden[0]: found '8'; allowed: a valid int",
    ),
    "truth": (
        lambda s: s["decay"][0].update(gains=[True]),
        "decay[0].gains[0]: found True; allowed: a valid number",
    ),
    "nan": (
        lambda s: s["decay"][0].update(gains=[float("nan")]),
        "decay[0].gains[0]: found nan; allowed: a finite",
    ),
    "infinite clip": (lambda s: s["training"][0].update(clip=float("inf")), "training[0].clip: found inf"),
    "forget bias": (lambda s: s["decay"][0].update(forget_biases=["crono"]), "nearest: chrono"),
    "forget bias of another form": (
        lambda s: s["decay"][0].update(forget_biases=["chrono:2"]),
        "found 'chrono:2'; allowed: a finite number, chrono, uniform, loguniform, or chrono:T with a T_max of 3 to",
    ),
    "negative drive": (
        lambda s: s["decay"][0].update(drives=[0.25, -0.25]),
        "decay[0].drives[1]: found -0.25; allowed: a finite number of zero or more, or unit",
    ),
    "infinite drive": (
        lambda s: s["dynamics"][0].update(drives=[float("inf")]),
        "dynamics[0].drives[0]: found inf; allowed: a finite number of zero or more, or unit",
    ),
    "drive of a task": (
        lambda s: s["decay"][0].update(drives=["task"]),
        "decay[0].drives[0]: found 'task'; allowed: a finite number of zero or more, or unit",
    ),
    "misspelt drive": (
        lambda s: s["search"][0].update(drive="unti"),
        "search[0].drive: found 'unti'; allowed: a",
    ),
    "drive twice": (
        lambda s: s["decay"][0].update(drives=[4, 4.0]),
        "decay[0].drives: found [4, 4.0]; allowed: each entry once (4 stands twice)",
    ),
    "drives of a task": (lambda s: s["training"][0].update(drives=[1.0]), "training[0].drives: unknown key"),
    "none checked": (
        lambda s: s["dynamics"][0].update(checked=0),
        "dynamics[0].checked: found 0; allowed: greater",
    ),
    "more checked than there are": (
        lambda s: s["training"][0].update(repetitions=3, checked=4),
        "training[0].checked: found 4; allowed: at most repetitions, 3",
    ),
    "every": (
        lambda s: s["decay"][0].update(cells="every"),
        "decay[0].cells: found 'every'; allowed: all, or a list",
    ),
    "measure": (
        lambda s: s["decay"][0].update(measures=["jacobians"]),
        "decay[0].measures[0]: found 'jacobians'; allowed: gradient, jacobian; nearest: jacobian",
    ),
    "no layer": (lambda s: s["depth"][0].update(layers=[0]), "depth[0].layers[0]: found 0; allowed: greater"),
    "too many layers": (
        lambda s: s["depth"][0].update(layers=[65]),
        "depth[0].layers[0]: found 65; allowed: ",
    ),
    "residual in a word": (
        lambda s: s["depth"][0].update(residual=["both"]),
        "depth[0].residual[0]: found 'both'; allowed: a valid boolean",
    ),
    "a measure of depth": (
        lambda s: s["depth"][0].update(measures=["gradient"]),
        "depth[0].measures: unknown key; allowed: slice, ",
    ),
    "exponents": (lambda s: s["dynamics"][0].update(exponents=0), "dynamics[0].exponents: found 0"),
    "objective": (
        lambda s: s["search"][0].update(objectives=["steady"]),
        "search[0].objectives[0]: found 'steady'; allowed: steadiest, fastest_decay, other_routes, unchanged, "
        "cancelled; nearest: steadiest",
    ),
    "one bound": (
        lambda s: s["search"][0].update(gain=[1.0]),
        "search[0].gain: found [1.0]; allowed: two numbers, the lower first, as in [-1, 1]",
    ),
    "no bounds": (
        lambda s: s["search"][0].update(bias=0.0),
        "search[0].bias: found 0.0; allowed: two numbers",
    ),
    "bounds the wrong way": (
        lambda s: s["search"][0].update(gain=[1.0, -1.0]),
        "search[0].gain: found [1.0, -1.0]; allowed: the lower bound first",
    ),
    "bound no number": (
        lambda s: s["search"][0].update(forget_bias=["chrono", 1.0]),
        "search[0].forget_bias[0]: found 'chrono'; allowed: a valid number",
    ),
    "key of another part": (
        lambda s: s["search"][0].update(gains=[1.0]),
        "search[0].gains: unknown key; allowed: slice, objectives, device, ",
    ),
    "too large a search": (
        lambda s: s["search"][0].update(gain=[0, 1], bias=[0, 1], forget_bias=[0, 1], grid=47),
        "search[0].grid: found 47; allowed: at most 100000 points in all",
    ),
    "too small a population": (
        lambda s: s["search"][0].update(population=4),
        "search[0].population: found 4; allowed: greater",
    ),
    "too short to search": (lambda s: s["search"][0].update(length=9), "search[0].length: found 9"),
    "search by another name": (
        lambda s: s["search"][0].update(slice="weight"),
        "search[0].slice: found 'weight'; allowed: search_ and a short name",
    ),
    "no search": (lambda s: s.update(search=[]), "search: found []; allowed: a list with"),
    "huge": (lambda s: s["decay"][0].update(lengths=[10**12]), "decay[0].lengths[0]: found 1000000000000"),
    "seed": (lambda s: s.update(seed=-1), "seed: found -1"),
    "slice name": (
        lambda s: s["decay"][0].update(slice="../x"),
        "decay[0].slice: found '../x'; allowed: a short name",
    ),
    "slice twice": (lambda s: s["decay"].append(copy.deepcopy(s["decay"][0])), "(libraries stands twice)"),
    "no slices": (lambda s: s.update(decay=[]), "decay: found []; allowed: a list with"),
    "slice no mapping": (
        lambda s: s.update(decay=[3]),
        "decay[0]: found 3; allowed: a mapping with the keys slice,",
    ),
    "snapshot": (
        lambda s: s["training"][0].update(snapshots=[0, 10**6]),
        "training[0].snapshots: found [0, 1000000]",
    ),
    "end": (
        lambda s: s["training"][0].update(snapshots=[0, "ende"]),
        "training[0].snapshots[1]: found 'ende'; allowed: a whole number from 0 to 10000000, or end; nearest: end",
    ),
    "tuning length": (
        lambda s: s["training"][0].update(tasks=["digits"], lengths=[64], learning_rates=[0.1, 0.01]),
        "training[0].tuning_length: found 10; allowed for digits: 64 or more",
    ),
    "no learning rate": (
        lambda s: s["training"][0].update(learning_rates=[0.0]),
        "training[0].learning_rates[0]: found 0.0; allowed: greater than 0",
    ),
    "clipped to nothing": (
        lambda s: s["training"][0].update(clip=0),
        "training[0].clip: found 0; allowed: greater than 0",
    ),
    "climb": (lambda s: s["training"][0].update(climb=1), "training[0].climb: found 1; allowed: "),
    "evaluation": (lambda s: s["training"][0].update(evaluate_every=10**6), "allowed: at most steps"),
    "digits": (
        lambda s: s["training"][0].update(tasks=["digits"]),
        "training[0].lengths: found [10]; allowed for digits: 64 or more",
    ),
    "short": (
        lambda s: s["training"][0].update(lengths=[1]),
        "training[0].lengths: found [1]; allowed for adding: 2",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_one_line_with_file_and_key(case: str, tmp_path: Path) -> None:
    change, expected = WRONG[case]
    lines = told(tmp_path / "mine.yaml", with_(change))
    assert len(lines) == 1
    assert lines[0].startswith(f"{tmp_path / 'mine.yaml'}: ")
    assert expected in lines[0]


@pytest.mark.parametrize(("wrong", "right"), [("lstmm", "lstm"), ("RNN_TANH", "rnn_tanh"), ("gruu", "gru")])
def test_the_nearest_name_is_told(wrong: str, right: str, tmp_path: Path) -> None:
    (line,) = told(tmp_path / "mine.yaml", with_(lambda s: s["decay"][0].update(cells=[wrong])))
    assert line.endswith(f"nearest: {right}")
    assert all(name in line for name in CELLS)


@pytest.mark.parametrize(("key", "table"), [("cells", CELLS), ("inits", INITS)])
def test_all_stands_for_every_name_of_the_table(key: str, table: dict, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(with_(lambda s: s["decay"][0].update({key: "all"}))))
    assert getattr(files.load(path).decay[0], key) == tuple(table)


def test_the_first_problem_is_told_and_where_there_are_more(tmp_path: Path) -> None:
    wrong = with_(lambda s: (s.update(seed="x"), s["decay"][0].update(batch=0), s["search"][0].pop("grid")))
    (line,) = told(tmp_path / "mine.yaml", wrong)
    said = "seed: found 'x'; allowed: a valid integer (also wrong: decay[0].batch, search[0].grid)"
    assert line == f"{tmp_path / 'mine.yaml'}: {said}"
    (line,) = told(tmp_path / "mine.yaml", with_(lambda s: s.update(decay=[{}], training=[{}])))
    assert line.endswith("(also wrong: decay[0].backends, decay[0].device, decay[0].dtype, decay[0].cells, "
                         "decay[0].inits, ...)")  # fmt: skip


def test_a_misspelt_key_is_not_missing_as_well(tmp_path: Path) -> None:
    (line,) = told(
        tmp_path / "mine.yaml", with_(lambda s: s["decay"][0].update(bacth=s["decay"][0].pop("batch")))
    )
    assert "decay[0].bacth: unknown key; allowed: slice, " in line
    assert line.endswith("; nearest: batch")
    (line,) = told(
        tmp_path / "mine.yaml", with_(lambda s: s["decay"][0].update(zz=s["decay"][0].pop("batch")))
    )
    assert line.endswith("(also wrong: decay[0].batch)")


BROKEN = {
    "seed: 1\nseed: 2\n": "line 2: key 'seed' stands twice; allowed: once",
    "decay: [1, 2": "line 1: expected ',' or ']', but got '<stream end>'; allowed: plain yaml",
    "a: !!python/object/apply:os.system [ls]": "line 1: found the tag '!!python/object/apply:os.system'; allowed: ",
    "a: 1\n---\nb: 2": "line 2: expected a single document in the stream, but found another document; allowed: ",
    "": "found None; allowed: a mapping with the keys title, ",
    "- 1": "found [1]; allowed: a mapping",
    "a: \0": "line 1: found the character '\\x00'; allowed: printable ones",
    "[" * 5000: "line 1: too much for a study; allowed: 10000 keys and values in 16 levels",
    "x: &x [*x]": "line 1: found the anchor 'x'; allowed: values written out",
    "x: [*x]": "line 1: found the alias 'x'; allowed: values written out",
    "<<: {seed: 1}": "'<<': unknown key; allowed: title, ",
    "? [a]\n: 1": "line 1: found a sequence for a key; allowed: a name",
    "1: 2": "line 1: found '1' for a key; allowed: a name",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_broken_yaml_is_told_in_lines(text: str, tmp_path: Path) -> None:
    lines = told(tmp_path / "mine.yaml", text)
    assert any(BROKEN[text] in line for line in lines)
    assert all(len(line) < 400 + len(str(tmp_path)) for line in lines)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(part=st.sampled_from(["decay", "search", "training"]), data=st.data(), value=values)
def test_any_value_anywhere_is_taken_or_told(
    part: str, data: st.DataObject, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = data.draw(st.sampled_from(sorted(SMOKE[part][0])))
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(with_(lambda s: s[part][0].update({key: value}))))
    try:
        files.load(path)
    except StudyError as error:
        (line,) = str(error).splitlines()
        assert line.startswith(f"{path}: ")


def test_scientific_notation_without_a_point_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = yaml.safe_dump(SMOKE, default_flow_style=None)
    path.write_text(text.replace("learning_rates: [0.01]", "learning_rates: [1e-3]"))
    assert files.load(path).training[0].learning_rates == (1e-3,)


@pytest.mark.parametrize("plain", ["no", "1:30", "2020-01-01", "1_0", "0x10", "on"])
def test_what_only_old_yaml_takes_for_more_is_text(plain: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(SMOKE).replace("title: Smoke study", f"title: {plain}"))
    assert files.load(path).title == plain


def test_a_study_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        files.load(files.find("smoke")).seed = 2


def test_jobs_are_named_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    again = with_(lambda s: s["decay"].append(copy.deepcopy(s["decay"][0]) | {"slice": "again"}))
    path.write_text(yaml.safe_dump(again))
    assert jobs.decay_jobs(files.load(path)) == jobs.decay_jobs(files.load(files.find("smoke")))


def test_vary_checks_as_load_does() -> None:
    part = schema.vary(files.decay_defaults(), cells=["gru"], lengths=[7])
    assert part.cells == ("gru",)
    assert part.lengths == (7,)
    with pytest.raises(StudyError, match=r"^cells\[0\]: found 'gruu'.*nearest: gru$"):
        schema.vary(part, cells=["gruu"])


def test_find_tells_the_studies_there_are() -> None:
    with pytest.raises(StudyError, match="allowed: .*nearest: smoke"):
        files.find("smok")
    with pytest.raises(StudyError, match="no such study file"):
        files.find("nowhere/mine.yaml")
    with pytest.raises(StudyError, match="names the results"):
        files.find("my study.yaml")


def test_a_device_that_is_absent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    content = files.load(files.find("smoke"))
    there = content.model_copy(update={"decay": (schema.vary(content.decay[0], device="cuda:1"),)})
    for count in (0, 1):
        monkeypatch.setattr(torch.cuda, "device_count", lambda n=count: n)
        with pytest.raises(StudyError, match="found cuda:1.*allowed: cpu"):
            jobs.check_devices(there)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    jobs.check_devices(there)


GROWS = {
    "repetitions",
    "checked",
    "batch",
    "grid",
    "population",
    "generations",
    "length",
    "steps",
    "test_size",
}
BOUNDS = {"gain", "bias", "forget_bias"}


CLIMBED = {"hidden"}  # of which the full study has others where runs climb: it has twice the width there


@pytest.mark.parametrize("larger", ["full", "cluster"])
@pytest.mark.parametrize("kind", ["decay", "dynamics", "depth", "search", "training"])
def test_a_larger_study_asks_for_all_that_the_standard_study_asks_for(kind, larger):
    """So that it decides at least what that decides: no claim rests on a slice or a value that it lacks."""
    standard, full = (
        {each.slice: each.model_dump() for each in getattr(files.load(files.find(name)), kind)}
        for name in ("standard", larger)
    )
    assert set(standard) <= set(full)
    for name, asked in standard.items():
        for key, value in asked.items():
            if key in CLIMBED and larger == "full" and name.startswith("climb"):
                assert min(full[name][key]) >= max(value), (name, key)
                continue
            there = full[name][key]
            if key in BOUNDS:
                assert there[0] <= value[0] <= value[1] <= there[1], (name, key)
            elif isinstance(value, tuple):
                assert set(value) <= set(there), (name, key)
            elif isinstance(value, bool):
                assert there is value, (name, key)
            elif key in GROWS:
                assert there >= value, (name, key)


def test_the_other_backend_measures_the_checked_repetitions():
    part = vary(decay_defaults(), backends=["torch", "numpy"], repetitions=10, checked=3)
    assert [repetitions_on(name, part) for name in ("torch", "numpy")] == [10, 3]
    assert [repetitions_on(name, part, exact=True) for name in ("torch", "numpy")] == [10, 10]
