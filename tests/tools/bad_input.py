"""Bad command lines, files of claims, checkpoints and tables, drawn at random, and what becomes of each.

    python tests/tools/bad_input.py --seconds 60 [lines claims checkpoints tables]

Each has to end its command with one line on standard error and the status of bad input, 1 (of `check` 2), and leave the
folder as it was; what turns out to be good after all ends with status 0 and no line. malformed.py does so with studies.
"""

import argparse
import contextlib
import copy
import io
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from support import small_results  # noqa: E402

from carousel.__main__ import UNCHECKED, main, parser  # noqa: E402
from carousel.study.yaml_reader import text_of, values  # noqa: E402
from carousel.tables import parquet  # noqa: E402

LONGEST = 1500  # characters of a line without the paths in it
FINDS = "check"  # the command whose findings on tables are its result, status 1


class Case(NamedTuple):
    """A command line, run in a folder, and files that are put there before."""

    words: tuple[str, ...]
    files: Mapping[str, bytes] = {}


Cases = st.SearchStrategy[Case]

# ---- Command lines

NAMES = ["", ".", "/", "a\0b", "x" * 5000, "x" * 250, "\udc80", "~nobody/x", "no/such", "a\nb", "{x}", "-", "--",
         "\u202e", "http://x.org/a", "/dev/null", "/dev/zero", "empty", "text", "bytes", "footer.parquet"]  # fmt: skip
NUMBERS = ["", "0", "-1", "1e9", "1" * 5000, "nan", "1.5", "\u0663", "9999999999999"]
LYING = {
    "empty": b"",
    "text": b"text\n",
    "bytes": bytes(range(256)),
    "footer.parquet": b"PAR1" + bytes(20) + b"PAR1",
}
UNTRIED = {
    "calibrate": "measures for seconds whatever its file is called",
    "watch": "a folder without a run is no mistake",
    "timings": "a folder without logs is no mistake",
    "claims seal": "without a file it seals the package's own claims; the kind `claims` tries it",
}


@cache
def commands() -> dict[tuple[str, ...], argparse.ArgumentParser]:
    """The commands of the command line by their words."""
    return {words: each for words, each in nested((), parser()) if " ".join(words) not in UNTRIED}


def nested(words: tuple[str, ...], own: argparse.ArgumentParser) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A parser that has no commands of its own, or those of its commands."""
    below = [each for each in own._actions if isinstance(each, argparse._SubParsersAction)]
    if not below:
        yield words, own
    for each in below:
        for name, inner in each.choices.items():
            yield from nested((*words, name), inner)


@st.composite
def lines(draw: st.DrawFn) -> Case:
    """A command whose arguments are none that it could take, or lack one."""
    words = draw(st.sampled_from(sorted(commands())))
    actions = [each for each in commands()[words]._actions if not isinstance(each, argparse._HelpAction)]
    found = [*words]
    for action in actions:
        given = action.required or draw(st.integers(0, 3)) == 0
        if given and draw(st.integers(0, 19)):
            found += option(draw, action)
    return Case(tuple(found), LYING)


def option(draw: st.DrawFn, action: argparse.Action) -> list[str]:
    """The words of one argument."""
    if action.nargs == 0:
        return [action.option_strings[0]]
    value = draw(st.sampled_from(NUMBERS if action.type is int else NAMES))
    if not action.option_strings:
        return [value]
    name = action.option_strings[0]
    return [f"{name}={value}"] if draw(st.booleans()) else [name, value]


# ---- Files of claims

FOLKLORE = ROOT / "config" / "claims" / "folklore.yaml"
VALUES = [None, "", 0, -1, 1.5, True, [], {}, [[]], {"a": 1}, ["x"], "x", "nobody", "\u202ea", "a\nb", "\x07",
          "x" * 5000, float("nan"), float("inf"), 10**30, 2**64, {"from": 1}, {"from": "a", "to": []}, {"not": None},
          [None], [{}], [1, "a"], ["lstm", 1], "loss_state", "full", "decay", "within", "equal", "existence", [100, 10],
          "lag", {"value": 0, "unit": "a", "why": "b"}, "loss_q", "1e3", "log10_norm"]  # fmt: skip
Place = tuple[str | int, ...]


@cache
def folklore() -> list[Any]:
    """The claims of the example."""
    return values(text_of(FOLKLORE), FOLKLORE)["claims"]


def places(content: Any, here: Place = ()) -> Iterator[Place]:
    """The places of all values in lists and mappings."""
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield (*here, key)
        yield from places(content[key], (*here, key))


@st.composite
def claims(draw: st.DrawFn) -> Case:
    """A file with a claim in which a thing or two is other than it was, or that is cut short."""
    content = {"title": "Mine", "claims": [copy.deepcopy(draw(st.sampled_from(folklore())))]}
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from([*places(content)]))
        inside: Any = content
        for each in path:
            inside = inside[each]
        change = draw(st.sampled_from(["value", "value", "value", "gone", "key"]))
        if change == "value" or isinstance(inside, list):
            inside[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        else:
            value = inside.pop(key)
            inside |= (
                {draw(st.sampled_from(["x", "lag", "cell", "margin", f"{key}s"])): value}
                if change == "key"
                else {}
            )
        if not [*places(content)]:
            break
    data = yaml.safe_dump(content, sort_keys=False, allow_unicode=draw(st.booleans())).encode()
    data = data[: draw(st.integers(0, len(data)))] if not draw(st.integers(0, 9)) else data
    return Case(("claims", "seal", "mine.yaml", "--seen", "1"), {"mine.yaml": data})


# ---- Checkpoints


@cache
def checkpoints_whole() -> list[bytes]:
    """Weights as torch.save and as safetensors write them."""
    import torch

    found = []
    for module in (
        torch.nn.LSTM(2, 3),
        torch.nn.GRU(2, 2, num_layers=2, bidirectional=True),
        torch.nn.RNN(1, 2),
    ):
        state = module.state_dict()
        arrays = {
            "a": {name: tensor.numpy() for name, tensor in state.items()},
            "b": [argparse.Namespace(c=1)],
        }
        for content, zipped in ((state, True), (state, False), (arrays, False)):
            with io.BytesIO() as file:
                torch.save(content, file, _use_new_zipfile_serialization=zipped)
                found.append(file.getvalue())
        found.append(
            safetensors({name: (list(each.shape), each.numpy().tobytes()) for name, each in state.items()})
        )
    return found


def safetensors(state: Mapping[str, tuple[Any, bytes]], **changes: Any) -> bytes:
    """A safetensors file of shapes and numbers, with `changes` of what its header says of each."""
    header, data = {}, b""
    for name, (shape, numbers) in state.items():
        place = [len(data), len(data) + len(numbers)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": place} | changes
        data += numbers
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


HEADERS: dict[str, list[Any]] = {
    "dtype": [None, 1, "F8", "f32", [], "I64", "BOOL", "x" * 5000],
    "shape": [None, [], [-1], [0], [10**18, 0], [2.0, 2], [True], "12", [[1]], [10**30], {}],
    "data_offsets": [None, [], [0], [0, 0], [4, 0], [-4, 4], [0.0, 4.0], ["0", "4"], [0, 10**30], {}],
    "name": [
        "",
        "weight_hh_l0",
        "weight_ih_l9999",
        "a\0b",
        "\u202eweight_ih_l0",
        "x" * 5000,
        "weight_ih_l0\n",
    ],
}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with one to three things wrong: a bit, an end, some gone, some twice, zeros, a large number."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        at, size = draw(st.integers(0, len(data))), draw(st.sampled_from([1, 4, 16]))
        part, change = data[at : at + size], draw(st.integers(0, 5))
        flipped = bytes([part[0] ^ 1 << draw(st.integers(0, 7))]) + part[1:] if part else b""
        new = [flipped, None, b"", part * 2, bytes(len(part)), b"\xff" * len(part)][change]
        data[at : at + size if new is not None else None] = new or b""
    return bytes(data)


@st.composite
def checkpoints(draw: st.DrawFn) -> Case:
    """A checkpoint that was damaged, or a safetensors file whose header is odd."""
    if draw(st.booleans()):
        data = draw(damaged(draw(st.sampled_from(checkpoints_whole()))))
    else:
        key = draw(st.sampled_from(sorted(HEADERS)))
        value = draw(st.sampled_from(HEADERS[key]))
        state = {
            value if key == "name" else "weight_hh_l0": ([4, 1], bytes(16)),
            "weight_ih_l0": ([4, 1], bytes(16)),
        }
        data = safetensors(state, **({} if key == "name" else {key: value}))
    return Case(("diagnose", "--checkpoint=m.pt", "--length=5", "--batch=1"), {"m.pt": data})


# ---- Tables

READERS = {  # the tables that each command reads of a folder, and its words
    "summarise": ("decay", "--decay=decay.parquet --out=out/a --routes=out/b"),
    "judge": (
        "decay accuracy dynamics calibration",
        "--study=study.yaml --decay=decay.parquet --accuracy=accuracy.parquet --dynamics=dynamics.parquet "
        "--calibration=calibration.parquet --out=out/a --csv=out/b --json=out/c --evidence=out/d --agreement=out/e",
    ),
    "explore": (
        "decay accuracy summary routes",
        "--decay=decay.parquet --accuracy=accuracy.parquet --summary=summary.parquet --routes=routes.parquet "
        "--explorer=out/a --advice=out/b --half-lives=out/c --learned=out/d",
    ),
    "published": (
        "accuracy dynamics",
        "--accuracy=accuracy.parquet --dynamics=dynamics.parquet --out=out/a --csv=out/b",
    ),
    "machines": ("decay", "--results=. --out=out/a"),
    "stability": ("claims", "--claims=claims.parquet --out=out/a claims.parquet"),
    "compare": ("decay accuracy dynamics claims", ". {sound}"),
    "claims": ("decay accuracy dynamics calibration", "decide --results=."),
    "export": ("claims", "."),
    "add": ("decay accuracy dynamics calibration", "--results={sound} ."),
    "gather": ("decay", "--out=out/decay.parquet decay.parquet"),
    FINDS: ("decay depth claims summary timings", "."),
}  # fmt: skip
CELLS = [None, "x", float("nan"), -1, 0, 1e308, True, 10**12]
ORIGINS = [None, "x", 0, [], {}, [None], {"a": 1}, True, [1, "a"], "\u202e\n", 10**30]
SOUND: list[Path] = []
"""The folder of the small results, once they are made."""


@st.composite
def tables(draw: st.DrawFn) -> Case:
    """A command on results one of whose tables was damaged, taken from elsewhere, or forged."""
    sound = SOUND[0]
    command = draw(st.sampled_from(sorted(READERS)))
    names, words = READERS[command]
    name = draw(st.sampled_from(names.split()))
    there = {path.name: path.read_bytes() for path in sound.iterdir() if path.suffix in (".parquet", ".yaml")}
    file = f"{name}.parquet"
    how = draw(st.sampled_from(["damage", "other", "plain", "forged", "forged", "forged"]))
    if how == "damage":
        there[file] = draw(damaged(there[file]))
    elif how == "other":
        there[file] = there[draw(st.sampled_from(sorted(each for each in there if each.endswith("parquet"))))]
    else:
        there[file] = rewritten(draw, sound / file, plain=how == "plain")
    return Case((command, *words.format(sound=sound).split()), there)


def rewritten(draw: st.DrawFn, path: Path, plain: bool) -> bytes:
    """A table that another program wrote, or one that a forger did, with a checksum made anew."""
    table, origin = parquet.read(path), parquet.provenance(path)
    with io.BytesIO() as file, tempfile.TemporaryDirectory() as folder:
        if plain:
            table.to_parquet(file)
            return file.getvalue()
        table, origin = forged(draw, table, origin)
        parquet.write(table, Path(folder, "a"), origin)
        return Path(folder, "a").read_bytes()


def forged(
    draw: st.DrawFn, table: pd.DataFrame, origin: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table and its provenance with one thing other than it was."""
    column = draw(st.sampled_from([*table]))
    change = draw(
        st.sampled_from(["name", "gone", "text", "none", "time", "cell", "empty", "twice", "more", "origin"])
    )
    if change == "origin":
        key = draw(st.sampled_from(sorted(origin)))
        value = draw(st.sampled_from(ORIGINS))
        return table, {k: v for k, v in origin.items() if k != key} | ({} if value == 0 else {key: value})
    if change == "cell" and len(table):
        values = table[column].astype(object)
        values.iloc[draw(st.integers(0, len(table) - 1))] = draw(st.sampled_from(CELLS))
        kinds = {type(each) for each in values.dropna()}
        return table.assign(**{column: values.astype(str) if len(kinds) > 1 else values}), origin
    made: Mapping[str, Callable[[], pd.DataFrame]] = {
        "name": lambda: table.rename(columns={column: f"{column}x"}),
        "gone": lambda: table.drop(columns=column),
        "text": lambda: table.assign(**{column: table[column].astype(str)}),
        "none": lambda: table.assign(**{column: pd.Series([None] * len(table), dtype=object)}),
        "time": lambda: table.assign(**{column: pd.Timestamp("2020-01-01")}),
        "empty": lambda: table.iloc[:0],
        "twice": lambda: pd.concat([table, table], ignore_index=True),
        "more": lambda: table.assign(x=1),
    }
    return made.get(change, lambda: table)(), origin


# ---- What becomes of them

KINDS: dict[str, Callable[[], Cases]] = {
    "lines": lines, "claims": claims, "checkpoints": checkpoints, "tables": tables
}  # fmt: skip


class Outcome(NamedTuple):
    """What a command made of a case: its status, and what is wrong with how it ended; nothing if it is all right."""

    status: int | None
    wrong: str
    line: str


def outcome(case: Case, folder: Path) -> Outcome:
    """What its command makes of a case, in `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                status = main([*case.words])
        except BaseException as error:  # SystemExit, too
            return Outcome(None, f"{type(error).__name__}: {error}"[:300], "")
    wrong = "; ".join(faults(case, status, out.getvalue(), err.getvalue(), folder))
    return Outcome(status, wrong, err.getvalue())


def faults(case: Case, status: int, out: str, err: str, folder: Path) -> Iterator[str]:
    """What is wrong with how a command ended."""
    finds = case.words[0] == FINDS
    if status == 0 or (finds and status == 1):
        yield from ["a line, and no status that says so"] if err else []
        return
    if status != (UNCHECKED if finds else 1):
        yield f"status {status}"
    line = err.removesuffix("\n")
    if (
        not line.strip()
        or not line.isprintable()
        or len(line) > LONGEST + max(map(len, (*case.words, str(folder))))
    ):
        yield f"not one line: {err[:300]!r}"
    if len(out.splitlines()) > 1:  # a job says when it starts
        yield f"printed: {out[:300]!r}"
    there = {path.name: path.read_bytes() if path.is_file() else b"" for path in folder.iterdir()}
    if there != dict(case.files):
        yield f"written: {sorted(there.keys() ^ case.files.keys()) or 'another content'}"


def prepared(kind: str, folder: Path) -> None:
    """Make what the cases of a kind are made of."""
    if kind == "tables" and not SOUND:
        folder.mkdir(parents=True)
        SOUND.append(small_results.made(folder))


def drawn(kind: str, number: int, folder: Path, first: int = 0) -> list[tuple[Case, Outcome]]:
    """`number` cases of a kind, the same for the same `first`, and their outcomes."""
    found: list[tuple[Case, Outcome]] = []

    @seed(first)
    @settings(max_examples=number, database=None, phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(KINDS[kind]())
    def run(case: Case) -> None:
        found.append((case, outcome(case, folder)))

    run()
    return found


def longer(kind: str, seconds: float, folder: Path) -> list[tuple[Case, Outcome]]:
    """Cases of a kind as long as there is time."""
    found: list[tuple[Case, Outcome]] = []
    late = time.monotonic() + seconds
    while time.monotonic() < late:
        found += drawn(kind, 25, folder, len(found))
    return found


def report(kind: str, found: Sequence[tuple[Case, Outcome]]) -> int:
    """Print how many cases there were and what was wrong with the first; how many failed."""
    failed = [(case, each) for case, each in found if each.wrong]
    for case, each in failed[:20]:
        print(f"FAILED {[word[:60] for word in case.words]}: {each.wrong}")
    refused = sum(each.status != 0 for _, each in found)
    print(f"{kind}: {len(found)} cases, {refused} of them refused; {len(failed)} failures", flush=True)
    return len(failed)


if __name__ == "__main__":
    command = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_argument("--seconds", type=float, default=60, help="for each kind")
    command.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="all, where none is named")
    asked, bad = command.parse_args(), 0
    with tempfile.TemporaryDirectory() as there:
        for kind in asked.kinds or KINDS:
            prepared(kind, Path(there, "sound"))
            bad += report(kind, longer(kind, asked.seconds, Path(there, "case")))
    sys.exit(bool(bad))
