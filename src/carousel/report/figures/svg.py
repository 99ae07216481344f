"""A figure as a small SVG file: text as text, light and dark in one, the same figure the same bytes."""

import io
import math
import re
import textwrap
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter

from carousel.analysis.text import power
from carousel.report.figures.dark import DARK_INK, DARK_PAPER, PAPER, in_dark
from carousel.report.figures.labels import LETTER, TEXT, move_out, spread_labels

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
SPACE, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
PAINT = ("fill", "stroke")
REST = {
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
    "font-size": f"{TEXT:g}px",
    "stroke-dashoffset": "0",
    "font-family": "'DejaVu Sans',Verdana,sans-serif",
}


def save(figure: Figure, path: Path) -> None:
    """Write a figure, laid out for the page."""
    path.write_text(text(figure), encoding="utf-8")


def text(figure: Figure) -> str:
    """Return a figure, laid out for the page."""
    canvas, dpi = FigureCanvasSVG(figure), figure.dpi
    lay_out(figure)  # with the text sizes of SVG, so that once is enough
    figure.set_layout_engine("none")
    figure.dpi = dpi
    drawn = io.StringIO()
    canvas.print_svg(drawn, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return small(drawn.getvalue())


def lay_out(figure: Figure) -> None:
    """Write powers of ten as such, break titles and labels that are too long for their panel, place labels."""
    write_powers(figure)
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    move_out(figure)
    for ax in figure.axes:
        fit(ax, figure)
    spread_labels(figure)


def fit(ax: Axes, figure: Figure) -> None:
    """Break the title of a panel where the next one begins, and the label of its x axis half-way to it."""
    box, others = ax.get_position(), [other.get_position() for other in figure.axes]
    left = max((other.x1 for other in others if other.x1 <= box.x0), default=-box.x0)
    right = min((other.x0 for other in others if other.x0 >= box.x1), default=1.0)
    middle = (box.x0 + box.x1) / 2
    end = (right + box.x1) / 2 if right < 1 else 1.0
    for text, room in (
        (ax._left_title, right - box.x0),  # type: ignore[attr-defined]
        (ax.xaxis.label, 2 * min(middle - (left + box.x0) / 2, end - middle)),
    ):
        text.set_text(wrapped(text.get_text(), max(int(room * figure.get_figwidth() / LETTER), 8)))


def wrapped(text: str, letters: int) -> str:
    """Return the text in lines of at most so many letters; its own lines stay apart."""
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, letters) or [""])


def write_powers(figure: Figure) -> None:
    """Write the numbers on logarithmic axes in the size of the other text, their exponents too."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            axis.set_major_formatter(FuncFormatter(lambda value, _: in_full(value)))
            axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def in_full(value: float) -> str:
    """Return a number from a thousandth to 10,000 in full, another as a power of ten."""
    decades = math.log10(value)
    return f"{value:,.{max(0, -math.floor(decades))}f}" if -3 <= decades <= 4 else power(decades)


def small(source: str) -> str:
    """Return matplotlib's SVG without what a browser does not need, a class for each style, and dark colours."""
    root = ElementTree.fromstring(source)
    root.attrib = {"viewBox": root.attrib["viewBox"]}
    short = shared(root)
    prune(root)
    classes: dict[str, str] = {}
    names = short_names()
    for element in root.iter():
        shorten(element, short)
        if style := styled(element):
            if style not in classes:
                classes[style] = next(names)
            element.set("class", classes[style])
    flatten(root)
    sheet = Element(f"{SPACE}style")
    sheet.text = rules(classes)
    root.insert(0, sheet)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def shared(root: Element) -> dict[str, str]:
    """Return a short name for each id that something refers to."""
    values = " ".join(value for element in root.iter() for value in element.attrib.values())
    return {name: f"_{place}" for place, name in enumerate(dict.fromkeys(re.findall(r"#(\w{8,})", values)))}


def short_names() -> Iterator[str]:
    """Yield a, b, ... z, aa, ab, ..."""
    yield from ascii_lowercase
    yield from ("".join(pair) for pair in product(ascii_lowercase, repeat=2))


def prune(parent: Element) -> None:
    """Drop metadata, matplotlib's own style, and white space between elements."""
    parent.tail = None
    if parent.tag != f"{SPACE}text":
        parent.text = None
    for child in [*parent]:
        if child.tag in (f"{SPACE}metadata", f"{SPACE}style"):
            parent.remove(child)
        prune(child)


def shorten(element: Element, short: dict[str, str]) -> None:
    """Shorten an element's coordinates and the ids that something refers to; drop other ids and turns by nothing."""
    given = {key.removeprefix(XLINK): value for key, value in element.attrib.items()}
    name = short.get(given.pop("id", ""))
    if name and element.tag == f"{SPACE}path":
        given.pop("style", None)  # that of each place where it stands holds
    kept = {key: value for key, value in given.items() if not value.startswith("rotate(-0 ")}
    element.attrib = {key: shorter(key, value, short) for key, value in kept.items()}
    element.attrib |= {"id": name} if name else {}


def shorter(key: str, value: str, short: dict[str, str]) -> str:
    """Return an attribute with short ids, as many digits as the page shows, and no space around a path's letters."""
    if value.startswith("data:"):
        return value
    value = re.sub(r"#(\w{8,})", lambda found: f"#{short[found[1]]}", value)
    if key in ("style", "href"):
        return value
    value = re.sub(r"-?\d+\.\d+(e-?\d+)?", lambda found: rounded(float(found[0])), value)
    return re.sub(r"\s*\b([MLQCz])\b\s*", r"\1", value).strip()


def rounded(value: float) -> str:
    """Return a coordinate in tenths of a point, which are sevenths of a pixel."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def styled(element: Element) -> str:
    """Remove an element's style and return it, in the order of its names, without what holds for all."""
    parts = [part.split(":", 1) for part in element.attrib.pop("style", "").split(";") if part.strip()]
    pairs = sorted((name.strip(), value.strip()) for name, value in parts)
    own = (
        (name, value) for name, value in pairs if name != "font-family" and value not in ("", REST.get(name))
    )
    return ";".join(f"{name}:{value}" for name, value in own)


def flatten(parent: Element) -> None:
    """Replace groups without attributes by what they hold; a style that all in a group have is the group's."""
    for child in [*parent]:
        flatten(child)
        if child.tag == f"{SPACE}g" and not child.attrib or child.tag == f"{SPACE}defs" and not len(child):
            place = [*parent].index(child)
            parent[place : place + 1] = [*child]
    style = {child.get("class") for child in parent}
    if parent.tag == f"{SPACE}g" and len(parent) > 1 and len(style) == 1 and None not in style:
        parent.set("class", str(style.pop()))
        for child in parent:
            del child.attrib["class"]


def rules(classes: dict[str, str]) -> str:
    """Return the style of the classes on light paper, and their colours on dark paper."""
    rest = "".join(f"{name}:{value};" for name, value in REST.items())
    light = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    dark = "".join(f".{name}{{{paint}}}" for style, name in classes.items() if (paint := repainted(style)))
    return (
        f"svg{{background:{PAPER};{rest}}}{light}"
        f"@media(prefers-color-scheme:dark){{svg{{background:{DARK_PAPER};fill:{DARK_INK}}}{dark}}}"
    )


def repainted(style: str) -> str:
    """Return the colours of a style on dark paper."""
    paint = (part.split(":") for part in style.split(";"))
    return ";".join(f"{name}:{in_dark(value)}" for name, value in paint if name in PAINT and value[0] == "#")
