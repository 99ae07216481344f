"""The drawing of the three ways back from one memory cell to the one before."""

from carousel.report.page.markup import html

ROUTES = (  # class, path of the arrow, its label, where that stands and which end of it
    ("cell", "M430,52 C330,22 250,22 150,52", "carousel: × forget gate", 290, 20, "middle"),
    ("candidate", "M430,66 C350,92 250,128 152,140", "candidate: × i × tanh′ × R", 172, 86, "start"),
    ("gates", "M438,74 C380,150 280,182 152,152", "gates: × σ′ × R", 356, 158, "start"),
    ("into", "M120,118 L120,88", "× output gate × tanh′", 64, 196, "start"),
)
NODES = (("c", "t−1", 120, 58), ("c", "t", 460, 58), ("h", "t−1", 120, 146))
TITLE = (
    "An error goes back from c at t to c at t−1 along the carousel, through the candidate, or through a gate"
)


def diagram() -> str:
    """The figure: memory cells and output as circles, the routes as arrows with what each multiplies by."""
    parts = [*map(_head, (route[0] for route in ROUTES)), *(_arrow(*route) for route in ROUTES)]
    parts += [_node(*node) for node in NODES]
    svg = f'<svg viewBox="60 0 440 204" role="img" aria-label="{TITLE}">{"".join(parts)}</svg>'
    return html(f'<figure class="diagram">{svg}</figure>')


def _head(name: str) -> str:
    """The head of an arrow, by which its line ends."""
    box = 'viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
    return f'<marker id="head-{name}" {box}><path class="{name} head" d="M0,0 L8,4 L0,8 z"/></marker>'


def _arrow(name: str, path: str, label: str, x: int, y: int, anchor: str) -> str:
    """A route and its label."""
    line = f'<path class="{name}" d="{path}" marker-end="url(#head-{name})"/>'
    return f'{line}<text class="{name}" x="{x}" y="{y}" text-anchor="{anchor}">{label}</text>'


def _node(letter: str, time: str, x: int, y: int) -> str:
    """A circle with a letter and its time as an index."""
    index = f'<tspan font-size="10" dy="4">{time}</tspan>'
    name = f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-style="italic">{letter}{index}</text>'
    return f'<circle cx="{x}" cy="{y}" r="26"/>{name}'
