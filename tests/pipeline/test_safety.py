"""Files are data: nothing that is loaded can run, and text from files stays text in the report."""

import ast
import html
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pypandoc
import pytest
from hypothesis import Phase, given, settings, strategies as st

from carousel.report.page import markup, pandoc, pictures, provenance

ROOT = Path(__file__).parents[2]

# ---- No code is loaded from data

FORBIDDEN = re.compile(
    r"(c?pickle|dill|cloudpickle|shelve|marshal|joblib)(\..*)?|(.*\.)?(read_pickle|to_pickle|unsafe_load|full_load"
    r"|unsafe_load_all|full_load_all|load_module|exec_module)|eval|exec|compile|__import__|os\.(system|popen)"
)
CHECKED = {  # calls that are safe with these arguments alone
    "torch.load": ("weights_only", "True"),
    "yaml.load": ("Loader", "_Loader"),
    "subprocess.run": ("shell", ""),
    "subprocess.Popen": ("shell", ""),
    "np.load": ("allow_pickle", ""),
    "numpy.load": ("allow_pickle", ""),
}
ALLOWED = {  # where code is made on purpose, from our own tables and from nothing that a file of results says
    ("benchmarks/gpu/launch.py", "exec"),  # the kernels' source, which source.py writes from the cells
    ("benchmarks/gpu/launch.py", "compile"),
    ("src/carousel/report/page/pandoc.py", "exec"),  # the cells of our own report/index.qmd
}
FILES = [
    *(ROOT / "src").rglob("*.py"),
    *(ROOT / "report").glob("*.py"),
    *(ROOT / "benchmarks").rglob("*.py"),
    ROOT / "Snakefile",
]


def found(file: Path, allowed: set[tuple[str, str]] = ALLOWED) -> list[tuple[str, str]]:
    """What a file has that could run what it loads."""
    name, text = str(file.relative_to(ROOT)), file.read_text()
    tree = ast.parse(text) if file.suffix == ".py" else ast.parse("")
    used = [name for node in ast.walk(tree) for name in names(node)]
    if file.suffix != ".py":
        used = re.findall(r"[\w.]+(?=\()", text)
    return [(name, each) for each in used if FORBIDDEN.fullmatch(each) and (name, each) not in allowed]


def names(node: ast.AST) -> list[str]:
    """The modules that a statement imports, or what an expression calls, marked where its arguments are unsafe."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
    if not isinstance(node, ast.Call):
        return []
    called = ast.unparse(node.func)
    key, wanted = CHECKED.get(called, ("", ""))
    given_ = {each.arg: ast.unparse(each.value) for each in node.keywords}
    return ["eval"] if key and given_.get(key, "") != wanted else [called]


def test_no_pickle_is_loaded_and_no_text_is_run() -> None:
    assert len(FILES) > 150
    assert [each for file in FILES for each in found(file)] == []


def test_what_may_make_code_still_does() -> None:
    assert {each for file in FILES for each in found(file, set())} == ALLOWED


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from cloudpickle import loads", "import joblib", "pd.read_pickle(p)", "torch.load(p)", "eval(x)",
     "torch.load(p, weights_only=False)", "np.load(p, allow_pickle=True)", "yaml.load(t, Loader=yaml.Loader)",
     "yaml.load(t)", "yaml.unsafe_load(t)", "exec(t)", "os.system(c)", "subprocess.run(c, shell=True)",
     "import shelve"],
)  # fmt: skip
def test_the_search_finds(code: str) -> None:
    assert any(FORBIDDEN.fullmatch(name) for node in ast.walk(ast.parse(code)) for name in names(node))


# ---- Text in the report

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</title></head><body onload=x>", "&lt;b&gt; &amp;",
    "# a heading", "## two ##", "[a](javascript:alert(1))", "![a](http://x.org/a.png)", "<http://x.org>", "http://x.org",
    "`code`", "``` {=html}", "`<b>`{=html}", "```{=html}", "~~~", "$x$", "$$x$$", "\\(x\\) \\[y\\]", "\\textbf{x}",
    "{{< pagebreak >}}", "{{< include /etc/passwd >}}", "::: {.x}", ":::", "[x]{.failed onclick=y}", "@nobody [@x]",
    "a | b | c", "|---|", "1. one", "- one", "* one", "> said", "    indented", "---", "===", "Term\n: definition",
    "*a* **b** _c_ ~d~ ^e^ ~~f~~", "[^1] ^[note]", "(@ex) (1) i) a.", "\"quotes\" 'and' -- --- ...", "x\\", "\\",
    "<!-- a", "<?php x ?>", "<![CDATA[x]]>", ":smile:", "\n\n# new\n\n", "title: x\n---\n", "\u202eright to left",
    "\u0410\u0430 \u7814\u7a76 \U0001f600", "%s {0} {x!r}", "#| eval: true", "```{python}\nprint(1)\n```",
]  # fmt: skip


class Text(HTMLParser):
    """The text of each paragraph, and what other elements there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.paragraphs: list[str] = []
        self.others: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "p" and not attrs:
            self.paragraphs.append("")
        else:
            self.others.add(tag)

    def handle_data(self, data: str) -> None:
        if self.paragraphs:
            self.paragraphs[-1] += data


def rendered(text: str, folder: Path) -> str:
    """Markdown through pandoc, as the embedded chain calls it."""
    options = [
        each
        for each in pandoc.PANDOC
        if each.startswith(("--from", "--to", "--mathml", "--citeproc", "--fail"))
    ]
    command = [pypandoc.get_pandoc_path(), *options]
    return subprocess.run(command, input=text, cwd=folder, capture_output=True, text=True, check=True).stdout


def plain(text: str) -> str:
    return " ".join(text.split())


def assert_stays_text(texts: list[str], folder: Path) -> None:
    """Each is a paragraph that shows it, and nothing else."""
    page_ = Text(rendered("\n\n".join(f"x{markup.escape(text)}" for text in texts), folder))
    assert [plain(each) for each in page_.paragraphs] == [plain(f"x{plain(text)}") for text in texts]
    assert page_.others == set()
    cells = rendered(markup.table("a", ("b",), [(markup.escape(text),) for text in texts], (1,)), folder)
    assert cells.count("<td>") + cells.count('<td style="') == len(texts)
    assert not re.search(r"<(script|img|a|b|h\d|code|math|strong|em)\b", cells)


def test_what_looks_like_markup_stays_text(tmp_path: Path) -> None:
    assert_stays_text(HOSTILE, tmp_path)


@settings(max_examples=5, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), min_size=1), min_size=20
    )
)
def test_any_text_stays_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    texts = [plain(text) for text in texts]
    assert_stays_text([text for text in texts if text], tmp_path_factory.getbasetemp())


def test_what_a_study_and_a_machine_are_called_stays_text(tmp_path: Path) -> None:
    import pandas as pd

    claims = pd.DataFrame({"id": ["Q1"], "verdict": ["supported"]})
    for text in HOSTILE:
        origin = {"title": text, "machine": text, text: [text, "b"], "numpy": {text: text}}
        data = SimpleNamespace(
            claims=claims, origins={"claims.parquet": origin}, renderer=text, results=tmp_path / "x"
        )
        said = provenance.provenance(data), provenance.colophon(data)
        assert all(markup.escape(text) in part for part in said)
        bare = [part.replace(markup.escape(text), "") for part in said]
        assert not any(set("<>`$@!&") & set(part) for part in bare)


def test_the_caption_of_a_picture_cannot_leave_its_attribute(tmp_path: Path) -> None:
    (tmp_path / "narrow").mkdir()
    for place in (tmp_path, tmp_path / "narrow"):
        (place / "a.svg").write_text('<svg viewBox="0 0 1 1"/>')
    for text in HOSTILE:
        block = pictures.picture(tmp_path / "a.svg", text)
        labels = re.findall(r'<svg class="\w+" role="img" aria-label="([^"]*)" viewBox="[^"]*">', block)
        assert [*map(html.unescape, labels)] == [text, text]
