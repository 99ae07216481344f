"""The hero without its control: one small drawing per forget bias, in a file that other pages can show."""

from carousel.report.hero.lines import Lines
from carousel.report.hero.picture import NARROW, drawing
from carousel.report.hero.words import where

BIASES = ("0", "1", "3", "chrono")  # those of the drawings, of what was measured
BESIDE = 12  # pixels between two drawings
TOP = 34  # pixels for the title of a drawing
COLOURS = {
    "full": "#0b5394",
    "candidate": "#0b6b3a",
    "cell": "#b3550a",
    "rival": "#6b6b6b",
}  # as in style.css
STYLE = (
    "text{font-family:Arial,'Liberation Sans','DejaVu Sans',sans-serif;fill:#1f2328}.grid{stroke:#d4d7db}"
    ".floor{stroke:#57606a;stroke-dasharray:3 3}polyline{fill:none;stroke-width:2}"
    "polyline.full{stroke-width:3.2}polyline.candidate{stroke-dasharray:2 3}polyline.cell{stroke-dasharray:7 3}"
    + "".join(
        f"polyline.{name}{{stroke:{colour}}}text.{name}{{fill:{colour}}}"
        f"polygon.{name}{{fill:{colour};opacity:.2}}"
        for name, colour in COLOURS.items()
    )
)
NOTHING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>\n'  # of a study without an LSTM


def still(lines: Lines) -> str:
    """Return an SVG file with two drawings beside each other and as many rows as it takes."""
    shown = [bias for bias in BIASES if bias in lines.biases] or lines.biases[:4]
    width, height = NARROW.width + BESIDE, NARROW.height + TOP
    parts = [
        f'<g transform="translate({width * (place % 2)} {height * (place // 2) + TOP})">'
        f'<text x="{NARROW.left}" y="-8" font-weight="bold">{where(bias).rstrip(",")}</text>'
        f"{drawing(lines, NARROW, bias)}</g>"
        for place, bias in enumerate(shown)
    ]
    size = 2 * width - BESIDE, height * -(-len(shown) // 2)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-size="{NARROW.text:g}">'
    paper = f'<rect width="{size[0]}" height="{size[1]}" fill="#fff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *parts, "</svg>"]) + "\n"
