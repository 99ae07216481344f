"""The figures on the page, by reference: each drawing stands there once, for wide windows and once for phones."""

import re
from pathlib import Path

from carousel.report.page.markup import attribute, html
from carousel.report.page.source import FOLDER


def picture(path: Path, alt: str, title: str = "", caption: str = "", source: str = "") -> str:
    """A figure by reference: its drawing for a wide window and that for a phone stand in `drawings`, once.

    path: of the SVG file. title: what the figure shows, above it; caption: how to read it, source: where its numbers
    are, below it; all three are HTML already.
    """
    name = path.stem
    label = attribute(alt)
    shown = "".join(
        f'<svg class="{kind}" role="img" aria-label="{label}" viewBox="{view_box(file)}">'
        f'<use href="#{name}-{kind}"/></svg>'
        for kind, file in both(path).items()
    )
    below = f'{caption} <span class="source">{source} {saved(name)}</span>'
    head = f'<p class="title">{title}</p>' if title else ""
    return html(f'<figure class="picture">{head}{shown}<figcaption>{below.strip()}</figcaption></figure>')


def both(path: Path) -> dict[str, Path]:
    """The files of a figure: for a wide window, and for a phone."""
    return {"wide": path, "narrow": path.parent / "narrow" / path.name}


def numbers(path: Path) -> Path:
    """The file of the numbers that a figure draws."""
    return path.parent / "data" / f"{path.stem}.csv"


def saved(name: str) -> str:
    """The links that save a figure and its numbers; pictures.js shows and fills them from what `drawings` holds."""
    return (
        f'<a class="save" href="#{name}-wide" download="{name}.svg" hidden>Save the figure</a> '
        f'<a class="save" href="#{name}-data" download="{name}.csv" hidden>Save its data</a>'
    )


def drawings(folder: Path) -> str:
    """All drawings of a folder as images, so that ids and styles stay their own, their numbers, and a script."""
    shown = [folder / path.name for path in sorted((folder / "narrow").glob("*.svg"))]
    images = "".join(
        f'<image id="{path.stem}-{kind}" {size(file)} href="{data_uri(file)}"/>'
        for path in shown
        for kind, file in both(path).items()
    )
    held = "\n".join(
        f'<script type="text/csv" id="{path.stem}-data">\n{numbers(path).read_text("utf-8")}</script>'
        for path in shown
    )
    script = f"<script>{(FOLDER / 'pictures.js').read_text('utf-8')}</script>"
    return html(
        f'<svg class="drawings" width="0" height="0" aria-hidden="true"><defs>{images}</defs></svg>\n{held}\n{script}'
    )


def data_uri(path: Path) -> str:
    """An SVG file as an address, shorter than in base64."""
    text = path.read_text("utf-8").strip()
    return "data:image/svg+xml;charset=utf-8," + re.sub(
        r"[%#<>&\"'\n]", lambda sign: f"%{ord(sign[0]):02x}", text
    )


def view_box(path: Path) -> str:
    """The box that a drawing fills. Raises ValueError for a file without one."""
    found = re.search(r'viewBox="([^"]+)"', path.read_text("utf-8"))
    if not found:
        raise ValueError(f"{path} has no viewBox; allowed: an SVG file as `carousel draw` writes it")
    return found[1]


def size(path: Path) -> str:
    """Width and height of a drawing, as attributes."""
    _, _, width, height = view_box(path).split()
    return f'width="{width}" height="{height}"'
