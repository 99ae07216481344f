"""Quarto and the embedded chain make the same page of the same results."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.report_results import make_results, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("quarto") is None,
        reason="there is no quarto on PATH (its packages on PyPI fetch it from GitHub; npm and Debian have none)",
    ),
]
LEFT_OUT = ("style", "script")


class Parts(HTMLParser):
    """Headings, ids, tables' cells, images and words of a page's main part."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.images: list[str] = []
        self.cells = 0
        self.said: dict[str, list[str]] = {"heading": [], "text": []}
        self.feed(source[source.index("<main") : source.index("</main>")])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.images += [str(given["href"])] if tag == "image" else []
        self.cells += tag in ("td", "th")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {*LEFT_OUT} & {*self.open}:
            heading = any(re.fullmatch("h[1-6]", tag) for tag in self.open)
            self.said["heading" if heading else "text"].append(data)

    def words(self, kind: str) -> str:
        """All that is said, with single spaces, but for the name of the renderer."""
        return re.sub(r"rendered by [^.]*\)?\.", "", " ".join("".join(self.said[kind]).split()))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Parts, Parts]:
    """The page of planted results by Quarto, and by the embedded chain."""
    results = make_results(tmp_path_factory.mktemp("results"))
    found = []
    for renderer in ("quarto", "embedded"):
        out: Path = results / f"{renderer}.html"
        done = run(results, out, "--renderer", renderer)
        assert done.returncode == 0, done.stderr
        found.append(Parts(out.read_text("utf-8")))
    return found[0], found[1]


def test_headings_ids_images_and_tables_are_the_same(both: tuple[Parts, Parts]) -> None:
    quarto, embedded = both
    assert len(embedded.ids) > 50 and embedded.cells > 100 and embedded.images
    assert quarto.words("heading") == embedded.words("heading")
    assert (quarto.ids, quarto.images, quarto.cells) == (embedded.ids, embedded.images, embedded.cells)


def test_every_number_is_the_same(both: tuple[Parts, Parts]) -> None:
    quarto, embedded = (re.findall(r"\d[\d.,]*", parts.words("text")) for parts in both)
    assert len(embedded) > 500 and quarto == embedded
