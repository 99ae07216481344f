"""Malformed study files by the hundred, and what becomes of each.

    python tests/tools/malformed.py --files 1000 --snakemake 12

A file is config/smoke.yaml or config/standard.yaml with one thing wrong at one key, or no study at all. Each has to
end the command `decay` with one line that names the file, the key and what is allowed, and status 1, within two seconds
of processor time (on one thread: of time, where nothing else runs). Python's start, and Snakemake's, are not in them.
"""

import argparse
import contextlib
import io
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from support.checkouts import copied, snakemake_in  # noqa: E402

from carousel.__main__ import main  # noqa: E402

LIMIT = 2.0  # seconds of processor time for one file: reading, checking and telling
LONGEST = 900  # characters of a line, without the path
ENTRY = re.compile(r"(?P<lead>  - |    |)(?P<key>[a-z_]+):(?: (?P<value>[^#\n]*\S))?(?P<rest>\s*(#.*)?)")


class Case(NamedTuple):
    """A malformed file, and what its line has to have in it."""

    kind: str
    data: bytes
    told: tuple[str, ...]


class Entry(NamedTuple):
    """A key with a value on its own line."""

    path: str  # as in decay[0].hidden
    line: int
    key: str
    value: str


class Outcome(NamedTuple):
    """What became of a case: nothing in `wrong` if it went as it has to."""

    case: Case
    line: str
    seconds: float
    wrong: str


# What no key of a kind takes, as yaml. A value that stands in a list is tried alone and in one.
NO_VALUE = ["null", "~", "", "true", "{a: 1}", "{}", "[[]]", "!!binary aGk=", "!!timestamp 2001-01-01", "!!set {a}",
            "!!python/object/apply:os.system [ls]", "!!python/name:os.system", "!x 1", "&a 1", "*a", "[1", "{a", "'a",
            "\"\\x\"", "@a", "`a`", "%a", "a: b", "a:\tb: c", "? a", "\x00", "\x07", "\ufffe"]  # fmt: skip
NO_NUMBER = [*NO_VALUE, "text", "'1'", "''", "2001-01-01", "1:30", "0x10", "0b1", "1_0", "1e", "\uff11", "\u0663",
             ".nan", ".inf", "-.inf", "1e400", "-1e400", "[[1]]", "1" + "0" * 400, "9" * 5000]  # fmt: skip
NO_WHOLE = [*NO_NUMBER, "1.5", "1.0", "1e3", "010", "-1", "-1000000000000", "1" + "0" * 30, "1000000000"]
NO_NAME = [*NO_VALUE, "1", "1.5", "''", "' '", "nobody", "''''", "n" * 10_000, "{}", "[a]"]
TRICKS = ["../x", "/etc/passwd", ".", "..", "a/b", '"a\\nb"', '"a\\0b"', "x" * 65, "~root", "$HOME", "$(id)", "a b",
          "a;ls", "\u00e9t\u00e9", "gr\u0456d", '"\\u202egrid"', "-rf", "_x", "a.b", "'*'", "C:\\x", "a\\b", "%2e%2e",
          '"\\ud800"', "\u200bgrid", "e\u0301"]  # fmt: skip
KINDS: dict[str, tuple[list[str], str]] = {  # what is wrong, for keys that match
    "title": ([*NO_VALUE, "1", "''", "'  '", "x" * 201, '"a\\nb"', '"\\u202ea"', '"\\ud800"', '"\\e[31m"', "[a]"],
              "title"),
    "name": (NO_NAME, "device|dtype|init"),
    "names": (NO_NAME, "backends|cells|tasks|inits|measures|objectives|gradients|claims"),
    "label": ([*NO_NAME[:-3], *TRICKS], "slice"),
    "size": ([*NO_WHOLE, "0"], "repetitions|checked|batch|input_size|exponents|steps|test_size|evaluate_every|sequences"
             "|grid|population|generations|length|tuning_length|tuning_repetitions"),
    "sizes": ([*NO_WHOLE, "0"], "hidden|lengths|layers"),
    "rates": ([*NO_NUMBER, "-1", "0"], "learning_rates"),
    "switch": ([*NO_VALUE[:3], "1", "0", "text", "'true'", "[true]", "yes"], "climb|stop_when_solved"),
    "switches": ([*NO_VALUE[:3], "1", "0", "text", "'true'", "yes"], "residual"),
    "index": (NO_WHOLE, "seed|lags_per_octave|warm_up"),
    "indices": (NO_WHOLE, "snapshots"),
    "number": ([*NO_NUMBER, "-1"], "state_scale|clip"),
    "drive": ([*NO_NUMBER, "-1", "-1e-300", "task", "Unit", "unit noise", "[unit]"], "drives|drive"),
    "numbers": (NO_NUMBER, "gains|biases|forget_biases"),
    "bounds": ([*NO_NUMBER, "1", "[1]", "[1, 2, 3]", "[2, 1]", "[0, a]"], "gain|bias|forget_bias"),
}  # fmt: skip
NO_LIST = ["[]", "7", "text", "{}", "null", "[1, [1]]", "[1, 1.0]", "[,]", "[1 2", "- 1"]
TWINS = dict(zip("aceiopsxy", "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443", strict=True))
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{', '.join([f'*{chr(97 + i)}'] * 9)}]}}\n" for i in range(12)
)
FILES: dict[str, bytes] = {  # whole files that are no study
    "empty": b"", "blank": b"\n \n", "comment": b"# title: a\n", "null": b"null", "number": b"1", "list": b"- 1\n",
    "text": b"Smoke study", "bomb": BOMB.encode(), "bomb of merge keys": MERGES.encode(),
    "long strings shared": b"a: &a " + b"x" * 50_000 + b"\nb: [" + b"*a, " * 10_000 + b"]",
    "recursive": b"a: &a [*a]", "deep list": b"[" * 50_000, "deep mapping": b"{a: " * 20_000,
    "deep block": b"- " * 40_000, "deep by indents": b"".join(b" " * i + b"a:\n" for i in range(400)),
    "long key": b"x" * 90_000 + b": 1", "long comment": b"#" * 99_999, "too large": b"a" * 100_001,
    "very large": b"- a\n" * 10_000_000, "many keys": b"".join(b"k%d: 1\n" % i for i in range(8_000)),
    "many entries": b"seed: [" + b"1, " * 30_000 + b"1]", "many braces": b"seed: [" + b"{}, " * 20_000 + b"]",
    "open quotes": b"a: '" + b"x\n" * 40_000, "question marks": b"? " * 40_000, "colons": b":" * 90_000,
    "zeros": bytes(1000), "parquet": b"PAR1" + bytes(range(256)) + b"PAR1", "gzip": b"\x1f\x8b\x08\x00" + b"x" * 50,
    "utf-16": "title: a\n".encode("utf-16"), "utf-32": "title: a\n".encode("utf-32"), "latin-1": b"title: \xe9\n",
    "overlong": b"title: \xc0\xaf\n", "surrogate": b"title: \xed\xa0\x80\n", "byte order marks": b"\xef\xbb\xbf" * 2,
    "json": b'{"title": NaN}', "python": b"import os\nos.system('ls')\n", "markup": b"<html><script>1</script></html>",
    "ini": b"[decay]\ncells = lstm\n", "directive": b"%YAML 3.0\n--- {}\n", "tags": b"%TAG ! !python/\n--- 1\n",
    "pickle": b"cposix\nsystem\n(S'ls'\ntR.",
    "escape codes": b"\x1b[2Jtitle: a\n", "carriage returns": b"title: a\rseed: x\r",
}  # fmt: skip


def entries(text: str) -> list[Entry]:
    """The keys of a study file that have their value beside them."""
    found, part, index = [], "", -1
    for number, line in enumerate(text.splitlines()):
        match = ENTRY.fullmatch(line)
        if match and not match["lead"]:
            part, index = match["key"], -1
        if match:
            index += match["lead"] == "  - "
            path = f"{part}[{index}].{match['key']}" if match["lead"] else part
            value = match["value"] or ""
            whole = value and value.count("[") == value.count("]")
            found += [Entry(path, number, match["key"], value)] if whole else []
    return found


BASES = {name: (ROOT / "config" / f"{name}.yaml").read_text("utf-8") for name in ("smoke", "standard")}
ENTRIES = {name: entries(text) for name, text in BASES.items()}
WRONG = {key: wrong for wrong, keys in KINDS.values() for key in keys.split("|")}


def edited(text: str, entry: Entry, new: list[str]) -> bytes:
    """`text` with these lines for that of `entry`."""
    lines = text.splitlines()
    lines[entry.line : entry.line + 1] = new
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def with_value(text: str, entry: Entry, value: str) -> bytes:
    """`text` with another value at `entry`."""
    line = text.splitlines()[entry.line]
    return edited(text, entry, [f"{line.partition(':')[0]}: {value}"])


def with_key(text: str, entry: Entry, key: str) -> bytes:
    """`text` with another key at `entry`."""
    return edited(text, entry, [text.splitlines()[entry.line].replace(entry.key, key, 1)])


@st.composite
def misspelt(draw: st.DrawFn, word: str) -> str:
    """A word with one letter left out, doubled, exchanged or from another alphabet, or in capitals."""
    i = draw(st.integers(0, len(word) - 2))
    twin = TWINS.get(word[i], "\u00e9")
    forms = [word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:], word[:i] + twin + word[i + 1 :]]
    forms += [word[:i] + word[i + 1] + word[i] + word[i + 2 :], word.upper(), f"{word}\u200b"]
    return draw(st.sampled_from([form for form in forms if form != word]))


@st.composite
def at_a_key(draw: st.DrawFn) -> Case:
    """One thing wrong at one key of a study."""
    base = draw(st.sampled_from(["smoke"] * 3 + ["standard"]))
    text, entry = BASES[base], draw(st.sampled_from(ENTRIES[base]))
    in_list = entry.value.startswith("[") and entry.key not in KINDS["bounds"][1].split("|")
    change = draw(
        st.sampled_from(["value"] * 5 + ["name", "key", "missing", "twice", "unknown", "tab", "merge"])
    )
    head = f"{text.splitlines()[entry.line]}\n"
    if change == "value":
        value = draw(st.sampled_from(WRONG[entry.key] + NO_LIST * in_list))
        value = f"[{value}]" if in_list and value not in NO_LIST and draw(st.booleans()) else value
        return Case(f"value {value[:20]!r}", with_value(text, entry, value), place(entry, value))
    if change == "name" and entry.key in ("cells", "inits", "tasks", "backends", "dtype", "measures", "init"):
        name = draw(
            st.sampled_from([each for each in re.findall(r"\w+", entry.value) if each != "all"] or ["lstm"])
        )
        wrong = draw(misspelt(name))
        value = f"[{wrong}]" if in_list or entry.value == "all" else wrong
        return Case("name", with_value(text, entry, value), (entry.path, "found '", "nearest: "))
    if change in ("key", "name"):
        return Case(
            "key", with_key(text, entry, draw(misspelt(entry.key))), ("unknown key; allowed: ", "nearest: ")
        )
    if change == "missing" and not head.startswith("  - "):
        return Case("missing", edited(text, entry, []), (f"{entry.path}: missing",))
    new = {"tab": "\t" + head.strip(), "merge": "    <<: {slice: a}", "unknown": "    x\u00e9: 1"}.get(
        change, head[:-1]
    )
    if change in ("merge", "unknown") and entry.path in ("title", "seed"):
        new = new.strip()
    told = {"tab": (), "merge": ("'<<': unknown key",), "unknown": ("'x\\xe9': unknown key; allowed: ",)}
    new = new.replace("  - ", "    ")
    return Case(
        change, edited(text, entry, [head[:-1], new]), told.get(change, (f"key '{entry.key}' stands twice",))
    )


def place(entry: Entry, value: str) -> tuple[str, ...]:
    """What the line has to say of where it went wrong: the key, or the line where it is not yaml at all."""
    if value[:1] and value[0] in "'[{\"":  # may end anywhere below
        return (f"line |{entry.path}",)
    return (f"line {entry.line + 1}|line {entry.line + 2}|{entry.path}",)


@st.composite
def cut(draw: st.DrawFn) -> Case:
    """A study cut short before its last key."""
    data = BASES["smoke"].encode()
    return Case("cut", data[: draw(st.integers(0, len(data) - 60))], ())


@st.composite
def no_study(draw: st.DrawFn) -> Case:
    """Bytes or text that nobody would call a study, or one of FILES."""
    name = draw(st.sampled_from(["", "", *FILES]))
    data = (
        FILES[name]
        if name
        else draw(st.binary(max_size=200) | st.text(max_size=100).map(lambda t: t.encode()))
    )
    return Case(name or "random", data, ())


MALFORMED = st.one_of(at_a_key(), at_a_key(), at_a_key(), at_a_key(), cut(), no_study())


def cases(files: int) -> list[Case]:
    """All of FILES, and as many different cases more as make `files`; the same at every call."""
    found = {data: Case(name, data, ()) for name, data in FILES.items()}

    @settings(max_examples=2 * files, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(MALFORMED)
    def draw(case: Case) -> None:
        if len(found) < files:
            found.setdefault(case.data, case)

    draw()
    return list(found.values())


def outcomes(wanted: list[Case], folder: Path) -> list[Outcome]:
    """What the command `decay` makes of the cases."""
    outcome(wanted[0], folder)  # the first call imports what the command needs
    return [outcome(case, folder) for case in wanted]


def outcome(case: Case, folder: Path) -> Outcome:
    """What the command `decay` makes of a case."""
    path = folder / "mine.yaml"
    path.write_bytes(case.data)
    paths = [f"--{name}={folder / name}" for name in ("cache", "out")]
    err, start = io.StringIO(), time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
            status = main(["decay", f"--study={path}", "--backend=numpy", "--cell=lstm", *paths])
    except BaseException as error:
        return Outcome(case, "", 0.0, f"{type(error).__name__}: {error}"[:200])
    seconds, line = time.process_time() - start, err.getvalue()
    wrong = [*faults(line, str(path), case.told), *(["took too long"] if seconds > LIMIT else [])]
    wrong += [f"status {status}"] if status != 1 else []
    wrong += ["something was started"] if [*folder.iterdir()] != [path] else []
    return Outcome(case, line.strip(), seconds, "; ".join(wrong))


def faults(text: str, path: str, told: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with what was said of a file."""
    if len(text.splitlines()) != 1 or not text.startswith(f"{path}: "):
        yield "not one line that names the file"
    if "allowed" not in text and "every key is required" not in text:
        yield "not what is allowed"
    if len(text) - len(path) > LONGEST or not text.isascii():
        yield "too long, or not plain"
    yield from (f"without {part}" for part in told if not any(each in text for each in part.split("|")))


def through_snakemake(wanted: list[Case], checkout: Path) -> list[Outcome]:
    """What the pipeline makes of the cases, in a copy of the repository."""
    found, path = [], checkout / "config" / "bad.yaml"
    for case in wanted:
        path.write_bytes(case.data)
        start = time.perf_counter()
        run = snakemake_in(checkout, "--config", "study=bad")
        lines = [line for line in run.stderr.splitlines() if not line.startswith("Using workflow")]
        said = "\n".join(lines)
        wrong = [
            *faults(said, "config/bad.yaml", case.told),
            *([f"status {run.returncode}"] * (run.returncode != 1)),
        ]
        wrong += ["something was started"] if (checkout / "results").exists() else []
        found.append(Outcome(case, said, time.perf_counter() - start, "; ".join(wrong)))
    return found


def report(name: str, found: list[Outcome]) -> int:
    """Print the figures and the first failures; how many failed."""
    failed = [each for each in found if each.wrong]
    for each in failed[:20]:
        print(f"FAILED {each.case.kind}: {each.wrong}\n   {each.line[:300]}")
    slowest = max(found, key=lambda each: each.seconds)
    kinds = len({each.case.kind for each in found})
    print(f"{name}: {len(found)} different files of {kinds} kinds; {len(failed)} failures; "
          f"slowest {slowest.seconds:.2f} s ({slowest.case.kind})")  # fmt: skip
    return len(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--snakemake", type=int, default=0, help="how many of them through Snakemake as well")
    options = parser.parse_args()
    chosen = cases(options.files)
    with tempfile.TemporaryDirectory() as there:
        bad = report("the command decay", outcomes(chosen, Path(there)))
    if options.snakemake:
        with tempfile.TemporaryDirectory() as there:
            some = chosen[:: max(1, len(chosen) // options.snakemake)][: options.snakemake]
            bad += report("snakemake", through_snakemake(some, copied(Path(there))))
    sys.exit(bool(bad))
